"""One connection to the store, opened by redis-py (address, TLS, login) and then used without it.

What redis-py does around each command and each answer (objects, timers, locks) costs several times what packing and
parsing them costs. Where a front writes and hears thousands of messages per second, many commands are packed at once,
and many answers are parsed at a turn.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Any, Final

import hiredis
from redis.asyncio import Redis
from redis.exceptions import (
    BusyLoadingError,
    MasterDownError,
    NoScriptError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

TIMEOUT_S: Final = 3.0
_READ_BYTES: Final = 64 * 1024
_RESP3_ONLY: Final = ("maint_", "oss_", "orig_")
"""Parameters by which redis-py hears of failovers that managed services plan; they need RESP3."""
_ERRORS: Final = MappingProxyType(
    {
        "NOSCRIPT": NoScriptError,
        "LOADING": BusyLoadingError,
        "READONLY": ReadOnlyError,
        "MASTERDOWN": MasterDownError,
        "TRYAGAIN": TryAgainError,
        "CLUSTERDOWN": TryAgainError,
    }
)


def typed_error(text: str) -> ResponseError:
    """An error answer as redis-py's exception, by its first word."""
    error: ResponseError = _ERRORS.get(text.partition(" ")[0], ResponseError)(text)
    return error


def packed(command: tuple[Any, ...]) -> bytes:
    """A command as the store is sent it."""
    return bytes(hiredis.pack_command(command))


class RawLink:
    """A connection that is opened again after each fault. Faults are redis-py's exceptions."""

    def __init__(self, redis: "Redis") -> None:
        self._pool = redis.connection_pool
        self._connection: Any = None
        self._stream: Any = None
        self._transport: Any = None
        self._parser: Any = None

    @property
    def is_open(self) -> bool:
        """Whether ``write`` has a chance."""
        return self._transport is not None and not self._transport.is_closing()

    async def open(self) -> None:
        """Connect; in RESP2, where published news are plain answers."""
        await self.close()
        given = self._pool.connection_kwargs.items()
        values = {name: value for name, value in given if not name.startswith(_RESP3_ONLY)}
        connection: Any = self._pool.connection_class(**{**values, "protocol": 2, "socket_timeout": TIMEOUT_S})
        await connection.connect()
        self._connection = connection
        # redis-py has no public way to read and write past it.
        self._stream, self._transport = connection._reader, connection._writer.transport  # noqa: SLF001
        self._parser = hiredis.Reader(replyError=typed_error)

    async def close(self) -> None:
        """Disconnect."""
        connection, self._connection = self._connection, None
        self._stream = self._transport = self._parser = None
        if connection is not None:
            with contextlib.suppress(Exception):  # gone is gone
                await connection.disconnect(nowait=True)

    def write(self, commands: Iterable[bytes | tuple[Any, ...]]) -> None:
        """Send commands at once, without waiting for anything. Some may be packed already."""
        transport = self._transport
        if transport is None or transport.is_closing():
            raise RedisConnectionError("not connected")
        try:
            transport.write(b"".join(each if isinstance(each, bytes) else packed(each) for each in commands))
        except RuntimeError:  # uvloop's answer when the handle was closed meanwhile
            raise RedisConnectionError("the connection was closed") from None

    async def read(self) -> list[Any]:
        """Whatever came; waits for something to come. Error answers stand among the others as exceptions."""
        if self._stream is None:
            raise RedisConnectionError("not connected")
        try:
            async with asyncio.timeout(TIMEOUT_S):
                data = await self._stream.read(_READ_BYTES)
        except TimeoutError:
            raise RedisTimeoutError("no answer in time") from None
        if not data:
            raise RedisConnectionError("closed by the server")
        parser = self._parser
        parser.feed(data)
        answers = []
        while (answer := parser.gets()) is not False:
            answers.append(answer)
        return answers

    async def ask(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Send commands and wait for all their answers. After a fault the link is closed."""
        try:
            if not self.is_open:
                await self.open()
            self.write(commands)
            answers: list[Any] = []
            while len(answers) < len(commands):
                answers += await self.read()
        except BaseException:
            await self.close()
            raise
        return answers
