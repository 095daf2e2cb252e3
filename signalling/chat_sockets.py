"""A socket as a reader of conversations: who it is, what it may send, and how much may wait for it."""

from dataclasses import InitVar, dataclass, field
from typing import Any, Final

from auth.principal import Principal
from signalling.connection import Connection
from signalling.socket_gate import GateReader
from signalling.token_bucket import TokenBucket

HINT_BYTES: Final = 16 * 1024
"""Beyond the limit of a slow socket there is room for the small packets that tell it so."""


@dataclass(frozen=True)
class Pass:
    """What a meeting token is good for."""

    meeting_id: str
    until_s: int
    """Seconds since the epoch, the leeway of clocks included."""


@dataclass(eq=False)
class ChatSocket(GateReader):
    """One socket that said who it is (a ``chat.fanout.Reader``)."""

    connection: Connection
    principal: Principal
    events: TokenBucket
    unsent_limit: InitVar[int]
    admitted: Pass | None
    """By a meeting token; None: logged in by a cookie."""
    was_used: bool = False
    """Somebody did something here since the login was looked at last; receipts do not count."""
    attached: dict[str, str] = field(default_factory=dict)
    """Conversations it reads, with who it is there (``author``)."""

    def __post_init__(self, unsent_limit: int) -> None:
        self.gate = self.connection.gate
        self.max_unsent_bytes = unsent_limit

    def send(self, packet: Any) -> bool:
        """Write a frame, unless too much waits already."""
        return self.connection.write(packet, self.max_unsent_bytes)

    def hint(self, packet: Any) -> None:
        """Write a small frame even then; a socket that takes not even those is cut."""
        if not self.connection.write(packet, self.max_unsent_bytes + HINT_BYTES):
            self.connection.abort("slow_reader")
