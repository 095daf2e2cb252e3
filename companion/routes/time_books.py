"""What is in a schedule (tidbok): the lines of its week, the slots made of them, its closures."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from companion.models.schedules import Slot
from companion.routes.schedules import Scheduler
from companion.routes.shapes import Day, Input, Instant, LocalTime, Minutes, ObjectId, Output
from companion.rules.slots import Purpose, state_of
from companion.store import schedules as store
from companion.store import time_book_changes as changes

router = APIRouter(tags=["schedules"])


Capacity = Annotated[int, Field(ge=1, le=1000)]


class TemplateIn(Input):
    """A line of a schedule's week, in local time."""

    time_type_id: ObjectId
    weekdays: Annotated[str, Field(pattern=r"^0?1?2?3?4?5?6?$", min_length=1)]
    """Digits, 0 is Monday: `01234`."""
    begins: LocalTime
    ends: LocalTime
    slot_minutes: Minutes
    capacity: Capacity = 1
    purpose: Purpose = "ordinary"
    valid_from: Day
    valid_until: Day | None = None
    on_holidays: bool = False


class TemplateOut(Output):
    """A line of a schedule's week: all that `PUT` sets."""

    template_id: str
    schedule_id: str
    time_type_id: str
    weekdays: str
    begins: LocalTime
    ends: LocalTime
    slot_minutes: int
    capacity: int
    purpose: str
    valid_from: Day
    valid_until: Day | None
    on_holidays: bool


class TemplateChanged(TemplateOut):
    """The line, and what became of the slots that were made of it."""

    slots_removed: int
    """Nobody had them."""
    slots_changed: int
    """With another number of places."""
    booking_ids: list[str]
    """Bookings that somebody has to move."""


class LastDay(Input):
    """The last day that gives slots."""

    last_day: Day


class Days(Input):
    """From a day to another, both included."""

    first: Day
    last: Day


class Made(Output):
    """How many slots are new."""

    count: int


class ClosureIn(Input):
    """A time in which nothing is held."""

    starts_at: Instant
    ends_at: Instant
    reason: Annotated[str, Field(max_length=256)] = ""


class ClosureRow(Output):
    """A closure."""

    closure_id: str
    starts_at: datetime
    ends_at: datetime
    reason: str


class ClosureOut(Output):
    """A closure, and the bookings in it that somebody has to move."""

    closure_id: str
    booking_ids: list[str]


class DaySlot(Output):
    """A slot as staff see it."""

    slot_id: str
    time_type_id: str
    starts_at: datetime
    ends_at: datetime
    purpose: str
    capacity: int
    taken: int
    state: str


class SlotChange(Input):
    """What is to be different of one slot; what is left out stays."""

    capacity: Capacity | None = None
    """Never fewer than are taken."""
    is_closed: bool | None = None


class SlotChanged(DaySlot):
    """The slot, and the bookings in it that somebody has to move when it is closed."""

    booking_ids: list[str]


def _day_slot(slot: Slot, held: int) -> DaySlot:
    state = state_of(capacity=slot.capacity, booked=slot.taken - held, held=held, is_closed=slot.is_closed)
    fields = {name: getattr(slot, name) for name in DaySlot.model_fields if name != "state"}
    return DaySlot(**fields, state=state)


# --- the week ----------------------------------------------------------------------------------------------------


@router.get("/schedules/{schedule_id}/templates")
async def list_templates(schedule_id: ObjectId, caller: Scheduler) -> list[TemplateOut]:
    """The lines of a schedule's week, those that have ended too."""
    async with caller.transaction() as transaction:
        rows = await changes.templates(transaction, caller, schedule_id)
        return [TemplateOut.model_validate(row) for row in rows]


@router.post("/schedules/{schedule_id}/templates", status_code=201)
async def add_template(schedule_id: ObjectId, body: TemplateIn, caller: Scheduler) -> TemplateOut:
    """A new line of a schedule's week."""
    async with caller.transaction() as transaction:
        return TemplateOut.model_validate(await store.add_template(transaction, caller, schedule_id, body.model_dump()))


@router.put("/templates/{template_id}")
async def change_template(template_id: ObjectId, body: TemplateIn, caller: Scheduler) -> TemplateChanged:
    """Other content of a line. Slots made of it follow where nobody has them; new times are made as before."""
    async with caller.transaction() as transaction:
        row, effect = await changes.change_template(transaction, caller, template_id, body.model_dump())
        return _changed(TemplateOut.model_validate(row), effect)


@router.post("/templates/{template_id}/end")
async def end_template(template_id: ObjectId, body: LastDay, caller: Scheduler) -> TemplateChanged:
    """No slots after a day; those that were made and nobody has are taken away."""
    async with caller.transaction() as transaction:
        row, effect = await changes.end_template(transaction, caller, template_id, body.last_day)
        return _changed(TemplateOut.model_validate(row), effect)


def _changed(row: TemplateOut, effect: changes.Effect) -> TemplateChanged:
    return TemplateChanged(
        **row.model_dump(),
        slots_removed=effect.removed,
        slots_changed=effect.changed,
        booking_ids=list(effect.booking_ids),
    )


# --- slots -------------------------------------------------------------------------------------------------------


@router.post("/schedules/{schedule_id}/slots")
async def make_slots(schedule_id: ObjectId, body: Days, caller: Scheduler) -> Made:
    """Make the slots of some days. May be asked again: what is there stays."""
    async with caller.transaction() as transaction:
        return Made(count=await store.make_slots(transaction, caller, schedule_id, body.first, body.last))


@router.get("/schedules/{schedule_id}/days/{day}")
async def read_day(schedule_id: ObjectId, day: Day, caller: Scheduler) -> list[DaySlot]:
    """A schedule's slots on a day, without the patients."""
    async with caller.transaction() as transaction:
        return [_day_slot(slot, held) for slot, held in await store.day_of(transaction, caller, schedule_id, day)]


@router.patch("/slots/{slot_id}")
async def change_slot(slot_id: ObjectId, body: SlotChange, caller: Scheduler) -> SlotChanged:
    """Close or open one slot, or change how many fit in."""
    async with caller.transaction() as transaction:
        slot, left = await changes.change_slot(
            transaction, caller, slot_id, capacity=body.capacity, is_closed=body.is_closed
        )
        held = await store.held_in(transaction, slot_id)
        return SlotChanged(**_day_slot(slot, held).model_dump(), booking_ids=list(left))


# --- closures ----------------------------------------------------------------------------------------------------


@router.get("/schedules/{schedule_id}/closures")
async def list_closures(schedule_id: ObjectId, caller: Scheduler) -> list[ClosureRow]:
    """The closures that are not over, by start."""
    async with caller.transaction() as transaction:
        rows = await changes.closures(transaction, caller, schedule_id)
        return [ClosureRow.model_validate(row) for row in rows]


@router.post("/schedules/{schedule_id}/closures", status_code=201)
async def close(schedule_id: ObjectId, body: ClosureIn, caller: Scheduler) -> ClosureOut:
    """Close a schedule for a time."""
    async with caller.transaction() as transaction:
        closure, left = await store.close(transaction, caller, schedule_id, body.starts_at, body.ends_at, body.reason)
        return ClosureOut(closure_id=closure.closure_id, booking_ids=list(left))


@router.delete("/closures/{closure_id}", status_code=204)
async def reopen(closure_id: ObjectId, caller: Scheduler) -> None:
    """Take a closure back."""
    async with caller.transaction() as transaction:
        await store.reopen(transaction, caller, closure_id)
