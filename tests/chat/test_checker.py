"""The judge of the fault run finds what it is there to find."""

import ast
from pathlib import Path
from typing import Any

import pytest

from tests.chat import checker

Line = dict[str, Any]


def history() -> list[Line]:
    """Two authors, three messages, two readers: nothing wrong."""
    lines: list[Line] = []
    messages = [("anna", "a1"), ("bo", "b1"), ("anna", "a2")]
    for seq, (author, client_id) in enumerate(messages, start=1):
        about = {"conversation": "x", "author": author, "client_id": client_id}
        lines.append({"op": "send", "client": author, "text": client_id, **about})
        lines.append({"op": "ack", "client": author, "seq": seq, **about})
    for reader in ("r1", "r2"):
        for seq, (author, client_id) in enumerate(messages, start=1):
            about = {"conversation": "x", "author": author, "client_id": client_id}
            lines.append({"op": "receive", "client": reader, "seq": seq, "text": client_id, **about})
        lines.append({"op": "end", "client": reader, "conversation": "x", "seq": 3})
    return lines


def received(lines: list[Line], reader: str, seq: int) -> Line:
    return next(line for line in lines if line["op"] == "receive" and line["client"] == reader and line["seq"] == seq)


def test_a_sound_history_has_no_faults() -> None:
    verdict = checker.check(history())
    assert verdict.faults == []
    assert (verdict.acknowledged, verdict.received, verdict.readers) == (3, 6, 2)


def lose_at_one_reader(lines: list[Line]) -> None:
    lines.remove(received(lines, "r2", 3))


def lose_everywhere(lines: list[Line]) -> None:
    for reader in ("r1", "r2"):
        lines.remove(received(lines, reader, 3))
    for line in lines:
        if line["op"] == "end":
            line["seq"] = 2


def twice_at_a_reader(lines: list[Line]) -> None:
    lines.insert(lines.index(received(lines, "r1", 2)), dict(received(lines, "r1", 2)))


def stored_twice(lines: list[Line]) -> None:
    for reader in ("r1", "r2"):
        again = dict(received(lines, reader, 3)) | {"seq": 4}
        lines.insert(lines.index(received(lines, reader, 3)) + 1, again)


def swapped_at_a_reader(lines: list[Line]) -> None:
    first, second = received(lines, "r2", 1), received(lines, "r2", 2)
    for name in ("author", "client_id", "text"):
        first[name], second[name] = second[name], first[name]


def swapped_everywhere(lines: list[Line]) -> None:
    for reader in ("r1", "r2"):
        first, second = received(lines, reader, 1), received(lines, reader, 3)
        for name in ("author", "client_id", "text"):
            first[name], second[name] = second[name], first[name]


def invented(lines: list[Line]) -> None:
    for reader in ("r1", "r2"):
        received(lines, reader, 2)["client_id"] = "b9"


def other_text(lines: list[Line]) -> None:
    for reader in ("r1", "r2"):
        received(lines, reader, 2)["text"] = "other"


def acknowledged_twice(lines: list[Line]) -> None:
    ack = next(line for line in lines if line["op"] == "ack")
    lines.append(dict(ack) | {"seq": 9})


def never_finished(lines: list[Line]) -> None:
    lines.remove(next(line for line in lines if line["op"] == "end"))


def nothing_happened(lines: list[Line]) -> None:
    lines.clear()


@pytest.mark.parametrize(
    "harm",
    [
        lose_at_one_reader,
        lose_everywhere,
        twice_at_a_reader,
        stored_twice,
        swapped_at_a_reader,
        swapped_everywhere,
        invented,
        other_text,
        acknowledged_twice,
        never_finished,
        nothing_happened,
    ],
)
def test_each_kind_of_harm_is_found(harm: Any) -> None:
    lines = history()
    harm(lines)
    assert checker.check(lines).faults


# --- cases, edits and withdrawals ------------------------------------------------------------------------------------

EVENTS: list[Line] = [
    {"author": "anna", "client_id": "a1", "text": "one", "role": "patient"},
    {"author": "", "client_id": "case-2", "kind": "system", "text": None, "state": "awaiting_staff", "version": 2},
    {"author": "anna", "client_id": "a2", "kind": "edit", "target": 1, "text": "uno", "role": "patient"},
    {"author": "nina", "client_id": "n1", "text": "two", "role": "staff"},
    {"author": "", "client_id": "case-4", "kind": "system", "text": None, "state": "awaiting_patient", "version": 4},
    {"author": "nina", "client_id": "n2", "text": "three", "role": "staff"},
    {"author": "anna", "client_id": "a3", "kind": "withdrawal", "target": 1, "text": None, "role": "patient"},
]


