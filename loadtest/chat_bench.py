"""What messages cost: ``python -m loadtest.chat_bench``, also a part of ``make bench``.

The front has one core, the store another; clients run where the system puts them, as the bare store does. Both stores
sync to disk before each answer. In turns with the chat run

- bare XADD of the chat's own stored message, with as many on their way: the goal is half of its rate;
- bare delivering: the same and SPUBLISH to as many readers as the chat has, which is what the store alone gives when it
  does the same job;
- plain sockets: the same bytes over a plain WebSocket server that stores nothing.

Latency counts from the sender's send (at half load: from when the message was due) until a reader has read it; both
are in one process. A phase ends when everything was acknowledged and has arrived.
"""

import argparse
import asyncio
import gc
import os
import resource
import sys
from contextlib import AsyncExitStack, ExitStack
from typing import Final

import uvloop

from loadtest.bare_store import BareStore, StoredMessage
from loadtest.chat_load import ChatCell, ChatLoad
from loadtest.chat_report import CellFigures, text
from loadtest.chat_servers import ChatService, bare_service, chat_service, running_store, sync_us
from loadtest.chat_turns import Contender, take_turns

CELLS: Final = (
    ChatCell("1 sender, 1 reader", 1, 1, 1),
    ChatCell("1 reader each", 64, 1, 64),
    ChatCell("10 readers each", 16, 10, 64),
    ChatCell("1,000 readers", 1, 1000, 8),
    ChatCell("5,000 sockets", 2500, 2, 64),
    ChatCell("two fronts", 64, 2, 64, fronts=2),
)
QUICK_CELLS: Final = (CELLS[1], CELLS[2])
_FILES: Final = 20_000
"""The chat's, the plain server's and the bare store's five thousand sockets are open at the same time."""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.chat_bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two cells, under half a minute")
    parser.add_argument("--cells", help="only these, by their place in the list from 1 on: 2,3")
    parser.add_argument("--server-cpu", type=int, default=0)
    parser.add_argument("--store-cpu", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0, help="that each runs in a cell, and at half load")
    options = parser.parse_args()
    cells: tuple[ChatCell, ...] = QUICK_CELLS if options.quick else CELLS
    if options.cells:
        cells = tuple(CELLS[int(place) - 1] for place in options.cells.split(","))
    report = chat_report(
        quick=options.quick,
        server_cpu=options.server_cpu,
        store_cpu=options.store_cpu,
        seconds=options.seconds,
        cells=cells,
    )
    sys.stdout.write(uvloop.run(report))


async def chat_report(
    *, quick: bool, server_cpu: int, store_cpu: int, seconds: float = 3.0, cells: tuple[ChatCell, ...] = ()
) -> str:
    """Run everything; the figures as text."""
    _allow_many_files()
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    cells = cells or (QUICK_CELLS if quick else CELLS)
    seconds = min(seconds, 1.0) if quick else seconds
    async with chat_service(server_cpu, store_cpu) as service, bare_service(server_cpu) as bare:
        tokens = await service.tokens(max(cell.conversations for cell in cells))
        figures = [await _cell(cell, service, bare, tokens, seconds, server_cpu) for cell in cells]
    return text(figures)


async def _cell(
    cell: ChatCell,
    service: ChatService,
    bare: tuple[int, int],
    tokens: dict[int, str],
    seconds: float,
    server_cpu: int,
) -> CellFigures:
    async with AsyncExitStack() as stack:
        for _ in range(cell.fronts - 1):
            await stack.enter_async_context(service.front())
        loads = stack.enter_context(ExitStack())  # closed before what they are connected to ends
        chat_load, plain_load = ChatLoad(service.ports, cell, tokens), ChatLoad([bare[0]], cell, tokens)
        loads.callback(chat_load.close)
        loads.callback(plain_load.close)
        connect_s = await chat_load.connect()
        await plain_load.connect()
        chat_load.closed_loop(0.0)  # one message of each sender, so that there is one to be found
        message = StoredMessage.find(service.store.path, "meeting-bench0")
        store = await stack.enter_async_context(running_store(range(os.cpu_count() or 1)))
        appends, delivering = (BareStore(store.path, cell, message, is_delivering=each) for each in (False, True))
        stack.callback(appends.close)
        stack.callback(delivering.close)
        figures = CellFigures(
            cell,
            Contender(appends.closed_loop, store=store),
            Contender(delivering.closed_loop, store=store),
            Contender(plain_load.closed_loop, [bare[1]], cpus=[server_cpu]),
            Contender(chat_load.closed_loop, list(service.pids), service.store, service.cpus()),
            connect_s,
            sync_us(),
        )
        gc.collect()
        gc.freeze()  # what thousands of sockets are made of is not looked through while times are taken
        try:
            await take_turns([figures.appends, figures.chat, figures.delivering, figures.plain], seconds)
            for contender, load in ((figures.chat, chat_load), (figures.plain, plain_load)):
                before = load.received_bytes
                contender.half = load.at_rate(contender.whole.per_s / 2, seconds)
                contender.wire_bytes = (load.received_bytes - before) / max(1, contender.half.delivered)
                await asyncio.sleep(0.1)
        finally:
            gc.unfreeze()
    await asyncio.sleep(0.3)  # the servers notice that all went
    return figures


def _allow_many_files() -> None:
    """For us, and for the servers that inherit the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


if __name__ == "__main__":
    main()
