"""The connection on which one front hears what happens in the conversations that its sockets read.

One sharded publish/subscribe channel per conversation (SSUBSCRIBE, Redis 7.0), all on one connection; the scripts that
append publish in the same step. Against a blocking XREAD over all streams this costs the store and the front nothing
per conversation that is silent, and against an inbox per front it needs no second write that could be lost between
two slots of a cluster. What publish/subscribe does not promise, delivery across a lost connection, the numbers of the
events do: after every reconnection ``on_ready`` has each feed read what it lacks (``chat/feed.py``).
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from chat.errors import ChatError
from chat.raw_link import TIMEOUT_S, RawLink

PING_S: Final = 1.0
"""A connection that is silent for three of these is dead, however open it looks."""
SILENT_S: Final = TIMEOUT_S
_BEAT: Final = b"ao:chat:beat"
"""A channel that nobody publishes on. Subscribing to it again and again shows that the connection lives."""
_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 0.5
_CHANNELS_PER_COMMAND: Final = 500

_log = structlog.get_logger(__name__)


class News:
    """Subscribes to channels and says what arrives. ``counters`` counts lost connections.

    ``hear``: takes what it knows out of the answers of a turn, and gives everything else to a function, in its order.
    ``on_news``: channel and payload of each that it left; ``on_turn``: after those that came at the same time.
    """

    def __init__(
        self,
        redis: "Redis",
        *,
        hear: Callable[[list[Any], Callable[[Any], None]], None],
        on_news: Callable[[bytes, bytes], None],
        on_turn: Callable[[], None],
        on_lost: Callable[[], None],
        on_ready: Callable[[], Awaitable[None]],
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._link = RawLink(redis, self._on_answers)
        self._hear = hear
        self._on_news = on_news
        self._on_turn = on_turn
        self._on_lost = on_lost
        self._on_ready = on_ready
        self._wanted: set[str] = set()
        self._confirmed: dict[str, asyncio.Future[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to listen."""
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._ping())]

    async def stop(self) -> None:
        """Close the connection."""
        tasks = set(self._tasks)
        while tasks:
            for task in tasks:
                task.cancel()
            _, tasks = await asyncio.wait(tasks, timeout=0.1)
        await self._link.close()

    def reset(self) -> None:
        """Lose the connection: everything is listened to anew, and what was missed is read."""
        self._link.fail(RedisConnectionError("told to connect again"))

    async def subscribe(self, channel: str) -> None:
        """Returns once news of the channel arrive; until ``unsubscribe`` they do, across lost connections too."""
        if channel in self._wanted and channel not in self._confirmed:
            return
        self._wanted.add(channel)
        future = self._confirmed.get(channel)
        if future is None:
            future = asyncio.get_running_loop().create_future()
            self._confirmed[channel] = future
            self._send("SSUBSCRIBE", channel)
        try:
            await asyncio.wait_for(asyncio.shield(future), SILENT_S)
        except TimeoutError:
            raise ChatError("chat_unavailable") from None

    def unsubscribe(self, channels: Iterable[str]) -> None:
        """No more news of these."""
        gone = [channel for channel in channels if channel in self._wanted]
        for channel in gone:
            self._wanted.discard(channel)
            future = self._confirmed.pop(channel, None)
            if future is not None and not future.done():
                future.set_result(None)  # nobody need wait for it any more
        if gone:
            self._send("SUNSUBSCRIBE", *gone)

    def _send(self, *command: str) -> None:
        """Send on the connection there is; without one, the next subscribes to everything that is wanted."""
        with contextlib.suppress(RedisError):  # the reading side notices as well, and reconnects
            self._link.write([command])

    async def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._link.open()
                wanted = self._subscribe_all()
                ready = asyncio.create_task(self._get_ready(wanted))
                try:
                    await self._link.watch(lambda: 0.0)  # each beat is answered
                finally:
                    ready.cancel()
                    if ready.done() and not ready.cancelled() and ready.exception() is None:
                        pause_s = _FIRST_PAUSE_S
            except (RedisError, OSError, ChatError) as error:
                self.counters["connection_lost"] += 1
                _log.warning("chat_news_lost", error=type(error).__name__)
            except Exception as error:  # the loop outlives any fault: without it this front's readers get nothing
                self.counters["news_failed"] += 1
                _log.error("chat_news_failed", error=type(error).__name__, where=_where(error))
            self._on_lost()
            await self._link.close()
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _subscribe_all(self) -> "list[asyncio.Future[None]]":
        for channel in self._wanted:
            if channel not in self._confirmed:
                self._confirmed[channel] = asyncio.get_running_loop().create_future()
        wanted = sorted(self._wanted)
        for start in range(0, len(wanted), _CHANNELS_PER_COMMAND):
            self._send("SSUBSCRIBE", *wanted[start : start + _CHANNELS_PER_COMMAND])
        return [self._confirmed[channel] for channel in wanted]

    async def _get_ready(self, subscribed: "list[asyncio.Future[None]]") -> None:
        """Once everything is listened to: what was missed meanwhile."""
        try:
            if subscribed:
                await asyncio.wait(subscribed)
            await self._on_ready()
        except Exception as error:
            self._link.fail(error)
            raise

    def _on_answers(self, answers: list[Any]) -> None:
        try:
            self._hear(answers, self._take)
        finally:
            self._on_turn()

    def _take(self, message: Any) -> None:
        if isinstance(message, Exception):
            raise message
        if not isinstance(message, list) or not message:
            return
        kind = message[0]
        if kind == b"smessage":
            self._on_news(message[1], message[2])
        elif kind == b"ssubscribe" and message[1] == _BEAT:
            # The answer counts this connection's channels. Fewer than were confirmed: it is not the one it was.
            if message[2] <= len(self._wanted) - len(self._confirmed):
                raise RedisConnectionError("subscriptions are gone")
        elif kind == b"ssubscribe":
            future = self._confirmed.pop(message[1].decode(), None)
            if future is not None and not future.done():
                future.set_result(None)

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_S)
            self._send("SSUBSCRIBE", _BEAT.decode())


def _where(error: BaseException) -> str:
    """File and line where an exception arose; its text may hold personal data and is not logged."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
