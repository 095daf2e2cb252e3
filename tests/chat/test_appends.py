"""Compiled packing and commands, beside the general ways."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.appends import Append, grouped, pack_message, say_command, settle_said
from chat.events import EventKind, message_head, unpack
from tests.reference import chat_wire as slow

names = st.text(max_size=40)
client_ids = st.text("abcXYZ019_-", min_size=1, max_size=64)


@given(names, names, client_ids, st.text(max_size=300) | st.text("å", min_size=200, max_size=8000))
@settings(max_examples=150)
def test_a_message_is_packed_as_every_event_is(author: str, name: str, client_id: str, text: str) -> None:
    head = message_head(author, name, "staff")
    packed = pack_message(head, client_id.encode(), text.encode())
    assert packed == slow.pack_message(author, name, "staff", client_id, text)
    event = unpack(1, 2, packed)
    assert (event.author, event.client_id, event.body) == (author, client_id, {"text": text})


def test_what_no_message_can_be_is_not_packed() -> None:
    with pytest.raises(ValueError, match="too long"):
        pack_message(b"", b"c", b"x" * 65536)


_drafts = st.lists(
    st.tuples(st.binary(max_size=200), st.binary(max_size=1200), st.binary(max_size=80)), min_size=1, max_size=12
)


@given(st.lists(_drafts, max_size=12))
@settings(max_examples=150)
def test_a_command_is_packed_as_every_command_is(conversations: list[list[tuple[bytes, bytes, bytes]]]) -> None:
    keys = [tuple(f"{name}{number}" for name in ("log", "ids", "meta", "news")) for number in range(len(conversations))]
    named = [key for each in keys for key in each]
    words: list[str | int | bytes] = ["EVALSHA", "0" * 40, len(named), *named, 1000, "f:0"]
    for parts in conversations:
        words += [len(parts), *(word for part in parts for word in part)]
    groups = [
        (_words(*names), [Append("meeting-m", draft_id, packed, author) for draft_id, packed, author in parts])
        for names, parts in zip(keys, conversations, strict=True)
    ]
    assert say_command(_words("EVALSHA", "0" * 40), _words(1000, "f:0"), groups) == slow.command(tuple(words))


def _words(*words: str | int) -> bytes:
    return slow.command(words).partition(b"\r\n")[2]


def test_drafts_are_grouped_by_conversation_in_their_order_and_only_messages_are_said() -> None:
    def append(conversation_id: str, number: int, kind: EventKind = "message") -> Append:
        return Append(conversation_id, b"anna\0c%d" % number, b"", b"anna", kind, 1)

    call = object()
    a1, b2, a3, b4, c5 = (
        append("meeting-a", 1), append("meeting-b", 2), append("meeting-a", 3), append("meeting-b", 4, "edit"),
        append("meeting-c", 5),
    )  # fmt: skip
    head, words = _words("EVALSHA", "0" * 40), _words(1000, "f:0")

    def keys_of(conversation_id: str) -> bytes:
        return _words(conversation_id, "ids", "meta", "news")

    def said(*groups: tuple[str, list[Append]]) -> tuple[bytes, list[Append]]:
        command = say_command(head, words, [(keys_of(name), appends) for name, appends in groups])
        return command, [each for _, appends in groups for each in appends]

    writes = [a1, b2, call, a3, b4, c5]
    mixed = [("meeting-b", [b2, b4])]
    together = [said(("meeting-a", [a1, a3]), ("meeting-c", [c5]))]
    assert grouped(writes, head, words, keys_of, 3) == ([call], mixed, together)
    apart = [said(("meeting-a", [a1, a3])), said(("meeting-c", [c5]))]
    assert grouped(writes, head, words, keys_of, 2) == ([call], mixed, apart)
    assert grouped([], head, words, keys_of, 2) == ([], [], [])


class Told(Append):
    """Keeps what it is told."""

    def __init__(self, told: list[object]) -> None:
        super().__init__("meeting-m", b"anna\0c1", b"", b"anna")
        self._told = told

    def settle(self, status: bytes, seq: int, at_ms: int) -> None:
        self._told.append((status, seq, at_ms))

    def refuse(self) -> None:
        self._told.append("refused")


def test_each_message_is_told_its_own_answer() -> None:
    told: list[object] = []
    messages: list[Append] = [Told(told) for _ in range(4)]
    answer = [1000, 7, [b"repeat", 3, 900], [b"failed", 0, 0], [b"closed", 0, 0]]
    assert settle_said(messages, answer) == 1
    assert told == [(b"ok", 7, 1000), (b"repeat", 3, 900), "refused", (b"closed", 0, 0)]
    with pytest.raises(ValueError, match="another number"):
        settle_said(messages, answer[:-1])
