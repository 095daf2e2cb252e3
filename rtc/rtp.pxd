"""RTP headers (RFC 3550 section 5.1) and header extensions (RFC 8285), read in place and bounds-checked.

Inline, so that each reader is compiled into the loop that uses it. ``rtc/rtp.pyx`` shows the same functions to
Python for tests and rare packets; ``tests/reference/rtp.py`` is their slow twin.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

cdef enum RtpStatus:
    RTP_OK = 0
    RTP_SHORT = 1               # fewer bytes than the header says
    RTP_VERSION = 2             # not version 2
    RTP_EXTENSION_OVERRUN = 3   # the extension block runs past the packet
    RTP_PADDING = 4             # padding of zero bytes, or more than there is payload

cdef enum:
    RTP_HEADER_BYTES = 12
    EXTENSION_ONE_BYTE = 0xBEDE
    EXTENSION_TWO_BYTE = 0x1000
    # Ids that are looked up. The one-byte form has 1 to 14; answers never accept an id above.
    EXTENSION_IDS = 16

cdef struct RtpHeader:
    uint8_t payload_type
    uint8_t marker
    uint8_t padding_bytes
    uint16_t sequence_number
    uint32_t timestamp
    uint32_t ssrc
    uint16_t extension_profile   # 0 where there is no extension block
    uint16_t extension_offset    # of the first element
    uint16_t extension_bytes
    uint16_t payload_offset
    uint16_t payload_bytes       # without padding

cdef struct RtpExtensions:
    uint16_t offset[EXTENSION_IDS]   # of the element's value from the packet's start; 0 where absent
    uint8_t length[EXTENSION_IDS]


cdef inline uint16_t load16(const uint8_t* at) noexcept nogil:
    return <uint16_t>((at[0] << 8) | at[1])


cdef inline uint32_t load24(const uint8_t* at) noexcept nogil:
    return (<uint32_t>at[0] << 16) | (<uint32_t>at[1] << 8) | at[2]


cdef inline uint32_t load32(const uint8_t* at) noexcept nogil:
    return (<uint32_t>at[0] << 24) | (<uint32_t>at[1] << 16) | (<uint32_t>at[2] << 8) | at[3]


cdef inline uint64_t load64(const uint8_t* at) noexcept nogil:
    return (<uint64_t>load32(at) << 32) | load32(at + 4)


cdef inline void store16(uint8_t* at, uint16_t value) noexcept nogil:
    at[0] = <uint8_t>(value >> 8)
    at[1] = <uint8_t>value


cdef inline void store24(uint8_t* at, uint32_t value) noexcept nogil:
    at[0] = <uint8_t>(value >> 16)
    at[1] = <uint8_t>(value >> 8)
    at[2] = <uint8_t>value


cdef inline void store32(uint8_t* at, uint32_t value) noexcept nogil:
    at[0] = <uint8_t>(value >> 24)
    at[1] = <uint8_t>(value >> 16)
    at[2] = <uint8_t>(value >> 8)
    at[3] = <uint8_t>value


cdef inline RtpStatus parse_rtp(const uint8_t* data, size_t length, RtpHeader* header) noexcept nogil:
    """Read the fixed header, CSRC list, extension block bounds and padding of one packet of ``length`` bytes."""
    cdef size_t position, extension_bytes
    if length < RTP_HEADER_BYTES:
        return RTP_SHORT
    if data[0] >> 6 != 2:
        return RTP_VERSION
    position = RTP_HEADER_BYTES + 4 * <size_t>(data[0] & 0x0F)
    if position > length:
        return RTP_SHORT
    header.extension_profile = 0
    header.extension_offset = 0
    header.extension_bytes = 0
    if data[0] & 0x10:
        if length - position < 4:
            return RTP_EXTENSION_OVERRUN
        header.extension_profile = load16(data + position)
        extension_bytes = 4 * <size_t>load16(data + position + 2)
        position += 4
        if length - position < extension_bytes:
            return RTP_EXTENSION_OVERRUN
        header.extension_offset = <uint16_t>position
        header.extension_bytes = <uint16_t>extension_bytes
        position += extension_bytes
    header.padding_bytes = 0
    if data[0] & 0x20:
        header.padding_bytes = data[length - 1]
        if header.padding_bytes == 0 or header.padding_bytes > length - position:
            return RTP_PADDING
    header.marker = data[1] >> 7
    header.payload_type = data[1] & 0x7F
    header.sequence_number = load16(data + 2)
    header.timestamp = load32(data + 4)
    header.ssrc = load32(data + 8)
    header.payload_offset = <uint16_t>position
    header.payload_bytes = <uint16_t>(length - position - header.padding_bytes)
    return RTP_OK


cdef inline bint find_extensions(const uint8_t* data, const RtpHeader* header, RtpExtensions* out) noexcept nogil:
    """Note where each element of the extension block lies; False where an element overruns the block.

    Elements with ids that are never negotiated (in the one-byte form 15, and 0 with a length, end the block: RFC 8285 section 4.2)
    are passed over; of a repeated id the last counts. ``header`` must come from ``parse_rtp`` of the same packet.
    """
    cdef size_t position = header.extension_offset
    cdef size_t end = position + header.extension_bytes
    cdef size_t length
    cdef uint8_t identifier
    memset(out, 0, sizeof(RtpExtensions))
    if header.extension_profile == EXTENSION_ONE_BYTE:
        while position < end:
            identifier = data[position] >> 4
            length = (data[position] & 0x0F) + 1
            position += 1
            if identifier == 0 and length == 1:      # padding
                continue
            if identifier == 0 or identifier == 15:
                break
            if length > end - position:
                return False
            out.offset[identifier] = <uint16_t>position
            out.length[identifier] = <uint8_t>length
            position += length
    elif header.extension_profile & 0xFFF0 == EXTENSION_TWO_BYTE:
        while position < end:
            identifier = data[position]
            position += 1
            if identifier == 0:
                continue
            if position == end:
                return False
            length = data[position]
            position += 1
            if length > end - position:
                return False
            if identifier < EXTENSION_IDS and length > 0:
                out.offset[identifier] = <uint16_t>position
                out.length[identifier] = <uint8_t>length
            position += length
    return True
