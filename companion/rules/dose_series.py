"""A person's doses as one series: what was given, what is booked, in order of time.

A change somewhere can break what stands elsewhere: a first dose that is moved comes too near to the second, one that
is cancelled leaves it without a first. So what is asked is always the whole series: after a change no booked dose may
be against its rules that was not so before, and the changed one may not be so at all. What was given is a fact, and is
held against nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from companion.errors import Problem, define
from companion.rules.bookings import SLOT_RESERVED, Gate, check_dose_interval
from companion.rules.vaccination import DOSE_NUMBER, DOSE_TWICE, Part

DOSE_LATER: Final = define(
    "dose_later",
    409,
    sv="En senare dos är bokad och skulle komma fel. Flytta eller avboka den först.",
    en="A later dose is booked and would come at a wrong time. Move or cancel it first.",
)


_NO_LIMIT: Final = Gate()


@dataclass(frozen=True)
class Visit:
    """Doses of one day: booked or given."""

    day: date
    """Local."""
    at: datetime
    """Orders visits of one day."""
    kind: str | None
    """Time type; None: given elsewhere, at no visit of ours."""
    parts: tuple[Part, ...] = ()
    after_kind: str | None = None
    """The time type that gives the dose before this one."""
    gate: Gate = _NO_LIMIT
    """Days since that dose."""
    is_second: bool = False
    """In a slot that is kept for second doses."""
    is_given: bool = False
    booking_id: str | None = None

    @property
    def vaccines(self) -> frozenset[str]:
        """What is given."""
        return frozenset(part.vaccine for part in self.parts)


def problem_of(visit: Visit, series: Iterable[Visit]) -> Problem | None:
    """What is wrong with a visit's doses among the others of the series; None when nothing is."""
    try:
        _check(visit, [one for one in series if one is not visit])
    except Problem as problem:
        return problem
    return None


def _check(visit: Visit, others: Sequence[Visit]) -> None:
    if visit.is_given:
        return
    earlier = [one for one in others if (one.day, one.at) < (visit.day, visit.at)]
    if visit.is_second or visit.gate.min_days_since_dose is not None:
        elsewhere = [one for one in earlier if one.booking_id is None or one.booking_id != visit.booking_id]
        noted = [one for one in earlier if one.kind is None]  # at this visit, of another day
        before = [
            one.day for one in [*elsewhere, *noted] if one.kind == visit.after_kind or one.vaccines & visit.vaccines
        ]
        if visit.is_second and not before:
            raise Problem(SLOT_RESERVED)
        check_dose_interval(visit.gate, day=visit.day, previous_dose=max(before, default=None))
    for part in visit.parts:
        same = [one.day for one in others if part.vaccine in one.vaccines]
        if visit.day in same:
            raise Problem(DOSE_TWICE)
        until = [day for day in same if day < visit.day]
        if part.dose_number is not None and len(until) + 1 != part.dose_number:
            raise Problem(DOSE_NUMBER, extra={"next": len(until) + 1})
        if part.min_interval_days is not None and until:
            check_dose_interval(Gate(min_days_since_dose=part.min_interval_days), visit.day, max(until))


def check_change(before: Sequence[Visit], after: Sequence[Visit], changed: Visit) -> None:
    """Whether a series may become another one. ``changed``: what is booked or moved."""
    problem = problem_of(changed, after)
    if problem is not None:
        raise problem
    for visit in after:
        if visit is not changed and problem_of(visit, after) and problem_of(visit, before) is None:
            extra = {"booking_id": visit.booking_id, "day": visit.day.isoformat()}
            raise Problem(DOSE_LATER, extra=extra)


def orphaned(series: Sequence[Visit], gone: Visit) -> list[Visit]:
    """Which booked doses cannot be without one that goes, those that cannot be without them included."""
    left, found = list(series), []
    leaving = [gone]
    while leaving:
        now = [one for one in left if not any(one is other for other in leaving)]
        leaving = [one for one in now if problem_of(one, now) and problem_of(one, left) is None]
        found += leaving
        left = now
    return found
