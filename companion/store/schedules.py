"""Use cases of schedules (tidböcker): time types, templates, closures, and slots made of them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from auth.permissions import Resource
from companion.errors import CONFLICT, INVALID_REQUEST, NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.bookings import Booking
from companion.models.organisation import Unit
from companion.models.schedules import Schedule, ScheduleClosure, ScheduleTemplate, Slot, SlotHold, TimeType
from companion.rules.bookings import Gate
from companion.rules.local_time import day_bounds, local_date
from companion.rules.slots import Closure, Template, plan
from companion.services import new_id
from companion.store.organisation import note_change, own_unit
from companion.transaction import Transaction


def gate_of(time_type: TimeType) -> Gate:
    """Whom a time type is for, as the rules read it. Days between doses are in ``companion.store.dose_series``."""
    return Gate(
        valid_from=time_type.valid_from,
        valid_until=time_type.valid_until,
        successor_id=time_type.successor_id,
        min_age=time_type.min_age,
        max_age=time_type.max_age,
        born_from_year=time_type.born_from_year,
        born_until_year=time_type.born_until_year,
    )


def template_of(row: ScheduleTemplate) -> Template:
    """A template as the rules read it."""
    return Template(
        weekdays=frozenset(int(digit) for digit in row.weekdays),
        begins=row.begins,
        ends=row.ends,
        slot_minutes=row.slot_minutes,
        capacity=row.capacity,
        purpose=row.purpose,  # type: ignore[arg-type]  # was checked when it was written
        valid_from=row.valid_from,
        valid_until=row.valid_until or date.max,
        on_holidays=row.on_holidays,
    )


def resource_of(row: Schedule | TimeType) -> Resource:
    """For permissions. A time type of all units is the care provider's."""
    return Resource(provider_hsa_id=row.provider_hsa_id, unit_hsa_id=row.unit_hsa_id)


async def own_schedule(transaction: Transaction, caller: Caller, schedule_id: str) -> Schedule:
    """One schedule, for somebody who may edit it."""
    found = await transaction.session.get(Schedule, schedule_id)
    caller.require(transaction, None if found is None else resource_of(found))
    assert found is not None
    return found


async def usable_time_type(transaction: Transaction, time_type_id: str, unit: Unit | Schedule) -> TimeType:
    """A time type that a unit may use: its own, or one of all units of its care provider."""
    found = await transaction.session.get(TimeType, time_type_id)
    hsa_id = unit.hsa_id if isinstance(unit, Unit) else unit.unit_hsa_id
    if found is None or found.provider_hsa_id != unit.provider_hsa_id or found.unit_hsa_id not in (None, hsa_id):
        raise Problem(NOT_FOUND, "time_type_id")
    return found


async def time_types(transaction: Transaction, unit: Unit) -> Sequence[TimeType]:
    """The time types of a unit."""
    own = (TimeType.unit_hsa_id == unit.hsa_id) | TimeType.unit_hsa_id.is_(None)
    query = select(TimeType).where(TimeType.provider_hsa_id == unit.provider_hsa_id, own).order_by(TimeType.name_sv)
    return (await transaction.session.scalars(query)).all()


async def save_time_type(
    transaction: Transaction, caller: Caller, unit_hsa_id: str, time_type_id: str | None, fields: dict[str, Any]
) -> TimeType:
    """A new time type of a unit, or other data of one. ``for_all_units`` makes it the care provider's."""
    unit = await own_unit(transaction, caller, unit_hsa_id)
    for_all = fields.pop("for_all_units")
    owner = Resource(provider_hsa_id=unit.provider_hsa_id, unit_hsa_id=None if for_all else unit.hsa_id)
    caller.require(transaction, owner)
    for name in ("successor_id", "first_dose_type_id"):
        if fields[name] is not None:
            if fields[name] == time_type_id:
                raise Problem(INVALID_REQUEST, name)
            other = await usable_time_type(transaction, fields[name], unit)
            other.is_dose = other.is_dose or name == "first_dose_type_id"
    if time_type_id is None:
        time_type = TimeType(
            time_type_id=new_id("tt"), provider_hsa_id=unit.provider_hsa_id, unit_hsa_id=owner.unit_hsa_id, **fields
        )
        transaction.session.add(time_type)
    else:
        time_type = await usable_time_type(transaction, time_type_id, unit)
        caller.require(transaction, resource_of(time_type))
        time_type.unit_hsa_id = owner.unit_hsa_id
        for name, value in fields.items():
            setattr(time_type, name, value)
    is_dose = any(fields[name] is not None for name in ("dose", "first_dose_type_id", "min_days_since_dose"))
    time_type.is_dose = bool(time_type.is_dose) or is_dose
    transaction.any_places_change()
    note_change(transaction, caller, unit_hsa_id, "time type", {"time_type": time_type.time_type_id})
    return time_type


