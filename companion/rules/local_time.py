"""Local time in Sweden at the edge, UTC inside.

Twice a year local times misbehave. On the last Sunday of March 02:00 to 03:00 does not exist; on the last Sunday of
October it comes twice. A time that does not exist is refused. One that comes twice is refused too, unless it is said
which one is meant (``fold``, as in PEP 495: 0 the first, in summer time; 1 the second).
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from holidays.countries.sweden import Sweden

from auth.proxies import birthday
from companion.errors import Problem, define

STOCKHOLM: Final = ZoneInfo("Europe/Stockholm")
Fold = Literal[0, 1]

NONEXISTENT_TIME: Final = define(
    "nonexistent_time",
    422,
    sv="Klockslaget finns inte den dagen (sommartiden börjar).",
    en="There is no such time on that day (summer time begins).",
)
AMBIGUOUS_TIME: Final = define(
    "ambiguous_time",
    422,
    sv="Klockslaget kommer två gånger den dagen (sommartiden slutar). Ange vilket som menas.",
    en="The time comes twice on that day (summer time ends). Say which one is meant.",
)


def instant(local: datetime, *, fold: Fold | None = None, field: str | None = None) -> datetime:
    """The instant (UTC) of a local time without a zone. ``Problem`` when there is none, or two and no ``fold``."""
    if local.tzinfo is not None:
        raise ValueError("a local time has no time zone")
    first, second = (local.replace(tzinfo=STOCKHOLM, fold=one).astimezone(UTC) for one in (0, 1))
    if first.astimezone(STOCKHOLM).replace(tzinfo=None, fold=0) != local.replace(fold=0):
        raise Problem(NONEXISTENT_TIME, field)
    if first == second:
        return first
    if fold is None:
        raise Problem(AMBIGUOUS_TIME, field)
    return second if fold else first


def local(at: datetime) -> datetime:
    """An instant on the clocks of Stockholm."""
    return at.astimezone(STOCKHOLM)


def local_date(at: datetime) -> date:
    """The date in Stockholm at an instant."""
    return local(at).date()


def midnight(day: date) -> datetime:
    """The instant at which a day begins in Stockholm; clocks never change at midnight."""
    return instant(datetime.combine(day, time()))


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """When a day begins and ends in Stockholm: 23, 24 or 25 hours apart."""
    return midnight(day), midnight(day + timedelta(days=1))


def age_on(birth_date: date, day: date) -> int:
    """Whole years on a date. Whoever was born on 29 February has the birthday that ``auth.proxies`` says."""
    years = day.year - birth_date.year
    return years if birthday(birth_date, years) <= day else years - 1


@lru_cache(maxsize=64)
def _red_days(year: int) -> frozenset[date]:
    """Public holidays other than ordinary Sundays (lag 1989:253), and the eves that nearly everybody has off."""
    return frozenset(Sweden(years=year, include_sundays=False, categories=("public", "de_facto")))


def is_holiday(day: date) -> bool:
    """Is the day a public holiday (*röd dag*) or Midsummer's, Christmas or New Year's Eve? Plain Sundays are not."""
    return day in _red_days(day.year)
