"""What a peer does with a decrypted packet: statistics of its stream, and the server's RTCP."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc

from loadtest.histogram cimport histogram_record
from loadtest.peer cimport MAX_STREAMS, Peer, Sender, Totals
from loadtest.rtcpwrite cimport (
    FEEDBACK_FIR, FEEDBACK_NACK, FEEDBACK_PLI, RTCP_PAYLOAD_FEEDBACK, RTCP_SENDER_REPORT, RTCP_TRANSPORT_FEEDBACK,
    TransportArrivals, arrivals_note,
)
from loadtest.rtpwrite cimport EXTENSION_CAPTURE_TIME, EXTENSION_TRANSPORT_CC, realtime_from_ntp
from loadtest.streamstats cimport (
    SEQUENCE_NEW, SEQUENCE_REORDERED, SequenceResult, StreamStats, stream_jitter, stream_latency, stream_observe,
)
from rtc.rtp cimport (
    RTP_OK, RtpExtensions, RtpHeader, find_extensions, load16, load32, load64, parse_rtp,
)

cdef enum:
    # Payload types that the client offers.
    PAYLOAD_OPUS = 111
    PAYLOAD_VP8 = 96
    PAYLOAD_VP8_RTX = 97


cdef inline StreamStats *peer_stream(Peer *peer, uint32_t ssrc) noexcept nogil:
    """The statistics of an SSRC, new ones at its first packet; NULL beyond MAX_STREAMS or out of memory."""
    cdef int i
    for i in range(peer.stream_count):
        if peer.stream_ssrcs[i] == ssrc:
            return &peer.streams[i]
    if peer.streams == NULL:
        peer.streams = <StreamStats *>calloc(MAX_STREAMS, sizeof(StreamStats))
    if peer.streams == NULL or peer.stream_count == MAX_STREAMS:
        return NULL
    i = peer.stream_count
    peer.stream_ssrcs[i] = ssrc
    peer.streams[i].ssrc = ssrc
    peer.stream_count += 1
    return &peer.streams[i]


cdef inline bint starts_vp8_keyframe(const uint8_t *payload, size_t length) noexcept nogil:
    """First packet of a VP8 keyframe: S set, partition 0, and the P bit of the frame header 0 (RFC 7741 4.2, 4.3)."""
    cdef size_t position = 1
    if length < 3 or payload[0] & 0x17 != 0x10:
        return False
    if payload[0] & 0x80:
        position = 2
        if payload[1] & 0x80:
            position += 2 if payload[2] & 0x80 else 1
        position += 1 if payload[1] & 0x40 else 0
        position += 1 if payload[1] & 0x30 else 0
    return position < length and not payload[position] & 1


cdef inline void peer_handle_rtp(
    Peer *peer, Totals *totals, const uint8_t *packet, size_t length, int64_t realtime_ns, int64_t now_ns,
) noexcept nogil:
    cdef RtpHeader header
    cdef RtpExtensions extensions
    cdef StreamStats *stream
    cdef SequenceResult result
    cdef int64_t latency
    if parse_rtp(packet, length, &header) != RTP_OK or not find_extensions(packet, &header, &extensions):
        peer.unknown += 1
        return
    if extensions.length[EXTENSION_TRANSPORT_CC] == 2 and peer.feedback:
        if peer.arrivals == NULL:
            peer.arrivals = <TransportArrivals *>calloc(1, sizeof(TransportArrivals))
        if peer.arrivals != NULL:
            arrivals_note(peer.arrivals, load16(packet + extensions.offset[EXTENSION_TRANSPORT_CC]), now_ns)
    peer.last_media_ssrc = header.ssrc
    stream = peer_stream(peer, header.ssrc)
    if stream == NULL:
        peer.unknown += 1
        return
    if not stream.started:
        stream.payload_type = header.payload_type
        stream.waits_for_keyframe = header.payload_type == PAYLOAD_VP8
    result = stream_observe(stream, header.sequence_number)
    if result != SEQUENCE_NEW and result != SEQUENCE_REORDERED:
        return
    peer.rtp_received += 1
    totals.packets += 1
    totals.bytes += length
    stream.bytes += length
    stream.frames += header.marker
    stream_jitter(stream, header.timestamp, <uint32_t>(
        now_ns // 1000 * (48 if header.payload_type == PAYLOAD_OPUS else 90) // 1000))
    if header.payload_type == PAYLOAD_VP8 and starts_vp8_keyframe(packet + header.payload_offset, header.payload_bytes):
        stream.keyframes += 1
        stream.waits_for_keyframe = False
    if extensions.length[EXTENSION_CAPTURE_TIME] >= 8:
        latency = realtime_ns - realtime_from_ntp(load64(packet + extensions.offset[EXTENSION_CAPTURE_TIME]))
        stream_latency(stream, latency)
        if header.payload_type == PAYLOAD_OPUS:
            histogram_record(&totals.audio_latency, latency)
        else:
            histogram_record(&totals.video_latency, latency)


cdef inline void request_keyframe(Peer *peer, Sender *senders, uint32_t media_ssrc) noexcept nogil:
    cdef int i
    for i in range(peer.sender_count):
        if senders[peer.senders[i]].ssrc == media_ssrc:
            senders[peer.senders[i]].keyframe_wanted = True
            senders[peer.senders[i]].keyframe_requests += 1


cdef inline void peer_handle_rtcp(
    Peer *peer, Sender *senders, const uint8_t *packet, size_t length, int64_t now_ns
) noexcept nogil:
    """Walk one compound packet (RFC 3550 section 6.1), each part inside its own length."""
    cdef size_t position = 0, end, entry
    cdef int packet_type, count
    cdef StreamStats *stream
    peer.rtcp_received += 1
    while length - position >= 8:
        count = packet[position] & 31
        packet_type = packet[position + 1]
        end = position + 4 * (<size_t>load16(packet + position + 2) + 1)
        if packet[position] >> 6 != 2 or end > length or end - position < 8:
            peer.unknown += 1
            return
        if packet_type == RTCP_SENDER_REPORT and end - position >= 28:
            stream = peer_stream(peer, load32(packet + position + 4))
            if stream != NULL:
                stream.last_report = load32(packet + position + 10)
                stream.last_report_ns = now_ns
        elif packet_type == RTCP_PAYLOAD_FEEDBACK and count == FEEDBACK_PLI and end - position >= 12:
            request_keyframe(peer, senders, load32(packet + position + 8))
        elif packet_type == RTCP_PAYLOAD_FEEDBACK and count == FEEDBACK_FIR:
            entry = position + 12
            while end - entry >= 8 and entry < end:
                request_keyframe(peer, senders, load32(packet + entry))
                entry += 8
        elif packet_type == RTCP_TRANSPORT_FEEDBACK and count == FEEDBACK_NACK:
            entry = position + 12
            while entry < end:
                peer.nacked += 1
                entry += 4
        position = end
