"""What a use case works in: a session, one instant, and what is written beside the data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from auth.audit import AuditEntry


@dataclass
class OutboxMessage:
    """Something to tell others once this transaction has been committed."""

    kind: str
    """``booking.created``..."""
    payload: Mapping[str, Any]
    """Ids and instants; no health information and no names."""
    key: str
    """The receiver does the same thing once, however often it is told (idempotency key)."""
    due_at: datetime | None = None
    """Not before; None: now."""


@dataclass
class Transaction:
    """One transaction's session, instant, and what will be written beside the data."""

    session: AsyncSession
    now: datetime
    """UTC; the same for all that happens in the transaction."""
    is_postgresql: bool
    audit: list[AuditEntry] = field(default_factory=list)
    outbox: list[OutboxMessage] = field(default_factory=list)

    def publish(self, kind: str, key: str, due_at: datetime | None = None, **payload: Any) -> None:
        """Tell others after the commit; ``key`` makes it happen once."""
        self.outbox.append(OutboxMessage(kind, payload, key, due_at))
