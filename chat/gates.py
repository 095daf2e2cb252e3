"""What conversations ask of others: the case workflow, attachments, and the log of who reads."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from auth.permissions import Action
from auth.principal import Principal
from chat.conversation import Conversation
from chat.errors import ChatError


class ConversationGate(Protocol):
    """Has a say before a message is appended (case workflow), and learns of it; ``now``: seconds since the epoch."""

    async def before_append(self, conversation: Conversation, principal: Principal, now: float) -> None:
        """Raises ``ChatError`` or another error with a ``code`` when they may not write now; changes nothing.

        The message is not there yet, and may still fail to be appended.
        """

    async def after_append(self, conversation: Conversation, principal: Principal, seq: int, now: float) -> None:
        """The message stands there with this number. Told again when it is sent again after a lost acknowledgement."""


class AttachmentGate(Protocol):
    """Knows which uploads a message may name."""

    async def check_usable(
        self, conversation_id: str, author: str, attachment_ids: Sequence[str], *, client_id: str, now_s: float
    ) -> Sequence[Mapping[str, Any]]:
        """What readers are shown of each; ``ChatError`` (unknown_attachment) when one may not be used here.

        The message with this client id takes them; ``carried`` or ``give_back`` says what became of it.
        """

    async def carried(self, conversation_id: str, attachment_ids: Sequence[str]) -> None:
        """The message that took these is stored."""

    async def give_back(
        self, conversation_id: str, attachment_ids: Sequence[str], *, client_id: str, now_s: float
    ) -> None:
        """The message that took these was refused."""

    async def hide_with(self, conversation_id: str, attachment_ids: Sequence[str], target: int) -> None:
        """The message with this number, which carries these, is about to be withdrawn."""

    async def hide(self, conversation_id: str, attachment_ids: Sequence[str]) -> None:
        """The message that carries these was withdrawn: its readers cannot fetch them any more."""

    async def erase_conversation(self, conversation_id: str) -> None:
        """Forget everything that was attached."""


class AccessLog(Protocol):
    """Is told before anybody is shown messages or adds one; what it raises, they meet instead."""

    async def record(self, principal: Principal, action: Action, conversation: Conversation) -> None:
        """Note who does what in which patient's conversation."""

    async def refuse(self, principal: Principal, action: Action, conversation: Conversation) -> None:
        """Note who wanted to and may not."""


class OpenGate:
    """Where no workflow stands before a message."""

    async def before_append(self, conversation: Conversation, principal: Principal, now: float) -> None:
        """Everything may pass."""

    async def after_append(self, conversation: Conversation, principal: Principal, seq: int, now: float) -> None:
        """Nothing follows."""


class NoAttachments:
    """Where nothing can be attached."""

    async def check_usable(
        self,
        conversation_id: str,  # noqa: ARG002  # the protocol's names
        author: str,  # noqa: ARG002
        attachment_ids: Sequence[str],
        **_message: Any,
    ) -> Sequence[Mapping[str, Any]]:
        """Refuse all."""
        if attachment_ids:
            raise ChatError("unknown_attachment", "attachments")
        return ()

    async def carried(self, conversation_id: str, attachment_ids: Sequence[str]) -> None:
        """There is nothing."""

    async def give_back(
        self, conversation_id: str, attachment_ids: Sequence[str], *, client_id: str, now_s: float
    ) -> None:
        """There is nothing."""

    async def hide_with(self, conversation_id: str, attachment_ids: Sequence[str], target: int) -> None:
        """There is nothing."""

    async def hide(self, conversation_id: str, attachment_ids: Sequence[str]) -> None:
        """There is nothing."""

    async def erase_conversation(self, conversation_id: str) -> None:
        """There is nothing."""


class NoAccessLog:
    """For tests and measurements."""

    async def record(self, principal: Principal, action: Action, conversation: Conversation) -> None:
        """Forget it."""

    async def refuse(self, principal: Principal, action: Action, conversation: Conversation) -> None:
        """Forget it."""
