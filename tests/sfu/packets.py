"""RTP, VP8 and RTCP as clients write them, in plain Python: what tests put in and what they read back."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

PLI, FIR, AFB = (206, 1), (206, 4), (206, 15)
NACK, TRANSPORT_FEEDBACK = (205, 1), (205, 15)


def rtp(
    ssrc: int,
    sequence_number: int,
    timestamp: int,
    payload: bytes,
    *,
    payload_type: int = 96,
    marker: bool = False,
    extensions: Mapping[int, bytes] | None = None,
) -> bytes:
    """An RTP packet with one-byte header extensions {id: value} (RFC 3550 section 5.1, RFC 8285 section 4.2)."""
    block = b"".join(bytes((number << 4 | (len(value) - 1),)) + value for number, value in (extensions or {}).items())
    block += bytes(-len(block) % 4)
    head = struct.pack(
        "!BBHII",
        0x90 if block else 0x80,
        (0x80 if marker else 0) | payload_type,
        sequence_number & 0xFFFF,
        timestamp & 0xFFFFFFFF,
        ssrc,
    )
    if block:
        head += struct.pack("!HH", 0xBEDE, len(block) // 4) + block
    return head + payload


def vp8(body: bytes, *, keyframe: bool = False, start: bool = True, picture: int = 0, tl0: int = 0) -> bytes:
    """A VP8 payload with a 15-bit picture id and TL0PICIDX (RFC 7741 section 4.2); ``body`` follows the frame tag."""
    descriptor = bytes((0x90 if start else 0x80, 0xC0)) + struct.pack("!H", 0x8000 | picture & 0x7FFF)
    return descriptor + bytes((tl0 & 0xFF, 0x00 if keyframe else 0x01)) + body


def read_vp8(payload: bytes) -> tuple[int, int, bytes]:
    """Picture id, TL0PICIDX and the rest of a payload that ``vp8`` wrote."""
    return struct.unpack("!H", payload[2:4])[0] & 0x7FFF, payload[4], payload[6:]


def rtcp(kind: int, count: int, body: bytes) -> bytes:
    """One RTCP packet (RFC 3550 section 6.4.1): ``body`` is padded to whole words."""
    body += bytes(-len(body) % 4)
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def feedback(kind: tuple[int, int], media_ssrc: int, information: bytes = b"", sender_ssrc: int = 1) -> bytes:
    """A feedback packet (RFC 4585 section 6.1)."""
    return rtcp(kind[0], kind[1], struct.pack("!II", sender_ssrc, media_ssrc) + information)


def nack(media_ssrc: int, pairs: Sequence[tuple[int, int]]) -> bytes:
    """A generic NACK of (packet id, bit mask) pairs (RFC 4585 section 6.2.1)."""
    return feedback(NACK, media_ssrc, b"".join(struct.pack("!HH", *pair) for pair in pairs))


def read_nack(body: bytes) -> set[int]:
    """The sequence numbers that a NACK's body asks for."""
    asked = set()
    for first, mask in struct.iter_unpack("!HH", body[8:]):
        asked |= {first} | {(first + bit + 1) & 0xFFFF for bit in range(16) if mask >> bit & 1}
    return asked


def sender_report(ssrc: int, ntp_us: int, timestamp: int, packets: int = 10, octets: int = 1000) -> bytes:
    """A sender report (RFC 3550 section 6.4.1); ``ntp_us`` counts from 1970."""
    seconds, fraction = divmod(ntp_us, 1_000_000)
    ntp = (seconds + 2_208_988_800 << 32) | (fraction << 32) // 1_000_000
    return rtcp(200, 0, struct.pack("!IQIII", ssrc, ntp, timestamp & 0xFFFFFFFF, packets, octets))


def read_sender_report(body: bytes) -> tuple[int, int, int, int, int]:
    """SSRC, time in µs from 1970, RTP timestamp, packets, octets."""
    ssrc, ntp, timestamp, packets, octets = struct.unpack("!IQIII", body[:24])
    return (
        ssrc,
        ((ntp >> 32) - 2_208_988_800) * 1_000_000 + ((ntp & 0xFFFFFFFF) * 1_000_000 >> 32),
        timestamp,
        packets,
        octets,
    )


def receiver_report(ssrc: int, fraction_lost: int = 0) -> bytes:
    """A receiver report with one block (RFC 3550 section 6.4.2)."""
    return rtcp(201, 1, struct.pack("!IIIIIII", 1, ssrc, fraction_lost << 24, 0, 0, 0, 0))
