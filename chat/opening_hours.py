"""When a unit is open (*öppettider*), and what "answered within eight opening hours" means as an instant.

Instants are seconds since the epoch (UTC); hours are minutes of the local day in Europe/Stockholm. A local time
that a change to summer time skips means the instant of the change; one that happens twice means its first
occurrence for an opening and its last for a closing, so that a unit is open at all times its board says.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from chat.holidays import is_customary_eve, is_public_holiday

STOCKHOLM: Final = ZoneInfo("Europe/Stockholm")
MINUTES_PER_DAY: Final = 24 * 60
SEARCH_DAYS: Final = 400
"""A unit that does not open within so many days is taken to be closed for good."""

Interval = tuple[int, int]
"""From a minute of the day up to, not including, a later one (at most 1440)."""


class OpeningHoursError(ValueError):
    """Hours that no clock shows: overlapping, reversed, or outside the day."""


def check_intervals(intervals: tuple[Interval, ...]) -> None:
    """One day's hours are in order and apart, or ``OpeningHoursError``."""
    previous_end = -1
    for start, end in intervals:
        if not 0 <= start < end <= MINUTES_PER_DAY or start <= previous_end:
            raise OpeningHoursError("intervals")
        previous_end = end


@dataclass(frozen=True)
class OpeningHours:
    """The hours of each weekday (Monday first), and the days that differ."""

    weekly: tuple[tuple[Interval, ...], ...]
    special: Mapping[date, tuple[Interval, ...]] = field(default_factory=dict)
    """Hours of single days, which win over everything else; no interval means closed."""
    is_closed_on_holidays: bool = True
    is_closed_on_eves: bool = True

    def __post_init__(self) -> None:
        """Check every day's hours."""
        if len(self.weekly) != 7:
            raise OpeningHoursError("weekly")
        for intervals in (*self.weekly, *self.special.values()):
            check_intervals(intervals)

    def on(self, day: date) -> tuple[Interval, ...]:
        """The hours of one day."""
        if day in self.special:
            return self.special[day]
        if self.is_closed_on_holidays and is_public_holiday(day):
            return ()
        if self.is_closed_on_eves and is_customary_eve(day):
            return ()
        return self.weekly[day.weekday()]

    def is_open(self, at_s: float) -> bool:
        """Is the unit open at an instant?"""
        return any(start_s <= at_s < end_s for start_s, end_s in self._from(at_s, days=1))

    def next_opening_s(self, at_s: float) -> int | None:
        """The instant itself if the unit is open then, else when it opens next; None if it does not."""
        for start_s, end_s in self._from(at_s, SEARCH_DAYS):
            if at_s < end_s:
                return max(int(at_s), start_s)
        return None

    def add_open_time_s(self, at_s: float, open_s: int) -> int | None:
        """The instant at which the unit has been open for ``open_s`` seconds after ``at_s``; None if never."""
        left_s = open_s
        for start_s, end_s in self._from(at_s, SEARCH_DAYS):
            first_s = max(int(at_s), start_s)
            if first_s >= end_s:
                continue
            if left_s <= end_s - first_s:
                return first_s + left_s
            left_s -= end_s - first_s
        return None

    def _from(self, at_s: float, days: int) -> Iterator[Interval]:
        """The opening intervals as instants, from the day of ``at_s`` on, in order and apart."""
        first = datetime.fromtimestamp(at_s, STOCKHOLM).date()
        for offset in range(days):
            day = first + timedelta(days=offset)
            done_s = 0
            for start, end in self.on(day):
                # Two intervals within the hour that happens twice would overlap.
                start_s, end_s = max(instant_s(day, start, is_end=False), done_s), instant_s(day, end, is_end=True)
                if start_s < end_s:  # not so when a change to summer time skips all of it
                    yield start_s, end_s
                    done_s = end_s


def instant_s(day: date, minute: int, *, is_end: bool) -> int:
    """The instant of a minute of a local day (1440: the midnight that ends it)."""
    if minute == MINUTES_PER_DAY:
        day, minute = day + timedelta(days=1), 0
    local = datetime.combine(day, time(minute // 60, minute % 60), STOCKHOLM).replace(fold=int(is_end))
    at = local.astimezone(UTC)
    if at.astimezone(STOCKHOLM).replace(tzinfo=None) != local.replace(tzinfo=None):
        # Skipped: with fold=0 (the offset before the change) it lands after the change, with fold=1 before it.
        return _change_between(int(local.replace(fold=1).timestamp()), int(local.replace(fold=0).timestamp()))
    return int(at.timestamp())


def _change_between(low_s: int, high_s: int) -> int:
    """The first second in (low, high] with the offset of ``high_s``: when the clock was changed."""
    wanted = datetime.fromtimestamp(high_s, STOCKHOLM).utcoffset()
    while high_s - low_s > 1:
        middle = (low_s + high_s) // 2
        if datetime.fromtimestamp(middle, STOCKHOLM).utcoffset() == wanted:
            high_s = middle
        else:
            low_s = middle
    return high_s
