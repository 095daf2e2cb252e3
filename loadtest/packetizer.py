"""Frames cut into RTP payloads as a browser cuts them: VP8 (RFC 7741) and Opus (RFC 7587).

This runs once, before the test: the compiled sender only puts an RTP header in front of each payload and writes
the running picture id into the VP8 descriptor.
"""

# X and S bits (RFC 7741 section 4.2): extended control bits follow, and this packet starts the partition.
_EXTENDED, _START_OF_PARTITION = 0x80, 0x10
_PICTURE_ID_PRESENT = 0x80
_LONG_PICTURE_ID = 0x80
DESCRIPTOR_BYTES = 4
"""Descriptor of every packet: required octet, extension octet, 15-bit picture id."""

MAX_PAYLOAD_BYTES = 1160
"""Encoded bytes per packet at most. Chrome keeps datagrams within 1,200 bytes, tag and extensions included."""


def split_evenly(length: int, max_bytes: int) -> list[int]:
    """Sizes of the fewest parts of at most ``max_bytes``, differing by one byte at most, the longer ones last.

    That is how libwebrtc's packetisers split a frame, and it decides how many segmentation trains a frame makes.
    """
    if length <= 0:
        return []
    count = -(-length // max_bytes)
    shorter, longer_count = divmod(length, count)
    return [shorter] * (count - longer_count) + [shorter + 1] * longer_count


def packetize_vp8(frame: bytes, picture_id: int, max_bytes: int = MAX_PAYLOAD_BYTES) -> list[bytes]:
    """RTP payloads of one VP8 frame: descriptor with a 15-bit picture id, partition index 0, S on the first."""
    picture = bytes((_LONG_PICTURE_ID | (picture_id >> 8 & 0x7F), picture_id & 0xFF))
    payloads = []
    offset = 0
    for size in split_evenly(len(frame), max_bytes):
        first = _EXTENDED | (_START_OF_PARTITION if offset == 0 else 0)
        payloads.append(bytes((first, _PICTURE_ID_PRESENT)) + picture + frame[offset : offset + size])
        offset += size
    return payloads


def packetize_opus(frame: bytes) -> list[bytes]:
    """One Opus packet is one RTP payload (RFC 7587 section 4.2)."""
    return [frame]
