"""The rehearsal of a release adds up, and finds the weeks with too few times."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from companion.rules.rehearsals import Rehearsal, Response, Week, by_hour, by_week, rehearse, week_of
from companion.rules.releases import Pace, plan

START = datetime(2027, 3, 1, 7, tzinfo=UTC)


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


WEEKS = [week_of(START + timedelta(weeks=number)) for number in range(4)]


@given(st.lists(st.integers(0, 30), max_size=60), st.lists(st.integers(0, 20), min_size=4, max_size=4))
def test_every_visitor_is_booked_or_refused_and_no_week_has_more_than_is_free(
    days: list[int], places: list[int]
) -> None:
    visits = sorted(START + timedelta(days=day) for day in days)
    weeks = by_week(visits, dict(zip(WEEKS, places, strict=True)))
    assert sum(week.booked + week.refused for week in weeks) == len(visits)
    assert all(week.booked <= week.free for week in weeks)
    assert [week.week for week in weeks] == sorted(week.week for week in weeks)


def test_who_finds_no_time_in_the_week_takes_a_later_one() -> None:
    visits = [START, START, START]
    assert by_week(visits, {WEEKS[0]: 1, WEEKS[1]: 1}) == [
        Week("2027-W09", 1, 1, 1, 1),
        Week("2027-W10", 1, 1, 0, 0),
    ]


def test_hours_are_counted_in_order() -> None:
    later = START + timedelta(hours=2, minutes=5)
    assert by_hour([later, START + timedelta(minutes=59), START]) == {START: 2, START + timedelta(hours=2): 1}
