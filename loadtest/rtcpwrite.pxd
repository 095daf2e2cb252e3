"""RTCP that a browser sends, written into a caller's buffer: SR, RR, SDES, PLI and transport-wide feedback."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from loadtest.rtpwrite cimport store64
from loadtest.streamstats cimport StreamStats
from rtc.rtp cimport store16, store24, store32

cdef enum:
    RTCP_SENDER_REPORT = 200
    RTCP_RECEIVER_REPORT = 201
    RTCP_SOURCE_DESCRIPTION = 202
    RTCP_GOODBYE = 203
    RTCP_TRANSPORT_FEEDBACK = 205
    RTCP_PAYLOAD_FEEDBACK = 206
    FEEDBACK_NACK = 1            # of 205, RFC 4585
    FEEDBACK_TRANSPORT_CC = 15   # of 205, draft-holmer-rmcat-transport-wide-cc-extensions-01
    FEEDBACK_PLI = 1             # of 206, RFC 4585
    FEEDBACK_FIR = 4             # of 206, RFC 5104
    MAX_REPORT_BLOCKS = 31       # the count field has five bits
    ARRIVALS = 1024              # transport-wide sequence numbers remembered; three seconds at 350 packets/s
    ARRIVAL_UNIT_NS = 250_000    # receive deltas count quarters of a millisecond
    REFERENCE_UNITS = 256        # the reference time counts 64 ms, that is 256 deltas
    MAX_FEEDBACK_PACKETS = 512   # statuses in one feedback packet: stays below 1,200 bytes even with long deltas

ctypedef struct TransportArrivals:
    bint started
    int64_t next                 # first extended sequence number not yet reported
    int64_t highest
    uint8_t feedback_count
    int64_t at_ns[ARRIVALS]      # 0: not received


cdef inline void rtcp_header(uint8_t *at, int count, int packet_type, int length_bytes) noexcept nogil:
    """Common header (RFC 3550 section 6.4.1); ``length_bytes`` of the whole packet, a multiple of 4."""
    at[0] = <uint8_t>(0x80 | count)
    at[1] = <uint8_t>packet_type
    store16(at + 2, <uint16_t>(length_bytes // 4 - 1))


cdef inline int write_sender_report(
    uint8_t *at, uint32_t ssrc, uint64_t ntp, uint32_t rtp_timestamp, uint32_t packets, uint32_t octets
) noexcept nogil:
    rtcp_header(at, 0, RTCP_SENDER_REPORT, 28)
    store32(at + 4, ssrc)
    store64(at + 8, ntp)
    store32(at + 16, rtp_timestamp)
    store32(at + 20, packets)
    store32(at + 24, octets)
    return 28


cdef inline int write_source_description(uint8_t *at, uint32_t ssrc, uint32_t name) noexcept nogil:
    """SDES with an eight-letter CNAME made of ``name``."""
    cdef int i
    rtcp_header(at, 1, RTCP_SOURCE_DESCRIPTION, 20)
    store32(at + 4, ssrc)
    at[8], at[9] = 1, 8
    for i in range(8):
        at[10 + i] = <uint8_t>(97 + (name >> 4 * i & 15))
    store16(at + 18, 0)
    return 20


cdef inline void write_report_block(uint8_t *at, StreamStats *stream, int64_t now_ns) noexcept nogil:
    """24 bytes about one stream (RFC 3550 section 6.4.1, appendix A.3)."""
    cdef int64_t expected = stream.highest_sequence - stream.base_sequence + 1
    cdef int64_t lost = expected - <int64_t>stream.received
    cdef int64_t interval = expected - <int64_t>stream.expected_prior
    cdef int64_t interval_lost = interval - <int64_t>(stream.received - stream.received_prior)
    stream.expected_prior = <uint64_t>expected
    stream.received_prior = stream.received
    stream.received_reported = stream.received
    store32(at, stream.ssrc)
    at[4] = <uint8_t>(min((interval_lost << 8) // interval, 255) if interval > 0 and interval_lost > 0 else 0)
    store24(at + 5, <uint32_t>(min(max(lost, 0), 0x7FFFFF)))
    store32(at + 8, <uint32_t>stream.highest_sequence)
    store32(at + 12, stream.jitter_16 >> 4)
    store32(at + 16, stream.last_report)
    store32(at + 20, <uint32_t>((now_ns - stream.last_report_ns) * 65536 // 1_000_000_000) if stream.last_report else 0)


cdef inline int write_pli(uint8_t *at, uint32_t sender_ssrc, uint32_t media_ssrc) noexcept nogil:
    rtcp_header(at, FEEDBACK_PLI, RTCP_PAYLOAD_FEEDBACK, 12)
    store32(at + 4, sender_ssrc)
    store32(at + 8, media_ssrc)
    return 12


cdef inline void arrivals_note(TransportArrivals *arrivals, uint16_t sequence, int64_t now_ns) noexcept nogil:
    """Remember when a transport-wide sequence number came."""
    cdef int delta
    cdef int64_t extended, passed
    if not arrivals.started:
        arrivals.started = True
        arrivals.next = sequence
        arrivals.highest = sequence - 1
    delta = <int>((<int64_t>sequence - arrivals.highest) & 0xFFFF)
    if delta >= 0x8000:
        delta -= 0x10000
    extended = arrivals.highest + delta
    if extended < arrivals.next:
        return                       # reported already
    if delta > 0:
        for passed in range(max(arrivals.highest + 1, extended - ARRIVALS + 1), extended):
            arrivals.at_ns[passed & (ARRIVALS - 1)] = 0
        arrivals.highest = extended
        arrivals.next = max(arrivals.next, extended - ARRIVALS + 1)
    arrivals.at_ns[extended & (ARRIVALS - 1)] = now_ns


cdef inline int write_transport_feedback(
    uint8_t *at, uint32_t sender_ssrc, uint32_t media_ssrc, TransportArrivals *arrivals
) noexcept nogil:
    """Feedback on everything since the last one; 0 when there is nothing. Run lengths where seven or more statuses
    are equal, else vectors of seven two-bit statuses (section 3.1 of the draft)."""
    cdef uint8_t status[MAX_FEEDBACK_PACKETS]
    cdef int deltas[MAX_FEEDBACK_PACKETS]
    cdef int count, i, run, chunk, length = 20, delta_count = 0
    cdef int64_t arrival, previous = 0, first = 0, delta
    while arrivals.next <= arrivals.highest and arrivals.at_ns[arrivals.next & (ARRIVALS - 1)] == 0:
        arrivals.next += 1           # the first status must be a received one, to give the reference time
    count = <int>min(arrivals.highest - arrivals.next + 1, MAX_FEEDBACK_PACKETS)
    if not arrivals.started or count <= 0:
        return 0
    first = arrivals.at_ns[arrivals.next & (ARRIVALS - 1)] // ARRIVAL_UNIT_NS // REFERENCE_UNITS
    previous = first * REFERENCE_UNITS
    for i in range(count):
        arrival = arrivals.at_ns[(arrivals.next + i) & (ARRIVALS - 1)]
        if arrival == 0:
            status[i] = 0
            continue
        delta = arrival // ARRIVAL_UNIT_NS - previous
        if delta < -32768 or delta > 32767:
            count = i                # the next feedback starts with a new reference time
            break
        previous += delta
        status[i] = 1 if 0 <= delta <= 255 else 2
        deltas[delta_count] = <int>delta
        delta_count += 1
    i = 0
    while i < count:
        run = 1
        while i + run < count and run < 8191 and status[i + run] == status[i]:
            run += 1
        if run >= 7 or i + run == count:
            store16(at + length, <uint16_t>(status[i] << 13 | run))
            i += run
        else:
            chunk = 0xC000
            for run in range(min(7, count - i)):
                chunk |= status[i + run] << (12 - 2 * run)
            store16(at + length, <uint16_t>chunk)
            i += min(7, count - i)
        length += 2
    for i in range(delta_count):
        if 0 <= deltas[i] <= 255:
            at[length] = <uint8_t>deltas[i]
            length += 1
        else:
            store16(at + length, <uint16_t>deltas[i])
            length += 2
    while length & 3:
        at[length] = 0
        length += 1
    rtcp_header(at, FEEDBACK_TRANSPORT_CC, RTCP_TRANSPORT_FEEDBACK, length)
    store32(at + 4, sender_ssrc)
    store32(at + 8, media_ssrc)
    store16(at + 12, <uint16_t>arrivals.next)
    store16(at + 14, <uint16_t>count)
    store24(at + 16, <uint32_t>(first & 0xFFFFFF))
    at[19] = arrivals.feedback_count
    arrivals.feedback_count += 1
    arrivals.next += count
    return length


cdef class TransportFeedback:
    cdef TransportArrivals arrivals
