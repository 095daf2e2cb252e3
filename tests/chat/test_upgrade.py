"""Conversations of layout 1 are read, go on, and stay idempotent in layout 2."""

import pytest
from redis.asyncio import Redis

from chat.events import pack
from chat.keys import Keys
from chat.store import ChatStore
from chat.upgrade import upgrade
from tests.chat.stores import CHANNEL, draft

PREFIX = f"ao:chat:{{{CHANNEL}}}:"


async def make_old(redis: Redis, seqs: range, last: int) -> None:
    """The conversation as the scripts of layout 1 left it."""
    for seq in seqs:
        one = draft(f"c{seq}", f"nr {seq}")
        fields = {"t": 1000 + seq, "a": "anna", "k": "message", "e": pack(one)}
        await redis.xadd(f"{PREFIX}log", fields, id=f"{seq}-0")
        await redis.zadd(f"{PREFIX}ids", {f"anna\0c{seq}": seq})
    trimmed = seqs.start - 1 if seqs else last
    await redis.hset(f"{PREFIX}meta", mapping={"last": last, "trimmed": trimmed, "archived": trimmed})


@pytest.mark.parametrize("times", [1, 2])
async def test_events_numbers_and_ids_are_kept(
    store: ChatStore, redis: Redis, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.upgrade._AT_ONCE", 2)
    await make_old(redis, range(3, 8), 7)
    for _ in range(times):  # the second time it had died before the end
        assert await upgrade(redis) == 1
        page = await store.read_after(CHANNEL, 0, 9)
        assert [(event.seq, event.at_ms, event.body["text"]) for event in page.events] == [
            (seq, 1000 + seq, f"nr {seq}") for seq in range(3, 8)
        ]
        assert (page.last_seq, page.trimmed_through) == (7, 2)
        if times == 2:
            await make_old(redis, range(3, 8), 7)
            await redis.delete("ao:chat:layout")
    assert await upgrade(redis) == (times - 1)
    repeated = await store.append(draft("c5"))
    assert (repeated.seq, repeated.at_ms, repeated.is_repeat) == (5, 1005, True)
    assert (await store.append(draft("new"))).seq == 8
    assert {key.decode() for key in await redis.keys(f"{PREFIX}*")} <= set(Keys(CHANNEL).all())


async def test_where_everything_was_trimmed_numbers_go_on(store: ChatStore, redis: Redis) -> None:
    await make_old(redis, range(0), 41)
    assert await upgrade(redis) == 1
    page = await store.read_after(CHANNEL, 0, 9)
    assert (page.events, page.last_seq) == ((), 41)
    assert (await store.append(draft("new"))).seq == 42


async def test_a_store_of_this_layout_is_left_alone(store: ChatStore, redis: Redis) -> None:
    await store.append(draft("c1"))
    assert await upgrade(redis) == 0
    assert await upgrade(redis) == 0
    assert (await store.append(draft("c1"))).is_repeat
