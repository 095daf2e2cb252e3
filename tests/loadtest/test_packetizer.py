"""Payloads as RFC 7741 and libwebrtc's packetiser make them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.packetizer import DESCRIPTOR_BYTES, packetize_vp8, split_evenly


@given(length=st.integers(1, 100_000), max_bytes=st.integers(1, 2000))
def test_split_uses_the_fewest_parts_that_differ_by_one_byte_the_longer_ones_last(length: int, max_bytes: int) -> None:
    parts = split_evenly(length, max_bytes)
    assert sum(parts) == length
    assert len(parts) == (length + max_bytes - 1) // max_bytes
    assert max(parts) <= max_bytes
    assert max(parts) - min(parts) <= 1
    assert parts == sorted(parts)


@given(frame=st.binary(min_size=1, max_size=5000), picture_id=st.integers(0, 0x7FFF))
def test_vp8_payloads_put_together_are_the_frame(frame: bytes, picture_id: int) -> None:
    payloads = packetize_vp8(frame, picture_id, 1000)
    assert b"".join(payload[DESCRIPTOR_BYTES:] for payload in payloads) == frame
    for number, payload in enumerate(payloads):
        assert payload[0] == (0x90 if number == 0 else 0x80)
        assert payload[1] == 0x80
        assert int.from_bytes(payload[2:4], "big") == 0x8000 | picture_id


@pytest.mark.parametrize("length", [0, -1])
def test_nothing_makes_no_packets(length: int) -> None:
    assert split_evenly(length, 1000) == []
