"""RTCP for Python: tests, fuzzing and clients; the path itself uses ``rtcp.pxd`` inline."""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from typing import NamedTuple


class RtcpError(ValueError):
    """Bytes that are no RTCP compound."""


class Item(NamedTuple):
    """One packet of a compound: its type, its count or feedback format, and its body without padding."""

    type: int
    count_or_format: int
    body: bytes


def parse(bytes data not None) -> list:
    """Split a compound into its items; raise RtcpError, and never anything else, for bytes that are none."""
    cdef size_t length = len(data), position = 0
    cdef RtcpItem item
    cdef RtcpStatus status
    if length > 65535:
        raise RtcpError("long")
    cdef uint8_t* copy = <uint8_t*>malloc(length if length else 1)   # exact size, for the sanitizers
    if copy == NULL:
        raise MemoryError
    items = []
    try:
        memcpy(copy, <const char*>data, length)
        while True:
            status = next_item(copy, length, &position, &item)
            if status == RTCP_END:
                break
            if status == RTCP_MALFORMED:
                raise RtcpError("malformed")
            items.append(Item(item.type, item.count, <bytes>copy[item.offset:item.offset + item.length]))
    finally:
        free(copy)
    if not items:
        raise RtcpError("empty")
    return items


def transport_feedback(
    uint32_t sender, uint32_t media, uint16_t base, arrivals_us: list, uint8_t feedback_count
) -> bytes:
    """Build a transport-wide feedback for packets from ``base`` on; None in ``arrivals_us`` is a lost packet."""
    cdef int64_t arrivals[TRANSPORT_FEEDBACK_PACKETS]
    cdef uint8_t out[TRANSPORT_FEEDBACK_BYTES]
    cdef Py_ssize_t count = len(arrivals_us), i
    if not 0 < count <= TRANSPORT_FEEDBACK_PACKETS or arrivals_us.count(None) == count:
        raise ValueError("feedback is about 1 to 256 packets of which at least one has come")
    for i in range(count):
        arrivals[i] = -1 if arrivals_us[i] is None else arrivals_us[i]
    cdef size_t size = write_transport_feedback(
        out, sender, media, base, <uint16_t>count, feedback_count, arrivals
    )
    return <bytes>out[:size]


def count_transport_feedback(bytes fci not None) -> tuple:
    """Return (received, lost) of a transport-wide feedback's control information; raise RtcpError if malformed."""
    cdef uint32_t received = 0, lost = 0
    cdef size_t length = len(fci)
    cdef uint8_t* copy = <uint8_t*>malloc(length if length else 1)
    if copy == NULL:
        raise MemoryError
    memcpy(copy, <const char*>fci, length)
    cdef bint good = read_transport_feedback(copy, length, &received, &lost)
    free(copy)
    if not good:
        raise RtcpError("transport feedback")
    return received, lost
