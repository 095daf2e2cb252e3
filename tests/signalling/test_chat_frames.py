"""The hot lane takes what the long way takes, with the same values, and writes the same bytes."""

from typing import Any

import msgpack
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat.service import DIRECT_KINDS
from signalling.chat_frames import acknowledgement, decoded_send, stored_message_frame
from tests.reference import chat_wire as slow

numbers = st.integers(0, 2**53 - 1)
identifiers = st.text("abcXYZ019_-", min_size=1, max_size=64)
usual = st.fixed_dictionaries(
    {
        "conversation_id": identifiers.map("meeting-{}".format),
        "client_id": identifiers,
        "text": st.text(min_size=1, max_size=400).filter(lambda text: bool(text.strip())),
    },
    optional={"attachments": st.just([])},
)
strange = st.none() | st.booleans() | st.integers(-3, 2**33) | st.text(max_size=5) | st.lists(st.text(max_size=3))
unusual = st.dictionaries(
    st.sampled_from(["conversation_id", "client_id", "text", "attachments", "author"]),
    strange | st.sampled_from(["meeting-a", "meeting-", "meeting-a\n", "case-1", "a b", "c" * 65, "x" * 8001, " \n"]),
)


@given(usual, numbers, st.permutations(["type", "data", "nsp", "id", "options"]))
@settings(max_examples=150)
def test_what_clients_send_is_taken_whatever_its_order(payload: dict[str, Any], number: int, order: list[str]) -> None:
    packet = {"type": 2, "data": ["chat_send", payload], "nsp": "/", "id": number, "options": {"compress": True}}
    data = msgpack.packb({key: packet[key] for key in order})
    expected = (payload["conversation_id"], payload["client_id"], payload["text"], number)
    assert decoded_send(data) == slow.decoded_send(data) == expected


@given(unusual, st.none() | st.integers(-2, 2**54), st.dictionaries(st.text(max_size=4), strange, max_size=2))
@settings(max_examples=300)
@example({"conversation_id": "meeting-a", "client_id": "c", "text": "\u2003 "}, 1, {})
@example({"conversation_id": "meeting-a", "client_id": "c", "text": "ä" * 8001}, 1, {})
@example({"conversation_id": "meeting-a", "client_id": "c", "text": "ä" * 8000}, 1, {})
@example({"conversation_id": "meeting-a", "client_id": "c", "text": "x", "attachments": ["a"]}, 1, {})
def test_nothing_is_taken_that_the_long_way_would_not_take(
    payload: dict[str, Any], number: int | None, more: dict[str, Any]
) -> None:
    data = slow.sent(payload, number, **more)
    taken = decoded_send(data)
    assert taken is None or taken == slow.decoded_send(data)


@given(usual, st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4), st.booleans())
@settings(max_examples=600)
def test_damaged_packets_are_taken_only_as_the_long_way_takes_them(
    payload: dict[str, Any], changes: list[tuple[int, int]], is_cut: bool
) -> None:
    data = bytearray(slow.sent(payload))
    for place, value in changes:
        data[place % len(data)] = value
    if is_cut:
        del data[changes[0][0] % len(data) :]
    taken = decoded_send(bytes(data))
    assert taken is None or taken == slow.decoded_send(bytes(data))


@pytest.mark.parametrize(
    "data",
    [
        slow.sent({"conversation_id": "meeting-a", "client_id": "c", "text": "x"}, None),
        slow.sent({"conversation_id": "case-a", "client_id": "c", "text": "x"}),
        slow.sent({"conversation_id": "meeting-a", "client_id": "c", "text": "x"}, nsp="/other"),
        slow.sent({"conversation_id": "meeting-a", "client_id": "c", "text": "x"})[:-1] + b"\xc0",
        b"",
        b"\x84",
    ],
)
def test_everything_else_goes_the_long_way(data: bytes) -> None:
    assert decoded_send(data) is None


@given(numbers, numbers, numbers, st.booleans())
@settings(max_examples=150)
def test_acknowledgements_are_those_of_every_event(message_id: int, seq: int, at_ms: int, repeated: bool) -> None:
    assert acknowledgement(message_id, seq, at_ms, repeated) == slow.acknowledgement(
        message_id, seq, at_ms, repeated=repeated
    )


@given(st.text(max_size=40), st.text(max_size=40), identifiers, st.text(max_size=300), numbers, numbers)
@settings(max_examples=150)
@example("a", "b", "c", "å" * 8000, 1, 2)
def test_stored_messages_are_shown_as_every_event_is(
    author: str, name: str, client_id: str, text: str, seq: int, at_ms: int
) -> None:
    packed = slow.pack_message(author, name, "guest", client_id, text)
    aliases: dict[bytes | None, bytes] = {}
    for _ in range(2):  # the second time the author is known
        shown = stored_message_frame("meeting-a", seq, at_ms, packed, aliases)
        assert shown == slow.message_frame("meeting-a", seq, at_ms, packed)


@pytest.mark.parametrize(
    "fields",
    [
        ["edit", "a", "b", "guest", "c", 1, {"text": "x"}],
        ["message", "a", "b", "nobody", "c", 0, {"text": "x"}],
        ["message", "a", "b", "guest", "c", 0, {"text": "x", "attachments": []}],
        ["message", "a", "b", "guest", "c", 0, {"text": b"x"}],
        ["message", "a", "b", "guest", "c", 0],
        "message",
    ],
)
def test_other_events_are_shown_the_general_way(fields: Any) -> None:
    assert stored_message_frame("meeting-a", 1, 2, msgpack.packb(fields), {}) is None


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 255))
@settings(max_examples=200)
def test_what_is_no_event_is_no_frame(noise: bytes, place: int, value: int) -> None:
    assert stored_message_frame("meeting-a", 1, 2, noise, {}) is None
    packed = bytearray(slow.pack_message("a", "b", "guest", "c", "hej" * 40))
    packed[place % len(packed)] = value
    try:
        frame = stored_message_frame("meeting-a", 1, 2, bytes(packed), {})
    except UnicodeDecodeError:  # as ``unpack`` raises ``ValueError``
        return
    assert frame is None or frame == slow.message_frame("meeting-a", 1, 2, bytes(packed))


def test_only_meetings_are_direct() -> None:
    assert frozenset({"meeting"}) == DIRECT_KINDS
