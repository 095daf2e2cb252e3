"""One participant's transport: ICE, DTLS and the table's peer, from the offer to the keys. Sans-I/O."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rtc.dtls import DtlsTransport
from rtc.dtls_certificate import DtlsCertificate
from rtc.fingerprints import Fingerprint
from rtc.ice import IceCredentials, IceLite
from rtc.sdp import Address, Offer
from rtc.sdp_answer import NegotiatedMedia, SlotSsrc, build_answer
from rtc.srtp import SrtpSession
from sfu.walk import Walk

CNAME_BYTES = 8
"""Random, per transport (RFC 7022 section 4.2): it says nothing of who it is."""


@dataclass(frozen=True, slots=True)
class Local:
    """What all transports of a worker share."""

    walk: Walk
    certificate: DtlsCertificate
    candidates: tuple[Address, ...]
    random_bytes: Callable[[int], bytes]

    def random_ssrc(self) -> int:
        """A random SSRC (RFC 3550 section 8), never 0."""
        return int.from_bytes(self.random_bytes(4), "big") or 1


class Transport:
    """ICE-lite, DTLS and SRTP keys of one peer connection, and its peer in the walk."""

    def __init__(self, local: Local, offer: Offer, now_us: int) -> None:
        self._local = local
        self._offer_ice = offer.ice
        self.fingerprints = offer.fingerprints
        self.local_ice = IceCredentials.generate(local.random_bytes)
        self.ice = IceLite(self.local_ice, offer.ice, now_us)
        self.dtls = DtlsTransport(local.certificate, "server", offer.fingerprints)
        self.peer_id = local.walk.add_peer(local.random_ssrc())
        self.cname = local.random_bytes(CNAME_BYTES).hex()
        self.session_id = int.from_bytes(local.random_bytes(7), "big")
        self.version = 0
        self.connected_us: int | None = None
        self.closed = False
        self.greeted = False

    @property
    def is_ready(self) -> bool:
        """Whether media can be sent: keys and a selected address are there."""
        return self.connected_us is not None and self.ice.selected is not None

    def restart_ice(self, offer: Offer, now_us: int) -> bool:
        """Take new remote credentials (RFC 8445 section 9); return False where they are the old ones."""
        if offer.ice == self._offer_ice:
            return False
        self._offer_ice = offer.ice
        self.local_ice = IceCredentials.generate(self._local.random_bytes)
        self.ice.restart(self.local_ice, offer.ice, now_us)
        return True

    def answer(self, offer: Offer, negotiated: Sequence[NegotiatedMedia], slots: dict[str, SlotSsrc]) -> str:
        """Write the answer to this transport's offer."""
        self.version += 1
        return build_answer(
            offer,
            negotiated,
            local_ice=self.local_ice,
            fingerprint=Fingerprint("sha-256", self._local.certificate.fingerprint_sha256),
            candidates=self._local.candidates,
            slot_ssrcs=slots,
            session_id=self.session_id,
            version=self.version,
        )

    def handle_stun(self, data: bytes, address: Address, now_us: int) -> tuple[list[bytes], str | None]:
        """Return the datagrams to send back to ``address`` and why the request was dropped, if it was."""
        outcome = self.ice.handle_request(data, address, now_us)
        if outcome.validated or outcome.selected or outcome.removed:
            self._local.walk.set_addresses(self.peer_id, sorted(self.ice.validated), self.ice.selected)
        return ([outcome.response] if outcome.response is not None else []), outcome.dropped

    def handle_dtls(self, data: bytes, now_us: int) -> list[bytes]:
        """Return the datagrams to send back; gives the walk its keys when the handshake is done."""
        self.dtls.handle_datagram(data, now_us)
        keys = self.dtls.srtp_keys
        if keys is not None and self.connected_us is None:
            self.connected_us = now_us
            walk = self._local.walk
            walk.set_keys(self.peer_id, SrtpSession(keys.profile, keys.local, keys.remote))
            walk.set_addresses(self.peer_id, sorted(self.ice.validated), self.ice.selected)
        return self.dtls.poll_transmit()

    def handle_timeout(self, now_us: int) -> list[bytes]:
        """Return the DTLS datagrams that are due."""
        due_us = self.dtls.next_timeout_us()
        if due_us is None or now_us < due_us:
            return []
        self.dtls.handle_timeout(now_us)
        return self.dtls.poll_transmit()

    def has_failed(self, now_us: int) -> bool:
        """Whether the peer is gone: consent expired (RFC 7675), or DTLS failed or was closed by it."""
        return self.ice.is_expired(now_us) or self.dtls.state in ("failed", "closed")

    def has_broken(self, now_us: int) -> bool:
        """Whether it has failed by itself: a peer connection that was closed has not."""
        return self.ice.is_expired(now_us) or self.dtls.state == "failed"

    def close(self) -> list[bytes]:
        """Take the peer out of the walk; return the DTLS close_notify to send."""
        if self.closed:
            return []
        self.closed = True
        self.dtls.close()
        self._local.walk.remove_peer(self.peer_id)
        return self.dtls.poll_transmit()
