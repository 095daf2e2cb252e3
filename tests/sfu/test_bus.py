"""The bus over a real Valkey: requests, replies, events, order, bounds, and a Valkey that goes away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgpack
import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from sfu import bus as bus_module
from sfu.bus import Bus, RpcError, inbox_key
from tests.patience import PATIENCE_S

MakeBus = Callable[..., Awaitable[Bus]]


@pytest.fixture
async def make_bus(redis_client: Redis) -> AsyncIterator[MakeBus]:
    started: list[Bus] = []

    async def make(process_id: str, **arguments: Any) -> Bus:
        bus = Bus(redis_client, process_id, **arguments)
        await bus.start()
        started.append(bus)
        return bus

    yield make
    for bus in started:
        await bus.stop()


async def test_a_call_is_answered_with_the_handlers_result(make_bus: MakeBus) -> None:
    async def double(params: dict[str, Any]) -> dict[str, Any]:
        return {"value": 2 * params["value"], "raw": b"\x00\xff"}

    await make_bus("worker", handlers={"double": double})
    front = await make_bus("front")
    assert await front.call("worker", "double", {"value": 21}) == {"value": 42, "raw": b"\x00\xff"}


async def test_a_refusal_arrives_with_its_code(make_bus: MakeBus) -> None:
    async def refuse(params: dict[str, Any]) -> dict[str, Any]:
        raise RpcError("room_full", "twelve is enough")

    await make_bus("worker", handlers={"join": refuse})
    front = await make_bus("front")
    with pytest.raises(RpcError) as caught:
        await front.call("worker", "join", {})
    assert (caught.value.code, caught.value.message) == ("room_full", "twelve is enough")


async def test_a_failing_handler_answers_internal_and_the_worker_lives_on(make_bus: MakeBus) -> None:
    async def fail(params: dict[str, Any]) -> dict[str, Any]:
        raise ZeroDivisionError("secret name")

    async def fine(params: dict[str, Any]) -> dict[str, Any]:
        return {}

    worker = await make_bus("worker", handlers={"fail": fail, "fine": fine})
    front = await make_bus("front")
    with pytest.raises(RpcError) as caught:
        await front.call("worker", "fail", {})
    assert caught.value.code == "internal"
    assert "secret" not in caught.value.message
    assert worker.counters["handler_failed"] == 1
    assert await front.call("worker", "fine", {}) == {}


async def test_an_unknown_method_is_internal(make_bus: MakeBus) -> None:
    await make_bus("worker")
    front = await make_bus("front")
    with pytest.raises(RpcError, match="internal"):
        await front.call("worker", "nonsense", {})


async def test_nobody_there_is_worker_timeout_and_leaves_nothing_behind(make_bus: MakeBus) -> None:
    front = await make_bus("front")
    with pytest.raises(RpcError) as caught:
        await front.call("nobody", "join", {}, timeout_s=0.05)
    assert caught.value.code == "worker_timeout"
    assert front._waiting == {}


async def test_a_late_reply_is_counted_and_ignored(make_bus: MakeBus) -> None:
    release = asyncio.Event()

    async def slow(params: dict[str, Any]) -> dict[str, Any]:
        await release.wait()
        return {}

    async def fine(params: dict[str, Any]) -> dict[str, Any]:
        return {}

    await make_bus("worker", handlers={"slow": slow, "fine": fine})
    front = await make_bus("front")
    with pytest.raises(RpcError):
        await front.call("worker", "slow", {"room_id": "r"}, timeout_s=0.05)
    release.set()
    await front.call("worker", "fine", {"room_id": "r"})
    assert front.counters["reply_late"] == 1


async def test_requests_of_one_room_run_in_order_and_of_two_rooms_side_by_side(make_bus: MakeBus) -> None:
    finished: list[str] = []
    release = asyncio.Event()

    async def work(params: dict[str, Any]) -> dict[str, Any]:
        if params["name"] == "a1":
            await release.wait()
        finished.append(params["name"])
        return {}

    await make_bus("worker", handlers={"work": work})
    front = await make_bus("front")
    first = asyncio.create_task(front.call("worker", "work", {"room_id": "a", "name": "a1"}))
    await asyncio.sleep(0)
    second = asyncio.create_task(front.call("worker", "work", {"room_id": "a", "name": "a2"}))
    await asyncio.sleep(0)
    await front.call("worker", "work", {"room_id": "b", "name": "b1"})
    assert finished == ["b1"]
    release.set()
    await asyncio.gather(first, second)
    assert finished == ["b1", "a1", "a2"]


async def test_events_arrive_in_order(make_bus: MakeBus) -> None:
    seen: list[int] = []
    done = asyncio.Event()

    async def on_event(event: str, data: dict[str, Any]) -> None:
        assert event == "tick"
        await asyncio.sleep(0)
        seen.append(data["n"])
        if len(seen) == 500:
            done.set()

    await make_bus("front", on_event=on_event)
    worker = await make_bus("worker")
    for number in range(500):
        await worker.emit("front", "tick", {"n": number})
    await asyncio.wait_for(done.wait(), PATIENCE_S)
    assert seen == list(range(500))


async def test_an_event_handler_that_fails_does_not_stop_the_next(make_bus: MakeBus) -> None:
    done = asyncio.Event()

    def on_event(event: str, data: dict[str, Any]) -> None:
        if event == "bad":
            raise ValueError
        done.set()

    front = await make_bus("front", on_event=on_event)
    worker = await make_bus("worker")
    await worker.emit("front", "bad", {})
    await worker.emit("front", "good", {})
    await asyncio.wait_for(done.wait(), PATIENCE_S)
    assert front.counters["message_failed"] == 1


@pytest.mark.attack
@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\xc1",
        b"\x93\x01\x02\x03",
        msgpack.packb({"t": "req"}),
        msgpack.packb({"t": "rep", "id": 1}),
        b"\xdf\xff\xff\xff\xff",
    ],
)
async def test_garbage_in_an_inbox_is_counted_and_harms_nothing(
    make_bus: MakeBus, redis_client: Redis, garbage: bytes
) -> None:
    async def fine(params: dict[str, Any]) -> dict[str, Any]:
        return {}

    worker = await make_bus("worker", handlers={"fine": fine})
    front = await make_bus("front")
    await redis_client.rpush(inbox_key("worker"), garbage)
    assert await front.call("worker", "fine", {}) == {}
    assert worker.counters["message_failed"] + worker.counters["reply_late"] == 1


async def test_the_inbox_of_a_dead_process_stays_bounded_and_expires(
    make_bus: MakeBus, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "INBOX_MAX_MESSAGES", 10)
    worker = await make_bus("worker")
    for number in range(300):
        await worker.emit("dead", "tick", {"n": number})
    await worker._outbox.join()
    elements = await redis_client.lrange(inbox_key("dead"), 0, -1)
    assert [msgpack.unpackb(element)["p"]["n"] for element in elements] == list(range(290, 300))
    assert 0 < await redis_client.ttl(inbox_key("dead")) <= bus_module.INBOX_EXPIRY_S


async def test_a_new_life_does_not_act_on_messages_for_the_old(make_bus: MakeBus, redis_client: Redis) -> None:
    calls: list[str] = []

    async def note(params: dict[str, Any]) -> dict[str, Any]:
        calls.append(params["name"])
        return {}

    stale = msgpack.packb({"t": "req", "id": 1, "from": "front", "m": "note", "p": {"name": "stale"}})
    await redis_client.rpush(inbox_key("worker"), stale)
    await make_bus("worker", handlers={"note": note})
    front = await make_bus("front")
    await front.call("worker", "note", {"name": "fresh"})
    assert calls == ["fresh"]


async def test_a_broken_connection_heals_and_what_was_queued_is_delivered(
    make_bus: MakeBus, redis_client: Redis, redis_url: str
) -> None:
    async def fine(params: dict[str, Any]) -> dict[str, Any]:
        return {}

    await make_bus("worker", handlers={"fine": fine})
    front = await make_bus("front")
    assert await front.call("worker", "fine", {}) == {}
    other = bus_module.connect(redis_url)
    await other.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await other.aclose()
    # A reply that was on its way to the killed connection may be lost; the next call must not be.
    for _ in range(20):
        try:
            assert await front.call("worker", "fine", {}, timeout_s=0.5) == {}
            break
        except RpcError:
            continue
    else:
        pytest.fail("the bus did not heal")


async def test_a_full_outbox_refuses_calls_instead_of_growing(
    redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "OUTBOX_MAX_MESSAGES", 3)
    bus = Bus(redis_client, "front")  # not started: nothing drains it, as when Redis is away
    for _ in range(5):
        await bus.emit("worker", "tick", {})
    assert bus.counters["event_dropped_outbox_full"] == 2
    with pytest.raises(RpcError) as caught:
        await bus.call("worker", "join", {})
    assert caught.value.code == "worker_timeout"


async def test_calls_after_stop_fail_quickly_and_stop_may_be_repeated(redis_client: Redis) -> None:
    bus = Bus(redis_client, "front")
    await bus.start()
    await bus.stop()
    await bus.stop()
    with pytest.raises(RpcError):
        await bus.call("worker", "join", {}, timeout_s=0.01)


async def test_a_transport_that_uvloop_has_closed_is_a_lost_connection(redis_url: str) -> None:
    """There uvloop raises RuntimeError; loops wait for ConnectionError."""
    redis = bus_module.connect(redis_url)
    connection = await redis.connection_pool.get_connection()

    class Closed:
        def writelines(self, _data: object) -> None:
            raise RuntimeError("unable to perform operation on <UnixTransport closed=True>; the handler is closed")

        async def drain(self) -> None:
            return None

        def close(self) -> None:
            return None

    connection._writer.close()
    connection._writer = Closed()
    with pytest.raises(RedisConnectionError):
        await connection.send_command("PING")
    await redis.connection_pool.release(connection)
    assert await redis.ping()
    await redis.aclose()


async def test_a_client_that_was_closed_leaves_no_connection_whatever_was_on_its_way(redis_url: str) -> None:
    watcher = bus_module.connect(redis_url)
    for steps in range(40):  # of the loop, until it is closed: while it connects, while a command waits for its answer
        client = bus_module.connect(redis_url)
        asked = asyncio.ensure_future(client.ping())
        for _ in range(steps):
            await asyncio.sleep(0)
        await client.aclose()
        await asyncio.wait([asked])
        assert asked.exception() is None or isinstance(asked.exception(), RedisConnectionError)
        with pytest.raises(RedisConnectionError):
            await client.ping()
        async with asyncio.timeout(PATIENCE_S):
            while len(await watcher.client_list()) > 1:
                await asyncio.sleep(0.001)
    await watcher.aclose()
