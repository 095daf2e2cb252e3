"""DTLS-SRTP for one peer: from datagrams to SRTP keys (RFC 5764), with OpenSSL between two memory buffers.

The server is passive. Each ClientHello with a random of its own begins an attempt of its own, so that a forged or
broken one can neither spoil the attempt of the real client that came before it nor the one that comes after. The first
attempt that completes is the peer's; keys are handed out only when its certificate has an announced fingerprint.

OpenSSL measures its retransmission times by the wall clock. Here time is an argument, so the last flight is kept and
sent again by a timer of the client role. The server needs none: a client that lacks the server's flight repeats its
own, and that is answered with a repetition. A timer would send the answer to a forged ClientHello to the real client.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Literal

from OpenSSL import SSL, crypto

from rtc.dtls_attempt import FIRST_RETRANSMIT_US, READ_BYTES, Attempt, SrtpKeys, reason_of
from rtc.dtls_certificate import DtlsCertificate, Role
from rtc.dtls_records import (
    CLIENT_HELLO,
    MAX_DATAGRAM_BYTES,
    ContentType,
    Fragment,
    Record,
    read_records,
)
from rtc.fingerprints import Fingerprint, is_certificate_accepted

__all__ = ["DtlsCertificate", "DtlsState", "DtlsTransport", "Fingerprint", "Role", "SrtpKeys"]

DtlsState = Literal["new", "connecting", "connected", "closed", "failed"]

HANDSHAKE_TIMEOUT_US: Final = 30_000_000
"""As long as ICE consent: a peer that cannot finish in that time is not there."""
MAX_RETRANSMIT_US: Final = 6_400_000
"""The client's interval doubles up to this: some ten tries within the time for a handshake."""
MAX_PARALLEL_ATTEMPTS: Final = 4
"""The real client has one; the others are room for forgeries that arrive around it."""
ATTEMPT_IDLE_US: Final = 3_000_000
"""After this time without progress an attempt gives its place to another client random."""
MAX_ATTEMPTS: Final = 32
"""In all, per peer: each costs a key exchange and a signature (about 0.3 ms)."""
MAX_HANDSHAKE_INPUT_BYTES: Final = 262_144
"""What OpenSSL is given in one attempt, retransmissions included; a handshake has about 2 kB per direction."""
MAX_DATAGRAM_INPUT_BYTES: Final = 4_096
"""Datagrams of a handshake fit an MTU; Firefox's largest has 1,408 bytes."""
MAX_ORPHAN_FRAGMENTS: Final = 4
"""Tails of a ClientHello that overtook its head."""


