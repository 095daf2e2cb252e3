"""Group commit: what many sockets want to write at the same time travels, and is made durable, together.

The store syncs its append-only file once for all commands that it finds in one turn of its loop (``appendfsync
always``), so fifty appends in one pipeline cost about as much as one. While a batch is on its way the next one
gathers; nothing waits for a timer. All go over one connection, and after a fault all are written again in their
order: what a socket wrote first is first.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgpack
import structlog
from redis.asyncio import Redis
from redis.exceptions import (
    BusyLoadingError,
    MasterDownError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from chat.appends import Append, grouped, settle_said
from chat.errors import ChatError
from chat.events import MAX_EVENTS, Draft, pack
from chat.keys import Keys
from chat.raw_link import RawLink, packed
from chat.scripts import APPEND, RECEIPT, SAY, TELL, TOUCH, Script
from chat.write_queue import WriteQueue

MAX_WAITING: Final = 20_000
"""Writes waiting for the store; more are refused rather than held in memory."""
MAX_BATCH: Final = 512
MAX_SAID: Final = 128
"""Messages of one call of say.lua: the store does nothing else for two milliseconds."""
MAX_FLIGHTS: Final = 1
"""Batches on their way at the same time, on one connection. While the store works on one and syncs it, the next
gathers: with two on their way, what many writers say would go round in three smaller groups, each with its own sync."""
WAIT_REPLICAS_MS: Final = 1000
GIVE_UP_S: Final = 5.0
"""How long a write is tried again while the store is away; then its author is told, and may repeat it."""
_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 0.5

_log = structlog.get_logger(__name__)


class _Awaited(Append):
    """A draft whose author waits for a future."""

    def __init__(self, draft: Draft, future: "asyncio.Future[Any]") -> None:
        author = draft.author.encode()
        draft_id = author + b"\0" + draft.client_id.encode()
        super().__init__(
            draft.conversation_id,
            draft_id,
            pack(draft),
            author,
            draft.kind,
            draft.target,
            draft.edit_window_ms,
        )
        self._future = future

    def settle(self, status: bytes, seq: int, at_ms: int) -> None:
        """The store's answer."""
        if not self._future.done():
            self._future.set_result((status, seq, at_ms))

    def refuse(self) -> None:
        """There is none."""
        if not self._future.done():
            self._future.set_exception(ChatError("chat_unavailable"))

    def is_awaited(self) -> bool:
        """Unless its author went."""
        return not self._future.done()


@dataclass(eq=False, slots=True)
class _Call:
    """Any other write: a call of a script."""

    future: "asyncio.Future[Any]"
    script: Script
    command: bytes
    deadline: float = 0.0

    def refuse(self) -> None:
        """There is no answer."""
        if not self.future.done():
            self.future.set_exception(ChatError("chat_unavailable"))

    def is_awaited(self) -> bool:
        """Unless its author went."""
        return not self.future.done()


@dataclass(frozen=True, eq=False)
class _Part:
    """One EVALSHA of a batch, and the writes that it settles."""

    script: Script
    command: bytes
    writes: list[Any]
    """``Append`` or ``_Call``."""


@dataclass(frozen=True, eq=False)
class _Flight:
    """A batch on its way."""

    writes: "list[Append | _Call]"
    parts: list[_Part]
    written_at: float
    """Time of the loop."""


