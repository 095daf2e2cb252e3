"""Who is alive and which worker is home to which room: Redis keys that expire unless renewed.

=======================  ============================================================================
``ao:workers``           set of worker ids that were seen (``ao:fronts`` likewise)
``ao:worker:<id>``       hash of a live worker, renewed each second, gone five seconds after the last
``ao:room:<room_id>``    hash of a room: name, max_participants, worker (its home); gone when unused
=======================  ============================================================================

Each script and transaction touches one key (or keys of one process), so that a Redis Cluster serves too.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

HEARTBEAT_INTERVAL_S: Final = 1.0
HEARTBEAT_EXPIRY_S: Final = 5
"""Four heartbeats may be late (a long garbage collection, a slow Redis) before anybody is moved."""
_ROOMS_AT_ONCE: Final = 500
ROOM_EXPIRY_S: Final = 24 * 3600
"""A room that nobody joined for a day is forgotten; its creator makes it again with the same id."""
MAX_PARTICIPANTS: Final = 500
"""Ceiling of a room's own limit."""

Kind = Literal["worker", "front"]

_log = structlog.get_logger(__name__)

# KEYS[1] the room; ARGV: the home the caller believes to be gone ('' for none), the new one, seconds to live.
# Returns the home that now holds, or nil when there is no such room. Of two fronts that move a room at once,
# the second gets the first one's choice.
_ASSIGN_HOME: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local home = redis.call('HGET', KEYS[1], 'worker') or ''
if home == ARGV[1] and ARGV[2] ~= '' then
  home = ARGV[2]
  redis.call('HSET', KEYS[1], 'worker', home)
end
redis.call('EXPIRE', KEYS[1], ARGV[3], 'GT')
return home
"""


@dataclass(frozen=True)
class ProcessRecord:
    """A live process. ``incarnation`` differs for each start, so that a quick restart under one id is seen."""

    process_id: str
    incarnation: str
    started_at: float = 0.0
    """Seconds since the epoch."""
    addresses: tuple[str, ...] = ()
    """A worker's announced media addresses, or a front's URLs."""
    port: int = 0
    """A worker's media port (UDP)."""
    participants: int = 0
    cpu_percent: float = 0.0

    def fields(self) -> dict[Any, Any]:
        """The record as a Redis hash."""
        return {
            "incarnation": self.incarnation,
            "started_at": str(self.started_at),
            "addresses": ",".join(self.addresses),
            "port": str(self.port),
            "participants": str(self.participants),
            "cpu_percent": f"{self.cpu_percent:.1f}",
        }

    @classmethod
    def parse(cls, process_id: str, fields: Mapping[Any, Any]) -> "ProcessRecord":
        """Read a Redis hash; ``ValueError`` or ``KeyError`` when it is not one of ours."""
        text = {_text(key): _text(value) for key, value in fields.items()}
        return cls(
            process_id=process_id,
            incarnation=text["incarnation"],
            started_at=float(text["started_at"]),
            addresses=tuple(address for address in text["addresses"].split(",") if address),
            port=int(text["port"]),
            participants=int(text["participants"]),
            cpu_percent=float(text["cpu_percent"]),
        )


@dataclass(frozen=True)
class Room:
    """A room that somebody created and that tokens may name."""

    room_id: str
    name: str
    max_participants: int
    worker_id: str
    """The home worker, empty before the first join. It may be dead: ask ``home_worker``."""


