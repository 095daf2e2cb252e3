"""A virtual meeting: browsers' transports, a seeded network and one engine, by a clock that only tests move."""

from __future__ import annotations

import heapq
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from rtc import rtcp, rtp, stun
from rtc.dtls import DtlsTransport
from rtc.extensions import AUDIO_LEVEL, MID, RID, TRANSPORT_WIDE_CC
from rtc.ice import IceCredentials
from rtc.sdp import parse_answer
from rtc.srtp import SrtpSession
from sfu.bus import RpcError
from sfu.engine import TICK_US, Engine
from sfu.transport import Local
from sfu.walk import Walk
from tests.rtc.dtls_network import certificate
from tests.sfu import packets

Address = tuple[str, int]
SERVER: Address = ("198.51.100.1", 5000)
EXTENSION_IDS = {AUDIO_LEVEL: 1, TRANSPORT_WIDE_CC: 3, MID: 4, RID: 10}
OPUS, VP8, VP8_RTX = 111, 96, 97
TRACKS = {"0": "microphone", "1": "camera", "2": "screen"}
RIDS = ("l", "m", "h")
CONSENT_TICKS = 100
"""A check every two seconds."""
CHECK_TICKS = 5
"""Every 100 ms until one is answered."""


@dataclass(frozen=True)
class Conditions:
    """What the network does to each datagram, in either direction."""

    loss: float = 0.0
    delay_us: int = 10_000
    jitter_us: int = 0
    """More than the gap between datagrams reorders them."""
    duplicate: float = 0.0


@dataclass
class Encoding:
    """One stream that a browser sends."""

    ssrc: int
    rid: str = ""
    sequence_number: int = 1000
    timestamp: int = 50_000
    wants_keyframe: bool = True


