"""What a use case works in: a session, one instant, and what is written beside the data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from auth.audit import AuditEntry
from companion.event_kinds import EVENT_KINDS
from companion.slot_news import ANYWHERE, Touched


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
    touched: set[Touched] = field(default_factory=set)
    """Where free places come or go with the commit (``companion.slot_news``)."""

    def places_change(self, unit_hsa_id: str, time_type_id: str) -> None:
        """A place of a unit's slots of a time type is taken or free again."""
        self.touched.add((unit_hsa_id, time_type_id))

    def any_places_change(self) -> None:
        """Slots come or go, open or close, or may be found by others than before."""
        self.touched.add(ANYWHERE)

    def publish(self, kind: str, key: str, due_at: datetime | None = None, **payload: Any) -> None:
        """Tell others after the commit; ``key`` makes it happen once. ``kind`` is one of ``EVENT_KINDS``."""
        if kind not in EVENT_KINDS:
            raise ValueError(f"no such kind of event: {kind}")
        self.outbox.append(OutboxMessage(kind, payload, key, due_at))
