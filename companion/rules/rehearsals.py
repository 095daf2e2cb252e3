"""Rehearsal of a release: when people would come and call, and whether there are times for them, week by week.

Nothing here knows who anybody is: a rehearsal is played with as many people as the preview shows.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from companion.rules.local_time import local
from companion.rules.releases import Release

_HOUR: Final = timedelta(hours=1)


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


@dataclass(frozen=True)
class Week:
    """A week of the window (ISO 8601, ``2027-W10``): what is free in it, and what the play booked."""

    week: str
    free: int
    booked: int
    moved_on: int
    """Wanted a time from this week on, and got one in a later week only."""
    refused: int
    """Wanted a time from this week on, and there was none any more."""


def answers(releases: Sequence[Release], response: Response, seed: int) -> tuple[list[datetime], list[datetime]]:
    """When people visit the page to book, and when others call; both in order."""
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
    return sorted(visits), sorted(calls)


def rehearse(releases: Sequence[Release], places: int, response: Response, seed: int) -> Rehearsal:
    """Play a release through: when people come, whether there are places for them."""
    visits, calls = answers(releases, response, seed)
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


def by_hour(instants: Iterable[datetime]) -> dict[datetime, int]:
    """How many in each clock hour that has any, in order."""
    counts = Counter(at.replace(minute=0, second=0, microsecond=0) for at in instants)
    return dict(sorted(counts.items()))


def week_of(at: datetime) -> str:
    """The week in Stockholm."""
    year, week, _ = local(at).isocalendar()
    return f"{year}-W{week:02}"


def by_week(visits: Sequence[datetime], free: Mapping[str, int]) -> list[Week]:
    """Each visitor takes the first free time of the week they come in, or of a later one. ``free``: by week."""
    left = dict(sorted(free.items()))
    booked, moved_on, refused = Counter[str](), Counter[str](), Counter[str]()
    for at in visits:
        wanted = week_of(at)
        got = next((week for week, places in left.items() if week >= wanted and places), None)
        if got is None:
            refused[wanted] += 1
            continue
        left[got] -= 1
        booked[got] += 1
        moved_on[wanted] += got != wanted
    weeks = sorted({*free, *booked, *moved_on, *refused})
    return [Week(week, free.get(week, 0), booked[week], moved_on[week], refused[week]) for week in weeks]


def _busiest(instants: Iterable[datetime], width: timedelta) -> int:
    """The most in one clock interval of that width."""
    return max(Counter(at.timestamp() // width.total_seconds() for at in instants).values(), default=0)
