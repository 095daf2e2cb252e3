"""The wire protocol of messages: the chat events of the socket that ``signalling/protocol.py`` describes.

Packets, acknowledgements and strictness are the same. ``chat_hello`` comes first and needs no ``join``: a socket may
read messages without being in a meeting. Events of a conversation are numbered 1, 2, 3... without a hole (``seq``).
A client keeps the last number that it has, takes an event whose number is the next, ignores smaller ones, and sends
``chat_resume`` when there is a hole, after ``chat_lagging``, and on every new socket. A message is sent with a random
``client_id`` and sent again with the same one until it is acknowledged: it will be there once. Server events and
acknowledgements may overtake each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field

from chat.events import MAX_ATTACHMENTS, MAX_TEXT_CHARACTERS
from chat.history import MAX_QUERY_CHARACTERS, MIN_QUERY_CHARACTERS
from signalling.protocol import Done, Identifier, Message, Token

MAX_CONVERSATIONS: Final = 20
"""Of one ``chat_resume``."""
MAX_EVENTS_PER_REPLY: Final = 100
MAX_LIVE_EDITS: Final = 50
MAX_LIVE_CHARACTERS: Final = 1000
"""Inserted by one edit; a person types a few, somebody who pastes sends more events."""

ConversationId = Annotated[str, Field(pattern=r"^(case|notes|staff|meeting)-[A-Za-z0-9_-]{1,64}$")]
Seq = Annotated[int, Field(ge=0, lt=2**53)]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARACTERS)]

ChatEventKind = Literal["message", "edit", "withdrawal", "system"]
ChatAuthorRole = Literal["patient", "proxy", "staff", "guest", "interpreter", "system"]
ChatState = Literal["open", "closed", "archived"]

ChatCode = Literal[
    "invalid_message",
    "unsupported_protocol",
    "message_too_large",
    "rate_limited",
    "not_logged_in",
    "token_invalid",
    "token_expired",
    "revoked",
    "removed",
    "forbidden",
    "not_admitted",
    "unknown_room",
    "unknown_conversation",
    "conversation_closed",
    "conversation_full",
    "case_closed",
    "not_assigned",
    "unknown_case",
    "unknown_message",
    "not_author",
    "edit_too_late",
    "message_withdrawn",
    "unknown_attachment",
    "chat_unavailable",
    "internal",
]

CHAT_MESSAGES: Final[Mapping[ChatCode, str]] = MappingProxyType(
    {
        "invalid_message": "The message does not follow the protocol.",
        "unsupported_protocol": "This protocol version is not spoken here.",
        "message_too_large": "The message is too large.",
        "rate_limited": "Too many messages; slow down.",
        "not_logged_in": "Say chat_hello first, with a session or a token.",
        "token_invalid": "The token is not valid.",
        "token_expired": "The token has expired.",
        "revoked": "What let you in has been withdrawn.",
        "removed": "You were removed from this meeting.",
        "forbidden": "Your role may not do this.",
        "not_admitted": "Wait until a host lets you in.",
        "unknown_room": "The room does not exist.",
        "unknown_conversation": "There is no such conversation for you.",
        "conversation_closed": "The conversation is closed.",
        "conversation_full": "The conversation has too many messages.",
        "case_closed": "The case is closed.",
        "not_assigned": "The case is not assigned to anybody yet.",
        "unknown_case": "There is no such case.",
        "unknown_message": "There is no such message.",
        "not_author": "Only its author can change a message.",
        "edit_too_late": "The message can no longer be changed.",
        "message_withdrawn": "The message was withdrawn.",
        "unknown_attachment": "An attachment cannot be used here.",
        "chat_unavailable": "Messages cannot be stored now; try again with the same client_id.",
        "internal": "Something went wrong on the server.",
    }
)
CHAT_CODES: Final[tuple[ChatCode, ...]] = get_args(ChatCode)


# --- parts of payloads -----------------------------------------------------------------------------------------


class ChatAttachment(Message):
    """A file of a message, as its readers see it."""

    attachment_id: Identifier
    name: str
    media_type: str
    size_bytes: int
    is_inline: bool = Field(description="Whether it may be shown in the page (pictures), not only saved.")
    width: int = Field(description="Of pictures, in pixels; otherwise 0.")
    height: int


class ChatPosition(Message):
    """How far a client has come in a conversation."""

    conversation_id: ConversationId
    last_seq: Seq | None = Field(description="The last number it has; null asks for the newest events.")


class ChatReceipt(Message):
    """How far a reader has come."""

    reader: str = Field(description="Who, as `author` of events.")
    delivered: Seq
    read: Seq


class LiveEdit(Message):
    """A change of a text that is being written; positions and lengths in UTF-16 code units, as in JavaScript."""

    at: Annotated[int, Field(ge=0, le=MAX_TEXT_CHARACTERS)] = Field(description="Where.")
    erase: Annotated[int, Field(ge=0, le=MAX_TEXT_CHARACTERS)] = Field(description="How many are taken out there.")
    insert: Annotated[str, Field(max_length=MAX_LIVE_CHARACTERS)] = Field(description="What then stands there.")


# --- client -> server ------------------------------------------------------------------------------------------


class ChatHello(Message):
    """Say who reads and writes on this socket: by the login's cookie, or by a meeting token.

    A meeting token that was renewed is shown by another `chat_hello`, which leaves what is read as it is. A socket
    whose token has ended, or whose meeting is over, is closed.
    """

    protocol: Literal[1] = Field(description="The protocol version.")
    token: Token | None = Field(default=None, description="A meeting token: opens that meeting's chat only.")


class ChatOpen(ChatPosition):
    """Read a conversation from a number on, and get what happens there until `chat_close`."""


class ChatResume(Message):
    """`chat_open` for many conversations: on a new socket, after a hole, after `chat_lagging`."""

    positions: list[ChatPosition] = Field(max_length=MAX_CONVERSATIONS)


class ChatClose(Message):
    """Get no more of a conversation."""

    conversation_id: ConversationId


class ChatSend(Message):
    """Send a message. Until it is acknowledged, send it again with the same `client_id`."""

    conversation_id: ConversationId
    client_id: Identifier = Field(description="Random; the same for each attempt.")
    text: Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS)] = Field(description="May be empty with attachments.")
    attachments: list[Identifier] = Field(
        default_factory=list, max_length=MAX_ATTACHMENTS, description="Uploads of this conversation."
    )


class ChatEdit(Message):
    """Change the text of one's own message."""

    conversation_id: ConversationId
    client_id: Identifier
    target: Seq = Field(description="Number of the message.")
    text: Text


