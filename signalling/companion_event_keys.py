"""Which events of the companion have been acted on: an event that is delivered again does nothing again.

==================================  ==================================================================================
``ao:companion-event:<digest>``     ``working`` while a front acts on it, ``done`` afterwards; gone ``KEPT_S`` later
==================================  ==================================================================================

A front that dies in the middle leaves ``working`` behind, for ``LEASE_S``; then the next delivery is acted on anew. So
what handlers do must come to the same when it is done twice.
"""

import hashlib
from typing import Any, Final, Literal

from redis.asyncio import Redis

LEASE_S: Final = 30
"""Longer than any handler takes."""
KEPT_S: Final = 7 * 24 * 3600
"""The companion gives an event up for delivered within seconds; a week covers one that was restored from a backup."""

Claimed = Literal["new", "busy", "done"]


class EventKeys:
    """The keys above, in one Redis for all fronts."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def claim(self, key: str) -> Claimed:
        """``new``: act on it, then say ``done`` or ``release``. ``busy``: a front does so just now."""
        before: Any = await self._redis.set(_key(key), "working", nx=True, get=True, ex=LEASE_S)
        if before is None:
            return "new"
        return "done" if before == b"done" else "busy"

    async def done(self, key: str) -> None:
        """It has been acted on."""
        await self._redis.set(_key(key), "done", ex=KEPT_S)

    async def release(self, key: str) -> None:
        """It could not be acted on: the next delivery may try at once."""
        await self._redis.delete(_key(key))


def _key(key: str) -> str:
    return f"ao:companion-event:{hashlib.sha256(key.encode()).hexdigest()}"
