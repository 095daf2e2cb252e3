"""Bookings: book, see, move, cancel, and the day of the visit."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field, model_validator

from auth.permissions import Action
from companion.errors import INVALID_REQUEST, Problem
from companion.idempotency import Key, once
from companion.identity import Caller, asks
from companion.models.bookings import Booking, BookingFee
from companion.models.people import Person
from companion.routes.shapes import Day, HsaId, Input, ObjectId, Output, PersonId
from companion.routes.slots import Booker, whom
from companion.rules.bookings import Event
from companion.rules.local_time import local
from companion.rules.masking import Surface
from companion.rules.masking import shown as masked
from companion.store import bookings as store
from companion.store import fees, visits
from companion.store.chains import identity_of
from companion.store.participants import Guest
from companion.transaction import Transaction

router = APIRouter(tags=["bookings"])

Lister = Annotated[Caller, asks(Action.BOOKING_LIST)]
Reader = Annotated[Caller, asks(Action.BOOKING_READ)]
Changer = Annotated[Caller, asks(Action.BOOKING_CHANGE)]
Canceller = Annotated[Caller, asks(Action.BOOKING_CANCEL)]
Writer = Annotated[Caller, asks(Action.BOOKING_MESSAGE)]
Marker = Annotated[Caller, asks(Action.BOOKING_MARK)]
Reason = Literal["patient_asked", "unit_illness", "unit_closed", "medical", "other"]
InterpreterLanguage = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]


class ParticipantIn(Input):
    """Somebody more who takes part: staff by HSA-id, others by person id."""

    kind: Literal["clinician", "relative", "interpreter"]
    staff_hsa_id: HsaId | None = None
    person_id: PersonId | None = None


class BookingIn(Input):
    """A slot, or a hold that was made before."""

    slot_id: ObjectId | None = None
    hold_id: ObjectId | None = None
    patient_person_id: PersonId | None = None
    interpreter_language: InterpreterLanguage | None = None
    participants: Annotated[list[ParticipantIn], Field(max_length=20)] = Field(default_factory=list)
    """Whom staff ask to take part as well."""

    @model_validator(mode="after")
    def _one_of_two(self) -> "BookingIn":
        if (self.slot_id is None) == (self.hold_id is None):
            raise ValueError("slot_id or hold_id")
        return self


class SeriesIn(Input):
    """Several slots for one patient."""

    slot_ids: Annotated[list[ObjectId], Field(min_length=1, max_length=50)]
    patient_person_id: PersonId | None = None
    interpreter_language: InterpreterLanguage | None = None


class RebookIn(Input):
    """Where to."""

    slot_id: ObjectId


class CancelIn(Input):
    """Why; for patients it is always that they asked."""

    reason: Reason = "patient_asked"


class ExcuseIn(Input):
    """Why nothing is charged."""

    excuse: Annotated[str, Field(min_length=1, max_length=256)]


class BookingOut(Output):
    """A booking."""

    booking_id: str
    slot_id: str
    unit_hsa_id: str
    time_type_id: str
    patient_person_id: str
    state: str
    starts_at: datetime
    ends_at: datetime
    local_start: str
    sequence: int
    series_id: str | None
    meeting_id: str | None
    """Of a group: the one meeting of all its members."""
    interpreter_language: str | None
    cancel_reason: str | None
    cancelled_with: str | None
    """The dose before this one: its cancellation took this one along."""
    patient_name: str | None = None
    """For staff; masked when the identity is protected."""


class BookingsOut(Output):
    """Several bookings."""

    bookings: list[BookingOut]


class CancelledOut(BookingOut):
    """A booking that was cancelled."""

    also_cancelled: list[BookingOut]
    """Later doses that could not be without it: tell whoever cancelled."""


class MissIn(Input):
    """Why somebody counts as absent who was cut off by a technical fault; else nothing is to be said."""

    note: Annotated[str | None, Field(min_length=1, max_length=256, pattern=r"\S")] = None


class MessagingOut(Output):
    """Whose booking it is, and whether its time type lets the patient write about it."""

    booking_id: str
    provider_hsa_id: str
    unit_hsa_id: str
    patient_person_id: str
    patient_may_message: bool


class FeeOut(Output):
    """What a booking came to cost."""

    booking_id: str
    kind: str
    amount_ore: int
    is_excused: bool


def shown(booking: Booking, person: Person | None = None) -> BookingOut:
    """A booking, with the patient's name for staff."""
    fields = {name: getattr(booking, name) for name in BookingOut.model_fields if hasattr(booking, name)}
    fields["meeting_id"] = booking.meeting_id or booking.group_meeting_id
    name = None if person is None else masked(identity_of(person), Surface.QUEUE).name
    return BookingOut(**fields, local_start=local(booking.starts_at).isoformat(), patient_name=name)


