from typing import NamedTuple

CAUSES: dict[int, str]

class RtpError(ValueError):
    cause: str
    def __init__(self, cause: str) -> None: ...

class RtpPacket(NamedTuple):
    payload_type: int
    marker: int
    sequence_number: int
    timestamp: int
    ssrc: int
    padding_bytes: int
    extensions: dict[int, bytes]
    payload: bytes

def parse(data: bytes) -> RtpPacket: ...
