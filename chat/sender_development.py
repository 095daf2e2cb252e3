"""A sink instead of gateways, for development: keeps the last notices so that a page can show them."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import msgpack
from redis.asyncio import Redis

from chat.notice_sender import Outgoing
from chat.notices import Channel

MAX_KEPT: Final = 200
KEY: Final = "ao:development:notices"


@dataclass(frozen=True)
class Caught:
    """A notice that would have gone out."""

    at_s: int
    channel: Channel
    to: str
    subject: str
    text: str


class DevelopmentSender:
    """Takes notices of one channel into the sink; every one is delivered at once."""

    repeats_safely = True

    def __init__(self, redis: "Redis", channel: Channel, *, clock: Callable[[], float] = time.time) -> None:
        self.channel: Channel = channel
        self._redis = redis
        self._clock = clock

    async def send(self, outgoing: Outgoing) -> str:
        """Keep it, instead of the oldest."""
        values = [int(self._clock()), self.channel, outgoing.to, outgoing.subject, outgoing.text]
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.lpush(KEY, msgpack.packb(values))
            pipeline.ltrim(KEY, 0, MAX_KEPT - 1)
            await pipeline.execute()
        return outgoing.notice_id

    async def close(self) -> None:
        """Nothing is held open."""


async def caught(redis: "Redis") -> list[Caught]:
    """What the sink holds, the newest first."""
    found = await cast(Awaitable[list[Any]], redis.lrange(KEY, 0, -1))
    return [Caught(*msgpack.unpackb(item)) for item in found]
