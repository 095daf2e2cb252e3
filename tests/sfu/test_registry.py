"""The registry over a real Valkey: heartbeats, deaths, rooms and their home workers."""

import asyncio
import random

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from sfu.registry import Heartbeat, ProcessRecord, ProcessWatch, Registry, Room


@pytest.fixture(autouse=True)
def own_expiry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is documented; nothing here waits for it."""
    monkeypatch.setattr("sfu.registry.HEARTBEAT_EXPIRY_S", 5)


@pytest.fixture
def registry(redis_client: Redis) -> Registry:
    return Registry(redis_client, rng=random.Random(1))


def record(process_id: str, *, incarnation: str = "1", participants: int = 0) -> ProcessRecord:
    return ProcessRecord(process_id, incarnation, 12.5, ("192.0.2.1", "2001:db8::1"), 40000, participants, 12.5)


async def make_room(registry: Registry, room_id: str = "r") -> Room:
    await registry.create_room(room_id, "Rådrum", 10)
    room = await registry.room(room_id)
    assert room is not None
    return room


async def test_an_announced_worker_is_live_with_all_its_fields(registry: Registry) -> None:
    assert not await registry.announce("worker", record("w1"))
    assert await registry.announce("worker", record("w1"))
    assert await registry.live("worker") == {"w1": record("w1")}
    assert await registry.live("front") == {}


async def test_a_worker_whose_heartbeat_expired_is_gone_and_forgotten(registry: Registry, redis_client: Redis) -> None:
    await registry.announce("worker", record("w1"))
    assert 0 < await redis_client.ttl("ao:worker:w1") <= 5
    await redis_client.delete("ao:worker:w1")
    assert await registry.live("worker") == {}
    assert await redis_client.smembers("ao:workers") == set()


async def test_an_unreadable_record_is_no_worker(registry: Registry, redis_client: Redis) -> None:
    await redis_client.sadd("ao:workers", "w1")
    await redis_client.hset("ao:worker:w1", mapping={"port": "x"})
    assert await registry.live("worker") == {}


async def test_a_room_is_created_changed_read_and_deleted(registry: Registry, redis_client: Redis) -> None:
    assert await registry.room("r") is None
    assert await registry.create_room("r", "One", 10)
    assert not await registry.create_room("r", "Two", 12)
    assert await registry.room("r") == Room("r", "Two", 12, "")
    assert await redis_client.ttl("ao:room:r") > 0
    assert await registry.delete_room("r")
    assert not await registry.delete_room("r")


async def test_many_rooms_are_looked_for_at_once(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sfu.registry._ROOMS_AT_ONCE", 2)
    for room_id in ("a", "c", "d"):
        await make_room(registry, room_id)
    assert await registry.rooms_there(["a", "b", "c", "d", "e"]) == {"a", "c", "d"}
    assert await registry.rooms_there([]) == set()


async def test_a_room_keeps_its_home_while_the_worker_lives(registry: Registry) -> None:
    await registry.announce("worker", record("w1"))
    room = await make_room(registry)
    assert await registry.home_worker(room) == "w1"
    await registry.announce("worker", record("w2"))
    for _ in range(5):
        assert await registry.home_worker(await make_room(registry)) == "w1"


async def test_a_room_moves_when_its_worker_is_dead_even_for_a_front_that_read_it_long_ago(registry: Registry) -> None:
    await registry.announce("worker", record("w1"))
    stale = await make_room(registry)
    assert await registry.home_worker(stale) == "w1"
    await registry.withdraw("worker", "w1")
    await registry.announce("worker", record("w2"))
    assert await registry.home_worker(stale) == "w2"
    assert await registry.home_worker(await make_room(registry)) == "w2"


async def test_a_new_room_goes_to_the_worker_with_fewer_participants(registry: Registry) -> None:
    await registry.announce("worker", record("busy", participants=80))
    await registry.announce("worker", record("idle", participants=3))
    assert await registry.home_worker(await make_room(registry)) == "idle"


async def test_two_fronts_that_place_a_room_at_once_agree(registry: Registry, redis_client: Redis) -> None:
    for number in range(8):
        await registry.announce("worker", record(f"w{number}"))
    room = await make_room(registry)
    fronts = [Registry(redis_client, rng=random.Random(seed)) for seed in range(10)]
    homes = await asyncio.gather(*(front.home_worker(room) for front in fronts))
    assert len(set(homes)) == 1


async def test_without_workers_or_without_the_room_there_is_no_home(registry: Registry) -> None:
    room = await make_room(registry)
    assert await registry.home_worker(room) is None
    await registry.announce("worker", record("w1"))
    await registry.delete_room("r")
    assert await registry.home_worker(room) is None


async def test_a_heartbeat_announces_and_withdraws(registry: Registry) -> None:
    heartbeat = Heartbeat(registry, "worker", lambda: record("w1"))
    await heartbeat.start()
    assert set(await registry.live("worker")) == {"w1"}
    await heartbeat.stop()
    await heartbeat.stop()
    assert await registry.live("worker") == {}


class Lost:
    """Collects what a watch reports."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def __call__(self, process_id: str) -> None:
        self.ids.append(process_id)


async def test_a_watch_reports_a_death_once_and_a_restart_under_the_same_id(registry: Registry) -> None:
    lost = Lost()
    watch = ProcessWatch(registry, "worker", lost)
    await registry.announce("worker", record("w1"))
    await registry.announce("worker", record("w2"))
    await watch.poll()
    assert lost.ids == []
    await registry.withdraw("worker", "w1")
    await registry.announce("worker", record("w2", incarnation="2"))
    await watch.poll()
    await watch.poll()
    assert lost.ids == ["w1", "w2"]
    assert set(watch.alive) == {"w2"}


async def test_after_a_redis_outage_a_watch_waits_before_it_gives_anybody_up(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    lost = Lost()
    watch = ProcessWatch(registry, "worker", lost, clock=lambda: now)
    await registry.announce("worker", record("w1"))
    await watch.poll()

    async def fail(kind: str) -> dict[str, ProcessRecord]:
        raise RedisConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(registry, "live", fail)
        await watch.poll()
    await registry.withdraw("worker", "w1")
    now += 5.9
    await watch.poll()
    assert lost.ids == []
    now += 0.2
    await watch.poll()
    assert lost.ids == ["w1"]
