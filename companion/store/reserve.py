"""The reserve list against leftover places, and the drop-in counter."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from sqlalchemy import select, update

from auth.permissions import Resource
from companion.errors import CONFLICT, NOT_FOUND, Problem, define
from companion.identity import Caller
from companion.models.organisation import Unit
from companion.models.schedules import DropInDay, ReserveEntry, Slot, SlotHold
from companion.services import new_id
from companion.store.organisation import own_unit
from companion.store.schedules import usable_time_type
from companion.store.slots import lock_person, release_expired, take_place
from companion.transaction import Transaction

OFFER_WITHIN: Final = timedelta(hours=48)
"""Only places so near are offered to the reserve list; the others find takers by themselves."""
OFFER_LIFETIME: Final = timedelta(minutes=30)
"""How long an offered place is held."""
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
    await usable_time_type(transaction, time_type_id, unit)
    await lock_person(transaction, patient_person_id)
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
    resource = None
    if entry is not None:
        resource = Resource(entry.provider_hsa_id, entry.unit_hsa_id, entry.patient_person_id)
    caller.require(transaction, resource, what=f"reserve:{entry_id}")
    assert entry is not None
    entry.state = "left"


async def waiting(transaction: Transaction, unit_hsa_id: str, time_type_id: str) -> Sequence[ReserveEntry]:
    """Who waits, first come first."""
    query = (
        select(ReserveEntry)
        .where(
            ReserveEntry.unit_hsa_id == unit_hsa_id,
            ReserveEntry.time_type_id == time_type_id,
            ReserveEntry.state == "waiting",
        )
        .order_by(ReserveEntry.joined_at, ReserveEntry.entry_id)
    )
    return (await transaction.session.scalars(query.limit(1).with_for_update(skip_locked=True))).all()


async def offer_to_reserve(transaction: Transaction, slot_id: str) -> ReserveEntry | None:
    """A place became free at short notice: hold it for the first on the list, and tell them."""
    slot = await transaction.session.get_one(Slot, slot_id)
    ahead = slot.starts_at - transaction.now
    if not MIN_NOTICE < ahead <= OFFER_WITHIN or slot.purpose == "drop_in":
        return None
    entries = await waiting(transaction, slot.unit_hsa_id, slot.time_type_id)
    if not entries or slot.is_closed:
        return None
    entry = entries[0]
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
