"""The outbox over a real Valkey: queued once, taken once, settled by who holds it, found again when that one dies."""

import asyncio
import itertools
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from chat.notice_outbox import LATER, QUEUE, Claimed, NoticeOutbox
from chat.notices import TRANSITIONS, Notice, NoticeState, pack, unpack

NOW = 1_800_000_000
NOTICE = Notice("", "key-1", "sms", "p-anna", "new_message", {"unit": "Kronan"}, NOW, NOW + 3600, ("email",))


@pytest.fixture
async def outbox(redis_client: Redis) -> NoticeOutbox:
    outbox = NoticeOutbox(redis_client, "front-1")
    await outbox.start()
    await outbox.start()
    return outbox


@pytest.fixture
def other(outbox: NoticeOutbox, redis_client: Redis) -> NoticeOutbox:
    assert outbox
    return NoticeOutbox(redis_client, "front-2")


async def state_of(outbox: NoticeOutbox, notice_id: str) -> str:
    status = await outbox.status(notice_id)
    assert status is not None
    return str(status.state)


async def taken(outbox: NoticeOutbox) -> Claimed:
    [claimed] = await outbox.take(NOW, 10)
    return claimed


def test_a_notice_is_kept_whole() -> None:
    assert unpack(pack(NOTICE)) == NOTICE
    assert "anna" not in repr(NOTICE)
    assert "Kronan" not in repr(NOTICE)


async def test_a_notice_is_queued_taken_and_sent(outbox: NoticeOutbox, redis_client: Redis) -> None:
    notice_id, is_new = await outbox.enqueue(NOTICE, now_s=NOW)
    assert is_new
    claimed = await taken(outbox)
    assert (claimed.notice, claimed.attempts, claimed.is_interrupted) == (
        replace(NOTICE, notice_id=notice_id),
        1,
        False,
    )
    assert await state_of(outbox, notice_id) == "sending"
    assert await outbox.settle(claimed, "sent", now_s=NOW, reference="r-1")
    assert await state_of(outbox, notice_id) == "sent"
    assert await redis_client.xlen(QUEUE) == 0
    assert await outbox.take(NOW, 10) == []


async def test_of_many_with_one_key_one_is_sent(outbox: NoticeOutbox, other: NoticeOutbox) -> None:
    answers = await asyncio.gather(*(box.enqueue(NOTICE, now_s=NOW) for box in (outbox, other) * 10))
    assert len({notice_id for notice_id, _ in answers}) == 1
    assert sum(is_new for _, is_new in answers) == 1
    found = await asyncio.gather(outbox.take(NOW, 10), other.take(NOW, 10))
    assert len(list(itertools.chain(*found))) == 1
    assert (await outbox.enqueue(replace(NOTICE, key="key-2"), now_s=NOW))[1]


async def test_fronts_share_the_work(outbox: NoticeOutbox, other: NoticeOutbox) -> None:
    for number in range(20):
        await outbox.enqueue(replace(NOTICE, key=f"key-{number}"), now_s=NOW)
    found = await asyncio.gather(*(box.take(NOW, 3) for box in (outbox, other) * 5))
    ids = [claimed.notice.notice_id for claimed in itertools.chain(*found)]
    assert len(ids) == len(set(ids)) == 20


async def test_a_failed_attempt_comes_again_when_its_pause_is_over(outbox: NoticeOutbox, redis_client: Redis) -> None:
    notice_id, _ = await outbox.enqueue(NOTICE, now_s=NOW)
    await outbox.settle(await taken(outbox), "queued", now_s=NOW, cause="gateway_503", again_at_s=NOW + 10.5)
    assert await state_of(outbox, notice_id) == "queued"
    assert await outbox.promote(NOW + 10) == 0
    assert await outbox.take(NOW + 10, 10) == []
    assert await outbox.promote(NOW + 11) == 1
    [claimed] = await outbox.take(NOW + 11, 10)
    assert (claimed.attempts, claimed.is_interrupted) == (2, False)
    assert await redis_client.zcard(LATER) == 0


async def test_what_a_dead_front_had_is_found_again_and_marked(outbox: NoticeOutbox, other: NoticeOutbox) -> None:
    await outbox.enqueue(NOTICE, now_s=NOW)
    lost = await taken(outbox)
    assert await other.abandoned(NOW, 10, idle_ms=60_000) == []
    [found] = await other.abandoned(NOW, 10, idle_ms=0)
    assert (found.attempts, found.is_interrupted) == (2, True)
    # The first one was only slow: what it says now no longer counts.
    assert not await outbox.settle(lost, "failed", now_s=NOW)
    assert await state_of(other, found.notice.notice_id) == "sending"
    assert await other.settle(found, "sent", now_s=NOW)
    assert await other.abandoned(NOW, 10, idle_ms=0) == []


