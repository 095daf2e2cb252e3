from typing import NamedTuple

CODECS: dict[str, int]

class Payload(NamedTuple):
    valid: bool
    keyframe: bool
    picture_id: int | None
    picture_id_bits: int
    tl0_picture_index: int | None

def read(codec: str, data: bytes) -> Payload: ...
