"""The dispatcher: delivers what stands in the outbox, at least once and with an idempotency key.

The receiver remembers the keys that it has seen, so that what is delivered twice happens once. A message that does not
arrive is tried again after a growing pause; others are not held up by it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import httpx2
import structlog

from auth.tokens import TokenKeys
from companion.database import Database
from companion.store import outbox as store

BATCH: Final = 50
IDLE_S: Final = 0.5
"""How long the dispatcher sleeps when nothing is due and nobody wakes it."""
FIRST_PAUSE: Final = timedelta(seconds=1)
EVENTS_SCOPE: Final = "companion:events"
SERVICE_NAME: Final = "companion"
_TOKEN_LIFETIME_S: Final = 60

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Event:
    """A message as it is delivered."""

    key: str
    kind: str
    created_at: datetime
    payload: dict[str, Any]


class DeliveryError(Exception):
    """The receiver did not take it."""


class Receiver(Protocol):
    """Where events go."""

    async def deliver(self, event: Event) -> None:
        """Hand it over; ``DeliveryError`` when it must be tried again."""


class HttpReceiver:
    """Posts events to the front, with a service token of the scope ``companion:events``."""

    def __init__(self, url: str, keys: TokenKeys, http: httpx2.AsyncClient, clock: Callable[[], datetime]) -> None:
        self._url = url
        self._keys = keys
        self._http = http
        self._clock = clock

    async def deliver(self, event: Event) -> None:
        """POST it; any answer below 300 means that it was taken."""
        token = self._keys.sign_service(
            service=SERVICE_NAME,
            scopes=frozenset({EVENTS_SCOPE}),
            now=self._clock().timestamp(),
            lifetime_s=_TOKEN_LIFETIME_S,
        )
        body = {
            "key": event.key,
            "kind": event.kind,
            "created_at": event.created_at.isoformat(),
            "payload": event.payload,
        }
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": event.key}
        try:
            response = await self._http.post(self._url, json=body, headers=headers)
        except httpx2.HTTPError as error:
            raise DeliveryError(type(error).__name__) from None
        if response.status_code >= 300:
            raise DeliveryError(f"status {response.status_code}")


class Dispatcher:
    """Runs in the background of each companion process; several may run beside each other."""

    def __init__(self, database: Database, receiver: Receiver, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._receiver = receiver
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                count = await self.deliver_due()
            except Exception as failure:  # the database is away: the messages are not lost by it
                _log.error("outbox_unavailable", error=type(failure).__name__)
                count = 0
            if not count:
                await asyncio.sleep(IDLE_S)

    async def deliver_due(self) -> int:
        """Deliver one batch of what is due now; returns how many were tried."""
        async with self._database.reading(self._clock()) as transaction:
            if not await store.is_anything_due(transaction):
                return 0
        async with self._database.transaction(self._clock()) as transaction:
            rows = await store.claim(transaction, BATCH)
        delivered: list[int] = []
        for row in rows:
            async with self._database.reading(self._clock()) as transaction:
                if not await store.is_wanted(transaction, row.id):
                    continue
            try:
                await self._receiver.deliver(Event(row.key, row.kind, row.created_at, row.payload))
            except DeliveryError as error:
                _log.warning("outbox_postponed", kind=row.kind, attempts=row.attempts, error=str(error))
                async with self._database.transaction(self._clock()) as transaction:
                    await store.postpone(transaction, row.id, FIRST_PAUSE * 2 ** min(row.attempts - 1, 10))
            else:
                delivered.append(row.id)
        if delivered:
            async with self._database.transaction(self._clock()) as transaction:
                await store.mark_delivered(transaction, delivered)
        return len(rows)
