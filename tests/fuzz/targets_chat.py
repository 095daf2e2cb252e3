"""Chat: any bytes are a checked event, or one documented error; news and stored events likewise."""

from __future__ import annotations

import msgpack
from pydantic import ValidationError

from chat.conversation import kind_of
from chat.errors import ChatError
from chat.events import Draft, alias, pack, to_wire, unpack
from chat.history import words_of
from signalling.chat_packets import event_frame
from signalling.chat_protocol import CHAT_CLIENT_EVENTS, ChatEvent
from signalling.connection import MalformedFrameError, check_frame


def fuzz_chat_event(data: bytes) -> None:
    """What a client sends: checked, then held against its model; what passes names a conversation of a kind."""
    try:
        frame = check_frame(data)
    except MalformedFrameError:
        return
    spec = CHAT_CLIENT_EVENTS.get(frame.event or "")
    if spec is None:
        return
    try:
        message = spec.payload.model_validate(frame.payload or {})
    except ValidationError:
        return
    conversation_id = getattr(message, "conversation_id", None)
    if conversation_id is not None:
        try:
            kind_of(conversation_id)
        except ChatError:
            raise AssertionError("the model lets an id pass that names no kind") from None
    words_of(str(getattr(message, "query", "")))


def seeds_chat_event() -> list[bytes]:
    """One of each that matters."""
    about = {"conversation_id": "case-abc", "client_id": "c1"}
    bodies: list[tuple[str, dict[str, object]]] = [
        ("chat_hello", {"protocol": 1, "token": "x.y.z"}),
        ("chat_resume", {"positions": [{"conversation_id": "meeting-a", "last_seq": 7}]}),
        ("chat_send", {**about, "text": "hej", "attachments": ["a1"]}),
        ("chat_edit", {**about, "target": 3, "text": "hå"}),
        ("chat_rule", {"conversation_id": "meeting-a", "hosts_only": True}),
        ("chat_search", {"conversation_id": "staff-a", "query": "äpple"}),
        (
            "chat_live",
            {
                "conversation_id": "notes-a",
                "draft_id": "d",
                "number": 1,
                "edits": [{"at": 0, "erase": 1, "insert": "x"}],
            },
        ),
    ]
    return [msgpack.packb({"type": 2, "data": [*body], "nsp": "/", "id": 1}) for body in bodies]


def fuzz_stored_event(data: bytes) -> None:
    """What stands in a stream: an event that can be shown, or ``ValueError``."""
    try:
        event = unpack(1, 2, data)
    except ValueError:
        return
    shown = to_wire("case-a", event)
    if event.author and shown["author"] != alias("case-a", event.author):
        raise AssertionError("an author is shown by another name")
    event_frame("chat_event", shown)


def seeds_stored_event() -> list[bytes]:
    """A message, and a withdrawal."""
    drafts = [
        Draft("case-a", "message", "p-anna", "Anna", "patient", "c1", {"text": "hej"}),
        Draft("case-a", "withdrawal", "p-anna", "Anna", "patient", "c2", {}, 1),
    ]
    for draft in drafts:
        ChatEvent.model_validate(to_wire("case-a", unpack(1, 2, pack(draft))))
    return [pack(draft) for draft in drafts]
