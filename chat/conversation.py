"""What a conversation is, and who may read and write it: plain data and pure functions.

The kind follows from the id's prefix, so that no stored field can turn internal notes into something that a patient
reads. A case (ärende) is between a patient and a unit; its internal notes (interna anteckningar) are a conversation
of their own, with the same ending.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from auth.permissions import Action, Resource, decide
from auth.principal import Principal
from chat.errors import ChatError

ConversationKind = Literal["case", "notes", "staff", "meeting"]
ConversationState = Literal["open", "closed", "archived"]

KINDS: Final[tuple[ConversationKind, ...]] = get_args(ConversationKind)
STAFF_ONLY: Final[frozenset[ConversationKind]] = frozenset({"notes", "staff"})
"""Kinds that nobody but staff ever reads, whatever the table of permissions says."""

_ID: Final = re.compile(r"(case|notes|staff|meeting)-[A-Za-z0-9_-]{1,64}")
_STATES: Final = frozenset(get_args(ConversationState))
_READ: Final = MappingProxyType(
    {
        "case": Action.CASE_READ,
        "notes": Action.STAFF_CHAT,
        "staff": Action.STAFF_CHAT,
        "meeting": Action.MEETING_CHAT,
    }
)
_WRITE: Final = MappingProxyType({**_READ, "case": Action.CASE_WRITE})


@lru_cache(maxsize=65_536)
def kind_of(conversation_id: str) -> ConversationKind:
    """The kind that an id's prefix names; ``ChatError`` (unknown_conversation) for any other text."""
    match = _ID.fullmatch(conversation_id)
    if match is None:
        raise ChatError("unknown_conversation", "conversation_id")
    return match[1]  # type: ignore[return-value]  # the pattern has these four


@dataclass(frozen=True)
class Conversation:
    """A conversation's standing data. ``repr`` shows no personal data."""

    conversation_id: str
    provider_hsa_id: str | None = None
    unit_hsa_id: str | None = None
    patient_person_id: str | None = None
    meeting_id: str | None = None
    host_ids: frozenset[str] = frozenset()
    member_ids: frozenset[str] = frozenset()
    """Person ids and HSA-ids of those named as taking part (staff channels, groups)."""
    title: str = ""
    is_hosts_only: bool = False
    """Of a meeting: everybody reads, and only who holds it writes."""
    state: ConversationState = "open"

    @property
    def kind(self) -> ConversationKind:
        """From the id's prefix."""
        return kind_of(self.conversation_id)

    def resource(self) -> Resource:
        """What permissions are decided on."""
        return Resource(
            provider_hsa_id=self.provider_hsa_id,
            unit_hsa_id=self.unit_hsa_id,
            patient_person_id=self.patient_person_id,
            meeting_id=self.meeting_id,
            host_ids=self.host_ids,
            member_ids=self.member_ids,
        )

    def __repr__(self) -> str:
        return f"Conversation({self.conversation_id!r}, state={self.state!r})"


def read_action(conversation_id: str) -> Action:
    """What somebody does who reads it."""
    return _READ[kind_of(conversation_id)]


def write_action(conversation_id: str) -> Action:
    """What somebody does who writes in it."""
    return _WRITE[kind_of(conversation_id)]


def may_read(principal: Principal | None, conversation: Conversation) -> bool:
    """Whether they may see its messages."""
    return _may(principal, conversation, read_action(conversation.conversation_id))


def may_write(principal: Principal | None, conversation: Conversation) -> bool:
    """Whether they may add messages (whatever its state)."""
    if conversation.is_hosts_only and (principal is None or principal.kind != "staff"):
        return False
    return _may(principal, conversation, write_action(conversation.conversation_id))


def state_for(principal: Principal | None, conversation: Conversation) -> ConversationState:
    """Its state as somebody who reads it is told: for who may not write it is closed."""
    return conversation.state if may_write(principal, conversation) else "closed"


def _may(principal: Principal | None, conversation: Conversation, action: Action) -> bool:
    if principal is None or (conversation.kind in STAFF_ONLY and principal.kind != "staff"):
        return False
    return bool(decide(principal, action, conversation.resource()))


# --- as stored ---------------------------------------------------------------------------------------------------

_TEXTS: Final = ("provider_hsa_id", "unit_hsa_id", "patient_person_id", "meeting_id", "title")
_SETS: Final = ("host_ids", "member_ids")


def to_fields(conversation: Conversation) -> dict[str, str]:
    """The fields of its Redis hash."""
    fields = {name: getattr(conversation, name) or "" for name in _TEXTS}
    fields |= {name: " ".join(sorted(getattr(conversation, name))) for name in _SETS}
    return fields | {"is_hosts_only": "1" if conversation.is_hosts_only else "", "state": conversation.state}


def from_fields(conversation_id: str, fields: dict[bytes, bytes]) -> Conversation:
    """The opposite of ``to_fields``; unknown fields are ignored."""
    text = {key.decode(): value.decode() for key, value in fields.items()}
    values: dict[str, Any] = {name: text.get(name) or None for name in _TEXTS}
    values["title"] = text.get("title", "")
    values["is_hosts_only"] = bool(text.get("is_hosts_only"))
    values |= {name: frozenset(text.get(name, "").split()) for name in _SETS}
    state = text.get("state", "open")
    return Conversation(conversation_id, **values, state=state if state in _STATES else "closed")  # type: ignore[arg-type]