class ChatWithdraw(Message):
    """Take one's own message back."""

    conversation_id: ConversationId
    client_id: Identifier
    target: Seq = Field(description="Number of the message.")


class ChatReceived(Message):
    """Say up to which number everything has arrived, and has been read. Never moves back."""

    conversation_id: ConversationId
    delivered: Seq
    read: Seq


class ChatType(Message):
    """Somebody types (said again every few seconds), or has stopped."""

    conversation_id: ConversationId
    typing: bool


class ChatLive(Message):
    """Real-time text: what is being written, as it is written. A `chat_send` with the draft's id ends it.

    Numbers grow by one; who misses one waits for the next with `text`, which is sent every few seconds.
    """

    conversation_id: ConversationId
    draft_id: Identifier = Field(description="The `client_id` that the message will have.")
    number: Seq
    text: Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS)] | None = Field(
        default=None, description="The whole text so far, before the edits."
    )
    edits: list[LiveEdit] = Field(max_length=MAX_LIVE_EDITS, description="In this order.")


class ChatRule(Message):
    """Say who may write in a meeting's chat. Hosts only; everybody who reads it is told by `chat_changed`."""

    conversation_id: ConversationId
    hosts_only: bool = Field(description="True: all read it, and only who holds the meeting writes.")


class ChatHistory(Message):
    """Older events."""

    conversation_id: ConversationId
    before: Seq
    limit: Annotated[int, Field(ge=1, le=MAX_EVENTS_PER_REPLY)] = 50


