"""Load on the bare chat server: everything that is sent is delivered to every reader, and timed."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest

from loadtest.bare_store import BareAppends
from loadtest.chat_bench import CellFigures, _text
from loadtest.chat_load import ChatCell, ChatLoad, Times


@pytest.fixture
async def bare_port() -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "loadtest.bare_chat", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    yield int(await process.stdout.readline())
    process.kill()
    await process.wait()


async def test_every_message_reaches_every_reader_at_full_and_at_a_given_rate(bare_port: int) -> None:
    cell = ChatCell("test", conversations=2, readers=3, senders=4)
    load = ChatLoad(bare_port, cell, {0: "token", 1: "token"})
    await load.connect()
    full = load.closed_loop(0.2)
    paced = load.at_rate(100, 0.2)
    load.close()
    assert full.sent > 10
    assert full.delivered == 3 * full.sent
    assert (paced.sent, paced.delivered) == (20, 60)
    assert len(paced.acknowledgements) == 20
    assert all(0 < time < 5 for time in paced.deliveries)


def test_the_report_tells_goals_met_from_goals_missed() -> None:
    def figures(sent: int, late_s: float) -> CellFigures:
        cell = ChatCell("cell", 1, 1, 8)
        full = Times(1.0, sent, sent, [0.001] * sent, [0.002] * sent)
        return CellFigures(cell, full, Times(1.0, 10, 10, [late_s], [late_s]), 1.0, 0.5)

    good = _text([figures(600, 0.01)], [figures(900, 0.01)], [BareAppends(8, 1, 1000.0)])
    bad = _text([figures(400, 0.06)], [figures(900, 0.01)], [BareAppends(8, 1, 1000.0)])
    assert "0.60 of bare XADD with 8 on their way, goal 0.5: met" in good
    assert "MISSED" not in good
    assert bad.count("MISSED") == 2


def test_the_report_tells_when_clients_and_store_are_the_bound() -> None:
    cell = ChatCell("cell", 1, 1, 8)
    times = Times(1.0, 10, 10, [0.001], [0.001])
    plain, bare = CellFigures(cell, times, times, 1.0, 0.5, (9.0, 9.0)), BareAppends(8, 1, 10.0)
    for costs_us, is_bound in (((50.0, 30.0, 30.0), True), ((70.0, 30.0, 30.0), False)):
        chat = CellFigures(cell, times, times, 1.0, 0.5, costs_us)
        assert ("bounded by the core" in _text([chat], [plain], [bare])) is is_bound


def test_percentiles_of_nothing_are_nothing() -> None:
    assert Times().percentile_ms([], 0.99) == 0.0
    assert Times().percentile_ms([0.001, 0.002, 0.1], 0.99) == pytest.approx(100)
