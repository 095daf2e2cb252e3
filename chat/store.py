"""Conversations in Redis: what is stored, and the calls that read and write it.

Writing goes through the ``Committer``; reading is one script per page, so that a page is what stood there at one
instant. Every method raises ``ChatError`` (chat_unavailable) when the store does not answer.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from chat.committer import Committer
from chat.conversation import Conversation, from_fields, kind_of, to_fields
from chat.errors import ChatError, ChatErrorCode
from chat.events import Appended, Draft, Event, masked, unpack
from chat.keys import Keys
from chat.scripts import READ, TRIM, Script

MAX_PAGE: Final = 200
"""Events of one page."""

REFUSALS: Final[Mapping[str, tuple[ChatErrorCode, str]]] = MappingProxyType(
    {
        "unknown": ("unknown_conversation", "conversation_id"),
        "closed": ("conversation_closed", "conversation_id"),
        "full": ("conversation_full", "conversation_id"),
        "target": ("unknown_message", "target"),
        "author": ("not_author", "target"),
        "withdrawn": ("message_withdrawn", "target"),
        "late": ("edit_too_late", "target"),
    }
)
"""What the scripts say when they store nothing, as error code and field."""


@dataclass(frozen=True)
class Page:
    """Events as they stood at one instant."""

    events: tuple[Event, ...]
    last_seq: int
    """Number of the conversation's last event."""
    trimmed_through: int
    """Events up to this number are in the archive only."""
    state: str
    is_listener_known: bool = True
    """False when the store was too full to note who listens: what others write there may not be published."""


@dataclass(frozen=True)
class Receipt:
    """How far somebody has come."""

    delivered: int
    read: int