class Registry:
    """Reads and writes the keys above."""

    def __init__(self, redis: "Redis", *, rng: random.Random | None = None) -> None:
        self._redis = redis
        self._rng = rng or random.Random()  # noqa: S311  # spreads load, guards nothing
        self._assign_home = redis.register_script(_ASSIGN_HOME)

    # --- processes ---------------------------------------------------------------------------------------------

    async def announce(self, kind: Kind, record: ProcessRecord) -> bool:
        """One heartbeat. False when the record was not there: a first one, or others have given this process up."""
        key = f"ao:{kind}:{record.process_id}"
        before = await self._redis.hget(key, "incarnation")
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hset(key, mapping=record.fields())
            pipeline.expire(key, HEARTBEAT_EXPIRY_S)
            pipeline.sadd(f"ao:{kind}s", record.process_id)
            await pipeline.execute()
        return bool(before == record.incarnation.encode())

    async def withdraw(self, kind: Kind, process_id: str) -> None:
        """Say goodbye, so that nobody has to wait for the heartbeat to expire."""
        await self._redis.delete(f"ao:{kind}:{process_id}")
        await self._redis.srem(f"ao:{kind}s", process_id)

    async def live(self, kind: Kind) -> dict[str, ProcessRecord]:
        """The live processes of a kind by id."""
        ids = sorted(_text(value) for value in await self._redis.smembers(f"ao:{kind}s"))
        async with self._redis.pipeline(transaction=False) as pipeline:
            for process_id in ids:
                pipeline.hgetall(f"ao:{kind}:{process_id}")
            hashes = await pipeline.execute() if ids else []
        found = {}
        for process_id, fields in zip(ids, hashes, strict=True):
            if not fields:
                await self._redis.srem(f"ao:{kind}s", process_id)
                continue
            try:
                found[process_id] = ProcessRecord.parse(process_id, fields)
            except (KeyError, ValueError):
                _log.warning("registry_record_unreadable", kind=kind)
        return found

    # --- rooms -------------------------------------------------------------------------------------------------

    async def create_room(self, room_id: str, name: str, max_participants: int, expiry_s: int = ROOM_EXPIRY_S) -> bool:
        """Create a room, or change an existing one's name and limit (its home stays). True when it is new."""
        key = f"ao:room:{room_id}"
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.exists(key)
            pipeline.hset(key, mapping={"name": name, "max_participants": str(max_participants)})
            pipeline.expire(key, expiry_s)
            existed, *_ = await pipeline.execute()
        return not existed

    async def room(self, room_id: str) -> Room | None:
        """A room, or None when there is none of that id."""
        fields: Mapping[Any, Any] = await self._redis.hgetall(f"ao:room:{room_id}")
        if not fields:
            return None
        return Room(
            room_id=room_id,
            name=_text(fields[b"name"]),
            max_participants=int(fields[b"max_participants"]),
            worker_id=_text(fields.get(b"worker", b"")),
        )

    async def rooms_there(self, room_ids: Collection[str]) -> set[str]:
        """Which of these rooms there are, in as few round trips as that takes."""
        there: set[str] = set()
        names = sorted(room_ids)
        for start in range(0, len(names), _ROOMS_AT_ONCE):
            some = names[start : start + _ROOMS_AT_ONCE]
            async with self._redis.pipeline(transaction=False) as pipeline:
                for room_id in some:
                    pipeline.exists(f"ao:room:{room_id}")
                there.update(room_id for room_id, found in zip(some, await pipeline.execute(), strict=True) if found)
        return there

    async def delete_room(self, room_id: str) -> bool:
        """Forget a room; False when there was none."""
        return bool(await self._redis.delete(f"ao:room:{room_id}"))

    async def home_worker(self, room: Room) -> str | None:
        """The live worker that is home to the room, chosen now if it has none; None when no worker lives.

        A home that is dead is replaced by a live worker with few participants.
        """
        workers = await self.live("worker")
        home = room.worker_id
        for _ in range(3):  # another front may have moved the room to a worker that died since
            if home in workers:
                candidate = ""
            else:
                candidate = self._least_loaded(workers)
                if not candidate:
                    return None
            result = await self._assign_home(keys=[f"ao:room:{room.room_id}"], args=[home, candidate, ROOM_EXPIRY_S])
            if result is None:
                return None
            chosen = _text(result)
            if chosen in workers:
                return chosen
            home = chosen
            workers = await self.live("worker")
        return None

    def _least_loaded(self, workers: Mapping[str, ProcessRecord]) -> str:
        """Of two workers drawn at random the one with fewer participants: even load from stale numbers."""
        drawn = self._rng.sample(sorted(workers), min(2, len(workers)))
        return min(drawn, key=lambda worker_id: workers[worker_id].participants, default="")


class Heartbeat:
    """Announces this process once a second.

    ``on_revived`` is called when the record had vanished meanwhile although the process lives: others have
    moved its rooms.
    """

    def __init__(
        self,
        registry: Registry,
        kind: Kind,
        record: Callable[[], ProcessRecord],
        on_revived: Callable[[], None] | None = None,
    ) -> None:
        self._registry = registry
        self._kind: Kind = kind
        self._record = record
        self._on_revived = on_revived
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Announce at once, then each second."""
        await self._registry.announce(self._kind, self._record())
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop and withdraw."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task], timeout=HEARTBEAT_INTERVAL_S)
        self._task = None
        try:
            await self._registry.withdraw(self._kind, self._record().process_id)
        except (RedisError, OSError) as error:
            _log.warning("withdraw_failed", error=type(error).__name__)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_INTERVAL_S)
            try:
                was_there = await self._registry.announce(self._kind, self._record())
            except (RedisError, OSError) as error:
                _log.warning("heartbeat_failed", error=type(error).__name__)
                continue
            if not was_there and self._on_revived is not None:
                self._on_revived()


class ProcessWatch:
    """Notices processes that die or restart, and calls ``on_lost(process_id)`` once for each.

    After Redis itself was away nobody could renew, so judgement waits until everybody had time to: a Redis
    outage must not end calls whose media still flows.
    """

    def __init__(
        self, registry: Registry, kind: Kind, on_lost: Callable[[str], Awaitable[None]], *, clock: Any = time.monotonic
    ) -> None:
        self.alive: dict[str, ProcessRecord] = {}
        self._registry = registry
        self._kind: Kind = kind
        self._on_lost = on_lost
        self._clock = clock
        self._judge_after = 0.0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Learn who lives, then look each second."""
        self.alive = await self._registry.live(self._kind)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=HEARTBEAT_INTERVAL_S)
            self._task = None

    async def poll(self) -> None:
        """One look."""
        try:
            now_alive = await self._registry.live(self._kind)
        except (RedisError, OSError) as error:
            _log.warning("watch_failed", error=type(error).__name__)
            self._judge_after = self._clock() + HEARTBEAT_EXPIRY_S + 1
            return
        restarted = [
            process_id
            for process_id, record in self.alive.items()
            if process_id in now_alive and now_alive[process_id].incarnation != record.incarnation
        ]
        missing = [process_id for process_id in self.alive if process_id not in now_alive]
        if missing and self._clock() < self._judge_after:
            now_alive |= {process_id: self.alive[process_id] for process_id in missing}
            missing = []
        self.alive = now_alive
        for process_id in [*missing, *restarted]:
            _log.warning("process_lost", kind=self._kind, process_id=process_id)
            await self._on_lost(process_id)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_INTERVAL_S)
            await self.poll()


def _text(value: bytes | str) -> str:
    """A Redis value as text (clients may be set to decode or not)."""
    return value if isinstance(value, str) else value.decode()
