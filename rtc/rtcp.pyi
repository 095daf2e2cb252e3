from typing import NamedTuple

class RtcpError(ValueError): ...

class Item(NamedTuple):
    type: int
    count_or_format: int
    body: bytes

def parse(data: bytes) -> list[Item]: ...
def transport_feedback(
    sender: int, media: int, base: int, arrivals_us: list[int | None], feedback_count: int
) -> bytes: ...
def count_transport_feedback(fci: bytes) -> tuple[int, int]: ...
