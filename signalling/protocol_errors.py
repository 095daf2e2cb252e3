"""The error codes of the wire protocol (``signalling/protocol.py``), with a text for developers each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

ErrorCode = Literal[
    "invalid_message",
    "unsupported_protocol",
    "token_invalid",
    "token_expired",
    "revoked",
    "removed",
    "not_admitted",
    "forbidden",
    "unknown_room",
    "unknown_participant",
    "room_full",
    "identity_in_use",
    "not_joined",
    "already_joined",
    "resume_refused",
    "offer_invalid",
    "offer_no_fingerprint",
    "offer_too_large",
    "too_many_media",
    "no_worker",
    "worker_timeout",
    "rate_limited",
    "message_too_large",
    "internal",
]

ERROR_MESSAGES: Final[Mapping[ErrorCode, str]] = MappingProxyType(
    {
        "invalid_message": "The message does not follow the protocol.",
        "unsupported_protocol": "This protocol version is not spoken here.",
        "token_invalid": "The token is not valid.",
        "token_expired": "The token has expired.",
        "revoked": "What let you in has been withdrawn.",
        "removed": "You were removed from this meeting.",
        "not_admitted": "Wait until a host lets you in.",
        "forbidden": "Your role may not do this.",
        "unknown_room": "The room does not exist.",
        "unknown_participant": "Nobody of that id is waiting or in the room.",
        "room_full": "The room is full.",
        "identity_in_use": "This identity is already connected to the room.",
        "not_joined": "Join a room first.",
        "already_joined": "This socket has already joined a room.",
        "resume_refused": "The session cannot be resumed; join again.",
        "offer_invalid": "The offer cannot be used.",
        "offer_no_fingerprint": "The offer has no certificate fingerprint.",
        "offer_too_large": "The offer is too large.",
        "too_many_media": "The offer has too many media sections.",
        "no_worker": "No media worker is available.",
        "worker_timeout": "The media worker did not answer in time.",
        "rate_limited": "Too many messages; slow down.",
        "message_too_large": "The message is too large.",
        "internal": "Something went wrong on the server.",
    }
)
"""English text per error code. A client translates by code and shows this text only for codes it does not know."""

ERROR_CODES: Final[tuple[ErrorCode, ...]] = get_args(ErrorCode)
