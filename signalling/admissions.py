"""What hosts decided at the door of each room, by grant: let in, or taken out. It outlives workers and page loads.

``ao:door:<room_id>`` is a hash: grant id -> ``admitted`` or ``removed``. ``removed`` is never overwritten.
"""

from typing import Final, Literal

from redis.asyncio import Redis

EXPIRY_S: Final = 24 * 3600
"""After the last decision; a meeting lasts hours."""

Decided = Literal["admitted", "removed"]


def _key(room_id: str) -> str:
    return f"ao:door:{room_id}"


class Admissions:
    """Reads and writes the decisions."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def of(self, room_id: str, grant_id: str) -> Decided | None:
        """What was decided about a grant; None: nothing yet."""
        value = await self._redis.hget(_key(room_id), grant_id)
        if value == b"removed":
            return "removed"
        return "admitted" if value == b"admitted" else None

    async def admit(self, room_id: str, grant_id: str) -> None:
        """Remember that a host let somebody in, unless one has taken them out since."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hsetnx(_key(room_id), grant_id, "admitted")
            pipeline.expire(_key(room_id), EXPIRY_S)
            await pipeline.execute()

    async def remove(self, room_id: str, grant_id: str) -> None:
        """Remember that a host took somebody out, or did not let them in."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hset(_key(room_id), grant_id, "removed")
            pipeline.expire(_key(room_id), EXPIRY_S)
            await pipeline.execute()

    async def forget(self, room_id: str) -> None:
        """The room is gone."""
        await self._redis.delete(_key(room_id))
