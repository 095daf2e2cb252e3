"""Local time: the nights on which the clocks change, birthdays, holidays."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chat.holidays import is_customary_eve, is_public_holiday
from companion.errors import Problem
from companion.rules.local_time import age_on, day_bounds, instant, is_holiday, local, local_date, midnight
from tests.companion.refusals import code

LOCAL_TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2080, 1, 1))  # noqa: DTZ001


def test_an_hour_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        instant(datetime(2027, 3, 28, 2, 30), field="starts")  # noqa: DTZ001
    assert (refused.value.code, refused.value.field_name) == ("nonexistent_time", "starts")


def test_an_hour_that_comes_twice_needs_to_be_told() -> None:
    twice = datetime(2027, 10, 31, 2, 30)  # noqa: DTZ001
    with pytest.raises(Problem) as refused:
        instant(twice)
    assert refused.value.code == "ambiguous_time"
    assert instant(twice, fold=0) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert instant(twice, fold=1) == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)


@given(LOCAL_TIMES, st.sampled_from((0, 1)))
def test_what_is_accepted_shows_the_same_clock(wall: datetime, fold: int) -> None:
    refused = code(lambda: instant(wall, fold=fold))  # type: ignore[arg-type]
    if refused:
        assert (refused, wall.month, wall.hour) == ("nonexistent_time", 3, 2)
        return
    at = instant(wall, fold=fold)  # type: ignore[arg-type]
    assert at.utcoffset() == timedelta()
    assert local(at).replace(tzinfo=None, fold=0) == wall.replace(fold=0)


@given(st.dates(date(1990, 1, 1), date(2080, 1, 1)))
def test_days_have_23_24_or_25_hours_and_touch(day: date) -> None:
    start, end = day_bounds(day)
    assert (end - start) in {timedelta(hours=hours) for hours in (23, 24, 25)}
    assert day_bounds(day + timedelta(days=1))[0] == end
    assert local_date(start) == day
    assert local_date(start - timedelta(microseconds=1)) == day - timedelta(days=1)


@given(st.dates(date(1920, 1, 1), date(2020, 1, 1)), st.integers(0, 40_000))
def test_age_grows_by_one_a_year_and_never_falls(birth: date, days: int) -> None:
    day = birth + timedelta(days=days)
    age, next_age = age_on(birth, day), age_on(birth, day + timedelta(days=1))
    assert age <= next_age <= age + 1
    assert age == pytest.approx(days / 365.25, abs=1.1)


def test_the_birthday_counts_from_its_midnight_in_stockholm() -> None:
    birth = date(2014, 6, 15)
    thirteenth = midnight(date(2027, 6, 15))
    assert age_on(birth, local_date(thirteenth)) == 13
    assert age_on(birth, local_date(thirteenth - timedelta(seconds=1))) == 12
    assert thirteenth.hour == 22


def test_who_is_born_on_29_february_turns_older_on_the_28th() -> None:
    assert age_on(date(2012, 2, 29), date(2025, 2, 28)) == 13
    assert age_on(date(2012, 2, 29), date(2025, 2, 27)) == 12
    assert age_on(date(2012, 2, 29), date(2028, 2, 28)) == 15


@settings(deadline=None)
@given(st.dates(date(2006, 1, 1), date(2060, 1, 1)))
def test_holidays_are_those_that_the_chat_computes(day: date) -> None:
    """Two sources that know nothing of each other."""
    assert is_holiday(day) == (is_public_holiday(day) or is_customary_eve(day))


@given(LOCAL_TIMES)
def test_only_times_without_a_zone_are_local(wall: datetime) -> None:
    assume(wall.year > 1990)
    with pytest.raises(ValueError, match="zone"):
        instant(wall.replace(tzinfo=UTC))
