"""The bare store is sent what the chat stored, and delivers it to as many readers."""

import os
from collections.abc import AsyncIterator

import pytest
import redis

from loadtest.bare_store import BareStore, StoredMessage
from loadtest.chat_load import ChatCell
from loadtest.chat_servers import RunningStore, running_store

FIELDS = {b"t": b"1800000000000", b"a": b"sender", b"k": b"message", b"e": b"x" * 171}
CELL = ChatCell("test", conversations=2, readers=3, senders=4)


@pytest.fixture
async def store() -> AsyncIterator[RunningStore]:
    async with running_store(range(os.cpu_count() or 1)) as running:
        yield running


@pytest.fixture
def client(store: RunningStore) -> "redis.Redis":
    return redis.Redis(unix_socket_path=str(store.path))


def test_the_chat_s_own_message_is_found_and_appended(store: RunningStore, client: "redis.Redis") -> None:
    client.xadd("chat:{meeting-bench0}:log", FIELDS)  # type: ignore[arg-type]
    client.xadd("chat:{meeting-bench01}:log", {"e": "another's"})
    client.zadd("chat:{meeting-bench0}:ids", {"no stream": 1})
    message = StoredMessage.find(store.path, "meeting-bench0")
    assert message.key_of("meeting-bench1") == b"chat:{meeting-bench1}:log"
    assert message.body == FIELDS[b"e"]
    client.flushall()

    load = BareStore(store.path, CELL, message, is_delivering=False)
    times = load.closed_loop(0.05)
    load.close()
    logs = [client.xrange(message.key_of(f"meeting-bench{number}")) for number in range(2)]
    assert times.sent == len(times.acknowledgements) == sum(map(len, logs)) >= 4
    assert times.delivered == 0
    assert all(fields == FIELDS for log in logs for _, fields in log)


def test_every_append_is_delivered_to_its_conversation_s_readers(store: RunningStore, client: "redis.Redis") -> None:
    message = StoredMessage(b"log:meeting-bench0", "meeting-bench0", (b"e", b"x" * 171))
    load = BareStore(store.path, CELL, message, is_delivering=True)
    assert [
        client.execute_command("PUBSUB", "SHARDNUMSUB", message.key_of(f"meeting-bench{n}"))[1] for n in (0, 1)
    ] == [
        3,
        3,
    ]
    times = load.closed_loop(0.05)
    load.close()
    assert times.sent == sum(client.xlen(f"log:meeting-bench{number}") for number in range(2)) >= 4
    assert times.delivered == 3 * times.sent


async def test_a_store_that_does_not_sync_is_none_to_measure(store: RunningStore, client: "redis.Redis") -> None:
    store.check_synced()
    before = store.file_bytes()
    client.xadd("log", FIELDS)  # type: ignore[arg-type]
    assert store.file_bytes() > before + 171
    client.config_set("appendfsync", "everysec")
    with pytest.raises(RuntimeError, match="appendfsync"):
        store.check_synced()