class Committer:
    """Writes to conversations through one queue. Every write is idempotent, hence repeated after a fault.

    ``wait_aof_ms`` above 0 asks the store with WAITAOF (Redis 7.2) to sync before anything is acknowledged: for
    servers that do not sync at each write.
    """

    def __init__(
        self, redis: "Redis", *, wait_aof_ms: int = 0, wait_replicas: int = 0, give_up_s: float = GIVE_UP_S
    ) -> None:
        self.counters: Counter[str] = Counter()
        self.wait_aof_ms = wait_aof_ms
        self.wait_replicas = wait_replicas
        self.on_said: Callable[[list[Append], list[Any]], None] | None = None
        """Given the messages of one call of say.lua and its answer, once their authors have been told."""
        self.listener = ""
        """Under which name whoever is told by ``on_said`` listens to news (read.lua): it is not told twice."""
        self.on_fault: Callable[[], None] = lambda: None
        """Called when it is not known of some messages whether they were stored: ``on_said`` is not given them."""
        self._link = RawLink(redis, self._on_answers)
        self.queue = WriteQueue(
            MAX_WAITING, give_up_s, write_soon=self._write_soon, on_full=self._on_full, monotonic=time.monotonic
        )
        """Whoever is added is told (``settle``, ``refuse``) what became of it."""
        self._flights: deque[_Flight] = deque()
        self._answers: list[Any] = []
        self._is_flowing = False
        self._has_settled = False
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to write."""
        self.queue.is_open = True
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop; whoever still waits is refused, and whoever comes later."""
        self.queue.is_open = False
        while self._loop is not None and not self._loop.done():
            self._loop.cancel()
            # Again and again: a cancellation that meets a connection being opened can be swallowed on the way.
            await asyncio.wait([self._loop], timeout=0.1)
        await self._link.close()
        for flight in self._flights:
            self._refuse(flight.writes)
        self._refuse(self.queue.waiting)
        self.queue.waiting = []

    def append(self, draft: Draft) -> "asyncio.Future[Any]":
        """(status, seq, at_ms) of append.lua, once durable; ``ChatError`` (chat_unavailable) when it is not known."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.queue.add(_Awaited(draft, future))
        return future

    def receipt(self, keys: Keys, reader: str, delivered: int, read: int, *, tell: bool) -> "asyncio.Future[Any]":
        """[delivered, read] as they stand now (receipt.lua)."""
        arguments = (reader, delivered, read, "1" if tell else "0")
        return self._call(RECEIPT, (keys.receipts, keys.meta, keys.channel, keys.log), arguments)

    def touch(self, key: str, channel: str, mark: str, person: str, for_ms: int) -> "asyncio.Future[Any]":
        """Who types or is present now (touch.lua)."""
        return self._call(TOUCH, (key, channel), (mark, person, for_ms))

    def tell(self, channel: str, mark: str, values: Mapping[str, Any]) -> "asyncio.Future[Any]":
        """Publish something that is kept nowhere."""
        packed = mark.encode() + msgpack.packb(dict(values))
        return self._call(TELL, (channel,), (packed,))

    def _call(
        self, script: Script, keys: tuple[str, ...], arguments: tuple[str | int | bytes, ...]
    ) -> "asyncio.Future[Any]":
        # Packed here: what cannot be (a name that is no Unicode) is its author's fault, not a whole batch's.
        command = packed(("EVALSHA", script.sha, len(keys), *keys, *arguments))
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.queue.add(_Call(future, script, command))
        return future

    async def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._link.open()
                await self._load_scripts()
                self._is_flowing = True
                self._write_batches()
                await self._link.watch(self._awaited_since)
            except Exception as error:  # the loop outlives any fault: without it nothing is ever stored again
                self._note(error)
                if self._has_settled:
                    pause_s, self._has_settled = _FIRST_PAUSE_S, False
                await self._ground()
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            finally:
                await self._ground()
                # What was on its way is written again: before everything else, and in its order.
                again = [write for flight in self._flights for write in flight.writes]
                self._flights.clear()
                if again:
                    self.on_fault()
                self.queue.waiting = self._drop_late(again + self.queue.waiting)

    def _note(self, error: Exception) -> None:
        """A fault of the store is waited out. Who was on the way when it was none is refused: it might come again."""
        if isinstance(error, (RedisError, OSError)):
            self.counters["commit_failed"] += 1
            _log.warning("chat_commit_failed", error=type(error).__name__)
            return
        self.counters["commit_broken"] += 1
        _log.error("chat_commit_broken", error=type(error).__name__)
        for flight in self._flights:
            self._refuse(flight.writes)

    async def _ground(self) -> None:
        """Nothing more is written or settled on this connection."""
        self._is_flowing = self.queue.is_writable = False
        self._answers.clear()
        await self._link.close()

    def _awaited_since(self) -> float | None:
        return self._flights[0].written_at if self._flights else None

    def _on_full(self) -> None:
        self.counters["refused_full"] += 1

    def _write_soon(self) -> None:
        """At the end of this turn, with whatever else comes in it."""
        asyncio.get_running_loop().call_soon(self._write_batches)

    def _write_batches(self) -> None:
        """Write what waits, as far as there may be batches on their way."""
        queue = self.queue
        queue.is_write_due = False
        while queue.waiting and self._is_flowing and len(self._flights) < MAX_FLIGHTS:
            batch, queue.waiting = queue.waiting[:MAX_BATCH], queue.waiting[MAX_BATCH:]
            self.counters["batches"] += 1
            self.counters["writes"] += len(batch)
            flight = _Flight(batch, _parts(batch, self.listener), asyncio.get_running_loop().time())
            self._flights.append(flight)
            commands: list[bytes | tuple[Any, ...]] = [part.command for part in flight.parts]
            if self.wait_aof_ms:
                commands.append(("WAITAOF", 1, self.wait_replicas, self.wait_aof_ms))
            elif self.wait_replicas:
                commands.append(("WAIT", self.wait_replicas, WAIT_REPLICAS_MS))
            try:
                self._link.write(commands)
            except RedisError as error:
                self._link.fail(error)
                self._is_flowing = False
        queue.is_writable = self._is_flowing and len(self._flights) < MAX_FLIGHTS

    def _on_answers(self, answers: list[Any]) -> None:
        """Settle the batches whose answers are all there, and write the next. What it raises ends the connection."""
        kept = self._answers
        kept += answers
        while self._flights:
            flight = self._flights[0]
            count = len(flight.parts) + (1 if self._waits else 0)
            if len(kept) < count:
                return
            results = self._synced(kept[:count])
            for result in results:
                if isinstance(result, NoScriptError) or _is_transient(result):
                    raise result
            del kept[:count]
            self._flights.popleft()
            self._has_settled = True
            self._write_batches()  # first: the store works while we tell
            try:
                self._settle(flight.parts, results)
            except Exception:
                self._refuse(flight.writes)  # those who have been told are not told again
                self.on_fault()
                raise

    @property
    def _waits(self) -> bool:
        """Whether each batch ends with a question for how far it has come."""
        return bool(self.wait_aof_ms or self.wait_replicas)

    def _synced(self, answers: list[Any]) -> list[Any]:
        """The answers without that to WAITAOF or WAIT; ``RedisError`` when the store or its replicas did not sync."""
        if not self._waits:
            return answers
        synced = answers.pop()
        if isinstance(synced, Exception):
            raise synced
        local, replicas = synced if self.wait_aof_ms else (1, synced)
        if not local:
            raise RedisError("the append-only file was not synced in time")
        if replicas < self.wait_replicas:
            raise RedisError("too few replicas have it in time")
        return answers

    def _drop_late(self, writes: "list[Append | _Call]") -> "list[Append | _Call]":
        now = time.monotonic()
        kept: list[Append | _Call] = []
        for write in writes:
            if write.deadline > now and write.is_awaited():
                kept.append(write)
            else:
                write.refuse()  # also who is going: its socket waits until nothing of it is on its way
        return kept

    def _refuse(self, writes: "Sequence[Append | _Call]") -> None:
        for write in writes:
            write.refuse()

    async def _load_scripts(self) -> None:
        await self._link.ask([("SCRIPT", "LOAD", script.text) for script in (SAY, APPEND, RECEIPT, TELL, TOUCH)])

    def _settle(self, parts: list[_Part], results: list[Any]) -> None:
        for part, result in zip(parts, results, strict=True):
            if isinstance(result, Exception):  # the script itself failed: repeating would not help
                self.counters["script_failed"] += 1
                _log.error("chat_script_failed", script=part.script.name, error=type(result).__name__)
                self._refuse(part.writes)
                continue
            if part.script is SAY:
                self.counters["script_failed"] += settle_said(part.writes, result)
                if self.on_said is not None:
                    self.on_said(part.writes, result)
                continue
            answers = result if part.script is APPEND else [result]
            for write, answer in zip(part.writes, answers, strict=True):
                if isinstance(write, Append):
                    write.settle(*answer)
                elif not write.future.done():
                    write.future.set_result(answer)


def _is_transient(result: Any) -> bool:
    """A server that loads its data, changes its role or is out of reach; not a script that failed."""
    if not isinstance(result, Exception):
        return False
    transient = (BusyLoadingError, ReadOnlyError, MasterDownError, TryAgainError)
    return isinstance(result, transient) or not isinstance(result, ResponseError)


def _parts(batch: "list[Append | _Call]", listener: str) -> list[_Part]:
    """The drafts of one conversation in one call, in their order, and many conversations' messages; else one by one."""
    calls, mixed, said = grouped(batch, _SAY_HEAD, _say_words(MAX_EVENTS, listener), _say_keys, MAX_SAID)
    parts = [_Part(call.script, call.command, [call]) for call in calls]
    for conversation_id, appends in mixed:
        parts.append(_Part(APPEND, _append_command(conversation_id, appends), appends))
    for messages_command, messages in said:
        parts.append(_Part(SAY, messages_command, messages))
    return parts


