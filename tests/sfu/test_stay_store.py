"""Records of stays in Redis: none is lost with a worker, and none stays for ever."""

import time
from typing import Any

import msgpack
from redis.asyncio import Redis

from sfu import stay_store
from sfu.bus import connect
from sfu.stay_store import FIELD, KEPT_S, STREAM, StayWriter, append, take_over


def record(number: int = 0, **changes: Any) -> dict[str, Any]:
    return {"stay_id": f"{number:032x}", "meeting_id": "m", "end_cause": "left", **changes}


async def written(redis: Redis) -> list[dict[str, Any]]:
    entries: Any = await redis.xrange(STREAM)
    return [msgpack.unpackb(fields[FIELD.encode()]) for _, fields in entries]


def writer(redis: Redis, *open_stays: dict[str, Any], incarnation: str = "i1") -> StayWriter:
    return StayWriter(redis, "w1", incarnation, lambda: open_stays)


async def test_what_is_over_is_written_and_no_longer_open(redis_client: Redis) -> None:
    one = writer(redis_client, record(1, end_cause="worker_lost"), record(2, end_cause="worker_lost"))
    await one.write_snapshot()
    one.put(record(1))
    await one.write()
    assert await written(redis_client) == [record(1)]
    assert await take_over(redis_client, "w1") == 1
    assert await written(redis_client) == [record(1), record(2, end_cause="worker_lost")]


async def test_a_worker_that_starts_again_tells_what_its_earlier_life_left(redis_client: Redis) -> None:
    await writer(redis_client, record(1)).write_snapshot()
    again = writer(redis_client, incarnation="i2")
    await again.start()
    assert await written(redis_client) == [record(1)]
    await again.stop()


async def test_the_stays_of_a_successor_are_left_alone(redis_client: Redis) -> None:
    await writer(redis_client, record(1)).write_snapshot()
    await writer(redis_client, record(2), incarnation="i2").write_snapshot()
    assert await take_over(redis_client, "w1", living="i2") == 1
    assert await written(redis_client) == [record(1)]


async def test_several_who_notice_a_death_lose_nothing(redis_client: Redis) -> None:
    await writer(redis_client, record(1)).write_snapshot()
    assert await take_over(redis_client, "w1") == 1
    assert await take_over(redis_client, "w1") == 0
    assert await written(redis_client) == [record(1)]


async def test_what_waits_for_redis_is_kept_up_to_a_bound(redis_client: Redis, monkeypatch: Any) -> None:
    monkeypatch.setattr(stay_store, "MAX_WAITING", 3)
    nowhere = connect("unix:///nowhere/at/all.sock")
    one = writer(nowhere)
    assert [one.put(record(number)) for number in range(5)] == [True, True, True, False, False]
    await one.stop()
    one._redis = redis_client
    await one.write()
    assert await written(redis_client) == [record(2), record(3), record(4)]
    await nowhere.aclose()


async def test_a_running_writer_writes_at_once_and_a_stopped_one_has_written(redis_client: Redis) -> None:
    one = writer(redis_client)
    await one.start()
    one.put(record(1))
    one.put(record(2))
    await one.stop()
    assert await written(redis_client) == [record(1), record(2)]


async def test_what_nobody_takes_is_forgotten(redis_client: Redis, monkeypatch: Any) -> None:
    old_ms = int((time.time() - KEPT_S - 60) * 1000)
    for number in range(300):  # whole nodes of the stream go, not single entries
        await redis_client.xadd(STREAM, {FIELD: msgpack.packb(record(number))}, id=f"{old_ms}-{number + 1}")
    await append(redis_client, record(999))
    assert len(await written(redis_client)) <= 101
    monkeypatch.setattr(stay_store, "MAX_RECORDS", 10)
    for number in range(300):
        await append(redis_client, record(number))
    assert await redis_client.xlen(STREAM) <= 120
