"""Retransmission (RFC 4588): packets kept for those who miss one, and RTX packets turned into what they repair."""

from libc.stdint cimport uint8_t
from libc.stdlib cimport calloc
from libc.string cimport memcpy, memmove
from rtc.rtp cimport load16, store16, store32
from sfu.rewrite cimport Inbound
from sfu.table cimport HISTORY_PACKETS, HistoryEntry, Source


cdef inline void unwrap_repair(Inbound* packet, Source* source, uint8_t payload_type) noexcept nogil:
    """Make an RTX packet of at least 2 payload bytes the packet of ``source`` that it carries (RFC 4588 section 4)."""
    packet.header.sequence_number = load16(packet.data + packet.header.payload_offset)
    packet.header.ssrc = source.ssrc
    packet.header.payload_type = payload_type
    memmove(packet.data + 2, packet.data, packet.header.payload_offset)
    packet.data += 2
    packet.length -= 2
    packet.header.payload_bytes -= 2
    packet.data[1] = <uint8_t>(packet.header.marker << 7 | payload_type)
    store16(packet.data + 2, packet.header.sequence_number)
    store32(packet.data + 8, source.ssrc)


cdef inline void remember(Source* source, const Inbound* inbound) noexcept nogil:
    """Keep this batch's packets of a video source; ``inbound`` is the batch."""
    cdef int index = source.batch_first
    cdef HistoryEntry* entry
    if not source.video:
        return
    if source.history == NULL:
        source.history = <HistoryEntry*>calloc(HISTORY_PACKETS, sizeof(HistoryEntry))
        if source.history == NULL:
            return
    while index >= 0:
        entry = &source.history[inbound[index].header.sequence_number % HISTORY_PACKETS]
        entry.sequence_number = inbound[index].header.sequence_number
        entry.length = inbound[index].length
        memcpy(entry.data, inbound[index].data, entry.length)
        index = inbound[index].next
