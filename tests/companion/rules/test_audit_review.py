"""Samples of the audit log, their judgement, and answers to patients."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.rules.audit_review import EntryId, check_answer, check_judgement, check_period, draw
from tests.companion.refusals import code

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)

entry_ids = st.builds(EntryId, st.sampled_from(["companion", "front"]), st.integers(1, 10_000))


@given(st.text(max_size=20), st.sets(entry_ids, max_size=60), st.integers(1, 30), st.randoms())
def test_whoever_draws_again_gets_the_same(seed: str, entries: set[EntryId], size: int, random: object) -> None:
    once = draw(seed, entries, size)
    shuffled = sorted(entries, reverse=True)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' Random
    assert draw(seed, shuffled, size) == once == sorted(set(once))
    assert len(once) == min(size, len(entries))
    assert set(once) <= entries


def test_each_entry_has_the_same_chance() -> None:
    entries = [EntryId("companion", number) for number in range(1, 21)]
    hits = Counter(one.number for seed in range(2000) for one in draw(str(seed), entries, 5))
    assert all(400 < hits[number] < 600 for number in range(1, 21))  # 500 each on average; 5 sigma is 97


@pytest.mark.parametrize(
    ("begins_at", "ends_at", "expected"),
    [
        (NOW - DAY, NOW, None),
        (NOW - 366 * DAY, NOW, None),
        (NOW - 367 * DAY, NOW, "audit_period"),
        (NOW, NOW, "audit_period"),
        (NOW - DAY, NOW + timedelta(seconds=1), "audit_period"),
    ],
)
def test_a_sample_is_of_a_time_that_is_over(begins_at: datetime, ends_at: datetime, expected: str | None) -> None:
    assert code(lambda: check_period(begins_at, ends_at, NOW)) == expected


def test_an_entry_is_judged_once_by_somebody_else_with_a_note_when_questioned() -> None:
    def judged(judge: str, at: datetime | None, judgement: str, note: str) -> str | None:
        return code(
            lambda: check_judgement(actor="K1", judge=judge, judged_at=at, judgement=judgement, note=note)  # type: ignore[arg-type]
        )

    assert judged("K2", None, "ok", "") is None
    assert judged("K2", None, "questioned", "Ingen bokning") is None
    assert judged("K2", None, "questioned", "  ") == "note_missing"
    assert judged("K1", None, "ok", "") == "judged_by_another"
    assert judged("K2", NOW, "ok", "") == "judged_already"


def test_a_question_is_answered_once_and_not_by_whom_it_is_about() -> None:
    assert code(lambda: check_answer(actor="K1", answerer="K2", answered_at=None)) is None
    assert code(lambda: check_answer(actor="K1", answerer="K1", answered_at=None)) == "answer_by_another"
    assert code(lambda: check_answer(actor="K1", answerer="K2", answered_at=NOW)) == "question_state"
