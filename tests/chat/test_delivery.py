"""Every acknowledged message is at every reader, once and in order, whatever befalls fronts and their connections.

Nothing is written after the last fault of a round: a reader who waits for a message that nobody woke it up for would
wait for ever.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from sfu.bus import connect
from tests.chat.delivery_world import World
from tests.chat.servers import Store
from tests.patience import PATIENCE_S

ROUNDS = 10
STEPS = 60


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """A short path: that of a unix socket holds 108 bytes."""
    directory = Path(tempfile.mkdtemp(prefix="ao-delivery-"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def valkey(directory: Path) -> Iterator[Store]:
    store = Store("valkey", directory, unix=True)
    store.start()
    yield store
    store.kill()


@pytest.fixture
async def client(valkey: Store) -> AsyncIterator[Redis]:
    client = connect(valkey.url)
    await client.flushall()
    yield client
    await client.aclose()


async def _faults(world: World) -> list[str]:
    """What is wrong once it had time to come right."""
    await world.settle()
    deadline = time.monotonic() + PATIENCE_S
    while (faults := await world.judge()) and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    return faults


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_acknowledged_message_reaches_every_reader(
    client: Redis, valkey: Store, directory: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.feed.MAX_EARLY", 10)
    monkeypatch.setattr("chat.fanout._AGAIN_S", 0.02)
    world = World(client, str(directory / "store.sock"), seed, fronts=3, rooms=10)
    await world.start()
    try:
        await _rounds(world, valkey, seed)
    finally:
        await world.stop()


async def _rounds(world: World, valkey: Store, seed: int) -> None:
    for number in range(ROUNDS):
        for _ in range(STEPS):
            for _ in range(world.chance.randrange(4)):
                world.write()
            if world.chance.random() < 0.15:
                world.misbehave(fault_rate=0.2)
            await asyncio.sleep(0.002 * world.chance.random())
        if number % 3 == 1:
            await world.replace(world.chance.randrange(3))
        if number == ROUNDS // 2:
            valkey.kill()
            valkey.start()
        await world.say_last()
        assert await _faults(world) == [], f"seed {seed}, round {number}"
        await world.make_anew(world.chance.choice(world.rooms))
        assert await _faults(world) == [], f"seed {seed}, made anew after round {number}"
