"""Which slots are offered: of units and schedules that are open, and on days on which their time type is valid."""

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, select

from companion.errors import Problem, define
from companion.models.organisation import Unit
from companion.models.schedules import Schedule, Slot, TimeType
from companion.rules.local_time import day_bounds, local_date
from companion.transaction import Transaction

NOT_OFFERED: Final = define(
    "not_offered", 409, sv="Tiden går inte längre att boka.", en="The time can no longer be booked."
)


def is_open() -> ColumnElement[bool]:
    """That a slot's unit and schedule are in use; to be asked in the statement that takes a place."""
    unit = select(Unit.hsa_id).where(Unit.hsa_id == Slot.unit_hsa_id, Unit.is_active.is_(True))
    schedule = select(Schedule.schedule_id).where(
        Schedule.schedule_id == Slot.schedule_id, Schedule.is_active.is_(True)
    )
    return and_(unit.exists(), schedule.exists())


async def is_valid(
    transaction: Transaction, begins: datetime, ends: datetime, time_type_id: str | None
) -> list[ColumnElement[bool]]:
    """Conditions that keep slots within the days of their time types. Days are local and slots are not, so the few
    types that begin or end around these days are asked for, and their days become instants here.
    """
    query = select(TimeType.time_type_id, TimeType.valid_from, TimeType.valid_until).where(
        or_(TimeType.valid_from > local_date(begins), TimeType.valid_until < local_date(ends))
    )
    if time_type_id is not None:
        query = query.where(TimeType.time_type_id == time_type_id)
    found: list[ColumnElement[bool]] = []
    for one, first, last in (await transaction.session.execute(query)).all():
        if first is not None:
            found.append(or_(Slot.time_type_id != one, Slot.starts_at >= day_bounds(first)[0]))
        if last is not None:
            found.append(or_(Slot.time_type_id != one, Slot.starts_at < day_bounds(last)[1]))
    return found


async def check_offered(transaction: Transaction, slot: Slot) -> None:
    """Say that nothing is offered where a slot is, with what replaces its time type.

    A slot that alone is full or closed is lost to whoever wanted it: they are offered others.
    """
    query = select(Slot.slot_id).where(Slot.slot_id == slot.slot_id, is_open())
    if await transaction.session.scalar(query) is None:
        time_type = await transaction.session.get_one(TimeType, slot.time_type_id)
        raise Problem(NOT_OFFERED, extra={"successor_id": time_type.successor_id})
