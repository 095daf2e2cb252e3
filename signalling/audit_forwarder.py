"""The front's audit log on its way to the companion, where patients and administrators read it.

Every entry stands in Redis before the answer that it is about leaves (``auth/audit_store.py``); here it is copied
afterwards, in order and at least once. How far it has come is known by the companion alone: it says which entry it
holds last, and checks each link as it takes more. So nothing is remembered here, and a front that dies or a companion
that was away costs nothing but time. One front of all forwards at a time, by a lease:

=======================  ===========================================================================================
``{ao:audit}:forwarder`` the front that forwards; gone ``LEASE_MS`` after its last sign of life
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
from redis.exceptions import RedisError

from auth.audit import AuditKeys, Head, LinkedEntry
from auth.audit_store import entries, stored_head, trim
from signalling.companion_answers import CompanionRefusedError, CompanionUnavailableError
from signalling.companion_client import CompanionClient
from signalling.guard import service_principal
from signalling.lease import holds_lease

SCOPE: Final = "audit:write"
LEASE_KEY: Final = "{ao:audit}:forwarder"
LEASE_MS: Final = 30_000
"""Longer than a request with its retries."""
BATCH: Final = 200
MAX_BATCH_BYTES: Final = 300_000
"""Of bodies: with their escapes well below what the companion reads of one request (1 MiB)."""
IDLE_S: Final = 2.0
"""How old the companion's copy may be when nothing is wrong."""
UNAVAILABLE_S: Final = 5.0
REFUSED_S: Final = 60.0
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


class AuditForwarder:
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
        self._client, self._redis, self._keys, self._front_id = client, redis, keys, front_id
        self._metrics = metrics or ForwarderMetrics()
        self._trim_after_days = trim_after_days
        self._clock, self._sleep = clock, sleep
        self._principal = service_principal("front", frozenset({SCOPE}), front_id)
        self._held: Head | None = None
        """What the companion holds, as far as it has told this front; None: ask."""
        self._trim_at = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._sleep(await self.step())

    async def step(self) -> float:
        """Hand one batch over if it is this front's turn; returns how long to wait before the next one, in seconds."""
        try:
            if not await holds_lease(self._redis, LEASE_KEY, self._front_id, LEASE_MS):
                self._held = None
                return IDLE_S
            return await self._forward()
        except RedisError as error:
            _log.warning("audit_forwarding_postponed", cause=type(error).__name__)
            return UNAVAILABLE_S
        except CompanionUnavailableError as error:
            self._metrics.entries.labels("unavailable").inc()
            _log.warning("audit_forwarding_postponed", cause=error.cause)
            return UNAVAILABLE_S
        except CompanionRefusedError as error:
            self._held = None
            self._metrics.entries.labels("refused").inc()
            _log.error("audit_forwarding_refused", code=error.code, cause=error.problem.get("detail"))
            return REFUSED_S
        except Exception as error:  # whatever it is: the log must not stay behind because of it
            self._held = None
            _log.error("audit_forwarding_failed", error=type(error).__name__)
            return REFUSED_S

    async def _forward(self) -> float:
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
