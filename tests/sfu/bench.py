"""A walk without a socket, and peers with fixed keys: packets in, packets out, nothing negotiated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rtc import rtcp, rtp
from rtc.extensions import ABS_SEND_TIME, AUDIO_LEVEL, MID, TRANSPORT_WIDE_CC
from rtc.srtp import SrtpSession, key_bytes
from sfu.walk import Walk

PROFILE = "AEAD_AES_128_GCM"
EXTENSION_IDS: Mapping[str, int] = {AUDIO_LEVEL: 1, ABS_SEND_TIME: 2, TRANSPORT_WIDE_CC: 3, MID: 4}
OPUS, VP8, VP8_RTX = 111, 96, 97
Address = tuple[str, int]


@dataclass
class Slot:
    """One consumer: its id in the walk and its streams."""

    consumer_id: int
    ssrc: int
    rtx_ssrc: int


@dataclass
class Peer:
    """The client side of one transport."""

    peer_id: int
    address: Address
    session: SrtpSession
    packets: list[rtp.RtpPacket] = field(default_factory=list)
    reports: list[rtcp.Item] = field(default_factory=list)
    datagrams: list[bytes] = field(default_factory=list)
    """As they came, encrypted."""

    def of(self, ssrc: int) -> list[rtp.RtpPacket]:
        """The packets received so far on one stream."""
        return [packet for packet in self.packets if packet.ssrc == ssrc]


class Bench:
    """The walk, its clock, and the far ends of its peers."""

    def __init__(self, *, equalising: bool = False) -> None:
        self.walk = Walk(secret=7, equalising=equalising)
        self.now_us = 1_000_000
        self.peers: dict[Address, Peer] = {}
        self.codecs = {name: self.walk.codec_number(name, name) for name in ("OPUS", "VP8", "H264")}
        self._next_ssrc = 0x5000

    def add_peer(
        self,
        *,
        publishing: Mapping[str, int] = EXTENSION_IDS,
        receiving: Mapping[str, int] | None = None,
        codecs: Mapping[int, str] | None = None,
        profile: str = PROFILE,
    ) -> Peer:
        """A peer that has finished ICE and DTLS."""
        peer_id = self.walk.add_peer(0x100 + len(self.peers))
        size = key_bytes(profile)
        here, there = bytes((peer_id & 0xFF,)) * size, bytes((peer_id & 0xFF,)) * (size - 1) + b"\xff"
        self.walk.set_keys(peer_id, SrtpSession(profile, here, there))
        address = (f"192.0.2.{1 + len(self.peers) % 250}", 2000 + peer_id)
        self.walk.set_addresses(peer_id, [address], address)
        numbers = {pt: self.codecs[name] for pt, name in (codecs or {OPUS: "OPUS", VP8: "VP8"}).items()}
        self.walk.set_publishing(peer_id, publishing, numbers, {VP8_RTX: VP8})
        if receiving is not None:
            self.walk.set_receiving(peer_id, receiving)
        peer = self.peers[address] = Peer(peer_id, address, SrtpSession(profile, there, here))
        return peer

    def remove_peer(self, peer: Peer) -> None:
        """Take a peer away."""
        self.walk.remove_peer(peer.peer_id)
        del self.peers[peer.address]

    def add_slot(self, peer: Peer, payload_types: Mapping[str, tuple[int, int | None]] | None = None) -> Slot:
        """A slot that takes Opus and VP8 unless told otherwise."""
        self._next_ssrc += 2
        types = payload_types or {"OPUS": (OPUS, None), "VP8": (VP8, VP8_RTX)}
        numbers = {self.codecs[name]: value for name, value in types.items()}
        ssrc, rtx_ssrc = self._next_ssrc, self._next_ssrc + 1
        return Slot(self.walk.add_consumer(peer.peer_id, ssrc, rtx_ssrc, numbers, b"cname"), ssrc, rtx_ssrc)

    def video(self, peer: Peer, ssrc: int) -> int:
        """A video source of the peer."""
        return self.walk.add_source(peer.peer_id, ssrc, True, 90000)

    def audio(self, peer: Peer, ssrc: int) -> int:
        """An audio source of the peer."""
        return self.walk.add_source(peer.peer_id, ssrc, False, 48000)

    def send(self, peer: Peer, *packets: bytes) -> None:
        """Plain packets of one peer, protected and handed to the walk as one batch."""
        self.send_raw(*((peer.session.protect(packet), peer.address) for packet in packets))

    def send_rtcp(self, peer: Peer, *compounds: bytes) -> None:
        """The same for RTCP."""
        self.send_raw(*((peer.session.protect_rtcp(compound), peer.address) for compound in compounds))

    def send_raw(self, *datagrams: tuple[bytes, Address]) -> list[tuple[bytes, Address, int]]:
        """Datagrams as they are; returns the slow lane."""
        slow_lane, sent = self.walk.handle(datagrams, self.now_us)
        self._receive(sent)
        return slow_lane

    def tick(self, *, feedback: bool = False, reports: bool = False) -> None:
        """What the walk sends to publishers by itself."""
        self.walk.tick(self.now_us, feedback, reports)
        self._receive(self.walk.take_captured())

    def request_keyframe(self, source_id: int) -> None:
        """A PLI to the source's publisher."""
        self.walk.request_keyframe(source_id)
        self._receive(self.walk.take_captured())

    def drops(self) -> dict[str, int]:
        """The causes that were counted at all."""
        return {cause: count for cause, count in self.walk.drop_counts().items() if count}

    def _receive(self, sent: list[tuple[bytes, Address]]) -> None:
        for data, address in sent:
            peer = self.peers[address]
            peer.datagrams.append(data)
            if 192 <= data[1] <= 223:
                peer.reports += rtcp.parse(peer.session.unprotect_rtcp(data))
            else:
                peer.packets.append(rtp.parse(peer.session.unprotect(data)))
