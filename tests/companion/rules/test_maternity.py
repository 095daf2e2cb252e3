"""Förlossningsklinik: weeks by local dates, and the life of a wish."""

from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.rules.maternity import (
    TRANSITIONS,
    PregnancyEvent,
    PregnancyState,
    after,
    check_due_date,
    check_override,
    check_wish,
    due_week,
    gestational_age,
    last_wish_date,
    wish_closes_at,
)
from tests.companion.refusals import code

CLINICS = ("north", "south", "west")


# --- weeks -------------------------------------------------------------------------------------------------------


@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)))
def test_the_last_day_of_the_wish_is_21_plus_6(due: date) -> None:
    last = last_wish_date(due)
    assert str(gestational_age(due, last)) == "21+6"
    assert str(gestational_age(due, last + timedelta(days=1))) == "22+0"
    assert str(gestational_age(due, due)) == "40+0"


@pytest.mark.parametrize(
    ("due", "closes"),
    [
        # 21+6 is 127 days before the due date; 22+0 begins at midnight in Stockholm.
        (date(2027, 8, 1), datetime(2027, 3, 27, 23, tzinfo=UTC)),  # 22+0 is 28 March, when summer time begins
        (date(2027, 8, 2), datetime(2027, 3, 28, 22, tzinfo=UTC)),  # the day after
        (date(2028, 3, 5), datetime(2027, 10, 30, 22, tzinfo=UTC)),  # 22+0 is 31 October, when it ends
        (date(2028, 3, 6), datetime(2027, 10, 31, 23, tzinfo=UTC)),
    ],
)
def test_it_closes_at_midnight_in_stockholm_whatever_the_clocks_do(due: date, closes: datetime) -> None:
    assert wish_closes_at(due) == closes
    assert code(lambda: check_wish(["north"], CLINICS, due_date=due, now=closes - timedelta(seconds=1))) is None
    assert code(lambda: check_wish(["north"], CLINICS, due_date=due, now=closes)) == "wish_closed"


@pytest.mark.parametrize("choices", [["north", "north"], ["nowhere"], ["north", "south", "west"] * 2])
def test_a_wish_names_different_clinics_of_the_list(choices: list[str]) -> None:
    now = datetime(2027, 3, 1, tzinfo=UTC)
    assert code(lambda: check_wish(choices, CLINICS, due_date=date(2027, 9, 1), now=now)) == "wish_choices"
    check_wish([], CLINICS, due_date=date(2027, 9, 1), now=now)


@pytest.mark.parametrize(
    ("due", "week"), [(date(2027, 1, 3), "2026-W53"), (date(2027, 1, 4), "2027-W01"), (date(2027, 8, 5), "2027-W31")]
)
def test_capacity_is_counted_in_iso_weeks(due: date, week: str) -> None:
    assert due_week(due) == week


@given(st.integers(-60, 400))
def test_a_due_date_is_plausible_from_week_4_to_43(days: int) -> None:
    now = datetime(2027, 3, 1, 12, tzinfo=UTC)
    refused = code(lambda: check_due_date(date(2027, 3, 1) + timedelta(days=days), now))
    assert (refused is None) == (28 <= 280 - days <= 301)


# --- states ------------------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(get_args(PregnancyEvent))))
def test_once_ended_nothing_happens_and_once_allocated_nothing_is_wished(events: list[PregnancyEvent]) -> None:
    state = PregnancyState.OPEN
    for event in events:
        if (state, event) not in TRANSITIONS:
            assert code(lambda state=state, event=event: after(state, event)) == "pregnancy_state"
            continue
        if event in ("wish", "revise"):
            assert state is PregnancyState.OPEN
        assert state is not PregnancyState.ENDED
        state = after(state, event)


def test_an_override_needs_a_reason() -> None:
    check_override("hjärtsjukdom hos modern")
    assert code(lambda: check_override("  x ")) == "override_reason"
