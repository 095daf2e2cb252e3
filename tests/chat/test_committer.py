"""Group commit: many at once, each once, through faults of the store."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from chat.appends import Append
from chat.committer import Committer, durability
from chat.conversation import Conversation
from chat.errors import ChatError
from chat.keys import Keys
from chat.store import ChatStore
from sfu.bus import connect
from tests.chat.servers import Store
from tests.chat.stores import CHANNEL, draft
from tests.patience import PATIENCE_S


async def test_what_comes_at_the_same_time_is_committed_together(store: ChatStore, committer: Committer) -> None:
    await store.append(draft("first"))
    before = committer.counters["batches"]
    await asyncio.gather(*(store.append(draft(f"c{number}")) for number in range(200)))
    assert committer.counters["batches"] - before <= 2


async def test_the_order_of_writing_is_the_order_of_events_over_many_batches_and_lost_connections(
    store: ChatStore, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.committer.MAX_BATCH", 7)
    appends = [asyncio.ensure_future(store.append(draft(f"c{number}"))) for number in range(600)]
    for number in (50, 200, 350):
        await appends[number]
        await redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert [each.seq for each in await asyncio.gather(*appends)] == list(range(1, 601))
    assert store.committer.counters["commit_failed"]


async def test_messages_of_many_conversations_are_one_call_and_each_has_its_own_answer(
    store: ChatStore, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.committer.MAX_SAID", 8)
    names = [f"staff-many{number}" for number in range(10)]
    for name in names:
        await store.create(Conversation(name))
    await store.append(draft("c0", conversation_id=names[3]))
    await store.update(Conversation(names[4], state="closed"))
    calls: Any = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
    answers = await asyncio.gather(
        *(store.append(draft(f"c{number}", conversation_id=name)) for number in range(2) for name in names),
        store.append(draft("c0", conversation_id="staff-missing")),
        return_exceptions=True,
    )
    seqs = {name: [_seq(answers[place]), _seq(answers[10 + place])] for place, name in enumerate(names)}
    assert seqs == {name: [1, 2] for name in names} | {names[4]: ["conversation_closed", "conversation_closed"]}
    assert [getattr(answers[place], "is_repeat", None) for place in (2, 3, 13)] == [False, True, False]
    assert _seq(answers[20]) == "unknown_conversation"
    after: Any = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
    assert after - calls <= 4


async def test_a_broken_conversation_breaks_no_other(store: ChatStore, redis: Redis) -> None:
    names = [f"staff-some{number}" for number in range(6)]
    for name in names:
        await store.create(Conversation(name))
    await redis.delete(Keys(names[1]).meta)
    await redis.set(Keys(names[1]).meta, "no hash")
    await redis.set(Keys(names[2]).ids, "no set")
    await store.append(draft("c0", conversation_id=names[3]))
    await redis.xadd(Keys(names[3]).log, {"t": 1}, id="9-0")  # no number of ours: nothing can follow it

    async def all_say(client_id: str) -> list[int | str]:
        appends = (store.append(draft(client_id, conversation_id=name)) for name in names)
        return [_seq(answer) for answer in await asyncio.gather(*appends, return_exceptions=True)]

    broken = ["chat_unavailable"] * 3
    assert await all_say("c1") == [1, *broken, 1, 1]
    assert await all_say("c2") == [2, *broken, 2, 2]
    assert store.committer.counters["script_failed"] == 6
    assert await redis.scard(Keys(names[3]).ids) == 1, "nothing of a message that was not stored stays"


def _seq(answer: Any) -> int | str:
    """A number, or the code of the refusal."""
    return answer.code if isinstance(answer, ChatError) else int(answer.seq)


async def test_a_store_that_forgot_the_scripts_is_given_them_again(store: ChatStore, redis: Redis) -> None:
    await store.append(draft("c1"))
    await redis.script_flush()
    assert (await store.append(draft("c2"))).seq == 2
    assert len((await store.read_after(CHANNEL, 0, 9)).events) == 2


async def test_acknowledged_messages_survive_a_killed_store_and_unacknowledged_ones_are_repeated(
    tmp_path: Path, server: Store
) -> None:
    own = Store(server.kind, tmp_path)
    own.start()
    redis = connect(own.url)
    committer = Committer(redis, give_up_s=PATIENCE_S)
    await committer.start()
    store = ChatStore(redis, committer)
    try:
        await store.create(Conversation(CHANNEL))
        appends = [asyncio.ensure_future(store.append(draft(f"c{number}"))) for number in range(300)]
        await appends[0]
        own.kill()
        appends += [asyncio.ensure_future(store.append(draft(f"d{number}"))) for number in range(10)]
        await asyncio.to_thread(own.start)
        appended = await asyncio.gather(*appends)
        assert sorted(each.seq for each in appended) == list(range(1, 311))
        stored = (await store.read_before(CHANNEL, 400, 200)).events
        assert [event.seq for event in stored] == list(range(111, 311))
    finally:
        await committer.stop()
        await redis.aclose()
        own.kill()


async def test_a_store_that_stays_away_is_told_to_the_author() -> None:
    redis = connect("redis://127.0.0.1:1/0")
    committer = Committer(redis, give_up_s=0.1)
    await committer.start()
    with pytest.raises(ChatError, match="chat_unavailable"):
        await ChatStore(redis, committer).append(draft("c1"))
    with pytest.raises(ChatError, match="chat_unavailable"):
        await ChatStore(redis, committer).read_after(CHANNEL, 0, 1)
    await committer.stop()
    await redis.aclose()


async def test_more_writes_than_can_wait_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.committer.MAX_WAITING", 2)
    committer = Committer(connect("redis://127.0.0.1:1/0"))
    await committer.start()
    waiting = [committer.append(draft(f"c{number}")) for number in range(3)]
    with pytest.raises(ChatError, match="chat_unavailable"):
        await waiting[2]
    await committer.stop()
    for future in waiting[:2]:
        with pytest.raises(ChatError):
            await future


async def test_what_is_written_before_the_start_or_from_the_stop_on_is_refused_at_once() -> None:
    committer = Committer(connect("redis://127.0.0.1:1/0"))
    early = committer.append(draft("c1"))
    await committer.start()
    stopping = asyncio.ensure_future(committer.stop())
    await asyncio.sleep(0)
    meanwhile = committer.append(draft("c2"))
    assert (early.done(), meanwhile.done()) == (True, True)
    await stopping
    late = committer.append(draft("c3"))
    async with asyncio.timeout(PATIENCE_S):
        for answer in await asyncio.gather(early, meanwhile, late, return_exceptions=True):
            assert getattr(answer, "code", None) == "chat_unavailable"


class _Going(Append):
    """A message whose socket is closing."""

    def __init__(self) -> None:
        super().__init__(CHANNEL, b"anna\0c1", b"\x90", b"anna")
        self.is_refused = False

    def is_awaited(self) -> bool:
        return False

    def refuse(self) -> None:
        self.is_refused = True


async def test_who_is_not_awaited_any_more_is_let_go_when_the_store_is_away() -> None:
    committer, going = Committer(connect("redis://127.0.0.1:1/0")), _Going()
    await committer.start()
    committer.queue.add(going)
    async with asyncio.timeout(PATIENCE_S):
        while not committer.counters["commit_failed"]:
            await asyncio.sleep(0.005)
    await committer.stop()
    assert going.is_refused


async def test_what_goes_wrong_while_authors_are_told_leaves_none_of_them_waiting(
    store: ChatStore, committer: Committer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.committer.MAX_SAID", 1)
    other = "staff-other"
    await store.create(Conversation(other))

    def broken(_messages: Any, _answer: Any) -> None:
        raise ValueError

    committer.on_said = broken
    appends = [store.append(draft("c1", conversation_id=name)) for name in (CHANNEL, other)]
    async with asyncio.timeout(PATIENCE_S):
        answers = [_seq(answer) for answer in await asyncio.gather(*appends, return_exceptions=True)]
    assert answers == [1, "chat_unavailable"]
    committer.on_said = None
    assert (await store.append(draft("c1", conversation_id=other))).is_repeat


async def test_a_fault_that_is_not_the_stores_is_met_with_a_growing_pause_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    async def broken(_link: Any) -> None:
        await sleep(0)
        raise ValueError

    monkeypatch.setattr("chat.committer.RawLink.open", broken)
    monkeypatch.setattr("chat.committer.asyncio.sleep", pause)
    committer = Committer(connect("redis://127.0.0.1:1/0"))
    await committer.start()
    async with asyncio.timeout(PATIENCE_S):
        while committer.counters["commit_broken"] < 8:
            await sleep(0)
    await committer.stop()
    assert pauses[:7] == [0.02, 0.04, 0.08, 0.16, 0.32, 0.5, 0.5]


async def test_a_name_that_cannot_be_sent_is_refused_and_nobody_beside_it(
    store: ChatStore, committer: Committer
) -> None:
    keys = Keys(CHANNEL)
    append = asyncio.ensure_future(store.append(draft("c1")))
    with pytest.raises(UnicodeEncodeError):
        await committer.touch(keys.typing, keys.channel, "T", "a\t\ud800", 1000)
    async with asyncio.timeout(PATIENCE_S):
        assert (await append).seq == 1


async def test_the_mode_of_syncing_is_known(redis: Redis) -> None:
    assert await durability(redis) == "always"


async def test_a_store_can_be_asked_to_sync_before_the_acknowledgement(store: ChatStore, server: Store) -> None:
    store.committer.wait_aof_ms = 1000
    if server.kind == "valkey":
        assert (await store.append(draft("c1"))).seq == 1
        return
    store.committer._give_up_s = 0.1
    with pytest.raises(ChatError, match="chat_unavailable"):  # Redis 7.0 does not know WAITAOF: nothing is promised
        await store.append(draft("c1"))


@pytest.mark.parametrize("wait_aof_ms", [0, 50])
async def test_replicas_that_are_not_there_promise_nothing(
    redis: Redis, server: Store, wait_aof_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if wait_aof_ms and server.kind != "valkey":
        pytest.skip("Redis 7.0 does not know WAITAOF")
    monkeypatch.setattr("chat.committer.WAIT_REPLICAS_MS", 50)
    committer = Committer(redis, give_up_s=0.3)
    await committer.start()
    store = ChatStore(redis, committer)
    await store.create(Conversation(CHANNEL, provider_hsa_id="provider", unit_hsa_id="unit"))
    await store.append(draft("c1"))
    committer.wait_aof_ms, committer.wait_replicas = wait_aof_ms, 1
    with pytest.raises(ChatError, match="chat_unavailable"):
        await store.append(draft("c2"))
    await committer.stop()


async def test_a_replica_that_has_it_is_enough(tmp_path: Path, server: Store, redis: Redis) -> None:
    if server.kind != "redis":
        pytest.skip("the embedded one listens on a socket alone, where no replica can reach it")
    await redis.config_set("repl-diskless-sync-delay", 0)  # it would wait for more replicas
    replica = Store(server.kind, tmp_path)
    replica.start()
    try:
        follower = connect(replica.url)
        await follower.execute_command("REPLICAOF", "127.0.0.1", str(server.port))
        async with asyncio.timeout(PATIENCE_S):
            while (await follower.info("replication")).get("master_link_status") != "up":
                await asyncio.sleep(0.02)
        committer = Committer(redis, wait_replicas=1)
        await committer.start()
        store = ChatStore(redis, committer)
        await store.create(Conversation(CHANNEL, provider_hsa_id="provider", unit_hsa_id="unit"))
        assert (await store.append(draft("c1"))).seq == 1
        assert await follower.exists(Keys(CHANNEL).log)
        await committer.stop()
        await follower.aclose()
    finally:
        replica.kill()
