"""What a use case works in: a connection, one instant, and what is written beside the data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import attributes, make_transient_to_detached

from auth.audit import AuditEntry
from companion.driver import Driver
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
    """One transaction's connection, instant, and what will be written beside the data."""

    connection: AsyncConnection
    driver: Driver
    """The same connection, for statements that are ``companion.prepared``."""
    now: datetime
    """UTC; the same for all that happens in the transaction."""
    is_postgresql: bool
    audit: list[AuditEntry] = field(default_factory=list)
    outbox: list[OutboxMessage] = field(default_factory=list)
    touched: set[Touched] = field(default_factory=set)
    """Where free places come or go with the commit (``companion.slot_news``)."""

    protected: dict[str, bool] = field(default_factory=dict)
    """Whose rows were locked on the way, and whether their identity is protected."""
    _session: AsyncSession | None = None

    @property
    def session(self) -> AsyncSession:
        """Made when it is needed first: the hot path needs none."""
        if self._session is None:
            self._session = AsyncSession(self.connection, expire_on_commit=False)
        return self._session

    def remember(self, written: object) -> None:
        """Tell the session, if there is one, of an object whose row was written through the driver."""
        if self._session is not None:
            for name in attributes.instance_state(written).unloaded:  # what nobody said was written as NULL
                attributes.set_committed_value(written, name, None)
            make_transient_to_detached(written)
            self._session.add(written)

    @property
    def has_unwritten(self) -> bool:
        """Whether the session holds changes that are not in the database yet."""
        session = self._session
        return session is not None and bool(session.new or session.dirty or session.deleted)

    async def settled_driver(self) -> Driver:
        """The driver, when everything that the session holds has been written."""
        if self._session is not None:
            await self._session.flush()
        return self.driver

    async def close(self) -> None:
        """Give back what the session holds."""
        if self._session is not None:
            await self._session.close()

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
