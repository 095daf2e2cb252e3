"""How long data are kept, and what keeps them longer."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from companion.errors import Problem
from companion.rules.local_time import local_date, midnight
from companion.rules.retention import (
    TABLE,
    DataKind,
    Keep,
    Kept,
    LegalHold,
    check_hold,
    check_lift,
    due_before,
    is_due,
    keep_of,
    years_later,
)

NOW = datetime(2037, 3, 1, 9, tzinfo=UTC)
kinds = st.sampled_from(DataKind)
instants = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
names = st.none() | st.sampled_from(["a", "b"])
holds = st.builds(LegalHold, names, names, st.none() | kinds, instants, st.none() | instants)


def test_every_kind_has_its_row_with_a_reason() -> None:
    assert set(TABLE) == set(DataKind)
    for row in TABLE.values():
        assert row.reason
        assert row.counted_from
        assert row.keep != Keep()


@pytest.mark.parametrize(
    ("since", "kept_until"),
    [
        (datetime(2027, 3, 1, 22, 59, tzinfo=UTC), date(2037, 3, 2)),
        (datetime(2027, 3, 1, 23, 0, tzinfo=UTC), date(2037, 3, 3)),  # after midnight in Stockholm
        (datetime(2028, 2, 29, 12, tzinfo=UTC), date(2038, 3, 2)),
        (datetime(2027, 6, 30, 22, 0, tzinfo=UTC), date(2037, 7, 2)),
    ],
)
def test_a_record_is_kept_through_the_tenth_anniversary(since: datetime, kept_until: date) -> None:
    record = Kept(DataKind.BOOKING, since)
    assert not is_due(record, midnight(kept_until) - timedelta(seconds=1), ())
    assert is_due(record, midnight(kept_until), ())


@given(kinds, instants, instants)
@example(DataKind.AUDIT_ENTRY, datetime(2024, 2, 29, 12, tzinfo=UTC), datetime(2029, 3, 1, 12, tzinfo=UTC))
@example(DataKind.AUDIT_ENTRY, datetime(2023, 2, 28, 12, tzinfo=UTC), datetime(2028, 2, 29, 12, tzinfo=UTC))
@example(DataKind.AUDIT_ENTRY, datetime(2023, 3, 1, 12, tzinfo=UTC), datetime(2028, 2, 29, 12, tzinfo=UTC))
def test_the_question_to_the_database_says_the_same_as_the_rule(kind: DataKind, since: datetime, now: datetime) -> None:
    record = Kept(kind, since)
    edge = due_before(kind, now)
    if TABLE[kind].keep.hours:
        assert is_due(record, now, ()) == (since <= edge)
    else:
        assert is_due(record, now, ()) == (since < edge)


@given(kinds, instants)
def test_nothing_goes_before_its_time_is_over(kind: DataKind, since: datetime) -> None:
    keep = TABLE[kind].keep
    until = keep.until(since)
    assert not is_due(Kept(kind, since), until - timedelta(microseconds=1), ())
    assert is_due(Kept(kind, since), until, ())
    assert local_date(until) >= years_later(local_date(since), keep.years) or keep.hours


@given(kinds, instants, instants, st.lists(holds, max_size=3), names, names)
def test_what_is_held_is_never_due(
    kind: DataKind, since: datetime, now: datetime, some: list[LegalHold], patient: str | None, provider: str | None
) -> None:
    record = Kept(kind, since, patient, provider)
    held = [hold for hold in some if hold.is_in_force(now) and hold.covers(record)]
    assert not (held and is_due(record, now, some))
    if not held:
        assert is_due(record, now, some) == is_due(record, now, ())


@given(holds, instants, names, names)
def test_a_hold_keeps_what_does_not_say_whose_it_is(
    hold: LegalHold, now: datetime, patient: str | None, provider: str | None
) -> None:
    record = Kept(hold.kind or DataKind.BOOKING, now, patient, provider)
    if hold.covers(record):
        assert hold.covers(replace(record, patient_person_id=None))
        assert hold.covers(replace(record, provider_hsa_id=None))


def test_what_has_not_ended_is_never_due() -> None:
    assert not is_due(Kept(DataKind.BLOCK, None), NOW + timedelta(days=100_000), ())


def test_a_hold_counts_until_it_is_lifted() -> None:
    record = Kept(DataKind.BOOKING, NOW - timedelta(days=5000), "a")
    hold = LegalHold("a", None, None, NOW)
    assert not is_due(record, NOW, [hold])
    assert not is_due(record, NOW, [replace(hold, lifted_at=NOW + timedelta(days=1))])
    assert is_due(record, NOW, [replace(hold, lifted_at=NOW)])
    assert is_due(record, NOW, [replace(hold, patient_person_id="b")])
    assert is_due(record, NOW, [replace(hold, kind=DataKind.CONSENT)])


def test_settings_lengthen_but_do_not_go_below_the_law() -> None:
    assert keep_of(DataKind.AUDIT_ENTRY, Keep(years=10)) == Keep(years=10)
    with pytest.raises(ValueError, match="audit_entry"):
        keep_of(DataKind.AUDIT_ENTRY, Keep(days=1800))
    assert keep_of(DataKind.QUALITY_RECORD, Keep(days=30)) == Keep(days=30)


def test_a_hold_names_something_and_is_lifted_once() -> None:
    check_hold(LegalHold("a", None, None, NOW))
    check_lift(None)
    with pytest.raises(Problem, match="hold_scope"):
        check_hold(LegalHold(None, None, None, NOW))
    with pytest.raises(Problem, match="hold_state"):
        check_lift(NOW)
