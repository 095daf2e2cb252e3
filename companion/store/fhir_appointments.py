"""Appointments over FHIR: the use cases of ``companion.store.bookings`` in FHIR's words, with the same rules."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select

from auth.permissions import Action
from companion.errors import Problem
from companion.fhir.appointments import NewVisit
from companion.fhir.outcome import VERSION_CHANGED
from companion.fhir.search import PARAMETER_VALUE, Span
from companion.identity import Caller
from companion.models.bookings import Booking
from companion.models.schedules import SlotHold
from companion.rules.bookings import HOLDS_PLACE
from companion.rules.local_time import local_date
from companion.store import bookings
from companion.transaction import Transaction

MAX_DAYS: Final = 7
"""Of a whole unit's bookings: each of them is an entry of the audit log."""


async def book(transaction: Transaction, caller: Caller, wish: NewVisit) -> Booking:
    """Book the slot; with the place that the caller holds in it for the patient, if there is one."""
    query = select(SlotHold.hold_id).where(
        SlotHold.slot_id == wish.slot_id,
        SlotHold.patient_person_id == wish.patient_person_id,
        SlotHold.holder.in_((caller.principal.actor, wish.patient_person_id)),
        SlotHold.expires_at > transaction.now,
    )
    hold_id = (await transaction.session.scalars(query.order_by(SlotHold.expires_at).limit(1))).one_or_none()
    slot_id = wish.slot_id if hold_id is None else None
    made = await bookings.book(transaction, caller, bookings.Wish(wish.patient_person_id, slot_id, hold_id))
    await transaction.session.flush()
    return made


async def booked_before(transaction: Transaction, caller: Caller, wish: NewVisit) -> Booking | None:
    """The patient's booking in that slot (conditional create); looked for only for those who may see it."""
    query = select(Booking).where(
        Booking.slot_id == wish.slot_id,
        Booking.patient_person_id == wish.patient_person_id,
        Booking.state.in_([state.value for state in HOLDS_PLACE]),
    )
    found = (await transaction.session.scalars(query.limit(1))).one_or_none()
    reader = caller.doing(Action.BOOKING_READ)
    if found is None or not reader.may(bookings.resource_of_booking(found)):
        return None  # then whoever may not see it may not book it either, and is told so there
    return await bookings.own_booking(transaction, reader, found.booking_id, lock=False)


async def cancel(
    transaction: Transaction,
    caller: Caller,
    booking_id: str,
    version: str | None,
    why: Callable[[Transaction, Booking], Awaitable[str | None]],
) -> Booking:
    """Cancel a booking for the reason that ``why`` finds in it; None: it stays as it is.

    ``version``: the one that the caller has read; with another one nothing happens.
    """
    booking = await bookings.own_booking(transaction, caller, booking_id)
    if version is not None and version != str(booking.sequence):
        raise Problem(VERSION_CHANGED, "If-Match")
    reason = await why(transaction, booking)
    if reason is not None:
        await bookings.cancel_locked(transaction, caller, booking, reason)
    return booking


async def of_unit(transaction: Transaction, caller: Caller, when: Span) -> Sequence[Booking]:
    """The bookings of the caller's unit in a few days."""
    if when.begins is None or when.ends is None:
        raise Problem(PARAMETER_VALUE, "date", "from and to, or a patient")
    first, last = local_date(when.begins), local_date(_just_before(when.ends))
    days = (last - first).days + 1
    if days > MAX_DAYS:
        raise Problem(PARAMETER_VALUE, "date", f"at most {MAX_DAYS} days, or a patient")
    found: list[Booking] = []
    for number in range(days):
        found += [row for row, _ in await bookings.of_unit(transaction, caller, first + timedelta(days=number))]
    return found


def _just_before(at: datetime) -> datetime:
    return at - timedelta(microseconds=1)
