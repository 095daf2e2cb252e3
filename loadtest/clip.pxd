"""A looping sequence of packetised frames in one block of memory, shared by every sender of it."""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t

ctypedef struct ClipPacket:
    uint32_t offset
    uint16_t length

ctypedef struct ClipFrame:
    int32_t first_packet
    int32_t packet_count
    uint32_t duration            # in units of the RTP clock

cdef class Clip:
    cdef uint8_t *data
    cdef ClipPacket *packets
    cdef ClipFrame *frames
    cdef readonly int frame_count
    cdef readonly int packet_count
    cdef readonly int clock_rate
    cdef readonly int payload_type
    cdef readonly bint is_video
