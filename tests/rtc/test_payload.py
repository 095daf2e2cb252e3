"""Payload descriptors: the compiled reader against its slow twin, and each codec's edges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc import payload
from tests.reference import payload as reference

CODECS = ["OPUS", "VP8", "VP9", "H264", "AV1", "G722"]


def stap(*units: bytes) -> bytes:
    """An H.264 aggregation packet (RFC 6184 section 5.7.1)."""
    return b"\x18" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)


payloads = st.one_of(
    st.binary(max_size=12),
    st.lists(st.binary(max_size=6), max_size=4).map(lambda units: stap(*units)),
    st.builds(lambda kind, rest: bytes([kind]) + rest, st.sampled_from([0x1C, 0x7C, 0x18, 0x67, 0x65]), st.binary()),
)


@given(st.sampled_from(CODECS), payloads)
def test_the_compiled_reader_and_its_twin_agree(codec: str, data: bytes) -> None:
    assert payload.read(codec, data) == reference.read(codec, data)


def found(codec: str, data: bytes) -> tuple[bool, int | None, int, int | None] | None:
    """(keyframe, picture id, its bits, TL0PICIDX), or None where the descriptor is not valid."""
    read = payload.read(codec, data)
    assert read == reference.read(codec, data)
    return (read.keyframe, read.picture_id, read.picture_id_bits, read.tl0_picture_index) if read.valid else None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x10\x00", (True, None, 0, None)),  # no extension byte, no picture id
        (b"\x10\x01", (False, None, 0, None)),  # not a key frame
        (b"\x00\x00", (False, None, 0, None)),  # not the start of a partition
        (b"\x11\x00", (False, None, 0, None)),  # of partition 1
        (b"\x90\x00\x00", (True, None, 0, None)),
        (b"\x90\x80\x7f\x00", (True, 127, 7, None)),
        (b"\x90\x80\xff\xff\x00", (True, 32767, 15, None)),
        (b"\x90\x80\x80\x05\x00", (True, 5, 15, None)),
        (b"\x90\xc0\x05\x09\x00", (True, 5, 7, 9)),
        (b"\x90\x40\x09\x00", (True, None, 0, 9)),
        (b"\x90\xf0\x81\x02\x09\x20\x00", (True, 258, 15, 9)),
        (b"\x90\x10\x20\x00", (True, None, 0, None)),
    ],
)
def test_vp8(data: bytes, expected: tuple[bool, int | None, int, int | None]) -> None:
    assert found("VP8", data) == expected
    assert [found("VP8", data[:size]) for size in range(len(data))] == [None] * len(data)


@pytest.mark.parametrize(
    ("data", "expected", "descriptor_bytes"),
    [
        (b"\x08\x00", (True, None, 0, None), 1),
        (b"\x48\x00", (False, None, 0, None), 1),  # inter-predicted
        (b"\x00\x00", (False, None, 0, None), 1),  # not the begin of a frame
        (b"\x88\x05\x00", (True, 5, 7, None), 2),
        (b"\x88\x81\x02\x00", (True, 258, 15, None), 3),
        (b"\xa8\x81\x02\x00\x07\x00", (True, 258, 15, 7), 5),  # layers, not flexible
        (b"\xa8\x81\x02\x02\x07\x00", (False, 258, 15, 7), 5),  # a higher spatial layer
        (b"\xb8\x81\x02\x00\x00", (True, 258, 15, None), 4),  # flexible: no TL0PICIDX
    ],
)
def test_vp9(data: bytes, expected: tuple[bool, int | None, int, int | None], descriptor_bytes: int) -> None:
    assert found("VP9", data) == expected
    assert [found("VP9", data[:size]) for size in range(descriptor_bytes)] == [None] * descriptor_bytes


@pytest.mark.parametrize(
    ("data", "keyframe"),
    [
        (b"\x67\x42", True),
        (b"\x65\x88", False),  # an IDR slice without its parameter sets
        (b"\x41", False),
        (stap(b"\x67\x42", b"\x68"), True),
        (stap(b"\x68", b"\x67"), True),
        (stap(b"\x41\x67"), False),
        (b"\x18", False),
        (b"\x7c\x87", True),
        (b"\x7c\x07", False),  # not the start of the fragmented unit
        (b"\x7c\x85", False),
        (b"", None),
        (b"\x7c", None),
        (b"\x18\x00", None),
        (b"\x18\x00\x01", None),
        (b"\x18\x00\x00\x67", None),
        (stap(b"\x67\x42") + b"\x00", None),
        (stap(b"\x67\x42")[:-1], None),
        (b"\x18\xff\xff\x67", None),
    ],
)
def test_h264(data: bytes, keyframe: bool | None) -> None:
    assert found("H264", data) == (None if keyframe is None else (keyframe, None, 0, None))


@pytest.mark.parametrize(
    ("data", "keyframe"), [(b"\x08", True), (b"\x18\x0a", True), (b"\x88", False), (b"\x10", False), (b"", None)]
)
def test_av1(data: bytes, keyframe: bool | None) -> None:
    assert found("AV1", data) == (None if keyframe is None else (keyframe, None, 0, None))


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff" * 10])
def test_sound_can_start_at_any_packet(data: bytes) -> None:
    assert found("OPUS", data) == (True, None, 0, None)


def test_a_payload_beyond_a_datagram_is_refused() -> None:
    assert payload.read("VP8", bytes(65535)).valid
    with pytest.raises(ValueError, match="65535"):
        payload.read("VP8", bytes(65536))
