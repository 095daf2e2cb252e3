"""The media sessions of standard clients (WHIP, WHEP), so that any front can end any of them.

``ao:whip:<session_id>`` is a hash: worker, room, participant, grant and ETag; gone after ``EXPIRY_S``.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from redis.asyncio import Redis

from sfu.client import Seat

EXPIRY_S: Final = 24 * 3600
"""Longer than a session lasts; without it the media still ends by itself when the client goes."""


@dataclass(frozen=True)
class WhipSession:
    """One media session."""

    session_id: str
    worker_id: str
    room_id: str
    participant_id: str
    grant_id: str
    etag: str
    """Names the ICE session (RFC 9725 section 4.3.1)."""

    def __repr__(self) -> str:
        return f"WhipSession(room_id={self.room_id!r})"

    @property
    def seat(self) -> Seat:
        """Where the client's participant sits."""
        return Seat(self.worker_id, self.room_id, self.participant_id)


class WhipSessions:
    """Reads and writes the keys above."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def put(self, session: WhipSession) -> None:
        """Remember a session."""
        fields: dict[Any, Any] = asdict(session)
        await self._redis.hset(_key(session.session_id), mapping=fields)
        await self._redis.expire(_key(session.session_id), EXPIRY_S)

    async def get(self, session_id: str) -> WhipSession | None:
        """The session of that id."""
        fields: Mapping[Any, Any] = await self._redis.hgetall(_key(session_id))
        if not fields:
            return None
        return WhipSession(**{str(name, "ascii"): str(value, "utf-8") for name, value in fields.items()})

    async def delete(self, session: WhipSession) -> None:
        """Forget a session."""
        await self._redis.delete(_key(session.session_id))


def _key(session_id: str) -> str:
    return f"ao:whip:{session_id}"
