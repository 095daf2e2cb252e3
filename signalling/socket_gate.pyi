import asyncio
from collections.abc import Callable
from typing import Any

from chat.appends import Append

MAX_IN_FLIGHT: int

class Outlets:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None: ...
    def flush(self) -> None: ...

class Taker:
    def take_message(
        self, socket: Any, conversation_id: str, client_id: bytes, text: bytes, message_id: int
    ) -> bool: ...

class SocketGate(asyncio.Protocol):
    protocol: Any
    in_flight: int
    awaits_pong: bool
    is_held: bool
    def __init__(
        self, transport: Any, protocol: Any, websocket: Any, outlets: Outlets, loop: asyncio.AbstractEventLoop
    ) -> None: ...
    def arm(self, socket: Any, taker: Taker, max_taken_bytes: int) -> None: ...
    def disarm(self) -> None: ...
    def handled(self) -> None: ...
    async def idle(self) -> None: ...
    def push(self, frame: bytes, unsent_limit: int = ...) -> bool: ...

class GateReader:
    gate: SocketGate | None
    max_unsent_bytes: int

def push_to_all(readers: dict[Any, int], frames: list[Any], first: int) -> list[Any]: ...

class Send(Append):
    def __init__(
        self,
        gate: SocketGate,
        message_id: int,
        refused: Callable[[SocketGate, int, bytes, str], None],
        conversation_id: str,
        draft_id: bytes,
        packed: bytes,
        author: bytes,
    ) -> None: ...
