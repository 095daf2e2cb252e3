"""From a source's packet to a consumer's: the work done once per source, then the few fields that differ.

A ``Template`` is a packet as every consumer of one header-extension layout gets it. Per consumer it is copied and
patched: payload type, sequence number, timestamp, SSRC, transport-wide sequence number and, after a switch of
source, the VP8/VP9 running numbers.
"""

from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset
from rtc.payload cimport PayloadInfo
from rtc.rtp cimport RtpExtensions, RtpHeader, store16, store24, store32
from rtc.udp cimport prefetch
from sfu.table cimport (
    EXT_ABS_CAPTURE_TIME, EXT_ABS_SEND_TIME, EXT_AUDIO_LEVEL, EXT_DEPENDENCY_DESCRIPTOR, EXT_KINDS,
    EXT_TRANSPORT_SEQUENCE, EXT_VIDEO_ORIENTATION, MAX_PACKET_BYTES, Consumer, Profile, Source,
)

cdef enum:
    # Rewriting may grow a packet by the extensions that we add: a header, two elements, their padding.
    TEMPLATE_BYTES = MAX_PACKET_BYTES + 64
    # Packets of one frame differ by a byte in browsers' packetisers and by an element where only the frame's
    # last packet carries it; padding up to this makes them one train. It costs under 0.2 % of the bytes.
    EQUALISE_BYTES = 16
    # Late packets of before a switch are expected for this many sequence numbers after it.
    GUARD_PACKETS = 2048

cdef struct Inbound:
    uint8_t* data
    uint16_t length
    uint8_t codec_number
    RtpHeader header
    RtpExtensions extensions
    PayloadInfo payload
    Source* source
    int next                        # of the same source in this batch, -1 for none
    bint restart                    # the source's numbers jumped here

cdef struct Template:
    uint16_t length
    uint16_t payload_offset
    uint16_t transport_offset       # of the transport-wide sequence number, 0 where there is none
    uint16_t sequence_number
    uint16_t payload_end            # without padding
    uint8_t marker
    uint8_t codec_number
    uint8_t restart
    uint32_t timestamp
    PayloadInfo payload
    uint8_t data[TEMPLATE_BYTES]


cdef inline bint _carried(int kind) noexcept nogil:
    """Whether an element's value travels from publisher to subscriber as it is."""
    return (
        kind == EXT_AUDIO_LEVEL or kind == EXT_VIDEO_ORIENTATION or kind == EXT_ABS_CAPTURE_TIME
        or kind == EXT_DEPENDENCY_DESCRIPTOR
    )


