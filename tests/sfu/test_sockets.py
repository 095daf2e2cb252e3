"""The worker's port as two sockets: RTCP apart from everything else, and nobody joins in."""

import socket
from collections.abc import Iterator

import pytest

from sfu import sockets
from sfu.sockets import open_feedback_socket, open_socket
from sfu.walk import Walk

BUFFER_BYTES = 1 << 18
FAR_US = 1 << 62


@pytest.fixture(params=["127.0.0.1", "::1"])
def media(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    try:
        sock = open_socket(request.param, 0, BUFFER_BYTES)
    except OSError:
        pytest.skip("no such address on this machine")
    yield sock
    sock.close()


@pytest.fixture
def feedback(media: socket.socket) -> Iterator[socket.socket]:
    sock = open_feedback_socket(media, BUFFER_BYTES)
    assert sock is not None
    yield sock
    sock.close()


def send(to: socket.socket, *datagrams: bytes) -> None:
    with socket.socket(to.family, socket.SOCK_DGRAM) as client:
        for data in datagrams:
            client.sendto(data, to.getsockname())


def waiting(sock: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(sock.recv(100))
        except BlockingIOError:
            return found


def test_rtcp_and_only_rtcp_comes_to_the_second_socket(media: socket.socket, feedback: socket.socket) -> None:
    others = [b"\x00\x01", b"\x16\xc8", b"\x80\xbf", b"\x80\xe0", b"\xbf\x60", b"\x7f\xc8", b"\xc0\xc8", b"\x80", b""]
    rtcp = [b"\x80\xc0", b"\x80\xc8", b"\x81\xcd", b"\xbf\xdf"]
    send(media, *others, *rtcp)
    assert waiting(media) == others
    assert waiting(feedback) == rtcp


def test_no_other_worker_gets_the_port(media: socket.socket, feedback: socket.socket) -> None:
    host, port = feedback.getsockname()[:2]
    with pytest.raises(OSError, match="in use"):
        open_socket(host, port, BUFFER_BYTES)
    assert media.getsockname()[1] == port


def test_a_third_socket_that_joins_the_port_is_given_nothing(media: socket.socket, feedback: socket.socket) -> None:
    with socket.socket(media.family, socket.SOCK_DGRAM) as stranger:
        stranger.setblocking(False)
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        stranger.bind(media.getsockname()[:2])
        send(media, *[bytes((first, 200)) for first in range(256)])
        assert waiting(stranger) == []
        assert len(waiting(media)) + len(waiting(feedback)) == 256


def test_everything_comes_by_the_first_socket_where_the_kernel_cannot_sort(
    media: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "SO_ATTACH_REUSEPORT_CBPF", 9999)
    assert open_feedback_socket(media, BUFFER_BYTES) is None
    send(media, b"\x80\xc8", b"\x80\x60")
    assert waiting(media) == [b"\x80\xc8", b"\x80\x60"]


def test_walk_takes_feedback_along_with_media_at_most_every_5_ms(media: socket.socket, feedback: socket.socket) -> None:
    walk = Walk(secret=1, fd=media.fileno(), feedback_fd=feedback.fileno())
    walk.forward_batch(1_000_000)
    send(media, b"\x80\xc8" + bytes(30))
    walk.forward_batch(1_004_999)
    assert walk.received_datagrams == 0
    walk.forward_batch(1_005_000)
    assert walk.drop_counts()["unknown_address"] == 1


def test_tick_takes_feedback_when_no_media_comes(media: socket.socket, feedback: socket.socket) -> None:
    walk = Walk(secret=1, fd=media.fileno(), feedback_fd=feedback.fileno())
    send(media, *[b"\x80\xc8" + bytes(30)] * 200)
    assert walk.receive_feedback(1_000_000) == []
    assert walk.received_datagrams == 200


def test_wake_calls_python_for_stun_and_when_the_tick_is_due_but_not_for_media(
    media: socket.socket, feedback: socket.socket
) -> None:
    walk = Walk(secret=1, fd=media.fileno(), feedback_fd=feedback.fileno())
    calls: list[int] = []
    walk.attend = lambda slow_lane, _now_us: calls.append(len(slow_lane))
    walk.attend_us = FAR_US
    send(media, b"\x80\x60" + bytes(30))
    walk.wake()
    assert (walk.received_datagrams, calls) == (1, [])
    send(media, b"\x00\x01" + bytes(30))
    walk.wake()
    assert calls == [1]
    walk.attend_us = 0
    walk.wake()
    assert calls == [1, 0]
