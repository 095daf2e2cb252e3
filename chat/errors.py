"""The one error of conversations, with its documented codes; and the limits of files that an error can name."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

ChatErrorCode = Literal[
    "unknown_conversation",
    "conversation_closed",
    "conversation_full",
    "unknown_message",
    "not_author",
    "edit_too_late",
    "message_withdrawn",
    "unknown_attachment",
    "chat_unavailable",
    "forbidden",
    "rate_limited",
    "invalid",
]
"""``unknown_conversation`` is also the answer to those who may not read it: nobody learns what exists."""

CHAT_ERROR_CODES: Final[tuple[ChatErrorCode, ...]] = get_args(ChatErrorCode)


class ChatError(Exception):
    """Something about a conversation was refused."""

    def __init__(self, code: ChatErrorCode, field: str | None = None) -> None:
        super().__init__(code)
        self.code: ChatErrorCode = code
        self.field = field


LimitOf = Literal["file_bytes", "conversation_bytes", "conversation_files", "person_day_bytes", "pending_files"]
LIMITS: Final[Mapping[LimitOf, str]] = MappingProxyType(
    {
        "file_bytes": "Bytes of one file.",
        "conversation_bytes": "Bytes of all files of a conversation.",
        "conversation_files": "Files of a conversation.",
        "person_day_bytes": "Bytes that one person sends in a day (UTC), in all conversations.",
        "pending_files": "Files of one person in a conversation that no message carries yet.",
    }
)
"""What is limited -> its meaning."""


@dataclass(frozen=True)
class Limit:
    """A limit that was met: at most so many of them."""

    of: LimitOf
    most: int
