"""RTP parsing: the compiled parser against its slow twin, and what must be refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc import rtp
from tests.reference import rtp as reference

HEADER = bytes([0x80, 0x60]) + struct.pack("!HII", 1000, 90000, 0x1234)

blocks = st.one_of(
    st.binary(max_size=64),
    st.lists(st.tuples(st.integers(0, 15), st.binary(min_size=1, max_size=16)), max_size=6).map(
        lambda found: b"".join(bytes([i << 4 | len(value) - 1]) + value for i, value in found)
    ),
    st.lists(st.tuples(st.integers(0, 20), st.binary(max_size=20)), max_size=6).map(
        lambda found: b"".join(bytes([i, len(value)]) + value for i, value in found)
    ),
)


@st.composite
def almost_packets(draw: st.DrawFn) -> bytes:
    """Packets that are right but for a length, now and then."""
    csrcs = draw(st.integers(0, 15))
    profile = draw(st.sampled_from([None, 0xBEDE, 0xBEDE, 0x1000, 0x1000, 0x100F, 0x1010, 0]))
    padding = draw(st.sampled_from([None, 1, 4, 255, 0]))
    version = draw(st.sampled_from([2, 2, 2, 2, 0, 1, 3]))
    first = version << 6 | (padding is not None) << 5 | (profile is not None) << 4 | csrcs
    data = bytes([first]) + draw(st.binary(min_size=11, max_size=11)) + bytes(4 * csrcs)
    if profile is not None:
        block = draw(blocks)
        block += bytes(-len(block) % 4)
        data += struct.pack("!HH", profile, len(block) // 4 + draw(st.sampled_from([0, 0, 0, 1, 60000]))) + block
    data += draw(st.binary(max_size=30))
    if padding is not None:
        data += bytes([padding]) * draw(st.sampled_from([1, padding or 1]))
    return data[: draw(st.sampled_from([len(data), len(data), max(0, len(data) - 3), 11, 12]))]


def outcome(parse, data: bytes):
    """What a parser makes of the bytes: the packet, or the cause."""
    try:
        return parse(data)
    except rtp.RtpError as error:
        return error.cause


@given(st.one_of(almost_packets(), st.binary(max_size=80)))
def test_the_compiled_parser_and_its_twin_agree(data: bytes) -> None:
    assert outcome(rtp.parse, data) == outcome(reference.parse, data)


def with_extensions(profile: int, block: bytes, payload: bytes = b"p") -> bytes:
    block += bytes(-len(block) % 4)
    return bytes([0x90]) + HEADER[1:] + struct.pack("!HH", profile, len(block) // 4) + block + payload


def test_every_field_is_read() -> None:
    data = bytes([0xB1, 0xE0]) + HEADER[2:] + b"csrc" + struct.pack("!HH", 0xBEDE, 1) + b"\x11ab\0" + b"pay" + b"\0\2"
    assert rtp.parse(data) == rtp.RtpPacket(0x60, 1, 1000, 90000, 0x1234, 2, {1: b"ab"}, b"pay")


@pytest.mark.attack
@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "short"),
        (HEADER[:11], "short"),
        (bytes([0x40]) + HEADER[1:], "version"),
        (bytes([0x81]) + HEADER[1:] + bytes(3), "short"),
        (bytes([0x8F]) + HEADER[1:] + bytes(59), "short"),
        (bytes([0x90]) + HEADER[1:], "extension_overrun"),
        (bytes([0x90]) + HEADER[1:] + b"\xbe\xde\0", "extension_overrun"),
        (bytes([0x90]) + HEADER[1:] + b"\xbe\xde\0\1abc", "extension_overrun"),
        (bytes([0x90]) + HEADER[1:] + b"\xbe\xde\xff\xffabcd", "extension_overrun"),
        (bytes([0xA0]) + HEADER[1:], "padding"),
        (bytes([0xA0]) + HEADER[1:] + b"abc\0", "padding"),
        (bytes([0xA0]) + HEADER[1:] + b"abc\5", "padding"),
        (bytes([0xB0]) + HEADER[1:] + b"\xbe\xde\0\1abc\4", "padding"),
        (with_extensions(0xBEDE, b"\x1fabcdefg"), "extension_element"),
        (with_extensions(0xBEDE, b"\x10a\0\x10"), "extension_element"),
        (with_extensions(0x1000, b"\x01\x03ab"), "extension_element"),
        (with_extensions(0x1000, b"\x01\x01a\x02"), "extension_element"),
        (bytes(65536), "long"),
    ],
)
def test_malformed_packets_are_refused_with_their_cause(data: bytes, cause: str) -> None:
    assert outcome(rtp.parse, data) == outcome(reference.parse, data) == cause


@pytest.mark.parametrize(
    ("profile", "block", "found"),
    [
        (0xBEDE, b"\x10a\x20b", {1: b"a", 2: b"b"}),
        (0xBEDE, b"\x10a\0\0\x20b", {1: b"a", 2: b"b"}),
        (0xBEDE, b"\x10a\xf0\x20b", {1: b"a"}),  # id 15 ends the block
        (0xBEDE, b"\x10a\x10b", {1: b"b"}),
        (0xBEDE, b"\xe0a", {14: b"a"}),
        (0xBEDE, b"", {}),
        (0x1000, b"\x01\x00\x02\x01b", {2: b"b"}),
        (0x1007, b"\x0f\x01a\0\x02\x01b", {15: b"a", 2: b"b"}),
        (0x1000, b"\xc8\x01a\x02\x01b", {2: b"b"}),  # an id that is never negotiated
        (0x1000, b"\x03\x14" + bytes(range(20)), {3: bytes(range(20))}),
        (0x1234, b"\x10a\x20b", {}),  # another profile: passed over
    ],
)
def test_extension_elements(profile: int, block: bytes, found: dict[int, bytes]) -> None:
    packet = rtp.parse(with_extensions(profile, block))
    assert (packet.extensions, packet.payload) == (found, b"p")


def test_an_empty_payload_and_one_that_is_all_padding_are_packets() -> None:
    assert rtp.parse(HEADER).payload == b""
    packet = rtp.parse(bytes([0xA0]) + HEADER[1:] + bytes(254) + b"\xff")
    assert (packet.payload, packet.padding_bytes) == (b"", 255)
