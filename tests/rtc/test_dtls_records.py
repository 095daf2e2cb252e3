"""Cutting DTLS records apart and packing them into datagrams."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc.dtls_records import (
    MAX_DATAGRAM_BYTES,
    RECORD_HEADER_BYTES,
    ContentType,
    is_unencrypted,
    pack_datagrams,
    read_records,
    with_sequence_number,
)


def record(body: bytes, content_type: int = ContentType.HANDSHAKE, epoch: int = 1, version: int = 0xFEFD) -> bytes:
    header = bytes((content_type,)) + version.to_bytes(2, "big") + epoch.to_bytes(2, "big") + bytes(6)
    return header + len(body).to_bytes(2, "big") + body


def test_reads_several_records_of_one_datagram() -> None:
    drops: Counter[str] = Counter()
    parts = [record(b"one"), record(b"\1", ContentType.CHANGE_CIPHER_SPEC, 0), record(b"", 21)]
    records = read_records(b"".join(parts), drops)
    assert [item.data for item in records] == parts
    assert [item.epoch for item in records] == [1, 0, 1]
    assert not drops


@pytest.mark.attack
@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (record(b"abc")[:-1], "dtls_record_truncated"),
        (record(b"")[:12], "dtls_record_truncated"),
        (record(b"abc", 24), "dtls_record_unknown"),
        (record(b"abc", 19), "dtls_record_unknown"),
        (record(b"abc", version=0x0303), "dtls_record_unknown"),
        (record(b"\2\x28", ContentType.ALERT, 0), "dtls_alert_unauthenticated"),
        (record(b"abc", ContentType.APPLICATION_DATA, 0), "dtls_record_unexpected"),
        (record(b"\2", ContentType.CHANGE_CIPHER_SPEC, 0), "dtls_record_unexpected"),
        (record(b"", ContentType.HANDSHAKE, 0), "dtls_fragment_malformed"),
        (record(b"\1\0\0", ContentType.HANDSHAKE, 0), "dtls_fragment_malformed"),
    ],
)
def test_drops_by_cause(data: bytes, cause: str) -> None:
    drops: Counter[str] = Counter()
    assert read_records(data, drops) == []
    assert drops == {cause: 1}


@pytest.mark.attack
@given(st.binary(max_size=300))
def test_no_bytes_raise_and_what_is_kept_is_part_of_them(data: bytes) -> None:
    drops: Counter[str] = Counter()
    for item in read_records(data, drops):
        assert item.data in data


@given(st.lists(st.integers(0, 1180), max_size=30))
def test_packing_keeps_records_whole_in_order_and_below_the_limit(sizes: list[int]) -> None:
    parts = [record(bytes(size)) for size in sizes]
    datagrams = pack_datagrams(b"".join(parts))
    assert b"".join(datagrams) == b"".join(parts)
    drops: Counter[str] = Counter()
    assert [item.data for datagram in datagrams for item in read_records(datagram, drops)] == parts
    assert not drops
    assert all(RECORD_HEADER_BYTES <= len(datagram) <= MAX_DATAGRAM_BYTES for datagram in datagrams)


def test_a_sequence_number_is_replaced_and_nothing_else() -> None:
    changed = with_sequence_number(record(b"body", epoch=0), 0x010203040506)
    assert changed == record(b"body", epoch=0)[:5] + bytes.fromhex("010203040506") + b"\0\4body"
    assert is_unencrypted(changed)
    assert not is_unencrypted(record(b"body", epoch=1))