class DtlsTransport:
    """One association. ``handle_datagram`` never raises: what is wrong with the input is counted in ``drops``."""

    def __init__(self, certificate: DtlsCertificate, role: Role, remote_fingerprints: Sequence[Fingerprint]) -> None:
        self._certificate = certificate
        self._role: Role = role
        self._remote_fingerprints = tuple(remote_fingerprints)
        self._attempts: list[Attempt] = []
        self._attempts_made = 0
        self._orphans: list[bytes] = []
        self._outgoing: list[bytes] = []
        self._deadline_us: int | None = None
        self.drops: Counter[str] = Counter()
        self.state: DtlsState = "new"
        self.failure: str | None = None
        """Why the state is "failed", in snake_case."""
        self.srtp_keys: SrtpKeys | None = None
        """Set together with the state "connected"."""

    def start(self, now_us: int) -> None:
        """Client: produce the ClientHello. The server has nothing to start."""
        if self._role == "client" and self.state == "new":
            self._begin(now_us)
            attempt = self._new_attempt(now_us, None)
            self._advance(attempt, now_us)

    def handle_datagram(self, data: bytes, now_us: int) -> None:
        """Take in a datagram from the peer."""
        if self.state in ("closed", "failed") or (self.state == "new" and self._role == "client"):
            self.drops["dtls_not_open"] += 1
        elif len(data) > MAX_DATAGRAM_INPUT_BYTES:
            self.drops["dtls_datagram_too_long"] += 1
        else:
            records = read_records(data, self.drops)
            if self.state == "connected":
                self._handle_connected(records, now_us)
            elif records:
                self._handle_handshake(records, now_us)

    def poll_transmit(self) -> list[bytes]:
        """Datagrams to send to the peer, each of at most 1,200 bytes; each is given once."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def next_timeout_us(self) -> int | None:
        """When :meth:`handle_timeout` wants to be called, on the clock of ``now_us``; None for never."""
        if self.state != "connecting" or self._deadline_us is None:
            return None
        retransmit_us = self._attempts[-1].retransmit_us if self._attempts else None
        return self._deadline_us if retransmit_us is None else min(self._deadline_us, retransmit_us)

    def handle_timeout(self, now_us: int) -> None:
        """Send the last flight again when its answer is due, and give up at the end of the time for a handshake."""
        if self.state != "connecting" or self._deadline_us is None:
            return
        if now_us >= self._deadline_us:
            self._fail("handshake_timeout")
            return
        attempt = self._attempts[-1] if self._attempts else None
        if attempt is None or attempt.retransmit_us is None or now_us < attempt.retransmit_us:
            return
        attempt.interval_us = min(2 * attempt.interval_us, MAX_RETRANSMIT_US)
        attempt.retransmit_us = now_us + attempt.interval_us
        # By the wall clock OpenSSL may find it due, too. Its repetition is the better one, with new record numbers.
        with suppress(SSL.Error):
            attempt.connection.DTLSv1_handle_timeout()
        self._outgoing += attempt.drain() or attempt.flight

    def close(self) -> None:
        """End the association: a close_notify is left for :meth:`poll_transmit`."""
        if self.state == "connected":
            self._shut_down(self._attempts[0])
        if self.state != "failed":
            self.state = "closed"
        self._attempts.clear()

    # Handshake

    def _handle_handshake(self, records: Sequence[Record], now_us: int) -> None:
        input_of: dict[Attempt, list[bytes]] = {}
        repeat_of: list[Attempt] = []
        for record in records:
            hello = next((fragment for fragment in record.fragments if fragment.kind == CLIENT_HELLO), None)
            if hello is None or self._role == "client":
                # Before the server has answered a ClientHello no client has anything else to say.
                targets = [attempt for attempt in self._attempts if attempt.flight]
                if not targets:
                    self.drops["dtls_before_client_hello"] += 1
            else:
                target = self._attempt_of_hello(hello, record, now_us)
                if target is not None and target.flight:
                    if hello.is_last:
                        repeat_of.append(target)
                    continue
                targets = [] if target is None else [target]
            for attempt in targets:
                input_of.setdefault(attempt, []).append(record.data)
        for attempt in repeat_of:
            self._outgoing += attempt.repeat(now_us)
        for attempt, pieces in input_of.items():
            if self.state == "connecting":
                self._feed(attempt, pieces, now_us)

    def _attempt_of_hello(self, hello: Fragment, record: Record, now_us: int) -> Attempt | None:
        """The attempt a piece of a ClientHello belongs to: by its random, or the newest for pieces without one."""
        if hello.offset > 0:
            waiting = [attempt for attempt in self._attempts if not attempt.flight]
            if waiting:
                return waiting[-1]
            if self._attempts:
                return self._attempts[-1]
            if len(self._orphans) < MAX_ORPHAN_FRAGMENTS:
                self._orphans.append(record.data)
            else:
                self.drops["dtls_orphan_fragment"] += 1
            return None
        random = hello.client_random
        if random is None:
            self.drops["dtls_fragment_malformed"] += 1
            return None
        for attempt in self._attempts:
            if attempt.client_random == random:
                return attempt
        return self._admit(random, now_us)

    def _admit(self, random: bytes, now_us: int) -> Attempt | None:
        """A new attempt for a new client random, when there is room."""
        if self._attempts_made >= MAX_ATTEMPTS:
            self.drops["dtls_too_many_attempts"] += 1
            return None
        if len(self._attempts) >= MAX_PARALLEL_ATTEMPTS:
            idle = [attempt for attempt in self._attempts if now_us - attempt.started_us >= ATTEMPT_IDLE_US]
            if not idle:
                self.drops["dtls_too_many_attempts"] += 1
                return None
            self._attempts.remove(idle[0])
        if self.state == "new":
            self._begin(now_us)
        attempt = self._new_attempt(now_us, random)
        orphans, self._orphans = self._orphans, []
        for data in orphans:
            attempt.feed(data)
        return attempt

    def _begin(self, now_us: int) -> None:
        self.state = "connecting"
        self._deadline_us = now_us + HANDSHAKE_TIMEOUT_US

    def _new_attempt(self, now_us: int, random: bytes | None) -> Attempt:
        connection = SSL.Connection(self._certificate.context(self._role), None)
        connection.set_ciphertext_mtu(MAX_DATAGRAM_BYTES)
        if self._role == "server":
            connection.set_accept_state()
        else:
            connection.set_connect_state()
        attempt = Attempt(connection, now_us, random)
        self._attempts.append(attempt)
        self._attempts_made += 1
        return attempt

    def _feed(self, attempt: Attempt, records: Sequence[bytes], now_us: int) -> None:
        if attempt.input_bytes + sum(map(len, records)) > MAX_HANDSHAKE_INPUT_BYTES:
            self.drops["dtls_handshake_too_long"] += 1
            return
        for data in records:
            attempt.feed(data)
        self._advance(attempt, now_us)

    def _advance(self, attempt: Attempt, now_us: int) -> None:
        """Let OpenSSL work, and collect what it wants sent."""
        try:
            attempt.connection.do_handshake()
        except SSL.WantReadError:
            is_complete = False
        except SSL.Error as error:
            self._abandon(attempt, error)
            return
        else:
            is_complete = True
        flight = attempt.drain()
        if flight:
            attempt.flight = flight
            attempt.repeats = 0
            attempt.repeated_us = now_us
            attempt.interval_us = FIRST_RETRANSMIT_US
            if self._role == "client":
                attempt.retransmit_us = now_us + FIRST_RETRANSMIT_US
            self._outgoing += flight
        if is_complete:
            self._complete(attempt)

    def _abandon(self, attempt: Attempt, error: SSL.Error) -> None:
        """OpenSSL gave this attempt up. Its alert is not sent: it could end the attempt of the real client."""
        reason = reason_of(error)
        self.drops[f"dtls_handshake_{reason}"] += 1
        attempt.drain()
        self._attempts.remove(attempt)
        if self._role == "client":
            self._fail(reason)

    def _complete(self, attempt: Attempt) -> None:
        connection = attempt.connection
        certificate = connection.get_peer_certificate()
        self._attempts = [attempt]
        self._orphans.clear()
        if certificate is None or not is_certificate_accepted(
            crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate), self._remote_fingerprints
        ):
            self._shut_down(attempt)
            self._fail("fingerprint_mismatch")
            return
        keys = attempt.export_keys(self._role)
        if keys is None:
            self._shut_down(attempt)
            self._fail("no_srtp_profile")
            return
        self.srtp_keys = keys
        self.state = "connected"

    # Afterwards

    def _handle_connected(self, records: Sequence[Record], now_us: int) -> None:
        """Alerts, repetitions of the peer's last flight; application data has no use here and is thrown away."""
        attempt = self._attempts[0]
        protected = [record.data for record in records if record.epoch > 0]
        if protected:
            attempt.connection.bio_write(b"".join(protected))
            self._read(attempt)
        repetition = attempt.drain()
        if not repetition and any(record.content_type == ContentType.HANDSHAKE for record in records):
            # The peer repeats its last flight, so it lacks ours.
            repetition = attempt.repeat(now_us)
        self._outgoing += repetition

    def _read(self, attempt: Attempt) -> None:
        try:
            while attempt.connection.recv(READ_BYTES):
                self.drops["dtls_application_data"] += 1
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self._shut_down(attempt)
            self.state = "closed"
        except SSL.Error as error:
            self.drops[f"dtls_{reason_of(error)}"] += 1
            # Only what the peer has signed may end a call: a fatal alert under the keys of the handshake.
            if attempt.connection.get_shutdown() & SSL.RECEIVED_SHUTDOWN:
                self._fail("peer_alert")

    def _shut_down(self, attempt: Attempt) -> None:
        try:
            attempt.connection.shutdown()
        except SSL.Error as error:
            self.drops[f"dtls_{reason_of(error)}"] += 1
        self._outgoing += attempt.drain()

    def _fail(self, failure: str) -> None:
        self.state = "failed"
        self.failure = failure
        self.srtp_keys = None
        self._attempts.clear()
