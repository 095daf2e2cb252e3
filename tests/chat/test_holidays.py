"""Public holidays against dates of printed calendars."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.holidays import customary_eves, easter_sunday, is_customary_eve, is_public_holiday, public_holidays


@pytest.mark.parametrize(
    ("year", "month", "day"),
    [
        (1961, 4, 2),
        (2000, 4, 23),
        (2008, 3, 23),
        (2019, 4, 21),
        (2024, 3, 31),
        (2025, 4, 20),
        (2026, 4, 5),
        (2038, 4, 25),
    ],
)
def test_easter_sunday(year: int, month: int, day: int) -> None:
    assert easter_sunday(year) == date(year, month, day)


def test_all_holidays_of_2026() -> None:
    days = ("01-01", "01-06", "04-03", "04-05", "04-06", "05-01", "05-14", "05-24", "06-06", "06-20", "10-31")
    days += ("12-25", "12-26")
    assert public_holidays(2026) == {date.fromisoformat(f"2026-{day}") for day in days}


def test_whit_monday_gave_way_to_the_national_day_in_2005() -> None:
    assert is_public_holiday(date(2004, 5, 31))
    assert not is_public_holiday(date(2004, 6, 6))
    assert not is_public_holiday(date(2005, 5, 16))
    assert is_public_holiday(date(2005, 6, 6))


def test_eves_of_2026_are_customary_but_not_public() -> None:
    assert customary_eves(2026) == {date(2026, 6, 19), date(2026, 12, 24), date(2026, 12, 31)}
    assert is_customary_eve(date(2026, 6, 19))
    assert not is_public_holiday(date(2026, 6, 19))


@given(st.integers(1990, 2200))
def test_movable_days_fall_where_the_act_puts_them(year: int) -> None:
    easter = easter_sunday(year)
    assert easter.weekday() == 6
    assert date(year, 3, 22) <= easter <= date(year, 4, 25)
    midsummer = [day for day in public_holidays(year) if day.month == 6 and 20 <= day.day <= 26 and day.weekday() == 5]
    all_saints = [day for day in public_holidays(year) if date(year, 10, 31) <= day <= date(year, 11, 6)]
    assert len(midsummer) == len(all_saints) == 1
    assert all_saints[0].weekday() == 5
