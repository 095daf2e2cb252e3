"""Whatever a peer with right keys sends, or a stranger without, the walk goes on forwarding what is valid."""

from __future__ import annotations

import contextlib
import struct

from rtc import rtp
from rtc.srtp import SrtpError, SrtpSession, key_bytes
from sfu.walk import Walk
from tests.fuzz import targets_rtcp, targets_rtp

Address = tuple[str, int]

_PROFILE = "AEAD_AES_128_GCM"
_PUBLISHER, _SUBSCRIBER, _STRANGER = ("192.0.2.1", 5000), ("192.0.2.2", 5000), ("2001:db8::9", 5000)
_AUDIO_TYPE, _VIDEO_TYPE, _RTX_TYPE = 111, 96, 97
_AUDIO, _VIDEO, _RTX, _NEXT_VIDEO = 0x1111, 0x2222, 0x3333, 0x4444
_SLOT_AUDIO, _SLOT_VIDEO, _SLOT_RTX = 0xA, 0xB, 0xC
_LARGEST_BYTES = 1400
_LATE_PACKETS = 1010
_EXTENSIONS = {
    "urn:ietf:params:rtp-hdrext:sdes:mid": 1,
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time": 2,
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01": 3,
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level": 4,
    "urn:3gpp:video-orientation": 5,
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension": 6,
}
_VP8_KEYFRAME = bytes.fromhex("90e081020920009d012a")
_KEYS = bytes(range(key_bytes(_PROFILE))), bytes(range(100, 100 + key_bytes(_PROFILE)))


