"""Who alone listens to a conversation learns of what it writes there by the store's answer, and by nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from chat.appends import Append
from chat.committer import Committer
from chat.conversation import Conversation
from chat.errors import ChatError
from chat.events import pack
from chat.fanout import FanOut
from chat.keys import Keys
from chat.store import ChatStore
from tests.chat.stores import CHANNEL, draft, make_fanout
from tests.chat.test_fanout import Reader, until
from tests.patience import PATIENCE_S


async def published(redis: Redis) -> int:
    """How often anything was published on a conversation's channel since the store began."""
    stats: Any = await redis.info("commandstats")
    return int(stats.get("cmdstat_spublish", {}).get("calls", 0))


async def listener(redis: Redis) -> bytes | None:
    """As whom the conversation's only listener stands there; ``*``: there have been several."""
    return await redis.hget(Keys(CHANNEL).meta, "listener")  # type: ignore[no-any-return]


@asynccontextmanager
async def another_front(redis: Redis) -> AsyncIterator[tuple[FanOut, ChatStore]]:
    """A second front, with a connection of its own to write on."""
    committer = Committer(redis)
    await committer.start()
    store = ChatStore(redis, committer)
    fanout = make_fanout(redis, store)
    await fanout.start()
    yield fanout, store
    await fanout.stop()
    await committer.stop()


async def test_one_listener_stands_there_until_another_comes(redis: Redis, store: ChatStore) -> None:
    seen = []
    for name in ("", "a:0", "a:0", "a:9", "a:10", "a:9", "b:0", "a:11", "b:1"):
        await store.read_after(CHANNEL, 0, 1, listener=name)
        seen.append(await listener(redis))
    # A page that was late takes no number back.
    assert seen == [None, b"a:0", b"a:0", b"a:9", b"a:10", b"a:10", b"*", b"*", b"*"]
    await store.read_many({"staff-none": 0, CHANNEL: 0}, 1, listener="c:0")
    assert not await redis.exists(Keys("staff-none").meta)


async def test_what_the_only_listener_writes_is_not_published_and_everything_else_is(
    redis: Redis, store: ChatStore, committer: Committer
) -> None:
    numbers = []
    for standing, writer in (("", ""), ("", "a:0"), ("a:0", "a:0"), ("a:0", "a:1"), ("a:0", "b:0"), ("*", "a:0")):
        await redis.hdel(Keys(CHANNEL).meta, "listener")
        if standing:
            await redis.hset(Keys(CHANNEL).meta, "listener", standing)
        committer.listener = writer
        before = await published(redis)
        await store.append(draft(f"c{len(numbers)}"))
        numbers.append(await published(redis) - before)
    assert numbers == [1, 1, 0, 1, 1, 1]


async def test_readers_of_a_front_that_listens_alone_get_everything_without_news(
    redis: Redis, store: ChatStore, fanout: FanOut
) -> None:
    reader = Reader()
    await fanout.resume(reader, CHANNEL, 0, 100)
    before = await published(redis)
    await asyncio.gather(*(store.append(draft(f"c{number}")) for number in range(200)))
    await until(lambda: len(reader.seqs()) == 200)
    assert (reader.seqs(), await published(redis) - before) == (list(range(1, 201)), 0)


async def test_a_second_front_gets_what_the_first_writes_and_the_first_what_the_second_does(
    redis: Redis, store: ChatStore, fanout: FanOut
) -> None:
    here, there = Reader(), Reader()
    await fanout.resume(here, CHANNEL, 0, 100)
    await store.append(draft("c1"))
    async with another_front(redis) as (other, others_store):
        await others_store.append(draft("c2"))
        resumed = await other.resume(there, CHANNEL, 0, 100)
        assert [event.seq for event in resumed.events] == [1, 2]
        for number in range(3, 43):
            await (store if number % 2 else others_store).append(draft(f"c{number}"))
        await until(lambda: len(here.seqs()) == 42 and len(there.seqs()) == 40)
    assert (here.seqs(), there.seqs()) == (list(range(1, 43)), list(range(3, 43)))


async def test_readers_get_what_was_stored_when_the_answer_was_lost_and_its_author_with_it(
    redis: Redis, store: ChatStore, fanout: FanOut, committer: Committer
) -> None:
    reader = Reader()
    await fanout.resume(reader, CHANNEL, 0, 100)
    await store.append(draft("c1"))
    taken = asyncio.Event()

    def lose(_answers: list[Any]) -> None:
        taken.set()
        raise ConnectionError

    committer._link._on_answers = lose
    committer._link._wire.take = lose  # type: ignore[union-attr]
    going = asyncio.ensure_future(store.append(draft("c2")))
    await taken.wait()
    going.cancel()
    await until(lambda: reader.seqs() == [1, 2])
    assert (await listener(redis) or b"").endswith(b":1"), "it listens under another name than it wrote under"


