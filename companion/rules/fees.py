"""Fees (avgifter) for late cancellations and absence: dated rules, applied as they stood on the day of the visit."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from companion.errors import Problem, define
from companion.rules.local_time import age_on

FEE_RULE_OVERLAPS: Final = define(
    "fee_rule_overlaps",
    409,
    sv="Det finns redan en avgiftsregel för den tiden.",
    en="There is a fee rule for that time already.",
)

FeeKind = Literal["late_cancellation", "absence"]
Actor = Literal["patient", "staff"]


@dataclass(frozen=True)
class FeeRule:
    """What something costs from one day to another."""

    rule_id: str
    kind: FeeKind
    amount_ore: int
    """In öre (1/100 krona)."""
    valid_from: date
    valid_until: date | None = None
    """The last day; None: until further notice."""
    time_type_id: str | None = None
    """Only for this time type; None: for all that have no rule of their own."""

    def is_valid_on(self, day: date) -> bool:
        """Whether the rule stands on that day."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


@dataclass(frozen=True)
class Fee:
    """What a patient is to pay, and by which rule."""

    rule_id: str
    kind: FeeKind
    amount_ore: int


def check_rule(new: FeeRule, existing: Iterable[FeeRule]) -> None:
    """Two rules for the same thing never stand on the same day, so that a fee is never a matter of choice."""
    for one in existing:
        if (one.kind, one.time_type_id) != (new.kind, new.time_type_id):
            continue
        ends_before = one.valid_until is not None and one.valid_until < new.valid_from
        begins_after = new.valid_until is not None and new.valid_until < one.valid_from
        if not ends_before and not begins_after:
            raise Problem(FEE_RULE_OVERLAPS, "valid_from")


def rule_for(kind: FeeKind, time_type_id: str, day: date, rules: Iterable[FeeRule]) -> FeeRule | None:
    """The rule that stands on a day: the time type's own before the general one."""
    valid = [rule for rule in rules if rule.kind == kind and rule.is_valid_on(day)]
    own = [rule for rule in valid if rule.time_type_id == time_type_id]
    general = [rule for rule in valid if rule.time_type_id is None]
    return next(iter(own or general), None)


def fee_for(
    kind: FeeKind,
    *,
    time_type_id: str,
    day: date,
    birth_date: date | None,
    from_age: int,
    rules: Iterable[FeeRule],
) -> Fee | None:
    """The fee for something that happened to a visit on ``day``; None when there is none, or the patient is a child."""
    if birth_date is not None and age_on(birth_date, day) < from_age:
        return None
    rule = rule_for(kind, time_type_id, day, rules)
    return Fee(rule.rule_id, kind, rule.amount_ore) if rule is not None and rule.amount_ore else None


def is_late(*, by: Actor, now: datetime, starts_at: datetime, hours_before: int) -> bool:
    """A cancellation costs when the patient makes it (or the unit for the patient) later than so many hours before."""
    return by == "patient" and now > starts_at - timedelta(hours=hours_before)
