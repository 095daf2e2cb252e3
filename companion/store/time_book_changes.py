"""Use cases of editing time books: templates change and end, schedules rest, single slots close or grow.

Slots are made of templates once, and people book them. So a change of a template is carried to the slots that were made
of it: those that nobody has are taken away or get the new number of places; what somebody has booked stays, and whoever
edits is told which bookings are to be moved. New times come with ``make_slots``, as always.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select, update

from companion.errors import CONFLICT, NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.bookings import Booking
from companion.models.schedules import ReserveEntry, Schedule, ScheduleClosure, ScheduleTemplate, Slot, SlotHold
from companion.rules.bookings import SLOT_PAST
from companion.rules.local_time import local_date
from companion.rules.slots import MAX_DAYS, PlannedSlot, plan
from companion.store.organisation import note_change
from companion.store.reserve import offer_to_reserve
from companion.store.schedules import open_again, own_schedule, resource_of, template_of, usable_time_type
from companion.store.slots import release_expired
from companion.transaction import Transaction

_AT_ONCE: Final = 500
"""Ids in one statement: databases take a bounded number of parameters."""


@dataclass(frozen=True)
class Effect:
    """What a change came to."""

    removed: int
    """Slots that are gone or closed, since nobody had them."""
    changed: int
    """Slots with another number of places."""
    booking_ids: Sequence[str]
    """Bookings that are to be moved by somebody."""


async def templates(transaction: Transaction, caller: Caller, schedule_id: str) -> Sequence[ScheduleTemplate]:
    """The lines of a schedule's week, those that have ended too."""
    await own_schedule(transaction, caller, schedule_id)
    query = select(ScheduleTemplate).where(ScheduleTemplate.schedule_id == schedule_id)
    query = query.order_by(ScheduleTemplate.valid_from, ScheduleTemplate.begins, ScheduleTemplate.template_id)
    return (await transaction.session.scalars(query)).all()


async def _own_template(
    transaction: Transaction, caller: Caller, template_id: str
) -> tuple[ScheduleTemplate, Schedule]:
    row = await transaction.session.get(ScheduleTemplate, template_id, with_for_update=True)
    if row is None:
        raise Problem(NOT_FOUND)
    return row, await own_schedule(transaction, caller, row.schedule_id)


async def change_template(
    transaction: Transaction, caller: Caller, template_id: str, fields: dict[str, Any]
) -> tuple[ScheduleTemplate, Effect]:
    """Other content of a line; slots that were made of it follow."""
    row, schedule = await _own_template(transaction, caller, template_id)
    await usable_time_type(transaction, fields["time_type_id"], schedule)
    before = await _planned(transaction, row)
    old = (row.time_type_id, row.purpose)
    for name, value in fields.items():
        setattr(row, name, value)
    template_of(row)  # refuses what cannot be
    after = await _planned(transaction, row) if (row.time_type_id, row.purpose) == old else {}
    effect = await _carry(transaction, row.schedule_id, old, before, after)
    note_change(transaction, caller, schedule.unit_hsa_id, "template changed", {"template": template_id})
    return row, effect


async def end_template(
    transaction: Transaction, caller: Caller, template_id: str, last_day: date
) -> tuple[ScheduleTemplate, Effect]:
    """The line gives no slots after a day."""
    row, schedule = await _own_template(transaction, caller, template_id)
    before = await _planned(transaction, row)
    row.valid_until = last_day
    template_of(row)
    effect = await _carry(
        transaction, row.schedule_id, (row.time_type_id, row.purpose), before, await _planned(transaction, row)
    )
    change = {"template": template_id, "last_day": last_day.isoformat()}
    note_change(transaction, caller, schedule.unit_hsa_id, "template ended", change)
    return row, effect


async def _planned(transaction: Transaction, row: ScheduleTemplate) -> dict[datetime, PlannedSlot]:
    """What the line gives from now on, as far as slots have been made, by start."""
    query = select(func.max(Slot.starts_at)).where(Slot.schedule_id == row.schedule_id)
    last = await transaction.session.scalar(query)
    today = local_date(transaction.now)
    if last is None or local_date(last) < today:
        return {}
    until = min(local_date(last), today + timedelta(days=MAX_DAYS))
    return {one.starts_at: one for one in plan(template_of(row), today, until)}


async def _carry(
    transaction: Transaction,
    schedule_id: str,
    kind: tuple[str, str],
    before: dict[datetime, PlannedSlot],
    after: dict[datetime, PlannedSlot],
) -> Effect:
    """Let the slots that were made of a line follow its change."""
    await release_expired(transaction)
    session, (time_type_id, purpose) = transaction.session, kind
    query = select(Slot).where(
        Slot.schedule_id == schedule_id,
        Slot.time_type_id == time_type_id,
        Slot.purpose == purpose,
        Slot.starts_at > transaction.now,
    )
    gone: list[str] = []
    other_places: dict[tuple[int, int], list[str]] = {}
    for slot in (await session.scalars(query.execution_options(populate_existing=True))).all():
        was, now = before.get(slot.starts_at), after.get(slot.starts_at)
        if was is None or was.ends_at != slot.ends_at:
            continue  # another line's
        if now is None or now.ends_at != was.ends_at:
            gone.append(slot.slot_id)
        elif now.capacity != slot.capacity == was.capacity:  # places that were set by hand stay
            other_places.setdefault((was.capacity, now.capacity), []).append(slot.slot_id)
    removed = await _remove(transaction, gone)
    changed = 0
    for (old, new), ids in other_places.items():
        for some in _parts(ids):
            fits = update(Slot).where(Slot.slot_id.in_(some), Slot.capacity == old, Slot.taken <= new)
            result = await session.execute(
                fits.values(capacity=new).returning(Slot.slot_id).execution_options(synchronize_session=False)
            )
            changed += len(result.all())
    transaction.any_places_change()
    return Effect(removed, changed, await _bookings_in(transaction, gone))


