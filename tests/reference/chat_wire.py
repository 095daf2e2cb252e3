"""Slow twins of chat's compiled steps, by the general ways that every other event goes."""

from typing import Any

import hiredis
import msgpack
from pydantic import ValidationError

from chat.events import Draft, pack, to_wire, unpack
from signalling.chat_packets import acknowledgement_frame, event_frame
from signalling.chat_protocol import ChatSend
from signalling.connection import MalformedFrameError, check_frame


def pack_message(author: str, author_name: str, role: Any, client_id: str, text: str) -> bytes:
    """Of ``chat.appends``."""
    return pack(Draft("meeting-m", "message", author, author_name, role, client_id, {"text": text}))


def command(words: tuple[str | int | bytes, ...]) -> bytes:
    """Any command as the store is sent it."""
    return bytes(hiredis.pack_command(words))


def acknowledgement(message_id: int, seq: int, at_ms: int, *, repeated: bool) -> bytes:
    """Of ``signalling.chat_frames``."""
    return acknowledgement_frame(message_id, {"ok": True, "seq": seq, "at_ms": at_ms, "repeated": repeated})


def message_frame(conversation_id: str, seq: int, at_ms: int, packed: bytes) -> bytes:
    """Of ``signalling.chat_frames`` (``stored_message_frame``)."""
    return event_frame("chat_event", to_wire(conversation_id, unpack(seq, at_ms, packed)))


def decoded_send(payload: bytes) -> tuple[str, str, str, int] | None:
    """What the long way finds in a frame: None unless it is a ``chat_send`` of text alone that it would carry out."""
    try:
        frame = check_frame(payload)
        if frame.event != "chat_send" or frame.message_id is None:
            return None
        message = ChatSend.model_validate(frame.payload or {})
    except (MalformedFrameError, ValidationError):
        return None
    if message.attachments or not message.text.strip():
        return None
    return message.conversation_id, message.client_id, message.text, frame.message_id


def sent(payload: dict[str, Any], message_id: int | None = 1, **more: Any) -> bytes:
    """A client's ``chat_send`` as a Socket.IO packet."""
    packet = {"type": 2, "data": ["chat_send", payload], "nsp": "/", "id": message_id} | more
    return bytes(msgpack.packb(packet))
