"""Somebody's series of doses in the database: what every path to a booking holds a change against."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from companion.models.bookings import Booking
from companion.models.declarations import GivenDose, TimeTypeVaccine
from companion.models.schedules import Slot, TimeType
from companion.rules.bookings import BookingState, Gate
from companion.rules.dose_series import Visit, check_change, orphaned
from companion.rules.local_time import day_bounds, local_date
from companion.rules.vaccination import Part
from companion.transaction import Transaction

_COUNTED = (BookingState.BOOKED.value, BookingState.ARRIVED.value, BookingState.FULFILLED.value)


def has_doses(time_type: TimeType) -> bool:
    """Whether a time type is of a series, known without asking the database."""
    return time_type.is_dose or time_type.min_days_since_dose is not None or time_type.first_dose_type_id is not None


async def parts_of(transaction: Transaction, time_type_id: str) -> list[Part]:
    """Which vaccines a time type gives."""
    query = (
        select(TimeTypeVaccine).where(TimeTypeVaccine.time_type_id == time_type_id).order_by(TimeTypeVaccine.vaccine)
    )
    rows = (await transaction.session.scalars(query)).all()
    return [Part(row.vaccine, row.dose_number, row.min_interval_days) for row in rows]


async def check_series(
    transaction: Transaction, person_id: str, slot: Slot, time_type: TimeType, *, moving: str | None = None
) -> None:
    """Whether the dose of a slot fits into the person's series, and the series still holds with it.

    Doses that are booked count as given on their day: the second can be booked with the first.
    """
    if not has_doses(time_type) and slot.purpose != "dose_2":
        return
    parts = await parts_of(transaction, time_type.time_type_id)
    await _check(transaction, person_id, visit_of(slot, time_type, parts), moving)


async def check_series_at(transaction: Transaction, person_id: str, at: datetime, time_type: TimeType) -> None:
    """The same for a dose at an instant, in no slot."""
    if has_doses(time_type):
        parts = await parts_of(transaction, time_type.time_type_id)
        await _check(transaction, person_id, _visit(at, time_type, parts), None)


async def _check(transaction: Transaction, person_id: str, new: Visit, moving: str | None) -> None:
    before = await series_of(transaction, person_id)
    after = [one for one in before if moving is None or one.booking_id != moving or one.is_given]
    check_change(before, [*after, new], new)


async def orphaned_by(transaction: Transaction, booking: Booking) -> list[str]:
    """Ids of the booked doses that cannot be without this booking."""
    series = await series_of(transaction, booking.patient_person_id)
    gone = [one for one in series if one.booking_id == booking.booking_id and not one.is_given]
    return sorted({one.booking_id for each in gone for one in orphaned(series, each) if one.booking_id is not None})


async def series_of(transaction: Transaction, person_id: str) -> list[Visit]:
    """All doses of a person, whoever gave them and wherever they are booked."""
    query = (
        select(Booking, Slot, TimeType, TimeTypeVaccine)
        .join(Slot, Slot.slot_id == Booking.slot_id)
        .join(TimeType, TimeType.time_type_id == Booking.time_type_id)
        .outerjoin(TimeTypeVaccine, TimeTypeVaccine.time_type_id == Booking.time_type_id)
        .where(Booking.patient_person_id == person_id, Booking.state.in_(_COUNTED))
        .order_by(Booking.starts_at, Booking.booking_id)
    )
    booked: dict[str, tuple[Booking, Slot, TimeType, list[Part]]] = {}
    for booking, slot, time_type, vaccine in (await transaction.session.execute(query)).all():
        parts = booked.setdefault(booking.booking_id, (booking, slot, time_type, []))[3]
        if vaccine is not None:
            parts.append(Part(vaccine.vaccine, vaccine.dose_number, vaccine.min_interval_days))
    given = await given_of(transaction, person_id)
    written = {(one.booking_id, vaccine) for one in given if one.kind is not None for vaccine in one.vaccines}
    series = list(given)
    for booking, slot, time_type, parts in booked.values():
        is_over = booking.state == BookingState.FULFILLED
        left = [part for part in parts if not is_over and (booking.booking_id, part.vaccine) not in written]
        if left or not parts or is_over:  # else all its doses are written down, and stand there for it
            series.append(visit_of(slot, time_type, left, booking.booking_id, is_given=is_over))
    return series


async def given_of(transaction: Transaction, person_id: str) -> list[Visit]:
    """The doses that are written down."""
    query = (
        select(GivenDose, Booking.starts_at, Booking.time_type_id)
        .join(Booking, Booking.booking_id == GivenDose.booking_id)
        .where(GivenDose.patient_person_id == person_id)
        .order_by(GivenDose.given_on, GivenDose.vaccine)
    )
    return [
        Visit(
            day=row.given_on,
            at=day_bounds(row.given_on)[0],
            kind=None if row.given_on < local_date(starts_at) else time_type_id,
            parts=(Part(row.vaccine),),
            is_given=True,
            booking_id=row.booking_id,
        )
        for row, starts_at, time_type_id in (await transaction.session.execute(query)).all()
    ]


def visit_of(
    slot: Slot, time_type: TimeType, parts: Sequence[Part], booking_id: str | None = None, *, is_given: bool = False
) -> Visit:
    """A place in a slot as the rules read it."""
    return replace(
        _visit(slot.starts_at, time_type, parts),
        is_second=slot.purpose == "dose_2",
        is_given=is_given,
        booking_id=booking_id,
    )


def _visit(at: datetime, time_type: TimeType, parts: Sequence[Part]) -> Visit:
    return Visit(
        day=local_date(at),
        at=at,
        kind=time_type.time_type_id,
        parts=tuple(parts),
        after_kind=time_type.first_dose_type_id or time_type.time_type_id,
        gate=Gate(min_days_since_dose=time_type.min_days_since_dose, max_days_since_dose=time_type.max_days_since_dose),
    )