def _fee_out(fee: BookingFee) -> FeeOut:
    return FeeOut(
        booking_id=fee.booking_id, kind=fee.kind, amount_ore=fee.amount_ore, is_excused=fee.excused_by is not None
    )


@router.post("/bookings", status_code=201, response_model=BookingOut)
async def book(request: Request, body: BookingIn, caller: Booker, key: Key = None) -> Any:
    """Book a place; 409 `slot_taken` with the three nearest alternatives when it is gone."""

    async def act(transaction: Transaction) -> BookingOut:
        person_id = whom(caller, body.patient_person_id)
        guests = tuple(Guest(**one.model_dump()) for one in body.participants)
        wish = store.Wish(person_id, body.slot_id, body.hold_id, body.interpreter_language, guests=guests)
        return shown(await store.book(transaction, caller, wish))

    return await once(caller, request, key, 201, act)


@router.post("/series", status_code=201, response_model=BookingsOut)
async def book_series(request: Request, body: SeriesIn, caller: Booker, key: Key = None) -> Any:
    """Book several slots: all of them or none."""

    async def act(transaction: Transaction) -> BookingsOut:
        wish = store.Wish(whom(caller, body.patient_person_id), interpreter_language=body.interpreter_language)
        made = await store.book_series(transaction, caller, body.slot_ids, wish)
        return BookingsOut(bookings=[shown(booking) for booking in made])

    return await once(caller, request, key, 201, act)


@router.post("/series/{series_id}/cancel", response_model=BookingsOut)
async def cancel_series(
    request: Request, series_id: ObjectId, body: CancelIn, caller: Canceller, key: Key = None
) -> Any:
    """Cancel what is to come of a series."""

    async def act(transaction: Transaction) -> BookingsOut:
        gone = await store.cancel_series(transaction, caller, series_id, body.reason)
        return BookingsOut(bookings=[shown(booking) for booking in gone])

    return await once(caller, request, key, 200, act)


@router.get("/bookings")
async def list_bookings(
    caller: Lister,
    day: Annotated[Day | None, Query()] = None,
    patient_person_id: Annotated[PersonId | None, Query()] = None,
) -> BookingsOut:
    """A patient's bookings; or, for staff, the unit's of a day."""
    async with caller.transaction() as transaction:
        if caller.principal.kind != "patient" and patient_person_id is None:
            if day is None:
                raise Problem(INVALID_REQUEST, "day", "missing")
            rows = await store.of_unit(transaction, caller, day)
            return BookingsOut(bookings=[shown(booking, person) for booking, person in rows])
        found = await store.of_patient(transaction, caller, whom(caller, patient_person_id))
        return BookingsOut(bookings=[shown(booking) for booking in found])


@router.get("/bookings/{booking_id}")
async def read_booking(booking_id: ObjectId, caller: Reader) -> BookingOut:
    """One booking."""
    async with caller.transaction() as transaction:
        return shown(await store.own_booking(transaction, caller, booking_id, lock=False))


