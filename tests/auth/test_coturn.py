"""The coturn configuration of docs/turn.md, in a real coturn: what a relay must refuse, and that it relays at all."""

import socket
import time
from collections.abc import Iterator

import pytest

from auth.turn import TurnServer
from tests.auth.coturn import OLD_SECRET, SECRET, Coturn, running_coturn
from tests.auth.turn_client import Peer, TurnClient
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.attack

WORKER = "127.0.0.2"
"""The only allowed peer: the media worker of these tests."""
REFUSED = {
    "private 10": "10.0.0.1",
    "private 172": "172.16.0.1",
    "private 192": "192.168.1.1",
    "shared": "100.64.0.1",
    "loopback": "127.0.0.1",
    "another loopback": "127.0.0.3",
    "this host": "0.0.0.0",  # as a peer, not as a listener
    "link-local": "169.254.0.1",
    "metadata service": "169.254.169.254",
    "multicast": "224.0.0.1",
    "broadcast": "255.255.255.255",
    "somebody on the internet": "8.8.8.8",
}
REFUSED_IPV6 = {
    "loopback": "::1",
    "unspecified": "::",
    "unique local": "fd00::1",
    "metadata service": "fd00:ec2::254",
    "link-local": "fe80::1",
    "multicast": "ff02::1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped private": "::ffff:10.0.0.1",
    "mapped metadata service": "::ffff:169.254.169.254",
    "mapped worker": f"::ffff:{WORKER}",
    "compatible loopback": "::127.0.0.1",
    "translated metadata service": "64:ff9b::169.254.169.254",
    "6to4 loopback": "2002:7f00:1::",
    "somebody on the internet": "2001:4860:4860::8888",
}


@pytest.fixture(scope="module")
def coturn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    """One for all tests of this file."""
    with running_coturn(tmp_path_factory.mktemp("coturn"), WORKER) as server:
        yield server


def test_the_relay_carries_datagrams_to_a_media_worker_and_back(coturn: Coturn) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as worker, coturn.client() as client:
        worker.bind((WORKER, 0))
        worker.settimeout(PATIENCE_S)
        peer: Peer = worker.getsockname()
        assert client.allocate() == 0
        assert client.permit(peer) == 0
        client.send(peer, b"question")
        data, relayed = worker.recvfrom(2048)
        assert data == b"question"
        worker.sendto(b"answer", relayed)
        assert client.receive() == b"answer"


@pytest.mark.parametrize("peer", REFUSED.values(), ids=REFUSED)
def test_no_other_peer_gets_a_permission_or_a_channel(coturn: Coturn, peer: str) -> None:
    with coturn.client() as client:
        assert client.allocate() == 0
        assert client.permit((peer, 80)) == 403
        assert client.bind((peer, 80)) == 403


@pytest.mark.parametrize("peer", REFUSED_IPV6.values(), ids=REFUSED_IPV6)
def test_nor_does_an_ipv6_peer_however_it_is_written(coturn: Coturn, peer: str) -> None:
    with coturn.client() as client:
        assert client.allocate(ipv6=True) == 0
        assert client.permit((peer, 80)) == 403
        assert client.bind((peer, 80)) == 403
    with coturn.client() as client:
        assert client.allocate() == 0
        assert client.permit((peer, 80)) in (403, 443)  # 443: not the family of the relayed address


def test_nothing_reaches_a_peer_without_a_permission(coturn: Coturn) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim, coturn.client() as client:
        victim.bind(("127.0.0.3", 0))
        victim.settimeout(0.3)
        assert client.allocate() == 0
        assert client.permit(victim.getsockname()) == 403
        client.send(victim.getsockname(), b"hello")
        with pytest.raises(TimeoutError):
            victim.recv(100)


@pytest.mark.parametrize(("lifetime_s", "secret"), [(-1, SECRET), (-86_400, SECRET), (3600, "another secret, as long")])
def test_credentials_that_ended_or_were_forged_allocate_nothing(coturn: Coturn, lifetime_s: int, secret: str) -> None:
    with coturn.client(lifetime_s=lifetime_s, secret=secret) as client:
        assert client.allocate() == 401


def test_two_secrets_serve_while_one_is_replaced(coturn: Coturn) -> None:
    for secret in (OLD_SECRET, SECRET):
        with coturn.client(secret=secret) as client:
            assert client.allocate() == 0


def test_a_later_end_cannot_be_written_into_credentials(coturn: Coturn) -> None:
    found = TurnServer(["turn:x"], SECRET, -10).credentials("late", time.time())
    with TurnClient(coturn.address, found.username.replace(found.username[:4], "9999"), found.credential) as client:
        assert client.allocate() == 401


def test_one_credential_cannot_exhaust_the_relay(coturn: Coturn) -> None:
    clients = [coturn.client(name="greedy") for _ in range(6)]
    try:
        results = [client.allocate() for client in clients]
    finally:
        for client in clients:
            client._socket.close()
    assert results == [0, 0, 0, 0, 486, 486]
