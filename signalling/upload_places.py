"""How many uploads a front takes at once: few of all, fewer of one person, and none that dawdles.

A place is taken once the first bytes are there, so that who says that a file will come and sends none holds nothing.
Whoever has all places of one person already waits for one of their own, not for anybody else's.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

CHUNK_BYTES: Final = 64 * 1024
GRACE_S: Final = 10.0
"""Before the rate counts: mobile networks pause, and a file that small is through by then."""
MAX_WAITING: Final = 10
"""Uploads of one person that wait for their turn: as many files as a message carries."""


class NoPlaceError(Exception):
    """Not now; ``cause`` is for counters."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class SlowUploadError(Exception):
    """It comes more slowly than anybody's network."""


class _OfPerson:
    def __init__(self, places: int) -> None:
        self.places = asyncio.Semaphore(places)
        self.uploads = 0


class UploadPlaces:
    """The places of one front."""

    def __init__(self, at_once: int, per_person: int) -> None:
        self.free = at_once
        self._per_person = per_person
        self._people: dict[str, _OfPerson] = {}

    def __len__(self) -> int:
        """People who have or await a place."""
        return len(self._people)

    @asynccontextmanager
    async def of(self, person: str) -> AsyncIterator[None]:
        """A place of this person's; ``NoPlaceError`` when too many of theirs wait, or everybody's are taken."""
        own = self._people.setdefault(person, _OfPerson(self._per_person))
        if own.uploads >= self._per_person + MAX_WAITING:
            raise NoPlaceError("uploads_of_person")
        own.uploads += 1
        try:
            async with own.places:
                if self.free == 0:
                    raise NoPlaceError("uploads_at_once")
                self.free -= 1
                try:
                    yield
                finally:
                    self.free += 1
        finally:
            own.uploads -= 1
            if not own.uploads:
                del self._people[person]


class UploadBody:
    """The body of an upload, read no more slowly than ``min_bytes_per_s``, waiting for a place not counted."""

    def __init__(self, request: web.Request, min_bytes_per_s: int, *, grace_s: float = GRACE_S) -> None:
        self._chunks = request.content.iter_chunked(CHUNK_BYTES)
        self._min_bytes_per_s = min_bytes_per_s
        self._grace_s = grace_s
        self._first = b""
        self._received = 0
        self._began = 0.0

    async def begin(self) -> None:
        """Wait for the first bytes; ``SlowUploadError`` when none come."""
        self._began = asyncio.get_running_loop().time()
        self._first = await self._next()

    async def rest(self) -> AsyncIterator[bytes]:
        """All of it; the clock begins anew, since nobody reads while a place is awaited."""
        self._began = asyncio.get_running_loop().time()
        chunk = self._first
        while chunk:
            self._received += len(chunk)
            yield chunk
            chunk = await self._next()

    async def _next(self) -> bytes:
        """The next chunk, awaited until the rate would be too low."""
        until = self._began + self._grace_s + self._received / self._min_bytes_per_s
        try:
            async with asyncio.timeout_at(until):
                async for chunk in self._chunks:
                    return chunk
        except TimeoutError:
            raise SlowUploadError from None
        return b""
