"""The states of a meeting: a technical abort is never a no-show, and whatever comes twice changes nothing more."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import get_args

import pytest

from companion.rules.meeting_course import TRANSITIONS, Event, MeetingState, after, state_at

START = datetime(2027, 3, 8, 9, 0, tzinfo=UTC)
BEFORE = timedelta(minutes=15)


@pytest.mark.parametrize(
    ("minutes", "state"), [(-16, "planned"), (-15, "open"), (0, "open"), (500, "open")], ids=lambda value: str(value)
)
def test_the_clock_opens_a_meeting_a_quarter_of_an_hour_before(minutes: int, state: str) -> None:
    now = START + timedelta(minutes=minutes)
    assert state_at(None, now=now, starts_at=START, open_before=BEFORE) == state
    assert state_at("ended", now=now, starts_at=START, open_before=BEFORE) is MeetingState.ENDED


def test_a_technical_abort_never_becomes_a_no_show() -> None:
    assert after(MeetingState.ABORTED_TECHNICAL, "miss") is MeetingState.ABORTED_TECHNICAL
    assert after(MeetingState.NO_SHOW, "abort") is MeetingState.ABORTED_TECHNICAL
    assert {key for key, to in TRANSITIONS.items() if to is MeetingState.NO_SHOW} == {
        (MeetingState.OPEN, "miss"),
        (MeetingState.IN_PROGRESS, "miss"),
        (MeetingState.ENDED, "miss"),
    }


def test_every_event_in_every_state_leads_somewhere_and_twice_to_the_same() -> None:
    for state, event in product(MeetingState, get_args(Event)):
        once = after(state, event)
        assert after(once, event) is once
    reached = {MeetingState.PLANNED} | set(TRANSITIONS.values())
    assert reached == set(MeetingState)


def test_a_meeting_that_was_cut_off_goes_on() -> None:
    state = MeetingState.OPEN
    course: tuple[tuple[Event, str], ...] = (
        ("start", "in_progress"), ("abort", "aborted_technical"), ("start", "in_progress"), ("end", "ended"),
        ("start", "in_progress"), ("end", "ended"),
    )  # fmt: skip
    for event, becomes in course:
        state = after(state, event)
        assert state == becomes
