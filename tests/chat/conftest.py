"""Fixtures of conversations on real data servers."""

import pytest
from redis.asyncio import Redis

from tests.chat.stores import committer, fanout, redis, server, store

__all__ = ["committer", "fanout", "redis", "redis_client", "server", "store"]


@pytest.fixture
def redis_client(redis: Redis) -> Redis:
    """What is kept here works with both kinds of server, so it is tested with both."""
    return redis
