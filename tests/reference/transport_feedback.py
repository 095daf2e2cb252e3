"""Reads transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1), slowly and strictly."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ReferenceFeedback:
    sender_ssrc: int
    media_ssrc: int
    feedback_count: int
    arrivals: dict[int, int | None]
    """Sequence number to arrival in quarter milliseconds, None where nothing came."""


def parse_feedback(packet: bytes) -> ReferenceFeedback:
    assert packet[0] == 0x80 | 15
    assert packet[1] == 205
    assert len(packet) == 4 * (int.from_bytes(packet[2:4], "big") + 1)
    base, count = int.from_bytes(packet[12:14], "big"), int.from_bytes(packet[14:16], "big")
    statuses: list[int] = []
    position = 20
    while len(statuses) < count:
        chunk = int.from_bytes(packet[position : position + 2], "big")
        position += 2
        if chunk & 0x8000:
            assert chunk & 0x4000, "one-bit vectors are not written"
            statuses += [chunk >> (12 - 2 * step) & 3 for step in range(7)]
        else:
            assert chunk & 0x1FFF
            statuses += [chunk >> 13] * (chunk & 0x1FFF)
    assert not any(statuses[count:])
    time = int.from_bytes(packet[16:19], "big") * 256
    arrivals: dict[int, int | None] = {}
    for step, status in enumerate(statuses[:count]):
        size = {0: 0, 1: 1, 2: 2}[status]
        time += int.from_bytes(packet[position : position + size], "big", signed=size == 2)
        position += size
        arrivals[(base + step) & 0xFFFF] = time if size else None
    assert len(packet) - position < 4
    assert not any(packet[position:])
    return ReferenceFeedback(
        int.from_bytes(packet[4:8], "big"), int.from_bytes(packet[8:12], "big"), packet[19], arrivals
    )
