"""The front's audit log on its way to the companion, where patients and administrators read it.

Every entry stands in Redis before the answer that it is about leaves (``auth/audit_store.py``); here it is copied
afterwards, in order and at least once. How far it has come is known by the companion alone: it says which entry it
holds last, and checks each link as it takes more. So nothing is remembered here, and a front that dies or a companion
that was away costs nothing but time. One front of all forwards at a time, by a lease:

=======================  ===========================================================================================
``{ao:audit}:forwarder`` the front that forwards; gone half a minute after its last sign of life
=======================  ===========================================================================================

A refusal (409) means that the two logs do not fit together: somebody has changed one of them, or Redis came back with
less than it had. It is counted and logged, and tried again now and then; it never mends itself.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Literal, get_args

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from redis.asyncio import Redis

from auth.audit import AuditKeys, Head, LinkedEntry
from auth.audit_store import entries, stored_head, trim
from signalling.companion_answers import CompanionUnavailableError
from signalling.companion_client import CompanionClient
from signalling.hand_over import IDLE_S, REFUSED_S, HandOver

SCOPE: Final = "audit:write"
LEASE_KEY: Final = "{ao:audit}:forwarder"
BATCH: Final = 200
MAX_BATCH_BYTES: Final = 300_000
"""Of bodies: with their escapes well below what the companion reads of one request (1 MiB)."""
TRIM_INTERVAL_S: Final = 3600.0
_DAY_MS: Final = 24 * 3600 * 1000

Result = Literal["taken", "refused", "unavailable", "behind"]

_log = structlog.get_logger(__name__)


class ForwarderMetrics:
    """What is counted, in the front's registry."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self.entries = Counter(
            "ao_front_audit_forwarded",
            "Audit entries handed to the companion, by result: taken, refused (the logs do not fit together: look at "
            "once), unavailable (tried again), behind (the companion has more than Redis: look at once).",
            ["result"],
            registry=registry,
        )
        for result in get_args(Result):
            self.entries.labels(result)
        self.waiting = Gauge(
            "ao_front_audit_waiting", "Audit entries that the companion does not have yet.", registry=registry
        )


class AuditForwarder(HandOver):
    """One per front; ``run`` in the background. ``clock`` tells the time of day."""

    def __init__(
        self,
        client: CompanionClient,
        redis: "Redis",
        keys: AuditKeys,
        front_id: str,
        metrics: ForwarderMetrics | None = None,
        *,
        trim_after_days: int = 0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._metrics = metrics or ForwarderMetrics()
        super().__init__(
            redis,
            front_id,
            name="audit_forwarding",
            lease_key=LEASE_KEY,
            scope=SCOPE,
            results=self._metrics.entries,
            sleep=sleep,
        )
        self._client, self._keys = client, keys
        self._trim_after_days = trim_after_days
        self._clock = clock
        self._held: Head | None = None
        """What the companion holds, as far as it has told this front; None: ask."""
        self._trim_at = 0.0

    def _doubt(self) -> None:
        self._held = None

    async def _hand_over(self) -> float:
        if self._held is None:
            self._held = _head((await self._client.get("/front-audit/head", self._principal)).body)
        head = await stored_head(self._redis)
        end = 0 if head is None else head.head.number
        if end < self._held.number:
            self._metrics.entries.labels("behind").inc()
            _log.error("audit_store_behind", entries=end, held=self._held.number)
            return REFUSED_S
        batch = await self._batch(self._held.number)
        if not batch:
            self._metrics.waiting.set(0)
            await self._trim(self._held)
            return IDLE_S
        body = {"entries": [{"number": one.number, "body": one.body.decode(), "hash": one.hash.hex()} for one in batch]}
        key = f"front-audit-{batch[0].number}-{batch[-1].number}"
        answer = await self._client.send(
            "POST", "/front-audit/entries", self._principal, body=body, idempotency_key=key
        )
        now_held = _head(answer)
        if now_held.number < batch[-1].number:  # it has not taken them, whatever it says
            raise CompanionUnavailableError("malformed")
        self._held = now_held
        self._metrics.entries.labels("taken").inc(len(batch))
        self._metrics.waiting.set(max(0, end - self._held.number))
        return 0.0

    async def _batch(self, after: int) -> list[LinkedEntry]:
        found: list[LinkedEntry] = []
        size = 0
        async for one in entries(self._redis, after=after):
            size += len(one.body)
            if found and (len(found) == BATCH or size > MAX_BATCH_BYTES):
                break
            found.append(one)
        return found

    async def _trim(self, held: Head) -> None:
        now = self._clock()
        if not self._trim_after_days or now < self._trim_at:
            return
        self._trim_at = now + TRIM_INTERVAL_S
        before_ms = int(now * 1000) - self._trim_after_days * _DAY_MS
        count = await trim(self._redis, self._keys, held=held, before_ms=before_ms)
        if count:
            _log.info("audit_trimmed", entries=count)


def _head(body: object) -> Head:
    """What the companion says that it holds."""
    try:
        return Head(int(body["number"]), bytes.fromhex(body["hash"]))  # type: ignore[index]  # what is not is caught
    except (KeyError, TypeError, ValueError):
        raise CompanionUnavailableError("malformed") from None
