"""Whom a campaign is for, and how people are counted without showing any.

A preview never tells of few people. Numbers are rounded down; small cells are suppressed; where one suppressed cell
could be found by subtraction another one is suppressed with it; and an audience is not counted when it differs from
one that was counted before by a small cell, for then the difference of the two would be that cell.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from companion.errors import Problem, define
from companion.rules.local_time import age_on

SMALLEST_CELL: Final = 10
"""Fewer than so many people are never told of."""
ROUNDING: Final = 5
"""Other counts are rounded down to this, so that two previews that differ by one person look alike."""
BAND_YEARS: Final = 10
OLDEST_BAND: Final = 90
UNKNOWN: Final = "unknown"
"""The cell of those of whom a part is not known, and of all with a protected identity: statistics show no part of
them (``companion.rules.masking``)."""

AUDIENCE_EMPTY: Final = define(
    "audience_empty",
    422,
    sv="Ange minst ett villkor för målgruppen.",
    en="Give at least one condition of the audience.",
)
AUDIENCE_TOO_SMALL: Final = define(
    "audience_too_small", 409, sv="Målgruppen är för liten.", en="The audience is too small."
)
PREVIEW_TOO_CLOSE: Final = define(
    "preview_too_close",
    409,
    sv="Målgruppen skiljer sig för lite från en som redan har räknats.",
    en="The audience differs too little from one that has been counted already.",
)
PREVIEWS_USED_UP: Final = define(
    "previews_used_up",
    429,
    sv="Så många olika målgrupper kan inte räknas på en månad.",
    en="So many different audiences cannot be counted in a month.",
)


# --- the audience ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidate:
    """What of a person an audience asks about."""

    birth_date: date | None
    sex: str
    area: str | None
    risk_groups: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    """Where the person is a patient."""
    has_opted_out: bool = False


@dataclass(frozen=True)
class Audience:
    """Conditions that all hold; an empty one says nothing."""

    min_age: int | None = None
    max_age: int | None = None
    """Whole years on the campaign's first day."""
    born_from_year: int | None = None
    born_until_year: int | None = None
    sexes: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()
    risk_groups: frozenset[str] = frozenset()
    """Any of them."""
    units: frozenset[str] = frozenset()

    def check(self) -> None:
        """At least one condition: nobody writes to everybody by mistake."""
        sets = (self.sexes, self.areas, self.risk_groups, self.units)
        if all(limit is None for limit in self.limits) and not any(sets):
            raise Problem(AUDIENCE_EMPTY, "audience")

    @property
    def limits(self) -> tuple[int | None, ...]:
        """All that is about the birth date."""
        return self.min_age, self.max_age, self.born_from_year, self.born_until_year

    def born_between(self, day: date) -> tuple[date, date] | None:
        """The first and the last birth date, both included; None when any will do, an unknown one too."""
        if all(limit is None for limit in self.limits):
            return None
        first, last = [date.min], [date.max]
        if self.min_age is not None:
            last.append(last_birth_date(self.min_age, day))
        if self.max_age is not None:
            first.append(last_birth_date(self.max_age + 1, day) + timedelta(days=1))
        if self.born_from_year is not None:
            first.append(date(self.born_from_year, 1, 1))
        if self.born_until_year is not None:
            last.append(date(self.born_until_year, 12, 31))
        return max(first), min(last)


def last_birth_date(age: int, day: date) -> date:
    """The last birth date of those who are at least so old on a day."""
    candidate = date(day.year - age, day.month, min(day.day, 28)) + timedelta(days=4)
    while age_on(candidate, day) < age:
        candidate -= timedelta(days=1)
    return candidate