class VirtualPeer:
    """One page in a browser: its offer, ICE checks, DTLS, SRTP, a microphone and a camera."""

    def __init__(
        self, world: World, name: str, address: Address, *, slots: int = 2, simulcast: bool = False, named: bool = True
    ) -> None:
        self.world = world
        self.name = name
        self.address = address
        self.slots = slots
        self.simulcast = simulcast
        self.named = named
        """Whether the offer tells the SSRCs."""
        self.random = random.Random(f"{name} {address}")
        self.ice = IceCredentials.generate(self.random.randbytes)
        self.sections = [("0", "audio", True), ("1", "video", True), ("2", "video", True)]
        self.sections += [(str(3 + i), ("audio", "video")[i % 2], False) for i in range(2 * slots)]
        base = self.random.randrange(1, 2**31)
        self.microphone = Encoding(base)
        self.cameras = [Encoding(base + 1 + i, rid) for i, rid in enumerate(RIDS if simulcast else ("",))]
        self.tick_number = 0
        self.publishing = True
        self.alive = True
        self.selected = False
        self.session: SrtpSession | None = None
        self.slot_mids: dict[int, str] = {}
        self.heard: dict[str, list[rtp.RtpPacket]] = defaultdict(list)
        """Packets by the mid of the slot."""
        self.reports: list[rtcp.Item] = []
        self.reply: dict[str, Any] = {}
        self.dtls: DtlsTransport | None = None
        self._transport_sequence = count()
        self._seen: set[bytes] = set()

    # -- signalling ----------------------------------------------------------------------------------------------

    def offer(self) -> str:
        """What a browser would offer, in its shortest form."""
        lines = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
        lines += ["a=group:BUNDLE " + " ".join(mid for mid, _, _ in self.sections), "a=extmap-allow-mixed"]
        fingerprint = certificate(self.name).fingerprint
        for mid, kind, sends in self.sections:
            lines += [f"m={kind} 9 UDP/TLS/RTP/SAVPF {'111' if kind == 'audio' else '96 97'}", f"a=mid:{mid}"]
            lines += [f"a=ice-ufrag:{self.ice.username_fragment}", f"a=ice-pwd:{self.ice.password}"]
            lines += [f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}", "a=setup:actpass"]
            lines += ["a=rtcp-mux", "a=rtcp-rsize", "a=sendonly" if sends else "a=recvonly"]
            lines += [f"a=extmap:{number} {uri}" for uri, number in EXTENSION_IDS.items()]
            if kind == "audio":
                lines += ["a=rtpmap:111 opus/48000/2"]
            else:
                lines += ["a=rtpmap:96 VP8/90000", "a=rtcp-fb:96 nack", "a=rtcp-fb:96 nack pli"]
                lines += ["a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96"]
            if mid == "1" and self.simulcast:
                lines += [*(f"a=rid:{rid} send" for rid in RIDS), "a=simulcast:send " + ";".join(RIDS)]
            elif self.named and mid in "01":
                ssrc = self.microphone.ssrc if mid == "0" else self.cameras[0].ssrc
                lines += [f"a=ssrc:{ssrc} cname:{self.name}"]
        return "\r\n".join(lines) + "\r\n"

    def join(self, **changes: Any) -> dict[str, Any]:
        """Join the room and start the transport; ``changes`` replace parameters of the request."""
        params = {
            "room_id": "room",
            "participant_id": f"p-{self.name}",
            "identity": self.name,
            "display_name": self.name,
            "role": "participant",
            "front_id": "front",
            "socket_id": f"s-{self.name}",
            "offer": self.offer(),
            "tracks": TRACKS,
            "active": {"microphone": True, "camera": True, "screen": False},
            "max_participants": 10,
            **changes,
        }
        self.reply = self.world.engine.join(params, self.world.now_us)
        self.take_answer(self.reply["answer"])
        self.dtls = DtlsTransport(certificate(self.name), "client", self.server.fingerprints)
        return self.reply

    def take_answer(self, text: str) -> None:
        """Read the server's credentials and the slots' streams."""
        self.server = parse_answer(text)
        self.selected = False
        for media in self.server.media:
            for ssrc in media.ssrcs[:1]:
                self.slot_mids[ssrc] = media.mid

    def request(self, **changes: Any) -> dict[str, Any]:
        """Parameters that name this participant."""
        return {"room_id": "room", "participant_id": self.reply["participant_id"], **changes}

    def restart_ice(self, address: Address) -> None:
        """Another network: new credentials, another address (RFC 8445 section 9)."""
        self.ice = IceCredentials.generate(self.random.randbytes)
        self.world.peers.pop(self.address, None)
        params = self.request(offer=self.offer(), tracks=TRACKS)
        self.take_answer(self.world.engine.negotiate(params, self.world.now_us)["answer"])
        self.address = address
        self.world.peers[address] = self

    # -- transport -----------------------------------------------------------------------------------------------

    def check(self, key: bytes | None = None) -> bytes:
        """A connectivity check that nominates (RFC 8445 section 8.1.1)."""
        return stun.binding_request(
            self.random.randbytes(12),
            username=f"{self.server.ice.username_fragment}:{self.ice.username_fragment}",
            key=self.server.ice.password.encode() if key is None else key,
            priority=1,
            ice_controlling=1,
            use_candidate=True,
        )

    def tick(self) -> None:
        """Checks, DTLS timers and 20 ms of media."""
        if not self.alive or self.dtls is None:
            return
        self.tick_number += 1
        if self.tick_number % (CONSENT_TICKS if self.selected else CHECK_TICKS) == 1:
            self.send(self.check())
        self.dtls.handle_timeout(self.world.now_us)
        self._drain()
        if self.session is not None and self.publishing:
            self.send_media()

    def receive(self, data: bytes) -> None:
        """A datagram from the server."""
        assert self.dtls is not None
        if not self.alive:
            return
        if data[0] < 4:
            message = stun.parse(data)
            assert stun.verify_integrity(data, message, self.server.ice.password.encode())
            assert message.message_class == stun.MessageClass.SUCCESS
            if not self.selected:
                self.selected = True
                if self.dtls.state == "new":
                    self.dtls.start(self.world.now_us)
        elif data[0] < 64:
            self.dtls.handle_datagram(data, self.world.now_us)
            keys = self.dtls.srtp_keys
            if keys is not None and self.session is None:
                self.session = SrtpSession(keys.profile, keys.local, keys.remote)
        elif self.session is not None:
            self._receive_media(data)
        self._drain()

    def _receive_media(self, data: bytes) -> None:
        assert self.session is not None
        if data in self._seen:
            return
        self._seen.add(data)
        if 192 <= data[1] <= 223:
            items = rtcp.parse(self.session.unprotect_rtcp(data))
            self.reports += items
            for item in items:
                if (item.type, item.count_or_format) == packets.PLI:
                    for camera in self.cameras:
                        camera.wants_keyframe |= item.body[4:8] == camera.ssrc.to_bytes(4, "big")
        else:
            packet = rtp.parse(self.session.unprotect(data))
            if packet.ssrc in self.slot_mids:
                self.heard[self.slot_mids[packet.ssrc]].append(packet)

    def send(self, data: bytes) -> None:
        """One datagram into the network."""
        self.world.carry(data, self.address, SERVER)

    def send_rtp(self, packet: bytes) -> None:
        """The same for a plain RTP packet."""
        assert self.session is not None
        self.send(self.session.protect(packet))

    def send_rtcp(self, *items: bytes) -> None:
        """The same for RTCP."""
        assert self.session is not None
        self.send(self.session.protect_rtcp(b"".join(items)))

    def _drain(self) -> None:
        assert self.dtls is not None
        for data in self.dtls.poll_transmit():
            self.send(data)

    # -- media ---------------------------------------------------------------------------------------------------

    def send_media(self) -> None:
        """A voice packet, and a packet of every encoding of the camera; each says whose it is."""
        voice = self.packet(self.microphone, "0", self.name.encode(), OPUS, 960)
        self.send_rtp(voice)
        for camera in self.cameras:
            body = f"{self.name}/{camera.rid}".encode()
            payload = packets.vp8(body, keyframe=camera.wants_keyframe, picture=camera.sequence_number)
            camera.wants_keyframe = False
            self.send_rtp(self.packet(camera, "1", payload, VP8, 1800))

    def packet(self, encoding: Encoding, mid: str, payload: bytes, payload_type: int, ticks: int) -> bytes:
        """The encoding's next packet, with the names that browsers put into the first ones."""
        encoding.sequence_number += 1
        encoding.timestamp += ticks
        extensions = {
            EXTENSION_IDS[TRANSPORT_WIDE_CC]: (next(self._transport_sequence) & 0xFFFF).to_bytes(2, "big"),
            EXTENSION_IDS[MID]: mid.encode(),
        }
        if encoding.rid:
            extensions[EXTENSION_IDS[RID]] = encoding.rid.encode()
        if payload_type == OPUS:
            extensions[EXTENSION_IDS[AUDIO_LEVEL]] = b"\x94"
        return packets.rtp(
            encoding.ssrc,
            encoding.sequence_number,
            encoding.timestamp,
            payload,
            payload_type=payload_type,
            extensions=extensions,
        )

    # -- what it has seen ----------------------------------------------------------------------------------------

    def voices(self, since: int = 0) -> Counter[str]:
        """Packets by the name of who speaks, without each slot's first ``since``."""
        found = [packet for heard in self.heard.values() for packet in heard[since:]]
        return Counter(packet.payload.decode() for packet in found if packet.payload_type == OPUS)

    def pictures(self) -> Counter[str]:
        """Packets by "name/rid" of the camera."""
        found = [packet for heard in self.heard.values() for packet in heard if packet.payload_type == VP8]
        return Counter(packets.read_vp8(packet.payload)[2].decode() for packet in found)

    def forget(self) -> None:
        """Count anew from here."""
        self.heard.clear()
        self.reports.clear()


