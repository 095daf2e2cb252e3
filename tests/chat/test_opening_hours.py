"""Opening hours: holidays, both changes of the clock, and time counted while open."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.opening_hours import STOCKHOLM, Interval, OpeningHours, OpeningHoursError, instant_s

WEEKDAYS = OpeningHours((((480, 720), (780, 1020)),) * 5 + ((),) * 2)
"""8-12 and 13-17, Monday to Friday."""
ALWAYS = OpeningHours((((0, 1440),),) * 7, is_closed_on_holidays=False, is_closed_on_eves=False)
NEVER = OpeningHours(((),) * 7)


def local(text: str, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=STOCKHOLM, fold=fold).timestamp())


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-23 07:59:59", False),
        ("2026-11-23 08:00", True),
        ("2026-11-23 11:59:59", True),
        ("2026-11-23 12:00", False),
        ("2026-11-23 13:00", True),
        ("2026-11-23 17:00", False),
        ("2026-11-28 10:00", False),  # Saturday
        ("2026-01-06 10:00", False),  # trettondedag jul, a Tuesday
        ("2026-06-19 10:00", False),  # midsommarafton, a Friday
    ],
)
def test_open_or_not(at: str, is_open: bool) -> None:
    assert WEEKDAYS.is_open(local(at)) is is_open


def test_a_unit_may_be_open_on_holidays() -> None:
    hours = OpeningHours(WEEKDAYS.weekly, is_closed_on_holidays=False, is_closed_on_eves=False)
    assert hours.is_open(local("2026-01-06 10:00"))
    assert hours.is_open(local("2026-06-19 10:00"))


def test_a_special_day_wins_over_week_and_holiday() -> None:
    hours = OpeningHours(WEEKDAYS.weekly, {date(2026, 1, 6): ((600, 660),), date(2026, 11, 23): ()})
    assert hours.is_open(local("2026-01-06 10:30"))
    assert not hours.is_open(local("2026-01-06 11:00"))
    assert not hours.is_open(local("2026-11-23 10:00"))


def test_next_opening_skips_a_long_weekend() -> None:
    # From Thursday evening before Good Friday to the Tuesday after Easter Monday.
    assert WEEKDAYS.next_opening_s(local("2026-04-02 17:00")) == local("2026-04-07 08:00")
    assert WEEKDAYS.next_opening_s(local("2026-04-07 09:30")) == local("2026-04-07 09:30")


def test_eight_open_hours_from_friday_afternoon_end_on_monday_afternoon() -> None:
    assert WEEKDAYS.add_open_time_s(local("2026-11-20 16:00"), 8 * 3600) == local("2026-11-23 16:00")


def test_open_time_from_a_closed_hour_counts_from_the_next_opening() -> None:
    assert WEEKDAYS.add_open_time_s(local("2026-11-21 03:00"), 3600) == local("2026-11-23 09:00")


def test_a_unit_that_never_opens_promises_nothing() -> None:
    assert NEVER.next_opening_s(local("2026-11-23 10:00")) is None
    assert NEVER.add_open_time_s(local("2026-11-23 10:00"), 60) is None


def test_an_hour_lasts_an_hour_when_clocks_go_forward() -> None:
    # 29 March 2026: 01:59:59 is followed by 03:00:00.
    assert ALWAYS.add_open_time_s(local("2026-03-29 01:30"), 3600) == local("2026-03-29 03:30")
    assert instant_s(date(2026, 3, 29), 150, is_end=False) == local("2026-03-29 03:00")
    assert instant_s(date(2026, 3, 29), 150, is_end=True) == local("2026-03-29 03:00")


def test_hours_that_the_spring_change_skips_do_not_exist_that_day() -> None:
    hours = OpeningHours((((130, 170),),) * 7)
    assert hours.next_opening_s(local("2026-03-29 00:00")) == local("2026-03-30 02:10")


def test_a_time_that_happens_twice_opens_at_the_first_and_closes_at_the_last() -> None:
    # 25 October 2026: 02:59:59 summer time is followed by 02:00:00 normal time.
    hours = OpeningHours((((150, 170),),) * 7)
    opens, closes = local("2026-10-25 02:30", fold=0), local("2026-10-25 02:50", fold=1)
    assert closes - opens == 80 * 60
    assert hours.is_open(opens)
    assert not hours.is_open(opens - 1)
    assert hours.is_open(closes - 1)
    assert not hours.is_open(closes)


def test_two_intervals_in_the_doubled_hour_are_not_counted_twice() -> None:
    hours = OpeningHours((((120, 130), (170, 180)),) * 7)
    start, end = local("2026-10-25 02:00", fold=0), local("2026-10-25 03:00")
    assert hours.add_open_time_s(start, end - start) == end


@pytest.mark.parametrize(
    "intervals", [((600, 540),), ((0, 1441),), ((-1, 10),), ((60, 120), (100, 200)), ((60, 120), (120, 180))]
)
def test_impossible_hours_are_refused(intervals: tuple[Interval, ...]) -> None:
    with pytest.raises(OpeningHoursError):
        OpeningHours((intervals,) + ((),) * 6)
    with pytest.raises(OpeningHoursError):
        OpeningHours(((),) * 7, {date(2026, 1, 1): intervals})
    with pytest.raises(OpeningHoursError):
        OpeningHours(())


@st.composite
def opening_hours(draw: st.DrawFn) -> OpeningHours:
    def day() -> tuple[Interval, ...]:
        edges = sorted(draw(st.sets(st.integers(0, 96), max_size=6)))
        pairs = zip(edges[::2], edges[1::2], strict=False)
        return tuple((start * 15, end * 15) for start, end in pairs)

    return OpeningHours(tuple(day() for _ in range(7)), is_closed_on_holidays=draw(st.booleans()))


INSTANTS = st.integers(local("2026-01-01"), local("2027-12-31"))
NEAR_CHANGES = st.one_of(
    st.integers(local("2026-03-28 20:00"), local("2026-03-29 20:00")),
    st.integers(local("2026-10-24 20:00"), local("2026-10-25 20:00")),
)


@given(opening_hours(), st.one_of(INSTANTS, NEAR_CHANGES))
def test_open_means_that_the_next_opening_is_now(hours: OpeningHours, at: int) -> None:
    opening = hours.next_opening_s(at)
    assert (opening == at) is hours.is_open(at)
    if opening is not None and opening != at:
        assert hours.is_open(opening)
        assert not hours.is_open(opening - 1)


@given(opening_hours(), NEAR_CHANGES, st.integers(1, 30 * 3600), st.integers(1, 30 * 3600))
def test_open_time_adds_up(hours: OpeningHours, at: int, first: int, second: int) -> None:
    halfway = hours.add_open_time_s(at, first)
    whole = hours.add_open_time_s(at, first + second)
    if halfway is None:
        assert whole is None
    else:
        assert hours.add_open_time_s(halfway, second) == whole


@given(opening_hours(), NEAR_CHANGES, st.integers(1, 4 * 60))
def test_open_time_is_what_a_walk_minute_by_minute_counts(hours: OpeningHours, at: int, minutes: int) -> None:
    at -= at % 60
    end = hours.add_open_time_s(at, minutes * 60)
    if end is None or end - at > timedelta(days=3).total_seconds():
        return
    assert sum(hours.is_open(minute) for minute in range(at, end, 60)) == minutes
    assert datetime.fromtimestamp(end, UTC).second == 0
