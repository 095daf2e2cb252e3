"""The reserve list and the drop-in counter."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import Field

from auth.permissions import Action
from companion.idempotency import Key, once
from companion.identity import Caller, asks, public
from companion.routes.bookings import BookingOut, InterpreterLanguage, Marker, shown
from companion.routes.organisation import WHY_PUBLIC
from companion.routes.shapes import Day, HsaId, Input, ObjectId, Output, PersonId
from companion.routes.slots import Booker, whom
from companion.rules.local_time import local
from companion.rules.masking import Surface
from companion.rules.masking import shown as masked
from companion.services import Services
from companion.store import drop_in
from companion.store import reserve as store
from companion.store.bookings import Wish
from companion.store.chains import identity_of
from companion.transaction import Transaction

router = APIRouter(tags=["reserve list, drop-in"])

Lister = Annotated[Caller, asks(Action.BOOKING_LIST)]
Scheduler = Annotated[Caller, asks(Action.SCHEDULE_ADMIN)]


class ReserveIn(Input):
    """Who wants what."""

    time_type_id: ObjectId
    patient_person_id: PersonId | None = None


class ReserveOut(Output):
    """A place on the reserve list."""

    entry_id: str
    unit_hsa_id: str
    time_type_id: str
    state: str
    hold_id: str | None


class WaitingOut(ReserveOut):
    """Where somebody waits, and what is offered: book it with `hold_id` before `expires_at`."""

    joined_at: datetime
    slot_id: str | None
    starts_at: datetime | None
    local_start: str | None
    expires_at: datetime | None


class WaitingForStaff(WaitingOut):
    """Somebody on a unit's list."""

    patient_person_id: str
    patient_name: str
    """Masked when the identity is protected."""


class DropInIn(Input):
    """How many numbers there are."""

    capacity: Annotated[int, Field(ge=0, le=100_000)]


class DropInOut(Output):
    """The counter: numbers out, numbers called."""

    day: Day
    capacity: int
    issued: int
    called: int


class TicketIn(Input):
    """Who has the number, and what they come for."""

    patient_person_id: PersonId
    time_type_id: ObjectId
    interpreter_language: InterpreterLanguage | None = None


@router.post("/units/{hsa_id}/reserve", status_code=201)
async def join(hsa_id: HsaId, body: ReserveIn, caller: Booker) -> ReserveOut:
    """Wait for a leftover place."""
    async with caller.transaction() as transaction:
        person_id = whom(caller, body.patient_person_id)
        made = await store.join_reserve(transaction, caller, hsa_id, body.time_type_id, person_id)
        return ReserveOut.model_validate(made)


def _waiting(row: store.Waiting) -> WaitingOut:
    slot = row.slot
    return WaitingOut(
        **ReserveOut.model_validate(row.entry).model_dump(),
        joined_at=row.entry.joined_at,
        slot_id=None if slot is None else slot.slot_id,
        starts_at=None if slot is None else slot.starts_at,
        local_start=None if slot is None else local(slot.starts_at).isoformat(),
        expires_at=row.expires_at,
    )


@router.get("/reserve")
async def list_own(caller: Lister) -> list[WaitingOut]:
    """Where one waits, and what is offered."""
    async with caller.transaction() as transaction:
        return [_waiting(row) for row in await store.own_entries(transaction, caller, whom(caller, None))]


@router.get("/units/{hsa_id}/reserve")
async def list_of_unit(hsa_id: HsaId, caller: Lister) -> list[WaitingForStaff]:
    """Who waits in a unit, first come first."""
    async with caller.transaction() as transaction:
        rows = await store.entries_of_unit(transaction, caller, hsa_id)
        return [
            WaitingForStaff(
                **_waiting(row).model_dump(),
                patient_person_id=row.person.person_id,
                patient_name=masked(identity_of(row.person), Surface.QUEUE).name,
            )
            for row in rows
        ]


@router.delete("/reserve/{entry_id}", status_code=204)
async def leave(entry_id: ObjectId, caller: Booker) -> None:
    """Wait no longer."""
    async with caller.transaction() as transaction:
        await store.leave_reserve(transaction, caller, entry_id)


@router.get("/units/{hsa_id}/drop-in/{day}")
async def read_drop_in(hsa_id: HsaId, day: Day, services: Annotated[Services, public(WHY_PUBLIC)]) -> DropInOut:
    """How the drop-in reception stands."""
    async with services.database.reading(services.clock()) as transaction:
        return DropInOut.model_validate(await store.counter_of(transaction, hsa_id, day))


@router.put("/units/{hsa_id}/drop-in/{day}")
async def open_drop_in(hsa_id: HsaId, day: Day, body: DropInIn, caller: Scheduler) -> DropInOut:
    """Open the counter of a day."""
    async with caller.transaction() as transaction:
        return DropInOut.model_validate(await store.open_drop_in(transaction, caller, hsa_id, day, body.capacity))


@router.post("/units/{hsa_id}/drop-in/{day}/tickets", status_code=201)
async def take_ticket(hsa_id: HsaId, day: Day, caller: Scheduler) -> DropInOut:
    """Give the next number out."""
    async with caller.transaction() as transaction:
        return DropInOut.model_validate(await store.take_ticket(transaction, caller, hsa_id, day))


@router.post("/units/{hsa_id}/drop-in/{day}/calls", status_code=201)
async def call_next(hsa_id: HsaId, day: Day, caller: Scheduler) -> DropInOut:
    """Call the next number."""
    async with caller.transaction() as transaction:
        return DropInOut.model_validate(await store.call_next(transaction, caller, hsa_id, day))


@router.post("/units/{hsa_id}/drop-in/{day}/tickets/{ticket}/booking", status_code=201, response_model=BookingOut)
async def book_ticket(
    request: Request,
    hsa_id: HsaId,
    day: Day,
    ticket: Annotated[int, Path(ge=1, le=100_000)],
    body: TicketIn,
    caller: Marker,
    key: Key = None,
) -> Any:
    """A number that was called becomes a visit that begins now; its patient has arrived."""

    async def act(transaction: Transaction) -> BookingOut:
        wish = Wish(body.patient_person_id, interpreter_language=body.interpreter_language)
        made = await drop_in.book_ticket(transaction, caller, hsa_id, day, ticket, body.time_type_id, wish)
        return shown(made)

    return await once(caller, request, key, 201, act)