def case_history() -> list[Line]:
    """A case with an edit and a withdrawal; one reader saw it all happen, another came when it was over."""
    lines: list[Line] = []
    for seq, event in enumerate(EVENTS, start=1):
        about = {"conversation": "case", "author": event["author"], "client_id": event["client_id"]}
        if event.get("kind") != "system":
            sent = {name: event[name] for name in ("kind", "target", "text") if name in event}
            lines.append({"op": "send", "client": event["author"], **about, **sent})
            lines.append({"op": "ack", "client": event["author"], "seq": seq, **about})
        lines.append({"op": "receive", "client": "live", "conversation": "case", "seq": seq, **event})
    lines.append({"op": "begin", "client": "late", "conversation": "case"})
    for seq, event in enumerate(EVENTS, start=1):
        masked = {"text": None, "withdrawn": True} if seq in (1, 3) else {}
        lines.append({"op": "receive", "client": "late", "conversation": "case", "seq": seq, **event, **masked})
    lines += [{"op": "end", "client": reader, "conversation": "case", "seq": 7} for reader in ("live", "late")]
    record = {"state": "awaiting_patient", "version": 5, "last_patient_seq": 1, "last_staff_seq": 6}
    return [*lines, {"op": "case", "conversation": "case", **record}]


def test_a_sound_case_has_no_faults() -> None:
    verdict = checker.check(case_history())
    assert verdict.faults == []
    assert (verdict.acknowledged, verdict.edits, verdict.withdrawals, verdict.cases) == (5, 1, 1, 1)


def both(lines: list[Line], seq: int, **changes: Any) -> None:
    for reader in ("live", "late"):
        received(lines, reader, seq).update(changes)


def shown_after_withdrawal(lines: list[Line]) -> None:
    received(lines, "late", 1).update(text="one", withdrawn=False)


def edit_shown_after_withdrawal(lines: list[Line]) -> None:
    received(lines, "late", 3).update(text="uno", withdrawn=False)


def masked_without_withdrawal(lines: list[Line]) -> None:
    both(lines, 6, text=None, withdrawn=True)


def edit_lost(lines: list[Line]) -> None:
    both(lines, 3, client_id="case-3", author="", kind="system", target=0)


def edit_of_another_message(lines: list[Line]) -> None:
    both(lines, 3, target=2)


def edit_with_another_text(lines: list[Line]) -> None:
    received(lines, "live", 3)["text"] = "due"


def edit_of_somebody_elses(lines: list[Line]) -> None:
    for line in lines:
        if line.get("client_id") == "n1":
            line.update(kind="edit", target=1)


def edit_behind_the_withdrawal(lines: list[Line]) -> None:
    for line in lines:
        if line.get("client_id") == "a2":
            line["kind"] = "withdrawal"
        elif line.get("client_id") == "a3":
            line["kind"] = "edit"


def case_waits_for_the_wrong_side(lines: list[Line]) -> None:
    lines[-1]["state"] = "awaiting_staff"


def case_missed_a_message(lines: list[Line]) -> None:
    lines[-1]["last_staff_seq"] = 4


def word_about_the_case_is_stale(lines: list[Line]) -> None:
    both(lines, 5, state="awaiting_staff")


@pytest.mark.parametrize(
    "harm",
    [
        shown_after_withdrawal,
        edit_shown_after_withdrawal,
        masked_without_withdrawal,
        edit_lost,
        edit_of_another_message,
        edit_with_another_text,
        edit_of_somebody_elses,
        edit_behind_the_withdrawal,
        case_waits_for_the_wrong_side,
        case_missed_a_message,
        word_about_the_case_is_stale,
    ],
)
def test_each_kind_of_harm_to_a_case_is_found(harm: Any) -> None:
    lines = case_history()
    harm(lines)
    assert checker.check(lines).faults


def test_the_checker_imports_nothing_of_what_it_judges() -> None:
    tree = ast.parse(Path(checker.__file__).read_text())
    names = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert names <= {"json", "sys", "collections", "collections.abc", "dataclasses", "pathlib", "typing"}
