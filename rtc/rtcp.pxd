"""RTCP (RFC 3550 section 6, RFC 4585, RFC 5104, transport-wide feedback): a cursor over compounds, and builders.

A compound is walked item by item with every length checked against what is left; a truncated tail ends the
walk and is counted by the caller. ``rtc/rtcp.pyx`` shows the cursor to Python for tests and fuzzing.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from rtc.rtp cimport load16, load32, store16, store24, store32

cdef enum RtcpType:
    RTCP_SR = 200
    RTCP_RR = 201
    RTCP_SDES = 202
    RTCP_BYE = 203
    RTCP_RTPFB = 205
    RTCP_PSFB = 206

cdef enum RtcpFeedback:
    RTPFB_NACK = 1
    RTPFB_TRANSPORT = 15
    PSFB_PLI = 1
    PSFB_FIR = 4
    PSFB_AFB = 15          # REMB travels here

cdef enum RtcpStatus:
    RTCP_ITEM = 0
    RTCP_END = 1
    RTCP_MALFORMED = 2

cdef struct RtcpItem:
    uint8_t type
    uint8_t count            # report count, source count or feedback format
    uint16_t offset          # of the item's body, behind its four-byte header
    uint16_t length          # of the body, without padding

cdef struct SenderInfo:
    uint32_t ssrc
    uint64_t ntp             # 32.32 fixed point seconds since 1900
    uint32_t rtp_timestamp
    uint32_t packets
    uint32_t octets

cdef struct ReportBlock:
    uint32_t ssrc
    uint8_t fraction_lost    # of 256
    uint32_t cumulative_lost # 24 bits, two's complement
    uint32_t highest_sequence
    uint32_t jitter
    uint32_t last_sr
    uint32_t delay_since_last_sr

cdef enum:
    REPORT_BLOCK_BYTES = 24
    SR_BYTES = 28
    # Feedback reports at most this many packets at once: a feedback packet then stays well under one MTU.
    TRANSPORT_FEEDBACK_PACKETS = 256
    # Headers, a chunk per seven packets, at most two bytes of delta each, padding: 20 + 74 + 512 + 2.
    TRANSPORT_FEEDBACK_BYTES = 608


cdef inline RtcpStatus next_item(const uint8_t* data, size_t length, size_t* position, RtcpItem* item) noexcept nogil:
    """Step to the next item of a compound of ``length`` bytes; ``position`` starts at 0."""
    cdef size_t at = position[0]
    cdef size_t body
    cdef uint8_t padding
    if at == length:
        return RTCP_END
    if length - at < 4 or data[at] >> 6 != 2:
        return RTCP_MALFORMED
    body = 4 * <size_t>load16(data + at + 2)
    if body > length - at - 4:
        return RTCP_MALFORMED
    item.type = data[at + 1]
    item.count = data[at] & 0x1F
    item.offset = <uint16_t>(at + 4)
    item.length = <uint16_t>body
    if data[at] & 0x20:
        padding = data[at + 3 + body] if body else 0
        if padding == 0 or padding > body:
            return RTCP_MALFORMED
        item.length = <uint16_t>(body - padding)
    position[0] = at + 4 + body
    return RTCP_ITEM


cdef inline bint read_sender_info(const uint8_t* body, size_t length, SenderInfo* out) noexcept nogil:
    if length < 24:
        return False
    out.ssrc = load32(body)
    out.ntp = (<uint64_t>load32(body + 4) << 32) | load32(body + 8)
    out.rtp_timestamp = load32(body + 12)
    out.packets = load32(body + 16)
    out.octets = load32(body + 20)
    return True


cdef inline void read_report_block(const uint8_t* at, ReportBlock* out) noexcept nogil:
    """Read the 24 bytes of one report block; the caller has checked that they are there."""
    out.ssrc = load32(at)
    out.fraction_lost = at[4]
    out.cumulative_lost = load32(at + 4) & 0xFFFFFF
    out.highest_sequence = load32(at + 8)
    out.jitter = load32(at + 12)
    out.last_sr = load32(at + 16)
    out.delay_since_last_sr = load32(at + 20)


cdef inline void write_header(uint8_t* out, uint8_t count, uint8_t kind, size_t total_bytes) noexcept nogil:
    out[0] = 0x80 | count
    out[1] = kind
    store16(out + 2, <uint16_t>(total_bytes // 4 - 1))


cdef inline size_t write_sr(uint8_t* out, const SenderInfo* info) noexcept nogil:
    write_header(out, 0, RTCP_SR, SR_BYTES)
    store32(out + 4, info.ssrc)
    store32(out + 8, <uint32_t>(info.ntp >> 32))
    store32(out + 12, <uint32_t>info.ntp)
    store32(out + 16, info.rtp_timestamp)
    store32(out + 20, info.packets)
    store32(out + 24, info.octets)
    return SR_BYTES


cdef inline size_t write_cname(uint8_t* out, uint32_t ssrc, const uint8_t* cname, uint8_t length) noexcept nogil:
    """Write an SDES packet with one CNAME item of ``length`` bytes; return its size, a multiple of four."""
    cdef size_t total = (4 + 4 + 2 + <size_t>length + 1 + 3) // 4 * 4
    cdef size_t i
    for i in range(8 + 2 + <size_t>length, total):
        out[i] = 0
    write_header(out, 1, RTCP_SDES, total)
    store32(out + 4, ssrc)
    out[8] = 1
    out[9] = length
    for i in range(length):
        out[10 + i] = cname[i]
    return total


cdef inline void write_report_block(uint8_t* out, const ReportBlock* block) noexcept nogil:
    store32(out, block.ssrc)
    out[4] = block.fraction_lost
    store24(out + 5, block.cumulative_lost)
    store32(out + 8, block.highest_sequence)
    store32(out + 12, block.jitter)
    store32(out + 16, block.last_sr)
    store32(out + 20, block.delay_since_last_sr)


cdef inline size_t write_feedback(
    uint8_t* out, uint8_t kind, uint8_t feedback_format, uint32_t sender, uint32_t media, size_t fci_bytes
) noexcept nogil:
    """Write the twelve bytes before the feedback control information; return the whole size."""
    write_header(out, feedback_format, kind, 12 + fci_bytes)
    store32(out + 4, sender)
    store32(out + 8, media)
    return 12 + fci_bytes


cdef inline size_t write_transport_feedback(
    uint8_t* out, uint32_t sender, uint32_t media, uint16_t base, uint16_t count, uint8_t feedback_count,
    const int64_t* arrivals_us,
) noexcept nogil:
    """Write one transport-wide feedback packet (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1).

    ``arrivals_us[i]`` is the arrival of packet ``base + i``, -1 where it has not come; at least one has, and
    ``count`` is at most TRANSPORT_FEEDBACK_PACKETS. Deltas count in 250 us from a reference in 64 ms. A delta that
    16 bits cannot hold (over 8 s) reports its packet as not received. ``out`` has TRANSPORT_FEEDBACK_BYTES.
    Returns the size.
    """
    cdef int64_t reference_us = 0, previous, delta
    cdef size_t chunk = 20, deltas, i
    cdef uint32_t symbols = 0, symbol
    for i in range(count):
        if arrivals_us[i] >= 0:
            reference_us = arrivals_us[i] // 64000
            break
    store16(out + 12, base)
    store16(out + 14, count)
    store24(out + 16, <uint32_t>(reference_us & 0xFFFFFF))
    out[19] = feedback_count
    previous = reference_us * 256          # in 250 us, as the deltas are
    deltas = chunk + 2 * ((<size_t>count + 6) // 7)
    for i in range(count):
        symbol = 0
        if arrivals_us[i] >= 0:
            delta = arrivals_us[i] // 250 - previous
            if 0 <= delta <= 255:
                symbol = 1
                out[deltas] = <uint8_t>delta
                deltas += 1
            elif -32768 <= delta <= 32767:
                symbol = 2
                store16(out + deltas, <uint16_t>delta)
                deltas += 2
            if symbol:
                previous += delta
        symbols |= symbol << (12 - 2 * (i % 7))
        if i % 7 == 6 or i + 1 == count:
            store16(out + chunk, <uint16_t>(0xC000 | symbols))   # status vector chunk of two-bit symbols
            chunk += 2
            symbols = 0
    while deltas % 4:
        out[deltas] = 0
        deltas += 1
    write_feedback(out, RTCP_RTPFB, RTPFB_TRANSPORT, sender, media, deltas - 12)
    return deltas


cdef inline bint read_transport_feedback(
    const uint8_t* fci, size_t length, uint32_t* received, uint32_t* lost
) noexcept nogil:
    """Count what a transport-wide feedback says arrived and did not; False where it is malformed."""
    cdef size_t at = 8, deltas = 0
    cdef uint32_t left, run, i, symbol
    cdef uint16_t chunk
    received[0] = 0
    lost[0] = 0
    if length < 8:
        return False
    left = load16(fci + 2)
    if left == 0:
        return False
    while left:
        if length - at < 2:
            return False
        chunk = load16(fci + at)
        at += 2
        if chunk & 0x8000 == 0:                # run length
            run = chunk & 0x1FFF
            symbol = (chunk >> 13) & 3
            if run == 0 or run > left or symbol == 3:
                return False
            left -= run
            deltas += run * symbol
            if symbol:
                received[0] += run
            else:
                lost[0] += run
        else:
            run = 7 if chunk & 0x4000 else 14
            if run > left:
                run = left
            for i in range(run):
                symbol = (chunk >> (12 - 2 * i)) & 3 if chunk & 0x4000 else (chunk >> (13 - i)) & 1
                if symbol == 3:
                    return False
                deltas += symbol
                if symbol:
                    received[0] += 1
                else:
                    lost[0] += 1
            left -= run
    return deltas <= length - at
