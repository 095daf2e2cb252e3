from collections.abc import Callable, Iterable
from typing import TypeAlias

from sfu.table import RouteTable

ADDRESS_PACKETS_PER_S: float
STRANGER_PACKETS_PER_S: float
KEYFRAME_WANTED: int
KEYFRAME: int

Address: TypeAlias = tuple[str, int]

class Walk(RouteTable):
    fd: int
    feedback_fd: int
    batches: int
    received_datagrams: int
    forwarded_packets: int
    retransmitted_packets: int
    now_us: int
    attend_us: int
    has_holes: bool
    attend: Callable[[list[tuple[bytes, Address, int]], int], None] | None
    on_unknown_ssrc: Callable[[int, int, int, bytes, bytes, bytes], bool] | None
    def __init__(
        self,
        secret: int = 0,
        fd: int = -1,
        segmentation: bool = True,
        equalising: bool = True,
        coalesce_us: int = 0,
        feedback_fd: int = -1,
    ) -> None: ...
    def wake(self) -> None: ...
    def forward_batch(self, now_us: int) -> list[tuple[bytes, Address, int]]: ...
    def receive_feedback(self, now_us: int) -> list[tuple[bytes, Address, int]]: ...
    def handle(
        self, datagrams: Iterable[tuple[bytes, Address]], now_us: int
    ) -> tuple[list[tuple[bytes, Address, int]], list[tuple[bytes, Address]]]: ...
    def take_events(self) -> list[tuple[int, int]]: ...
    @property
    def has_events(self) -> bool: ...
    def request_keyframe(self, source_id: int) -> None: ...
    def tick(self, now_us: int, transport_feedback: bool, reports: bool) -> None: ...
    def take_captured(self) -> list[tuple[bytes, Address]]: ...
    def counters(self) -> dict[str, int]: ...
