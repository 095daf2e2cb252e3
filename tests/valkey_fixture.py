"""A real Valkey for tests: one server per test session on a unix socket, emptied for each test that asks.

Use it with ``from tests.valkey_fixture import redis_client, redis_url, valkey_server  # noqa: F401`` in a
``conftest.py``.
"""

import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis as blocking_redis
from redis.asyncio import Redis

from sfu import bus
from signalling import valkey
from tests.patience import PATIENCE_S


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[str]:
    """The URL of a running server; its directory is short because unix socket paths must be."""
    directory = Path(tempfile.mkdtemp(prefix="ao-valkey-"))
    process = subprocess.Popen(valkey.command(directory, durable=False), stdout=subprocess.DEVNULL)
    try:
        client = blocking_redis.Redis.from_url(valkey.url(directory))
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                client.ping()
                break
            except blocking_redis.ConnectionError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.01)
        client.close()
        yield valkey.url(directory)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(directory)


@pytest.fixture
def redis_url(valkey_server: str) -> str:
    """The URL of a server whose data is empty at the start of the test."""
    client = blocking_redis.Redis.from_url(valkey_server)
    client.flushall()
    client.close()
    return valkey_server


@pytest.fixture
async def redis_client(redis_url: str) -> AsyncIterator[Redis]:
    """A client of the emptied server."""
    client = bus.connect(redis_url)
    yield client
    await client.aclose()
