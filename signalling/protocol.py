"""The wire protocol, version 1: every event, payload, reply and error code between a client and the front.

Transport: Socket.IO 4 over WebSocket only (no long polling), path ``/socket.io/``, namespace ``/``, packets
in MessagePack. A client event carries one object and is acknowledged with one object: ``{ok: true, ...reply}``
or ``{ok: false, error: {code, message, field?}}``. Server events carry one object and are not acknowledged.

``signalling/protocol.py`` is the truth: ``docs/protocol.md`` and ``web/client/src/protocol.ts`` are generated from it
by ``python -m signalling.documents``. What a client sends is checked strictly (unknown fields are refused);
a client must ignore fields and events that it does not know, so that the server can grow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from auth.permissions import Action
from signalling.protocol_errors import ERROR_CODES as ERROR_CODES
from signalling.protocol_errors import ERROR_MESSAGES as ERROR_MESSAGES
from signalling.protocol_errors import ErrorCode as ErrorCode

PROTOCOL_VERSION: Final = 1

MAX_OFFER_CHARACTERS: Final = 256 * 1024
"""Chrome's offer with 8 slot pairs is about 30 kB; four times 64 m-lines still fits."""

MAX_TRACKS: Final = 64
"""Media sections (m-lines) that may carry a source; the media worker refuses more with ``too_many_media``."""

MAX_ICE_URLS: Final = 8
"""Addresses of one TURN server entry."""

MAX_WANTED: Final = 200
"""Length of a ``select`` list; more than any screen shows, little enough to check at once."""

Source = Literal["microphone", "camera", "screen"]
Quality = Literal["low", "medium", "high"]
Role = Literal["host", "participant", "guest", "interpreter"]
ParticipantState = Literal["connected", "lost"]
LeaveReason = Literal["left", "lost", "removed", "replaced"]
ReconnectReason = Literal["worker_lost", "transport_failed"]
MediaPath = Literal["", "udp", "tcp", "relay_udp", "relay_tcp", "relay_tls"]
ClosedCode = Literal["room_closed", "cancelled", "moved", "removed", "replaced", "denied", "revoked"]


class Message(BaseModel):
    """Base of every payload: strict types, immutable, unknown fields refused."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""A room or participant id."""
Mid = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,32}$")]
"""A media section's identification tag, a token (RFC 5888 section 4)."""
Token = Annotated[str, Field(min_length=1, max_length=4096)]
ResumeToken = Annotated[str, Field(min_length=1, max_length=256)]
Offer = Annotated[str, Field(min_length=1, max_length=MAX_OFFER_CHARACTERS)]


# --- parts of payloads -----------------------------------------------------------------------------------------


class Sources(Message):
    """Which of a participant's sources are active (sending and not muted)."""

    microphone: bool
    camera: bool
    screen: bool


class Participant(Message):
    """Somebody in the room, as everybody in the room may see them."""

    participant_id: Identifier = Field(description="Random id of this participation; not the identity.")
    display_name: str = Field(description="The name to show.")
    role: Role = Field(description="What the participant may do in the room.")
    state: ParticipantState = Field(description="`lost`: the connection is gone, the place is kept a while.")
    sources: Sources = Field(description="Which sources are active.")


class SlotAssignment(Message):
    """What one of the client's own `recvonly` media sections carries now."""

    mid: Mid = Field(description="The client's own media section.")
    participant_id: Identifier | None = Field(description="Whose source it carries; null when empty.")
    source: Source | None = Field(description="Which source it carries; null when empty.")


class WantedSource(Message):
    """One video a client wants to see, in `select`."""

    participant_id: Identifier
    source: Source
    quality: Quality = Field(description="The highest quality worth sending, by the size on the screen.")


class WaitingPerson(Message):
    """Somebody in the waiting room, as the hosts see them."""

    participant_id: Identifier = Field(description="Random id of this wait, for `admit` and `remove`.")
    display_name: str = Field(description="The name to confirm. A guest chose it: nobody has checked it.")
    role: Role = Field(description="The role that the token gives.")
    since: int = Field(description="Waiting since, in seconds since the epoch.")
    state: ParticipantState = Field(description="`lost`: the connection is gone, the place is kept a while.")


