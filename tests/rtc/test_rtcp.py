"""RTCP compounds and transport-wide feedback: the compiled code against its slow twin, and what must be refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc import rtcp
from tests.reference import rtcp as reference


def packet(kind: int, body: bytes = b"", count: int = 0, words: int | None = None, padding: bool = False) -> bytes:
    """One packet of a compound, with a length that may lie."""
    words = len(body) // 4 if words is None else words
    return bytes([0x80 | padding << 5 | count, kind]) + struct.pack("!H", words) + body


packets = st.builds(
    packet,
    kind=st.sampled_from([200, 201, 202, 203, 204, 205, 206, 0, 255]),
    body=st.integers(0, 8).flatmap(lambda words: st.binary(min_size=4 * words, max_size=4 * words)),
    count=st.integers(0, 31),
    words=st.sampled_from([None, None, None, None, 0, 1, 65535]),
    padding=st.booleans(),
)
compounds = st.builds(
    lambda found, cut: b"".join(found)[: -cut or None], st.lists(packets, max_size=4), st.sampled_from([0, 0, 0, 1, 3])
)


def outcome(function, data: bytes):
    """What a function makes of the bytes: its result, or None for its one error."""
    try:
        return function(data)
    except rtcp.RtcpError:
        return None


@given(st.one_of(compounds, st.binary(max_size=80)))
def test_the_compiled_parser_and_its_twin_agree(data: bytes) -> None:
    assert outcome(rtcp.parse, data) == outcome(reference.parse, data)


RECEIVER_REPORT = packet(201, bytes(4))


@pytest.mark.attack
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x81",
        bytes([0x40, 201, 0, 0]),
        RECEIVER_REPORT[:-1],
        RECEIVER_REPORT + b"\x80",
        RECEIVER_REPORT + b"\x80\xc8\0\1",
        RECEIVER_REPORT + b"\0\0\0\0",
        packet(202, b"\0\0\0\1\1\xffab", count=1, words=3),  # an SDES that says more than there is
        packet(203, bytes(4), count=1, words=2),
        packet(201, b"", padding=True),
        packet(201, b"abc\0", padding=True),
        packet(201, b"abc\5", padding=True),
        bytes(65536),
    ],
)
def test_malformed_compounds_are_refused(data: bytes) -> None:
    with pytest.raises(rtcp.RtcpError):
        rtcp.parse(data)
    with pytest.raises(rtcp.RtcpError):
        reference.parse(data)


def test_lengths_inside_sdes_and_bye_do_not_matter() -> None:
    description = packet(202, b"\0\0\0\1\1\xffab", count=31)
    bye = packet(203, b"\0\0\0\1\xffabc", count=31)
    assert rtcp.parse(RECEIVER_REPORT + description + bye) == [
        rtcp.Item(201, 0, bytes(4)),
        rtcp.Item(202, 31, b"\0\0\0\1\1\xffab"),
        rtcp.Item(203, 31, b"\0\0\0\1\xffabc"),
    ]


def test_padding_is_no_part_of_a_body() -> None:
    assert rtcp.parse(packet(201, b"abcd\0\0\0\4", padding=True)) == [rtcp.Item(201, 0, b"abcd")]
    assert rtcp.parse(packet(201, b"\0\0\0\4", padding=True)) == [rtcp.Item(201, 0, b"")]


arrivals = st.lists(
    st.one_of(st.none(), st.integers(0, 10**6), st.integers(10**9, 10**9 + 2 * 10**7), st.integers(0, 2**50)),
    min_size=1,
    max_size=256,
).filter(lambda found: found.count(None) < len(found))


@given(st.integers(0, 2**32 - 1), st.integers(0, 65535), arrivals, st.integers(0, 255))
def test_transport_feedback_agrees_with_its_twin_and_reads_back(ssrc, base, arrivals_us, feedback_count) -> None:
    built = rtcp.transport_feedback(ssrc, 7, base, arrivals_us, feedback_count)
    assert built == reference.transport_feedback(ssrc, 7, base, arrivals_us, feedback_count)
    (item,) = rtcp.parse(built)
    assert (item.type, item.count_or_format, len(built) % 4) == (205, 15, 0)
    received, lost = rtcp.count_transport_feedback(item.body[8:])
    assert received + lost == len(arrivals_us)
    assert 1 <= received <= len(arrivals_us) - arrivals_us.count(None)


def test_the_largest_transport_feedback_fits() -> None:
    arrivals_us: list[int | None] = [i % 2 * 8_000_000 for i in range(256)]
    built = rtcp.transport_feedback(1, 2, 65535, arrivals_us, 255)
    assert len(built) == 608
    assert rtcp.count_transport_feedback(built[12:]) == (256, 0)


@pytest.mark.parametrize("arrivals_us", [[], [None], [None] * 256, [0] * 257])
def test_feedback_about_nothing_or_too_much_is_refused(arrivals_us: list[int | None]) -> None:
    with pytest.raises(ValueError, match="1 to 256"):
        rtcp.transport_feedback(1, 2, 0, arrivals_us, 0)


def feedback(count: int, *chunks: int, deltas: bytes = b"") -> bytes:
    """The control information of a transport-wide feedback."""
    return struct.pack("!HHI", 65530, count, 0) + b"".join(struct.pack("!H", chunk) for chunk in chunks) + deltas


chunk_numbers = st.one_of(
    st.integers(0, 65535), st.integers(0, 20), st.integers(0x2000, 0x2014), st.integers(0x4000, 0x4014)
)
feedbacks = st.builds(
    lambda count, chunks, deltas: feedback(count, *chunks, deltas=deltas),
    st.one_of(st.integers(0, 40), st.just(65535)),
    st.lists(chunk_numbers, max_size=6),
    st.binary(max_size=40),
)


@given(st.one_of(feedbacks, st.binary(max_size=40)))
def test_counting_feedback_agrees_with_its_twin(fci: bytes) -> None:
    assert outcome(rtcp.count_transport_feedback, fci) == outcome(reference.count_transport_feedback, fci)


@pytest.mark.parametrize(
    ("fci", "counts"),
    [
        (feedback(5, 5), (0, 5)),
        (feedback(5, 0x2005, deltas=bytes(5)), (5, 0)),
        (feedback(5, 0x4005, deltas=bytes(10)), (5, 0)),
        (feedback(8191, 0x1FFF), (0, 8191)),
        (feedback(65535, *[0x1FFF] * 8, 7), (0, 65535)),
        (feedback(3, 0x8000 | 0x2000, deltas=bytes(1)), (1, 2)),  # one-bit vector
        (feedback(15, 0xBFFF, 1, deltas=bytes(14)), (14, 1)),
        (feedback(1, 0xD000, deltas=b"a"), (1, 0)),  # two-bit vector
        (feedback(1, 0xE000, deltas=b"ab"), (1, 0)),
        (feedback(1, 0xD3FF, deltas=b"a"), (1, 0)),  # what is beyond the count does not matter
    ],
)
def test_feedback_chunks(fci: bytes, counts: tuple[int, int]) -> None:
    assert rtcp.count_transport_feedback(fci) == reference.count_transport_feedback(fci) == counts


@pytest.mark.attack
@pytest.mark.parametrize(
    "fci",
    [
        b"",
        feedback(1)[:7],
        feedback(0),
        feedback(1),
        feedback(1, 1)[:-1],
        feedback(5, 6),  # a run beyond the count
        feedback(5, 0, 5),  # a run of nothing
        feedback(5, 0x6005, deltas=bytes(20)),  # the reserved symbol
        feedback(5, 0xF000, deltas=bytes(20)),
        feedback(5, 0x2005, deltas=bytes(4)),
        feedback(5, 0x4005, deltas=bytes(9)),
        feedback(65535, 0x3FFF),
    ],
)
def test_malformed_feedback_is_refused(fci: bytes) -> None:
    assert outcome(rtcp.count_transport_feedback, fci) is None
    assert outcome(reference.count_transport_feedback, fci) is None
