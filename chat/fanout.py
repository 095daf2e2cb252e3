"""Who gets what: the conversations that this front's sockets read, and the shell around ``Feed`` and ``News``.

Any number of fronts do the same side by side; none knows of the others. A reader (one socket of one device) is
attached to a conversation at a number and gets every later event once and in order, until it is detached: because
it went, because it may not read any more, or because it reads too slowly. Then it is told where to resume.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgpack
import structlog
from redis.asyncio import Redis

from auth.principal import Principal
from chat.channels import RECENT_EVENTS, Channel, Channels
from chat.conversation import Conversation, may_read, state_for
from chat.errors import ChatError
from chat.events import Event, to_wire, unpack
from chat.feed import Feed, Step
from chat.keys import Keys
from chat.news import News
from chat.store import MAX_PAGE, ChatStore, Page

LINGER_S: Final = 20.0
"""A conversation without readers is listened to for a while: most who lose their socket come back."""
_NEWEST: Final = 2**53
_RESYNC_AT_ONCE: Final = 100
_SWEEP_S: Final = 5.0
_AGAIN_S: Final = 0.2
_UNKNOWN_S: Final = 1.0

_log = structlog.get_logger(__name__)

Encode = Callable[[str, Mapping[str, Any]], Any]
"""Makes a packet of an event's name and payload; it is then sent to any number of readers."""


class EncodeMessage(Protocol):
    """Makes the packet of a stored message without unpacking it; None when it is not plain text.

    ``aliases`` is kept for the conversation, and is this function's own.
    """

    def __call__(self, conversation_id: str, seq: int, at_ms: int, packed: bytes, aliases: dict[Any, Any]) -> Any:
        """The same packet as the general way makes."""


SendToAll = Callable[[dict[Any, int], list[Any], int], "list[Reader]"]
"""Sends the packets of events, numbered from the given one on, to all who do not have these numbers yet; those who got
nothing because their ``send`` would be False."""


class Reader(Protocol):
    """One socket."""

    @property
    def principal(self) -> Principal:
        """Who reads."""

    def send(self, packet: Any) -> bool:
        """Queue a packet; False when the socket has more waiting than it may."""

    def hint(self, packet: Any) -> None:
        """Queue a small packet that tells the socket to resume, even when ``send`` refused."""


@dataclass(frozen=True)
class Resumed:
    """What a reader lacked."""

    events: tuple[Event, ...]
    last_seq: int
    trimmed_through: int
    is_live: bool
    """Whether the reader is attached; if not there is more to read, after the last of these events."""