async def schedules(transaction: Transaction, caller: Caller, unit_hsa_id: str) -> Sequence[Schedule]:
    """The schedules of a unit."""
    await own_unit(transaction, caller, unit_hsa_id)
    query = select(Schedule).where(Schedule.unit_hsa_id == unit_hsa_id).order_by(Schedule.name)
    return (await transaction.session.scalars(query)).all()


async def add_schedule(transaction: Transaction, caller: Caller, unit_hsa_id: str, fields: dict[str, Any]) -> Schedule:
    """A new schedule."""
    unit = await own_unit(transaction, caller, unit_hsa_id)
    schedule = Schedule(
        schedule_id=new_id("sc"),
        provider_hsa_id=unit.provider_hsa_id,
        unit_hsa_id=unit.hsa_id,
        is_active=True,
        **fields,
    )
    transaction.session.add(schedule)
    note_change(transaction, caller, unit_hsa_id, "schedule added", {"schedule": schedule.schedule_id})
    return schedule


async def add_template(
    transaction: Transaction, caller: Caller, schedule_id: str, fields: dict[str, Any]
) -> ScheduleTemplate:
    """A new line of a schedule's week. Slots come with ``make_slots``."""
    schedule = await own_schedule(transaction, caller, schedule_id)
    await usable_time_type(transaction, fields["time_type_id"], schedule)
    row = ScheduleTemplate(template_id=new_id("te"), schedule_id=schedule_id, **fields)
    template_of(row)
    transaction.session.add(row)
    note_change(transaction, caller, schedule.unit_hsa_id, "template added", {"schedule": schedule_id})
    return row


async def make_slots(transaction: Transaction, caller: Caller, schedule_id: str, first: date, last: date) -> int:
    """Make the slots of some days of a schedule's templates; what is there already stays. How many are new."""
    schedule = await own_schedule(transaction, caller, schedule_id)
    if last < first:
        raise Problem(INVALID_REQUEST, "last")
    if not schedule.is_active:
        raise Problem(CONFLICT, detail="the schedule is not active")
    session = transaction.session
    templates = (
        await session.scalars(select(ScheduleTemplate).where(ScheduleTemplate.schedule_id == schedule_id))
    ).all()
    closed = (await session.scalars(select(ScheduleClosure).where(ScheduleClosure.schedule_id == schedule_id))).all()
    closures = [Closure(one.starts_at, one.ends_at) for one in closed]
    begin = max(first, local_date(transaction.now))
    insert = (postgresql if transaction.is_postgresql else sqlite).insert(Slot).on_conflict_do_nothing()
    before = await _count(transaction, schedule_id)
    for row in templates:
        slots = [
            {
                "slot_id": new_id("sl"),
                "schedule_id": schedule_id,
                "provider_hsa_id": schedule.provider_hsa_id,
                "unit_hsa_id": schedule.unit_hsa_id,
                "time_type_id": row.time_type_id,
                "starts_at": planned.starts_at,
                "ends_at": planned.ends_at,
                "purpose": planned.purpose,
                "capacity": planned.capacity,
                "taken": 0,
                "is_closed": False,
                "is_withdrawn": False,
            }
            for planned in plan(template_of(row), begin, last, closures)
            if planned.starts_at > transaction.now
        ]
        if slots:
            await session.execute(insert, slots)
    count = await _count(transaction, schedule_id) - before
    transaction.any_places_change()
    note_change(transaction, caller, schedule.unit_hsa_id, "slots made", {"schedule": schedule_id, "count": count})
    return count


