"""Fan-out on real data servers: two fronts, readers that come and go, news that are lost."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgpack
import pytest
from redis.asyncio import Redis

from auth.permissions import LOA3
from auth.principal import Commission, Principal
from chat.channels import MAX_TRAIN
from chat.committer import Committer
from chat.conversation import Conversation
from chat.errors import ChatError
from chat.events import pack
from chat.fanout import FanOut
from chat.keys import Keys
from chat.store import MAX_PAGE, ChatStore
from tests.chat.stores import CHANNEL, draft, make_fanout
from tests.patience import PATIENCE_S

STAFF = Principal(
    "staff", frozenset({"staff"}), "SE-1", None, "Sara", frozenset(),
    Commission("c", "unit", "provider", "Unit", frozenset({"staff"})), None, LOA3, 0, "grant",
)  # fmt: skip

Packet = tuple[str, Mapping[str, Any]]


class Reader:
    """A socket in memory."""

    def __init__(self) -> None:
        self.principal = STAFF
        self.got: list[Packet] = []
        self.is_slow = False
        self._came = asyncio.Condition()

    def send(self, packet: Packet) -> bool:
        if self.is_slow:
            return False
        self.hint(packet)
        return True

    def hint(self, packet: Packet) -> None:
        self.got.append(packet)

    def seqs(self) -> list[int]:
        return [payload["seq"] for name, payload in self.got if name == "chat_event"]

    def named(self, name: str) -> list[Mapping[str, Any]]:
        return [payload for event, payload in self.got if event == name]


async def until(condition: Any) -> None:
    """Waits for what others do; never longer than the test may take."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.005)


async def test_readers_at_two_fronts_get_everything_once_and_in_order(
    redis: Redis, store: ChatStore, fanout: FanOut
) -> None:
    other = make_fanout(redis, store)
    await other.start()
    here, there, late = Reader(), Reader(), Reader()
    assert (await fanout.resume(here, CHANNEL, 0, 100)).is_live
    assert (await other.resume(there, CHANNEL, 0, 100)).is_live
    appends = [asyncio.ensure_future(store.append(draft(f"c{number}"))) for number in range(300)]
    await appends[100]
    resumed = await fanout.resume(late, CHANNEL, 50, 100)
    while not resumed.is_live:
        resumed = await fanout.resume(late, CHANNEL, resumed.events[-1].seq, 100)
    await asyncio.gather(*appends)
    await until(lambda: len(here.seqs()) == len(there.seqs()) == 300)
    assert here.seqs() == there.seqs() == list(range(1, 301))
    await until(lambda: resumed.last_seq + len(late.seqs()) == 300)
    assert late.seqs() == list(range(resumed.last_seq + 1, 301))
    await other.stop()


async def test_messages_that_come_together_are_sent_together_and_before_what_follows(
    redis: Redis, store: ChatStore
) -> None:
    calls: list[tuple[int, int]] = []

    def encode(name: str, seq: int, _at_ms: int, _packed: bytes, _aliases: dict[Any, Any]) -> Packet:
        return "chat_event", {"conversation_id": name, "seq": seq}

    def send_to_all(readers: dict[Any, int], packets: list[Packet], first: int) -> list[Any]:
        calls.append((first, len(packets)))
        for reader, has in readers.items():
            for _, payload in packets:
                if payload["seq"] > has:
                    reader.got.append(("chat_event", payload))
        return []

    fanout = FanOut(redis, store, lambda name, payload: (name, payload), encode, send_to_all)
    await fanout.start()
    reader, channel = Reader(), Keys(CHANNEL).channel
    await fanout.resume(reader, CHANNEL, 0, 100)
    async with redis.pipeline(transaction=True) as pipeline:
        for number in range(1, 151):
            pipeline.execute_command("SPUBLISH", channel, b"E%d 1 %b" % (number, pack(draft(f"c{number}"))))
            if number == 30:
                pipeline.execute_command("SPUBLISH", channel, b"X" + msgpack.packb({"text": "y"}))
        await pipeline.execute()
    await until(lambda: len(reader.seqs()) == 150)
    assert reader.seqs() == list(range(1, 151))
    assert [name for name, _ in reader.got].index("chat_text") == 30
    assert [first for first, _ in calls] == [
        1 + sum(count for _, count in calls[:place]) for place in range(len(calls))
    ]
    assert 1 < max(count for _, count in calls) <= MAX_TRAIN
    assert fanout.counters["delivered"] == 150
    await fanout.stop()


