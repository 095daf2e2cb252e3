"""The gate before aiohttp: whole messages are taken, everything else passes byte for byte, in its order."""

import asyncio
from typing import Any

import msgpack
import pytest
from aiohttp.base_protocol import BaseProtocol
from hypothesis import given, settings
from hypothesis import strategies as st

from signalling.socket_gate import MAX_IN_FLIGHT, GateReader, Outlets, Send, SocketGate, Taker, push_to_all
from tests.reference import chat_wire as slow


class Notes(Taker):
    """Takes every message and notes it."""

    def take_message(self, socket: "Wire", *message: Any) -> bool:
        socket.order.append("taken")
        socket.taken.append(message)
        return True


class Wire:
    """A transport, and aiohttp's side of it; what passes is handled at once unless ``is_busy``."""

    def __init__(self) -> None:
        self.passed = bytearray()
        self.written: list[bytes] = []
        self.order: list[str] = []
        self.is_busy = False
        self.closed = False
        self.is_paused = False
        self._reading_paused = self._buffer_paused = False  # aiohttp's
        self.unsent = 0
        self.calls: list[Any] = []
        self.gate = SocketGate(self, self, self, Outlets(self), self)  # type: ignore[arg-type]
        self.taken: list[tuple[str, bytes, bytes, int]] = []
        self.gate.arm(self, Notes(), 1000)

    def get_extra_info(self, _name: str) -> None:
        return None

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def call_soon(self, call: Any) -> None:
        self.calls.append(call)

    def call_later(self, _seconds: float, call: Any) -> None:
        self.calls.append(call)

    def create_future(self) -> "asyncio.Future[None]":
        return asyncio.get_running_loop().create_future()

    def turn(self) -> None:
        calls, self.calls = self.calls, []
        for call in calls:
            call()

    def data_received(self, data: bytes) -> None:
        self.passed += data
        self.order.append("passed")

    def connection_lost(self, _error: object) -> None:
        self.order.append("lost")


def frame(payload: bytes, first: int = 0x82, mask: bytes = b"\x01\x82\x73\xf4") -> bytes:
    """As a client sends it."""
    length = len(payload)
    head = bytes((first, 128 | length)) if length < 126 else bytes((first, 254)) + length.to_bytes(2, "big")
    return head + mask + bytes(each ^ mask[place % 4] for place, each in enumerate(payload))


def message(text: str = "hej", client_id: str = "c1") -> bytes:
    return frame(slow.sent({"conversation_id": "meeting-a", "client_id": client_id, "text": text}))


OTHER = frame(msgpack.packb({"type": 2, "data": ["chat_close", {}], "nsp": "/", "id": 2}))
PING = frame(b"still there?", 0x89)
pieces = st.lists(
    st.sampled_from([("taken", message()), ("taken", message("x" * 300)), ("passed", PING), ("other", OTHER),
                     ("passed", frame(b"3", 0x81)), ("large", message("y" * 1200))]),
    max_size=12,
)  # fmt: skip


@given(pieces, st.lists(st.integers(1, 700), max_size=30))
@settings(max_examples=300)
def test_however_the_bytes_are_cut_the_same_is_taken_and_the_same_passes(
    sent: list[tuple[str, bytes]], cuts: list[int]
) -> None:
    wire = Wire()
    stream = b"".join(each for _, each in sent)
    at = 0
    for cut in [*cuts, len(stream) + 1]:
        wire.gate.data_received(stream[at : at + cut]) if stream[at : at + cut] else None
        at += cut
    # Whoever handles what passed is slow: it is done once everything has come.
    handled = 0
    while wire.gate.is_held:
        wire.gate.handled()
        handled += 1
        wire.turn()
    assert bytes(wire.passed) == b"".join(each for kind, each in sent if kind != "taken")
    assert len(wire.taken) == sum(kind == "taken" for kind, _ in sent)
    assert handled <= sum(kind in ("other", "large", "passed") and each != PING for kind, each in sent)


def test_a_message_is_read_as_it_was_sent() -> None:
    wire = Wire()
    wire.gate.data_received(message("hej på dig", "c-1"))
    assert wire.taken == [("meeting-a", b"c-1", "hej på dig".encode(), 1)]


def test_messages_wait_unread_for_what_came_before_and_is_still_being_handled() -> None:
    wire = Wire()
    wire.gate.data_received(OTHER + message())
    assert (wire.taken, bytes(wire.passed), wire.is_paused, wire.gate.is_held) == ([], OTHER, True, True)
    wire.gate.handled()
    wire.turn()
    assert (len(wire.taken), wire.is_paused, wire.gate.is_held) == (1, False, False)


