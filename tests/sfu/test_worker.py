"""The worker's shell: announced, answering, and right about fronts and workers that die."""

from collections.abc import AsyncIterator

import pytest

from sfu.bus import Bus, RpcError, connect
from sfu.registry import Registry
from sfu.room import Room
from sfu.settings import WorkerSettings
from sfu.worker import Worker
from tests.sfu.virtual import World


@pytest.fixture
async def worker(redis_url: str) -> AsyncIterator[Worker]:
    worker = Worker(WorkerSettings(redis_url=redis_url, worker_id="w1", media_host="127.0.0.1", worker_metrics_port=0))
    await worker.start()
    yield worker
    await worker.stop()


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[Bus]:
    redis = connect(redis_url)
    bus = Bus(redis, "f1")
    await bus.start()
    yield bus
    await bus.stop()
    await redis.aclose()


async def test_a_started_worker_is_announced_with_its_media_port(worker: Worker, redis_url: str) -> None:
    redis = connect(redis_url)
    record = (await Registry(redis).live("worker"))["w1"]
    await redis.aclose()
    assert record.port == worker.port
    assert record.addresses == ("127.0.0.1",)


async def test_a_worker_answers_over_the_bus(worker: Worker, bus: Bus) -> None:
    stats = await bus.call("w1", "stats", {})
    assert stats["rooms"] == 0
    assert stats["sizes"]["peers"] == 0


async def test_a_bad_offer_is_a_typed_error_over_the_bus_and_makes_no_room(worker: Worker, bus: Bus) -> None:
    join = {
        "room_id": "r",
        "participant_id": "p",
        "identity": "i",
        "display_name": "n",
        "role": "host",
        "front_id": "f1",
        "socket_id": "s",
        "offer": "v=0\r\n",
        "tracks": {},
        "active": {},
        "max_participants": 2,
    }
    with pytest.raises(RpcError) as refused:
        await bus.call("w1", "join", join)
    assert refused.value.code.startswith("offer_")
    assert worker.engine.rooms == {}


def test_participants_of_a_dead_front_are_lost_and_their_places_kept() -> None:
    world = World()
    world.meet("anna", "bo")
    room = next(iter(world.engine.rooms.values()))
    fronts = {person.front_id for person in room.people.values()}
    for front_id in fronts:
        world.engine.front_lost(front_id, world.now_us)
    assert [person.public()["state"] for person in room.people.values()] == ["lost", "lost"]
    assert world.walk.sizes()["peers"] == 2


def test_a_room_that_moved_is_let_go_without_a_word() -> None:
    world = World()
    world.meet("anna", "bo")
    world.engine.events.clear()
    world.engine.abandon(next(iter(world.engine.rooms)), world.now_us)
    assert world.engine.rooms == {}
    assert world.engine.events == []
    assert world.walk.sizes() == {"peers": 0, "sources": 0, "consumers": 0, "addresses": 0}


async def test_a_revived_worker_keeps_the_rooms_that_nobody_moved(worker: Worker, redis_url: str) -> None:
    redis = connect(redis_url)
    registry = Registry(redis)
    assert worker._timer is not None
    worker._timer.cancel()  # rooms without people go at the next full second, whenever that is
    for room_id, home in (("kept", "w1"), ("moved", "w2"), ("unknown", None)):
        worker.engine.rooms[room_id] = Room(room_id, "", worker.engine.local, worker.engine.keyframes)
        if home is not None:
            await registry.create_room(room_id, "n", 2)
            await redis.hset(f"ao:room:{room_id}", "worker", home)  # type: ignore[misc]
    await worker._review_rooms()
    await redis.aclose()
    assert set(worker.engine.rooms) == {"kept", "unknown"}


def test_a_join_is_laid_out_though_the_speakers_change_in_the_same_tick() -> None:
    world = World()
    world.meet("anna", "bo")
    room = next(iter(world.engine.rooms.values()))
    room._needs_layout = True
    room.hear({next(iter(room.people)): 127.0}, world.now_us)
    room.hear({next(iter(room.people)): 127.0}, world.now_us)
    assert room.speakers
    assert room._needs_layout
