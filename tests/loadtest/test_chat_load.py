"""Load on the bare chat server: everything that is sent is delivered to every reader, and timed."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest

from loadtest.chat_load import ChatCell, ChatLoad, Times, percentile_ms


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
    load = ChatLoad([bare_port], cell, {0: "token", 1: "token"})
    await load.connect()
    full = load.closed_loop(0.2)
    paced = load.at_rate(100, 0.2)
    load.close()
    assert full.sent > 10
    assert full.delivered == 3 * full.sent
    assert (paced.sent, paced.delivered) == (20, 60)
    assert len(paced.acknowledgements) == 20
    assert all(0 < time < 5 for time in paced.deliveries)


def test_percentiles_are_of_the_nearest_rank() -> None:
    assert percentile_ms([], 0.99) == 0.0
    assert percentile_ms([0.001, 0.002, 0.1], 0.99) == pytest.approx(100)
    hundred = [each / 1000 for each in range(100, 0, -1)]
    assert [percentile_ms(hundred, share) for share in (0.5, 0.99, 1.0)] == pytest.approx([50, 99, 100])


def test_phases_are_joined() -> None:
    whole = Times.joined([Times(1.0, 10, 20, [0.1], [0.2]), Times(3.0, 30, 60, [0.3], [0.4])])
    assert (whole.per_s, whole.delivered) == (10.0, 80)
    assert (whole.acknowledgements, whole.deliveries) == ([0.1, 0.3], [0.2, 0.4])
