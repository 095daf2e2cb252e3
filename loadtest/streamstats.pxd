"""What one received RTP stream looked like: loss after reordering, duplicates, jitter, keyframes, latency.

A packet counts as received once, in whatever order it came; sequence numbers up to ``WINDOW`` behind the highest
are remembered bit by bit, older ones count as ``too_late`` (and so as lost).
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

cdef enum:
    WINDOW = 1024            # at 350 packets/s three seconds of reordering; a power of two for the bit index
    WINDOW_WORDS = WINDOW // 64

ctypedef struct StreamStats:
    uint32_t ssrc
    uint8_t payload_type
    bint started
    int64_t base_sequence    # first extended sequence number (RFC 3550 appendix A.1)
    int64_t highest_sequence
    uint64_t received
    uint64_t duplicates
    uint64_t reordered
    uint64_t too_late
    uint64_t bytes
    uint64_t frames          # packets with the marker bit
    uint64_t keyframes
    bint waits_for_keyframe
    int64_t last_request_ns  # when a picture loss indication was last sent
    uint32_t jitter_16       # interarrival jitter times 16, RTP units (RFC 3550 appendix A.8)
    uint32_t last_transit
    uint32_t last_report     # middle 32 bits of the NTP time of the last sender report
    int64_t last_report_ns
    uint64_t expected_prior
    uint64_t received_prior
    uint64_t received_reported  # `received` at the last receiver report: silent streams are left out
    int64_t latency_sum_ns
    int64_t latency_max_ns
    uint64_t latency_count
    uint64_t seen[WINDOW_WORDS]

cdef enum SequenceResult:
    SEQUENCE_NEW = 0
    SEQUENCE_REORDERED = 1
    SEQUENCE_DUPLICATE = 2
    SEQUENCE_TOO_LATE = 3


cdef inline bint _seen(StreamStats *stream, int64_t sequence) noexcept nogil:
    return (stream.seen[(sequence & (WINDOW - 1)) >> 6] >> (sequence & 63)) & 1


cdef inline void _mark(StreamStats *stream, int64_t sequence) noexcept nogil:
    stream.seen[(sequence & (WINDOW - 1)) >> 6] |= (<uint64_t>1) << (sequence & 63)


cdef inline void _unmark(StreamStats *stream, int64_t sequence) noexcept nogil:
    stream.seen[(sequence & (WINDOW - 1)) >> 6] &= ~((<uint64_t>1) << (sequence & 63))


cdef inline SequenceResult stream_observe(StreamStats *stream, uint16_t sequence_number) noexcept nogil:
    """Count one packet by its 16-bit sequence number."""
    cdef int64_t sequence, passed
    cdef int delta
    if not stream.started:
        stream.started = True
        stream.base_sequence = stream.highest_sequence = sequence_number
        memset(stream.seen, 0, sizeof(stream.seen))
        _mark(stream, sequence_number)
        stream.received += 1
        return SEQUENCE_NEW
    delta = <int>((<int64_t>sequence_number - stream.highest_sequence) & 0xFFFF)
    if delta >= 0x8000:
        delta -= 0x10000
    sequence = stream.highest_sequence + delta
    if delta > 0:
        if delta >= WINDOW:
            memset(stream.seen, 0, sizeof(stream.seen))
        else:
            for passed in range(stream.highest_sequence + 1, sequence + 1):
                _unmark(stream, passed)
        stream.highest_sequence = sequence
        _mark(stream, sequence)
        stream.received += 1
        return SEQUENCE_NEW
    if delta <= -WINDOW:
        stream.too_late += 1
        return SEQUENCE_TOO_LATE
    if _seen(stream, sequence):
        stream.duplicates += 1
        return SEQUENCE_DUPLICATE
    _mark(stream, sequence)
    stream.base_sequence = min(stream.base_sequence, sequence)
    stream.received += 1
    stream.reordered += 1
    return SEQUENCE_REORDERED


cdef inline int64_t stream_lost(const StreamStats *stream) noexcept nogil:
    """Sequence numbers between the first and the highest that never came."""
    if not stream.started:
        return 0
    return stream.highest_sequence - stream.base_sequence + 1 - <int64_t>stream.received


cdef inline void stream_jitter(StreamStats *stream, uint32_t timestamp, uint32_t arrival) noexcept nogil:
    """RFC 3550 appendix A.8; ``arrival`` in units of the stream's RTP clock."""
    cdef uint32_t transit = arrival - timestamp
    cdef int64_t change = <int64_t><int>(transit - stream.last_transit)
    if change < 0:
        change = -change
    if stream.last_transit != 0 and change < 0x1000000:
        stream.jitter_16 += <uint32_t>(change - ((<int64_t>stream.jitter_16 + 8) >> 4))
    stream.last_transit = transit


cdef inline void stream_latency(StreamStats *stream, int64_t latency_ns) noexcept nogil:
    stream.latency_sum_ns += latency_ns
    stream.latency_count += 1
    stream.latency_max_ns = max(stream.latency_max_ns, latency_ns)


cdef class StreamStatistics:
    cdef StreamStats data
