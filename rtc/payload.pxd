"""What a forwarder must know of a payload: does a keyframe start here, and where do its running numbers stand.

VP8 (RFC 7741), VP9 (RFC 9628), H.264 (RFC 6184), AV1 (AOMedia RTP specification 1.0). The reader never looks
past the descriptor and the first byte of the frame; the picture itself is none of its business.
"""

from libc.stdint cimport uint8_t, uint16_t
from rtc.rtp cimport load16

cdef enum Codec:
    CODEC_OTHER = 0
    CODEC_OPUS = 1
    CODEC_VP8 = 2
    CODEC_VP9 = 3
    CODEC_H264 = 4
    CODEC_AV1 = 5

cdef struct PayloadInfo:
    uint8_t valid                 # False: the descriptor runs past the payload
    uint8_t keyframe              # this packet starts a keyframe
    uint8_t picture_id_bits       # 0, 7 or 15
    uint8_t has_tl0
    uint8_t tl0                   # TL0PICIDX
    uint16_t picture_id
    uint16_t picture_id_offset    # from the start of the payload
    uint16_t tl0_offset


cdef inline size_t _picture_id(const uint8_t* data, size_t length, size_t at, PayloadInfo* out) noexcept nogil:
    """Read a 7- or 15-bit picture id at ``at``; return the position behind it, 0 where it does not fit."""
    if at >= length:
        return 0
    out.picture_id_offset = <uint16_t>at
    if data[at] & 0x80:
        if length - at < 2:
            return 0
        out.picture_id_bits = 15
        out.picture_id = load16(data + at) & 0x7FFF
        return at + 2
    out.picture_id_bits = 7
    out.picture_id = data[at]
    return at + 1


cdef inline bint _read_vp8(const uint8_t* data, size_t length, PayloadInfo* out) noexcept nogil:
    cdef size_t at = 1
    cdef uint8_t extended
    if length < 1:
        return False
    if data[0] & 0x80:
        if length < 2:
            return False
        extended = data[1]
        at = 2
        if extended & 0x80:
            at = _picture_id(data, length, at, out)
            if at == 0:
                return False
        if extended & 0x40:
            if at >= length:
                return False
            out.has_tl0 = 1
            out.tl0 = data[at]
            out.tl0_offset = <uint16_t>at
            at += 1
        if extended & 0x30:
            at += 1
    if at >= length:
        return False
    # The frame tag's lowest bit is 0 in a key frame; it stands in the first packet of partition 0 (S=1, PID=0).
    out.keyframe = data[0] & 0x17 == 0x10 and data[at] & 1 == 0
    return True


cdef inline bint _read_vp9(const uint8_t* data, size_t length, PayloadInfo* out) noexcept nogil:
    cdef size_t at = 1
    cdef uint8_t spatial = 0
    if length < 1:
        return False
    if data[0] & 0x80:
        at = _picture_id(data, length, at, out)
        if at == 0:
            return False
    if data[0] & 0x20:
        if at >= length:
            return False
        spatial = (data[at] >> 1) & 7
        at += 1
        if not data[0] & 0x10:      # TL0PICIDX only in non-flexible mode
            if at >= length:
                return False
            out.has_tl0 = 1
            out.tl0 = data[at]
            out.tl0_offset = <uint16_t>at
            at += 1
    # Not inter-predicted, begins a frame, lowest spatial layer.
    out.keyframe = data[0] & 0x48 == 0x08 and spatial == 0
    return at <= length


cdef inline bint _read_h264(const uint8_t* data, size_t length, PayloadInfo* out) noexcept nogil:
    cdef size_t at, size
    cdef uint8_t kind
    if length < 1:
        return False
    kind = data[0] & 0x1F
    # A decoder can start where the sequence parameter set stands; an IDR slice alone does not suffice.
    if kind == 24:                                # STAP-A
        at = 1
        while at < length:
            if length - at < 3:
                return False
            size = load16(data + at)
            at += 2
            if size == 0 or size > length - at:
                return False
            if data[at] & 0x1F == 7:
                out.keyframe = 1
            at += size
    elif kind == 28:                              # FU-A
        if length < 2:
            return False
        out.keyframe = data[1] & 0x9F == 0x87
    else:
        out.keyframe = kind == 7
    return True


cdef inline void read_payload(Codec codec, const uint8_t* data, size_t length, PayloadInfo* out) noexcept nogil:
    """Fill ``out`` for one packet's payload of ``length`` bytes. Audio and unknown codecs: any packet can start."""
    out.valid = 1
    out.keyframe = 0
    out.picture_id_bits = 0
    out.has_tl0 = 0
    if codec == CODEC_VP8:
        out.valid = _read_vp8(data, length, out)
    elif codec == CODEC_VP9:
        out.valid = _read_vp9(data, length, out)
    elif codec == CODEC_H264:
        out.valid = _read_h264(data, length, out)
    elif codec == CODEC_AV1:
        # N: the first packet of a coded video sequence; Z: continues an OBU, so nothing starts here.
        out.valid = length >= 1
        out.keyframe = length >= 1 and data[0] & 0x88 == 0x08
    else:
        out.keyframe = 1
    if not out.valid:
        out.keyframe = 0
        out.picture_id_bits = 0
        out.has_tl0 = 0
