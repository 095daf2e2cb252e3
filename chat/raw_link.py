"""One connection to the store, opened by redis-py (address, TLS, login) and then used without it.

What redis-py does around each command and each answer (objects, timers, locks) costs several times what packing and
parsing them costs. Where a front writes and hears thousands of messages per second, many commands are packed at once,
and many answers are parsed at a turn and handed over in it: no task has to wake up for them.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
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
LOOK_S: Final = 0.5
"""How often ``watch`` looks whether an answer is overdue."""
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


class _Wire(asyncio.Protocol):
    """One connection's protocol, in the place of redis-py's once that has logged in."""

    def __init__(self, transport: Any, take: Callable[[list[Any]], None]) -> None:
        loop = asyncio.get_running_loop()
        self.transport = transport
        self.take = take
        self.fault: asyncio.Future[None] = loop.create_future()
        self.time = loop.time
        self.heard_at = loop.time()
        self._former = transport.get_protocol()
        self._parser = hiredis.Reader(replyError=typed_error)
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        """Answers, and parts of them."""
        self.heard_at = self.time()
        parser, answers = self._parser, []
        try:
            parser.feed(data)
            while (answer := parser.gets()) is not False:
                answers.append(answer)
            if answers and not self.fault.done():
                self.take(answers)
        except hiredis.ProtocolError:
            self.fail(RedisConnectionError("the answer was not understood"))
        except Exception as error:
            self.fail(error)

    def connection_lost(self, error: Exception | None) -> None:
        """The end."""
        self._former.connection_lost(error)
        self.fail(RedisConnectionError("closed by the server"))

    def fail(self, error: Exception) -> None:
        """It is of no use any more: whoever watches it is told why."""
        if not self.fault.done():
            self.fault.set_exception(error)
            self.fault.exception()  # nobody need ask


class RawLink:
    """A connection that is opened again after each fault. Faults are redis-py's exceptions.

    ``on_answers``: given whatever came at a turn, error answers among it as exceptions. What it raises is a fault.
    """

    def __init__(self, redis: "Redis", on_answers: Callable[[list[Any]], None]) -> None:
        self._pool = redis.connection_pool
        self._on_answers = on_answers
        self._connection: Any = None
        self._wire: _Wire | None = None

    @property
    def is_open(self) -> bool:
        """Whether ``write`` has a chance."""
        return self._wire is not None and not self._wire.fault.done() and not self._wire.transport.is_closing()

    async def open(self) -> None:
        """Connect; in RESP2, where published news are plain answers."""
        await self.close()
        given = self._pool.connection_kwargs.items()
        values = {name: value for name, value in given if not name.startswith(_RESP3_ONLY)}
        connection: Any = self._pool.connection_class(**{**values, "protocol": 2, "socket_timeout": TIMEOUT_S})
        await connection.connect()
        self._connection = connection
        # redis-py has no public way to read and write past it.
        self._wire = _Wire(connection._writer.transport, self._on_answers)  # noqa: SLF001

    async def close(self) -> None:
        """Disconnect."""
        connection, self._connection = self._connection, None
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.fail(RedisConnectionError("closed"))
        if connection is not None:
            with contextlib.suppress(Exception):  # gone is gone
                await connection.disconnect(nowait=True)

    def write(self, commands: Iterable[bytes | tuple[Any, ...]]) -> None:
        """Send commands at once, without waiting for anything. Some may be packed already."""
        if self._wire is None or not self.is_open:
            raise RedisConnectionError("not connected")
        try:
            self._wire.transport.write(b"".join(each if isinstance(each, bytes) else packed(each) for each in commands))
        except RuntimeError:  # uvloop's answer when the handle was closed meanwhile
            raise RedisConnectionError("the connection was closed") from None

    def fail(self, error: Exception) -> None:
        """The connection is of no use any more: ``watch`` raises this."""
        if self._wire is not None:
            self._wire.fail(error)

    async def watch(self, awaited_since: Callable[[], float | None]) -> None:
        """Until the connection fails, which it raises.

        ``awaited_since``: since when (time of the loop) the store owes an answer; None: it owes none.
        """
        wire = self._wire
        if wire is None:
            raise RedisConnectionError("not connected")
        while not wire.fault.done():
            await asyncio.wait({wire.fault}, timeout=LOOK_S)
            since = awaited_since()
            if since is not None and wire.time() - max(since, wire.heard_at) > TIMEOUT_S:
                wire.fail(RedisTimeoutError("no answer in time"))
        wire.fault.result()

    async def ask(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Send commands and wait for all their answers. After a fault the link is closed."""
        answers: list[Any] = []
        came = asyncio.get_running_loop().create_future()

        def take(more: list[Any]) -> None:
            answers.extend(more)
            if len(answers) >= len(commands) and not came.done():
                came.set_result(None)

        try:
            if not self.is_open:
                await self.open()
            wire = self._wire
            if wire is None:
                raise RedisConnectionError("not connected")
            wire.take = take
            self.write(commands)
            await asyncio.wait({came, wire.fault}, timeout=TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
            if not came.done():
                wire.fail(RedisTimeoutError("no answer in time"))
                wire.fault.result()
            wire.take = self._on_answers
        except BaseException:
            await self.close()
            raise
        return answers
