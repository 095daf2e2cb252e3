"""Pings on a virtual clock."""

import weakref

from hypothesis import given
from hypothesis import strategies as st

from signalling.heartbeat import Heartbeat


class Socket:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.awaits_pong = False
        self.pings = 0
        self.is_lost = False

    def ping(self) -> None:
        self.pings += 1
        self.awaits_pong = True

    def lose(self) -> None:
        self.is_lost = True


class World:
    """A heartbeat whose timer is the test's."""

    def __init__(self, interval_s: float, timeout_s: float) -> None:
        self.now = 100.0
        self.heartbeat = Heartbeat(interval_s, timeout_s, lambda: self.now)
        self.heartbeat._timer = object()  # type: ignore[assignment]

    def pass_s(self, seconds: float) -> None:
        self.now += seconds
        self.heartbeat.step(self.now)


def test_a_socket_that_answers_is_pinged_again_and_again() -> None:
    world, socket = World(10, 10), Socket()
    world.heartbeat.add(socket)
    for number in range(5):
        assert socket.pings == number
        world.pass_s(9.9)
        assert socket.pings == number
        socket.awaits_pong = False
        world.pass_s(0.1)
    assert (socket.pings, socket.is_lost) == (5, False)


def test_a_silent_socket_is_lost_when_its_time_is_up_and_forgotten() -> None:
    world, socket = World(25, 20), Socket()
    world.heartbeat.add(socket)
    world.pass_s(25)
    world.pass_s(19.9)
    assert (socket.pings, socket.is_lost) == (1, False)
    world.pass_s(0.1)
    assert (socket.is_lost, len(world.heartbeat)) == (True, 0)
    world.pass_s(1000)
    assert socket.pings == 1


def test_a_timeout_shorter_than_the_interval_leaves_the_interval_as_it_is() -> None:
    world, socket = World(25, 20), Socket()
    world.heartbeat.add(socket)
    world.pass_s(25)
    socket.awaits_pong = False
    world.pass_s(20)
    assert socket.pings == 1
    world.pass_s(5)
    assert socket.pings == 2


def test_a_socket_that_was_closed_is_left_alone() -> None:
    world, socket = World(10, 10), Socket()
    world.heartbeat.add(socket)
    world.heartbeat.remove(socket)
    world.pass_s(1000)
    assert (socket.pings, socket.is_lost) == (0, False)


def test_nothing_is_kept_of_a_socket_that_was_closed() -> None:
    """Else a flood of sockets that open and close would be kept for a whole interval, with their requests."""
    world, socket = World(10, 10), Socket()
    world.heartbeat.add(socket)
    world.heartbeat.remove(socket)
    gone = weakref.ref(socket)
    del socket
    assert gone() is None


@given(st.lists(st.floats(0.1, 9), min_size=1, max_size=60))
def test_pings_are_never_further_apart_than_interval_and_lateness_allow(steps: list[float]) -> None:
    world, socket = World(10, 10), Socket()
    world.heartbeat.add(socket)
    last_ping, pings = world.now, 0
    for step in steps:
        world.pass_s(step)
        socket.awaits_pong = False
        if socket.pings > pings:
            pings, last_ping = socket.pings, world.now
        assert world.now - last_ping <= 10 + 9
    assert not socket.is_lost
