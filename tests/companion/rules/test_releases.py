"""Release: the rate is kept in every hour, at decent hours, also when plans are made anew; and it is repeatable."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.rules.local_time import local
from companion.rules.releases import GRACE, Pace, continues_at, is_held_up, open_at, plan, room
from tests.companion.refusals import code

START = datetime(2027, 3, 1, 7, tzinfo=UTC)
STARTS = st.integers(0, 365 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))


@settings(max_examples=60)
@given(st.integers(0, 120), st.integers(1, 40), STARTS, st.integers(0, 2**32))
def test_no_hour_has_more_than_the_rate_and_nobody_is_told_at_night(
    count: int, per_hour: int, starts_at: datetime, seed: int
) -> None:
    people = [f"p{number}" for number in range(count)]
    releases = plan(people, starts_at, Pace(per_hour), seed)
    assert sorted(one.person_id for one in releases) == sorted(people)
    instants = [one.at for one in releases]
    assert instants == sorted(instants)
    for index, at in enumerate(instants):
        assert at >= starts_at
        assert time(8) <= local(at).time() < time(20)
        in_an_hour = [other for other in instants[index:] if other < at + timedelta(hours=1)]
        assert len(in_an_hour) <= per_hour


@given(st.integers(0, 50), st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_plan(count: int, seed: int) -> None:
    people = [f"p{number}" for number in range(count)]
    shuffled = people[::-1]
    assert plan(people, START, Pace(30), seed) == plan(shuffled, START, Pace(30), seed)


def test_the_order_is_not_that_of_the_list() -> None:
    people = [f"p{number:03}" for number in range(100)]
    assert [one.person_id for one in plan(people, START, Pace(1000), 1)] != people


@pytest.mark.parametrize("day", [datetime(2027, 3, 27, 18, 30, tzinfo=UTC), datetime(2027, 10, 30, 17, 30, tzinfo=UTC)])
def test_it_goes_on_in_the_morning_also_when_the_clocks_change(day: datetime) -> None:
    releases = plan([f"p{number}" for number in range(60)], day, Pace(60), 7)
    mornings = [local(one.at) for one in releases if local(one.at).date() != local(day).date()]
    assert mornings
    assert mornings[0].time() < time(8, 3)


@pytest.mark.parametrize(
    ("pace", "field"),
    [(Pace(0), "per_hour"), (Pace(10, time(9), time(9)), "opens"), (Pace(10, time(1), time(9)), "opens")],
)
def test_a_pace_that_cannot_be(pace: Pace, field: str) -> None:
    assert code(lambda: plan(["p"], START, pace, 1)) == "release_rate"


# --- carrying it out ---------------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(st.integers(1, 30), st.integers(1, 60), st.integers(0, 120), st.integers(0, 240), st.integers(0, 2**32))
def test_no_hour_across_a_new_plan_has_more_than_the_rate(
    per_hour: int, count: int, told: int, minutes: int, seed: int
) -> None:
    pace = Pace(per_hour)
    before = plan([f"p{number}" for number in range(count)], START, pace, seed)[:told]
    last = before[-1].at if before else None
    now = (last or START) + timedelta(minutes=minutes)
    after = plan([f"q{number}" for number in range(count)], continues_at(now, last, pace), pace, seed)
    instants = [one.at for one in (*before, *after)]
    for first, beyond in zip(instants, instants[per_hour:], strict=False):
        assert beyond - first >= timedelta(hours=1)


def test_what_is_late_is_held_up() -> None:
    assert not is_held_up(None, START)
    assert not is_held_up(START - GRACE, START)
    assert is_held_up(START - GRACE - timedelta(seconds=1), START)
    assert [room(count, Pace(10)) for count in (0, 9, 10, 11)] == [10, 1, 0, 0]
    assert open_at(START, Pace(10))
    assert not open_at(START + timedelta(hours=12), Pace(10))