async def test_what_arrives_late_under_a_former_name_is_published(
    redis: Redis, store: ChatStore, fanout: FanOut, committer: Committer
) -> None:
    """A command that stood still on its way while the front had given it up."""
    reader = Reader()
    await fanout.resume(reader, CHANNEL, 0, 100)
    former = committer.listener
    committer.on_fault()
    await until(lambda: committer.listener != former)
    async with asyncio.timeout(PATIENCE_S):
        while await listener(redis) != committer.listener.encode():
            await asyncio.sleep(0.005)
    async with another_front(redis) as (_, others_store):
        others_store.committer.listener = former
        await others_store.append(draft("c1"))
        await until(lambda: reader.seqs() == [1])


async def test_who_still_listens_to_what_was_erased_listens_to_what_is_made_anew_under_its_name(
    redis: Redis, store: ChatStore, fanout: FanOut
) -> None:
    """The news of the erasure come when there is a conversation of that name again."""
    here, there = Reader(), Reader()
    await fanout.resume(here, CHANNEL, 0, 100)
    async with another_front(redis) as (other, others_store):
        await redis.delete(*Keys(CHANNEL).all())
        await others_store.create(Conversation(CHANNEL, provider_hsa_id="provider", unit_hsa_id="unit"))
        await other.resume(there, CHANNEL, 0, 100)
        await redis.execute_command("SPUBLISH", Keys(CHANNEL).channel, "M")
        async with asyncio.timeout(PATIENCE_S):
            while await listener(redis) != b"*":
                await asyncio.sleep(0.005)
        await others_store.append(draft("c1"))
        await until(lambda: here.seqs() == there.seqs() == [1])


async def test_what_was_erased_is_listened_to_no_more(redis: Redis, store: ChatStore, fanout: FanOut) -> None:
    reader = Reader()
    await fanout.resume(reader, CHANNEL, 0, 100)
    await store.erase(CHANNEL)
    await until(lambda: reader.named("chat_ended"))
    async with asyncio.timeout(PATIENCE_S):
        while (await redis.execute_command("PUBSUB", "SHARDNUMSUB", Keys(CHANNEL).channel))[1]:
            await asyncio.sleep(0.005)


async def test_readers_get_what_was_stored_when_telling_its_author_goes_wrong(
    store: ChatStore, fanout: FanOut, committer: Committer
) -> None:
    reader = Reader()
    await fanout.resume(reader, CHANNEL, 0, 100)

    class Broken(Append):
        def settle(self, status: bytes, seq: int, at_ms: int) -> None:
            raise ValueError

        def refuse(self) -> None:
            """There is nobody."""

    new = draft("c1")
    committer.queue.add(Broken(CHANNEL, b"anna\0c1", pack(new), b"anna"))
    await until(lambda: reader.seqs() == [1])


async def test_a_listener_who_cannot_read_what_was_made_anew_tries_again(
    redis: Redis, store: ChatStore, fanout: FanOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.fanout._AGAIN_S", 0.01)
    reader = Reader()
    await fanout.resume(reader, CHANNEL, 0, 100)
    read, failures = store.read_after, iter(range(3))

    async def faulty(*arguments: Any, **options: Any) -> Any:
        if next(failures, None) is not None:
            raise ChatError("chat_unavailable")
        return await read(*arguments, **options)

    monkeypatch.setattr(store, "read_after", faulty)
    await redis.hset(Keys(CHANNEL).meta, "listener", "b:0")
    await redis.execute_command("SPUBLISH", Keys(CHANNEL).channel, "M")
    async with asyncio.timeout(PATIENCE_S):
        while await listener(redis) != b"*":
            await asyncio.sleep(0.005)


async def test_what_is_written_after_the_end_of_a_fan_out_is_published(redis: Redis, store: ChatStore) -> None:
    fanout = make_fanout(redis, store)
    await fanout.start()
    reader = Reader()
    await fanout.resume(reader, CHANNEL, 0, 100)
    await fanout.stop()
    before = await published(redis)
    await store.append(draft("c1"))
    assert (reader.seqs(), await published(redis) - before) == ([], 1)


async def test_an_erasure_and_its_news_are_one_step(redis: Redis, store: ChatStore) -> None:
    async def steps() -> int:
        stats: Any = await redis.info("commandstats")
        return int(stats.get("cmdstat_exec", {}).get("calls", 0))

    before = await steps()
    await store.erase(CHANNEL)
    assert await steps() - before == 1


async def test_a_store_that_is_full_can_be_read_and_who_listens_stands_there_once_it_is_not(
    redis: Redis, store: ChatStore, fanout: FanOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.fanout._UNKNOWN_S", 0.02)
    await store.append(draft("c1"))
    await redis.hset(Keys(CHANNEL).meta, "listener", "b:0")
    reader = Reader()
    await redis.config_set("maxmemory", 1)
    try:
        resumed = await fanout.resume(reader, CHANNEL, 0, 100)
        assert ([event.seq for event in resumed.events], resumed.is_live) == ([1], True)
        assert await listener(redis) == b"b:0"
    finally:
        await redis.config_set("maxmemory", 0)
    async with another_front(redis) as (_, others_store):
        others_store.committer.listener = "b:0"
        await others_store.append(draft("c2"))
        await until(lambda: reader.seqs() == [2])
    assert await listener(redis) == b"*"