class WaitingPlace(Message):
    """Where somebody stands in the waiting room: nothing about who else is there."""

    position: int = Field(description="1 is next.")
    people_before: int = Field(description="How many came earlier and still wait.")
    host_present: bool = Field(description="Whether a host is in the room.")
    estimated_wait_s: int | None = Field(
        description="From how fast people were let in lately, in seconds; null when nothing is known."
    )


class IceServer(Message):
    """A TURN server and credentials for it, in the form of `RTCIceServer` (W3C WebRTC)."""

    urls: list[str] = Field(max_length=MAX_ICE_URLS, description="`turn:` and `turns:` addresses (RFC 7065).")
    username: str = Field(description="Expires by itself: it begins with the time of its end.")
    credential: str


class WireError(Message):
    """Why a client event was refused."""

    code: ErrorCode = Field(description="What to act on and to translate by.")
    message: str = Field(description="English text for developers.")
    field: str | None = Field(default=None, description="The field at fault, when one is.")


# --- client -> server ------------------------------------------------------------------------------------------


class Join(Message):
    """Enter the token's room with one offer. The first message on a socket, within 10 s of its opening."""

    protocol: Literal[1] = Field(description="The protocol version.")
    token: Token = Field(description="A meeting token (JWT).")
    offer: Offer = Field(
        description=(
            "SDP offer of the one peer connection: sendonly microphone, camera, screen, "
            "then pairs of recvonly audio and video (the slots)."
        )
    )
    tracks: dict[Mid, Source] = Field(max_length=MAX_TRACKS, description="Which sendonly media section is what.")
    active: dict[Source, bool] = Field(
        default_factory=dict, description="Which sources are active from the start; missing ones are not."
    )
    resume_token: ResumeToken | None = Field(
        default=None, description="From an earlier join, to take the same place over (page reload, new worker)."
    )


class Wait(Message):
    """Ask to be let in: the first message of a socket whose token is not admitted. No offer, no media yet.

    When a host admits, the server sends `admitted` with a token; the same socket then sends `join` with it.
    Lost sockets send `wait` again, with the resume token, and find their place kept for a while.
    """

    protocol: Literal[1] = Field(description="The protocol version.")
    token: Token = Field(description="A meeting token (JWT) that is not admitted.")
    resume_token: ResumeToken | None = Field(
        default=None, description="From an earlier `wait`, to take the same place over while its socket is not gone."
    )


class Admit(Message):
    """Let somebody in from the waiting room. Hosts only."""

    participant_id: Identifier = Field(description="Of the one who waits.")


class Remove(Message):
    """Turn somebody away, or take somebody out of the room; what let them in leads nowhere from now on. Hosts only."""

    participant_id: Identifier = Field(description="Of the one who waits or is in the room.")


class Renew(Message):
    """Get a fresh meeting token before the old one expires; for those who wait and for those in the room."""


class Resume(Message):
    """Bind a new socket to a participation whose peer connection still lives (the old socket was lost)."""

    protocol: Literal[1] = Field(description="The protocol version.")
    token: Token = Field(description="The meeting token; it may have expired while the call went on.")
    participant_id: Identifier
    resume_token: ResumeToken


class Negotiate(Message):
    """A new offer on the same peer connection: ICE restart, or more slots."""

    offer: Offer
    tracks: dict[Mid, Source] = Field(max_length=MAX_TRACKS, description="As in `join`, for all media sections.")


class SetSource(Message):
    """A source was muted, unmuted, started or stopped. Needs no offer."""

    source: Source
    active: bool


class Select(Message):
    """Which videos the client shows, the most important first. An empty list lets the server choose."""

    wanted: list[WantedSource] = Field(max_length=MAX_WANTED)
    hidden: bool = Field(
        default=False, description="Nobody looks at present (a page in the background): no video is sent, sound is."
    )


class Report(Message):
    """How the call went so far by the browser's statistics, for the record of the visit: now and then, and before
    `leave`. The numbers count from the start of the peer connection.
    """

    freezes: int = Field(ge=0, le=1_000_000, description="Of all pictures that were received.")
    frozen_ms: int = Field(ge=0, le=2**31 - 1, description="How long those took together, in milliseconds.")
    jitter_ms: int = Field(ge=0, le=60_000, description="The worst of what is received now, in milliseconds.")
    path: MediaPath = Field(description="How media goes now; empty when that is not known.")


