"""E-kallelse: states of the summons and its letter, answers in time, reminders."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.rules.summons import (
    LETTER_TRANSITIONS,
    TRANSITIONS,
    UNANSWERED,
    UNREAD,
    Answer,
    LetterEvent,
    LetterState,
    Reach,
    SummonsEvent,
    SummonsState,
    Terms,
    after,
    check_answer,
    check_terms,
    expires,
    letter_after,
    letter_reason,
    reminders,
)
from tests.companion.refusals import code

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)
FINAL = {SummonsState.EXPIRED, SummonsState.WITHDRAWN}


@given(st.lists(st.sampled_from(get_args(SummonsEvent)), max_size=20))
def test_nothing_is_answered_unread_and_nothing_happens_after_the_end(events: list[SummonsEvent]) -> None:
    state, has_read, was_sent = SummonsState.DRAFT, False, False
    for event in events:
        if (state, event) not in TRANSITIONS:
            assert code(lambda state=state, event=event: after(state, event)) == "summons_state"
            continue
        assert state not in FINAL
        has_read |= event == "read"
        was_sent |= event == "send"
        if event in get_args(Answer):
            assert has_read
        if event not in ("send", "withdraw"):
            assert was_sent
        state = after(state, event)
        assert not (has_read and state in UNREAD)


def test_every_state_is_reached() -> None:
    assert set(TRANSITIONS.values()) == set(SummonsState) - {SummonsState.DRAFT}
    assert set(LETTER_TRANSITIONS.values()) == set(LetterState)


@given(st.sampled_from(get_args(Answer)), st.booleans(), st.booleans(), st.booleans(), st.integers(-2, 2))
def test_only_what_the_unit_allowed_and_in_time(
    answer: Answer, may_confirm: bool, may_rebook: bool, may_decline: bool, hours: int
) -> None:
    terms = Terms("timed", NOW + timedelta(hours=hours), may_confirm, may_rebook, may_decline)
    allowed = {"confirm": may_confirm, "rebook": may_rebook, "decline": may_decline}[answer]
    expected = None if allowed and hours > 0 else ("summons_state" if allowed else "summons_answer")
    assert code(lambda: check_answer(terms, answer, NOW)) == expected


def test_what_is_over_is_not_sent() -> None:
    assert code(lambda: check_terms(Terms("open", NOW), NOW)) == "summons_deadline"
    check_terms(Terms("open", NOW + timedelta(seconds=1)), NOW)


@given(st.sampled_from(SummonsState), st.integers(-5, 5))
def test_unanswered_ones_expire_at_their_time(state: SummonsState, hours: int) -> None:
    terms = Terms("timed", NOW + timedelta(hours=hours))
    assert expires(state, terms, NOW) == (state in UNANSWERED and hours <= 0)


@given(st.lists(st.integers(1, 30), max_size=5), st.integers(1, 20))
def test_reminders_come_between_sending_and_the_visit(days: list[int], ahead: int) -> None:
    visit = NOW + timedelta(days=ahead)
    found = reminders(Terms("timed", visit), NOW, [timedelta(days=one) for one in days])
    assert found == sorted(set(found))
    assert all(NOW < at < visit for at in found)
    assert len(found) == len({one for one in days if one < ahead})


@given(st.sampled_from(SummonsState), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 100))
def test_a_letter_goes_out_at_once_when_nothing_else_can_and_later_when_unread(
    state: SummonsState, has_account: bool, bounced: bool, protected: bool, hours: int
) -> None:
    reason = letter_reason(
        state,
        Reach(has_account, bounced, protected),
        sent_at=NOW - timedelta(hours=hours),
        now=NOW,
        unread_after=timedelta(hours=48),
    )
    if state not in UNREAD:
        assert reason is None
    elif protected or not has_account or bounced:
        assert reason in ("protected", "no_account", "bounced")
        assert (reason == "protected") == protected
    else:
        assert reason == ("unread" if hours >= 48 else None)


@given(st.lists(st.sampled_from(get_args(LetterEvent)), max_size=10))
def test_a_printed_letter_is_not_withdrawn_and_a_posted_one_is_final(events: list[LetterEvent]) -> None:
    state = LetterState.QUEUED
    for event in events:
        if (state, event) not in LETTER_TRANSITIONS:
            assert code(lambda state=state, event=event: letter_after(state, event)) == "letter_state"
            continue
        assert state not in (LetterState.POSTED, LetterState.WITHDRAWN)
        assert event != "withdraw" or state is LetterState.QUEUED
        state = letter_after(state, event)


@pytest.mark.parametrize("hours", [47.99, 48])
def test_48_hours_are_elapsed_hours_also_when_the_clocks_change(hours: float) -> None:
    sent = datetime(2027, 3, 27, 12, tzinfo=UTC)  # summer time begins in the night to the 28th
    reason = letter_reason(
        SummonsState.NOTIFIED,
        Reach(True),
        sent_at=sent,
        now=sent + timedelta(hours=hours),
        unread_after=timedelta(hours=48),
    )
    assert reason == ("unread" if hours == 48 else None)
