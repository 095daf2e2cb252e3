"""Events: packed, unpacked, masked, and shown to clients."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.events import Draft, Event, alias, masked, pack, to_wire, unpack


@given(st.text(), st.text(max_size=20), st.integers(0, 2**40), st.dictionaries(st.text(max_size=5), st.integers(0, 9)))
def test_what_is_packed_is_unpacked(text: str, author: str, target: int, more: dict[str, int]) -> None:
    draft = Draft("case-1", "message", author, "Name", "patient", "c1", {**more, "text": text}, target)
    assert unpack(3, 4, pack(draft)) == Event(
        3, 4, "message", author, "Name", "patient", "c1", target, {**more, "text": text}
    )


@given(st.binary(max_size=64))
def test_any_other_bytes_are_no_event(data: bytes) -> None:
    try:
        unpack(1, 1, data)
    except ValueError:
        return
    assert isinstance(msgpack.unpackb(data), list)


@pytest.mark.parametrize("fields", [[], ["message"] * 7, ["nonsense", "", "", "staff", "", 0, {}], [1, 2, 3]])
def test_fields_that_are_not_ours_are_no_event(fields: list[object]) -> None:
    with pytest.raises(ValueError, match="no event"):
        unpack(1, 1, msgpack.packb(fields))


def test_a_withdrawn_message_is_empty_and_so_are_its_edits() -> None:
    def event(seq: int, kind: str, target: int = 0) -> Event:
        return Event(seq, 0, kind, "a", "A", "staff", "c", target, {"text": "x"})  # type: ignore[arg-type]

    events = [event(1, "message"), event(2, "edit", 1), event(3, "message"), event(4, "withdrawal", 1)]
    shown = masked(events, frozenset({1}))
    assert [each.body for each in shown] == [{}, {}, {"text": "x"}, {"text": "x"}]
    assert [each.is_withdrawn for each in shown] == [True, True, False, False]


def test_people_have_one_name_in_a_conversation_and_another_elsewhere() -> None:
    assert alias("case-1", "SE2321000131-P1") == alias("case-1", "SE2321000131-P1")
    assert alias("case-1", "SE2321000131-P1") != alias("case-2", "SE2321000131-P1")
    assert alias("case-1", "") == ""
    shown = to_wire("case-1", Event(1, 2, "message", "SE2321000131-P1", "Sara", "staff", "c", 0, {"text": "x"}))
    assert "SE2321000131-P1" not in str(shown)


def test_neither_text_nor_author_stands_in_a_log() -> None:
    draft = Draft("case-1", "message", "p-anna", "Anna Andersson", "patient", "c1", {"text": "ont i halsen"})
    event = unpack(1, 2, pack(draft))
    for shown in (repr(draft), repr(event)):
        assert "anna" not in shown.lower()
        assert "halsen" not in shown
