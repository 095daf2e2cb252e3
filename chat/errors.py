"""The one error of conversations, with its documented codes."""

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
