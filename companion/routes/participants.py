"""Who else takes part in a booking, and interpreters."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from auth.permissions import Action
from companion.identity import Caller, asks
from companion.models.bookings import Booking, InterpreterOrder
from companion.routes.bookings import Changer, Lister, ParticipantIn, Reader
from companion.routes.shapes import Day, HsaId, Input, Name, ObjectId, Output
from companion.store import participants as store
from companion.store.bookings import own_booking

router = APIRouter(tags=["bookings"])

Planner = Annotated[Caller, asks(Action.BOOKING_MARK)]


class ParticipantOut(Output):
    """Somebody who takes part."""

    participant_id: str
    kind: str
    staff_hsa_id: str | None
    person_id: str | None


class InterpreterIn(Input):
    """Who comes; null: nobody yet."""

    name: Name | None


class InterpreterOut(Output):
    """An interpreter that is ordered for a booking."""

    booking_id: str
    language: str
    state: str
    """`ordered`, `assigned` or `cancelled`."""
    assigned_to: str | None
    starts_at: datetime
    ends_at: datetime


def _order(order: InterpreterOrder, booking: Booking) -> InterpreterOut:
    fields = {name: getattr(order, name) for name in InterpreterOut.model_fields}
    return InterpreterOut(**fields | {"starts_at": booking.starts_at, "ends_at": booking.ends_at})


@router.get("/bookings/{booking_id}/participants")
async def list_participants(booking_id: ObjectId, caller: Reader) -> list[ParticipantOut]:
    """Who takes part beside the patient and the unit."""
    async with caller.transaction() as transaction:
        await own_booking(transaction, caller, booking_id, lock=False)
        return [ParticipantOut.model_validate(one) for one in await store.of_booking(transaction, booking_id)]


@router.post("/bookings/{booking_id}/participants", status_code=201)
async def add_participant(booking_id: ObjectId, body: ParticipantIn, caller: Changer) -> ParticipantOut:
    """Ask somebody more (staff): a clinician of any unit, a relative, an interpreter."""
    async with caller.transaction() as transaction:
        booking = await own_booking(transaction, caller, booking_id)
        (made,) = await store.add(transaction, caller, booking, [store.Guest(**body.model_dump())])
        store.changed(transaction, booking)
        return ParticipantOut.model_validate(made)


@router.delete("/bookings/{booking_id}/participants/{participant_id}", status_code=204)
async def remove_participant(booking_id: ObjectId, participant_id: ObjectId, caller: Planner) -> None:
    """Somebody takes part no more."""
    async with caller.transaction() as transaction:
        booking = await own_booking(transaction, caller, booking_id)
        await store.remove(transaction, booking, participant_id)
        store.changed(transaction, booking)


@router.get("/units/{hsa_id}/interpreter-orders")
async def list_orders(hsa_id: HsaId, caller: Lister, day: Annotated[Day, Query()]) -> list[InterpreterOut]:
    """The interpreters that are ordered for a day of a unit."""
    async with caller.transaction() as transaction:
        rows = await store.interpreter_orders(transaction, caller, hsa_id, day)
        return [_order(order, booking) for order, booking in rows]


@router.put("/bookings/{booking_id}/interpreter")
async def assign(booking_id: ObjectId, body: InterpreterIn, caller: Planner) -> InterpreterOut:
    """Who comes as the interpreter, as the agency said. A booking that is moved waits for another answer."""
    async with caller.transaction() as transaction:
        booking = await own_booking(transaction, caller, booking_id)
        return _order(await store.assign_interpreter(transaction, caller, booking, body.name), booking)