def _words(*words: str | int) -> bytes:
    """Words of a command, without the count before them."""
    return packed(words).partition(b"\r\n")[2]


_SAY_HEAD: Final = _words("EVALSHA", SAY.sha)


@lru_cache(maxsize=1)
def _say_words(most: int, listener: str) -> bytes:
    return _words(most, listener)


@lru_cache(maxsize=16_384)
def _say_keys(conversation_id: str) -> bytes:
    """A conversation's keys in a call of say.lua."""
    keys = Keys(conversation_id)
    return _words(keys.log, keys.ids, keys.meta, keys.channel)


def _append_command(conversation_id: str, appends: list[Append]) -> bytes:
    keys = Keys(conversation_id)
    arguments: list[Any] = [MAX_EVENTS]
    for append in appends:
        arguments += (append.draft_id, append.packed, append.kind, append.author, append.target, append.edit_window_ms)
    command = ("EVALSHA", APPEND.sha, 5, keys.log, keys.ids, keys.meta, keys.withdrawn, keys.channel, *arguments)
    return packed(command)


async def durability(redis: "Redis") -> str:
    """How durable an acknowledged write is: ``always``, ``everysec``, ``no``, ``off`` (no append-only file), ``?``."""
    with suppress(RedisError):
        settings: Any = await redis.config_get("appendonly", "appendfsync")
        if settings:
            value = {_text(key): _text(value) for key, value in settings.items()}
            return value.get("appendfsync", "?") if value.get("appendonly") == "yes" else "off"
    return "?"


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
