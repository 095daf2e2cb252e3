"""The compiled clients of the bare store count every byte; what they do not understand ends the measurement."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from loadtest.storebank import StoreBank, StoreBankError

COMMAND = b"XADD and SPUBLISH"
DELIVERY = b"*3 delivered"
ADDED, HEARD = b"$3\r\n1-0\r\n", b":1\r\n"

Result = tuple[float, int, int, list[float]]


def run(answer: bytes, delivery: bytes = DELIVERY, *, readers: int = 1, seconds: float = 0.0) -> Result:
    """One sender, whose every command is answered and delivered so; ``seconds`` 0: one command."""
    ours, theirs = socket.socketpair()
    pairs = [socket.socketpair() for _ in range(readers)]

    def serve() -> None:
        with theirs, suppress(ConnectionError):  # who gave up reads no further
            while len(theirs.recv(len(COMMAND), socket.MSG_WAITALL)) == len(COMMAND) and answer:
                for _, reader in pairs:
                    reader.sendall(delivery)
                theirs.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        heard_by = [(pair[0].fileno(), 0) for pair in pairs]
        return StoreBank([(ours.fileno(), COMMAND, 0)], heard_by, [len(DELIVERY)]).closed_loop(seconds)
    finally:
        ours.close()
        thread.join()
        for pair in pairs:
            pair[0].close()
            pair[1].close()


@pytest.mark.parametrize(("readers", "answer"), [(0, ADDED), (1, ADDED + HEARD), (3, ADDED + HEARD)])
def test_every_command_is_answered_delivered_and_timed(readers: int, answer: bytes) -> None:
    taken_s, sent, delivered, times = run(answer, readers=readers, seconds=0.05)
    assert sent == len(times) > 1
    assert delivered == readers * sent
    assert 0 < taken_s < 5
    assert all(0 < each < 5 for each in times)


@pytest.mark.parametrize(
    ("answer", "delivery", "fault"),
    [
        (b"-ERR no\r\n", DELIVERY, "refused"),
        (ADDED + b"-ERR no\r\n", DELIVERY, "refused"),
        (b"", DELIVERY, "ended"),
        (b"+OK\r\n", DELIVERY, "not understood"),
        (ADDED + ADDED, DELIVERY, "not understood"),
        (ADDED + HEARD + HEARD, DELIVERY, "not understood"),
        (ADDED + HEARD, b"x" * len(DELIVERY), "not understood"),
        (ADDED + HEARD, DELIVERY * 2, "came twice"),
    ],
)
def test_anything_else_is_worth_nothing(answer: bytes, delivery: bytes, fault: str) -> None:
    with pytest.raises(StoreBankError, match=fault):
        run(answer, delivery)


def count_of(deliveries: tuple[int, int]) -> Callable[[], Result]:
    """One command, delivered so often to each of two readers."""

    def measure() -> Result:
        (ours, theirs), *pairs = (socket.socketpair() for _ in range(3))
        for (_, reader), count in zip(pairs, deliveries, strict=True):
            reader.sendall(DELIVERY * count)
        theirs.sendall(ADDED + HEARD)
        try:
            heard_by = [(pair[0].fileno(), 0) for pair in pairs]
            return StoreBank([(ours.fileno(), COMMAND, 0)], heard_by, [len(DELIVERY)]).closed_loop(0.0)
        finally:
            for each in (ours, theirs, *pairs[0], *pairs[1]):
                each.close()

    return measure


def test_a_delivery_twice_to_one_reader_is_none_to_the_other() -> None:
    assert count_of((1, 1))()[1:3] == (1, 2)
    with pytest.raises(StoreBankError, match="did not arrive"):
        count_of((2, 0))()


def test_a_channel_that_is_not_there_is_refused() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(ValueError, match="no such channel"):
        StoreBank([(ours.fileno(), COMMAND, 1)], [], [1])
