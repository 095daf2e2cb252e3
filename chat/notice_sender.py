"""What the outbox asks of those who send: one adapter for each channel."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from chat.notices import Channel


@dataclass(frozen=True)
class Outgoing:
    """A notice as it leaves the house. ``repr`` shows neither place nor text."""

    notice_id: str
    """Also the idempotency key towards gateways."""
    to: str = field(repr=False)
    """Telephone number, e-mail address, or web push subscription (JSON)."""
    subject: str = field(repr=False)
    text: str = field(repr=False)
    lifetime_s: int = 24 * 3600


class SendError(Exception):
    """It was not sent. ``temporary``: may pass. ``bounced``: there is no such place. ``permanent``: never will be."""

    def __init__(self, kind: Literal["temporary", "bounced", "permanent"], cause: str) -> None:
        super().__init__(f"{kind}: {cause}")
        self.kind: Literal["temporary", "bounced", "permanent"] = kind
        self.cause = cause


class Sender(Protocol):
    """Sends notices of one channel."""

    channel: Channel
    repeats_safely: bool
    """The other side takes a notice with the same id once. Where it does not, a notice whose sending was interrupted
    is not sent again: nobody is told twice."""

    async def send(self, outgoing: Outgoing) -> str:
        """Send it; the reference under which its delivery will be reported. ``SendError`` otherwise."""

    async def close(self) -> None:
        """Give connections back."""
