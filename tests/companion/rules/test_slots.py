"""Slots: templates become them, also when clocks change; what is offered instead."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.errors import Problem
from companion.rules.local_time import is_holiday, local
from companion.rules.slots import Candidate, Closure, SlotState, Template, nearest, overlaps, plan, state_of

EVERY_DAY = frozenset(range(7))
TEMPLATES = st.builds(
    Template,
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
    begins=st.times(time(0), time(11)).map(lambda at: at.replace(second=0, microsecond=0)),
    ends=st.times(time(12), time(23)).map(lambda at: at.replace(second=0, microsecond=0)),
    slot_minutes=st.integers(20, 240),
    capacity=st.integers(1, 50),
    on_holidays=st.booleans(),
)
DAYS = st.dates(date(2026, 1, 1), date(2029, 1, 1))


@settings(deadline=None, max_examples=50)
@given(TEMPLATES, DAYS, st.integers(0, 10))
def test_slots_lie_in_their_template_and_never_overlap(template: Template, first: date, days: int) -> None:
    slots = plan(template, first, first + timedelta(days=days))
    for slot in slots:
        begins, ends = local(slot.starts_at), local(slot.ends_at)
        assert begins.weekday() in template.weekdays
        assert first <= begins.date() <= first + timedelta(days=days)
        assert template.begins <= begins.time() < template.ends
        assert ends.time() <= template.ends
        assert slot.ends_at - slot.starts_at == timedelta(minutes=template.slot_minutes)
        assert template.on_holidays or not is_holiday(begins.date())
    assert all(one.ends_at <= other.starts_at for one, other in pairwise(slots))


@settings(deadline=None, max_examples=50)
@given(TEMPLATES, DAYS, st.integers(0, 10), st.integers(0, 10 * 24), st.integers(1, 100))
def test_a_closure_takes_exactly_what_it_touches(
    template: Template, first: date, days: int, start_h: int, length_h: int
) -> None:
    begins = datetime.combine(first, time(), UTC) + timedelta(hours=start_h)
    closure = Closure(begins, begins + timedelta(hours=length_h))
    last = first + timedelta(days=days)
    everything = plan(template, first, last)
    left = plan(template, first, last, [closure])
    gone = [slot for slot in everything if slot not in left]
    assert all(overlaps(slot.starts_at, slot.ends_at, closure.starts_at, closure.ends_at) for slot in gone)
    assert not any(overlaps(slot.starts_at, slot.ends_at, closure.starts_at, closure.ends_at) for slot in left)
    assert len(left) + len(gone) == len(everything)


def night(day: date) -> list[datetime]:
    template = Template(EVERY_DAY, time(0), time(6), 60, 1, on_holidays=True)
    return [slot.starts_at for slot in plan(template, day, day)]


def test_the_night_when_summer_time_ends_has_an_hour_more() -> None:
    assert [len(night(date(2027, month, day))) for month, day in ((10, 30), (10, 31), (3, 28))] == [6, 7, 5]


def test_a_beginning_that_does_not_exist_gives_no_slots_that_day() -> None:
    template = Template(EVERY_DAY, time(2, 30), time(6), 30, 1, on_holidays=True)
    assert plan(template, date(2027, 3, 28), date(2027, 3, 28)) == []
    assert len(plan(template, date(2027, 3, 29), date(2027, 3, 29))) == 7


def test_midnight_ends_a_day() -> None:
    template = Template(EVERY_DAY, time(22), time(), 60, 1)
    slots = plan(template, date(2027, 3, 2), date(2027, 3, 2))
    assert [local(slot.starts_at).hour for slot in slots] == [22, 23]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"weekdays": frozenset()}, "weekdays"),
        ({"weekdays": frozenset({7})}, "weekdays"),
        ({"slot_minutes": 0}, "slot_minutes"),
        ({"capacity": 0}, "capacity"),
        ({"ends": time(8)}, "ends"),
        ({"valid_from": date(2027, 2, 1), "valid_until": date(2027, 1, 1)}, "valid_until"),
    ],
)
def test_templates_that_cannot_be_are_refused(changes: dict[str, object], field: str) -> None:
    fields = {"weekdays": EVERY_DAY, "begins": time(8), "ends": time(9), "slot_minutes": 10, "capacity": 1} | changes
    with pytest.raises(Problem) as refused:
        Template(**fields)  # type: ignore[arg-type]
    assert refused.value.field_name == field


def test_nobody_plans_years_ahead() -> None:
    with pytest.raises(Problem):
        plan(Template(EVERY_DAY, time(8), time(9), 10, 1), date(2027, 1, 1), date(2029, 1, 1))


@given(st.integers(1, 20), st.integers(0, 20), st.integers(0, 20), st.booleans())
def test_a_slot_is_free_while_somebody_fits_in(capacity: int, booked: int, held: int, is_closed: bool) -> None:
    state = state_of(capacity=capacity, booked=booked, held=held, is_closed=is_closed)
    assert (state is SlotState.CLOSED) == is_closed
    assert (state is SlotState.FREE) == (not is_closed and booked + held < capacity)


@given(st.lists(st.builds(Candidate, st.text(), st.sampled_from("ab"), st.datetimes(timezones=st.just(UTC)))))
def test_the_nearest_are_offered(candidates: list[Candidate]) -> None:
    wanted = datetime(2027, 1, 1, tzinfo=UTC)
    offered = nearest(wanted, "a", candidates)
    assert len(offered) == min(3, len(candidates))
    furthest = max((abs(one.starts_at - wanted) for one in offered), default=timedelta())
    rest = list(candidates)
    for one in offered:
        rest.remove(one)
    assert all(abs(one.starts_at - wanted) >= furthest for one in rest)
