"""Release of notices: who is told when, under a rate, with jitter, only at decent hours.

Notices to thousands of people must bring neither the service nor a unit's phone to its knees. People are told in a
random order (the seed is stored, so that a release can be repeated), each at an instant drawn within a time slice of
its own, so wide that no hour anywhere contains more than the rate.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random
from typing import Final

from companion.errors import Problem, define
from companion.rules.local_time import instant, local

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)

RELEASE_RATE: Final = define(
    "release_rate", 422, sv="Takten går inte att använda.", en="The rate of release cannot be used."
)


@dataclass(frozen=True)
class Pace:
    """How fast, and at which local hours of the day."""

    per_hour: int
    opens: time = time(8)
    closes: time = time(20)

    def check(self) -> None:
        """Some people in some hours. The hours lie in the day: clocks change at night."""
        if self.per_hour < 1:
            raise Problem(RELEASE_RATE, "per_hour")
        if not time(4) <= self.opens < self.closes <= time(23):
            raise Problem(RELEASE_RATE, "opens")


@dataclass(frozen=True)
class Release:
    """When somebody is told."""

    person_id: str
    at: datetime


def plan(people: Iterable[str], starts_at: datetime, pace: Pace, seed: int) -> list[Release]:
    """Everybody's instant, in order of time.

    With slices of ``hour / (rate - 1/2)`` and each instant in the first half of its slice, an hour that begins anywhere
    meets at most ``rate`` of them. Nights only stretch the plan.
    """
    pace.check()
    random = Random(seed)  # noqa: S311  # fair, repeatable, nobody's secret
    order = sorted(set(people))
    random.shuffle(order)
    slice_width = _HOUR / (pace.per_hour - 0.5)
    offsets = (slice_width * number + slice_width / 2 * random.random() for number in range(len(order)))
    return [Release(one, at) for one, at in zip(order, _open_instants(offsets, starts_at, pace), strict=True)]


def _open_instants(offsets: Iterable[timedelta], starts_at: datetime, pace: Pace) -> Iterable[datetime]:
    """Offsets in open time (ascending) as instants."""
    opens, closes = _hours(starts_at, pace, 0)
    begin = max(starts_at, opens)
    used, number = timedelta(), 0
    for offset in offsets:
        while begin >= closes or offset - used >= closes - begin:
            used += max(closes - begin, timedelta())
            number += 1
            begin, closes = _hours(starts_at, pace, number)
        yield begin + (offset - used)


def _hours(starts_at: datetime, pace: Pace, number: int) -> tuple[datetime, datetime]:
    day = local(starts_at).date() + number * _DAY
    return instant(datetime.combine(day, pace.opens)), instant(datetime.combine(day, pace.closes))


# --- carrying it out -------------------------------------------------------------------------------------------------

GRACE: Final = timedelta(minutes=2)
"""Notices that are later than this were held up (paused, no room, nobody swept): the rest is planned anew, so that what
was held up does not go out at once."""


def open_at(at: datetime, pace: Pace) -> bool:
    """Whether it is an hour for notices."""
    opens, closes = _hours(at, pace, 0)
    return opens <= at < closes


def room(noticed_in_last_hour: int, pace: Pace) -> int:
    """How many may be told now, whatever the plan says: never more than the rate in any hour that has passed."""
    return max(0, pace.per_hour - noticed_in_last_hour)


def is_held_up(oldest_due: datetime | None, now: datetime) -> bool:
    """Whether what is left must be planned anew."""
    return oldest_due is not None and oldest_due < now - GRACE


def continues_at(now: datetime, last_noticed_at: datetime | None, pace: Pace) -> datetime:
    """Where a new plan begins: so long after the last notice that no hour across the seam has more than the rate.

    Of ``rate + 1`` instants, some before and some after the seam, the last is then an hour or more after the first:
    the two plans lack half a slice each, and the seam is a whole one.
    """
    if last_noticed_at is None:
        return now
    return max(now, last_noticed_at + _HOUR / (pace.per_hour - 0.5))
