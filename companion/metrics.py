"""Metrics of the companion, for Prometheus: is anything held up, and are the audit logs whole?

A port of their own (``ALLTID_COMPANION_METRICS_PORT``), on this machine only unless told otherwise: what is counted is
for operation, not for those who use the API. No label carries a person, a unit or a place.

What stands in the database is looked up by ``Sampler`` twice a minute. It follows both chains of the audit log from
where it looked last; the first time from their beginning.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import func, select

from auth.audit import AuditKeys, Head, SignedHead, Verifier
from companion.database import Database
from companion.models.audit import AuditRow, ChainRow, FrontAuditRow
from companion.models.outbox import OutboxRow
from companion.models.summons import Letter
from companion.outbox import FIRST_PAUSE
from companion.rules.summons import LetterState
from companion.store.audit import HEADS, begin_of, linked_entries, stored_head
from companion.store.outbox import MAX_PAUSE
from companion.transaction import Transaction

INTERVAL_S: Final = 30.0
STUCK_ATTEMPTS: Final = 5
"""So many deliveries failed: about half a minute, and no blip."""
CHAINS: Final[dict[str, type[ChainRow]]] = {"companion": AuditRow, "front": FrontAuditRow}

_log = structlog.get_logger(__name__)


class Metrics:
    """What is counted and measured."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.outbox_due = self._gauge("outbox_due", "Events of the outbox that are due and not delivered.")
        self.outbox_lag = self._gauge(
            "outbox_lag_seconds", "How long the oldest of them has been due; 0 when there is none."
        )
        self.outbox_stuck = self._gauge(
            "outbox_stuck", f"Events that {STUCK_ATTEMPTS} deliveries or more did not bring to the front."
        )
        self.sweeps = Counter(
            "ao_companion_sweeps", "Sweeps by result: ok, failed.", ["result"], registry=self.registry
        )
        for result in ("ok", "failed"):
            self.sweeps.labels(result)
        self.swept_at = self._gauge(
            "sweep_succeeded_timestamp_seconds", "When the last sweep was done, in seconds since the epoch."
        )
        self.letters = self._gauge("letters_queued", "Letters that wait to be printed.")
        self.letter_age = self._gauge(
            "letter_oldest_seconds", "How long the oldest of them has waited; 0 when there is none."
        )
        self.chain_whole = Gauge(
            "ao_companion_audit_chain_whole", "1: the chain of an audit log is whole as far as it was read; 0: look at "
            "once (python -m companion.audit_verify).", ["chain"], registry=self.registry,
        )  # fmt: skip
        self.chain_read = Gauge(
            "ao_companion_audit_chain_read", "Number of the last entry of a chain that was checked.", ["chain"],
            registry=self.registry,
        )  # fmt: skip
        self.sampled_at = self._gauge(
            "sampled_timestamp_seconds", "When these figures were last looked up, in seconds since the epoch."
        )

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"ao_companion_{name}", text, registry=self.registry)

    def swept(self, result: str, now: datetime) -> None:
        """A sweep is over."""
        self.sweeps.labels(result).inc()
        if result == "ok":
            self.swept_at.set(now.timestamp())


class Sampler:
    """Looks up what stands in the database."""

    def __init__(self, metrics: Metrics, database: Database, keys: AuditKeys, clock: Callable[[], datetime]) -> None:
        self._metrics = metrics
        self._database = database
        self._keys = keys
        self._clock = clock
        self._read: dict[str, Head] = {}
        self._broken: set[str] = set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.sample()
            except Exception as failure:  # the database is away; the figures get old, and say so
                _log.error("metrics_failed", error=type(failure).__name__)
            await asyncio.sleep(INTERVAL_S)

    async def sample(self) -> None:
        """Once."""
        async with self._database.reading(self._clock()) as transaction:
            await self._outbox(transaction)
            await self._letters(transaction)
        for name, rows in CHAINS.items():
            await self._chain(name, rows)
        self._metrics.sampled_at.set(self._clock().timestamp())

    async def _outbox(self, transaction: Transaction) -> None:
        """Each delivery that failed has moved the instant at which its event is due; so those pauses are added."""
        query = (
            select(OutboxRow.attempts, func.count(), func.min(OutboxRow.due_at))
            .where(OutboxRow.delivered_at.is_(None))
            .where((OutboxRow.due_at <= transaction.now) | (OutboxRow.attempts > 0))
            .group_by(OutboxRow.attempts)
        )
        rows = (await transaction.session.execute(query)).all()
        lags = [(transaction.now - due_at + _paused(attempts)).total_seconds() for attempts, _, due_at in rows]
        self._metrics.outbox_due.set(sum(count for _, count, _ in rows))
        self._metrics.outbox_lag.set(max(0.0, *lags, 0.0))
        self._metrics.outbox_stuck.set(sum(count for attempts, count, _ in rows if attempts >= STUCK_ATTEMPTS))

    async def _letters(self, transaction: Transaction) -> None:
        query = select(func.count(), func.min(Letter.queued_at)).where(Letter.state == LetterState.QUEUED.value)
        count, oldest = (await transaction.session.execute(query)).one()
        self._metrics.letters.set(count)
        self._metrics.letter_age.set(_age_s(transaction, oldest))

    async def _chain(self, name: str, rows: type[ChainRow]) -> None:
        """Follow a chain to its end. Once broken it stays so until people have looked and started anew."""
        if name not in self._broken and not await self._is_whole(name, rows):
            self._broken.add(name)
            _log.error("audit_chain_broken", chain=name, after=self._read[name].number if name in self._read else 0)
        self._metrics.chain_whole.labels(name).set(name not in self._broken)
        self._metrics.chain_read.labels(name).set(self._read[name].number if name in self._read else 0)

    async def _is_whole(self, name: str, rows: type[ChainRow]) -> bool:
        async with self._database.reading(self._clock()) as transaction:
            session = transaction.session
            stored: Any = await session.get(HEADS[rows], 1)
            if stored is None:  # no entry yet: then none may have been seen before
                return name not in self._read
            begin, signed = begin_of(stored, self._keys), await stored_head(session, of=rows)
            if begin is None or signed is None:
                return False
            last = self._read.get(name, begin)
            return await self._follow(name, rows, transaction, max(last, begin, key=lambda head: head.number), signed)

    async def _follow(
        self, name: str, rows: type[ChainRow], transaction: Transaction, after: Head, signed: SignedHead
    ) -> bool:
        verifier = Verifier(self._keys, after=after, known=[signed])
        async for entry in linked_entries(transaction.session, of=rows, after=after.number):
            if entry.number > signed.head.number or not verifier.feed(entry):
                break
        result = verifier.finish()
        self._read[name] = result.head
        return result.fault is None


def _paused(attempts: int) -> timedelta:
    """How long an event has been tried, about: the pauses after its deliveries, the coming one included."""
    return sum((min(FIRST_PAUSE * 2**number, MAX_PAUSE) for number in range(min(attempts, 200))), timedelta())


def _age_s(transaction: Transaction, since: datetime | None) -> float:
    return 0.0 if since is None else max(transaction.now - since, timedelta()).total_seconds()
