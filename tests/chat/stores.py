"""Fixtures: a conversation store on each kind of data server. Import them where they are needed."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from chat.committer import Committer
from chat.conversation import Conversation
from chat.events import Draft, EventKind
from chat.fanout import FanOut
from chat.store import ChatStore
from sfu.bus import connect
from tests.chat.servers import Store, binary

CHANNEL = "staff-test"


@pytest.fixture(scope="session", params=["valkey", "redis"])
def server(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Embedded Valkey on a unix socket, Debian's Redis 7.0 on TCP."""
    if binary(request.param) is None:
        pytest.skip("redis-server is not installed (ALLTID_REDIS=skip)")
    directory = Path(tempfile.mkdtemp(prefix="ao-store-"))
    store = Store(request.param, directory, unix=request.param == "valkey")
    store.start()
    yield store
    store.kill()
    shutil.rmtree(directory)


@pytest.fixture
async def redis(server: Store) -> AsyncIterator[Redis]:
    client = connect(server.url)
    await client.flushall()
    await client.script_flush()
    yield client
    await client.aclose()


@pytest.fixture
async def committer(redis: Redis) -> AsyncIterator[Committer]:
    committer = Committer(redis)
    await committer.start()
    yield committer
    await committer.stop()


@pytest.fixture
async def store(redis: Redis, committer: Committer) -> ChatStore:
    """With one staff channel in it."""
    store = ChatStore(redis, committer)
    await store.create(Conversation(CHANNEL, provider_hsa_id="provider", unit_hsa_id="unit"))
    return store


def make_fanout(redis: Redis, store: ChatStore) -> FanOut:
    """One front's; packets are an event's name and its payload."""
    return FanOut(redis, store, lambda name, payload: (name, payload))


@pytest.fixture
async def fanout(redis: Redis, store: ChatStore) -> AsyncIterator[FanOut]:
    fanout = make_fanout(redis, store)
    await fanout.start()
    yield fanout
    await fanout.stop()


def draft(
    client_id: str, text: str = "hej", *, kind: EventKind = "message", author: str = "anna", target: int = 0,
    window_ms: int = 0, conversation_id: str = CHANNEL,
) -> Draft:  # fmt: skip
    return Draft(conversation_id, kind, author, author.title(), "staff", client_id, {"text": text}, target, window_ms)
