"""Chat packets as WebSocket frames."""

import msgpack
import pytest

from signalling.chat_packets import acknowledgement_frame, event_frame, frame


@pytest.mark.parametrize(
    ("length", "head"),
    [
        (0, b"\x82\x00"),
        (125, b"\x82\x7d"),
        (126, b"\x82\x7e\x00\x7e"),
        (65535, b"\x82\x7e\xff\xff"),
        (65536, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_lengths_are_written_as_rfc_6455_says(length: int, head: bytes) -> None:
    assert frame(b"x" * length) == head + b"x" * length


def test_events_and_acknowledgements_are_socket_io_packets() -> None:
    event = event_frame("chat_event", {"seq": 1})
    assert msgpack.unpackb(event[2:]) == {"type": 2, "data": ["chat_event", {"seq": 1}], "nsp": "/"}
    acknowledgement = acknowledgement_frame(7, {"ok": True})
    assert msgpack.unpackb(acknowledgement[2:]) == {"type": 3, "data": [{"ok": True}], "nsp": "/", "id": 7}
