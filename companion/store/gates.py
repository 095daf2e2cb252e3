"""The gates that nobody passes, staff included, on every path to a place: held, booked, moved, offered."""

from companion.models.people import Person
from companion.models.schedules import Slot, TimeType
from companion.rules.bookings import check_person
from companion.rules.local_time import local_date
from companion.store.dose_series import check_series, check_series_at
from companion.store.schedules import gate_of
from companion.transaction import Transaction


async def check_gates(
    transaction: Transaction, person: Person, slot: Slot, time_type: TimeType, *, moving: str | None = None
) -> None:
    """Validity and age on the day of the visit, and the series of doses. ``moving``: the booking that leaves its
    place for this one. The person is locked.
    """
    check_person(gate_of(time_type), day=local_date(slot.starts_at), birth_date=person.birth_date)
    await check_series(transaction, person.person_id, slot, time_type, moving=moving)


async def check_gates_now(transaction: Transaction, person: Person, time_type: TimeType) -> None:
    """Whether somebody could be given a place of a time type today, before there is one (the reserve list)."""
    check_person(gate_of(time_type), day=local_date(transaction.now), birth_date=person.birth_date)
    await check_series_at(transaction, person.person_id, transaction.now, time_type)