async def test_a_slow_front_leaves_the_entry_to_the_one_that_has_it_now(
    outbox: NoticeOutbox, other: NoticeOutbox
) -> None:
    await outbox.enqueue(NOTICE, now_s=NOW)
    slow = await taken(outbox)
    [lost_too] = await other.abandoned(NOW, 10, idle_ms=0)
    assert [await outbox.is_ours(slow), await other.is_ours(lost_too)] == [False, True]
    assert not await outbox.settle(slow, "failed", now_s=NOW)
    [found] = await outbox.abandoned(NOW, 10, idle_ms=0)  # the other died as well
    assert (found.notice, found.attempts) == (lost_too.notice, 3)


async def test_what_died_between_taking_and_claiming_is_no_interruption(
    outbox: NoticeOutbox, other: NoticeOutbox, redis_client: Redis
) -> None:
    await outbox.enqueue(NOTICE, now_s=NOW)
    await redis_client.xreadgroup("senders", "front-1", {QUEUE: ">"})
    [found] = await other.abandoned(NOW, 10, idle_ms=0)
    assert (found.attempts, found.is_interrupted) == (1, False)


async def test_an_entry_whose_record_is_gone_or_ended_is_dropped(outbox: NoticeOutbox, redis_client: Redis) -> None:
    notice_id, _ = await outbox.enqueue(NOTICE, now_s=NOW)
    await outbox.settle(await taken(outbox), "sent", now_s=NOW)
    await redis_client.xadd(QUEUE, {"id": notice_id})
    await redis_client.xadd(QUEUE, {"id": "n-gone"})
    assert await outbox.take(NOW, 10) == []
    assert await redis_client.xlen(QUEUE) == 0
    assert await outbox.status("n-gone") is None


async def test_a_report_finds_its_notice_once(outbox: NoticeOutbox) -> None:
    notice_id, _ = await outbox.enqueue(NOTICE, now_s=NOW)
    await outbox.settle(await taken(outbox), "sent", now_s=NOW, reference="r-1")
    for is_news in (True, False):
        reported = await outbox.report("sms", "r-1", "delivered", now_s=NOW)
        assert reported is not None
        assert (reported[0].notice_id, reported[1]) == (notice_id, is_news)
    assert await state_of(outbox, notice_id) == "delivered"
    assert await outbox.report("sms", "r-1", "bounced", now_s=NOW) is None
    assert await outbox.report("email", "r-1", "bounced", now_s=NOW) is None
    assert await outbox.report("sms", "r-2", "bounced", now_s=NOW) is None
    assert await state_of(outbox, notice_id) == "delivered"


async def test_what_led_nowhere_does_not_arrive(outbox: NoticeOutbox) -> None:
    assert not await outbox.may_arrive(["key-1", "key-2"])
    await outbox.enqueue(NOTICE, now_s=NOW)
    assert await outbox.may_arrive(["key-2", "key-1"])
    await outbox.settle(await taken(outbox), "bounced", now_s=NOW)
    assert not await outbox.may_arrive(["key-2", "key-1"])
    await outbox.enqueue(replace(NOTICE, key="key-2"), now_s=NOW)
    await outbox.settle(await taken(outbox), "sent", now_s=NOW)
    assert await outbox.may_arrive(["key-2", "key-1"])


@pytest.mark.parametrize("state", list(NoticeState))
async def test_the_scripts_hold_the_table_of_transitions(
    outbox: NoticeOutbox, redis_client: Redis, state: NoticeState
) -> None:
    async def after(act: Any) -> str:
        notice_id, _ = await outbox.enqueue(replace(NOTICE, key=f"{state}-{act}"), now_s=NOW)
        claimed = await taken(outbox)
        await outbox.settle(claimed, "sent", now_s=NOW, reference=notice_id)
        await redis_client.hset(f"ao:{{notices}}:one:{notice_id}", "state", state)
        if act == "claim":
            await redis_client.xadd(QUEUE, {"id": notice_id})
            await outbox.take(NOW, 1)
        elif act in ("delivered", "bounced_by_report"):
            await outbox.report("sms", notice_id, act.partition("_")[0], now_s=NOW)
        else:
            await outbox.settle(claimed, act, now_s=NOW)
        return await state_of(outbox, notice_id)

    reached = {
        await after(act) for act in ("claim", "delivered", "bounced_by_report", "sent", "bounced", "failed", "queued")
    }
    # Taking on what another began is allowed: it stays ``sending``.
    assert reached - {str(state)} <= {str(following) for following in TRANSITIONS[state]}
    if TRANSITIONS[state]:
        assert reached - {str(state)}
    else:
        assert reached == {str(state)}
