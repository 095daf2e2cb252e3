"""The slow twin of ``rtc.payload``: VP8 (RFC 7741), VP9 (RFC 9628), H.264 (RFC 6184), AV1 (AOMedia RTP 1.0)."""

from rtc.payload import Payload

_INVALID = Payload(valid=False, keyframe=False, picture_id=None, picture_id_bits=0, tl0_picture_index=None)


class _Bytes:
    """Takes bytes off the front; IndexError where there are none."""

    def __init__(self, data: bytes) -> None:
        self.left = list(data)

    def take(self) -> int:
        return self.left.pop(0)

    def take_picture_id(self) -> tuple[int, int]:
        first = self.take()
        return ((first - 128) * 256 + self.take(), 15) if first >= 128 else (first, 7)


def read(codec: str, data: bytes) -> Payload:
    """Read the descriptor of one payload; what runs past its end is not valid."""
    readers = {"VP8": _read_vp8, "VP9": _read_vp9, "H264": _read_h264, "AV1": _read_av1}
    if codec not in readers:
        return Payload(valid=True, keyframe=True, picture_id=None, picture_id_bits=0, tl0_picture_index=None)
    try:
        return readers[codec](_Bytes(data))
    except IndexError:
        return _INVALID


def _read_vp8(data: _Bytes) -> Payload:
    first = data.take()
    picture_id, bits, tl0 = None, 0, None
    if first & 0x80:  # X
        extended = data.take()
        if extended & 0x80:  # I
            picture_id, bits = data.take_picture_id()
        if extended & 0x40:  # L
            tl0 = data.take()
        if extended & 0x20 or extended & 0x10:  # T, K
            data.take()
    frame = data.take()
    starts = bool(first & 0x10) and first & 0x07 == 0  # S, and partition 0
    return Payload(True, starts and frame % 2 == 0, picture_id, bits, tl0)


def _read_vp9(data: _Bytes) -> Payload:
    first = data.take()
    picture_id, bits, tl0, spatial = None, 0, None, 0
    if first & 0x80:  # I
        picture_id, bits = data.take_picture_id()
    if first & 0x20:  # L
        spatial = data.take() // 2 % 8
        if not first & 0x10:  # F
            tl0 = data.take()
    begins, predicted = bool(first & 0x08), bool(first & 0x40)
    return Payload(True, begins and not predicted and spatial == 0, picture_id, bits, tl0)


def _read_h264(data: _Bytes) -> Payload:
    kind = data.take() % 32
    if kind == 24:
        kinds = []
        while data.left:
            size = data.take() * 256 + data.take()
            unit = [data.take() for _ in range(size)]
            kinds.append(unit[0] % 32)
        keyframe = 7 in kinds
    elif kind == 28:
        header = data.take()
        keyframe = header >= 128 and header % 32 == 7
    else:
        keyframe = kind == 7
    return Payload(True, keyframe, None, 0, None)


def _read_av1(data: _Bytes) -> Payload:
    aggregation = data.take()
    return Payload(True, bool(aggregation & 0x08) and not aggregation & 0x80, None, 0, None)
