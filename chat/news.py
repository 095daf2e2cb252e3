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

import hiredis
import structlog
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from chat.errors import ChatError

PING_S: Final = 1.0
"""A connection that is silent for three of these is dead, however open it looks."""
SILENT_S: Final = 3.0
_BEAT: Final = b"ao:chat:beat"
"""A channel that nobody publishes on. Subscribing to it again and again shows that the connection lives."""
_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 0.5
_CHANNELS_PER_COMMAND: Final = 500
_RESP3_ONLY: Final = ("maint_", "oss_", "orig_")
"""Parameters by which redis-py hears of failovers that managed services plan; they need RESP3."""
_READ_BYTES: Final = 64 * 1024

_log = structlog.get_logger(__name__)


class News:
    """Subscribes to channels and says what arrives. ``counters`` counts lost connections."""

    def __init__(
        self,
        redis: "Redis",
        *,
        on_news: Callable[[str, bytes], None],
        on_lost: Callable[[], None],
        on_ready: Callable[[], Awaitable[None]],
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._pool = redis.connection_pool
        self._on_news = on_news
        self._on_lost = on_lost
        self._on_ready = on_ready
        self._wanted: set[str] = set()
        self._confirmed: dict[str, asyncio.Future[None]] = {}
        self._connection: Any = None
        self._stream: Any = None
        self._parser: Any = None
        self._tasks: list[asyncio.Task[None]] = []
        self._sending = asyncio.Lock()
        self._leaving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._ping())]

    async def stop(self) -> None:
        """Close the connection."""
        tasks = {*self._tasks, *([self._leaving] if self._leaving else [])}
        while tasks:
            for task in tasks:
                task.cancel()
            _, tasks = await asyncio.wait(tasks, timeout=0.1)
        await self._disconnect()

    async def subscribe(self, channel: str) -> None:
        """Returns once news of the channel arrive; until ``unsubscribe`` they do, across lost connections too."""
        if channel in self._wanted and channel not in self._confirmed:
            return
        self._wanted.add(channel)
        future = self._confirmed.get(channel)
        if future is None:
            future = asyncio.get_running_loop().create_future()
            self._confirmed[channel] = future
            await self._send("SSUBSCRIBE", channel)
        try:
            await asyncio.wait_for(asyncio.shield(future), SILENT_S)
        except TimeoutError:
            raise ChatError("chat_unavailable") from None

    def unsubscribe(self, channels: Iterable[str]) -> None:
        """No more news of these."""
        gone = [channel for channel in channels if channel in self._wanted]
        for channel in gone:
            self._wanted.discard(channel)
            self._confirmed.pop(channel, None)
        if gone:
            self._leaving = asyncio.get_running_loop().create_task(self._leave(self._leaving, gone))

    async def _leave(self, before: "asyncio.Task[None] | None", channels: list[str]) -> None:
        if before is not None:
            await before
        gone = [channel for channel in channels if channel not in self._wanted]
        if gone:
            await self._send("SUNSUBSCRIBE", *gone)

    async def _send(self, *command: str) -> None:
        """Send on the connection there is; without one, the next subscribes to everything that is wanted."""
        connection = self._connection
        if connection is None or not connection.is_connected:  # redis-py would connect anew, without subscriptions
            return
        try:
            async with self._sending:
                await connection.send_command(*command, check_health=False)
        except (RedisError, OSError, RuntimeError):
            return  # the reading side notices as well, and reconnects

    async def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._connect()
                pause_s = _FIRST_PAUSE_S
                await self._listen()
            except (RedisError, OSError, ChatError) as error:
                self.counters["connection_lost"] += 1
                _log.warning("chat_news_lost", error=type(error).__name__)
            except Exception as error:  # the loop outlives any fault: without it this front's readers get nothing
                self.counters["news_failed"] += 1
                _log.error("chat_news_failed", error=type(error).__name__, where=_where(error))
            self._on_lost()
            await self._disconnect()
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _connect(self) -> None:
        # RESP2, where news are plain answers; the pool's other connections may speak RESP3.
        given = self._pool.connection_kwargs.items()
        values = {name: value for name, value in given if not name.startswith(_RESP3_ONLY)}
        values |= {"protocol": 2, "socket_timeout": SILENT_S}
        connection: Any = self._pool.connection_class(**values)
        await connection.connect()
        for channel in self._wanted:
            if channel not in self._confirmed:
                self._confirmed[channel] = asyncio.get_running_loop().create_future()
        wanted = sorted(self._wanted)
        self._connection = connection
        for start in range(0, len(wanted), _CHANNELS_PER_COMMAND):
            await self._send("SSUBSCRIBE", *wanted[start : start + _CHANNELS_PER_COMMAND])
        self._stream = connection._reader  # noqa: SLF001  # redis-py has no public way to read many answers at once
        self._parser = hiredis.Reader()
        while any(channel in self._confirmed for channel in wanted):
            await self._read()
        await self._on_ready()

    async def _listen(self) -> None:
        while True:
            await self._read()
            await asyncio.sleep(0)  # everything else of the process has its turn

    async def _read(self) -> None:
        """Many news at a turn: what redis-py does around each answer would cost more than the news themselves."""
        async with asyncio.timeout(SILENT_S):
            data = await self._stream.read(_READ_BYTES)
        if not data:
            raise RedisConnectionError("closed by the server")
        self._parser.feed(data)
        while (message := self._parser.gets()) is not False:
            if isinstance(message, Exception):
                raise RedisError("refused by the server")
            self._take(message)

    def _take(self, message: Any) -> None:
        if not isinstance(message, list) or not message:
            return
        kind = message[0]
        if kind == b"smessage":
            self._on_news(message[1].decode(), message[2])
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
            await self._send("SSUBSCRIBE", _BEAT.decode())

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):  # gone is gone
                await connection.disconnect(nowait=True)


def _where(error: BaseException) -> str:
    """File and line where an exception arose; its text may hold personal data and is not logged."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
