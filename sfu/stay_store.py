"""Records of stays on their way from the worker to the companion, and what is kept in case the worker dies.

==========================  ==========================================================================================
``ao:visit-quality``        stream: the records of stays that are over, MessagePack in the field ``r``; a front hands
                            them to the companion and deletes them then. Bounded in number and age.
``ao:open-stays:<worker>``  hash: stay id -> the record as it would be if the worker had died just now; when it has,
                            whoever notices moves them into the stream
==========================  ==========================================================================================

A record may come into the stream twice: the companion keeps each stay once, the one that ended later. What waits for
Redis is kept in memory, up to a bound. Each command touches one key.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgpack
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

STREAM: Final = "ao:visit-quality"
FIELD: Final = "r"
MAX_RECORDS: Final = 100_000
"""Some kilobytes each: what a companion that is away for a day may find, and no more."""
KEPT_S: Final = 14 * 24 * 3600
"""Where there is no companion nobody takes them: they hold person ids and go."""
MAX_WAITING: Final = 5_000
"""Records in memory while Redis is away."""
SNAPSHOT_S: Final = 15.0
"""What a worker that dies forgets at most of a stay."""
OPEN_EXPIRY_S: Final = 24 * 3600
_RETRY_S: Final = 1.0
_INCARNATION: Final = "incarnation"

_log = structlog.get_logger(__name__)


def _key(worker_id: str) -> str:
    return f"ao:open-stays:{worker_id}"


async def append(redis: "Redis", record: Mapping[str, Any]) -> None:
    """Put a record into the stream, and take out what is too old."""
    packed = msgpack.packb(dict(record))
    await redis.xadd(STREAM, {FIELD: packed}, maxlen=MAX_RECORDS, approximate=True)
    await redis.xtrim(STREAM, minid=int((time.time() - KEPT_S) * 1000), approximate=True)


async def take_over(redis: "Redis", worker_id: str, *, living: str = "") -> int:
    """A worker is dead: what it was about to tell goes into the stream. ``living``: the incarnation that is not."""
    kept: Any = await redis.hgetall(_key(worker_id))
    moved = 0
    for stay_id, packed in kept.items():
        record = msgpack.unpackb(packed)
        if living and record.get(_INCARNATION) == living:
            continue
        record.pop(_INCARNATION, None)
        await append(redis, record)
        await redis.hdel(_key(worker_id), stay_id)
        moved += 1
    return moved


class StayWriter:
    """One worker's: ``put`` what is over, ``run`` in the background. ``snapshot`` gives the records of what goes on."""

    def __init__(
        self, redis: "Redis", worker_id: str, incarnation: str, snapshot: Callable[[], Sequence[dict[str, Any]]]
    ) -> None:
        self._redis = redis
        self._worker_id = worker_id
        self._incarnation = incarnation
        self._snapshot = snapshot
        self._waiting: deque[dict[str, Any]] = deque()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def put(self, record: dict[str, Any]) -> bool:
        """A stay is over; False when an older record had to go for it."""
        is_full = len(self._waiting) >= MAX_WAITING
        if is_full:
            self._waiting.popleft()
        self._waiting.append(record)
        self._news.set()
        return not is_full

    async def start(self) -> None:
        """Begin to write; first what an earlier life of this worker left."""
        try:
            moved = await take_over(self._redis, self._worker_id, living=self._incarnation)
        except (RedisError, OSError) as error:
            _log.warning("stays_unreadable", error=type(error).__name__)
        else:
            if moved:
                _log.warning("stays_of_a_dead_worker", stays=moved)
        self._task = asyncio.create_task(self._run())

    async def stop(self, timeout_s: float = 2.0) -> None:
        """Write what waits, as far as Redis takes it in that time."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task], timeout=timeout_s)
        self._task = None
        try:
            async with asyncio.timeout(timeout_s):
                await self.write()
        except (TimeoutError, RedisError, OSError) as error:
            _log.warning("stays_not_written", stays=len(self._waiting), error=type(error).__name__)

    async def write(self) -> None:
        """Write what is over: into the stream first, so that nothing is lost between the two."""
        while self._waiting:
            record = self._waiting[0]
            await append(self._redis, record)
            await self._redis.hdel(_key(self._worker_id), record["stay_id"])
            self._waiting.popleft()

    async def write_snapshot(self) -> None:
        """Write how things are with the stays that go on."""
        records = self._snapshot()
        if not records:
            return
        packed = {one["stay_id"]: msgpack.packb(one | {_INCARNATION: self._incarnation}) for one in records}
        await self._redis.hset(_key(self._worker_id), mapping=packed)
        await self._redis.expire(_key(self._worker_id), OPEN_EXPIRY_S)

    async def _run(self) -> None:
        next_snapshot = time.monotonic() + SNAPSHOT_S
        while True:
            try:
                async with asyncio.timeout(max(0.0, next_snapshot - time.monotonic())):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            try:
                await self.write()
                if time.monotonic() >= next_snapshot:
                    next_snapshot = time.monotonic() + SNAPSHOT_S
                    await self.write_snapshot()
            except (RedisError, OSError) as error:
                _log.warning("stays_wait", stays=len(self._waiting), error=type(error).__name__)
                await asyncio.sleep(_RETRY_S)
                self._news.set()