def _rtp(ssrc: int, payload_type: int, sequence: int, payload: bytes, block: bytes = b"") -> bytes:
    head = struct.pack("!BBHII", 0x90 if block else 0x80, payload_type, sequence & 0xFFFF, sequence * 90, ssrc)
    return head + (struct.pack("!HH", 0xBEDE, len(block) // 4) + block if block else b"") + payload


class _Call:
    """One publisher of sound and a picture, one subscriber with a slot for each."""

    def __init__(self) -> None:
        self.now_us = 1_000_000
        self.walk = walk = Walk()
        self.publisher, self.subscriber = SrtpSession(_PROFILE, *_KEYS), SrtpSession(_PROFILE, *_KEYS)
        self.peers = [walk.add_peer(1), walk.add_peer(2)]
        for peer, address in zip(self.peers, (_PUBLISHER, _SUBSCRIBER), strict=True):
            walk.set_keys(peer, SrtpSession(_PROFILE, *_KEYS[::-1]))
            walk.set_addresses(peer, [address], address)
        opus, vp8 = walk.codec_number("OPUS", "OPUS"), walk.codec_number("VP8", "VP8")
        codecs = {_AUDIO_TYPE: opus, _VIDEO_TYPE: vp8}
        walk.set_publishing(self.peers[0], _EXTENSIONS, codecs, {_RTX_TYPE: _VIDEO_TYPE})
        walk.set_receiving(self.peers[1], _EXTENSIONS)
        sound = walk.add_source(self.peers[0], _AUDIO, False, 48000)
        self.picture = walk.add_source(self.peers[0], _VIDEO, True, 90000)
        self.repair = walk.add_source(self.peers[0], _RTX, True, 90000, self.picture)
        self.slots = [
            walk.add_consumer(self.peers[1], _SLOT_AUDIO, 0, {opus: (111, None)}, b"cname"),
            walk.add_consumer(self.peers[1], _SLOT_VIDEO, _SLOT_RTX, {vp8: (100, 101)}, b"cname"),
        ]
        walk.select(self.slots[0], sound)
        walk.select(self.slots[1], self.picture)
        walk.on_unknown_ssrc = self._bind
        self.sequences = {_AUDIO: 100, _VIDEO: 100}
        self.video_ssrc = _VIDEO

    def _bind(self, peer: int, ssrc: int, payload_type: int, mid: bytes, *_rids: bytes) -> bool:
        """A stream that names its m-line takes the picture over, as after a change of SSRC in mid-call."""
        if mid != b"v" or peer != self.peers[0] or payload_type != _VIDEO_TYPE:
            return False
        self.walk.remove_source(self.picture)
        self.picture = self.walk.add_source(peer, ssrc, True, 90000)
        self.walk.select(self.slots[1], self.picture)
        self.video_ssrc = ssrc
        self.sequences.setdefault(ssrc, 100)
        return True

    def next_packet(self, ssrc: int) -> bytes:
        """A valid packet of the sound or the picture, protected."""
        self.sequences[ssrc] += 1
        video = ssrc != _AUDIO
        return self.publisher.protect(
            _rtp(
                ssrc,
                _VIDEO_TYPE if video else _AUDIO_TYPE,
                self.sequences[ssrc],
                _VP8_KEYFRAME if video else b"sound",
                b"\x41\x05\x06\x31\x00\x07\0\0" if video else b"\x40\x85\x31\0\x07\0\0\0",
            )
        )

    def handle(self, *datagrams: tuple[bytes, Address]) -> list[int]:
        """Hand a batch over; return the SSRCs that the subscriber got, all of which it could read."""
        self.now_us += 20_000
        _, sent = self.walk.handle(datagrams, self.now_us)
        self.walk.tick(self.now_us, True, True)
        sent += self.walk.take_captured()
        for _, source in self.walk.take_events():
            if source == self.picture:
                self.walk.request_keyframe(source)
        sent += self.walk.take_captured()
        got = []
        for data, address in sent:
            session = {_SUBSCRIBER: self.subscriber, _PUBLISHER: self.publisher}[address]
            if 192 <= data[1] <= 223:
                session.unprotect_rtcp(data)
            elif address == _PUBLISHER:
                raise AssertionError("media went to the publisher")
            else:
                got.append(rtp.parse(session.unprotect(data)).ssrc)
        return got

    def check(self) -> None:
        """Sound and picture still come through: the second of two packets at the latest, if one is a duplicate."""
        picture, got = self.video_ssrc, []
        for _ in range(2):
            got += self.handle((self.next_packet(_AUDIO), _PUBLISHER), (self.next_packet(picture), _PUBLISHER))
        if not {_SLOT_AUDIO, _SLOT_VIDEO} <= set(got):
            raise AssertionError(f"the subscriber got only {set(got)}: {self.walk.drop_counts()}")


def fuzz_walk_rtp(data: bytes) -> None:
    """A publisher's packet that its keys vouch for, alone and amid valid ones of one batch."""
    data = data[:_LARGEST_BYTES].ljust(2, b"\0")
    # What is not RTP by its first bytes (RFC 7983, RFC 5761) is not decrypted; the two ends' rollover would part.
    data = bytes([0x80 | data[0] & 0x3F, data[1] & 0x7F if 192 <= data[1] <= 223 else data[1]]) + data[2:]
    call = _Call()
    call.check()
    with contextlib.suppress(SrtpError):
        first = call.publisher.protect(data)
        ssrc, sequence = struct.unpack("!I", data[8:12])[0], struct.unpack("!H", data[2:4])[0]
        # Numbers a little behind are late packets and stay behind; anything else is where the stream goes on from.
        if not 0 < (call.sequences.get(ssrc, 0) - sequence) & 0xFFFF < _LATE_PACKETS:
            call.sequences[ssrc] = sequence
        if ssrc in (_AUDIO, _VIDEO):
            following = call.next_packet(ssrc)
            call.handle((first, _PUBLISHER), (following, _PUBLISHER))
        else:
            call.handle((call.next_packet(_VIDEO), _PUBLISHER), (first, _PUBLISHER), (first, _PUBLISHER))
    call.check()


def fuzz_walk_rtcp(data: bytes) -> None:
    """A publisher's and a subscriber's compound that their keys vouch for."""
    call = _Call()
    call.check()
    for session, address in ((call.publisher, _PUBLISHER), (call.subscriber, _SUBSCRIBER)):
        with contextlib.suppress(SrtpError):
            call.handle((session.protect_rtcp(data[:_LARGEST_BYTES]), address))
    call.check()


def fuzz_walk_raw(data: bytes) -> None:
    """Bytes without protection from a publisher's, a subscriber's and a stranger's address."""
    call = _Call()
    call.check()
    if call.handle((data, _PUBLISHER), (data, _SUBSCRIBER), (data, _STRANGER)):
        raise AssertionError("unprotected bytes were forwarded")
    call.check()


def seeds_walk_rtp() -> list[bytes]:
    """Sound, a picture, a retransmission, a stream that takes over, and jumps of the numbers."""
    return [
        _rtp(_AUDIO, _AUDIO_TYPE, 200, b"sound", b"\x40\x85\x31\0\x07\0\0\0"),
        _rtp(_VIDEO, _VIDEO_TYPE, 200, _VP8_KEYFRAME, b"\x10v\x31\0\x07\0\0\0"),
        _rtp(_VIDEO, _VIDEO_TYPE, 40000, _VP8_KEYFRAME, bytes.fromhex("6f") + bytes(16) + b"\0\0\0"),
        _rtp(_RTX, _RTX_TYPE, 200, struct.pack("!H", 90) + _VP8_KEYFRAME),
        _rtp(_NEXT_VIDEO, _VIDEO_TYPE, 7, _VP8_KEYFRAME, b"\x10v\0\0"),
        *targets_rtp.seeds(),
    ]


def seeds_walk_rtcp() -> list[bytes]:
    """What ``targets_rtcp`` has, about our streams and slots."""
    return [
        bytes.fromhex("80c80006 00002222") + bytes(20) + bytes.fromhex("81cb0001 00002222"),
        bytes.fromhex("81c90007 00000001 0000000b 40000003 00010000 00000009 0000000a 0000000b"),
        bytes.fromhex("81ce0002 00000001 0000000b 84ce0004 00000001 00000000 0000000b 01000000"),
        bytes.fromhex("81cd0004 00000001 0000000b 00010003 0001ffff"),
        *targets_rtcp.seeds_rtcp(),
    ]


def seeds_walk_raw() -> list[bytes]:
    """Plain RTP and RTCP, the first bytes of STUN and DTLS."""
    return [*seeds_walk_rtp()[:2], *seeds_walk_rtcp()[:2], bytes(20), b"\x16\xfe\xfd" + bytes(30)]