class ChatSearch(Message):
    """Messages with all of the words."""

    conversation_id: ConversationId
    query: Annotated[str, Field(min_length=MIN_QUERY_CHARACTERS, max_length=MAX_QUERY_CHARACTERS)]
    before: Seq | None = Field(default=None, description="From an earlier answer, to search on.")


# --- server -> client ------------------------------------------------------------------------------------------


class ChatEvent(Message):
    """Something was added to a conversation."""

    conversation_id: ConversationId
    seq: Seq
    at_ms: int = Field(description="When, by the server, in milliseconds since the epoch.")
    kind: ChatEventKind
    author: str = Field(description="Who: the same for all events of a person here, another elsewhere; empty: nobody.")
    author_name: str
    author_role: ChatAuthorRole
    client_id: str
    target: Seq = Field(description="The message that an edit or a withdrawal changes; else 0.")
    body: dict[str, Any] = Field(
        description="`text` and `attachments` (of `ChatAttachment`; interpreters see none) of a message; `what` and "
        "more of a system event."
    )
    withdrawn: bool = Field(description="The body is empty because its author took it back.")


class ChatReceipts(ChatReceipt):
    """A reader has come further."""

    conversation_id: ConversationId


class ChatTypists(Message):
    """Somebody types."""

    conversation_id: ConversationId
    author: str
    author_name: str
    for_ms: int = Field(description="Show it for so long unless it is said again; 0: stopped.")


class ChatPresence(Message):
    """Who has the conversation open now."""

    conversation_id: ConversationId
    people: list[str] = Field(description="As `author` of events.")


class ChatText(Message):
    """Real-time text of somebody, as in `chat_live`."""

    conversation_id: ConversationId
    author: str
    author_name: str
    draft_id: Identifier
    number: Seq
    text: str | None
    edits: list[LiveEdit]


class ChatCase(Message):
    """A case of the unit has changed, come or gone: lists of cases ask for it again. Told in the unit's own channel.

    Kept nowhere: who was away (a new socket, ``chat_lagging``) asks for the whole list.
    """

    conversation_id: ConversationId = Field(description="The unit's channel.")
    case_id: ConversationId


class ChatLagging(Message):
    """The socket reads too slowly and gets no more of the conversation: `chat_resume` when the rest has arrived."""

    conversation_id: ConversationId
    seq: Seq = Field(description="The last number that was sent.")


class ChatReset(Message):
    """The server lost events (a restored backup): forget what is newer than `last_seq`, `chat_resume` from there, and
    send what is missing again.
    """

    conversation_id: ConversationId
    last_seq: Seq


class ChatChanged(Message):
    """Title or state of the conversation changed, or who may write in it."""

    conversation_id: ConversationId
    title: str
    state: ChatState = Field(description="For this client: `closed` also while it may read and not write.")
    hosts_only: bool = Field(description="Of a meeting: only who holds it writes at present.")


class ChatEnded(Message):
    """The conversation is gone, or is no longer this client's to read."""

    conversation_id: ConversationId


# --- replies ---------------------------------------------------------------------------------------------------


class ChatHelloReply(Message):
    """The reply to `chat_hello`."""

    meeting: ConversationId | None = Field(description="The meeting's chat, when a meeting token was given.")
    channel: ConversationId | None = Field(description="The unit's own channel, for staff.")
    typing_ms: int = Field(description="How long a `chat_type` lasts.")
    edit_window_ms: int = Field(description="How long one may change or withdraw a message of one's own; 0: always.")


class ChatOpened(Message):
    """One conversation, from where the client stood."""

    conversation_id: ConversationId
    error: ChatCode | None = Field(description="Why it cannot be read; everything else is empty then.")
    title: str
    state: ChatState = Field(description="For this client: `closed` also while it may read and not write.")
    hosts_only: bool = Field(description="Of a meeting: only who holds it writes at present.")
    me: str = Field(description="The client's own `author`.")
    events: list[ChatEvent]
    last_seq: Seq = Field(description="The conversation's last number; if smaller than the client's, see `chat_reset`.")
    trimmed_through: Seq = Field(description="Events up to this number are in the archive only, or forgotten.")
    live: bool = Field(description="False: there is more; `chat_resume` again after the last of these events.")
    receipts: list[ChatReceipt]


