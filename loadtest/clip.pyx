"""A looping sequence of packetised frames in one block of memory, shared by every sender of it."""

from libc.stdlib cimport calloc, free
from libc.string cimport memcpy


cdef class Clip:
    """Frames (``loadtest.frames.Frame``) copied for the compiled sender; frame 0 is the keyframe it loops to."""

    def __cinit__(self, frames, int clock_rate, int payload_type, bint is_video):
        cdef int packet = 0, number
        cdef uint32_t offset = 0
        cdef bytes payload
        payloads = [payload for frame in frames for payload in frame.payloads]
        if not payloads or max(map(len, payloads)) > 1400:
            raise ValueError("a clip needs packets, each of at most 1,400 bytes")
        self.clock_rate, self.payload_type, self.is_video = clock_rate, payload_type, is_video
        self.frame_count, self.packet_count = <int>len(frames), <int>len(payloads)
        self.data = <uint8_t *>calloc(1, sum(map(len, payloads)))
        self.packets = <ClipPacket *>calloc(self.packet_count, sizeof(ClipPacket))
        self.frames = <ClipFrame *>calloc(self.frame_count, sizeof(ClipFrame))
        if not (self.data and self.packets and self.frames):
            raise MemoryError
        for number, frame in enumerate(frames):
            self.frames[number].first_packet = packet
            self.frames[number].packet_count = <int>len(frame.payloads)
            self.frames[number].duration = frame.duration
            for payload in frame.payloads:
                self.packets[packet].offset = offset
                self.packets[packet].length = <uint16_t>len(payload)
                memcpy(self.data + offset, <const char *>payload, len(payload))
                offset += <uint32_t>len(payload)
                packet += 1

    def __dealloc__(self):
        free(self.data)
        free(self.packets)
        free(self.frames)