class Leave(Message):
    """Leave the room or the waiting room for good."""


# --- replies ---------------------------------------------------------------------------------------------------


class SlotsState(Message):
    """All slots of the client, with a version that grows with each change."""

    slots: list[SlotAssignment] = Field(description="All slots of this client, in the order of its offer.")
    slots_version: int = Field(description="Grows with each change; ignore a state older than the newest seen.")


class JoinReply(SlotsState):
    """The reply to `join`."""

    participant_id: Identifier = Field(description="The client's own id in the room.")
    resume_token: ResumeToken = Field(
        description=(
            "Secret: proves a right to this place. A web page keeps it in `sessionStorage`, so that a reload finds "
            "the place again and another tab does not; nothing may keep it longer or send it anywhere else."
        )
    )
    token_expires_at: int = Field(
        description="When the meeting token expires, in seconds since the epoch; `renew` well before."
    )
    room_id: Identifier
    room_name: str
    answer: str = Field(description="SDP answer.")
    participants: list[Participant] = Field(description="Everybody in the room, the client included.")
    lost_after_ms: int = Field(description="How long a lost participant's place is kept, in milliseconds.")
    waiting: list[WaitingPerson] = Field(description="Who waits to be let in, for hosts; empty for everybody else.")
    ice_servers: list[IceServer] = Field(
        description="TURN servers for `RTCPeerConnection.setConfiguration`; empty when there are none."
    )


class WaitReply(WaitingPlace):
    """The reply to `wait`."""

    participant_id: Identifier = Field(description="Random id of this wait.")
    resume_token: ResumeToken = Field(description="Secret: proves a right to this place in the queue.")
    token_expires_at: int = Field(
        description="When the meeting token expires, in seconds since the epoch; `renew` well before."
    )
    meeting_title: str
    starts_at: int | None = Field(description="When the meeting is planned to begin, in seconds since the epoch.")
    phone: str | None = Field(description="The number to call when video does not work out.")
    admitted_token: Token | None = Field(
        description="Set when a host has let this person in already (after a reload): `join` with it at once."
    )


class ResumeReply(SlotsState):
    """The reply to `resume`."""

    participants: list[Participant] = Field(description="Everybody in the room, the client included.")
    waiting: list[WaitingPerson] = Field(description="Who waits to be let in, for hosts; empty for everybody else.")


class RenewReply(Message):
    """The reply to `renew`."""

    token: Token = Field(description="The new meeting token; it says what the old one said.")
    expires_at: int = Field(description="Seconds since the epoch.")


class NegotiateReply(SlotsState):
    """The reply to `negotiate`."""

    answer: str = Field(description="SDP answer.")


class Done(Message):
    """The reply to events that have nothing to tell."""


# --- server -> client ------------------------------------------------------------------------------------------


class ParticipantJoined(Message):
    """Somebody entered the room."""

    participant: Participant


class ParticipantChanged(Message):
    """Somebody's state or sources changed."""

    participant: Participant


class ParticipantLeft(Message):
    """Somebody is out of the room."""

    participant_id: Identifier
    reason: LeaveReason


class Slots(SlotsState):
    """What the client's slots carry from now on (all of them, not a difference)."""


class Speakers(Message):
    """Who speaks, sent when it changes and at most five times a second."""

    participant_ids: list[Identifier] = Field(description="The loudest first; empty when all are silent.")


class Reconnect(Message):
    """The media path is gone: make a new peer connection and `join` again at once, with the resume token.

    Those who wait send `wait` again.
    """

    reason: ReconnectReason


class Waiting(Message):
    """Who waits to be let in, sent to hosts whenever it changes (all of them, not a difference)."""

    people: list[WaitingPerson] = Field(description="The longest waiting first.")


class WaitingChanged(WaitingPlace):
    """The client's own place in the waiting room has changed."""


class Admitted(Message):
    """A host let the client in: `join` with this token on the same socket."""

    token: Token = Field(description="The admitted meeting token.")
    expires_at: int = Field(description="Seconds since the epoch.")


class Closed(Message):
    """The participation is over; the client must not come back by itself.

    `removed`: a host took you out; `denied`: a host did not let you in; `revoked`: your login or link was withdrawn;
    `cancelled`, `moved`: the booking behind the meeting was.
    """

    code: ClosedCode
    message: str = Field(description="English text for developers.")