async def test_a_slow_reader_is_told_of_a_message_that_came_together_with_its_edit(
    redis: Redis, store: ChatStore
) -> None:
    """The message is taken for the end of the turn; the edit goes the general way, and moves the feed on."""
    first_of: list[int] = []

    def encode(name: str, seq: int, _at_ms: int, packed: bytes, _aliases: dict[Any, Any]) -> Packet | None:
        return None if packed[2:6] == b"edit" else ("chat_event", {"conversation_id": name, "seq": seq})

    def send_to_all(readers: dict[Any, int], _packets: list[Packet], first: int) -> list[Any]:
        first_of.append(first)
        return list(readers)

    fanout = FanOut(redis, store, lambda name, payload: (name, payload), encode, send_to_all)
    await fanout.start()
    reader, channel = Reader(), Keys(CHANNEL).channel
    await fanout.resume(reader, CHANNEL, 0, 100)
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.execute_command("SPUBLISH", channel, b"E1 1 " + pack(draft("c1")))
        pipeline.execute_command("SPUBLISH", channel, b"E2 1 " + pack(draft("c2", kind="edit", target=1)))
        await pipeline.execute()
    await until(lambda: reader.named("chat_lagging"))
    assert (first_of[0], reader.named("chat_lagging")[0]["seq"]) == (1, 0)
    await fanout.stop()


async def test_news_lost_with_their_connection_are_read_afterwards(
    redis: Redis, store: ChatStore, fanout: FanOut
) -> None:
    reader = Reader()
    await fanout.resume(reader, CHANNEL, 0, 100)
    for number in range(5):
        await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        await asyncio.gather(*(store.append(draft(f"c{number}-{each}")) for each in range(20)))
        expected = 20 * (number + 1)
        await until(lambda expected=expected: len(reader.seqs()) == expected)
    assert reader.seqs() == list(range(1, 101))
    assert fanout.news_counters["connection_lost"] >= 5


