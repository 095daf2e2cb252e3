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


def test_the_checker_imports_nothing_of_what_it_judges() -> None:
    tree = ast.parse(Path(checker.__file__).read_text())
    names = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert names <= {"json", "sys", "collections", "collections.abc", "dataclasses", "pathlib", "typing"}
