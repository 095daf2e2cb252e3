class Append:
    conversation_id: str
    draft_id: bytes
    packed: bytes
    author: bytes
    kind: str
    target: int
    edit_window_ms: int
    deadline: float
    def __init__(
        self,
        conversation_id: str,
        draft_id: bytes,
        packed: bytes,
        author: bytes,
        deadline: float,
        kind: str = ...,
        target: int = ...,
        edit_window_ms: int = ...,
    ) -> None: ...
    def settle(self, status: bytes, seq: int, at_ms: int) -> None: ...
    def refuse(self) -> None: ...
    def is_awaited(self) -> bool: ...

def pack_message(head: bytes, client_id: bytes, text: bytes) -> bytes: ...
def say_command(head: bytes, limit: bytes, groups: list[tuple[bytes, list[Append]]]) -> bytes: ...
def are_messages(appends: list[Append]) -> bool: ...