async def test_more_than_a_page_that_was_missed_is_read_page_by_page(
    redis: Redis, store: ChatStore, fanout: FanOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader()
    await fanout.resume(reader, CHANNEL, 0, 100)
    monkeypatch.setattr("chat.news._FIRST_PAUSE_S", 0.3)
    await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    await asyncio.gather(*(store.append(draft(f"c{number}")) for number in range(3 * MAX_PAGE)))
    await until(lambda: len(reader.seqs()) == 3 * MAX_PAGE)
    assert reader.seqs() == list(range(1, 3 * MAX_PAGE + 1))


async def test_a_slow_reader_is_let_go_and_told_where_to_resume(store: ChatStore, fanout: FanOut) -> None:
    slow, quick = Reader(), Reader()
    await fanout.resume(slow, CHANNEL, 0, 100)
    await fanout.resume(quick, CHANNEL, 0, 100)
    await store.append(draft("c1"))
    await until(lambda: quick.seqs() == [1] and slow.seqs() == [1])
    slow.is_slow = True
    for number in range(2, 5):
        await store.append(draft(f"c{number}"))
    await until(lambda: quick.seqs() == [1, 2, 3, 4])
    assert slow.named("chat_lagging") == [{"conversation_id": CHANNEL, "seq": 1}]
    assert not fanout.is_attached(slow, CHANNEL)
    slow.is_slow = False
    resumed = await fanout.resume(slow, CHANNEL, 1, 100)
    assert [event.seq for event in resumed.events] == [2, 3, 4]
    assert fanout.counters["slow_readers"] == 1


async def test_a_store_that_lost_events_is_seen_by_its_readers(redis: Redis, store: ChatStore, fanout: FanOut) -> None:
    reader = Reader()
    for number in range(4):
        await store.append(draft(f"c{number}"))
    await fanout.resume(reader, CHANNEL, 0, 100)
    await redis.xdel(Keys(CHANNEL).log, "0-3", "0-4")
    await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    await until(lambda: reader.named("chat_reset"))
    assert reader.named("chat_reset") == [{"conversation_id": CHANNEL, "last_seq": 2}]
    ahead = await fanout.resume(Reader(), CHANNEL, 4, 100)
    assert (ahead.last_seq, ahead.is_live) == (2, False)


async def test_readers_get_what_has_the_numbers_of_lost_events(redis: Redis, store: ChatStore, fanout: FanOut) -> None:
    reader, keys = Reader(), Keys(CHANNEL)
    for number in range(4):
        await store.append(draft(f"c{number}"))
    await fanout.resume(reader, CHANNEL, 0, 100)
    entries = await redis.xrange(keys.log)
    await redis.delete(keys.log)  # a store that was restored: its own count went back as well
    for entry_id, fields in entries[:2]:
        await redis.xadd(keys.log, fields, id=entry_id)
    await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    await until(lambda: reader.named("chat_reset"))
    for number in range(3):
        await store.append(draft(f"d{number}"))
    await until(lambda: reader.seqs() == [3, 4, 5])


async def test_readers_who_may_no_longer_read_and_those_of_what_is_erased_are_let_go(
    store: ChatStore, fanout: FanOut
) -> None:
    reader = Reader()
    await fanout.resume(reader, CHANNEL, 0, 100)
    await store.update(Conversation(CHANNEL, "provider", "unit", title="Nytt namn"))
    await until(lambda: reader.named("chat_changed"))
    await store.update(Conversation(CHANNEL, "provider", "another unit"))
    await until(lambda: reader.named("chat_ended"))
    assert not fanout.is_attached(reader, CHANNEL)
    await store.update(Conversation(CHANNEL, "provider", "unit"))
    await fanout.resume(reader, CHANNEL, 0, 100)
    await store.erase(CHANNEL)
    await until(lambda: len(reader.named("chat_ended")) == 2)


async def test_what_does_not_exist_cannot_be_opened_and_leaves_nothing(fanout: FanOut) -> None:
    for _ in range(2):
        with pytest.raises(ChatError, match="unknown_conversation"):
            await fanout.resume(Reader(), "staff-none", 0, 100)
    assert fanout.readers("staff-none") == 0


@pytest.fixture
async def forgetful(redis: Redis, store: ChatStore, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FanOut]:
    """Conversations that nobody reads are let go of at once."""
    monkeypatch.setattr("chat.fanout.LINGER_S", 0.0)
    monkeypatch.setattr("chat.fanout._SWEEP_S", 0.02)
    fanout = make_fanout(redis, store)
    await fanout.start()
    yield fanout
    await fanout.stop()


async def test_a_conversation_that_nobody_reads_is_forgotten(redis: Redis, store: ChatStore, forgetful: FanOut) -> None:
    reader = Reader()
    await forgetful.resume(reader, CHANNEL, 0, 100)
    forgetful.detach(reader, CHANNEL)
    channel = f"ao:chat:{{{CHANNEL}}}:news"
    async with asyncio.timeout(PATIENCE_S):
        while (await redis.execute_command("PUBSUB", "SHARDNUMSUB", channel))[1]:
            await asyncio.sleep(0.01)
    again = Reader()
    await forgetful.resume(again, CHANNEL, 0, 100)
    await store.append(draft("c1"))
    await until(lambda: again.seqs() == [1])


async def test_a_conversation_whose_only_reader_went_while_it_was_opened_is_forgotten(forgetful: FanOut) -> None:
    going = asyncio.ensure_future(forgetful.resume(Reader(), CHANNEL, 0, 100))
    await asyncio.sleep(0)
    going.cancel()
    await asyncio.wait([going])
    channel = forgetful._channels.get(CHANNEL)
    assert channel is not None
    assert channel.opening is not None
    await channel.opening
    await until(lambda: forgetful._channels.get(CHANNEL) is None)


async def test_typing_presence_and_receipts_are_told(store: ChatStore, fanout: FanOut, committer: Committer) -> None:
    reader = Reader()
    await fanout.resume(reader, CHANNEL, 0, 100)
    keys_typing, news = f"ao:chat:{{{CHANNEL}}}:typing", f"ao:chat:{{{CHANNEL}}}:news"
    await committer.touch(keys_typing, news, "T", "anna\tAnna A", 6000)
    present = f"ao:chat:{{{CHANNEL}}}:present"
    for front in ("f1", "f2", "f1"):
        await committer.touch(present, news, "P", f"anna\t{front}", 6000)
    await committer.touch(present, news, "P", "bo\tf1", 6000)
    await committer.touch(present, news, "P", "anna\tf1", 0)
    await committer.touch(present, news, "P", "anna\tf2", 0)
    await until(lambda: len(reader.named("chat_presence")) == 5)
    typing = {"conversation_id": CHANNEL, "author": "anna", "author_name": "Anna A", "for_ms": 6000}
    assert reader.named("chat_typists") == [typing]
    people = [presence["people"] for presence in reader.named("chat_presence")]
    assert people == [["anna"], ["anna"], ["anna", "bo"], ["anna", "bo"], ["bo"]]
