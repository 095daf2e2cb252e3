"""Requests over kept-alive HTTP/1.1 connections, each sending its next one when the last is answered.

A client of its own rather than a library: it must cost little beside the server that it measures.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from loadtest.processes import cpu_time


class HttpLoadError(Exception):
    """An answer that is not the expected one."""


@dataclass(frozen=True)
class HttpSample:
    """What one stretch of requests showed."""

    seconds: float
    latencies_s: list[float]
    """Sorted."""
    cpu_s: float
    """CPU time of the server's process."""

    @property
    def requests_per_s(self) -> float:
        """Answers per second."""
        return len(self.latencies_s) / self.seconds

    @property
    def cpu_us_per_request(self) -> float:
        """Server CPU time per answer."""
        return self.cpu_s * 1e6 / max(len(self.latencies_s), 1)

    def latency_us(self, fraction: float) -> float:
        """A quantile of the time from request to answer."""
        return quantile(self.latencies_s, fraction) * 1e6


def quantile(ordered: list[float], fraction: float) -> float:
    """A quantile of sorted values; 0 of none."""
    return ordered[min(int(len(ordered) * fraction), len(ordered) - 1)] if ordered else 0.0


class HttpConnection:
    """One connection that asks for one thing again and again."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        self._reader = reader
        self._writer = writer
        self._request = request

    @classmethod
    async def open(cls, host: str, port: int, path: str, headers: Mapping[str, str]) -> "HttpConnection":
        """Connect; nothing is sent yet."""
        reader, writer = await asyncio.open_connection(host, port)
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {host}:{port}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return cls(reader, writer, ("\r\n".join(lines) + "\r\n\r\n").encode())

    async def ask(self) -> bytes:
        """One request; the body of its answer, which must be a 200 with a length."""
        self._writer.write(self._request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status, _, fields = head.partition(b"\r\n")
        length = fields.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if b" 200 " not in status or not length.strip().isdigit():
            raise HttpLoadError(status.decode(errors="replace"))
        return await self._reader.readexactly(int(length))

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()


async def measure_http(
    port: int, pid: int, path: str, headers: Mapping[str, str], *, connections: int, seconds: float
) -> HttpSample:
    """Load a server on this machine from so many connections for so long."""
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(connections):
            connection = await HttpConnection.open("127.0.0.1", port, path, headers)
            stack.push_async_callback(connection.close)
            await connection.ask()  # the first answer of a connection is not measured
            opened.append(connection)
        latencies: list[float] = []
        start, cpu = time.perf_counter(), cpu_time(pid)
        until = start + seconds

        async def repeat(connection: HttpConnection) -> None:
            before = time.perf_counter()
            while before < until:
                await connection.ask()
                after = time.perf_counter()
                latencies.append(after - before)
                before = after

        await asyncio.gather(*(repeat(connection) for connection in opened))
        used, elapsed = cpu_time(pid).since(cpu), time.perf_counter() - start
    return HttpSample(elapsed, sorted(latencies), used.total_s)