class ChatResumed(Message):
    """The reply to `chat_resume`, in the order of the positions."""

    conversations: list[ChatOpened]


class ChatAppended(Message):
    """The reply to what adds an event: it is stored durably."""

    seq: Seq = Field(description="Its number; 0 (and the time 0) when it was there already, before the newest events.")
    at_ms: int
    repeated: bool = Field(description="It was there already.")


class ChatReceiptReply(Message):
    """The reply to `chat_receipt`: where the reader stands."""

    delivered: Seq
    read: Seq


class ChatPage(Message):
    """The reply to `chat_history`, the oldest first."""

    events: list[ChatEvent]
    last_seq: Seq
    trimmed_through: Seq


class ChatFound(Message):
    """The reply to `chat_search`, the newest first."""

    events: list[ChatEvent]
    before: Seq = Field(description="Search on with this; 0 when all was searched.")


@dataclass(frozen=True)
class ChatClientEvent:
    """A client event: its models, and the error codes particular to it."""

    payload: type[Message]
    reply: type[Message]
    errors: tuple[ChatCode, ...]


_READ: Final[tuple[ChatCode, ...]] = ("not_logged_in", "unknown_conversation", "chat_unavailable")
_WRITE: Final[tuple[ChatCode, ...]] = (*_READ, "conversation_closed", "conversation_full")
_CASE: Final[tuple[ChatCode, ...]] = ("case_closed", "not_assigned", "unknown_case", "unknown_attachment")
_CHANGE: Final[tuple[ChatCode, ...]] = ("unknown_message", "not_author", "edit_too_late", "message_withdrawn")
_DOOR: Final[tuple[ChatCode, ...]] = (
    "unsupported_protocol",
    "not_logged_in",
    "token_invalid",
    "token_expired",
    "revoked",
    "removed",
    "forbidden",
    "not_admitted",
    "unknown_room",
    "chat_unavailable",
)

CHAT_CLIENT_EVENTS: Final[Mapping[str, ChatClientEvent]] = MappingProxyType(
    {
        "chat_hello": ChatClientEvent(ChatHello, ChatHelloReply, _DOOR),
        "chat_open": ChatClientEvent(ChatOpen, ChatOpened, _READ),
        "chat_resume": ChatClientEvent(ChatResume, ChatResumed, ("not_logged_in", "chat_unavailable")),
        "chat_close": ChatClientEvent(ChatClose, Done, ("not_logged_in",)),
        "chat_send": ChatClientEvent(ChatSend, ChatAppended, (*_WRITE, *_CASE)),
        "chat_edit": ChatClientEvent(ChatEdit, ChatAppended, (*_WRITE, *_CHANGE)),
        "chat_withdraw": ChatClientEvent(ChatWithdraw, ChatAppended, (*_WRITE, *_CHANGE)),
        "chat_receipt": ChatClientEvent(ChatReceived, ChatReceiptReply, _READ),
        "chat_type": ChatClientEvent(ChatType, Done, _READ),
        "chat_live": ChatClientEvent(ChatLive, Done, (*_READ, "conversation_closed")),
        "chat_rule": ChatClientEvent(ChatRule, Done, (*_READ, "forbidden")),
        "chat_history": ChatClientEvent(ChatHistory, ChatPage, _READ),
        "chat_search": ChatClientEvent(ChatSearch, ChatFound, _READ),
    }
)
"""What a client may send. Any of them may also be answered with one of ``CHAT_COMMON_ERRORS``."""

CHAT_COMMON_ERRORS: Final[tuple[ChatCode, ...]] = ("invalid_message", "rate_limited", "message_too_large", "internal")

CHAT_SERVER_EVENTS: Final[Mapping[str, type[Message]]] = MappingProxyType(
    {
        "chat_event": ChatEvent,
        "chat_receipts": ChatReceipts,
        "chat_typists": ChatTypists,
        "chat_presence": ChatPresence,
        "chat_text": ChatText,
        "chat_case": ChatCase,
        "chat_lagging": ChatLagging,
        "chat_reset": ChatReset,
        "chat_changed": ChatChanged,
        "chat_ended": ChatEnded,
    }
)
"""What the server sends unasked."""
