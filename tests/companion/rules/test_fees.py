"""Fees: dated rules, never two at once, never for children."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.errors import Problem
from companion.rules.fees import FeeRule, check_rule, fee_for, is_late, rule_for

DAY = date(2027, 3, 1)
ADULT = date(1980, 1, 1)
SPANS = st.tuples(st.integers(0, 300), st.none() | st.integers(0, 100)).map(
    lambda span: (DAY + timedelta(days=span[0]), None if span[1] is None else DAY + timedelta(days=span[0] + span[1]))
)


def rule(name: str, amount: int, span: tuple[date, date | None], time_type: str | None = None) -> FeeRule:
    return FeeRule(name, "absence", amount, span[0], span[1], time_type)


@given(st.lists(SPANS, max_size=12), st.integers(0, 500))
def test_rules_that_were_let_in_never_leave_a_choice(spans: list[tuple[date, date | None]], offset: int) -> None:
    kept: list[FeeRule] = []
    for number, span in enumerate(spans):
        new = rule(f"r{number}", 100, span)
        try:
            check_rule(new, kept)
        except Problem:
            continue
        kept.append(new)
    day = DAY + timedelta(days=offset)
    assert sum(one.is_valid_on(day) for one in kept) <= 1


def test_the_rule_of_the_day_of_the_visit_counts() -> None:
    rules = [rule("old", 10000, (date(2020, 1, 1), date(2026, 12, 31))), rule("new", 20000, (date(2027, 1, 1), None))]
    amounts = [
        fee.amount_ore
        for day in (date(2026, 12, 31), date(2027, 1, 1))
        if (fee := fee_for("absence", time_type_id="t", day=day, birth_date=ADULT, from_age=18, rules=rules))
    ]
    assert amounts == [10000, 20000]


def test_a_time_types_own_rule_goes_first_even_when_it_is_nothing() -> None:
    rules = [rule("general", 10000, (DAY, None)), rule("own", 0, (DAY, None), "t")]
    assert rule_for("absence", "t", DAY, rules) == rules[1]
    assert fee_for("absence", time_type_id="t", day=DAY, birth_date=ADULT, from_age=18, rules=rules) is None
    assert fee_for("absence", time_type_id="u", day=DAY, birth_date=ADULT, from_age=18, rules=rules) is not None
    assert fee_for("late_cancellation", time_type_id="u", day=DAY, birth_date=ADULT, from_age=18, rules=rules) is None


def test_children_pay_nothing_until_their_birthday() -> None:
    rules = [rule("general", 10000, (DAY, None))]
    for birth, pays in ((date(2009, 3, 1), True), (date(2009, 3, 2), False)):
        fee = fee_for("absence", time_type_id="t", day=DAY, birth_date=birth, from_age=18, rules=rules)
        assert (fee is not None) == pays


@pytest.mark.parametrize(("by", "hours", "late"), [("patient", 23, True), ("patient", 24, False), ("staff", 1, False)])
def test_only_the_patients_late_cancellation_costs(by: str, hours: int, late: bool) -> None:
    at = datetime(2027, 3, 1, 8, tzinfo=UTC)
    assert is_late(by=by, now=at - timedelta(hours=hours), starts_at=at, hours_before=24) is late  # type: ignore[arg-type]
