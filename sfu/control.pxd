"""RTCP of both directions: what subscribers ask for and report, and the sender reports that they get.

Inline parts of the walk: each takes the ``Walk`` whose counters, events and output it uses.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from rtc.payload cimport read_payload
from rtc.rtcp cimport (
    PSFB_FIR, PSFB_PLI, REPORT_BLOCK_BYTES, RTCP_ITEM, RTCP_MALFORMED, RTCP_PSFB, RTCP_RR, RTCP_RTPFB, RTCP_SR,
    RTPFB_NACK, RTPFB_TRANSPORT, SR_BYTES, ReportBlock, RtcpItem, RtcpStatus, SenderInfo, next_item,
    read_report_block, read_sender_info, read_transport_feedback, write_cname, write_sr,
)
from rtc.rtp cimport RTP_OK, find_extensions, load16, load32, parse_rtp, store16, store32
from rtc.srtp cimport protect_rtcp, protect_rtp, unprotect_rtcp
from sfu.output cimport commit, next_slot
from sfu.rewrite cimport Inbound, Template, build_template, is_before_start, patch_payload
from sfu.table cimport *
from sfu.walk cimport EVENT_KEYFRAME_WANTED, EVENTS, EventKind, Walk

cdef enum:
    # The sender reports' clock is ours: a publisher's clock is mapped onto it once, and again when it jumps.
    CLOCK_JUMP_US = 500_000
    SRTCP_LEAST_BYTES = 8 + 4 + 10
    NTP_UNIX_SECONDS = 2208988800


cdef inline uint64_t ntp_of(int64_t us) noexcept nogil:
    """Our clock (monotonic: receivers only compare its readings) as NTP's 32.32 fixed point."""
    return (<uint64_t>(us // 1_000_000 + NTP_UNIX_SECONDS) << 32) | ((<uint64_t>(us % 1_000_000) << 32) // 1_000_000)


cdef inline int64_t from_ntp(uint64_t ntp) noexcept nogil:
    return (<int64_t>(ntp >> 32) - NTP_UNIX_SECONDS) * 1_000_000 + <int64_t>(<uint64_t><uint32_t>ntp * 1_000_000 >> 32)


cdef inline Consumer* consumer_by_ssrc(Peer* peer, uint32_t ssrc) noexcept nogil:
    """Find one of this peer's slots; another peer's slots cannot be named."""
    cdef int i
    for i in range(peer.consumer_count):
        if peer.consumers[i].ssrc == ssrc:
            return peer.consumers[i]
    return NULL


cdef inline void raise_event(Walk walk, EventKind kind, Source* source) noexcept nogil:
    if kind == EVENT_KEYFRAME_WANTED:
        if source.keyframe_wanted:
            return
        source.keyframe_wanted = 1
    if walk.event_count < EVENTS:
        walk.events[walk.event_count].kind = kind
        walk.events[walk.event_count].source_id = source.id
        walk.event_count += 1
    elif kind == EVENT_KEYFRAME_WANTED:
        source.keyframe_wanted = 0


cdef inline void send_rtcp(Walk walk, Peer* peer, uint8_t* packet, size_t length) noexcept nogil:
    cdef uint8_t* out
    cdef int size = <int>length
    if not peer.sendable:
        return
    out = next_slot(&walk.out)
    memcpy(out, packet, length)
    if protect_rtcp(peer.tx, out, &size) == 0:
        commit(&walk.out, peer, size)
    else:
        walk.drops[<int>DROP_PROTECT] += 1


cdef inline void retransmit(Walk walk, Peer* peer, uint32_t ssrc, uint16_t sequence, int64_t now_us) noexcept nogil:
    """Answer one NACKed sequence number of one slot (RFC 4588)."""
    cdef Consumer* consumer = consumer_by_ssrc(peer, ssrc)
    cdef Inbound packet
    cdef Template* template = &walk.templates[0]
    cdef HistoryEntry* entry
    cdef uint8_t payload_type
    cdef uint8_t* out
    cdef int size
    cdef uint16_t original
    if consumer == NULL or consumer.source == NULL or consumer.source.history == NULL or consumer.rebase:
        walk.drops[<int>DROP_NACK_UNKNOWN] += 1
        return
    original = <uint16_t>(sequence - consumer.sequence_offset)
    entry = &consumer.source.history[original % HISTORY_PACKETS]
    if entry.length == 0 or entry.sequence_number != original or not peer.sendable:
        walk.drops[<int>DROP_NACK_UNKNOWN] += 1
        return
    if peer.retransmission_credit < entry.length:
        walk.drops[<int>DROP_NACK_LIMITED] += 1
        return
    if parse_rtp(entry.data, entry.length, &packet.header) != RTP_OK:
        return
    if not find_extensions(entry.data, &packet.header, &packet.extensions):
        return
    packet.data = entry.data
    packet.source = consumer.source
    packet.codec_number = consumer.source.peer.codec_numbers[packet.header.payload_type]
    packet.restart = False
    if packet.codec_number == 0xFF:
        return
    payload_type = consumer.rtx_payload_type[packet.codec_number]
    if payload_type == 0xFF or consumer.rtx_ssrc == 0:
        walk.drops[<int>DROP_NACK_UNKNOWN] += 1
        return
    read_payload(
        walk.codec_kinds[packet.codec_number], entry.data + packet.header.payload_offset,
        packet.header.payload_bytes, &packet.payload,
    )
    build_template(template, &packet, peer.profile, <uint32_t>((now_us << 18) // 1_000_000) & 0xFFFFFF)
    if is_before_start(consumer, template):
        walk.drops[<int>DROP_NACK_UNKNOWN] += 1
        return
    peer.retransmission_credit -= entry.length
    out = next_slot(&walk.out)
    memcpy(out, template.data, template.payload_offset)
    memcpy(out + template.payload_offset + 2, template.data + template.payload_offset,
           template.payload_end - template.payload_offset)
    store16(out + template.payload_offset, sequence)
    out[1] = <uint8_t>(template.marker << 7 | payload_type)
    store16(out + 2, consumer.rtx_sequence)
    consumer.rtx_sequence += 1
    store32(out + 4, template.timestamp + consumer.timestamp_offset)
    store32(out + 8, consumer.rtx_ssrc)
    if template.transport_offset:
        store16(out + template.transport_offset, peer.transport_sequence)
        peer.transport_sequence += 1
    patch_payload(consumer, template, out + template.payload_offset + 2)
    size = template.payload_end + 2
    if protect_rtp(peer.tx, out, &size) == 0:
        commit(&walk.out, peer, size)
        walk.retransmitted_packets += 1


cdef inline void sender_report(Walk walk, Peer* peer, const uint8_t* body, size_t length, int64_t now_us) noexcept nogil:
    """Map the publisher's clock onto ours and send each subscriber its own report (lip sync, RFC 3550 6.4.1)."""
    cdef SenderInfo info, own
    cdef Source* source = NULL
    cdef Consumer* consumer
    cdef int64_t theirs_us
    cdef uint32_t i
    cdef uint8_t packet[SR_BYTES + 12 + CNAME_BYTES + 4]
    if not read_sender_info(body, length, &info):
        walk.drops[<int>DROP_RTCP_MALFORMED] += 1
        return
    for i in range(peer.source_count):
        if peer.sources[i].ssrc == info.ssrc:
            source = peer.sources[i]
    if source == NULL or source.primary != NULL:
        walk.drops[<int>DROP_RTCP_UNKNOWN_SSRC] += 1
        return
    source.last_sr_ntp = info.ntp
    source.last_sr_us = now_us
    theirs_us = from_ntp(info.ntp)
    # One mapping for all streams of a peer: what matters is that sound and picture share it.
    if not peer.clock_known or not -CLOCK_JUMP_US < theirs_us + peer.clock_offset_us - now_us < CLOCK_JUMP_US:
        peer.clock_known = 1
        peer.clock_offset_us = now_us - theirs_us
    own.ntp = ntp_of(now_us)
    for i in range(source.consumer_count):
        consumer = source.consumers[i]
        if consumer.rebase or not consumer.started or not consumer.peer.sendable:
            continue
        own.ssrc = consumer.ssrc
        own.rtp_timestamp = info.rtp_timestamp + consumer.timestamp_offset + <uint32_t>(
            (now_us - theirs_us - peer.clock_offset_us) * <int64_t>source.clock_rate // 1_000_000
        )
        own.packets = consumer.packets
        own.octets = consumer.octets
        consumer.last_sr_ntp = own.ntp
        write_sr(packet, &own)
        send_rtcp(walk, 
            consumer.peer, packet,
            SR_BYTES + write_cname(packet + SR_BYTES, consumer.ssrc, consumer.cname, consumer.cname_bytes),
        )


cdef inline void report_block(Walk walk, Peer* peer, const uint8_t* at, int64_t now_us) noexcept nogil:
    """Note what a subscriber says of one of its slots."""
    cdef ReportBlock block
    cdef Consumer* consumer
    cdef uint32_t elapsed
    read_report_block(at, &block)
    consumer = consumer_by_ssrc(peer, block.ssrc)
    if consumer == NULL:
        walk.drops[<int>DROP_RTCP_UNKNOWN_SSRC] += 1
        return
    consumer.fraction_lost = block.fraction_lost
    consumer.cumulative_lost = block.cumulative_lost
    consumer.jitter = block.jitter
    if block.last_sr and block.last_sr == <uint32_t>(consumer.last_sr_ntp >> 16):
        elapsed = <uint32_t>(ntp_of(now_us) >> 16) - block.last_sr - block.delay_since_last_sr
        if elapsed < 65536 * 10:
            consumer.round_trip_us = <uint32_t>(<uint64_t>elapsed * 1_000_000 >> 16)


cdef inline void feedback(
    Walk walk, Peer* peer, int kind, int fmt, const uint8_t* body, size_t length, int64_t now_us
) noexcept nogil:
    """NACK, PLI, FIR and transport-wide feedback of a subscriber."""
    cdef Consumer* consumer
    cdef size_t at
    cdef uint32_t received = 0, lost = 0, media
    cdef uint16_t sequence, more
    cdef int bit
    if length < 8:
        walk.drops[<int>DROP_RTCP_MALFORMED] += 1
        return
    media = load32(body + 4)
    if kind == RTCP_RTPFB and fmt == RTPFB_TRANSPORT:
        if read_transport_feedback(body + 8, length - 8, &received, &lost):
            peer.feedback_received += received
            peer.feedback_lost += lost
        else:
            walk.drops[<int>DROP_RTCP_MALFORMED] += 1
    elif kind == RTCP_RTPFB and fmt == RTPFB_NACK:
        at = 8
        while length - at >= 4:
            sequence = load16(body + at)
            more = load16(body + at + 2)
            retransmit(walk, peer, media, sequence, now_us)
            for bit in range(16):
                if more >> bit & 1:
                    retransmit(walk, peer, media, <uint16_t>(sequence + bit + 1), now_us)
            at += 4
    elif kind == RTCP_PSFB and (fmt == PSFB_PLI or fmt == PSFB_FIR):
        if fmt == PSFB_FIR and length >= 12:
            media = load32(body + 8)
        consumer = consumer_by_ssrc(peer, media)
        if consumer == NULL or consumer.source == NULL:
            walk.drops[<int>DROP_RTCP_UNKNOWN_SSRC] += 1
        elif consumer.source.video:
            raise_event(walk, EVENT_KEYFRAME_WANTED, consumer.source)
    else:
        walk.drops[<int>DROP_RTCP_IGNORED] += 1        # REMB and others: a subscriber's word changes nothing


cdef inline void receive_rtcp(Walk walk, Peer* peer, uint8_t* data, size_t length, int64_t now_us) noexcept nogil:
    cdef int size = <int>length
    cdef int i
    cdef size_t position = 0
    cdef RtcpItem item
    cdef RtcpStatus status = RTCP_ITEM
    if length < SRTCP_LEAST_BYTES:
        walk.drops[<int>DROP_RTCP_MALFORMED] += 1
        return
    i = unprotect_rtcp(peer.rx, data, &size)
    if i != 0:
        walk.drops[<int>DROP_SRTP_TAG if i == 7 else <int>DROP_SRTP_REPLAY if 9 <= i <= 10
                   else <int>DROP_SRTP_OTHER] += 1
        return
    while True:
        status = next_item(data, size, &position, &item)
        if status != RTCP_ITEM:
            break
        if item.type == RTCP_SR:
            sender_report(walk, peer, data + item.offset, item.length, now_us)
            for i in range(item.count):
                if 24 + (i + 1) * REPORT_BLOCK_BYTES <= item.length:
                    report_block(walk, peer, data + item.offset + 24 + i * REPORT_BLOCK_BYTES, now_us)
        elif item.type == RTCP_RR:
            for i in range(item.count):
                if 4 + (i + 1) * REPORT_BLOCK_BYTES <= item.length:
                    report_block(walk, peer, data + item.offset + 4 + i * REPORT_BLOCK_BYTES, now_us)
        elif item.type == RTCP_RTPFB or item.type == RTCP_PSFB:
            feedback(walk, peer, item.type, item.count, data + item.offset, item.length, now_us)
        else:
            # SDES says nothing we use; BYE ends nothing: streams end by signalling, which cannot be forged.
            walk.drops[<int>DROP_RTCP_IGNORED] += 1
    if status == RTCP_MALFORMED:
        walk.drops[<int>DROP_RTCP_MALFORMED] += 1
