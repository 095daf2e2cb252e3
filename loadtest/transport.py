"""One peer's way to media: ICE checks as the controlling full agent (RFC 8445), then DTLS as the client, then keys.

The checks and the handshake run in Python, a few datagrams per peer; from the keys on, the bank has the socket.
"""

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.driver import BankDriver
from rtc import stun
from rtc.dtls import DtlsCertificate, DtlsTransport
from rtc.ice import IceCredentials
from rtc.sdp import Offer
from rtc.srtp import SrtpSession

FIRST_CHECK_RETRY_S = 0.25
"""Shorter than RFC 8489's 0.5 s, as browsers do: a load test must not wait where a browser would not."""
CANDIDATE_TIME_S = 3.0
"""Checks to one candidate before the next one is tried."""
CONSENT_S = (4.0, 6.0)
"""RFC 7675 section 5.1: every 5 s, randomised by 20 %."""
_HOST_PRIORITY = (126 << 24) | (65535 << 8) | 255


class TransportError(Exception):
    """No media path: ``code`` is ``no_candidate``, ``ice_timeout``, ``dtls_timeout`` or ``dtls_failed``."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code} {detail}".strip())
        self.code = code


@dataclass(frozen=True)
class TransportTimes:
    """Seconds from the first check to its answer, and from the ClientHello to the keys."""

    ice_s: float
    dtls_s: float


class PeerTransport:
    """Connects one peer of the bank to the server's answer, and keeps consent fresh."""

    def __init__(self, driver: BankDriver, certificate: DtlsCertificate, *, feedback: bool = True) -> None:
        self.local = IceCredentials.generate(secrets.token_bytes)
        self.number = -1
        self.profile = ""
        self.consent_lost = 0
        self._driver = driver
        self._certificate = certificate
        self._feedback = feedback
        self._remote: IceCredentials | None = None
        self._tie_breaker = secrets.randbits(64)
        self._checks: dict[bytes, asyncio.Future[None]] = {}
        self._dtls: DtlsTransport | None = None
        self._dtls_changed = asyncio.Event()
        self._consent: asyncio.TimerHandle | None = None
        self._consent_check: asyncio.Future[None] | None = None

    async def connect(self, answer: Offer, extension_mask: int, timeout_s: float = 15.0) -> TransportTimes:
        """Check, shake hands, hand the keys to the bank. Raises ``TransportError``."""
        self._remote = answer.ice
        deadline = time.monotonic() + timeout_s
        started = time.perf_counter()
        await self._check_candidates(answer.candidates, deadline)
        checked = time.perf_counter()
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                session = await self._shake_hands(answer)
        except TimeoutError:
            raise TransportError("dtls_timeout") from None
        self._driver.bank.set_keys(self.number, session, self._feedback, extension_mask)
        self._schedule_consent()
        return TransportTimes(checked - started, time.perf_counter() - checked)

    def close(self) -> None:
        """Say goodbye (close_notify) and close the socket."""
        if self._consent is not None:
            self._consent.cancel()
        if self._dtls is not None:
            self._dtls.close()
            self._flush_dtls()
        if self.number >= 0:
            self._driver.handlers.pop(self.number, None)
            self._driver.bank.close_peer(self.number)

    async def _check_candidates(self, candidates: Sequence[tuple[str, int]], deadline: float) -> None:
        if not candidates:
            raise TransportError("no_candidate")
        for host, port in candidates:
            self._open(host, port)
            end = min(time.monotonic() + CANDIDATE_TIME_S, deadline)
            pause = FIRST_CHECK_RETRY_S
            while time.monotonic() < end:
                done, _ = await asyncio.wait([self._send_check()], timeout=min(pause, end - time.monotonic()))
                if done or any(check.done() for check in self._checks.values()):
                    self._checks.clear()
                    return
                pause *= 2
            self._checks.clear()
        raise TransportError("ice_timeout")

    def _open(self, host: str, port: int) -> None:
        """A socket of our own towards one candidate; loopback addresses only reach the loopback."""
        if self.number < 0:
            self.number = self._driver.bank.add_peer(_local_host(host))
            self._driver.handlers[self.number] = self._on_datagram
        self._driver.bank.connect(self.number, host, port)

    def _send_check(self) -> asyncio.Future[None]:
        """One connectivity check with USE-CANDIDATE (aggressive nomination: there is one pair)."""
        if self._remote is None:
            raise TransportError("no_candidate")
        transaction = secrets.token_bytes(12)
        self._checks[transaction] = asyncio.get_running_loop().create_future()
        self._driver.bank.send(
            self.number,
            stun.binding_request(
                transaction,
                username=f"{self._remote.username_fragment}:{self.local.username_fragment}",
                key=self._remote.password.encode(),
                priority=_HOST_PRIORITY,
                ice_controlling=self._tie_breaker,
                use_candidate=True,
            ),
        )
        return self._checks[transaction]

    async def _shake_hands(self, answer: Offer) -> SrtpSession:
        self._dtls = DtlsTransport(self._certificate, "client", answer.fingerprints)
        self._dtls.start(_now_us())
        self._flush_dtls()
        while self._dtls.srtp_keys is None:
            if self._dtls.state in ("failed", "closed"):
                raise TransportError("dtls_failed", self._dtls.failure or self._dtls.state)
            due = self._dtls.next_timeout_us()
            self._dtls_changed.clear()
            try:
                async with asyncio.timeout(None if due is None else max(due - _now_us(), 0) / 1e6):
                    await self._dtls_changed.wait()
            except TimeoutError:
                self._dtls.handle_timeout(_now_us())
                self._flush_dtls()
        keys = self._dtls.srtp_keys
        self.profile = keys.profile
        return SrtpSession(keys.profile, keys.local, keys.remote)

    def _flush_dtls(self) -> None:
        if self._dtls is not None:
            for datagram in self._dtls.poll_transmit():
                self._driver.bank.send(self.number, datagram)

    def _on_datagram(self, data: bytes) -> None:
        if data and data[0] < 4:
            self._on_stun(data)
        elif data and 20 <= data[0] <= 63 and self._dtls is not None:
            self._dtls.handle_datagram(data, _now_us())
            self._flush_dtls()
            self._dtls_changed.set()

    def _on_stun(self, data: bytes) -> None:
        try:
            message = stun.parse(data)
        except stun.StunError:
            return
        check = self._checks.get(message.transaction_id)
        if check is None or check.done() or self._remote is None:
            return
        if message.message_class == stun.MessageClass.SUCCESS and stun.verify_integrity(
            data, message, self._remote.password.encode()
        ):
            check.set_result(None)

    def _schedule_consent(self) -> None:
        """The next consent check; one that got no answer before is counted (RFC 7675)."""
        if self._consent_check is not None and not self._consent_check.done():
            self.consent_lost += 1
        first, last = CONSENT_S
        pause = first + (last - first) * secrets.randbelow(1000) / 1000
        self._checks.clear()
        self._consent_check = self._send_check()
        self._consent = asyncio.get_running_loop().call_later(pause, self._schedule_consent)


def _local_host(remote: str) -> str:
    """What to bind to: a loopback address only reaches the loopback."""
    if ":" in remote:
        return "::1" if remote == "::1" else "::"
    return "127.0.0.1" if remote.startswith("127.") else "0.0.0.0"


def _now_us() -> int:
    return time.monotonic_ns() // 1000