cdef inline void build_template(
    Template* t, const Inbound* packet, const Profile* profile, uint32_t send_time
) noexcept nogil:
    """Lay out the packet for one header-extension layout; ``send_time`` is abs-send-time's 24 bits."""
    cdef const uint8_t* kinds = packet.source.peer.kinds
    cdef size_t at = 16
    cdef int i
    cdef uint8_t identifier, length
    cdef bint two_byte = False
    for i in range(1, 16):
        if packet.extensions.length[i] > 16 and _carried(kinds[i]) and profile.ids[kinds[i]]:
            two_byte = True       # a dependency descriptor with its structure does not fit the one-byte form
    t.transport_offset = 0
    identifier = profile.ids[<int>EXT_TRANSPORT_SEQUENCE]
    if identifier:
        if two_byte:
            t.data[at] = identifier
            t.data[at + 1] = 2
            at += 2
        else:
            t.data[at] = <uint8_t>(identifier << 4 | 1)
            at += 1
        t.transport_offset = <uint16_t>at
        at += 2
    identifier = profile.ids[<int>EXT_ABS_SEND_TIME]
    if identifier:
        if two_byte:
            t.data[at] = identifier
            t.data[at + 1] = 3
            at += 2
        else:
            t.data[at] = <uint8_t>(identifier << 4 | 2)
            at += 1
        store24(t.data + at, send_time)
        at += 3
    for i in range(1, 16):
        length = packet.extensions.length[i]
        if length == 0 or not _carried(kinds[i]):
            continue
        identifier = profile.ids[kinds[i]]
        if identifier == 0 or at + length > 16 + 300:
            continue
        if at + 2 + length + packet.header.payload_bytes + 3 > TEMPLATE_BYTES - 32:
            continue              # no room to grow: an optional element is worth less than the packet
        if two_byte:
            t.data[at] = identifier
            t.data[at + 1] = length
            at += 2
        else:
            t.data[at] = <uint8_t>(identifier << 4 | (length - 1))
            at += 1
        memcpy(t.data + at, packet.data + packet.extensions.offset[i], length)
        at += length
    if at == 16:                  # no element: no block
        at = 12
        t.data[0] = 0x80
    else:
        while at % 4:
            t.data[at] = 0
            at += 1
        t.data[0] = 0x90
        store16(t.data + 12, 0x1000 if two_byte else 0xBEDE)
        store16(t.data + 14, <uint16_t>((at - 16) // 4))
    memcpy(t.data + at, packet.data + packet.header.payload_offset, packet.header.payload_bytes)
    t.payload_offset = <uint16_t>at
    t.payload_end = <uint16_t>(at + packet.header.payload_bytes)
    t.length = t.payload_end
    t.sequence_number = packet.header.sequence_number
    t.timestamp = packet.header.timestamp
    t.marker = packet.header.marker
    t.codec_number = packet.codec_number
    t.restart = packet.restart
    t.payload = packet.payload


cdef inline void equalise(Template* templates, int count) noexcept nogil:
    """Pad the packets of each frame to its longest, so that the frame makes one train (RFC 3550 section 5.1, P)."""
    cdef int first = 0, last, i
    cdef uint16_t longest, missing
    while first < count:
        last = first
        longest = templates[first].length
        while last + 1 < count and templates[last + 1].timestamp == templates[first].timestamp:
            last += 1
            if templates[last].length > longest:
                longest = templates[last].length
        for i in range(first, last):           # the last packet of a train may be shorter
            missing = longest - templates[i].length
            if 0 < missing <= EQUALISE_BYTES:
                memset(templates[i].data + templates[i].length, 0, missing - 1)
                templates[i].data[longest - 1] = <uint8_t>missing
                templates[i].data[0] |= 0x20
                templates[i].length = longest
        first = last + 1


cdef inline void rebase(Consumer* c, const Template* t, uint32_t clock_rate, int64_t now_us) noexcept nogil:
    """Choose the offsets so that this packet continues the slot's own numbers."""
    cdef uint32_t step
    if c.started:
        c.sequence_offset = <uint16_t>(c.last_sequence + 1 - t.sequence_number)
        step = <uint32_t>((now_us - c.last_sent_us) * clock_rate // 1_000_000)
        c.timestamp_offset = c.last_timestamp + (step if step else 1) - t.timestamp
    else:
        # A first sequence number far from the wrap: a receiver that loses the first packets still guesses the
        # rollover counter right (RFC 3711 section 3.3.1).
        c.sequence_offset = <uint16_t>(1 - t.sequence_number)
        c.timestamp_offset = 0
        c.last_sequence = 0
    c.picture_offset = 0
    c.tl0_offset = 0
    if c.picture_started and t.payload.picture_id_bits:
        c.picture_offset = <uint16_t>(c.last_picture + 1 - t.payload.picture_id)
    if c.picture_started and t.payload.has_tl0:
        c.tl0_offset = <uint8_t>(c.last_tl0 + 1 - t.payload.tl0)
    if not c.guard:
        c.first_sequence = t.sequence_number
        c.guard = 1
    c.rebase = 0


cdef inline bint is_before_start(Consumer* c, const Template* t) noexcept nogil:
    """Whether the packet is a late one of before this consumer began to show its source."""
    cdef int16_t since_start
    if not c.guard:
        return False
    since_start = <int16_t>(t.sequence_number - c.first_sequence)
    if since_start >= GUARD_PACKETS:
        c.guard = 0
    return since_start < 0


cdef inline void patch_payload(Consumer* c, const Template* t, uint8_t* payload) noexcept nogil:
    """Shift the VP8/VP9 picture id and TL0PICIDX by this showing's offsets."""
    cdef uint16_t picture
    if t.payload.picture_id_bits == 15 and c.picture_offset:
        picture = (t.payload.picture_id + c.picture_offset) & 0x7FFF
        store16(payload + t.payload.picture_id_offset, 0x8000 | picture)
    elif t.payload.picture_id_bits == 7 and c.picture_offset:
        payload[t.payload.picture_id_offset] = <uint8_t>((t.payload.picture_id + c.picture_offset) & 0x7F)
    if t.payload.has_tl0 and c.tl0_offset:
        payload[t.payload.tl0_offset] = <uint8_t>(t.payload.tl0 + c.tl0_offset)


cdef inline void patch(Consumer* c, const Template* t, uint8_t* out, uint8_t payload_type) noexcept nogil:
    """Turn a copy of the template into this consumer's packet; the caller has checked the payload type."""
    out[1] = <uint8_t>(t.marker << 7 | payload_type)
    store16(out + 2, <uint16_t>(t.sequence_number + c.sequence_offset))
    store32(out + 4, t.timestamp + c.timestamp_offset)
    store32(out + 8, c.ssrc)
    if t.transport_offset:
        store16(out + t.transport_offset, c.peer.transport_sequence)
        c.peer.transport_sequence += 1
    if c.picture_offset or c.tl0_offset:
        patch_payload(c, t, out + t.payload_offset)


cdef inline void note_sent(Consumer* c, const Template* t, int64_t now_us) noexcept nogil:
    """Remember where the slot's numbers stand."""
    cdef uint16_t sequence = <uint16_t>(t.sequence_number + c.sequence_offset)
    c.packets += 1
    c.octets += t.payload_end - t.payload_offset
    c.last_sent_us = now_us
    if not c.started or <int16_t>(sequence - c.last_sequence) > 0:
        c.started = 1
        c.last_sequence = sequence
        c.last_timestamp = t.timestamp + c.timestamp_offset
        if t.payload.picture_id_bits:
            c.picture_started = 1
            c.last_picture = <uint16_t>(t.payload.picture_id + c.picture_offset)
        if t.payload.has_tl0:
            c.last_tl0 = <uint8_t>(t.payload.tl0 + c.tl0_offset)


cdef inline void prefetch_consumers(Consumer** coming) noexcept nogil:
    """Fetch what the next three consumers will touch while this one's packets are encrypted, a step for each."""
    prefetch(coming[0].peer.tx)
    prefetch(coming[1].peer)
    prefetch(<char*>coming[1].peer + 64)
    prefetch(coming[2])
    prefetch(<char*>coming[2] + 64)
    prefetch(<char*>coming[2] + 128)
