"""What is known of one received stream: order, loss, jitter (RFC 3550 appendix A) and what is still missing."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset
from rtc.rtcp cimport ReportBlock
from sfu.table cimport MISSING_PACKETS, WINDOW_PACKETS, Missing, Reception, Source

cdef enum Observation:
    SEEN_NEW = 0          # in order, or late but wanted
    SEEN_BEFORE = 1       # a duplicate, or older than the window
    SEEN_RESTART = 2      # the numbers jumped: whoever forwards must start its own numbers anew

cdef enum:
    # RFC 3550 A.1 MAX_DROPOUT is 3,000; a jump beyond our window cannot be repaired or told from a restart.
    MAX_JUMP = 1000
    # Packets often come a little out of order; asking earlier than this asks in vain.
    REORDER_WAIT_US = 10_000
    # One round trip to the publisher before asking again.
    RETRY_US = 60_000
    MAX_REQUESTS = 8


cdef inline void _mark(Reception* r, uint16_t sequence) noexcept nogil:
    r.seen[(sequence % WINDOW_PACKETS) >> 6] |= <uint64_t>1 << (sequence & 63)


cdef inline void _clear(Reception* r, uint16_t sequence) noexcept nogil:
    r.seen[(sequence % WINDOW_PACKETS) >> 6] &= ~(<uint64_t>1 << (sequence & 63))


cdef inline void restart(Reception* r, uint16_t sequence) noexcept nogil:
    """Begin with this packet as if nothing had come before."""
    memset(r.seen, 0, sizeof(r.seen))
    r.started = 1
    r.newest = sequence
    r.base = sequence
    r.cycles = 0
    r.received = 1
    r.expected_before = 0
    r.received_before = 0
    r.missing_count = 0
    r.gave_up = 0
    _mark(r, sequence)


cdef inline void _found(Reception* r, uint16_t sequence) noexcept nogil:
    cdef uint8_t i
    for i in range(r.missing_count):
        if r.missing[i].sequence_number == sequence:
            r.missing_count -= 1
            r.missing[i] = r.missing[r.missing_count]
            return


cdef inline Observation observe(Reception* r, uint16_t sequence, bint repair, int64_t now_us) noexcept nogil:
    """Take note of one sequence number; ``repair`` notes holes for ``due_requests``."""
    cdef int32_t delta, i
    cdef Missing* hole
    if not r.started:
        restart(r, sequence)
        return SEEN_NEW
    delta = <int16_t>(sequence - r.newest)
    if delta > MAX_JUMP or delta < -MAX_JUMP:
        restart(r, sequence)
        return SEEN_RESTART
    if delta > 0:
        for i in range(1, delta):
            _clear(r, <uint16_t>(r.newest + i))
            if repair and r.missing_count == MISSING_PACKETS:
                r.gave_up = 1          # too much to ask for: a keyframe mends it sooner
            elif repair:
                hole = &r.missing[r.missing_count]
                hole.sequence_number = <uint16_t>(r.newest + i)
                hole.requests = 0
                hole.since_us = now_us
                hole.requested_us = 0
                r.missing_count += 1
        if sequence < r.newest:
            r.cycles += 65536
        r.newest = sequence
    elif r.seen[(sequence % WINDOW_PACKETS) >> 6] >> (sequence & 63) & 1:
        return SEEN_BEFORE
    else:
        _found(r, sequence)
    _mark(r, sequence)
    r.received += 1
    return SEEN_NEW


cdef inline void observe_timing(Reception* r, uint32_t timestamp, uint32_t clock_rate, int64_t now_us) noexcept nogil:
    """Update the interarrival jitter (RFC 3550 A.8)."""
    cdef uint32_t transit = <uint32_t>(<uint64_t>now_us * clock_rate // 1_000_000) - timestamp
    cdef int64_t difference = <int32_t>(transit - r.transit)      # wide: the sender chooses the timestamps
    if difference < 0:
        difference = -difference
    if r.transit != 0 and difference < clock_rate:
        r.jitter_q4 += <uint32_t>difference - ((r.jitter_q4 + 8) >> 4)
    r.transit = transit


cdef inline void report(Source* source, ReportBlock* block, int64_t now_us) noexcept nogil:
    """Fill the report block for this source since the last one (RFC 3550 A.3)."""
    cdef Reception* r = &source.reception
    cdef uint32_t expected = r.cycles + r.newest - r.base + 1
    cdef uint32_t expected_now = expected - r.expected_before
    cdef uint32_t received_now = r.received - r.received_before
    cdef int32_t lost = <int32_t>(expected - r.received)
    r.expected_before = expected
    r.received_before = r.received
    block.ssrc = source.ssrc
    block.fraction_lost = 0
    if expected_now > received_now:
        block.fraction_lost = <uint8_t>((<uint64_t>(expected_now - received_now) << 8) // (expected_now + 1))
    block.cumulative_lost = <uint32_t>(0 if lost < 0 else (lost if lost < 0x7FFFFF else 0x7FFFFF))
    block.highest_sequence = r.cycles + r.newest
    block.jitter = r.jitter_q4 >> 4
    block.last_sr = <uint32_t>(source.last_sr_ntp >> 16)
    block.delay_since_last_sr = (
        <uint32_t>((now_us - source.last_sr_us) * 65536 // 1_000_000) if source.last_sr_us else 0
    )


cdef inline int due_requests(Reception* r, uint16_t* out, int64_t now_us, bint* gave_up) noexcept nogil:
    """Write the sequence numbers to ask for now, ascending, into ``out`` (MISSING_PACKETS); return how many.

    ``gave_up`` is set where a hole was asked for often enough, or is too large: only a keyframe mends it.
    """
    cdef int count = 0, i = 0, j
    cdef uint16_t value
    cdef Missing* hole
    gave_up[0] = r.gave_up
    r.gave_up = 0
    while i < r.missing_count:
        hole = &r.missing[i]
        if hole.requests >= MAX_REQUESTS:
            gave_up[0] = True
            r.missing_count -= 1
            r.missing[i] = r.missing[r.missing_count]
            continue
        if now_us - hole.since_us >= REORDER_WAIT_US and (
            hole.requests == 0 or now_us - hole.requested_us >= RETRY_US
        ):
            hole.requests += 1
            hole.requested_us = now_us
            value = hole.sequence_number
            j = count
            while j > 0 and <int16_t>(out[j - 1] - value) > 0:
                out[j] = out[j - 1]
                j -= 1
            out[j] = value
            count += 1
        i += 1
    return count
