"""One step of a sender: write, encrypt and send the packets that are due, and say when the next are."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from loadtest.bankcalls cimport CLOCK_REALTIME, alltid_clock_ns
from loadtest.clip cimport ClipFrame, ClipPacket
from loadtest.peer cimport Peer, Sender
from loadtest.rtpwrite cimport SENT_HEADER_BYTES, ntp_from_realtime, write_rtp_header
from rtc.srtp cimport protect_rtp
from rtc.udp cimport iovec, mmsghdr, sendmmsg

cdef enum:
    SEND_BATCH = 32
    SEND_SLOT_BYTES = 2048
    PACER_TICK_NS = 5_000_000         # libwebrtc's pacer sends a burst every 5 ms
    LATE_NS = 100_000_000
    AUDIO_LEVEL = 30                  # -dBov of normal speech

ctypedef struct SendBuffers:
    uint8_t *slots                    # SEND_BATCH of SEND_SLOT_BYTES
    mmsghdr messages[SEND_BATCH]
    iovec vectors[SEND_BATCH]


cdef inline void flush_packets(Peer *peer, Sender *sender, SendBuffers *buffers, int count) noexcept nogil:
    cdef int sent, done = 0
    while done < count:
        sent = sendmmsg(peer.fd, buffers.messages + done, count - done, 0)
        if sent <= 0:
            sender.refused += 1
            sent = 1
        done += sent


cdef inline void send_packets(Peer *peer, Sender *sender, SendBuffers *buffers, int first, int count) noexcept nogil:
    """Packets ``first`` to ``first + count`` of the current frame."""
    cdef const ClipFrame *frame = &sender.frames[sender.frame]
    cdef const ClipPacket *source
    cdef uint8_t *packet
    cdef int i, length, filled = 0
    for i in range(first, first + count):
        source = &sender.packets[frame.first_packet + i]
        packet = buffers.slots + filled * SEND_SLOT_BYTES
        write_rtp_header(
            packet, sender.payload_type, not sender.is_video or i == frame.packet_count - 1, sender.sequence,
            sender.timestamp, sender.ssrc, sender.mid, peer.transport_sequence, -1 if sender.is_video else AUDIO_LEVEL,
            ntp_from_realtime(alltid_clock_ns(CLOCK_REALTIME)), peer.extension_mask,
        )
        memcpy(packet + SENT_HEADER_BYTES, sender.data + source.offset, source.length)
        if sender.is_video:
            packet[SENT_HEADER_BYTES + 2] = <uint8_t>(0x80 | (sender.picture_id >> 8 & 0x7F))
            packet[SENT_HEADER_BYTES + 3] = <uint8_t>sender.picture_id
        sender.sequence += 1
        peer.transport_sequence += 1
        sender.packets_sent += 1
        sender.octets_sent += source.length
        length = SENT_HEADER_BYTES + source.length
        if protect_rtp(peer.tx, packet, &length) != 0:
            sender.refused += 1
            continue
        buffers.vectors[filled].iov_len = length
        filled += 1
        if filled == SEND_BATCH:
            flush_packets(peer, sender, buffers, filled)
            filled = 0
    flush_packets(peer, sender, buffers, filled)


cdef inline int64_t sender_step(Peer *peer, Sender *sender, SendBuffers *buffers, int64_t now_ns) noexcept nogil:
    """Send what is due; returns when to be called again (maybe at once: a time in the past)."""
    cdef const ClipFrame *frame
    cdef int count
    if sender.sent_of_frame == 0:
        if now_ns - sender.frame_due_ns > LATE_NS:
            sender.frames_skipped += 1
            sender.frame_due_ns = now_ns
        if sender.keyframe_wanted:
            sender.keyframe_wanted = False
            sender.frame = 0
    frame = &sender.frames[sender.frame]
    count = frame.packet_count - sender.sent_of_frame
    if sender.packets_per_tick:
        count = min(count, sender.packets_per_tick)
    send_packets(peer, sender, buffers, sender.sent_of_frame, count)
    sender.sent_of_frame += count
    if sender.sent_of_frame < frame.packet_count:
        return now_ns + PACER_TICK_NS
    sender.sent_of_frame = 0
    sender.frames_sent += 1
    sender.timestamp += frame.duration
    sender.picture_id += 1
    sender.frame = (sender.frame + 1) % sender.frame_count
    sender.frame_due_ns += <int64_t>(<double>frame.duration * 1e9 / (sender.clock_rate * sender.rate))
    return sender.frame_due_ns
