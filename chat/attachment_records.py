"""What is known of a conversation's attachments, in Redis: reservations, quota, and the finished ones.

A file is *reserved* when its address is signed, *ready* when it has arrived, and *used* when a message carries it. What
does not get that far in time is removed by the next reservation in its conversation, or by the sweeper. Each
step is one script on the keys of one conversation. Times are seconds since the epoch, and arguments.

A file is used before its message is stored, so that no message names a file that goes meanwhile. Until it is known that
the message is stored the file is *taken* by it; the sweeper looks in the store whether it is, should nobody have been
there any more to say so. In the same way what is *hiding* is hidden as soon as the store has the withdrawal.
"""

from collections.abc import Awaitable, Sequence
from dataclasses import astuple, dataclass, field, fields
from typing import Any, Final, Literal, cast

import msgpack
from redis.asyncio import Redis

from chat.keys import Keys
from chat.scripts import Script

RESERVE: Final = Script.load("attachment_reserve")
SETTLE: Final = Script.load("attachment_settle")
USE: Final = Script.load("attachment_use")
SWEEP: Final = Script.load("attachment_sweep")
DISCARD: Final = Script.load("attachment_discard")
GIVE_BACK: Final = Script.load("attachment_give_back")
USED: Final = Script.load("attachment_used")
UNUSED: Final = "ao:chat:files-due"
"""Sorted set: conversations with files that no message carries yet -> when the first one's time is over."""
SWEEP_AGAIN_S: Final = 600
"""A conversation that is being swept is looked at again then, should whoever does so die."""
TAKEN_S: Final = 600
"""A message that the store has not got by then will not come; its author was told long ago."""
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
        self._give_back = redis.register_script(GIVE_BACK.text)
        self._used = redis.register_script(USED.text)

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
        keys = _FileKeys(conversation_id)
        status, removed = cast(Any, await self._reserve(keys=(keys.files, keys.pending, keys.sizes), args=arguments))
        return status.decode(), [_unpack(record) for record in removed]

    async def settle(self, conversation_id: str, record: AttachmentRecord, *, keep_until_s: int) -> SettleStatus:
        """The file has arrived, and is kept until then unless a message uses it."""
        packed: bytes = msgpack.packb(astuple(record))
        arguments = (record.attachment_id, record.owner, record.size_bytes, packed, keep_until_s)
        keys = _FileKeys(conversation_id)
        status = cast(Any, await self._settle(keys=(keys.files, keys.pending, keys.sizes), args=arguments))
        return cast(SettleStatus, status.decode())

    async def due(self, now_s: int, limit: int = 100) -> list[str]:
        """Conversations with something unused whose time is over."""
        found = cast(list[bytes], await self._redis.zrangebyscore(UNUSED, "-inf", now_s, start=0, num=limit))
        return [conversation_id.decode() for conversation_id in found]

    async def sweep(self, conversation_id: str, *, now_s: int, keep_until_s: int) -> list[AttachmentRecord]:
        """Forget what nobody used in time; what it was (its blobs are the caller's to delete).

        What was taken by a message that the store does not have is unused again, and kept until then.
        """
        keys = _FileKeys(conversation_id)
        await self._redis.zadd(UNUSED, {conversation_id: now_s + SWEEP_AGAIN_S})
        next_s, removed = cast(Any, await self._sweep(keys=keys.with_drafts(), args=(now_s, TAKEN_S, keep_until_s)))
        if next_s:
            await self._redis.zadd(UNUSED, {conversation_id: next_s})
        else:
            await self._redis.zrem(UNUSED, conversation_id)
            if await self._redis.exists(keys.pending, keys.taken):  # reserved or taken at this moment
                await self._redis.zadd(UNUSED, {conversation_id: now_s + SWEEP_AGAIN_S})
        return [_unpack(record) for record in removed]

    async def discard(self, conversation_id: str, attachment_id: str, owner: str) -> list[AttachmentRecord] | None:
        """Forget somebody's own file that no message carries; what it was, None when there is none."""
        arguments = (attachment_id, owner, "0")
        keys = _FileKeys(conversation_id)
        is_gone, removed = cast(Any, await self._discard(keys=(keys.files, keys.pending, keys.sizes), args=arguments))
        return [_unpack(record) for record in removed] if is_gone else None

    async def release(self, conversation_id: str, attachment_id: str, owner: str) -> None:
        """Nothing will come to this reservation. A file that has come to it meanwhile stays."""
        arguments = (attachment_id, owner, "1")
        keys = _FileKeys(conversation_id)
        await cast(Any, self._discard(keys=(keys.files, keys.pending, keys.sizes), args=arguments))

    async def is_reserved(self, conversation_id: str, attachment_id: str, *, now_s: int) -> bool:
        """Is an upload still awaited?"""
        keys = _FileKeys(conversation_id)
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hexists(keys.files, attachment_id)
            pipeline.zscore(keys.pending, attachment_id)
            has_arrived, expires_at_s = await pipeline.execute()
        return not has_arrived and expires_at_s is not None and expires_at_s > now_s

    async def get(self, conversation_id: str, attachment_ids: Sequence[str]) -> list[AttachmentRecord | None]:
        """The records of files that have arrived."""
        if not attachment_ids:
            return []
        found = await cast(
            Awaitable[list[Any]], self._redis.hmget(_FileKeys(conversation_id).files, list(attachment_ids))
        )
        return [_unpack(packed) if packed is not None else None for packed in found]

    async def is_used(self, conversation_id: str, attachment_id: str) -> bool:
        """Does a message carry it that was not withdrawn?"""
        keys = _FileKeys(conversation_id)
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hexists(keys.files, attachment_id)
            pipeline.zscore(keys.pending, attachment_id)
            pipeline.sismember(keys.hidden, attachment_id)
            pipeline.hget(keys.hiding, attachment_id)
            has_arrived, waits, is_hidden, target = await pipeline.execute()
        if not has_arrived or waits is not None or is_hidden:
            return False
        if target is None:
            return True
        # Whoever withdrew the message may have died before the file was hidden.
        withdrawn = Keys(conversation_id).withdrawn
        return not await cast(Awaitable[int], self._redis.sismember(withdrawn, target.decode()))

    async def used(self, conversation_id: str) -> list[AttachmentRecord]:
        """Every file that a message carries or carried."""
        found = cast(Any, await self._used(keys=_FileKeys(conversation_id).with_drafts()))
        return [_unpack(packed) for packed in found]

    async def use(
        self, conversation_id: str, attachment_ids: Sequence[str], *, client_id: str = "", now_s: int = 0
    ) -> bool:
        """A message carries them from now on: they stay as long as the conversation does. False when one is gone, or
        was withdrawn.

        With its ``client_id`` the message is still to be stored: say then ``carried`` or ``give_back``.
        """
        keys = _FileKeys(conversation_id)
        if client_id:
            await cast(Awaitable[Any], self._redis.zadd(UNUSED, {conversation_id: now_s + TAKEN_S}, lt=True))
        names = (keys.files, keys.pending, keys.hidden, keys.hiding, keys.taken, Keys(conversation_id).withdrawn)
        return bool(await cast(Any, self._use(keys=names, args=(now_s, client_id, *attachment_ids))))

    async def carried(self, conversation_id: str, attachment_ids: Sequence[str]) -> None:
        """The store has the message that took them."""
        keys = _FileKeys(conversation_id)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hdel(keys.taken, *attachment_ids)
            pipeline.zrem(keys.pending, *attachment_ids)  # another message had taken them, and gave them back
            await pipeline.execute()

    async def give_back(
        self, conversation_id: str, attachment_ids: Sequence[str], *, client_id: str, keep_until_s: int
    ) -> None:
        """The store refused the message that took them: they are unused again, and kept until then."""
        keys = _FileKeys(conversation_id)
        await cast(Awaitable[Any], self._redis.zadd(UNUSED, {conversation_id: keep_until_s}, lt=True))
        arguments: tuple[str | int, ...] = (client_id, keep_until_s, *attachment_ids)
        await cast(Any, self._give_back(keys=(keys.pending, keys.taken), args=arguments))

    async def hide_with(self, conversation_id: str, attachment_ids: Sequence[str], target: int) -> None:
        """The message with this number, which carries them, is about to be withdrawn: hidden as soon as it is."""
        await self._redis.hset(_FileKeys(conversation_id).hiding, mapping=dict.fromkeys(attachment_ids, target))

    async def hide(self, conversation_id: str, attachment_ids: Sequence[str]) -> None:
        """The message that carries them was withdrawn: they stay, with its text, for the archive alone."""
        keys = _FileKeys(conversation_id)
        known = [record.attachment_id for record in await self.get(conversation_id, attachment_ids) if record]
        if known:
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.sadd(keys.hidden, *known)
                pipeline.hdel(keys.hiding, *known)
                await pipeline.execute()

    async def remove(self, conversation_id: str, attachment_ids: Sequence[str]) -> list[AttachmentRecord]:
        """Forget some; what they were."""
        found = [record for record in await self.get(conversation_id, attachment_ids) if record is not None]
        keys = _FileKeys(conversation_id)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hdel(keys.files, *attachment_ids)
            pipeline.zrem(keys.pending, *attachment_ids)
            pipeline.hdel(keys.sizes, *attachment_ids)
            pipeline.hdel(keys.hiding, *attachment_ids)
            pipeline.hdel(keys.taken, *attachment_ids)
            await pipeline.execute()
        return found

    async def erase(self, conversation_id: str) -> None:
        """Forget all of a conversation."""
        await self._redis.delete(*_FileKeys(conversation_id).all())
        await self._redis.zrem(UNUSED, conversation_id)


