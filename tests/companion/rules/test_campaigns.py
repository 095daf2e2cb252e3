"""Riktade erbjudanden: two people approve what stands, an edit is a draft's alone, offers, the quota."""

from datetime import timedelta
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from companion.errors import Problem
from companion.rules.campaigns import (
    OFFER_TRANSITIONS,
    TRANSITIONS,
    CampaignEvent,
    CampaignState,
    OfferEvent,
    OfferState,
    after,
    after_booking,
    approved,
    check_quota,
    check_window,
    offer_after,
)
from tests.companion.people import START
from tests.companion.refusals import code

EVENTS = st.sampled_from([*get_args(CampaignEvent), "approve", "approve"])


@given(st.lists(st.tuples(EVENTS, st.sampled_from(["a", "b", "c"])), max_size=20))
def test_nothing_goes_live_that_two_people_have_not_approved_as_it_stands(
    steps: list[tuple[CampaignEvent, str]],
) -> None:
    state, approvals = CampaignState.DRAFT, set[str]()
    for event, who in steps:
        try:
            following = approved(state, approvals, who) if event == "approve" else after(state, event)
        except Problem:
            continue
        assert state is not CampaignState.ENDED
        assert event != "edit" or state is CampaignState.DRAFT
        if event == "approve":
            approvals.add(who)
        elif event in ("edit", "revise"):
            approvals.clear()
        state = following
        if state in (CampaignState.REVIEWED, CampaignState.LIVE, CampaignState.PAUSED):
            assert len(approvals) == 2


def test_one_person_does_not_approve_twice() -> None:
    assert approved(CampaignState.DRAFT, [], "a") is CampaignState.DRAFT
    assert code(lambda: approved(CampaignState.DRAFT, ["a"], "a")) == "approved_already"
    assert approved(CampaignState.DRAFT, ["a"], "b") is CampaignState.REVIEWED
    assert set(TRANSITIONS.values()) == set(CampaignState)


# --- offers ------------------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(get_args(OfferEvent)), max_size=15))
def test_a_declined_or_expired_offer_stays_so(events: list[OfferEvent]) -> None:
    state = OfferState.ELIGIBLE
    for event in events:
        if (state, event) not in OFFER_TRANSITIONS:
            assert code(lambda state=state, event=event: offer_after(state, event)) == "offer_state"
            continue
        assert state not in (OfferState.DECLINED, OfferState.EXPIRED)
        state = offer_after(state, event)


@given(st.none() | st.integers(0, 20), st.integers(0, 20))
def test_the_quota_is_kept(quota: int | None, taken: int) -> None:
    assert (code(lambda: check_quota(quota, taken)) is None) == (quota is None or taken < quota)


@given(st.integers(1, 5))
def test_an_offer_is_booked_when_its_last_step_is(steps: int) -> None:
    state = OfferState.OPENED
    for number in range(1, steps + 1):
        state = after_booking(state, booked_steps=number, steps=steps)
        assert state is (OfferState.BOOKED if number == steps else OfferState.ACCEPTED)


def test_a_window_ends_after_it_begins_and_is_not_over() -> None:
    check_window(START, START + timedelta(hours=1), START)
    assert code(lambda: check_window(START, START, START)) == "campaign_window"
    assert code(lambda: check_window(START, START + timedelta(hours=1), START + timedelta(hours=1))) == (
        "campaign_window"
    )