@router.get("/bookings/{booking_id}/messaging")
async def read_messaging(booking_id: ObjectId, caller: Writer) -> MessagingOut:
    """Whether the patient may write to the unit about the booking (the front asks for whoever opens a case)."""
    async with caller.transaction() as transaction:
        booking = await store.own_booking(transaction, caller, booking_id, lock=False)
        return MessagingOut(
            booking_id=booking.booking_id,
            provider_hsa_id=booking.provider_hsa_id,
            unit_hsa_id=booking.unit_hsa_id,
            patient_person_id=booking.patient_person_id,
            patient_may_message=await store.may_message(transaction, booking),
        )


@router.post("/bookings/{booking_id}/rebook", response_model=BookingOut)
async def rebook(request: Request, booking_id: ObjectId, body: RebookIn, caller: Changer, key: Key = None) -> Any:
    """Move a booking; when the new place is gone, the old one stays."""

    async def act(transaction: Transaction) -> BookingOut:
        return shown(await store.rebook(transaction, caller, booking_id, body.slot_id))

    return await once(caller, request, key, 200, act)


@router.post("/bookings/{booking_id}/cancel", response_model=CancelledOut)
async def cancel(request: Request, booking_id: ObjectId, body: CancelIn, caller: Canceller, key: Key = None) -> Any:
    """Cancel a booking; and the doses that cannot be without it (`also_cancelled`)."""

    async def act(transaction: Transaction) -> CancelledOut:
        booking = await store.cancel(transaction, caller, booking_id, body.reason)
        also = [shown(one) for one in await store.cancelled_with(transaction, booking)]
        return CancelledOut(**shown(booking).model_dump(), also_cancelled=also)

    return await once(caller, request, key, 200, act)


async def _mark(
    caller: Caller, request: Request, booking_id: str, event: Event, key: str | None, note: str | None = None
) -> Any:
    async def act(transaction: Transaction) -> BookingOut:
        return shown(await visits.mark(transaction, caller, booking_id, event, note))

    return await once(caller, request, key, 200, act)


@router.post("/bookings/{booking_id}/arrive", response_model=BookingOut)
async def arrive(request: Request, booking_id: ObjectId, caller: Marker, key: Key = None) -> Any:
    """The patient has come; too late after half of the time."""
    return await _mark(caller, request, booking_id, "arrive", key)


@router.post("/bookings/{booking_id}/fulfil", response_model=BookingOut)
async def fulfil(request: Request, booking_id: ObjectId, caller: Marker, key: Key = None) -> Any:
    """The visit took place."""
    return await _mark(caller, request, booking_id, "fulfil", key)


@router.post("/bookings/{booking_id}/miss", response_model=BookingOut)
async def miss(
    request: Request, booking_id: ObjectId, caller: Marker, body: MissIn | None = None, key: Key = None
) -> Any:
    """The patient did not come; 409 `technical_abort` when somebody was cut off by a fault and no note says why."""
    return await _mark(caller, request, booking_id, "miss", key, body.note if body is not None else None)


@router.post("/bookings/{booking_id}/undo-miss", response_model=BookingOut)
async def undo_miss(request: Request, booking_id: ObjectId, caller: Marker, key: Key = None) -> Any:
    """The patient came after all, or the technology failed: no absence, no fee."""
    return await _mark(caller, request, booking_id, "undo_miss", key)


@router.get("/bookings/{booking_id}/fee")
async def read_fee(booking_id: ObjectId, caller: Reader) -> FeeOut | None:
    """What the booking came to cost, if anything."""
    async with caller.transaction() as transaction:
        booking = await store.own_booking(transaction, caller, booking_id, lock=False)
        fee = await store.fee_of(transaction, booking)
        return None if fee is None else _fee_out(fee)


@router.post("/bookings/{booking_id}/excuse")
async def excuse(booking_id: ObjectId, body: ExcuseIn, caller: Marker) -> FeeOut:
    """There was a valid excuse: nothing is charged."""
    async with caller.transaction() as transaction:
        booking = await store.own_booking(transaction, caller, booking_id)
        return _fee_out(await fees.excuse(transaction, caller, booking, body.excuse))