async def _count(transaction: Transaction, schedule_id: str) -> int:
    query = select(func.count()).where(Slot.schedule_id == schedule_id)
    return await transaction.session.scalar(query) or 0


async def close(
    transaction: Transaction, caller: Caller, schedule_id: str, starts_at: datetime, ends_at: datetime, reason: str
) -> tuple[ScheduleClosure, Sequence[str]]:
    """Close a schedule for a time: no slot in it can be booked. Which bookings are to be moved by somebody."""
    schedule = await own_schedule(transaction, caller, schedule_id)
    if ends_at <= starts_at:
        raise Problem(INVALID_REQUEST, "ends_at")
    closure = ScheduleClosure(
        closure_id=new_id("cl"), schedule_id=schedule_id, starts_at=starts_at, ends_at=ends_at, reason=reason
    )
    transaction.session.add(closure)
    touched = (Slot.schedule_id == schedule_id, Slot.starts_at < ends_at, Slot.ends_at > starts_at)
    await transaction.session.execute(update(Slot).where(*touched).values(is_closed=True))
    transaction.any_places_change()
    query = select(Booking.booking_id).join(Slot, Slot.slot_id == Booking.slot_id).where(*touched)
    left = (await transaction.session.scalars(query.where(Booking.state == "booked"))).all()
    note_change(transaction, caller, schedule.unit_hsa_id, "closed", {"schedule": schedule_id})
    return closure, left


async def reopen(transaction: Transaction, caller: Caller, closure_id: str) -> None:
    """Take a closure back; slots that another closure covers stay closed."""
    closure = await transaction.session.get(ScheduleClosure, closure_id)
    if closure is None:
        raise Problem(NOT_FOUND)
    schedule = await own_schedule(transaction, caller, closure.schedule_id)
    await transaction.session.execute(delete(ScheduleClosure).where(ScheduleClosure.closure_id == closure_id))
    await open_again(
        transaction,
        Slot.schedule_id == closure.schedule_id,
        Slot.starts_at < closure.ends_at,
        Slot.ends_at > closure.starts_at,
    )
    transaction.any_places_change()
    note_change(transaction, caller, schedule.unit_hsa_id, "reopened", {"schedule": schedule.schedule_id})


async def open_again(transaction: Transaction, *which: ColumnElement[bool]) -> None:
    """Open slots that nothing keeps closed: no closure, no rest of their schedule, and not they themselves."""
    await transaction.session.flush()
    closures = (
        select(ScheduleClosure.closure_id)
        .where(
            ScheduleClosure.schedule_id == Slot.schedule_id,
            ScheduleClosure.starts_at < Slot.ends_at,
            ScheduleClosure.ends_at > Slot.starts_at,
        )
        .exists()
    )
    resting = select(Schedule.schedule_id).where(
        Schedule.schedule_id == Slot.schedule_id, Schedule.is_active.is_(False)
    )
    await transaction.session.execute(
        update(Slot)
        .where(*which, ~closures, ~resting.exists(), Slot.is_withdrawn.is_(False))
        .values(is_closed=False)
        .execution_options(synchronize_session=False)
    )


async def held_in(transaction: Transaction, slot_id: str) -> int:
    """How many places of a slot are only held."""
    query = select(func.count()).where(SlotHold.slot_id == slot_id, SlotHold.expires_at > transaction.now)
    return await transaction.session.scalar(query) or 0


async def day_of(transaction: Transaction, caller: Caller, schedule_id: str, day: date) -> Sequence[tuple[Slot, int]]:
    """A schedule's slots on a day, each with how many of its places are only held."""
    await own_schedule(transaction, caller, schedule_id)
    begins, ends = day_bounds(day)
    holds = (
        select(func.count())
        .where(SlotHold.slot_id == Slot.slot_id, SlotHold.expires_at > transaction.now)
        .scalar_subquery()
    )
    query = (
        select(Slot, holds)
        .where(Slot.schedule_id == schedule_id, Slot.starts_at >= begins, Slot.starts_at < ends)
        .order_by(Slot.starts_at)
    )
    return [(slot, held) for slot, held in (await transaction.session.execute(query)).all()]
