"""What publishers are told: arrivals (transport-wide feedback), losses (NACK) and reports. Inline parts of the walk."""

from libc.stdint cimport int64_t, uint8_t, uint16_t
from libc.stdlib cimport calloc

from rtc.rtcp cimport (
    REPORT_BLOCK_BYTES, RTCP_RR, RTCP_RTPFB, RTPFB_NACK, TRANSPORT_FEEDBACK_BYTES, TRANSPORT_FEEDBACK_PACKETS,
    ReportBlock, write_feedback, write_header, write_report_block, write_transport_feedback,
)
from rtc.rtp cimport store16, store32
from sfu.control cimport raise_event, send_rtcp
from sfu.reception cimport due_requests, report
from sfu.table cimport *
from sfu.walk cimport EVENT_KEYFRAME_WANTED, Walk


cdef inline void note_arrival(Peer* peer, uint16_t sequence, int64_t now_us) noexcept nogil:
    """Note one packet's arrival for the next transport-wide feedback; too old or too far ahead is left out."""
    cdef TransportArrivals* a = peer.arrivals
    cdef uint16_t ahead
    cdef int i
    if a == NULL:
        a = <TransportArrivals*>calloc(1, sizeof(TransportArrivals))
        if a == NULL:
            return
        peer.arrivals = a
        a.base = sequence
    ahead = <uint16_t>(sequence - a.base)
    if ahead >= TRANSPORT_FEEDBACK_PACKETS:
        if ahead > 0x8000:
            return                      # reported as lost already
        a.base = sequence               # a hole wider than a feedback: begin behind it
        a.count = 0
        ahead = 0
    for i in range(a.count, ahead):
        a.arrivals_us[i] = -1
    a.arrivals_us[ahead] = now_us
    if ahead >= a.count:
        a.count = ahead + 1


cdef inline void send_arrivals(Walk walk, Peer* peer) noexcept:
    cdef TransportArrivals* a = peer.arrivals
    cdef uint8_t packet[TRANSPORT_FEEDBACK_BYTES]
    cdef size_t size = write_transport_feedback(
        packet, peer.feedback_sender_ssrc, peer.sources[0].ssrc, a.base, a.count, a.feedback_count, a.arrivals_us
    )
    a.feedback_count += 1
    a.base += a.count
    a.count = 0
    send_rtcp(walk, peer, packet, size)


cdef inline void request_missing(Walk walk, Peer* peer, int64_t now_us) noexcept:
    """Ask a publisher again for what has not come (RFC 4585 section 6.2.1)."""
    cdef uint16_t numbers[MISSING_PACKETS]
    cdef uint8_t packet[12 + 4 * MISSING_PACKETS]
    cdef int count, i, s
    cdef size_t size
    cdef uint16_t first, mask
    cdef bint gave_up = False
    cdef Source* source
    for s in range(peer.source_count):
        source = peer.sources[s]
        if source.reception.missing_count == 0 or source.primary != NULL:
            continue
        count = due_requests(&source.reception, numbers, now_us, &gave_up)
        if gave_up:
            raise_event(walk, EVENT_KEYFRAME_WANTED, source)
        if source.reception.missing_count:
            walk.has_holes = True
        size = 12
        i = 0
        while i < count:
            first = numbers[i]
            mask = 0
            i += 1
            while i < count and <uint16_t>(numbers[i] - first) <= 16:
                mask |= <uint16_t>(1 << (<uint16_t>(numbers[i] - first) - 1))
                i += 1
            store16(packet + size, first)
            store16(packet + size + 2, mask)
            size += 4
        if count:
            write_feedback(packet, RTCP_RTPFB, RTPFB_NACK, peer.feedback_sender_ssrc, source.ssrc, size - 12)
            send_rtcp(walk, peer, packet, size)


cdef inline void send_reports(Walk walk, Peer* peer, int64_t now_us) noexcept:
    """Send one receiver report about all of a publisher's streams."""
    cdef uint8_t packet[8 + 31 * REPORT_BLOCK_BYTES]
    cdef ReportBlock block
    cdef int s
    cdef uint8_t count = 0
    for s in range(peer.source_count):
        if peer.sources[s].reception.started and peer.sources[s].primary == NULL and count < 31:
            report(peer.sources[s], &block, now_us)
            write_report_block(packet + 8 + count * REPORT_BLOCK_BYTES, &block)
            count += 1
    if count:
        write_header(packet, count, RTCP_RR, 8 + count * REPORT_BLOCK_BYTES)
        store32(packet + 4, peer.feedback_sender_ssrc)
        send_rtcp(walk, peer, packet, 8 + count * REPORT_BLOCK_BYTES)
