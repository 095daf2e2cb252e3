"""Conversations that go to no archive: a meeting's chat is erased after it, staff's channels forget what is old.

A conversation is put on the list of what is due before it is made (``note``), so that none is ever missed. Each step
can be repeated; the list is left last. Time is an argument (seconds since the epoch).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from chat.blobs import BlobError
from chat.conversation import kind_of
from chat.errors import ChatError
from chat.store import MAX_PAGE, ChatStore

DUE: Final = "ao:chat:due"
"""Sorted set: conversation -> when it is to be looked at next."""
LOOK_AGAIN_S: Final = 600
"""How often a conversation that lives on is looked at, and one that could not be erased is tried again."""
AT_ONCE: Final = 100


@dataclass(frozen=True)
class ExpiryLimits:
    """How long what nobody archives is kept."""

    meeting_kept_s: int = 24 * 3600
    """After the meeting's room has closed, or was forgotten."""
    staff_kept_s: int = 90 * 24 * 3600
    """Messages of a staff channel."""
    max_events: int = 20_000
    """The newest of a conversation that lives on; well below ``chat.events.MAX_EVENTS``, where it would end."""


class DueList:
    """When which conversation is to be looked at."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def note(self, conversation_id: str, at_s: float) -> None:
        """A conversation begins; one that is on the list already stays where it is."""
        await self._redis.zadd(DUE, {conversation_id: at_s}, nx=True)

    async def put(self, conversation_id: str, at_s: float) -> None:
        """Look at it then."""
        await self._redis.zadd(DUE, {conversation_id: at_s})

    async def due(self, now_s: float) -> list[str]:
        """What is to be looked at now, the longest waiting first."""
        found = cast(list[bytes], await self._redis.zrangebyscore(DUE, "-inf", now_s, start=0, num=AT_ONCE))
        return [conversation_id.decode() for conversation_id in found]

    async def drop(self, conversation_id: str) -> None:
        """There is nothing left of it."""
        await self._redis.zrem(DUE, conversation_id)


class Expiry:
    """Erases and forgets. Any number of fronts may do so side by side."""

    def __init__(
        self,
        store: ChatStore,
        due: DueList,
        limits: ExpiryLimits,
        *,
        is_meant: Callable[[str], Awaitable[bool]],
        erase_files: Callable[[str], Awaitable[None]],
        forget_files: Callable[[str, Sequence[str]], Awaitable[None]],
        on_broken: Callable[[Exception], None] = lambda _error: None,
    ) -> None:
        """``is_meant``: whether a meeting has a room, or is to have one again. ``erase_files`` erases all files of a
        conversation, ``forget_files`` some of them. ``on_broken`` is told of faults that are none of the store's.
        """
        self._on_broken = on_broken
        self._store = store
        self._due = due
        self._limits = limits
        self._is_meant = is_meant
        self._erase_files = erase_files
        self._forget_files = forget_files

    async def sweep(self, now_s: float) -> int:
        """Look at what is due; how many conversations were looked at. What fails is tried again, after the others."""
        found = await self._due.due(now_s)
        for conversation_id in found:
            try:
                await self._look(conversation_id, now_s)
            except (ChatError, BlobError):
                await self._due.put(conversation_id, now_s + LOOK_AGAIN_S)
            except (RedisError, OSError):
                raise  # the store is away: then no other fares better
            except Exception as error:  # one broken conversation must not hold up the others
                self._on_broken(error)
                await self._due.put(conversation_id, now_s + LOOK_AGAIN_S)
        return len(found)

    async def make_room(self, conversation_id: str) -> None:
        """A conversation is full: its oldest tenth goes at once, so that what is said now has a place."""
        page = await self._store.read_before(conversation_id, 2**53, 1)
        kept = min(self._limits.max_events, (page.last_seq - page.trimmed_through) * 9 // 10)
        await self._forget(conversation_id, page.trimmed_through, page.last_seq - kept, before_ms=0)

    async def _look(self, conversation_id: str, now_s: float) -> None:
        if kind_of(conversation_id) == "meeting":
            await self._look_at_meeting(conversation_id, now_s)
        else:
            await self._forget_old(conversation_id, now_s, self._limits.staff_kept_s)

    async def _look_at_meeting(self, conversation_id: str, now_s: float) -> None:
        conversation = await self._store.conversation(conversation_id)
        if await self._is_meant(conversation_id.removeprefix("meeting-")):
            await self._forget_old(conversation_id, now_s, self._limits.meeting_kept_s)
        elif conversation is not None and conversation.state == "open":  # its room was forgotten, nobody closed it
            await self._due.put(conversation_id, now_s + self._limits.meeting_kept_s)
            await self._store.update(replace(conversation, state="closed"))
            if await self._is_meant(conversation_id.removeprefix("meeting-")):  # made anew at this moment
                await self._store.update(conversation)
        else:
            await self._erase_files(conversation_id)
            await self._store.erase(conversation_id)
            await self._due.drop(conversation_id)

    async def _forget_old(self, conversation_id: str, now_s: float, kept_s: int) -> None:
        """What is too old, and what is too much."""
        try:
            page = await self._store.read_before(conversation_id, 2**53, 1)
        except ChatError as error:
            if error.code != "unknown_conversation":
                raise
            await self._due.drop(conversation_id)  # a front died before it was made; whoever comes next notes it again
            return
        too_many = page.last_seq - self._limits.max_events
        await self._forget(conversation_id, page.trimmed_through, too_many, before_ms=(now_s - kept_s) * 1000)
        await self._due.put(conversation_id, now_s + LOOK_AGAIN_S)

    async def _forget(self, conversation_id: str, after: int, through: int, *, before_ms: float) -> None:
        """Forget events up to a number, and older ones than an instant: page by page, first the files they carry."""
        while True:
            events = (await self._store.read_after(conversation_id, after, MAX_PAGE, mask=False)).events
            old = [event for event in events if event.seq <= through or event.at_ms < before_ms]
            if not old:
                return
            views = [view for event in old for view in event.body.get("attachments", ())]
            await self._forget_files(conversation_id, [str(view["attachment_id"]) for view in views])
            after = old[-1].seq
            await self._store.forget(conversation_id, after)