@dataclass(frozen=True)
class ClientEvent:
    """A client event: its models, the error codes particular to it, and what one has to be permitted to do."""

    payload: type[Message]
    reply: type[Message]
    errors: tuple[ErrorCode, ...]
    action: Action


_MEDIA: Final[tuple[ErrorCode, ...]] = (
    "offer_invalid",
    "offer_no_fingerprint",
    "offer_too_large",
    "too_many_media",
    "worker_timeout",
)

_TOKEN: Final[tuple[ErrorCode, ...]] = (
    "token_invalid",
    "token_expired",
    "revoked",
    "removed",
    "forbidden",
    "unknown_room",
)
_INSIDE: Final[tuple[ErrorCode, ...]] = ("not_joined", "not_admitted", "forbidden")
_DOOR: Final[tuple[ErrorCode, ...]] = (*_INSIDE, "unknown_participant")

CLIENT_EVENTS: Final[Mapping[str, ClientEvent]] = MappingProxyType(
    {
        "join": ClientEvent(
            Join,
            JoinReply,
            (
                "unsupported_protocol",
                *_TOKEN,
                "not_admitted",
                "room_full",
                "identity_in_use",
                "already_joined",
                "resume_refused",
                "no_worker",
                *_MEDIA,
            ),
            Action.MEETING_ENTER,
        ),
        "wait": ClientEvent(
            Wait,
            WaitReply,
            (
                "unsupported_protocol",
                *_TOKEN,
                "room_full",
                "identity_in_use",
                "already_joined",
                "no_worker",
                "worker_timeout",
            ),
            Action.MEETING_WAIT,
        ),
        "resume": ClientEvent(
            Resume,
            ResumeReply,
            (
                "unsupported_protocol",
                *_TOKEN,
                "not_admitted",
                "already_joined",
                "resume_refused",
                "worker_timeout",
            ),
            Action.MEETING_ENTER,
        ),
        "negotiate": ClientEvent(Negotiate, NegotiateReply, (*_INSIDE, *_MEDIA), Action.MEETING_TAKE_PART),
        "set_source": ClientEvent(SetSource, Done, (*_INSIDE, "worker_timeout"), Action.MEETING_TAKE_PART),
        "select": ClientEvent(Select, Done, (*_INSIDE, "worker_timeout"), Action.MEETING_TAKE_PART),
        "report": ClientEvent(Report, Done, (*_INSIDE, "worker_timeout"), Action.MEETING_TAKE_PART),
        "admit": ClientEvent(Admit, Done, (*_DOOR, "worker_timeout"), Action.MEETING_ADMIT),
        "remove": ClientEvent(Remove, Done, (*_DOOR, "worker_timeout"), Action.MEETING_REMOVE),
        "renew": ClientEvent(
            Renew,
            RenewReply,
            ("not_joined", "forbidden", "token_expired", "revoked", "removed"),
            Action.MEETING_RENEW_TOKEN,
        ),
        "leave": ClientEvent(Leave, Done, ("not_joined",), Action.MEETING_TAKE_PART),
    }
)
"""What a client may send. Any of them may also be answered with one of ``COMMON_ERRORS``."""

COMMON_ERRORS: Final[tuple[ErrorCode, ...]] = ("invalid_message", "rate_limited", "message_too_large", "internal")

SERVER_EVENTS: Final[Mapping[str, type[Message]]] = MappingProxyType(
    {
        "participant_joined": ParticipantJoined,
        "participant_changed": ParticipantChanged,
        "participant_left": ParticipantLeft,
        "slots": Slots,
        "speakers": Speakers,
        "waiting": Waiting,
        "waiting_changed": WaitingChanged,
        "admitted": Admitted,
        "reconnect": Reconnect,
        "closed": Closed,
    }
)
"""What the server sends unasked."""


def acknowledge(reply: Mapping[str, Any]) -> dict[str, Any]:
    """The acknowledgement of an event that was carried out."""
    return {"ok": True, **reply}


def refuse(code: ErrorCode, message: str | None = None, field: str | None = None) -> dict[str, Any]:
    """The acknowledgement of an event that was refused; without ``message`` the code's own text is used."""
    error = {"code": code, "message": message or ERROR_MESSAGES[code]}
    if field is not None:
        error["field"] = field
    return {"ok": False, "error": error}