class _FileKeys:
    """The keys of a conversation's files; they share its hash tag, as ``Keys`` do."""

    def __init__(self, conversation_id: str) -> None:
        base = f"ao:chat:{{{conversation_id}}}"
        self._drafts = Keys(conversation_id).ids
        self.files = f"{base}:files"
        """Hash of records."""
        self.pending = f"{base}:files-pending"
        """Sorted set of what no message uses yet -> until when it is kept."""
        self.sizes = f"{base}:files-sizes"
        """Hash of sizes and owners."""
        self.hidden = f"{base}:files-hidden"
        """Set of what was withdrawn."""
        self.hiding = f"{base}:files-hiding"
        """Hash: file -> number of the message that is being withdrawn with it."""
        self.taken = f"{base}:files-taken"
        """Hash: file -> "when client-id" of the message that took it, while it is not known that the store has that."""

    def with_drafts(self) -> tuple[str, ...]:
        """What tells which files a stored message carries."""
        return self.files, self.pending, self.sizes, self.taken, self._drafts

    def all(self) -> tuple[str, ...]:
        """Every key of the files."""
        return self.files, self.pending, self.sizes, self.hidden, self.hiding, self.taken


def _unpack(packed: bytes) -> AttachmentRecord:
    names = (item.name for item in fields(AttachmentRecord))
    return AttachmentRecord(**dict(zip(names, msgpack.unpackb(packed), strict=True)))
