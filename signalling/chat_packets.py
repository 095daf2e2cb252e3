"""Socket.IO packets of chat as whole WebSocket frames, made once and written to any number of sockets as they are.

A server's frames are not masked (RFC 6455 section 5.1) and ours are not compressed, so the same bytes serve every
socket. They go straight to the transport: neither a queue nor a task per socket and message.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgpack

_FINAL_BINARY: Final = 0x82
_EVENT, _ACK = 2, 3  # Socket.IO packet types


def frame(payload: bytes) -> bytes:
    """A binary WebSocket message in one frame (RFC 6455 section 5.2)."""
    length = len(payload)
    if length < 126:
        return bytes((_FINAL_BINARY, length)) + payload
    if length < 65536:
        return bytes((_FINAL_BINARY, 126)) + length.to_bytes(2, "big") + payload
    return bytes((_FINAL_BINARY, 127)) + length.to_bytes(8, "big") + payload


def event_frame(event: str, payload: Mapping[str, Any]) -> bytes:
    """A server event."""
    return frame(msgpack.packb({"type": _EVENT, "data": [event, payload], "nsp": "/"}))


def acknowledgement_frame(message_id: int, reply: Mapping[str, Any]) -> bytes:
    """The acknowledgement of a client event."""
    return frame(msgpack.packb({"type": _ACK, "data": [reply], "nsp": "/", "id": message_id}))
