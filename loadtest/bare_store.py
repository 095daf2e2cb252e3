"""The bare cost of an append: XADD of the same size on one connection or many, as fast as the store answers."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

_FIELDS = (b"t", b"1800000000000", b"a", b"sender", b"k", b"message")


class _Appender(asyncio.Protocol):
    """One connection with a number of XADDs outstanding: each answer sends the next."""

    def __init__(self, command: bytes, outstanding: int) -> None:
        self._command = command
        self._outstanding = outstanding
        self._transport: asyncio.Transport | None = None
        self.answers = 0
        self._lines = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        transport.write(self._command * self._outstanding)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """An answer is a bulk string: two lines."""
        self._lines += data.count(b"\n")
        done, self._lines = divmod(self._lines, 2)
        self.answers += done
        if done and self._transport is not None:
            self._transport.write(self._command * done)


@dataclass(frozen=True)
class BareAppends:
    """What bare XADD gives."""

    connections: int
    outstanding: int
    """Of each connection."""
    per_s: float


async def measure_appends(
    socket: Path, *, connections: int, outstanding: int, body_bytes: int, seconds: float
) -> BareAppends:
    """XADDs per second with so many connections, each with so many commands on their way."""
    loop = asyncio.get_running_loop()
    appenders: list[_Appender] = []
    for number in range(connections):
        parts = (b"XADD", b"bare%d" % number, b"*", *_FIELDS, b"e", b"x" * body_bytes)
        command = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        _, appender = await loop.create_unix_connection(lambda c=command: _Appender(c, outstanding), str(socket))  # type: ignore[misc]
        appenders.append(appender)
    await asyncio.sleep(0.3)
    begin, before = time.perf_counter(), sum(each.answers for each in appenders)
    await asyncio.sleep(seconds)
    taken, answers = time.perf_counter() - begin, sum(each.answers for each in appenders)
    for appender in appenders:
        if appender._transport is not None:  # noqa: SLF001
            appender._transport.abort()  # noqa: SLF001
    return BareAppends(connections, outstanding, (answers - before) / taken)
