"""Two DTLS transports and a virtual network between them: what is sent, lost and when, without a socket or a sleep."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

from rtc.dtls import DtlsCertificate, DtlsTransport
from rtc.dtls_records import MAX_DATAGRAM_BYTES

DELAY_US = 20_000
Filter = Callable[[bytes, str], bool]


@cache
def certificate(name: str) -> DtlsCertificate:
    """A certificate per name, made once per run since keys cost time."""
    del name
    return DtlsCertificate.generate(datetime(2026, 1, 1, tzinfo=UTC))


def server_transport() -> DtlsTransport:
    """A server that expects the client named "client"."""
    return DtlsTransport(certificate("server"), "server", [certificate("client").fingerprint])


def client_transport(name: str = "client") -> DtlsTransport:
    """A client that expects the server named "server"."""
    return DtlsTransport(certificate(name), "client", [certificate("server").fingerprint])


def client_hello(name: str = "stranger") -> list[bytes]:
    """The datagrams with which a client begins."""
    client = client_transport(name)
    client.start(0)
    return client.poll_transmit()


class Network:
    """Carries datagrams between ``client`` and ``server`` with a fixed delay; ``passes`` decides what gets through."""

    def __init__(self, client: DtlsTransport, server: DtlsTransport, passes: Filter = lambda _data, _to: True) -> None:
        self.client = client
        self.server = server
        self.passes = passes
        self.now_us = 0
        self.sent: list[tuple[str, bytes]] = []
        self._under_way: list[tuple[int, str, bytes]] = []

    def run(self, until_us: int = 40_000_000) -> None:
        """Until nothing is under way and no timer is set, or both sides have an end, or the time is over."""
        self.client.start(self.now_us)
        while True:
            self._collect()
            moments = [item[0] for item in self._under_way]
            for transport in (self.client, self.server):
                timeout_us = transport.next_timeout_us()
                if timeout_us is not None:
                    moments.append(timeout_us)
            if not moments or min(moments) > until_us:
                return
            self.now_us = max(self.now_us, min(moments))
            arrived = [item for item in self._under_way if item[0] <= self.now_us]
            self._under_way = [item for item in self._under_way if item[0] > self.now_us]
            for _, to, data in arrived:
                (self.server if to == "server" else self.client).handle_datagram(data, self.now_us)
            for transport in (self.client, self.server):
                transport.handle_timeout(self.now_us)

    def _collect(self) -> None:
        for sender, to in ((self.client, "server"), (self.server, "client")):
            for data in sender.poll_transmit():
                assert len(data) <= MAX_DATAGRAM_BYTES
                self.sent.append((to, data))
                if self.passes(data, to):
                    self._under_way.append((self.now_us + DELAY_US, to, data))


def lossy(seed: int, probability: float) -> Filter:
    """Loses datagrams at random, the same ones for the same seed."""
    rng = random.Random(seed)
    return lambda _data, _to: rng.random() >= probability
