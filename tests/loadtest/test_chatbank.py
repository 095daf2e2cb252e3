"""The compiled clients are strict: what they do not understand ends the measurement."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from loadtest.chatbank import ChatBank, ChatBankError

FRAME = b"\x82" + b"s" * 16 + b"c" * 20 + b"i" * 4


def run(answer: Callable[[bytes], bytes], seconds: float = 0.05) -> tuple[float, int, int, list[float], list[float]]:
    """One sender against a server that answers each message."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with theirs, suppress(ConnectionError):  # who gave up reads no further
            while len(message := theirs.recv(len(FRAME), socket.MSG_WAITALL)) == len(FRAME):
                if not (reply := answer(message)):
                    break
                theirs.sendall(reply)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        return ChatBank([ours.fileno()], [(0, FRAME, 1, 17, 37)], 1).closed_loop(seconds)
    finally:
        ours.close()
        thread.join()


def frame(payload: bytes) -> bytes:
    return bytes((0x82, len(payload))) + payload


def acknowledged(message: bytes, ok: bytes = b"\xc3") -> bytes:
    return frame(b"\x84\xa4type\x03\xa4data\x91\x81\xa2ok" + ok + b"\xa3nsp\xa1/\xa2id\xce" + message[37:41])


def shown(message: bytes) -> bytes:
    return frame(b"\x83\xa4type\x02 stamp=" + message[1:17])


def test_every_message_is_acknowledged_delivered_and_timed() -> None:
    taken_s, sent, delivered, acknowledgements, deliveries = run(lambda each: shown(each) + acknowledged(each))
    assert sent == delivered == len(acknowledgements) == len(deliveries) > 0
    assert 0 < taken_s < 5
    assert all(0 <= each < 5 for each in (*acknowledgements, *deliveries))


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (lambda each: acknowledged(each, b"\xc2"), "refused"),
        (lambda _: b"", "ended"),
        (lambda _: b"\x82\x03abc", "not understood"),
        (lambda _: frame(b"\x84\xa4type\x03 without a number \xa2ok\xc3"), "not understood"),
        (lambda _: frame(b"\x83\xa4type\x02 without a stamp"), "not understood"),
        (lambda _: b"\x82\x7f" + bytes(8), "not understood"),
        (lambda each: acknowledged(each) * 2, "came twice"),
        (lambda each: shown(each) * 2 + acknowledged(each), "came twice"),
    ],
)
def test_anything_else_is_worth_nothing(answer: Callable[[bytes], bytes], fault: str) -> None:
    with pytest.raises(ChatBankError, match=fault):
        run(answer)


def test_a_socket_has_one_message_on_its_way() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(ValueError, match="one message"):
        ChatBank([ours.fileno()], [(0, FRAME, 1, 17, 37)] * 2, 1)


def test_a_message_twice_to_one_reader_is_none_to_the_other() -> None:
    """As many deliveries as there must be, but not each reader's."""
    (first, of_first), (second, of_second) = socket.socketpair(), socket.socketpair()

    def serve() -> None:
        message = of_first.recv(len(FRAME), socket.MSG_WAITALL)
        of_first.sendall(shown(message) * 2 + acknowledged(message))

    thread = threading.Thread(target=serve)
    thread.start()
    with first, of_first, second, of_second, pytest.raises(ChatBankError, match="did not arrive"):
        ChatBank([first.fileno(), second.fileno()], [(0, FRAME, 1, 17, 37)], 2).closed_loop(0)
    thread.join()
