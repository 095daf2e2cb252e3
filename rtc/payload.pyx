"""Payload descriptors for Python: tests and fuzzing; the path itself uses ``payload.pxd`` inline."""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from typing import NamedTuple

CODECS = {"OPUS": CODEC_OPUS, "VP8": CODEC_VP8, "VP9": CODEC_VP9, "H264": CODEC_H264, "AV1": CODEC_AV1}


class Payload(NamedTuple):
    """What ``read`` found; picture_id and tl0_picture_index are None where the descriptor has none."""

    valid: bool
    keyframe: bool
    picture_id: object
    picture_id_bits: int
    tl0_picture_index: object


def read(str codec not None, bytes data not None) -> Payload:
    """Read the descriptor of one payload (of at most 65,535 bytes) of the named codec; never raises for its content."""
    cdef PayloadInfo info
    cdef size_t length = len(data)
    cdef int number = CODECS.get(codec, CODEC_OTHER)
    if length > 65535:
        raise ValueError("a payload is at most 65535 bytes")
    cdef uint8_t* copy = <uint8_t*>malloc(length if length else 1)   # exact size, for the sanitizers
    if copy == NULL:
        raise MemoryError
    memcpy(copy, <const char*>data, length)
    read_payload(<Codec>number, copy, length, &info)
    free(copy)
    return Payload(
        bool(info.valid),
        bool(info.keyframe),
        info.picture_id if info.picture_id_bits else None,
        info.picture_id_bits,
        info.tl0 if info.has_tl0 else None,
    )
