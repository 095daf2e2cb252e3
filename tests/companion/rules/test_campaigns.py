"""Riktade erbjudanden: two people approve, audiences, counts that show nobody, offers."""

from datetime import date
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.errors import Problem
from companion.rules.campaigns import (
    OFFER_TRANSITIONS,
    SMALLEST_CELL,
    TRANSITIONS,
    Audience,
    CampaignEvent,
    CampaignState,
    Candidate,
    OfferEvent,
    OfferState,
    after,
    approved,
    check_quota,
    matches,
    offer_after,
    shown_count,
    shown_counts,
)
from tests.companion.refusals import code

DAY = date(2027, 3, 1)
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
        if event == "approve":
            approvals.add(who)
        elif event == "edit":
            approvals.clear()
        state = following
        if state in (CampaignState.REVIEWED, CampaignState.LIVE, CampaignState.PAUSED):
            assert len(approvals) == 2


def test_one_person_does_not_approve_twice() -> None:
    assert approved(CampaignState.DRAFT, [], "a") is CampaignState.DRAFT
    assert code(lambda: approved(CampaignState.DRAFT, ["a"], "a")) == "approved_already"
    assert approved(CampaignState.DRAFT, ["a"], "b") is CampaignState.REVIEWED
    assert set(TRANSITIONS.values()) == set(CampaignState)


# --- audience ----------------------------------------------------------------------------------------------------

SEXES, AREAS, RISKS, UNITS = ("female", "male"), ("0180", "0182"), ("asthma", "heart"), ("u1", "u2")
CANDIDATES = st.builds(
    Candidate,
    birth_date=st.none() | st.dates(date(1930, 1, 1), DAY),
    sex=st.sampled_from(SEXES),
    area=st.none() | st.sampled_from(AREAS),
    risk_groups=st.frozensets(st.sampled_from(RISKS)),
    units=st.frozensets(st.sampled_from(UNITS)),
    is_protected=st.booleans(),
    has_opted_out=st.booleans(),
)
AUDIENCES = st.builds(
    Audience,
    min_age=st.none() | st.integers(0, 100),
    max_age=st.none() | st.integers(0, 100),
    sexes=st.frozensets(st.sampled_from(SEXES)),
    areas=st.frozensets(st.sampled_from(AREAS)),
    risk_groups=st.frozensets(st.sampled_from(RISKS)),
    units=st.frozensets(st.sampled_from(UNITS)),
)


@given(AUDIENCES, CANDIDATES)
def test_all_conditions_hold_and_nobody_protected_or_unwilling_is_told(audience: Audience, person: Candidate) -> None:
    if not matches(audience, person, DAY):
        return
    assert not person.is_protected
    assert not person.has_opted_out
    assert not audience.sexes or person.sex in audience.sexes
    assert not audience.areas or person.area in audience.areas
    assert not audience.risk_groups or person.risk_groups & audience.risk_groups
    assert not audience.units or person.units & audience.units


@pytest.mark.parametrize(
    ("birth", "is_in"),
    [
        (date(1962, 3, 1), True),  # 65 today
        (date(1962, 3, 2), False),  # tomorrow
        (date(1956, 3, 2), True),  # 71 tomorrow
        (date(1956, 3, 1), False),
        (date(1956, 2, 29), False),  # 71 on 28 February
        (None, False),
    ],
)
def test_age_is_in_whole_years_on_the_day(birth: date | None, is_in: bool) -> None:
    assert matches(Audience(min_age=65, max_age=70), Candidate(birth, "female", None), DAY) == is_in


def test_an_audience_says_something() -> None:
    assert code(Audience().check) == "audience_empty"
    Audience(min_age=0).check()


# --- counts ------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10_000))
def test_small_counts_are_not_shown_and_one_person_more_is_seldom_seen(count: int) -> None:
    shown = shown_count(count)
    assert (shown is None) == (0 < count < SMALLEST_CELL)
    if shown is not None:
        assert 0 <= count - shown < 5


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 60), max_size=6))
def test_a_suppressed_part_cannot_be_found_by_subtraction(cells: dict[str, int]) -> None:
    total, shown = shown_counts(cells)
    small = {name for name, count in cells.items() if 0 < count < SMALLEST_CELL}
    hidden = {name for name, count in shown.items() if count is None}
    assert small <= hidden
    if small:
        assert len(hidden) >= 2 or total is None
    assert all(count is None or count <= cells[name] for name, count in shown.items())


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
