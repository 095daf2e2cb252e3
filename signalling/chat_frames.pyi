from collections.abc import Callable

def acknowledgement(message_id: int, seq: int, at_ms: int, repeated: bool) -> bytes: ...
def message_frame(
    conversation_id: bytes,
    seq: int,
    at_ms: int,
    packed: bytes,
    aliases: dict[bytes, bytes],
    make_alias: Callable[[bytes], bytes],
) -> bytes | None: ...
def decoded_send(payload: bytes) -> tuple[str, str, str, int] | None: ...
