"""What is known of a conversation's attachments, in Redis: reservations, quota, and the finished ones.

A file is *reserved* when its address is signed, *ready* when it has arrived, and *used* when a message carries it. What
does not get that far in time is removed by the next reservation in its conversation, or by the sweeper. Each
step is one script on the keys of one conversation. Times are seconds since the epoch, and arguments.
"""

from collections.abc import Awaitable, Sequence
from dataclasses import astuple, dataclass, field, fields
from typing import Any, Final, Literal, cast

import msgpack
from redis.asyncio import Redis

from chat.scripts import Script

RESERVE: Final = Script.load("attachment_reserve")
SETTLE: Final = Script.load("attachment_settle")
USE: Final = Script.load("attachment_use")
SWEEP: Final = Script.load("attachment_sweep")
DISCARD: Final = Script.load("attachment_discard")
UNUSED: Final = "ao:chat:files-due"
"""Sorted set: conversations with files that no message carries yet -> when the first one's time is over."""
SWEEP_AGAIN_S: Final = 600
"""A conversation that is being swept is looked at again then, should whoever does so die."""
_DAY_S: Final = 24 * 3600

ReserveStatus = Literal["ok", "pending", "files", "bytes"]
SettleStatus = Literal["ok", "done", "gone"]


@dataclass(frozen=True)
class AttachmentRecord:
    """A file that has arrived. ``repr`` shows neither name nor owner."""

    attachment_id: str
    owner: str = field(repr=False)
    """``Principal.actor`` of who uploaded it."""
    name: str = field(repr=False)
    media_type: str
    size_bytes: int
    width: int
    """In pixels, of pictures; otherwise 0, as is ``height``."""
    height: int
    blob: str
    """``str`` of its ``BlobKey``."""
    created_at_s: int


@dataclass(frozen=True)
class Quota:
    """How much a conversation may hold."""

    max_bytes: int
    max_files: int
    max_pending_of_owner: int
    """Files that one person has reserved or sent without using them in a message."""


