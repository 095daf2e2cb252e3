"""Slots (tider): how templates become them, what state one is in, what else to offer.

A template says: on these weekdays, from this local time to that one, a slot every so many minutes for so many people.
Closures and holidays take slots away. Nothing here knows the database.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, Literal

from companion.errors import Problem, define
from companion.rules.local_time import instant, is_holiday

MAX_DAYS: Final = 400
"""Slots are made at most so far ahead in one go."""
ALTERNATIVES: Final = 3
"""So many other slots are offered to somebody who lost one."""

TEMPLATE_INVALID: Final = define(
    "template_invalid", 422, sv="Mallen går inte att använda.", en="The template cannot be used."
)

Purpose = Literal["ordinary", "dose_2", "drop_in"]
"""Whom a slot is for. Slots for second doses are kept apart, so that first doses never take them."""


class SlotState(StrEnum):
    """The states of a slot, as the specification names them. With room for several people it is what is left."""

    FREE = "free"
    HELD = "held"
    BOOKED = "booked"
    CLOSED = "closed"


def state_of(*, capacity: int, booked: int, held: int, is_closed: bool) -> SlotState:
    """Free while anybody fits in; held when the last places are only held."""
    if is_closed:
        return SlotState.CLOSED
    if booked + held < capacity:
        return SlotState.FREE
    return SlotState.HELD if held else SlotState.BOOKED


@dataclass(frozen=True)
class Template:
    """One line of a schedule's week (mall)."""

    weekdays: frozenset[int]
    """0 is Monday."""
    begins: time
    ends: time
    """Local times; ``ends`` at 00:00 is midnight after the day."""
    slot_minutes: int
    capacity: int
    purpose: Purpose = "ordinary"
    valid_from: date = date.min
    valid_until: date = date.max
    """The last day."""
    on_holidays: bool = False

    def __post_init__(self) -> None:
        if not self.weekdays or not self.weekdays <= set(range(7)):
            raise Problem(TEMPLATE_INVALID, "weekdays")
        if not 1 <= self.slot_minutes <= 24 * 60:
            raise Problem(TEMPLATE_INVALID, "slot_minutes")
        if not 1 <= self.capacity <= 1000:
            raise Problem(TEMPLATE_INVALID, "capacity")
        if self.ends != time() and self.ends <= self.begins:
            raise Problem(TEMPLATE_INVALID, "ends")
        if self.valid_until < self.valid_from:
            raise Problem(TEMPLATE_INVALID, "valid_until")


@dataclass(frozen=True)
class Closure:
    """A time in which nothing is held (stängt)."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, order=True)
class PlannedSlot:
    """A slot that a template gives."""

    starts_at: datetime
    ends_at: datetime
    capacity: int
    purpose: Purpose


def overlaps(starts_at: datetime, ends_at: datetime, other_starts_at: datetime, other_ends_at: datetime) -> bool:
    """Whether two times have an instant in common; touching is not overlapping."""
    return starts_at < other_ends_at and other_starts_at < ends_at


def plan(
    template: Template,
    first: date,
    last: date,
    closures: Sequence[Closure] = (),
    *,
    holiday: Callable[[date], bool] = is_holiday,
) -> list[PlannedSlot]:
    """The slots from the first day to the last, in order.

    Slots follow each other in elapsed time, from the template's beginning to its end on the clock: on the night in
    which summer time ends there is an hour more of them. A day on which the clock never shows the beginning or the end
    gives none; of two, the first beginning and the last end count.
    """
    if (last - first).days > MAX_DAYS:
        raise Problem(TEMPLATE_INVALID, "last")
    return [
        slot
        for day in _days(template, first, last, holiday)
        for slot in _slots_of(template, day)
        if not any(overlaps(slot.starts_at, slot.ends_at, one.starts_at, one.ends_at) for one in closures)
    ]


def _days(template: Template, first: date, last: date, holiday: Callable[[date], bool]) -> Iterator[date]:
    day = max(first, template.valid_from)
    end = min(last, template.valid_until)
    while day <= end:
        if day.weekday() in template.weekdays and (template.on_holidays or not holiday(day)):
            yield day
        day += timedelta(days=1)


def _slots_of(template: Template, day: date) -> Iterator[PlannedSlot]:
    last_day = day if template.ends != time() else day + timedelta(days=1)
    try:
        at = instant(datetime.combine(day, template.begins), fold=0)
        end = instant(datetime.combine(last_day, template.ends), fold=1)
    except Problem:  # that time does not exist on that day
        return
    length = timedelta(minutes=template.slot_minutes)
    while at + length <= end:
        yield PlannedSlot(at.astimezone(UTC), (at + length).astimezone(UTC), template.capacity, template.purpose)
        at += length


@dataclass(frozen=True)
class Candidate:
    """A free slot, to be offered instead of another."""

    slot_id: str
    unit_hsa_id: str
    starts_at: datetime


def nearest(
    wanted_at: datetime, unit_hsa_id: str, candidates: Iterable[Candidate], count: int = ALTERNATIVES
) -> list[Candidate]:
    """Those nearest in time to what was wanted; of two as near, one in the same unit, then the earlier one."""

    def distance(one: Candidate) -> tuple[timedelta, bool, datetime, str]:
        return abs(one.starts_at - wanted_at), one.unit_hsa_id != unit_hsa_id, one.starts_at, one.slot_id

    return sorted(candidates, key=distance)[:count]
