"""Release of notices: who is told when, under a rate, with jitter, only at decent hours. And its rehearsal.

Notices to thousands of people must bring neither the service nor a unit's phone to its knees. People are told in a
random order (the seed is stored, so that a release can be repeated), each at an instant drawn within a time slice of
its own, so wide that no hour anywhere contains more than the rate.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
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


# --- rehearsal ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Response:
    """How people are thought to answer."""

    booked_share: float
    """Of those who are told, how many book."""
    median_delay: timedelta
    """From notice to visit of the page; half of them come sooner (exponential)."""
    phone_share: float = 0.0
    """Of those who are told, how many call instead."""


@dataclass(frozen=True)
class Rehearsal:
    """What would happen."""

    notices: int
    last_notice_at: datetime | None
    peak_notices_per_hour: int
    peak_visits_per_minute: int
    peak_calls_per_hour: int
    booked: int
    not_booked: int
    """Wanted to and found no place."""
    first_refused_at: datetime | None


def rehearse(releases: Sequence[Release], places: int, response: Response, seed: int) -> Rehearsal:
    """Play a release through: when people come, whether there are places for them."""
    random = Random(seed)  # noqa: S311  # a simulation
    visits: list[datetime] = []
    calls: list[datetime] = []
    for one in releases:
        lot = random.random()
        at = one.at + random.expovariate(0.6931471805599453) * response.median_delay
        if lot < response.booked_share:
            visits.append(at)
        elif lot < response.booked_share + response.phone_share:
            calls.append(at)
    visits.sort()
    return Rehearsal(
        notices=len(releases),
        last_notice_at=max((one.at for one in releases), default=None),
        peak_notices_per_hour=_busiest([one.at for one in releases], _HOUR),
        peak_visits_per_minute=_busiest(visits, timedelta(minutes=1)),
        peak_calls_per_hour=_busiest(calls, _HOUR),
        booked=min(places, len(visits)),
        not_booked=max(0, len(visits) - places),
        first_refused_at=visits[places] if len(visits) > places else None,
    )


def _busiest(instants: Iterable[datetime], width: timedelta) -> int:
    """The most in one clock interval of that width."""
    return max(Counter(at.timestamp() // width.total_seconds() for at in instants).values(), default=0)
