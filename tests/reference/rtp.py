"""The slow twin of ``rtc.rtp``: RTP headers (RFC 3550 section 5.1) and header extensions (RFC 8285)."""

from rtc.rtp import RtpError, RtpPacket

LONGEST_BYTES = 65535
"""What a UDP datagram can hold, and more."""


def parse(data: bytes) -> RtpPacket:
    """Parse one packet, or raise RtpError with the same cause as the compiled parser."""
    if len(data) > LONGEST_BYTES:
        raise RtpError("long")
    if len(data) < 12:
        raise RtpError("short")
    if data[0] // 64 != 2:
        raise RtpError("version")
    has_padding, has_extension, csrc_count = bool(data[0] & 32), bool(data[0] & 16), data[0] % 16
    rest = data[12:]
    if len(rest) < 4 * csrc_count:
        raise RtpError("short")
    rest = rest[4 * csrc_count :]
    profile, block = 0, b""
    if has_extension:
        if len(rest) < 4:
            raise RtpError("extension_overrun")
        profile, words = int.from_bytes(rest[:2], "big"), int.from_bytes(rest[2:4], "big")
        rest = rest[4:]
        if len(rest) < 4 * words:
            raise RtpError("extension_overrun")
        block, rest = rest[: 4 * words], rest[4 * words :]
    padding = 0
    if has_padding:
        padding = data[-1]
        if padding == 0 or padding > len(rest):
            raise RtpError("padding")
    return RtpPacket(
        payload_type=data[1] % 128,
        marker=data[1] // 128,
        sequence_number=int.from_bytes(data[2:4], "big"),
        timestamp=int.from_bytes(data[4:8], "big"),
        ssrc=int.from_bytes(data[8:12], "big"),
        padding_bytes=padding,
        extensions=elements(profile, block),
        payload=rest[: len(rest) - padding],
    )


def elements(profile: int, block: bytes) -> dict[int, bytes]:
    """Return {id: value} of an extension block, ids 1 to 15; of a repeated id the last that is not empty."""
    if profile == 0xBEDE:
        return _one_byte_elements(block)
    if profile // 16 == 0x100:
        return _two_byte_elements(block)
    return {}


def _one_byte_elements(block: bytes) -> dict[int, bytes]:
    found = {}
    while block:
        identifier, length = block[0] // 16, block[0] % 16 + 1
        block = block[1:]
        if identifier == 0 and length == 1:
            continue
        if identifier in (0, 15):
            break
        if len(block) < length:
            raise RtpError("extension_element")
        found[identifier], block = block[:length], block[length:]
    return found


def _two_byte_elements(block: bytes) -> dict[int, bytes]:
    found = {}
    while block:
        identifier, block = block[0], block[1:]
        if identifier == 0:
            continue
        if not block:
            raise RtpError("extension_element")
        length, block = block[0], block[1:]
        if len(block) < length:
            raise RtpError("extension_element")
        value, block = block[:length], block[length:]
        if identifier < 16 and value:
            found[identifier] = value
    return found