class FanOut:
    """All conversations of one front. ``counters`` counts deliveries, slow readers, gaps and resets."""

    def __init__(
        self,
        redis: "Redis",
        store: ChatStore,
        encode: Encode,
        encode_message: EncodeMessage | None = None,
        send_to_all: SendToAll | None = None,
    ) -> None:
        self._counted: Counter[str] = Counter()
        self.on_changed: Callable[[str], None] = lambda _: None
        """Is told of each conversation whose standing data changed, before its readers are."""
        self._store = store
        self._encode = encode
        self._channels = Channels(encode_message, send_to_all or _send_to_all, self._on_slow, self._on_event, _later)
        self._name = secrets.token_hex(8)
        self._faults = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._shown: dict[str, Conversation] = {}
        """The standing data of each conversation as its readers know it."""
        self._unknown: set[Channel] = set()
        """Those that could not be told who listens: their store is full."""
        self._idle: dict[Channel, float] = {}
        """Since when nobody reads it, those for the longest time first; some are read again."""
        self._news = News(
            redis,
            hear=self._channels.hear,
            on_news=self._on_news,
            on_turn=self._channels.depart,
            on_lost=self._on_lost,
            on_ready=self._on_ready,
        )

    async def start(self) -> None:
        """Begin to listen."""
        await self._news.start()
        committer = self._store.committer
        committer.listener, committer.on_said, committer.on_fault = self._listener, self._channels.said, self._on_fault
        self._spawn(self._sweep())

    async def stop(self) -> None:
        """Stop; readers get nothing more, and what the committer still writes is published like anybody's."""
        committer = self._store.committer
        if committer.listener == self._listener:
            committer.listener, committer.on_said, committer.on_fault = "", None, lambda: None
        await self._news.stop()
        tasks = {*self._tasks, *(channel.opening for channel in self._channels.all() if channel.opening)}
        while tasks:
            for task in tasks:
                task.cancel()
            _, tasks = await asyncio.wait(tasks, timeout=0.1)

    @property
    def counters(self) -> Counter[str]:
        """What was counted since the start."""
        return Counter({**self._counted, "delivered": self._channels.delivered})

    @property
    def news_counters(self) -> Counter[str]:
        """Lost connections."""
        return self._news.counters

    @property
    def _listener(self) -> str:
        """Who listens, to the store (read.lua)."""
        return f"{self._name}:{self._faults}"

    # --- readers -----------------------------------------------------------------------------------------------

    async def resume(self, reader: Reader, conversation_id: str, after: int, limit: int) -> Resumed:
        """What the reader lacks after a number; attached when that is all there is.

        Between the attachment and the return nothing suspends: what is sent first is what this returns.
        """
        channel = await self._open(conversation_id)
        page = await self._store.read_after(conversation_id, after, min(limit, MAX_PAGE))
        events = page.events
        has_more = bool(events) and events[-1].seq < page.last_seq
        if after > page.last_seq or has_more or self._channels.get(conversation_id) is not channel:
            return Resumed(events, page.last_seq, page.trimmed_through, is_live=False)
        rest = channel.feed.since(page.last_seq)  # what happened while the page was on its way
        if rest is None:
            return Resumed(events, page.last_seq, page.trimmed_through, is_live=False)
        last_seq = rest[-1].seq if rest else page.last_seq
        channel.readers[reader] = last_seq
        return Resumed(events + rest, last_seq, page.trimmed_through, is_live=True)

    def shown(self, conversation: Conversation) -> None:
        """It was shown to a reader who has been attached since. What has changed in between they are told.

        The first reader was told of nothing before; of two who know different things, one knows what is out of date.
        """
        conversation_id = conversation.conversation_id
        channel, known = self._channels.get(conversation_id), self._shown.get(conversation_id)
        if channel is None or known == conversation:
            return
        if known is None:
            self._shown[conversation_id] = conversation
        else:
            del self._shown[conversation_id]
        self._spawn(self._recheck(channel))

    def look_again(self, conversation_id: str, conversation: Conversation | None) -> None:
        """It was found so in the store: what this front was not told of, its readers are told now."""
        channel, known = self._channels.get(conversation_id), self._shown.get(conversation_id)
        if channel is not None and known is not None and known != conversation:
            self._spawn(self._recheck(channel))

    def detach(self, reader: Reader, conversation_id: str) -> None:
        """The reader gets no more of this conversation."""
        channel = self._channels.get(conversation_id)
        if channel is not None and reader in channel.readers:
            del channel.readers[reader]
            self._note_idle(channel)

    def is_attached(self, reader: Reader, conversation_id: str) -> bool:
        """Whether the reader gets what happens there."""
        channel = self._channels.get(conversation_id)
        return channel is not None and reader in channel.readers

    def readers(self, conversation_id: str) -> int:
        """How many sockets of this front read it."""
        channel = self._channels.get(conversation_id)
        return len(channel.readers) if channel is not None else 0

    # --- opening a conversation --------------------------------------------------------------------------------

    async def _open(self, conversation_id: str) -> Channel:
        channel = self._channels.get(conversation_id)
        if channel is None:
            channel = Channel(conversation_id, Feed())
            self._channels.add(channel, Keys(conversation_id).channel.encode())
            channel.opening = asyncio.create_task(self._start_feed(channel))
            channel.opening.add_done_callback(lambda done: done.cancelled() or done.exception())
        if channel.opening is not None:
            await asyncio.shield(channel.opening)
        self._note_idle(channel)
        return channel

    async def _start_feed(self, channel: Channel) -> None:
        conversation_id = channel.conversation_id
        try:
            await self._news.subscribe(Keys(conversation_id).channel)
            page = await self._store.read_before(conversation_id, _NEWEST, RECENT_EVENTS, listener=self._listener)
        except BaseException:
            self._forget(channel)
            raise
        channel.opening = None
        self._note_idle(channel)  # whoever opened it may have gone
        self._act(channel, channel.feed.start(page.events, page.last_seq))
        self._see_to_it(channel, page)
        if channel.was_lost:  # news between page and reconnection are missing
            channel.feed.on_lost()
            self._spawn(self._catch_up(channel))

    def _forget(self, channel: Channel) -> None:
        if self._channels.get(channel.conversation_id) is channel:
            name = Keys(channel.conversation_id).channel
            self._channels.remove(channel, name.encode())
            self._shown.pop(channel.conversation_id, None)
            self._news.unsubscribe([name])

    def _vanish(self, channel: Channel) -> None:
        """There is no such conversation any more. Should one of its name be made, it is opened like any other."""
        self._end(channel, list(channel.readers))
        self._forget(channel)

    def _note_idle(self, channel: Channel) -> None:
        self._idle.pop(channel, None)
        self._idle[channel] = asyncio.get_running_loop().time()

    async def _sweep(self) -> None:
        """Let go of conversations that nobody here has read for a while."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            old = asyncio.get_running_loop().time() - LINGER_S
            while self._idle:
                channel, since = next(iter(self._idle.items()))
                if since >= old:
                    break
                del self._idle[channel]
                if not channel.readers and channel.opening is None:
                    self._forget(channel)

    # --- news --------------------------------------------------------------------------------------------------

    def _on_news(self, name: bytes, payload: bytes) -> None:
        """Something happened in a conversation; the first byte says what (the scripts' SPUBLISH)."""
        channel = self._channels.named(name)
        if channel is None:
            return
        try:
            self._take(channel, payload[:1], payload[1:])
        except (ValueError, UnicodeDecodeError):
            self._counted["news_malformed"] += 1

    def _take(self, channel: Channel, mark: bytes, rest: bytes) -> None:
        self._channels.flush(channel)  # what was taken before leaves before it
        if mark == b"E":
            number, time, packed = rest.split(b" ", 2)
            if not channel.feed.has(int(number)):
                self._on_event(channel, int(number), int(time), packed)
        elif mark == b"R":
            delivered, read, reader = rest.decode().split(" ", 2)
            receipt = {"reader": reader, "delivered": int(delivered), "read": int(read)}
            self._tell(channel, "chat_receipts", receipt)
        elif mark == b"T":
            for_ms, person = rest.decode().split(" ", 1)
            actor, _, name = person.partition("\t")
            self._tell(channel, "chat_typists", {"author": actor, "author_name": name, "for_ms": int(for_ms)})
        elif mark == b"P":
            people = sorted({entry.partition("\t")[0] for entry in rest.decode().split("\n") if entry})
            self._tell(channel, "chat_presence", {"people": people})
        elif mark == b"X":
            self._tell(channel, "chat_text", msgpack.unpackb(rest))
        elif mark == b"C":
            self._tell(channel, "chat_case", msgpack.unpackb(rest))
        elif mark == b"M":
            self.on_changed(channel.conversation_id)
            self._spawn(self._recheck(channel))
            self._spawn(self._listen_anew(channel))

    def _on_event(self, channel: Channel, seq: int, at_ms: int, packed: bytes) -> None:
        """By news, or by the store's answer to this front (then there may be no news): not simply the next message."""
        self._act(channel, channel.feed.on_event(unpack(seq, at_ms, packed)))

    def _act(self, channel: Channel, step: Step) -> None:
        self._channels.flush(channel)
        for event in step.deliver:
            if channel.readers:
                packet = self._encode("chat_event", to_wire(channel.conversation_id, event))
                self._channels.deliver(channel, [packet], event.seq)
        if step.reset_to is not None:
            self._counted["resets"] += 1
            _log.error("chat_store_lost_events")
            for reader, has in channel.readers.items():  # what they had beyond that is not what will have its numbers
                channel.readers[reader] = min(has, step.reset_to)
            self._tell(channel, "chat_reset", {"last_seq": step.reset_to})
        if step.read_after is not None and not channel.is_reading:
            self._counted["gaps"] += 1
            self._spawn(self._catch_up(channel))

    def _tell(self, channel: Channel, event: str, payload: Mapping[str, Any]) -> None:
        if channel.readers:
            packet = self._encode(event, {"conversation_id": channel.conversation_id, **payload})
            for reader in list(channel.readers):
                reader.send(packet)  # what is lost here is soon out of date

    def _on_slow(self, channel: Channel, readers: list[Any], first: int) -> None:
        """Let go of who takes nothing more; they are told where to resume."""
        for reader in readers:
            self._counted["slow_readers"] += 1
            has = max(channel.readers.pop(reader), first - 1)
            self._note_idle(channel)
            reader.hint(self._encode("chat_lagging", {"conversation_id": channel.conversation_id, "seq": has}))

    async def _catch_up(self, channel: Channel) -> None:
        """Read what the feed lacks, until it lacks nothing. A failure leaves that to the next reconnection."""
        if channel.is_reading:
            return
        channel.is_reading = True
        try:
            while not channel.feed.is_synced:
                after = channel.feed.head
                page = await self._read(channel, after)
                self._act(channel, channel.feed.on_page(after, page.events, page.last_seq))
        except ChatError as error:
            if error.code == "unknown_conversation":
                self._vanish(channel)
            else:
                await asyncio.sleep(_AGAIN_S)
                self._spawn(self._catch_up_later(channel))
        finally:
            channel.is_reading = False

    async def _read(self, channel: Channel, after: int) -> Page:
        page = await self._store.read_after(channel.conversation_id, after, MAX_PAGE, listener=self._listener)
        self._see_to_it(channel, page)
        return page

    def _see_to_it(self, channel: Channel, page: Page) -> None:
        """Unless this front stands there as a listener, it reads again and again."""
        if not page.is_listener_known and channel not in self._unknown:
            self._unknown.add(channel)
            self._spawn(self._listen_later(channel))

    async def _listen_later(self, channel: Channel) -> None:
        await asyncio.sleep(_UNKNOWN_S)
        self._unknown.discard(channel)
        await self._listen_anew(channel)

    async def _catch_up_later(self, channel: Channel) -> None:
        if self._channels.get(channel.conversation_id) is channel:
            await self._catch_up(channel)

    async def _recheck(self, channel: Channel) -> None:
        """The conversation may have changed: let go of readers who may not read it any more, and tell the others."""
        with suppress(ChatError):
            conversation = await self._store.conversation(channel.conversation_id)
            if conversation is None:
                self._vanish(channel)
                return
            if conversation == self._shown.get(channel.conversation_id):
                return
            self.on_changed(channel.conversation_id)
            if self._channels.get(channel.conversation_id) is channel:
                self._shown[channel.conversation_id] = conversation
            gone = [reader for reader in channel.readers if not may_read(reader.principal, conversation)]
            self._end(channel, gone)
            self._tell_changed(channel, conversation)

    async def _listen_anew(self, channel: Channel) -> None:
        """It may have been erased and made anew: then this front does not stand in it as a listener yet."""
        while self._channels.get(channel.conversation_id) is channel:
            if channel.opening is not None:  # its page may be of what was erased
                await asyncio.wait([channel.opening])
                continue
            try:
                after = channel.feed.head
                page = await self._read(channel, after)
            except ChatError as error:
                if error.code == "unknown_conversation":
                    self._vanish(channel)
                    return
                await asyncio.sleep(_AGAIN_S)  # unless it stands there, others may not publish what they write
                continue
            self._act(channel, channel.feed.on_page(after, page.events, page.last_seq))
            return

    def _tell_changed(self, channel: Channel, conversation: Conversation) -> None:
        about = {"conversation_id": channel.conversation_id, "title": conversation.title}
        packets: dict[str, Any] = {}
        for reader in list(channel.readers):
            state = state_for(reader.principal, conversation)
            if state not in packets:
                changed = {**about, "state": state, "hosts_only": conversation.is_hosts_only}
                packets[state] = self._encode("chat_changed", changed)
            reader.hint(packets[state])

    def _end(self, channel: Channel, readers: list[Reader]) -> None:
        packet = self._encode("chat_ended", {"conversation_id": channel.conversation_id})
        for reader in readers:
            channel.readers.pop(reader, None)
            reader.hint(packet)
        self._note_idle(channel)

    def _on_fault(self) -> None:
        """Of messages of this front nobody knows whether they are stored: it listens anew, under another name.

        What is stored under the former name from now on is published, and what was is read (``_on_ready``).
        """
        self._faults += 1
        self._store.committer.listener = self._listener
        self._news.reset()

    # --- lost connections --------------------------------------------------------------------------------------

    def _on_lost(self) -> None:
        for channel in self._channels.all():
            channel.feed.on_lost()
            channel.was_lost = channel.opening is not None

    async def _on_ready(self) -> None:
        """News flow again: every feed reads what it may have missed."""
        channels = [channel for channel in self._channels.all() if channel.opening is None]
        for start in range(0, len(channels), _RESYNC_AT_ONCE):
            some = {channel.conversation_id: channel for channel in channels[start : start + _RESYNC_AT_ONCE]}
            heads = {name: some[name].feed.head for name in some}
            for name, page in (await self._store.read_many(heads, MAX_PAGE, listener=self._listener)).items():
                channel = some[name]
                if page is None:
                    self._vanish(channel)
                    continue
                self._act(channel, channel.feed.on_page(heads[name], page.events, page.last_seq))
                self._see_to_it(channel, page)
            for name, conversation in zip(some, await self._store.conversations(list(some)), strict=True):
                self.look_again(name, conversation)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _later(seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(seconds, call)


def _send_to_all(readers: dict[Reader, int], packets: list[Any], first: int) -> list[Reader]:
    """For sockets whose packets are not bytes that could be joined."""
    slow: list[Reader] = []
    for reader, has in readers.items():
        lacking = packets[max(0, has - first + 1) :]
        if lacking and not reader.send(lacking[0]):
            slow.append(reader)
            continue
        for packet in lacking[1:]:
            reader.hint(packet)
    return slow
