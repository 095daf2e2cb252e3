"""Sweden's public holidays (*röda dagar*), computed: the act 1989:253 on public holidays, and the eves by custom.

Sundays are public holidays too by the same act; whoever asks for opening hours has a line of its own for Sundays.
"""

from datetime import date, timedelta
from functools import lru_cache
from typing import Final

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5


def easter_sunday(year: int) -> date:
    """Easter Sunday in the Gregorian calendar (the method of Meeus, Jones and Butcher)."""
    golden = year % 19
    century, rest = divmod(year, 100)
    leap_centuries, century_rest = divmod(century, 4)
    moon_correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - moon_correction + 15) % 30
    leap_years, year_rest = divmod(rest, 4)
    weekday = (32 + 2 * century_rest + 2 * leap_years - epact - year_rest) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _saturday_from(first: date) -> date:
    """The first Saturday on or after a date."""
    return first + timedelta(days=(_SATURDAY - first.weekday()) % 7)


@lru_cache(maxsize=64)
def public_holidays(year: int) -> frozenset[date]:
    """The public holidays of a year that are not just Sundays (and those that always fall on one)."""
    easter = easter_sunday(year)
    days = {
        date(year, 1, 1),  # nyårsdagen
        date(year, 1, 6),  # trettondedag jul
        easter - 2 * _DAY,  # långfredagen
        easter,  # påskdagen
        easter + _DAY,  # annandag påsk
        date(year, 5, 1),  # första maj
        easter + 39 * _DAY,  # Kristi himmelsfärdsdag
        easter + 49 * _DAY,  # pingstdagen
        _saturday_from(date(year, 6, 20)),  # midsommardagen
        _saturday_from(date(year, 10, 31)),  # alla helgons dag
        date(year, 12, 25),  # juldagen
        date(year, 12, 26),  # annandag jul
    }
    if year >= 2005:
        days.add(date(year, 6, 6))  # Sveriges nationaldag
    else:
        days.add(easter + 50 * _DAY)  # annandag pingst, until 2004
    return frozenset(days)


@lru_cache(maxsize=64)
def customary_eves(year: int) -> frozenset[date]:
    """Days on which nearly every workplace is closed although no act says so."""
    return frozenset(
        {
            _saturday_from(date(year, 6, 20)) - _DAY,  # midsommarafton
            date(year, 12, 24),  # julafton
            date(year, 12, 31),  # nyårsafton
        }
    )


def is_public_holiday(day: date) -> bool:
    """Is the day a public holiday other than an ordinary Sunday?"""
    return day in public_holidays(day.year)


def is_customary_eve(day: date) -> bool:
    """Is the day Midsummer's, Christmas or New Year's Eve?"""
    return day in customary_eves(day.year)
