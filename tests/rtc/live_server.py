"""The smallest server that ICE, DTLS and SDP make: one socket, one client, media thrown away. For real clients."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from rtc.dtls import DtlsTransport
from rtc.ice import IceCredentials, IceLite
from rtc.sdp import Address, parse_offer
from rtc.sdp_answer import NegotiationPolicy, build_answer, negotiate
from tests.rtc.dtls_network import certificate
from tests.rtc.sdp_text import DEFAULT_POLICY, slots_of

MEDIA_PACKETS = 10
"""How many SRTP packets show that media flows."""


class LiveServer(asyncio.DatagramProtocol):
    """Answers offers; ``media`` is set when SRTP has come in over the connected transport."""

    def __init__(self, policy: NegotiationPolicy = DEFAULT_POLICY) -> None:
        self.policy = policy
        self.drops: Counter[str] = Counter()
        self.media = asyncio.Event()
        self.closed = asyncio.Event()
        self.ice: IceLite | None = None
        self.dtls: DtlsTransport | None = None
        self._packets = 0
        self._version = 0

    def answer(self, text: str) -> str:
        """The first answer, or that to an ICE restart."""
        offer = parse_offer(text)
        local = IceCredentials.generate(os.urandom)
        if self.ice is None or self.dtls is None:
            self.ice = IceLite(local, offer.ice, _now_us())
            self.dtls = DtlsTransport(certificate("server"), "server", offer.fingerprints)
        else:
            self.ice.restart(local, offer.ice, _now_us())
        negotiated = negotiate(offer, self.policy)
        self._version += 1
        host, port = self._transport.get_extra_info("sockname")
        return build_answer(
            offer,
            negotiated,
            local_ice=local,
            fingerprint=certificate("server").fingerprint,
            candidates=[(host, port)],
            slot_ssrcs=slots_of(negotiated),
            session_id=1,
            version=self._version,
        )

    def expect_media(self) -> None:
        """Count anew."""
        self._packets = 0
        self.media.clear()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: Address) -> None:
        """RFC 7983: the first byte tells the protocol."""
        assert self.ice is not None
        assert self.dtls is not None
        if data[0] < 4:
            outcome = self.ice.handle_request(data, address, _now_us())
            if outcome.dropped is not None:
                self.drops[outcome.dropped] += 1
            if outcome.response is not None:
                self._transport.sendto(outcome.response, address)
        elif address not in self.ice.validated:
            self.drops["not_validated"] += 1
        elif 20 <= data[0] < 64:
            self.dtls.handle_datagram(data, _now_us())
            for datagram in self.dtls.poll_transmit():
                self._transport.sendto(datagram, address)
            if self.dtls.state == "closed":
                self.closed.set()
        elif self.dtls.state == "connected" and address == self.ice.selected:
            self._packets += 1
            if self._packets >= MEDIA_PACKETS:
                self.media.set()


@asynccontextmanager
async def live_server(policy: NegotiationPolicy = DEFAULT_POLICY) -> AsyncIterator[LiveServer]:
    """A server on a free port of the loopback interface."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: LiveServer(policy), local_addr=("127.0.0.1", 0))
    try:
        yield server
    finally:
        transport.close()


def _now_us() -> int:
    return time.monotonic_ns() // 1000
