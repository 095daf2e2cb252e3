from collections.abc import Callable
from typing import Any

class Append:
    conversation_id: str
    draft_id: bytes
    packed: bytes
    author: bytes
    kind: str
    target: int
    edit_window_ms: int
    is_message: bool
    deadline: float
    def __init__(
        self,
        conversation_id: str,
        draft_id: bytes,
        packed: bytes,
        author: bytes,
        kind: str = ...,
        target: int = ...,
        edit_window_ms: int = ...,
    ) -> None: ...
    def settle(self, status: bytes, seq: int, at_ms: int) -> None: ...
    def refuse(self) -> None: ...
    def is_awaited(self) -> bool: ...

def pack_message(head: bytes, client_id: bytes, text: bytes) -> bytes: ...
def say_command(head: bytes, words: bytes, groups: list[tuple[bytes, list[Append]]]) -> bytes: ...
def grouped(
    writes: list[Any], head: bytes, words: bytes, keys_of: Callable[[str], bytes], most: int
) -> tuple[list[Any], list[tuple[str, list[Append]]], list[tuple[bytes, list[Append]]]]: ...
def settle_said(appends: list[Append], answer: list[Any]) -> int: ...