@dataclass
class World:
    """One engine, its peers and the network between them."""

    conditions: Conditions = Conditions()
    seed: int = 1
    lost_after_ms: int = 30_000
    now_us: int = 1_000_000
    peers: dict[Address, VirtualPeer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.walk = Walk(secret=self.seed)
        local = Local(self.walk, certificate("server"), (SERVER,), self.random.randbytes)
        self.engine = Engine(local, self.lost_after_ms)
        self._under_way: list[tuple[int, int, bytes, Address, Address]] = []
        self._order = count()
        self._next_tick_us = self.now_us + TICK_US

    def peer(self, name: str, **options: Any) -> VirtualPeer:
        """Another page, not joined yet."""
        address = ("203.0.113.1", 10_000 + len(self.peers))
        peer = self.peers[address] = VirtualPeer(self, name, address, **options)
        return peer

    def meet(self, *names: str, seconds: float = 1.0, **options: Any) -> list[VirtualPeer]:
        """People who join one after the other, connected and sending."""
        people = [self.peer(name, **options) for name in names]
        for person in people:
            person.join()
        self.run(seconds)
        assert all(person.session is not None for person in people)
        return people

    def carry(self, data: bytes, source: Address, to: Address) -> None:
        """Put a datagram on its way, or lose it."""
        if self.random.random() < self.conditions.loss:
            return
        copies = 2 if self.random.random() < self.conditions.duplicate else 1
        for _ in range(copies):
            jitter_us = self.random.randrange(self.conditions.jitter_us + 1)
            arrival_us = self.now_us + self.conditions.delay_us + jitter_us
            heapq.heappush(self._under_way, (arrival_us, next(self._order), data, source, to))

    def run(self, seconds: float) -> None:
        """Let that much time pass."""
        end_us = self.now_us + round(seconds * 1_000_000)
        while True:
            due_us = min([self._next_tick_us, *(item[0] for item in self._under_way[:1])])
            if due_us > end_us:
                break
            self.now_us = due_us
            if due_us == self._next_tick_us:
                self._tick()
            self._deliver()
        self.now_us = end_us

    def to_server(self, *datagrams: tuple[bytes, Address]) -> None:
        """Datagrams that the server receives now, in one batch."""
        slow_lane, sent = self.walk.handle(datagrams, self.now_us)
        self.engine.on_batch(slow_lane, self.now_us)
        self._send(sent)

    def drops(self) -> Counter[str]:
        """What the walk and the engine refused, by cause."""
        return Counter(self.engine.stats({}, self.now_us)["drops"])

    def events(self, name: str | None = None) -> list[tuple[str, dict[str, Any]]]:
        """Take the events to the fronts: (front id, data), those of one name or all."""
        events, self.engine.events[:] = list(self.engine.events), []
        return [event for event in events if name is None or event[1]["event"] == name]

    def _tick(self) -> None:
        self._next_tick_us += TICK_US
        for peer in list(self.peers.values()):
            peer.tick()
        self.engine.tick(self.now_us)
        self._send([])

    def _deliver(self) -> None:
        batch = []
        while self._under_way and self._under_way[0][0] <= self.now_us:
            _, _, data, source, to = heapq.heappop(self._under_way)
            if to == SERVER:
                batch.append((data, source))
            elif to in self.peers:
                self.peers[to].receive(data)
        if batch:
            self.to_server(*batch)

    def _send(self, sent: Sequence[tuple[bytes, Address]]) -> None:
        datagrams, self.engine.datagrams[:] = list(self.engine.datagrams), []
        for data, address in (*sent, *self.walk.take_captured(), *datagrams):
            self.carry(data, SERVER, address)


def hear_each_other(*people: VirtualPeer) -> bool:
    """Whether everybody hears and sees exactly all others."""
    return all(
        set(one.voices()) == {other.name for other in people if other is not one}
        and {picture.split("/")[0] for picture in one.pictures()} == set(one.voices())
        for one in people
    )


def refusal(call: object, *arguments: object, **named: object) -> str:
    """The code that a request is refused with."""
    with pytest.raises(RpcError) as caught:
        call(*arguments, **named)  # type: ignore[operator]
    return caught.value.code
