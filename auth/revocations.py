"""Withdrawing what let somebody in: a session that ended, a link that was taken back.

The grant stands in Redis as withdrawn for as long as any token of it could be renewed (``ao:revoked:<grant_id>``), so
that nothing opens any more, and every process that may have somebody of that grant is told at once: sockets are
closed, and media workers take the participant out even when the socket is away.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from redis.asyncio import Redis

EXPIRY_S: Final = 48 * 3600
"""Longer than any session, link or renewal lasts from now on."""

Broadcast = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Tells every live process of ours an event; the one that says so included."""
REVOKE_EVENT: Final = "revoke"


def _key(grant_id: str) -> str:
    return f"ao:revoked:{grant_id}"


class Revocations:
    """The withdrawn grants. Every method raises what the Redis client raises: who cannot ask must not let in."""

    def __init__(self, redis: "Redis", broadcast: Broadcast) -> None:
        self._redis = redis
        self._broadcast = broadcast

    async def revoke(self, grant_id: str, reason: str) -> None:
        """Withdraw a grant: first what opens doors, then those who are inside. ``reason`` is one of few words."""
        await self._redis.set(_key(grant_id), reason, ex=EXPIRY_S)
        await self._broadcast(REVOKE_EVENT, {"grant_id": grant_id})

    async def is_revoked(self, grant_id: str) -> bool:
        """Whether a grant was withdrawn."""
        return bool(await self._redis.exists(_key(grant_id)))