class ChatStore:
    """All conversations of one Redis."""

    def __init__(self, redis: "Redis", committer: Committer) -> None:
        self._redis = redis
        self.committer = committer

    # --- standing data -----------------------------------------------------------------------------------------

    async def create(self, conversation: Conversation) -> bool:
        """Store a new conversation; False, and nothing changes, when it is there."""
        kind_of(conversation.conversation_id)
        meta = Keys(conversation.conversation_id).meta
        fields = to_fields(conversation)
        state = fields.pop("state")
        with _available():
            # The state comes last: whoever finds it finds the rest. A second creation changes nothing.
            if await self._redis.hexists(meta, "state"):
                return False
            async with self._redis.pipeline(transaction=True) as pipeline:
                for name, value in fields.items():
                    pipeline.hsetnx(meta, name, value)
                pipeline.hsetnx(meta, "state", state)
                return bool((await pipeline.execute())[-1])

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """What is stored; None when there is none."""
        with _available():
            fields: Any = await self._redis.hgetall(Keys(conversation_id).meta)
        return from_fields(conversation_id, fields) if b"state" in fields else None

    async def conversations(self, conversation_ids: Sequence[str]) -> list[Conversation | None]:
        """Many in one round trip."""
        with _available():
            async with self._redis.pipeline(transaction=False) as pipeline:
                for conversation_id in conversation_ids:
                    pipeline.hgetall(Keys(conversation_id).meta)
                found = await pipeline.execute()
        return [
            from_fields(conversation_id, fields) if b"state" in fields else None
            for conversation_id, fields in zip(conversation_ids, found, strict=True)
        ]

    async def update(self, conversation: Conversation) -> None:
        """Change title, people or state. Fronts are told, and let go of whoever may not read it any more."""
        keys = Keys(conversation.conversation_id)
        with _available():
            if not await self._redis.hexists(keys.meta, "state"):
                raise ChatError("unknown_conversation", "conversation_id")
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hset(keys.meta, items=[part for pair in to_fields(conversation).items() for part in pair])
                pipeline.execute_command("SPUBLISH", keys.channel, "M")
                await pipeline.execute()

    async def rule(self, conversation_id: str, *, is_hosts_only: bool) -> None:
        """Who may write in a meeting's chat, whatever else of it changes at the same time. Fronts are told."""
        keys = Keys(conversation_id)
        with _available():
            if not await self._redis.hexists(keys.meta, "state"):
                raise ChatError("unknown_conversation", "conversation_id")
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hset(keys.meta, "is_hosts_only", "1" if is_hosts_only else "")
                pipeline.execute_command("SPUBLISH", keys.channel, "M")
                await pipeline.execute()

    async def erase(self, conversation_id: str) -> None:
        """Forget everything of a conversation."""
        keys = Keys(conversation_id)
        with _available():
            async with self._redis.pipeline(transaction=True) as pipeline:  # who still listens must learn of it
                pipeline.delete(*keys.all())
                pipeline.execute_command("SPUBLISH", keys.channel, "M")
                await pipeline.execute()

    # --- events ------------------------------------------------------------------------------------------------

    async def append(self, draft: Draft) -> Appended:
        """Append a draft once; returns when it is as durable as the store makes it."""
        status, seq, at_ms = await self.committer.append(draft)
        refusal = REFUSALS.get(status.decode())
        if refusal is not None:
            raise ChatError(*refusal)
        return Appended(seq, at_ms, is_repeat=status == b"repeat")

    async def has_draft(self, conversation_id: str, author: str, client_id: str) -> bool:
        """Whether an append with this client id has been stored."""
        with _available():
            draft_id = author.encode() + b"\0" + client_id.encode()
            found = self._redis.sismember(Keys(conversation_id).ids, cast(str, draft_id))  # bytes are taken too
            return bool(await cast(Awaitable[int], found))

    async def read_after(
        self, conversation_id: str, after: int, limit: int, *, mask: bool = True, listener: str = ""
    ) -> Page:
        """The first events after a number, the oldest first; with ``mask`` off also withdrawn texts (archive).

        ``listener``: who is subscribed to the conversation's news, and has them from this page on (read.lua).
        """
        call = _read_call(conversation_id, "after", after, limit, listener)
        return _page(await self._script(READ, *call), is_backwards=False, mask=mask)

    async def read_before(self, conversation_id: str, before: int, limit: int, *, listener: str = "") -> Page:
        """The last events before a number, the oldest first."""
        call = _read_call(conversation_id, "before", before, limit, listener)
        return _page(await self._script(READ, *call), is_backwards=True)

    async def read_many(
        self, positions: Mapping[str, int], limit: int, *, listener: str = ""
    ) -> dict[str, Page | None]:
        """``read_after`` for many conversations in one round trip; None for those that do not exist."""
        calls = [
            _read_call(conversation_id, "after", after, limit, listener) for conversation_id, after in positions.items()
        ]
        pages: dict[str, Page | None] = {}
        for conversation_id, result in zip(positions, await self._scripts(READ, calls), strict=True):
            try:
                pages[conversation_id] = _page(result, is_backwards=False)
            except ChatError:
                pages[conversation_id] = None
        return pages

    # --- how far people have come ------------------------------------------------------------------------------

    async def move_receipt(self, conversation_id: str, reader: str, receipt: Receipt, *, tell: bool) -> Receipt:
        """Move somebody forward; their receipt as it stands."""
        moved = await self.committer.receipt(Keys(conversation_id), reader, receipt.delivered, receipt.read, tell=tell)
        if moved[0] < 0:
            raise ChatError("unknown_conversation", "conversation_id")
        return Receipt(*moved)

    async def receipts(self, conversation_id: str) -> dict[str, Receipt]:
        """Everybody's."""
        with _available():
            fields: Any = await self._redis.hgetall(Keys(conversation_id).receipts)
        return {reader.decode(): Receipt(*map(int, value.split())) for reader, value in fields.items()}

    async def present(self, conversation_id: str) -> frozenset[str]:
        """Who has it open now, at any front (``chat.presence``)."""
        with _available():
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.time()
                pipeline.zrange(Keys(conversation_id).present, 0, -1, withscores=True)
                (seconds, _), entries = await pipeline.execute()
        return frozenset(entry.decode().partition("\t")[0] for entry, until_ms in entries if until_ms > seconds * 1000)

    async def read_through(self, readers: Mapping[str, str]) -> dict[str, int]:
        """Conversation id -> the last number that its reader (``alias``) has read, in one round trip."""
        with _available():
            async with self._redis.pipeline(transaction=False) as pipeline:
                for conversation_id, reader in readers.items():
                    pipeline.hget(Keys(conversation_id).receipts, reader)
                found = await pipeline.execute()
        return {
            conversation_id: int(value.split()[1]) if value is not None else 0
            for conversation_id, value in zip(readers, found, strict=True)
        }

    # --- archive -----------------------------------------------------------------------------------------------

    async def archived_through(self, conversation_id: str) -> int:
        """The archive has all events up to this number."""
        with _available():
            return int(await self._redis.hget(Keys(conversation_id).meta, "archived") or 0)

    async def mark_archived(self, conversation_id: str, through: int, reference: str) -> None:
        """The archive has all events through this number."""
        with _available():
            meta = Keys(conversation_id).meta
            await self._redis.hset(meta, items=["archived", through, "archive_reference", reference])

    async def trim(self, conversation_id: str, through: int) -> int:
        """Forget archived events; through which number they are forgotten now."""
        return await self._trim(conversation_id, through, "archived")

    async def forget(self, conversation_id: str, through: int) -> int:
        """Forget events of a conversation that goes to no archive; through which number they are forgotten now."""
        return await self._trim(conversation_id, through, "any")

    async def _trim(self, conversation_id: str, through: int, what: str) -> int:
        keys = Keys(conversation_id)
        before, trimmed = -1, 0
        while before < trimmed or before < 0:  # a bounded number at once
            before = trimmed
            trimmed = int(await self._script(TRIM, (keys.log, keys.ids, keys.meta), (through, what)))
        return trimmed

    async def _script(self, script: Script, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        return (await self._scripts(script, [(keys, arguments)]))[0]

    async def _scripts(self, script: Script, calls: Sequence[tuple[Sequence[str], Sequence[str | int]]]) -> list[Any]:
        with _available():
            while True:
                async with self._redis.pipeline(transaction=False) as pipeline:
                    for keys, arguments in calls:
                        pipeline.evalsha(script.sha, len(keys), *keys, *arguments)
                    results = await pipeline.execute(raise_on_error=False)
                failed = next((result for result in results if isinstance(result, Exception)), None)
                if failed is None:
                    return results
                if not isinstance(failed, NoScriptError):
                    raise failed
                await self._redis.script_load(script.text)


class _available:  # noqa: N801  # reads as a word where it is used
    """Faults of the store become ``ChatError``."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, RedisError | OSError):
            raise ChatError("chat_unavailable") from None


def _read_call(
    conversation_id: str, direction: str, number: int, limit: int, listener: str
) -> tuple[tuple[str, ...], tuple[str | int, ...]]:
    """Keys and arguments of read.lua."""
    keys = Keys(conversation_id)
    arguments: tuple[str | int, ...] = (direction, number, min(limit, MAX_PAGE))
    if listener:
        arguments += (listener,)
    return (keys.log, keys.meta, keys.withdrawn), arguments


def _page(result: Any, *, is_backwards: bool, mask: bool = True) -> Page:
    last, trimmed, state, entries, withdrawn, is_known = result
    if last < 0:
        raise ChatError("unknown_conversation", "conversation_id")
    if is_backwards:
        entries = reversed(entries)
    events = [_event(name, fields) for name, fields in entries]
    shown = masked(events, frozenset(map(int, withdrawn))) if mask else events
    return Page(tuple(shown), last, trimmed, state.decode(), bool(is_known))


def _event(name: bytes, fields: Any) -> Event:
    """An entry of the stream: its fields stand in the order in which append.lua writes them."""
    return unpack(int(name.partition(b"-")[2]), int(fields[1]), fields[7])
