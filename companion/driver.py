"""A connection's driver without SQLAlchemy around it: statements as text, and where a transaction begins and ends.

A statement through an ``AsyncSession`` costs ten times what the driver needs for it. What every write does is therefore
done here (``companion.prepared``); sessions work on the same connection, within the transaction that is begun here.
Errors are SQLAlchemy's, so that nobody needs to know which way a statement went. They carry no values.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final, Protocol

import aiosqlite
import asyncpg
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

Rows = Sequence[Sequence[Any]]


class Driver(Protocol):
    """One connection."""

    async def fetch(self, text: str, values: Sequence[Any] = ()) -> Rows:
        """Run a statement; its rows."""

    async def begin(self, *, write: bool) -> None:
        """Begin a transaction."""

    async def commit(self) -> None:
        """Keep it. When this returns, what was written survives the death of everything but the disk."""

    async def rollback(self) -> None:
        """Undo it, if there is one."""

    @property
    def is_broken(self) -> bool:
        """Whether the connection is lost."""


class SqliteDriver:
    """SQLite, in the connection's own thread."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def fetch(self, text: str, values: Sequence[Any] = ()) -> Rows:
        """Run a statement; its rows. One change of threads for all of it."""
        try:
            return list(await self._connection.execute_fetchall(text, values))
        except sqlite3.IntegrityError as error:
            raise IntegrityError(text, None, error) from error
        except sqlite3.Error as error:
            raise OperationalError(text, None, error) from error

    async def begin(self, *, write: bool) -> None:
        """What writes takes the writer's lock at once: a transaction that has read may then write without failing."""
        await self.fetch("BEGIN IMMEDIATE" if write else "BEGIN")

    async def commit(self) -> None:
        """Keep it: synchronous = FULL, the log is on the disk."""
        await self.fetch("COMMIT")

    async def rollback(self) -> None:
        """Undo it. Some errors have ended it already."""
        if self._connection.in_transaction:
            await self.fetch("ROLLBACK")

    @property
    def is_broken(self) -> bool:
        """A file is always there."""
        return False


_LOST: Final = (asyncpg.InterfaceError, OSError)


class PostgresDriver:
    """PostgreSQL. asyncpg keeps statements prepared by their text."""

    def __init__(self, connection: "asyncpg.Connection[Any]") -> None:
        self._connection = connection

    async def fetch(self, text: str, values: Sequence[Any] = ()) -> Rows:
        """Run a statement; its rows."""
        try:
            rows: Rows = await self._connection.fetch(text, *values)
        except asyncpg.IntegrityConstraintViolationError as error:
            raise IntegrityError(text, None, error) from error
        except (asyncpg.PostgresError, *_LOST) as error:
            raise OperationalError(text, None, error) from error
        return rows

    async def begin(self, *, write: bool) -> None:
        """Read committed: each statement sees what is committed when it starts, so what only reads needs no begin."""
        if write:
            await self._command("BEGIN")

    async def commit(self) -> None:
        """Keep it. A transaction in which something failed cannot be kept, and PostgreSQL does not complain."""
        if await self._command("COMMIT") != "COMMIT":
            raise DBAPIError("COMMIT", None, asyncpg.InFailedSQLTransactionError())

    async def rollback(self) -> None:
        """Undo it."""
        if self._connection.is_in_transaction():
            await self._command("ROLLBACK")

    async def _command(self, text: str) -> str:
        try:
            return str(await self._connection.execute(text))
        except (asyncpg.PostgresError, *_LOST) as error:
            raise OperationalError(text, None, error) from error

    @property
    def is_broken(self) -> bool:
        """Whether the server has gone."""
        return bool(self._connection.is_closed())
