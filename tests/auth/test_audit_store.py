"""The audit log in a real Valkey: many fronts, one chain; tampering, outages and rollbacks are noticed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import pytest
from redis.asyncio import Redis

from auth import audit_store
from auth.audit import Head, LinkedEntry, SignedHead, read_body, sign_head
from auth.audit_store import (
    HEAD_KEY,
    MAX_BATCH,
    MAX_PENDING,
    ROLLED_BACK,
    STREAM_KEY,
    TURN_KEY,
    AuditLog,
    AuditUnavailableError,
    entries,
    stored_head,
    verify_stored,
)
from tests.auth.test_audit import KEYS, OTHERS, entry

NOW: Final = 1_800_000_000.0
MakeLog = Callable[[], AuditLog]


@pytest.fixture
def counts() -> Counter[str]:
    return Counter()


@pytest.fixture
async def make_log(redis_client: Redis, counts: Counter[str]) -> AsyncIterator[MakeLog]:
    logs: list[AuditLog] = []

    def make() -> AuditLog:
        logs.append(
            AuditLog(redis_client, KEYS, observe=lambda event, count: counts.update({event: count}), clock=lambda: NOW)
        )
        return logs[-1]

    yield make
    for log in logs:
        await log.close()


async def fault(redis: Redis, *known: SignedHead) -> tuple[int, str] | None:
    found = (await verify_stored(redis, KEYS, known=known)).fault
    return None if found is None else (found.number, found.cause)


async def stored(redis: Redis) -> list[LinkedEntry]:
    return [one async for one in entries(redis)]


async def test_what_is_recorded_stands_in_the_log_when_record_returns(redis_client: Redis, make_log: MakeLog) -> None:
    log = make_log()
    for number in range(1, 4):
        await log.record(entry(number))
        assert await redis_client.xlen(STREAM_KEY) == number
    bodies = [read_body(one.body) for one in await stored(redis_client)]
    assert [body["resource"] for body in bodies] == ["meeting:m1", "meeting:m2", "meeting:m3"]
    head = await stored_head(redis_client)
    assert head is not None
    assert head.head.number == 3
    assert (await verify_stored(redis_client, KEYS)).fault is None


async def test_several_fronts_make_one_chain_with_every_entry_once(
    redis_url: str, redis_client: Redis, counts: Counter[str], make_log: MakeLog
) -> None:
    logs = [make_log() for _ in range(4)]
    numbers = range(400)
    await asyncio.gather(*(logs[number % 4].record(entry(number)) for number in numbers))
    written = [read_body(one.body)["resource"] for one in await stored(redis_client)]
    assert sorted(written) == sorted(f"meeting:m{number}" for number in numbers)
    assert await fault(redis_client) is None
    assert counts["recorded"] == 400
    assert counts["relinked"] > 0, "the fronts did meet"
    assert not counts["rolled_back"]


async def test_every_front_gets_its_turn_however_many_there_are(redis_client: Redis, make_log: MakeLog) -> None:
    """A front that writes without a pause must not keep the others out."""
    logs, done = [make_log() for _ in range(5)], asyncio.Event()

    async def without_pause(log: AuditLog) -> int:
        count = 0
        while not done.is_set():
            await log.record(entry(1))
            count += 1
        return count

    async def now_and_then() -> None:
        for number in range(20):
            await logs[0].record(entry(number))
        done.set()

    busy = [asyncio.create_task(without_pause(log)) for log in logs[1:]]
    await now_and_then()
    counts = [await task for task in busy]
    assert min(counts) >= 1
    assert await redis_client.xlen(STREAM_KEY) == 20 + sum(counts)
    assert await fault(redis_client) is None


async def test_a_front_that_died_in_its_turn_holds_the_others_up_for_a_moment_only(
    redis_client: Redis, make_log: MakeLog
) -> None:
    await redis_client.set(TURN_KEY, "dead", px=50)
    await make_log().record(entry(1))
    assert await redis_client.xlen(STREAM_KEY) == 1


async def test_a_turn_that_never_ends_is_given_up(
    redis_client: Redis, make_log: MakeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_store, "GIVE_UP_S", 0.05)
    await redis_client.set(TURN_KEY, "greedy")
    log = make_log()
    with pytest.raises(AuditUnavailableError) as caught:
        await log.record(entry(1))
    assert caught.value.cause == "busy"
    await redis_client.delete(TURN_KEY)
    await log.record(entry(2))
    assert await redis_client.xlen(STREAM_KEY) == 1


async def test_a_front_that_was_alone_needs_one_question_again(redis_client: Redis, make_log: MakeLog) -> None:
    one, two = make_log(), make_log()
    for number in range(4):
        await (one, two)[number % 2].record(entry(number))
    await one.record(entry(4))
    await one.record(entry(5))
    await redis_client.config_resetstat()
    await one.record(entry(6))
    statistics: dict[str, Any] = await redis_client.info("commandstats")
    assert statistics["cmdstat_evalsha"]["calls"] == 1
    assert await redis_client.exists(TURN_KEY) == 0


async def test_what_waits_is_written_together(redis_client: Redis, make_log: MakeLog) -> None:
    log = make_log()
    await redis_client.config_resetstat()
    await asyncio.gather(*(log.record(entry(number)) for number in range(MAX_BATCH * 2)))
    statistics: dict[str, Any] = await redis_client.info("commandstats")
    assert statistics["cmdstat_evalsha"]["calls"] <= 5
    assert await redis_client.xlen(STREAM_KEY) == MAX_BATCH * 2


async def test_a_front_that_starts_later_goes_on_with_the_chain(redis_client: Redis, make_log: MakeLog) -> None:
    await make_log().record(entry(1))
    await make_log().record(entry(2))
    assert await fault(redis_client) is None
    assert await redis_client.xlen(STREAM_KEY) == 2


async def test_a_log_of_several_pages_is_read_whole(redis_client: Redis, make_log: MakeLog) -> None:
    log = make_log()
    await asyncio.gather(*(log.record(entry(number)) for number in range(2500)))
    assert (await verify_stored(redis_client, KEYS)).head.number == 2500
    assert [one.number async for one in entries(redis_client, after=2490)] == list(range(2491, 2501))


# --- tampering in Redis ------------------------------------------------------------------------------------------


async def written(redis: Redis, log: AuditLog, count: int = 6) -> None:
    for number in range(1, count + 1):
        await log.record(entry(number))
    assert await fault(redis) is None


async def replace_stream(redis: Redis, changed: list[LinkedEntry]) -> None:
    await redis.delete(STREAM_KEY)
    for one in changed:
        await redis.xadd(STREAM_KEY, {"b": one.body, "h": one.hash.hex()}, id=f"{one.number}-0")


@pytest.mark.attack
async def test_a_changed_entry_is_found(redis_client: Redis, make_log: MakeLog) -> None:
    await written(redis_client, make_log())
    before = await stored(redis_client)
    before[2] = LinkedEntry(3, before[2].body.replace(b"p-anna", b"p-bert"), before[2].hash)
    await replace_stream(redis_client, before)
    assert await fault(redis_client) == (3, "changed")


@pytest.mark.attack
async def test_a_removed_entry_is_found(redis_client: Redis, make_log: MakeLog) -> None:
    await written(redis_client, make_log())
    await redis_client.xdel(STREAM_KEY, "4-0")
    assert await fault(redis_client) == (4, "missing")


@pytest.mark.attack
async def test_an_inserted_entry_is_found(redis_client: Redis, make_log: MakeLog) -> None:
    await written(redis_client, make_log())
    before = await stored(redis_client)
    await redis_client.xadd(STREAM_KEY, {"b": before[0].body, "h": before[0].hash.hex()}, id="7-0")
    assert await fault(redis_client) == (7, "changed")
    await redis_client.xdel(STREAM_KEY, "7-0")
    await redis_client.xadd(STREAM_KEY, {"x": "y"}, id="7-1")
    assert await fault(redis_client) == (7, "malformed")


@pytest.mark.attack
async def test_entries_that_changed_places_are_found(redis_client: Redis, make_log: MakeLog) -> None:
    await written(redis_client, make_log())
    before = await stored(redis_client)
    moved = [*before[:1], before[2], before[1], *before[3:]]
    await replace_stream(redis_client, [LinkedEntry(n, one.body, one.hash) for n, one in enumerate(moved, 1)])
    assert await fault(redis_client) == (2, "changed")


@pytest.mark.attack
@pytest.mark.parametrize("keep", [0, 3, 5])
async def test_an_end_that_was_cut_off_is_found(redis_client: Redis, make_log: MakeLog, keep: int) -> None:
    await written(redis_client, make_log())
    await replace_stream(redis_client, (await stored(redis_client))[:keep])
    assert await fault(redis_client) == (keep + 1, "truncated")


@pytest.mark.attack
async def test_an_end_cut_off_together_with_the_head_is_found_by_a_head_kept_elsewhere(
    redis_client: Redis, make_log: MakeLog
) -> None:
    log = make_log()
    await written(redis_client, log, 3)
    earlier, earlier_head = await stored(redis_client), await redis_client.get(HEAD_KEY)
    await written(redis_client, log, 3)
    kept = await stored_head(redis_client)
    assert kept is not None
    await replace_stream(redis_client, earlier)
    await redis_client.set(HEAD_KEY, earlier_head)
    assert await fault(redis_client) is None, "Redis alone does not know"
    assert await fault(redis_client, kept) == (4, "truncated")
    await redis_client.flushall()
    assert await fault(redis_client, kept) == (1, "truncated")


@pytest.mark.attack
async def test_a_removed_or_forged_head_is_found(redis_client: Redis, make_log: MakeLog) -> None:
    await written(redis_client, make_log())
    last = (await stored(redis_client))[-1].head
    await redis_client.delete(HEAD_KEY)
    assert await fault(redis_client) == (6, "head_missing")
    await redis_client.set(HEAD_KEY, "nonsense")
    assert await fault(redis_client) == (6, "head_missing")
    await redis_client.set(HEAD_KEY, sign_head(last, OTHERS).to_text())
    assert await fault(redis_client) == (6, "head_forged")


# --- outages and rollbacks ---------------------------------------------------------------------------------------


@pytest.mark.attack
@pytest.mark.parametrize("with_head", [True, False])
async def test_a_front_notices_that_redis_went_back_in_time_and_writes_it_down(
    redis_client: Redis, counts: Counter[str], make_log: MakeLog, with_head: bool
) -> None:
    log = make_log()
    await written(redis_client, log, 2)
    earlier, earlier_head = await stored(redis_client), await redis_client.get(HEAD_KEY)
    await written(redis_client, log, 3)
    lost = (await stored(redis_client))[-1]
    await replace_stream(redis_client, earlier)
    if with_head:
        await redis_client.set(HEAD_KEY, earlier_head)
    else:
        await redis_client.delete(HEAD_KEY)
    await log.record(entry(9))
    assert counts["rolled_back"] == 3
    assert await fault(redis_client) is None
    told, recorded = [read_body(one.body) for one in (await stored(redis_client))[2:]]
    assert (told["action"], told["resource"]) == (ROLLED_BACK, f"audit:5:{lost.hash.hex()}")
    assert recorded["resource"] == "meeting:m9"
    await log.record(entry(10))
    assert counts["rolled_back"] == 3
    assert await redis_client.xlen(STREAM_KEY) == 5


@pytest.mark.attack
@pytest.mark.parametrize("head", ["nonsense", "1 2 3 4", sign_head(Head(6, bytes(32)), OTHERS).to_text()])
async def test_nothing_is_linked_to_a_forged_head(
    redis_client: Redis, counts: Counter[str], make_log: MakeLog, head: str
) -> None:
    log = make_log()
    await written(redis_client, log)
    await redis_client.set(HEAD_KEY, head)
    with pytest.raises(AuditUnavailableError) as caught:
        await log.record(entry(7))
    assert caught.value.cause == "head_forged"
    assert counts["head_forged"] == 1
    assert await redis_client.xlen(STREAM_KEY) == 6


async def test_without_the_store_nothing_is_recorded_and_everybody_is_told(
    redis_client: Redis, counts: Counter[str], make_log: MakeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = make_log()
    await log.record(entry(1))
    with monkeypatch.context() as patch:

        async def fail(*_: Any, **__: Any) -> None:
            raise ConnectionError

        patch.setattr(log, "_append", fail)
        results = await asyncio.gather(*(log.record(entry(number)) for number in range(3)), return_exceptions=True)
    assert [getattr(result, "cause", None) for result in results] == ["store"] * 3
    assert counts["unavailable"] == 3
    await log.record(entry(2))
    assert await redis_client.xlen(STREAM_KEY) == 2
    assert await fault(redis_client) is None


async def test_more_than_can_wait_is_refused_at_once(counts: Counter[str], make_log: MakeLog) -> None:
    log = make_log()
    waiting = [asyncio.ensure_future(log.record(entry(number))) for number in range(MAX_PENDING)]
    await asyncio.sleep(0)
    with pytest.raises(AuditUnavailableError) as caught:
        await log.record(entry(1))
    assert caught.value.cause == "busy"
    await asyncio.gather(*waiting)
    assert counts["recorded"] == MAX_PENDING


async def test_a_cancelled_request_does_not_disturb_the_others(redis_client: Redis, make_log: MakeLog) -> None:
    log = make_log()
    one, two = (asyncio.ensure_future(log.record(entry(number))) for number in (1, 2))
    await asyncio.sleep(0)
    one.cancel()
    await two
    with pytest.raises(asyncio.CancelledError):
        await one
    assert await redis_client.xlen(STREAM_KEY) == 2


async def test_a_closed_log_has_written_what_waited_and_takes_no_more(redis_client: Redis, make_log: MakeLog) -> None:
    log = make_log()
    waiting = asyncio.ensure_future(log.record(entry(1)))
    await asyncio.sleep(0)
    await log.close()
    await waiting
    assert await redis_client.xlen(STREAM_KEY) == 1
    with pytest.raises(AuditUnavailableError) as caught:
        await log.record(entry(2))
    assert caught.value.cause == "closed"


async def test_an_empty_log_is_whole(redis_client: Redis) -> None:
    result = await verify_stored(redis_client, KEYS)
    assert (result.head.number, result.fault) == (0, None)


async def test_a_log_that_is_written_while_it_is_checked_is_whole(redis_client: Redis, make_log: MakeLog) -> None:
    log = make_log()
    await asyncio.gather(*(log.record(entry(number)) for number in range(1500)))

    async def write_more() -> None:
        for number in range(200):
            await log.record(entry(number))

    writer = asyncio.create_task(write_more())
    results = [await verify_stored(redis_client, KEYS) for _ in range(5)]
    await writer
    assert [result.fault for result in results] == [None] * 5
