"""The RTP header of a sent packet: 32 bytes, the same on every packet of a stream, as a browser's are.

Fixed header (12), one-byte extension header (4, RFC 8285), then 16 bytes of elements: mid (2), abs-capture-time (9),
transport-wide sequence number (3), and audio level (2) or padding. The send time travels as abs-capture-time: a
64-bit NTP time that a forwarding unit passes on untouched, whatever it does with the payload.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from rtc.rtp cimport load64, store16, store32

cdef enum:
    SENT_HEADER_BYTES = 32
    # Ids this client offers (any 1 to 14 would do); an answer may only leave some out.
    EXTENSION_AUDIO_LEVEL = 1
    EXTENSION_ABS_SEND_TIME = 2
    EXTENSION_TRANSPORT_CC = 3
    EXTENSION_MID = 4
    EXTENSION_CAPTURE_TIME = 13
    NTP_EPOCH_S = 2_208_988_800          # from 1900 to 1970
    NANOSECONDS = 1_000_000_000


cdef inline uint64_t ntp_from_realtime(int64_t realtime_ns) noexcept nogil:
    """64-bit NTP time (seconds and 2^-32 fractions) of a CLOCK_REALTIME reading."""
    cdef uint64_t seconds = <uint64_t>(realtime_ns // NANOSECONDS)
    cdef uint64_t rest = <uint64_t>(realtime_ns % NANOSECONDS)
    # Rounded up, so that the way back gives the same nanosecond.
    return ((seconds + NTP_EPOCH_S) << 32) | (((rest << 32) + NANOSECONDS - 1) // NANOSECONDS)


cdef inline int64_t realtime_from_ntp(uint64_t ntp) noexcept nogil:
    cdef uint64_t rest = (<uint64_t><uint32_t>ntp * NANOSECONDS) >> 32
    return <int64_t>((ntp >> 32) - NTP_EPOCH_S) * NANOSECONDS + <int64_t>rest


cdef inline void store64(uint8_t *at, uint64_t value) noexcept nogil:
    store32(at, <uint32_t>(value >> 32))
    store32(at + 4, <uint32_t>value)


cdef inline void write_rtp_header(
    uint8_t *packet, uint8_t payload_type, bint marker, uint16_t sequence, uint32_t timestamp, uint32_t ssrc,
    uint8_t mid, uint16_t transport_sequence, int audio_level, uint64_t capture_ntp, uint32_t extension_mask,
) noexcept nogil:
    """Write ``SENT_HEADER_BYTES``. ``extension_mask`` has bit ``id`` set for each negotiated extension;
    ``audio_level`` is -dBov 0 to 127, or -1 for none (RFC 6464)."""
    packet[0] = 0x90
    packet[1] = payload_type | (0x80 if marker else 0)
    store16(packet + 2, sequence)
    store32(packet + 4, timestamp)
    store32(packet + 8, ssrc)
    store16(packet + 12, 0xBEDE)
    store16(packet + 14, 4)
    memset(packet + 16, 0, 16)
    if extension_mask >> EXTENSION_MID & 1:
        packet[16] = EXTENSION_MID << 4
        packet[17] = mid
    if extension_mask >> EXTENSION_TRANSPORT_CC & 1:
        packet[18] = EXTENSION_TRANSPORT_CC << 4 | 1
        store16(packet + 19, transport_sequence)
    if extension_mask >> EXTENSION_CAPTURE_TIME & 1:
        packet[21] = EXTENSION_CAPTURE_TIME << 4 | 7
        store64(packet + 22, capture_ntp)
    if audio_level >= 0 and extension_mask >> EXTENSION_AUDIO_LEVEL & 1:
        packet[30] = EXTENSION_AUDIO_LEVEL << 4
        packet[31] = 0x80 | <uint8_t>audio_level