class AttachmentRecords:
    """The records of all conversations of one Redis."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._reserve = redis.register_script(RESERVE.text)
        self._settle = redis.register_script(SETTLE.text)
        self._use = redis.register_script(USE.text)
        self._sweep = redis.register_script(SWEEP.text)
        self._discard = redis.register_script(DISCARD.text)

    async def charge(self, person: str, size_bytes: int, *, now_s: int, max_day_bytes: int) -> bool:
        """Count what somebody sends in a day (UTC), in all conversations; False, and not counted, beyond the budget."""
        key = f"ao:upload-bytes:{person}:{now_s // _DAY_S}"
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.incrby(key, size_bytes)
            pipeline.expire(key, 2 * _DAY_S)
            spent, _ = await pipeline.execute()
        if spent <= max_day_bytes:
            return True
        await self._redis.decrby(key, size_bytes)
        return False

    async def refund(self, person: str, size_bytes: int, *, now_s: int) -> None:
        """It was not sent after all."""
        await self._redis.decrby(f"ao:upload-bytes:{person}:{now_s // _DAY_S}", size_bytes)

    async def reserve(
        self,
        conversation_id: str,
        attachment_id: str,
        owner: str,
        *,
        size_bytes: int,
        quota: Quota,
        now_s: int,
        expires_at_s: int,
    ) -> tuple[ReserveStatus, list[AttachmentRecord]]:
        """Reserve room; also what was removed because its time was over (its blobs are the caller's to delete)."""
        await cast(Awaitable[Any], self._redis.zadd(UNUSED, {conversation_id: expires_at_s}, lt=True))
        limits = (quota.max_bytes, quota.max_files, quota.max_pending_of_owner)
        arguments = (now_s, attachment_id, owner, size_bytes, expires_at_s, *limits)
        status, removed = cast(Any, await self._reserve(keys=_keys(conversation_id)[:3], args=arguments))
        return status.decode(), [_unpack(record) for record in removed]

    async def settle(self, conversation_id: str, record: AttachmentRecord, *, keep_until_s: int) -> SettleStatus:
        """The file has arrived, and is kept until then unless a message uses it."""
        packed: bytes = msgpack.packb(astuple(record))
        arguments = (record.attachment_id, record.owner, record.size_bytes, packed, keep_until_s)
        status = cast(Any, await self._settle(keys=_keys(conversation_id)[:3], args=arguments))
        return cast(SettleStatus, status.decode())

    async def due(self, now_s: int, limit: int = 100) -> list[str]:
        """Conversations with something unused whose time is over."""
        found = cast(list[bytes], await self._redis.zrangebyscore(UNUSED, "-inf", now_s, start=0, num=limit))
        return [conversation_id.decode() for conversation_id in found]

    async def sweep(self, conversation_id: str, *, now_s: int) -> list[AttachmentRecord]:
        """Forget what nobody used in time; what it was (its blobs are the caller's to delete)."""
        keys = _keys(conversation_id)[:3]
        await self._redis.zadd(UNUSED, {conversation_id: now_s + SWEEP_AGAIN_S})
        next_s, removed = cast(Any, await self._sweep(keys=keys, args=(now_s,)))
        if next_s:
            await self._redis.zadd(UNUSED, {conversation_id: next_s})
        else:
            await self._redis.zrem(UNUSED, conversation_id)
            if await self._redis.zcard(keys[1]):  # reserved at this moment
                await self._redis.zadd(UNUSED, {conversation_id: now_s + SWEEP_AGAIN_S})
        return [_unpack(record) for record in removed]

    async def discard(self, conversation_id: str, attachment_id: str, owner: str) -> list[AttachmentRecord] | None:
        """Forget somebody's own file that no message carries; what it was, None when there is none."""
        arguments = (attachment_id, owner, "0")
        is_gone, removed = cast(Any, await self._discard(keys=_keys(conversation_id)[:3], args=arguments))
        return [_unpack(record) for record in removed] if is_gone else None

    async def release(self, conversation_id: str, attachment_id: str, owner: str) -> None:
        """Nothing will come to this reservation. A file that has come to it meanwhile stays."""
        arguments = (attachment_id, owner, "1")
        await cast(Any, self._discard(keys=_keys(conversation_id)[:3], args=arguments))

    async def is_reserved(self, conversation_id: str, attachment_id: str, *, now_s: int) -> bool:
        """Is an upload still awaited?"""
        files, pending, _, _ = _keys(conversation_id)
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hexists(files, attachment_id)
            pipeline.zscore(pending, attachment_id)
            has_arrived, expires_at_s = await pipeline.execute()
        return not has_arrived and expires_at_s is not None and expires_at_s > now_s

    async def get(self, conversation_id: str, attachment_ids: Sequence[str]) -> list[AttachmentRecord | None]:
        """The records of files that have arrived."""
        if not attachment_ids:
            return []
        found = await cast(Awaitable[list[Any]], self._redis.hmget(_keys(conversation_id)[0], list(attachment_ids)))
        return [_unpack(packed) if packed is not None else None for packed in found]

    async def is_used(self, conversation_id: str, attachment_id: str) -> bool:
        """Does a message carry it that was not withdrawn?"""
        files, pending, _, hidden = _keys(conversation_id)
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hexists(files, attachment_id)
            pipeline.zscore(pending, attachment_id)
            pipeline.sismember(hidden, attachment_id)
            has_arrived, waits, is_hidden = await pipeline.execute()
        return bool(has_arrived) and waits is None and not is_hidden

    async def used(self, conversation_id: str) -> list[AttachmentRecord]:
        """Every file that a message carries or carried."""
        files, pending, _, _ = _keys(conversation_id)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hgetall(files)
            pipeline.zrange(pending, 0, -1)
            found, waiting = await pipeline.execute()
        return [_unpack(packed) for attachment_id, packed in found.items() if attachment_id not in waiting]

    async def use(self, conversation_id: str, attachment_ids: Sequence[str]) -> bool:
        """A message carries them from now on: they stay as long as the conversation does. False when one is gone."""
        files, pending, _, _ = _keys(conversation_id)
        return bool(await cast(Any, self._use(keys=(files, pending), args=tuple(attachment_ids))))

    async def hide(self, conversation_id: str, attachment_ids: Sequence[str]) -> None:
        """The message that carries them was withdrawn: they stay, with its text, for the archive alone."""
        hidden = _keys(conversation_id)[3]
        known = [record.attachment_id for record in await self.get(conversation_id, attachment_ids) if record]
        if known:
            await self._redis.sadd(hidden, *known)

    async def remove(self, conversation_id: str, attachment_ids: Sequence[str]) -> list[AttachmentRecord]:
        """Forget some; what they were."""
        found = [record for record in await self.get(conversation_id, attachment_ids) if record is not None]
        files, pending, sizes, _ = _keys(conversation_id)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hdel(files, *attachment_ids)
            pipeline.zrem(pending, *attachment_ids)
            pipeline.hdel(sizes, *attachment_ids)
            await pipeline.execute()
        return found

    async def erase(self, conversation_id: str) -> None:
        """Forget all of a conversation."""
        await self._redis.delete(*_keys(conversation_id))
        await self._redis.zrem(UNUSED, conversation_id)


def _keys(conversation_id: str) -> tuple[str, str, str, str]:
    """Hash of records; sorted set of what no message uses yet; hash of sizes and owners; set of what is hidden."""
    base = f"ao:chat:{{{conversation_id}}}"
    return f"{base}:files", f"{base}:files-pending", f"{base}:files-sizes", f"{base}:files-hidden"


def _unpack(packed: bytes) -> AttachmentRecord:
    names = (item.name for item in fields(AttachmentRecord))
    return AttachmentRecord(**dict(zip(names, msgpack.unpackb(packed), strict=True)))