async def _remove(transaction: Transaction, ids: Sequence[str]) -> int:
    """Take away slots that nobody has. What a cancelled booking still names is closed instead."""
    session, removed = transaction.session, 0
    named = (
        select(Booking.booking_id).where(Booking.slot_id == Slot.slot_id).exists()
        | select(SlotHold.hold_id).where(SlotHold.slot_id == Slot.slot_id).exists()
        | select(ReserveEntry.entry_id).where(ReserveEntry.offered_slot_id == Slot.slot_id).exists()
    )
    for some in _parts(ids):
        free = (Slot.slot_id.in_(some), Slot.taken == 0)
        statement = delete(Slot).where(*free, ~named).returning(Slot.slot_id)
        removed += len((await session.execute(statement.execution_options(synchronize_session=False))).all())
        closing = update(Slot).where(*free).values(is_closed=True, is_withdrawn=True).returning(Slot.slot_id)
        removed += len((await session.execute(closing.execution_options(synchronize_session=False))).all())
    return removed


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(ids), _AT_ONCE):
        yield ids[begin : begin + _AT_ONCE]


async def _bookings_in(transaction: Transaction, slot_ids: Iterable[str]) -> list[str]:
    found: list[str] = []
    for some in _parts(sorted(slot_ids)):
        query = select(Booking.booking_id).where(Booking.slot_id.in_(some), Booking.state == "booked")
        found += (await transaction.session.scalars(query)).all()
    return sorted(found)


async def change_schedule(
    transaction: Transaction, caller: Caller, schedule_id: str, fields: dict[str, Any]
) -> tuple[Schedule, Sequence[str]]:
    """Another name or owner, or rest: a schedule that is not active gives no slots and takes no bookings; those that
    are to be moved are named.
    """
    schedule = await own_schedule(transaction, caller, schedule_id)
    was_active = schedule.is_active
    for name, value in fields.items():
        setattr(schedule, name, value)
    to_come = (Slot.schedule_id == schedule_id, Slot.starts_at > transaction.now)
    left: Sequence[str] = ()
    if was_active and not schedule.is_active:
        await transaction.session.execute(
            update(Slot).where(*to_come).values(is_closed=True).execution_options(synchronize_session=False)
        )
        query = select(Booking.booking_id).join(Slot, Slot.slot_id == Booking.slot_id)
        query = query.where(*to_come, Booking.state == "booked").order_by(Booking.booking_id)
        left = (await transaction.session.scalars(query)).all()
    elif schedule.is_active and not was_active:
        await open_again(transaction, *to_come)
    transaction.any_places_change()
    note_change(
        transaction, caller, schedule.unit_hsa_id, "schedule changed", {"schedule": schedule_id, **_plain(fields)}
    )
    return schedule, left


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {"fields": sorted(fields)} | {name: fields[name] for name in ("is_active",) if name in fields}


async def closures(transaction: Transaction, caller: Caller, schedule_id: str) -> Sequence[ScheduleClosure]:
    """The closures of a schedule that are not over, by start."""
    await own_schedule(transaction, caller, schedule_id)
    query = select(ScheduleClosure).where(
        ScheduleClosure.schedule_id == schedule_id, ScheduleClosure.ends_at > transaction.now
    )
    query = query.order_by(ScheduleClosure.starts_at, ScheduleClosure.closure_id)
    return (await transaction.session.scalars(query)).all()


async def change_slot(
    transaction: Transaction, caller: Caller, slot_id: str, *, capacity: int | None, is_closed: bool | None
) -> tuple[Slot, Sequence[str]]:
    """Close or open one slot, or change how many fit in. Which bookings are in it when it is closed.

    Nobody is put out: places that are taken stay, so there are never fewer than those.
    """
    session = transaction.session
    slot = await session.get(Slot, slot_id, with_for_update=True, populate_existing=True)
    schedule = None if slot is None else await session.get(Schedule, slot.schedule_id)
    caller.require(transaction, None if schedule is None else resource_of(schedule))
    assert slot is not None
    assert schedule is not None
    if slot.starts_at <= transaction.now:
        raise Problem(SLOT_PAST)
    had_room = not slot.is_closed and slot.taken < slot.capacity
    if capacity is not None:
        if capacity < slot.taken:
            raise Problem(CONFLICT, "capacity", "more places are taken")
        slot.capacity = capacity
    if is_closed is True:
        slot.is_closed = slot.is_withdrawn = True
    elif is_closed is False:
        slot.is_withdrawn = False
        await session.flush()
        await open_again(transaction, Slot.slot_id == slot_id)
        await session.refresh(slot)
        if slot.is_closed:
            raise Problem(CONFLICT, "is_closed", "the schedule is closed at that time, or not active")
    await session.flush()
    transaction.places_change(slot.unit_hsa_id, slot.time_type_id)
    change = {"slot": slot_id, "capacity": slot.capacity, "is_closed": slot.is_closed}
    note_change(transaction, caller, slot.unit_hsa_id, "slot changed", change)
    if not had_room and not slot.is_closed and slot.taken < slot.capacity:
        await offer_to_reserve(transaction, slot_id)
        await session.refresh(slot)
    return slot, await _bookings_in(transaction, [slot_id]) if slot.is_closed else ()
