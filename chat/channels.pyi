import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from chat.appends import Append

RECENT_EVENTS: int
MAX_TRAIN: int
REST_S: float
MANY_READERS: int
WRITES_AT_ONCE: int

class FeedHead:
    head: int
    is_synced: bool
    early: dict[int, Any]
    packed: deque[tuple[int, int, bytes]]
    def __init__(self) -> None: ...
    def has(self, seq: int) -> bool: ...

class Channel:
    conversation_id: str
    feed: Any
    readers: dict[Any, int]
    opening: asyncio.Task[None] | None
    is_reading: bool
    was_lost: bool
    def __init__(self, conversation_id: str, feed: FeedHead) -> None: ...

class Channels:
    delivered: int
    def __init__(
        self,
        encode_message: Callable[..., Any] | None,
        send_to_all: Callable[[dict[Any, int], list[Any], int], list[Any]],
        on_slow: Callable[[Channel, list[Any], int], None],
        on_other: Callable[[Channel, int, int, bytes], None],
        later: Callable[[float, Callable[[], None]], Any],
        monotonic: Callable[[], float] = ...,
    ) -> None: ...
    def add(self, channel: Channel, name: bytes) -> None: ...
    def remove(self, channel: Channel, name: bytes) -> None: ...
    def get(self, conversation_id: str) -> Channel | None: ...
    def named(self, name: bytes) -> Channel | None: ...
    def all(self) -> list[Channel]: ...
    def hear(self, answers: list[Any], other: Callable[[Any], None]) -> None: ...
    def said(self, appends: list[Append], answer: list[Any]) -> None: ...
    def depart(self) -> None: ...
    def flush(self, channel: Channel) -> None: ...
    def deliver(self, channel: Channel, packets: list[Any], first: int) -> None: ...
