from collections.abc import Sequence

from loadtest.frames import Frame

class Clip:
    frame_count: int
    packet_count: int
    clock_rate: int
    payload_type: int
    is_video: bool
    def __init__(self, frames: Sequence[Frame], clock_rate: int, payload_type: int, is_video: bool) -> None: ...
