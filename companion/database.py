"""The database: SQLite in a file, or PostgreSQL by URL; the same tables and the same transactions on both.

A ``Transaction`` is what a use case works in. It carries the time (one instant for all that happens in it), the audit
entries and the outbox rows; all of it is committed at once or not at all.

SQLite: write-ahead log, and ``BEGIN IMMEDIATE`` for what writes, so that a transaction which has read may write without
failing. Writers of this process queue on a lock of ours, which is cheaper than SQLite's own polling. PostgreSQL: read
committed; what must not change in between is locked row by row, or changed by one conditional UPDATE. The head of the
audit chain is locked last, just before the commit, so that writers wait for each other only there.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from auth.audit import AuditKeys
from companion.driver import Driver, PostgresDriver, SqliteDriver
from companion.slot_news import SlotNews, Touched
from companion.store.audit import append_audit
from companion.store.outbox import append_outbox
from companion.transaction import Transaction

BUSY_TIMEOUT_MS: Final = 10_000
"""How long SQLite waits for another process that writes."""


def async_url(text: str) -> URL:
    """The URL with the asynchronous driver of its kind of database."""
    url = make_url(text)
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
    return url.set(drivername=drivers.get(url.drivername, url.drivername))


class Database:
    """An engine and its transactions."""

    def __init__(self, url: str, audit_keys: AuditKeys, *, pool_size: int = 20) -> None:
        self._url = async_url(url)
        self._audit_keys = audit_keys
        self.slot_news = SlotNews()
        self.is_postgresql = self._url.get_backend_name() == "postgresql"
        self._write_lock = asyncio.Lock() if not self.is_postgresql else None
        if not self.is_postgresql and self._url.database:
            Path(self._url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        options: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": 30}
        # Where a transaction begins and ends is said through ``companion.driver``, never by SQLAlchemy.
        options["isolation_level"] = "AUTOCOMMIT"
        self.engine: AsyncEngine = create_async_engine(self._url, **options)
        if not self.is_postgresql:
            _set_up_sqlite(self.engine)

    @contextlib.asynccontextmanager
    async def transaction(self, now: datetime) -> AsyncIterator[Transaction]:
        """A transaction that writes. Committed at the end of the block, rolled back when it raises."""
        touched: set[Touched] = set()
        try:
            async with self._write_lock or contextlib.nullcontext(), self._connected(now, touched) as transaction:
                await transaction.driver.begin(write=True)
                yield transaction
                await append_outbox(transaction)
                await append_audit(transaction, self._audit_keys)
                await (await transaction.settled_driver()).commit()
        finally:  # also when it failed: a commit whose answer was lost may have come to pass
            self.slot_news.tell(touched)

    @contextlib.asynccontextmanager
    async def reading(self, now: datetime) -> AsyncIterator[Transaction]:
        """A transaction that only reads, and needs no audit entry."""
        async with self._connected(now, set()) as transaction:
            await transaction.driver.begin(write=False)
            yield transaction
            if transaction.has_unwritten or transaction.audit or transaction.outbox or transaction.touched:
                raise RuntimeError("a reading transaction wrote")

    @contextlib.asynccontextmanager
    async def _connected(self, now: datetime, touched: set[Touched]) -> AsyncIterator[Transaction]:
        """A connection, and at the end nothing left of what has not been committed."""
        async with self.engine.connect() as connection:
            transaction = Transaction(
                connection, await self._driver(connection), _utc(now), self.is_postgresql, touched=touched
            )
            try:
                yield transaction
            except BaseException:  # also of who has been cancelled
                with contextlib.suppress(Exception):  # the connection is thrown away; what went wrong first counts
                    await asyncio.shield(asyncio.create_task(_leave(transaction)))
                raise
            await _leave(transaction)

    async def _driver(self, connection: AsyncConnection) -> Driver:
        driver = await self._driver_of(connection)
        if driver.is_broken:  # the server was away since the connection was used last
            await connection.invalidate()
            driver = await self._driver_of(connection)
        return driver

    async def _driver_of(self, connection: AsyncConnection) -> Driver:
        raw: Any = (await connection.get_raw_connection()).driver_connection
        return PostgresDriver(raw) if self.is_postgresql else SqliteDriver(raw)

    async def close(self) -> None:
        """Give all connections back."""
        await self.engine.dispose()


async def _leave(transaction: Transaction) -> None:
    """Undo what is not committed; a connection that cannot is thrown away."""
    try:
        if not transaction.connection.invalidated:  # as SQLAlchemy does when its statement is cancelled
            await transaction.driver.rollback()
        await transaction.close()
    except BaseException:
        await transaction.connection.invalidate()
        raise
    if transaction.driver.is_broken:
        await transaction.connection.invalidate()


def _utc(now: datetime) -> datetime:
    if now.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return now.astimezone(UTC)


def _set_up_sqlite(engine: AsyncEngine) -> None:
    """Foreign keys are held, and what is committed is on the disk."""

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout = {BUSY_TIMEOUT_MS}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "invalidate")
    def on_invalidate(connection: Any, _record: Any, _error: Any) -> None:
        """Of who was cancelled within a statement. A connection that is closed with a cursor open lives on until the
        cursor is collected, and so would its lock.
        """
        with contextlib.suppress(Exception):  # it is thrown away in any case
            connection.rollback()
