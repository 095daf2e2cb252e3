"""RTP parsing for Python: tests, fuzzing and the rare packet; the path itself uses ``rtp.pxd`` inline."""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from typing import NamedTuple

CAUSES = {
    RTP_SHORT: "short",
    RTP_VERSION: "version",
    RTP_EXTENSION_OVERRUN: "extension_overrun",
    RTP_PADDING: "padding",
}


class RtpError(ValueError):
    """Bytes that are no RTP packet; ``cause`` is one of ``CAUSES``' names or ``extension_element``."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"not an RTP packet: {cause}")
        self.cause = cause


class RtpPacket(NamedTuple):
    """One parsed RTP packet; ``extensions`` maps the ids 1 to 15 to their raw values."""

    payload_type: int
    marker: int
    sequence_number: int
    timestamp: int
    ssrc: int
    padding_bytes: int
    extensions: dict
    payload: bytes


def parse(bytes data not None) -> RtpPacket:
    """Parse one RTP packet; raise RtpError, and never anything else, for bytes that are none."""
    cdef RtpHeader header
    cdef RtpExtensions found
    cdef RtpStatus status
    cdef size_t length = len(data)
    cdef uint8_t* copy
    if length > 65535:
        raise RtpError("long")
    # An exact-size copy: a sanitizer build then sees a read of even one byte too many.
    copy = <uint8_t*>malloc(length if length else 1)
    if copy == NULL:
        raise MemoryError
    try:
        memcpy(copy, <const char*>data, length)
        status = parse_rtp(copy, length, &header)
        if status != RTP_OK:
            raise RtpError(CAUSES[status])
        if not find_extensions(copy, &header, &found):
            raise RtpError("extension_element")
        return RtpPacket(
            header.payload_type,
            header.marker,
            header.sequence_number,
            header.timestamp,
            header.ssrc,
            header.padding_bytes,
            {
                i: <bytes>copy[found.offset[i]:found.offset[i] + found.length[i]]
                for i in range(1, EXTENSION_IDS)
                if found.length[i]
            },
            <bytes>copy[header.payload_offset:header.payload_offset + header.payload_bytes],
        )
    finally:
        free(copy)
