"""Transport-wide feedback, read back by a slow parser."""

from hypothesis import given
from hypothesis import strategies as st

from loadtest.rtcpwrite import TransportFeedback
from tests.reference.transport_feedback import parse_feedback

UNIT_NS = 250_000
START_NS = 10**12

packets = st.lists(st.tuples(st.integers(1, 12), st.integers(-3, 500)), min_size=1, max_size=200)


@given(first=st.integers(0, 0xFFFF), packets=packets)
def test_feedback_tells_what_came_and_when(first: int, packets: list[tuple[int, int]]) -> None:
    feedback = TransportFeedback()
    sequence, now, came = first, START_NS, {}
    for number, (step, units) in enumerate(packets):
        sequence += step if number else 0
        now += units * UNIT_NS
        feedback.note(sequence & 0xFFFF, now)
        came[sequence & 0xFFFF] = now // UNIT_NS
    told: dict[int, int | None] = {}
    count = 0
    while packet := feedback.build(7, 9):
        report = parse_feedback(packet)
        assert (report.sender_ssrc, report.media_ssrc, report.feedback_count) == (7, 9, count)
        assert len(packet) <= 1200
        assert not told.keys() & report.arrivals.keys()
        told |= report.arrivals
        count += 1
    assert {sequence: time for sequence, time in told.items() if time is not None} == {
        sequence: time & 0xFFFFFFFF for sequence, time in came.items()
    }


def test_a_regular_stream_takes_a_byte_per_packet() -> None:
    feedback = TransportFeedback()
    for number in range(35):
        feedback.note(number, START_NS + number * 3_000_000)
    assert len(feedback.build(1, 2)) <= 20 + 2 + 35 + 3


def test_nothing_came_nothing_is_sent() -> None:
    feedback = TransportFeedback()
    assert feedback.build(1, 2) == b""
    feedback.note(5, START_NS)
    assert feedback.build(1, 2) != b""
    assert feedback.build(1, 2) == b""
