"""Bookings: the state machine and the gates."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.errors import Problem
from companion.rules import bookings
from companion.rules.bookings import (
    HOLDS_PLACE,
    TRANSITIONS,
    BookingState,
    Gate,
    after,
    check_dose_interval,
    check_person,
)
from companion.rules.local_time import local_date
from tests.companion.refusals import code, refusal

AT = datetime(2027, 3, 1, 8, tzinfo=UTC)
EVENTS = ("arrive", "fulfil", "cancel", "miss", "rebook", "undo_miss")
BIRTHS = st.dates(date(1920, 1, 1), date(2027, 1, 1))


@given(st.lists(st.sampled_from(EVENTS)))
def test_whatever_happens_a_cancelled_or_fulfilled_booking_stays_so(events: list[bookings.Event]) -> None:
    state = BookingState.BOOKED
    for event in events:
        final = state in (BookingState.CANCELLED, BookingState.FULFILLED)
        if (state, event) in TRANSITIONS:
            assert not final
            state = after(state, event)
        else:
            assert code(partial(after, state, event)) == "booking_state"


def test_only_cancelling_gives_the_place_back() -> None:
    leaving = {
        event
        for (state, event), following in TRANSITIONS.items()
        if state in HOLDS_PLACE and following not in HOLDS_PLACE
    }
    assert leaving == {"cancel"}


def test_every_state_is_reached_and_every_pair_is_decided() -> None:
    assert set(TRANSITIONS.values()) == set(BookingState)
    for state, event in product(BookingState, EVENTS):
        if (state, event) not in TRANSITIONS:
            with pytest.raises(Problem):
                after(state, event)


@given(BIRTHS, st.integers(0, 100), st.integers(0, 100), st.integers(0, 3000))
def test_the_age_gate_lets_through_whoever_is_of_age_on_the_day_of_the_visit(
    birth: date, youngest: int, oldest: int, days: int
) -> None:
    day = date(2027, 1, 1) + timedelta(days=days)
    gate = Gate(min_age=youngest, max_age=oldest)
    years = day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))
    if (birth.month, birth.day) == (2, 29):
        return
    if youngest <= years <= oldest:
        check_person(gate, day=day, birth_date=birth)
    else:
        with pytest.raises(Problem, match="age_gate"):
            check_person(gate, day=day, birth_date=birth)


@given(BIRTHS, st.integers(1920, 2027), st.integers(1920, 2027))
def test_the_birth_year_gate(birth: date, first: int, last: int) -> None:
    gate = Gate(born_from_year=first, born_until_year=last)
    is_let = refusal(lambda: check_person(gate, day=date(2027, 3, 1), birth_date=birth)) is None
    assert is_let == (first <= birth.year <= last)


def test_an_unknown_birth_date_passes_no_age_gate() -> None:
    check_person(Gate(), day=date(2027, 3, 1), birth_date=None)
    with pytest.raises(Problem, match="age_gate"):
        check_person(Gate(max_age=12), day=date(2027, 3, 1), birth_date=None)


@pytest.mark.parametrize(
    ("day", "is_valid"),
    [(date(2027, 1, 31), False), (date(2027, 2, 1), True), (date(2027, 2, 28), True), (date(2027, 3, 1), False)],
)
def test_a_time_type_is_valid_from_its_first_day_through_its_last(day: date, is_valid: bool) -> None:
    gate = Gate(valid_from=date(2027, 2, 1), valid_until=date(2027, 2, 28))
    if is_valid:
        check_person(gate, day=day, birth_date=None)
    else:
        with pytest.raises(Problem, match="time_type_not_valid"):
            check_person(gate, day=day, birth_date=None)


@given(st.integers(-5, 200), st.integers(1, 60), st.none() | st.integers(60, 120))
def test_the_dose_interval_is_kept(days: int, least: int, most: int | None) -> None:
    first = date(2027, 3, 1)
    gate = Gate(min_days_since_dose=least, max_days_since_dose=most)
    is_right = days >= least and (most is None or days <= most)
    day = first + timedelta(days=days)
    problem = refusal(lambda: check_dose_interval(gate, day, first))
    assert (problem.code if problem else None) == (None if is_right else "dose_interval")
    if problem and days < least:
        assert problem.extra["earliest"] == (first + timedelta(days=least)).isoformat()


def test_a_second_dose_needs_a_first() -> None:
    with pytest.raises(Problem, match="dose_interval"):
        check_dose_interval(Gate(min_days_since_dose=21), date(2027, 3, 1), None)


@given(st.integers(-50, 50), st.integers(1, 48))
def test_patients_change_a_booking_until_the_limit(hours: int, limit: int) -> None:
    now = AT - timedelta(hours=hours)
    found = code(lambda: bookings.check_change_by_patient(allowed=True, now=now, starts_at=AT, hours_before=limit))
    assert found == (None if hours >= limit else "too_late")


def test_what_a_time_type_forbids_is_forbidden_at_any_time() -> None:
    with pytest.raises(Problem, match="not_permitted"):
        bookings.check_change_by_patient(allowed=False, now=AT - timedelta(days=9), starts_at=AT, hours_before=24)


@given(st.integers(-3000, 300))
def test_one_arrives_until_half_of_the_time_and_is_missed_after(minutes: int) -> None:
    now, ends = AT + timedelta(minutes=minutes), AT + timedelta(minutes=60)
    is_past, is_day_before = minutes > 30, local_date(now) < local_date(AT)
    arrival = code(lambda: bookings.check_arrival(now=now, starts_at=AT, ends_at=ends))
    assert arrival == ("too_late" if is_past else "too_early" if is_day_before else None)
    miss = code(lambda: bookings.check_miss(now=now, starts_at=AT, ends_at=ends))
    assert miss == (None if is_past else "too_early")


def test_nobody_is_booked_twice_at_once_or_in_the_past() -> None:
    ends = AT + timedelta(minutes=30)
    bookings.check_new(
        now=AT - timedelta(days=1), starts_at=AT, ends_at=ends, taken=[(ends, ends + timedelta(hours=1))]
    )
    with pytest.raises(Problem, match="booking_overlaps"):
        bookings.check_new(
            now=AT - timedelta(days=1), starts_at=AT, ends_at=ends, taken=[(ends - timedelta(minutes=1), ends)]
        )
    with pytest.raises(Problem, match="slot_past"):
        bookings.check_new(now=AT, starts_at=AT, ends_at=ends, taken=[])
