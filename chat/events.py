"""What stands in a conversation's stream: numbered events, and how they are packed.

Events of a conversation are numbered 1, 2, 3... without a hole (``seq``), so that whoever has the last number knows
what is missing. An edit or a withdrawal is an event of its own that names the message it changes.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

import msgpack

EventKind = Literal["message", "edit", "withdrawal", "system"]
AuthorRole = Literal["patient", "proxy", "staff", "guest", "interpreter", "system"]

EVENT_KINDS: Final[frozenset[EventKind]] = frozenset(get_args(EventKind))
AUTHOR_ROLES: Final[frozenset[AuthorRole]] = frozenset(get_args(AuthorRole))
MAX_TEXT_CHARACTERS: Final = 8000
"""Of one message: some four pages."""
MAX_ATTACHMENTS: Final = 10
MAX_EVENTS: Final = 100_000
"""Of one conversation that has not been trimmed; a flood stops here."""


@dataclass(frozen=True)
class Draft:
    """An event that has no number yet. ``repr`` shows neither text nor people."""

    conversation_id: str
    kind: EventKind
    author: str = field(repr=False)
    """Opaque id (``Principal.actor``); empty for system events."""
    author_name: str = field(repr=False)
    author_role: AuthorRole
    client_id: str
    """Chosen by the author: an author's draft with the same one is appended once."""
    body: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """``message`` and ``edit``: text, attachments; ``system``: what, and its values."""
    target: int = 0
    """The message that an edit or a withdrawal changes."""
    edit_window_ms: int = 0
    """How old the target may be; 0 for any age."""


@dataclass(frozen=True)
class Event:
    """An event of the stream. ``repr`` shows neither text nor people."""

    seq: int
    at_ms: int
    """Milliseconds since the epoch, by the store's clock."""
    kind: EventKind
    author: str = field(repr=False)
    author_name: str = field(repr=False)
    author_role: AuthorRole
    client_id: str
    target: int = 0
    body: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    is_withdrawn: bool = False
    """The text is gone: a later event withdrew it."""


@dataclass(frozen=True)
class Appended:
    """Where a draft stands now."""

    seq: int
    """0: it was appended before, and is not among the newest events."""
    at_ms: int
    is_repeat: bool
    """It stood there before: the acknowledgement had been lost."""


def pack(draft: Draft) -> bytes:
    """The part of an event that its author makes; the store adds number and time."""
    fields = (draft.kind, draft.author, draft.author_name, draft.author_role, draft.client_id, draft.target)
    return msgpack.packb([*fields, dict(draft.body)])  # type: ignore[no-any-return]


def message_head(author: str, author_name: str, author_role: AuthorRole) -> bytes:
    """How every packed message of an author begins (``chat.appends.pack_message`` adds the rest)."""
    return b"\x97" + b"".join(map(msgpack.packb, ("message", author, author_name, author_role)))


_FIELDS: Final = (str, str, str, str, str, int, dict)


def unpack(seq: int, at_ms: int, packed: bytes) -> Event:
    """The opposite of ``pack``; ``ValueError`` when it is none of ours."""
    try:
        fields = msgpack.unpackb(packed)
    except Exception:  # msgpack raises half a dozen unrelated types
        raise ValueError("no event") from None
    if not isinstance(fields, list) or tuple(map(type, fields)) != _FIELDS:
        raise ValueError("no event")
    kind, author, name, role, client_id, target, body = fields
    if kind not in EVENT_KINDS or role not in AUTHOR_ROLES:
        raise ValueError("no event")
    return Event(seq, at_ms, kind, author, name, role, client_id, target, body)


def masked(events: Iterable[Event], withdrawn: frozenset[int]) -> list[Event]:
    """The events without the texts of messages (and of their edits) that were withdrawn."""

    def gone(event: Event) -> bool:
        number = event.target if event.kind == "edit" else event.seq
        return event.kind in ("message", "edit") and number in withdrawn

    return [replace(event, body={}, is_withdrawn=True) if gone(event) else event for event in events]


def alias(conversation_id: str, actor: str) -> str:
    """How people of a conversation see who somebody is: the same for all of them, another in each conversation.

    So a patient's browser never holds a clinician's HSA-id, nor a guest's the patient's person id.
    """
    if not actor:
        return ""
    return hashlib.blake2b(f"{conversation_id}\0{actor}".encode(), digest_size=10).hexdigest()


def unit_channel(provider_hsa_id: str, unit_hsa_id: str) -> str:
    """The id of the conversation in which a unit's staff write to each other."""
    return f"staff-{alias(provider_hsa_id, unit_hsa_id)}"


def to_wire(conversation_id: str, event: Event) -> dict[str, Any]:
    """The event as clients see it (``ChatEvent`` of the wire protocol)."""
    return {
        "conversation_id": conversation_id,
        "seq": event.seq,
        "at_ms": event.at_ms,
        "kind": event.kind,
        "author": alias(conversation_id, event.author),
        "author_name": event.author_name,
        "author_role": event.author_role,
        "client_id": event.client_id,
        "target": event.target,
        "body": dict(event.body),
        "withdrawn": event.is_withdrawn,
    }
