"""What bookings cost: bookings and free-slot reads per second on SQLite and PostgreSQL, beside the bare database.

``make bench`` runs it after the messages; ``python -m loadtest.companion_bench`` alone. The companion is a process of
its own on one core (PostgreSQL runs where it likes), the clients on the other. Every booking is by another patient,
through identity, rules, audit log, outbox and idempotency key, and is on the disk when it is answered.
"""

import argparse
import asyncio
import base64
import contextlib
import os
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import uvloop

from auth.permissions import LOA3
from auth.principal import Principal
from auth.principal_tokens import sign_principal
from auth.tokens import TokenKeys
from loadtest import bare_booking
from loadtest.companion_data import fill_postgresql, fill_sqlite, identifier, rows
from loadtest.httpload import HttpConnection, quantile
from loadtest.ports import held_port
from loadtest.postgresql import ROLE, Cluster, cluster
from loadtest.processes import cpu_time, pin

SLOTS, CAPACITY = 200, 40
CLIENTS = 32
"""Connections that book at once."""
READERS = 8
START_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Figures:
    """One database's."""

    database: str
    bookings_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms_per_booking: float
    bare_per_s: float
    reads_per_s: float

    @property
    def of_bare(self) -> float:
        """Bookings by how many bare transactions there were in the same time."""
        return self.bookings_per_s / self.bare_per_s


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.companion_bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer bookings, under half a minute")
    parser.add_argument("--server-cpu", type=int, default=0)
    parser.add_argument("--client-cpu", type=int, default=1)
    options = parser.parse_args()
    report = companion_report(quick=options.quick, server_cpu=options.server_cpu, client_cpu=options.client_cpu)
    sys.stdout.write(uvloop.run(report))


async def companion_report(*, quick: bool, server_cpu: int, client_cpu: int) -> str:
    """Run everything; the figures as text."""
    pin(client_cpu)
    count, seconds = (300, 1.0) if quick else (2000, 3.0)
    tables = rows(count, SLOTS, CAPACITY, datetime.now(UTC))
    found = []
    with tempfile.TemporaryDirectory(prefix="ao-bench-") as directory:
        path = Path(directory) / "companion.db"
        async with running_companion(f"sqlite:///{path}", server_cpu) as companion:
            fill_sqlite(path, tables)
            bare = bare_booking.sqlite(path, count=count, slots=SLOTS)
            found.append(await measured("SQLite", companion, bare, count, seconds))
    with cluster(durable=True) as server:
        server.sql("CREATE DATABASE bench")
        async with running_companion(server.url("bench"), server_cpu) as companion:
            found.append(await _on_postgresql(server, companion, tables, count, seconds))
    return report(found)


async def _on_postgresql(
    server: Cluster,
    companion: "Companion",
    tables: list[tuple[str, list[dict[str, object]]]],
    count: int,
    seconds: float,
) -> Figures:
    await fill_postgresql(server.directory, ROLE, "bench", tables)
    bare = await bare_booking.postgresql(
        server.directory, ROLE, "bench", count=count, slots=SLOTS, clients=min(CLIENTS, 20)
    )
    return await measured("PostgreSQL", companion, bare, count, seconds)


@dataclass(frozen=True)
class Companion:
    """A running companion process."""

    port: int
    pid: int
    keys: TokenKeys


@contextlib.asynccontextmanager
async def running_companion(database_url: str, cpu: int) -> AsyncIterator[Companion]:
    """Start one on a free port, with keys of its own."""
    with held_port() as port:
        async with _companion_at(port, database_url, cpu) as companion:
            yield companion


@contextlib.asynccontextmanager
async def _companion_at(port: int, database_url: str, cpu: int) -> AsyncIterator[Companion]:
    token_keys, key = TokenKeys.generate_text(), base64.b64encode(secrets.token_bytes(32)).decode()
    environment = os.environ | {
        "ALLTID_COMPANION_DATABASE_URL": database_url,
        "ALLTID_COMPANION_PORT": str(port),
        "ALLTID_COMPANION_EVENTS_URL": "",
        "ALLTID_TOKEN_KEYS": token_keys,
        "ALLTID_AUDIT_KEY": f"bench:{key}",
        "ALLTID_PSEUDONYM_KEY": key,
        "ALLTID_LOG_LEVEL": "error",
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "companion", env=environment)
    try:
        pin(cpu, process.pid)
        await _wait(port, process)
        yield Companion(port, process.pid, TokenKeys.parse(token_keys))
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def _wait(port: int, process: asyncio.subprocess.Process) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if process.returncode is not None or time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


def _patient(number: int) -> Principal:
    person = identifier("p", number)
    return Principal(
        "patient", frozenset({"patient"}), person, person, "", frozenset(), None, None, LOA3, int(time.time()), "bench"
    )


async def measured(name: str, companion: Companion, bare_per_s: float, count: int, seconds: float) -> Figures:
    """Free-slot reads, then bookings."""
    reads = await _read(companion, seconds)
    now = time.time()
    tokens = [sign_principal(companion.keys, _patient(number), now=now, lifetime_s=600) for number in range(count)]
    numbers, latencies = iter(range(count)), list[float]()
    url = f"http://127.0.0.1:{companion.port}/bookings"
    before, begin = cpu_time(companion.pid), time.perf_counter()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CLIENTS)) as http:

        async def client() -> None:
            for number in numbers:
                headers = {"Authorization": f"Bearer {tokens[number]}", "Idempotency-Key": f"bench-{number:08}"}
                body = {"slot_id": identifier("sl", number % SLOTS)}
                sent = time.perf_counter()
                async with http.post(url, json=body, headers=headers) as answer:
                    if answer.status != 201:
                        raise RuntimeError(f"a booking was answered with {answer.status}")
                    await answer.read()
                latencies.append(time.perf_counter() - sent)

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
    passed = time.perf_counter() - begin
    cpu_s = cpu_time(companion.pid).since(before).total_s
    latencies.sort()
    p50, p99 = quantile(latencies, 0.5) * 1000, quantile(latencies, 0.99) * 1000
    return Figures(name, count / passed, p50, p99, cpu_s * 1000 / count, bare_per_s, reads)


async def _read(companion: Companion, seconds: float) -> float:
    """Public searches per second over kept-alive connections."""
    until, answers = time.perf_counter() + seconds, 0

    async def reader() -> None:
        nonlocal answers
        connection = await HttpConnection.open("127.0.0.1", companion.port, "/slots?limit=50", {})
        while time.perf_counter() < until:
            await connection.ask()
            answers += 1
        await connection.close()

    await asyncio.gather(*(reader() for _ in range(READERS)))
    return answers / seconds


def report(found: list[Figures]) -> str:
    """The figures as a table."""
    lines = [
        "",
        f"Bookings: {CLIENTS} clients at once, each booking durable, with audit log, outbox and idempotency key;",
        "beside them the bare transaction: the same rows by hand-written SQL, as durable. CPU is the companion's.",
        f"Reads: free slots, {READERS} connections.",
        "",
        "database     bookings/s   p50 ms   p99 ms  CPU ms each   bare tx/s  of bare   reads/s",
    ]
    for one in found:
        booked = f"{one.database:11} {one.bookings_per_s:11,.0f} {one.p50_ms:8.1f} {one.p99_ms:8.1f}"
        beside = f"{one.cpu_ms_per_booking:12.2f} {one.bare_per_s:11,.0f} {one.of_bare:8.0%} {one.reads_per_s:9,.0f}"
        lines.append(f"{booked} {beside}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
