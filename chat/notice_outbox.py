"""The outbox of notices: a Redis Stream with one consumer group, and a record of each notice's state.

A notice is queued once for each idempotency key, taken on by one front at a time, and settled by the front that holds
its last attempt. Whatever a front held that died is found again (``abandoned``). All keys share a hash tag, so that
each step is one script, also in Redis Cluster. Times are seconds since the epoch, and arguments.
"""

import hashlib
import secrets
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from chat.notices import Channel, Notice, NoticeState, pack, unpack
from chat.scripts import Script

GROUP: Final = "senders"
KEEP_S: Final = 30 * 24 * 3600
"""How long states and idempotency keys are kept."""
_ALIVE: Final = frozenset({NoticeState.QUEUED, NoticeState.SENDING, NoticeState.SENT, NoticeState.DELIVERED})
QUEUE: Final = "ao:{notices}:queue"
LATER: Final = "ao:{notices}:later"
ENQUEUE: Final = Script.load("notice_enqueue")
CLAIM: Final = Script.load("notice_claim")
SETTLE: Final = Script.load("notice_settle")
PROMOTE: Final = Script.load("notice_promote")
REPORT: Final = Script.load("notice_report")


@dataclass(frozen=True)
class Claimed:
    """A notice that we are to send."""

    entry_id: str
    notice: Notice
    attempts: int
    """This one included."""
    is_interrupted: bool
    """An earlier attempt began, and nobody knows how it ended."""


@dataclass(frozen=True)
class Status:
    """How a notice fares."""

    notice: Notice
    state: NoticeState
    attempts: int
    cause: str


class NoticeOutbox:
    """The outbox, as one front (``consumer``) sees it."""

    def __init__(self, redis: "Redis", consumer: str) -> None:
        self._redis = redis
        self._consumer = consumer
        self._enqueue = redis.register_script(ENQUEUE.text)
        self._claim = redis.register_script(CLAIM.text)
        self._settle = redis.register_script(SETTLE.text)
        self._promote = redis.register_script(PROMOTE.text)
        self._report = redis.register_script(REPORT.text)

    async def start(self) -> None:
        """Make the group, unless it is there."""
        try:
            await self._redis.xgroup_create(QUEUE, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def enqueue(self, notice: Notice, *, now_s: float) -> tuple[str, bool]:
        """Queue a notice; its id, or the id of the first one with the same key. Is it this one?"""
        named = notice if notice.notice_id else replace(notice, notice_id=f"n-{secrets.token_hex(12)}")
        keys = (_first(named.key), _record(named.notice_id), QUEUE)
        arguments = (named.notice_id, pack(named), int(now_s), KEEP_S)
        first, is_new = cast(Any, await self._enqueue(keys=keys, args=arguments))
        return first.decode(), bool(is_new)

    # --- sending -----------------------------------------------------------------------------------------------

    async def promote(self, now_s: float, limit: int = 100) -> int:
        """Queue again what is due; how many."""
        return int(cast(Any, await self._promote(keys=(LATER, QUEUE), args=(now_s, limit))))

    async def take(self, now_s: float, limit: int, *, wait_ms: int = 0) -> list[Claimed]:
        """Up to so many notices that nobody else has; waits for the first one if asked to."""
        found = cast(
            Any,
            await self._redis.xreadgroup(GROUP, self._consumer, {QUEUE: ">"}, count=limit, block=wait_ms or None),
        )
        entries = found[0][1] if found else []
        return await self._claimed(entries, now_s)

    async def abandoned(self, now_s: float, limit: int, *, idle_ms: int) -> list[Claimed]:
        """Notices that somebody took on so long ago that they must be gone."""
        found = cast(
            Any, await self._redis.xautoclaim(QUEUE, GROUP, self._consumer, min_idle_time=idle_ms, count=limit)
        )
        return await self._claimed(found[1], now_s)

    async def _claimed(self, entries: list[Any], now_s: float) -> list[Claimed]:
        claimed: list[Claimed] = []
        for entry_id, values in entries:
            notice_id = values[b"id"].decode()
            answer = cast(Any, await self._claim(keys=(_record(notice_id),), args=(int(now_s),)))
            if answer and answer[0]:
                claimed.append(Claimed(entry_id.decode(), unpack(answer[0]), int(answer[1]), bool(answer[2])))
            else:  # it has ended, or its record is past its time
                await self._redis.xack(QUEUE, GROUP, entry_id)
                await self._redis.xdel(QUEUE, entry_id)
        return claimed

    async def settle(
        self,
        claimed: Claimed,
        state: Literal["sent", "bounced", "failed", "queued"],
        *,
        now_s: float,
        cause: str = "",
        reference: str = "",
        again_at_s: float = 0,
    ) -> bool:
        """How our attempt ended; False when it was given up for lost and another one has begun."""
        notice = claimed.notice
        keys = (_record(notice.notice_id), QUEUE, LATER, _reference(notice.channel, reference))
        arguments = (
            GROUP, claimed.entry_id, notice.notice_id, claimed.attempts, state, int(now_s), cause, reference,
            again_at_s, KEEP_S,
        )  # fmt: skip
        return bool(cast(Any, await self._settle(keys=keys, args=arguments)))

    async def is_ours(self, claimed: Claimed) -> bool:
        """Whether ours is still the last attempt."""
        record = _record(claimed.notice.notice_id)
        state, attempts = await cast(Awaitable[Any], self._redis.hmget(record, ["state", "attempts"]))
        return state == b"sending" and int(attempts) == claimed.attempts

    # --- afterwards --------------------------------------------------------------------------------------------

    async def report(
        self, channel: Channel, reference: str, state: Literal["delivered", "bounced", "failed"], *, now_s: float
    ) -> tuple[Notice, bool] | None:
        """What a gateway says of a notice that it was given under a reference: the notice, and whether that is news.

        Said again it is taken again: whoever heard it first may have died before anything came of it. None for what
        cannot be.
        """
        notice_id = await cast(Awaitable[Any], self._redis.get(_reference(channel, reference)))
        if notice_id is None:
            return None
        record = _record(notice_id.decode())
        answer = cast(Any, await self._report(keys=(record,), args=(state, int(now_s), "reported")))
        packed = await cast(Awaitable[Any], self._redis.hget(record, "notice")) if answer else None
        return (unpack(packed), answer == 1) if packed is not None else None

    async def may_arrive(self, keys: Sequence[str]) -> bool:
        """Whether of the notices with these idempotency keys one went out, or still may."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.get(_first(key))
            ids = [notice_id for notice_id in await pipeline.execute() if notice_id is not None]
            for notice_id in ids:
                pipeline.hget(_record(notice_id.decode()), "state")
            states = await pipeline.execute() if ids else []
        return any(state is not None and NoticeState(state.decode()) in _ALIVE for state in states)

    async def status(self, notice_id: str) -> Status | None:
        """How a notice fares; None when there is none."""
        values = await cast(Awaitable[dict[bytes, bytes]], self._redis.hgetall(_record(notice_id)))
        if not values:
            return None
        state = NoticeState(values[b"state"].decode())
        return Status(unpack(values[b"notice"]), state, int(values[b"attempts"]), values.get(b"cause", b"").decode())


def _first(key: str) -> str:
    """The first notice with an idempotency key."""
    return f"ao:{{notices}}:key:{_digest(key)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _record(notice_id: str) -> str:
    return f"ao:{{notices}}:one:{notice_id}"


def _reference(channel: Channel, reference: str) -> str:
    return f"ao:{{notices}}:reference:{channel}:{_digest(reference)}"
