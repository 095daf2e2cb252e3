"""Ombud: the state machine, the 13th birthday to the instant, grants."""

from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.principal import PROXY_SCOPES
from companion.rules.custody import (
    TRANSITIONS,
    Family,
    GuardianEvent,
    GuardianState,
    after,
    check_grant,
    check_teenager,
    check_verified,
    end_cause,
    ends_at,
    is_in_force,
)
from tests.companion.refusals import code

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
EVENTS = get_args(GuardianEvent)
BIRTHS = st.dates(date(2000, 1, 1), date(2026, 12, 31))


@given(st.lists(st.sampled_from(EVENTS)))
def test_nobody_is_active_without_verification_and_nothing_comes_back(events: list[GuardianEvent]) -> None:
    state, seen = GuardianState.REQUESTED, [GuardianState.REQUESTED]
    for event in events:
        if (state, event) in TRANSITIONS:
            state = after(state, event)
            seen.append(state)
        else:
            assert code(lambda state=state, event=event: after(state, event)) == "proxy_state"
    if GuardianState.ACTIVE in seen:
        assert GuardianState.VERIFIED in seen[: seen.index(GuardianState.ACTIVE)]
    if GuardianState.ENDED in seen:
        assert state is GuardianState.ENDED


def test_every_state_can_end() -> None:
    for state in GuardianState:
        assert ((state, "end") in TRANSITIONS) == (state is not GuardianState.ENDED)
    assert all(pair in TRANSITIONS or pair[0] for pair in product(GuardianState, EVENTS))


@pytest.mark.parametrize(
    ("birth", "instant"),
    [
        # Winter time: midnight in Stockholm is 23:00 UTC the day before; summer time: 22:00.
        (date(2014, 1, 15), datetime(2027, 1, 14, 23, tzinfo=UTC)),
        (date(2014, 7, 1), datetime(2027, 6, 30, 22, tzinfo=UTC)),
        # The days on which the clocks change begin before they change.
        (date(2014, 3, 28), datetime(2027, 3, 27, 23, tzinfo=UTC)),
        (date(2014, 10, 31), datetime(2027, 10, 30, 22, tzinfo=UTC)),
        # 29 February: the 28th in a year without it.
        (date(2016, 2, 29), datetime(2029, 2, 27, 23, tzinfo=UTC)),
    ],
)
def test_it_ends_at_midnight_in_stockholm(birth: date, instant: datetime) -> None:
    assert ends_at(birth) == instant
    family = Family(birth, is_in_register=True, is_protected=False)
    assert end_cause(family, instant - timedelta(microseconds=1)) is None
    assert end_cause(family, instant) == "birthday"


@given(BIRTHS, st.booleans(), st.booleans(), st.integers(0, 30 * 365))
def test_it_stands_only_while_everything_holds(birth: date, registered: bool, protected: bool, days: int) -> None:
    now = datetime(2000, 1, 1, 12, tzinfo=UTC) + timedelta(days=days)
    family = Family(birth, registered, protected)
    stands = end_cause(family, now) is None
    assert stands == (registered and not protected and now < ends_at(birth))
    assert (code(lambda: check_verified(family, now)) is None) == stands


def test_a_refusal_does_not_tell_that_somebody_is_protected() -> None:
    child = date(2020, 5, 5)
    refusals = {
        code(lambda family=family: check_verified(family, NOW))
        for family in (Family(child, True, True), Family(child, False, False), Family(date(2010, 1, 1), True, False))
    }
    assert refusals == {"guardianship_not_possible"}


def test_an_unknown_birth_date_lets_nobody_in() -> None:
    assert end_cause(Family(None, True, False), NOW) == "birthday"


def grant(**changes: object) -> object:
    fields: dict[str, object] = {
        "scopes": ["book"],
        "now": NOW,
        "valid_until": NOW + timedelta(days=30),
        "max_days": 365,
        "patient_birth_date": date(1980, 1, 1),
        "proxy_birth_date": date(1985, 1, 1),
        "is_self": False,
    }
    return check_grant(**(fields | changes))  # type: ignore[arg-type]


@given(st.lists(st.sampled_from([*sorted(PROXY_SCOPES), "records", ""])))
def test_only_known_scopes_are_granted_and_never_none(scopes: list[str]) -> None:
    if scopes and set(scopes) <= PROXY_SCOPES:
        assert grant(scopes=scopes) == frozenset(scopes)
    else:
        assert code(lambda: grant(scopes=scopes)) == "grant_scopes"


@given(st.integers(-10, 500))
def test_a_grant_is_for_a_time(days: int) -> None:
    refused = code(lambda: grant(valid_until=NOW + timedelta(days=days)))
    assert refused == (None if 1 <= days <= 365 else "grant_period")


@pytest.mark.parametrize(
    "changes",
    [
        {"is_self": True},
        {"patient_birth_date": date(2009, 3, 2)},  # 18 tomorrow
        {"proxy_birth_date": date(2009, 3, 2)},
        {"patient_birth_date": None},
        {"proxy_birth_date": None},
    ],
)
def test_only_adults_grant_and_only_to_other_adults(changes: dict[str, object]) -> None:
    assert code(lambda: grant(**changes)) == "grant_not_possible"


def test_on_the_18th_birthday_one_may_grant() -> None:
    assert grant(patient_birth_date=date(2009, 3, 1)) == {"book"}


def test_a_grant_counts_until_its_end_or_its_revocation() -> None:
    until = NOW + timedelta(hours=1)
    assert is_in_force(valid_until=until, ended_at=None, now=NOW)
    assert not is_in_force(valid_until=until, ended_at=None, now=until)
    assert not is_in_force(valid_until=until, ended_at=NOW, now=NOW)


@pytest.mark.parametrize(
    ("birth", "is_teenager"),
    [
        (date(2014, 3, 2), False),  # 13 tomorrow
        (date(2014, 3, 1), True),
        (date(2009, 3, 2), True),  # 18 tomorrow
        (date(2009, 3, 1), False),
        (None, False),
    ],
)
def test_a_guardian_is_invited_to_one_meeting_of_a_teenager_only(birth: date | None, is_teenager: bool) -> None:
    assert (code(lambda: check_teenager(birth, NOW)) is None) == is_teenager