def matches(audience: Audience, person: Candidate, day: date) -> bool:
    """Whether a campaign is for somebody. Never for who has opted out. A protected identity keeps nobody from care:
    it only decides how they are told (``companion.rules.summons.unreachable``).
    """
    born = audience.born_between(day)
    if person.has_opted_out:
        return False
    if born is not None and (person.birth_date is None or not born[0] <= person.birth_date <= born[1]):
        return False
    return (
        (not audience.sexes or person.sex in audience.sexes)
        and (not audience.areas or person.area in audience.areas)
        and (not audience.risk_groups or bool(person.risk_groups & audience.risk_groups))
        and (not audience.units or bool(person.units & audience.units))
    )


# --- counts ------------------------------------------------------------------------------------------------------


def shown_count(count: int) -> int | None:
    """A count as a preview shows it: rounded down; None when it is small (and not nothing)."""
    if 0 < count < SMALLEST_CELL:
        return None
    return count - count % ROUNDING


def shown_counts(cells: Mapping[str, int]) -> tuple[int | None, dict[str, int | None]]:
    """The total and the parts as a preview shows them.

    The total is the sum of the exact parts, rounded. When exactly one part is suppressed, the smallest of the others
    goes too, so that it cannot be found as the difference; then, if nothing hides it, the total.
    """
    shown = {name: shown_count(count) for name, count in cells.items()}
    hidden = [name for name, count in shown.items() if count is None]
    if len(hidden) == 1:
        others = sorted((cells[name], name) for name in cells if name not in hidden and cells[name])
        if not others:
            return None, shown
        shown[others[0][1]] = None
    return shown_count(sum(cells.values())), shown


def age_band(birth_date: date | None, day: date) -> str:
    """``60-69``..., ``90-``."""
    if birth_date is None or birth_date > day:
        return UNKNOWN
    lower = age_on(birth_date, day) // BAND_YEARS * BAND_YEARS
    return f"{lower}-{lower + BAND_YEARS - 1}" if lower < OLDEST_BAND else f"{OLDEST_BAND}-"


@dataclass(frozen=True)
class Cell:
    """People who are alike in what a preview shows, and how many of them each audience has."""

    sex: str
    band: str
    area: str
    count: int
    only_new: tuple[int, ...] = ()
    """For each audience that was counted before: how many are in the new one and not in that one."""
    only_old: tuple[int, ...] = ()


PARTS: Final = ("sex", "band", "area")


@dataclass(frozen=True)
class Counts:
    """What a preview shows; None: suppressed."""

    total: int | None
    by: Mapping[str, Mapping[str, int | None]]


def margin(cells: Iterable[tuple[str, int]]) -> dict[str, int]:
    """How many there are by name."""
    found: dict[str, int] = {}
    for name, count in cells:
        found[name] = found.get(name, 0) + count
    return found


def counts_of(cells: Sequence[Cell]) -> Counts:
    """The total, and the parts by sex, age band and area; ``Problem`` when an earlier preview would tell of few."""
    counted = [one for one in cells if one.count]
    by = {part: margin((getattr(one, part), one.count) for one in counted) for part in PARTS}
    for number in range(len(cells[0].only_new) if cells else 0):
        new = [one.only_new[number] for one in cells]
        old = [one.only_old[number] for one in cells]
        for names in (["total"] * len(cells), *([getattr(one, part) for one in cells] for part in PARTS)):
            _check_differences(names, [one.count for one in cells], new, old)
    total = shown_count(sum(one.count for one in cells))
    return Counts(total, {part: shown_counts(found)[1] for part, found in by.items()})


def _check_differences(names: Sequence[str], counts: Sequence[int], new: Sequence[int], old: Sequence[int]) -> None:
    """Where both audiences show a count, those who are only in one of them are nobody, or many."""
    now, only_new, only_old = (margin(zip(names, one, strict=True)) for one in (counts, new, old))
    for name, count in now.items():
        before = count - only_new[name] + only_old[name]
        if min(count, before) < SMALLEST_CELL:
            continue  # one of the two is suppressed, or nobody: there is nothing to subtract
        if any(0 < difference < SMALLEST_CELL for difference in (only_new[name], only_old[name])):
            raise Problem(PREVIEW_TOO_CLOSE)
