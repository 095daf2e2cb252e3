"""Release: the rate is kept in every hour, at decent hours, and the plan is repeatable; the rehearsal adds up."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.rules.local_time import local
from companion.rules.releases import Pace, Rehearsal, Response, plan, rehearse
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


@settings(max_examples=60)
@given(st.integers(0, 200), st.integers(0, 60), st.floats(0, 1), st.integers(0, 2**32))
def test_a_rehearsal_adds_up(count: int, places: int, share: float, seed: int) -> None:
    releases = plan([f"p{number}" for number in range(count)], START, Pace(50), seed)
    result = rehearse(releases, places, Response(share, timedelta(hours=2), (1 - share) / 2), seed)
    assert result.notices == count
    assert result.booked <= places
    assert result.booked + result.not_booked <= count
    assert (result.not_booked > 0) == (result.first_refused_at is not None)
    assert result.peak_notices_per_hour <= 50
    assert rehearse(releases, places, Response(share, timedelta(hours=2), (1 - share) / 2), seed) == result


def test_a_rehearsal_finds_too_few_places() -> None:
    releases = plan([f"p{number}" for number in range(1000)], START, Pace(500), 3)
    result = rehearse(releases, 100, Response(0.5, timedelta(minutes=30)), 3)
    assert result.booked == 100
    assert 350 < result.not_booked < 450
    assert result.first_refused_at is not None
    assert result.peak_visits_per_minute >= 4
    assert rehearse([], 10, Response(1, timedelta(hours=1)), 1) == Rehearsal(0, None, 0, 0, 0, 0, 0, None)
