"""A participant without a screen: joins over the real signalling, publishes encoded clips, counts what it receives."""

import secrets
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import socketio

from loadtest.clip import Clip
from loadtest.driver import BankDriver
from loadtest.offer import EXTENSION_IDS, build_offer, sent_tracks
from loadtest.transport import PeerTransport
from rtc.dtls import DtlsCertificate
from rtc.fingerprints import Fingerprint
from rtc.sdp import Offer, parse_answer
from signalling.protocol import PROTOCOL_VERSION, SERVER_EVENTS, Join, JoinReply

ACKNOWLEDGE_S = 20.0
"""How long a reply may take. Many joins at once queue at the server, and that is to be measured, not cut off."""


class JoinError(Exception):
    """The server refused; ``code`` is one of the protocol's error codes."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True)
class JoinTimes:
    """Seconds: socket and its handshake, the join's reply, ICE, DTLS, and everything from the click to media."""

    socket_s: float
    reply_s: float
    ice_s: float
    dtls_s: float
    total_s: float


@dataclass(frozen=True)
class Publication:
    """What a publisher sends: ``rate`` plays the clips faster, ``paced`` spreads frames as a browser does."""

    video: Clip | None
    audio: Clip | None
    paced: bool = True


class Participant:
    """One client from join to leave."""

    def __init__(
        self,
        driver: BankDriver,
        certificate: DtlsCertificate,
        url: str,
        token: str,
        *,
        publication: Publication | None = None,
        slots: int = 8,
        verify_certificate: bool = True,
    ) -> None:
        self.transport = PeerTransport(driver, certificate)
        self.events: Counter[str] = Counter()
        self.senders: dict[str, int] = {}
        self.reply: JoinReply | None = None
        self._driver = driver
        self._fingerprint = Fingerprint("sha-256", certificate.fingerprint_sha256)
        self._url, self._token = url, token
        self._publication, self._slots = publication, slots
        self._tracks = sent_tracks(secrets.randbelow(1 << 31) + 1) if publication else ()
        self._socket = socketio.AsyncClient(
            serializer="msgpack", reconnection=False, ssl_verify=verify_certificate, handle_sigint=False
        )
        for name in SERVER_EVENTS:
            self._socket.on(name, self._on_event(name))

    @property
    def number(self) -> int:
        """Of this peer in the bank."""
        return self.transport.number

    async def join(self) -> JoinTimes:
        """Socket, offer and answer, ICE, DTLS. Raises ``JoinError`` or ``TransportError``."""
        started = time.perf_counter()
        await self._socket.connect(self._url, transports=["websocket"])
        connected = time.perf_counter()
        offer = build_offer(self._tracks, self._slots, self.transport.local, self._fingerprint, secrets.randbits(62))
        reply = JoinReply.model_validate(
            await self.call(
                "join",
                Join(
                    protocol=PROTOCOL_VERSION,
                    token=self._token,
                    offer=offer,
                    tracks={track.mid: track.source for track in self._tracks},  # type: ignore[misc]
                    active={track.source: True for track in self._tracks},  # type: ignore[misc]
                ).model_dump(exclude_none=True),
            )
        )
        replied = time.perf_counter()
        self.reply = reply
        answer = parse_answer(reply.answer)
        times = await self.transport.connect(answer, _extension_mask(answer))
        self._add_senders()
        return JoinTimes(
            socket_s=connected - started,
            reply_s=replied - connected,
            ice_s=times.ice_s,
            dtls_s=times.dtls_s,
            total_s=time.perf_counter() - started,
        )

    async def call(self, event: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send an event and return its reply. Raises ``JoinError`` when it is refused."""
        reply = await self._socket.call(event, payload, timeout=ACKNOWLEDGE_S)
        if not reply.pop("ok"):
            raise JoinError(reply["error"]["code"], reply["error"]["message"])
        result: dict[str, Any] = reply
        return result

    def start_sending(self, delay_s: float = 0.0) -> None:
        """Begin with the keyframe, ``delay_s`` from now."""
        for number in self.senders.values():
            self._driver.bank.start_sender(number, delay_s)

    async def leave(self) -> None:
        """Leave the room, then close the transport and the socket."""
        if self._socket.connected and self.reply is not None:
            await self.call("leave", {})
        self.transport.close()
        await self._socket.disconnect()

    def _add_senders(self) -> None:
        if self._publication is None:
            return
        clips = {"audio": self._publication.audio, "video": self._publication.video}
        for track in self._tracks:
            clip = clips[track.kind]
            if clip is not None:
                self.senders[track.kind] = self._driver.bank.add_sender(
                    self.number, clip, ssrc=track.ssrc, mid=track.mid, paced=self._publication.paced
                )

    def _on_event(self, name: str) -> Any:
        async def count(_payload: dict[str, Any]) -> None:
            self.events[name] += 1

        return count


def _extension_mask(answer: Offer) -> int:
    """Bit ``id`` for each of our extensions that some media section of the answer accepts."""
    accepted = {uri for media in answer.media for uri in media.extensions}
    return sum(1 << number for uri, number in EXTENSION_IDS.items() if uri in accepted)