def test_a_held_socket_is_paused_again_when_aiohttp_reads_on() -> None:
    """Its own queue has room again, and it reads on: all that a hasty client sends would be kept here."""
    wire = Wire()
    wire.gate.data_received(OTHER + message())
    wire.resume_reading()
    wire.gate.data_received(message())
    assert (wire.gate.is_held, wire.is_paused, wire.taken) == (True, True, [])
    wire.gate.handled()
    wire.turn()
    assert (len(wire.taken), wire.is_paused) == (2, False)


class OfAiohttp(BaseProtocol):
    """aiohttp's protocol as far as it pauses and resumes; it keeps what it is given."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire)  # type: ignore[arg-type]
        self._upgraded = True
        self.connection_made(wire)  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        """Nothing."""


@pytest.mark.parametrize("is_disarmed", [True, False])
@pytest.mark.parametrize("is_for_buffer", [True, False])
def test_a_socket_is_read_again_once_neither_aiohttp_nor_the_gate_holds_it(
    is_disarmed: bool, is_for_buffer: bool
) -> None:
    for gate_is_last in (True, False):
        wire = Wire()
        protocol = OfAiohttp(wire)
        pause = protocol._pause_reading_for_buffer if is_for_buffer else protocol.pause_reading
        resume = protocol._resume_reading_for_buffer if is_for_buffer else protocol.resume_reading
        gate = SocketGate(wire, protocol, wire, Outlets(wire), wire)  # type: ignore[arg-type]
        gate.arm(wire, Notes(), 1000)
        gate.data_received(OTHER + message())
        pause()
        if gate_is_last:
            resume()
            gate.data_received(message())  # aiohttp read on
        assert (gate.is_held, wire.is_paused) == (True, True)
        gate.disarm() if is_disarmed else gate.handled()
        wire.turn()
        assert (gate.is_held, wire.is_paused) == (False, not gate_is_last)
        resume()
        assert not wire.is_paused


def test_a_message_that_came_with_the_handshake_and_was_never_seen_holds_up_nothing() -> None:
    wire = Wire()
    wire.gate.handled()
    wire.gate.data_received(message())
    assert (len(wire.taken), wire.gate.is_held) == (1, False)


def test_fragments_unmasked_frames_and_what_follows_a_close_pass() -> None:
    for stream in (
        frame(b"\x84", 0x02) + message() + frame(b"", 0x80),
        message()[:1] + bytes((len(message()) - 6,)) + message()[6:],
        frame(b"\x03\xe8", 0x88) + message(),
        bytes((0x82, 255)) + b"\xff" * 8 + message(),
    ):
        wire = Wire()
        wire.gate.data_received(stream)
        assert (wire.taken, bytes(wire.passed)) == ([], stream)


def test_nothing_is_taken_before_hello_and_after_the_end() -> None:
    wire = Wire()
    wire.gate.disarm()
    wire.gate.data_received(message())
    wire.gate.connection_lost(None)
    assert (wire.taken, wire.order) == ([], ["passed", "lost"])


def test_frames_of_one_turn_are_written_together_and_in_their_order() -> None:
    wire = Wire()
    for each in (b"one", b"two", b"three"):
        assert wire.gate.push(each)
    assert wire.written == []
    wire.turn()
    assert wire.written == [b"onetwothree"]
    wire.gate.push(b"four")
    wire.turn()
    assert wire.written[1:] == [b"four"]


def test_a_client_that_does_not_read_has_a_bounded_number_of_bytes_waiting() -> None:
    wire = Wire()
    wire.unsent = 90
    assert wire.gate.push(b"123456", 100)
    assert wire.gate.push(b"123456", 100)
    assert not wire.gate.push(b"x", 100)
    wire.turn()
    assert wire.written == [b"123456123456"]
    wire.unsent = 102
    assert not wire.gate.push(b"x", 100)
    assert wire.gate.push(b"hint", 200)


def test_nothing_is_written_to_what_is_closing() -> None:
    wire = Wire()
    wire.gate.push(b"one")
    wire.closed = True
    assert wire.gate.push(b"two", 0)
    wire.turn()
    assert wire.written == []


async def test_messages_on_their_way_are_counted_and_answered_once() -> None:
    wire = Wire()
    refused: list[bytes] = []
    sends = [
        Send(wire.gate, number, lambda _gate, _id, status, _name: refused.append(status), "meeting-a", b"", b"", b"")
        for number in range(3)
    ]
    assert wire.gate.in_flight == 3
    waiting = asyncio.create_task(wire.gate.idle())
    await asyncio.sleep(0)
    sends[0].settle(b"ok", 7, 1000)
    sends[1].settle(b"closed", 0, 0)
    sends[2].refuse()
    await waiting
    wire.turn()
    assert wire.written == [slow.acknowledgement(0, 7, 1000, repeated=False)]
    assert refused == [b"closed", b"unavailable"]


def on_their_way(wire: Wire, count: int) -> list[Send]:
    return [Send(wire.gate, number, lambda *_: None, "meeting-a", b"", b"", b"") for number in range(count)]


def test_a_socket_with_too_many_messages_on_their_way_is_not_read_until_half_of_them_are_answered() -> None:
    wire = Wire()
    sends = on_their_way(wire, MAX_IN_FLIGHT)
    wire.gate.data_received(message(client_id="c1") + PING + message(client_id="c2")[:9])
    assert (wire.taken, bytes(wire.passed), wire.is_paused) == ([], b"", True)
    wire.gate.data_received(message(client_id="c2")[9:])  # had been on its way
    for send in sends[: MAX_IN_FLIGHT // 2 - 1]:
        send.settle(b"ok", 1, 1)
    wire.turn()
    assert (wire.taken, wire.is_paused) == ([], True)
    sends[-1].settle(b"ok", 1, 1)
    wire.turn()
    assert [client_id for _, client_id, _, _ in wire.taken] == [b"c1", b"c2"]
    assert (bytes(wire.passed), wire.is_paused) == (PING, False)


def test_the_answer_to_a_ping_is_taken_and_no_other_is() -> None:
    wire, pong = Wire(), frame(b"3", 0x81)
    wire.gate.data_received(pong)
    assert bytes(wire.passed) == pong
    wire.gate.handled()
    wire.gate.awaits_pong = True
    stream = PING + pong + message() + pong
    wire.gate.data_received(stream[:13])
    wire.gate.data_received(stream[13:])
    assert (bytes(wire.passed), wire.gate.awaits_pong, len(wire.taken)) == (pong + PING + pong, False, 1)


def test_what_is_no_answer_to_a_ping_passes() -> None:
    for other in (frame(b"2", 0x81), frame(b"33", 0x81), frame(b"3", 0x82), frame(b"3", 0x01) + frame(b"3", 0x80)):
        wire = Wire()
        wire.gate.awaits_pong = True
        wire.gate.data_received(other)
        assert (bytes(wire.passed), wire.gate.awaits_pong) == (other, True)


def test_other_events_are_read_however_many_messages_are_on_their_way() -> None:
    wire = Wire()
    sends = on_their_way(wire, MAX_IN_FLIGHT)
    large = message("y" * 1200)
    wire.gate.data_received(large)
    assert (bytes(wire.passed), wire.is_paused, sends[0].is_awaited()) == (large, False, True)


def test_what_was_held_passes_once_nothing_is_taken_any_more_and_is_dropped_at_the_end() -> None:
    for is_lost in (False, True):
        wire = Wire()
        on_their_way(wire, MAX_IN_FLIGHT)
        wire.gate.data_received(message())
        if is_lost:
            wire.gate.connection_lost(None)
        else:
            wire.gate.disarm()
        wire.turn()
        assert (wire.taken, bytes(wire.passed)) == ([], b"" if is_lost else message())


def test_a_frame_goes_to_all_who_lack_it_but_those_who_are_slow() -> None:
    class Socket(GateReader):
        def __init__(self, unsent: int) -> None:
            self.wire = Wire()
            self.wire.unsent = unsent
            self.gate = self.wire.gate
            self.max_unsent_bytes = 100

    quick, slow_one, ahead = Socket(0), Socket(101), Socket(0)
    assert push_to_all({quick: 4, slow_one: 4, ahead: 5}, [b"frame"], 5) == [slow_one]
    for each in (quick, slow_one, ahead):
        each.wire.turn()
    assert (quick.wire.written, slow_one.wire.written, ahead.wire.written) == ([b"frame"], [], [])


def test_frames_that_come_together_are_joined_and_nobody_gets_what_they_have() -> None:
    class Socket(GateReader):
        def __init__(self) -> None:
            self.wire = Wire()
            self.gate = self.wire.gate
            self.max_unsent_bytes = 100

    none, one, two, all_ = Socket(), Socket(), Socket(), Socket()
    assert push_to_all({none: 2, one: 5, two: 6, all_: 7}, [b"five", b"six", b"seven"], 5) == []
    for each in (none, one, two, all_):
        each.wire.turn()
    assert [each.wire.written for each in (none, one, two, all_)] == [[b"fivesixseven"], [b"sixseven"], [b"seven"], []]
