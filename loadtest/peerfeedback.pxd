"""The RTCP that a peer sends of itself: reports once a second, feedback and keyframe requests more often."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from loadtest.peer cimport Peer, Sender
from loadtest.rtcpwrite cimport (
    MAX_REPORT_BLOCKS, RTCP_RECEIVER_REPORT, rtcp_header, write_pli, write_report_block, write_sender_report,
    write_source_description, write_transport_feedback,
)
from loadtest.streamstats cimport StreamStats
from rtc.rtp cimport store32

cdef enum:
    KEYFRAME_RETRY_NS = 500_000_000   # a picture loss indication is repeated after half a second, as in libwebrtc
    RTCP_BUFFER_BYTES = 1400


cdef inline int write_receiver_report(uint8_t *at, Peer *peer, int64_t now_ns) noexcept nogil:
    """RR about the streams that sent something since the last one (RFC 3550 section 6.4.2)."""
    cdef int i, blocks = 0
    for i in range(peer.stream_count):
        if blocks < MAX_REPORT_BLOCKS and peer.streams[i].received != peer.streams[i].received_reported:
            write_report_block(at + 8 + 24 * blocks, &peer.streams[i], now_ns)
            blocks += 1
    rtcp_header(at, blocks, RTCP_RECEIVER_REPORT, 8 + 24 * blocks)
    store32(at + 4, peer.ssrc)
    return 8 + 24 * blocks


cdef inline int write_reports(uint8_t *at, Peer *peer, Sender *senders, uint64_t ntp, int64_t now_ns) noexcept nogil:
    """Compound packet: the senders' reports, or a receiver report, and the name."""
    cdef int i, length = 0
    cdef Sender *sender
    for i in range(peer.sender_count):
        sender = &senders[peer.senders[i]]
        if sender.packets_sent:
            length += write_sender_report(
                at + length, sender.ssrc, ntp,
                sender.timestamp - <uint32_t><int64_t>(<double>(sender.frame_due_ns - now_ns) * sender.clock_rate * 1e-9),
                <uint32_t>sender.packets_sent, <uint32_t>sender.octets_sent,
            )
    if length == 0 or peer.stream_count:
        length += write_receiver_report(at + length, peer, now_ns)
    return length + write_source_description(at + length, peer.ssrc, peer.ssrc)


cdef inline int write_requests(uint8_t *at, Peer *peer, int64_t now_ns) noexcept nogil:
    """PLI for each video that has not begun with a keyframe, at most twenty in one packet."""
    cdef int i, length = 0
    cdef StreamStats *stream
    for i in range(peer.stream_count):
        stream = &peer.streams[i]
        if length < 240 and stream.waits_for_keyframe and now_ns - stream.last_request_ns > KEYFRAME_RETRY_NS:
            stream.last_request_ns = now_ns
            length += write_pli(at + length, peer.ssrc, stream.ssrc)
    return length


cdef inline int write_feedback(uint8_t *at, Peer *peer) noexcept nogil:
    if peer.arrivals == NULL:
        return 0
    return write_transport_feedback(at, peer.ssrc, peer.last_media_ssrc, peer.arrivals)
