"""The reserve list against leftover places, and the drop-in counter."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, select, update

from auth.permissions import Resource
from companion.errors import CONFLICT, NOT_FOUND, Problem, define
from companion.identity import Caller
from companion.models.bookings import Booking
from companion.models.organisation import Unit
from companion.models.people import Person
from companion.models.schedules import DropInDay, ReserveEntry, Slot, SlotHold, TimeType
from companion.rules.bookings import HOLDS_PLACE
from companion.services import new_id
from companion.store.gates import check_gates, check_gates_now
from companion.store.offered import NOT_OFFERED, check_offered
from companion.store.organisation import own_unit, resource_of_unit
from companion.store.schedules import usable_time_type
from companion.store.slots import lock_person, release_expired, take_place
from companion.transaction import Transaction

OFFER_WITHIN: Final = timedelta(hours=48)
"""Only places so near are offered to the reserve list; the others find takers by themselves."""
OFFER_LIFETIME: Final = timedelta(minutes=30)
"""How long an offered place is held."""
ASKED_AT_MOST: Final = 50
"""So many on the list are looked at for one place."""
MIN_NOTICE: Final = timedelta(minutes=20)
"""Nobody can come sooner."""

DROP_IN_FULL: Final = define(
    "drop_in_full", 409, sv="Alla nummer för dagen är slut.", en="All numbers of the day are gone."
)
NOBODY_WAITS: Final = define("nobody_waits", 409, sv="Ingen väntar.", en="Nobody is waiting.")


async def join_reserve(
    transaction: Transaction, caller: Caller, unit_hsa_id: str, time_type_id: str, patient_person_id: str
) -> ReserveEntry:
    """Put a patient on the list; once per unit and time type."""
    unit = await transaction.session.get(Unit, unit_hsa_id)
    resource = None if unit is None else Resource(unit.provider_hsa_id, unit.hsa_id, patient_person_id)
    caller.require(transaction, resource, what=f"reserve:{time_type_id}")
    assert unit is not None
    time_type = await usable_time_type(transaction, time_type_id, unit)
    if not unit.is_active:
        raise Problem(NOT_OFFERED, extra={"successor_id": time_type.successor_id})
    await check_gates_now(transaction, await lock_person(transaction, patient_person_id), time_type)
    same = select(ReserveEntry).where(
        ReserveEntry.patient_person_id == patient_person_id,
        ReserveEntry.unit_hsa_id == unit_hsa_id,
        ReserveEntry.time_type_id == time_type_id,
        ReserveEntry.state.in_(("waiting", "offered")),
    )
    if await transaction.session.scalar(same) is not None:
        raise Problem(CONFLICT)
    entry = ReserveEntry(
        entry_id=new_id("re"),
        unit_hsa_id=unit_hsa_id,
        provider_hsa_id=unit.provider_hsa_id,
        time_type_id=time_type_id,
        patient_person_id=patient_person_id,
        state="waiting",
        joined_at=transaction.now,
    )
    transaction.session.add(entry)
    return entry


async def leave_reserve(transaction: Transaction, caller: Caller, entry_id: str) -> None:
    """Take a patient off the list."""
    entry = await transaction.session.get(ReserveEntry, entry_id, with_for_update=True)
    caller.require(transaction, None if entry is None else _resource_of(entry), what=f"reserve:{entry_id}")
    assert entry is not None
    entry.state = "left"


async def offer_to_reserve(transaction: Transaction, slot_id: str) -> ReserveEntry | None:
    """A place became free at short notice: hold it for the first on the list who may have it, and tell them."""
    slot = await transaction.session.get_one(Slot, slot_id)
    ahead = slot.starts_at - transaction.now
    if not MIN_NOTICE < ahead <= OFFER_WITHIN or slot.purpose == "drop_in" or slot.is_closed:
        return None
    entry = await _first_who_may(transaction, slot)
    if entry is None:
        return None
    try:
        await check_offered(transaction, slot)
    except Problem:  # the unit or the schedule is closed: nobody is asked to come
        return None
    await take_place(transaction, slot)
    hold = SlotHold(
        hold_id=new_id("ho"),
        slot_id=slot_id,
        holder=entry.patient_person_id,
        patient_person_id=entry.patient_person_id,
        expires_at=min(transaction.now + OFFER_LIFETIME, slot.starts_at),
    )
    transaction.session.add(hold)
    entry.state, entry.offered_slot_id, entry.hold_id = "offered", slot_id, hold.hold_id
    transaction.publish(
        "reserve.offered",
        f"reserve.offered:{entry.entry_id}:{hold.hold_id}",
        entry=entry.entry_id,
        patient=entry.patient_person_id,
        unit=entry.unit_hsa_id,
        hold=hold.hold_id,
        slot=slot_id,
        expires_at=hold.expires_at.isoformat(),
    )
    return entry


async def _first_who_may(transaction: Transaction, slot: Slot) -> ReserveEntry | None:
    """Who is first on the list of those who are of age, whose doses fit, and who are free then; locked.

    Nobody is locked but the entry: whoever frees the place has locked it, and a person is locked before a place. The
    gates are asked again when the offered place is booked.
    """
    time_type = await transaction.session.get_one(TimeType, slot.time_type_id)
    query = (
        select(ReserveEntry.entry_id, Person)
        .join(Person, Person.person_id == ReserveEntry.patient_person_id)
        .where(
            ReserveEntry.unit_hsa_id == slot.unit_hsa_id,
            ReserveEntry.time_type_id == slot.time_type_id,
            ReserveEntry.state == "waiting",
        )
        .order_by(ReserveEntry.joined_at, ReserveEntry.entry_id)
        .limit(ASKED_AT_MOST)
    )
    for entry_id, person in (await transaction.session.execute(query)).all():
        try:
            await check_gates(transaction, person, slot, time_type)
        except Problem:
            continue
        if await _is_elsewhere(transaction, person.person_id, slot):
            continue
        locked = select(ReserveEntry).where(ReserveEntry.entry_id == entry_id, ReserveEntry.state == "waiting")
        entry = await transaction.session.scalar(
            locked.with_for_update(skip_locked=True).execution_options(populate_existing=True)
        )
        if entry is not None:
            return entry
    return None


async def _is_elsewhere(transaction: Transaction, person_id: str, slot: Slot) -> bool:
    query = select(Booking.booking_id).where(
        Booking.patient_person_id == person_id,
        Booking.state.in_([state.value for state in HOLDS_PLACE]),
        Booking.starts_at < slot.ends_at,
        Booking.ends_at > slot.starts_at,
    )
    return await transaction.session.scalar(query.limit(1)) is not None


@dataclass(frozen=True)
class Waiting:
    """Somebody on the list, with what is offered to them."""

    entry: ReserveEntry
    slot: Slot | None
    expires_at: datetime | None
    person: Person


async def own_entries(transaction: Transaction, caller: Caller, person_id: str) -> list[Waiting]:
    """Where a patient waits, and what they are offered."""
    caller.require(transaction, Resource(patient_person_id=person_id), what="reserve")
    return await _listed(transaction, ReserveEntry.patient_person_id == person_id)


async def entries_of_unit(transaction: Transaction, caller: Caller, unit_hsa_id: str) -> list[Waiting]:
    """Who waits in a unit, first come first; an entry of the audit log for each of them."""
    unit = await transaction.session.get(Unit, unit_hsa_id)
    caller.require(transaction, None if unit is None else resource_of_unit(unit), what="reserve")
    rows = await _listed(transaction, ReserveEntry.unit_hsa_id == unit_hsa_id)
    for row in rows:
        caller.require(transaction, _resource_of(row.entry), what=f"reserve:{row.entry.entry_id}")
    return rows


async def _listed(transaction: Transaction, condition: ColumnElement[bool]) -> list[Waiting]:
    query = (
        select(ReserveEntry, Slot, SlotHold.expires_at, Person)
        .join(Person, Person.person_id == ReserveEntry.patient_person_id)
        .outerjoin(SlotHold, SlotHold.hold_id == ReserveEntry.hold_id)
        .outerjoin(Slot, Slot.slot_id == SlotHold.slot_id)
        .where(condition, ReserveEntry.state.in_(("waiting", "offered")))
        .order_by(ReserveEntry.joined_at, ReserveEntry.entry_id)
        .limit(500)
    )
    return [Waiting(*row) for row in (await transaction.session.execute(query)).all()]


def _resource_of(entry: ReserveEntry) -> Resource:
    return Resource(entry.provider_hsa_id, entry.unit_hsa_id, entry.patient_person_id)


async def reserve_is_booked(transaction: Transaction, hold_id: str) -> None:
    """The place that was offered has been booked."""
    statement = update(ReserveEntry).where(ReserveEntry.hold_id == hold_id).values(state="booked")
    await transaction.session.execute(statement)


async def sweep(transaction: Transaction) -> int:
    """Give back what expired holds have. Who did not take an offered place goes last; the next one is offered it."""
    freed = await release_expired(transaction)
    if not freed:
        return 0
    gone = ~select(SlotHold.hold_id).where(SlotHold.hold_id == ReserveEntry.hold_id).exists()
    query = select(ReserveEntry).where(ReserveEntry.state == "offered", gone).order_by(ReserveEntry.joined_at)
    for entry in (await transaction.session.scalars(query.with_for_update(skip_locked=True))).all():
        slot_id, entry.offered_slot_id, entry.hold_id = entry.offered_slot_id, None, None
        if slot_id is not None:
            await offer_to_reserve(transaction, slot_id)
        entry.state, entry.joined_at = "waiting", transaction.now
        await transaction.session.flush()
    return freed


async def open_drop_in(
    transaction: Transaction, caller: Caller, unit_hsa_id: str, day: date, capacity: int
) -> DropInDay:
    """Open the counter of a day, or change how many numbers there are."""
    await own_unit(transaction, caller, unit_hsa_id)
    counter = await transaction.session.get(DropInDay, (unit_hsa_id, day), with_for_update=True)
    if counter is None:
        counter = DropInDay(unit_hsa_id=unit_hsa_id, day=day, capacity=capacity, issued=0, called=0)
        transaction.session.add(counter)
    counter.capacity = max(capacity, counter.issued)
    return counter


async def counter_of(transaction: Transaction, unit_hsa_id: str, day: date) -> DropInDay:
    """The counter of a day."""
    counter = await transaction.session.get(DropInDay, (unit_hsa_id, day))
    if counter is None:
        raise Problem(NOT_FOUND)
    return counter


async def take_ticket(transaction: Transaction, caller: Caller, unit_hsa_id: str, day: date) -> DropInDay:
    """Give the next number out."""
    await own_unit(transaction, caller, unit_hsa_id)
    return await _count(transaction, unit_hsa_id, day, "issued")


async def call_next(transaction: Transaction, caller: Caller, unit_hsa_id: str, day: date) -> DropInDay:
    """Call the next number."""
    await own_unit(transaction, caller, unit_hsa_id)
    return await _count(transaction, unit_hsa_id, day, "called")


async def _count(transaction: Transaction, unit_hsa_id: str, day: date, what: str) -> DropInDay:
    """One more, in one statement: two who come at once get two numbers."""
    issued = what == "issued"
    column, limit = (DropInDay.issued, DropInDay.capacity) if issued else (DropInDay.called, DropInDay.issued)
    statement = (
        update(DropInDay)
        .where(DropInDay.unit_hsa_id == unit_hsa_id, DropInDay.day == day, column < limit)
        .values({what: column + 1})
        .returning(DropInDay.day)
        .execution_options(synchronize_session=False)
    )
    if await transaction.session.scalar(statement) is None:
        await counter_of(transaction, unit_hsa_id, day)
        raise Problem(DROP_IN_FULL if issued else NOBODY_WAITS)
    return await counter_of(transaction, unit_hsa_id, day)
