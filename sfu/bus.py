"""Requests and events between our processes: one Redis list per process, read by that process alone.

A process reads ``ao:inbox:<process_id>`` (BLPOP) and writes to others' (RPUSH). Messages are MessagePack maps:

==========  ============================================================
request     ``{"t": "req", "id", "from", "m": method, "p": parameters}``
reply       ``{"t": "rep", "id", "ok": true, "r": result}``, or ``"ok": false, "e": {"code", "message"}``
event       ``{"t": "evt", "from", "m": event, "p": data}``
==========  ============================================================

Lists, not publish/subscribe: a message sent while the reader reconnects is not lost, and one process writes to
one other without every process reading it. Order holds: everything a process sends leaves through one queue and
one connection. Inboxes are bounded in length and in time, so that a dead process costs nothing.
Commands are those of Redis 7.0.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import msgpack
import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

RPC_TIMEOUT_S: Final = 5.0
"""A join takes milliseconds; after this long a person at a screen is better told than kept waiting."""
INBOX_MAX_MESSAGES: Final = 10_000
"""The newest that an inbox keeps; a reader this far behind is as good as dead."""
INBOX_EXPIRY_S: Final = 60
"""After the last write an unread inbox vanishes; well above the heartbeat's expiry."""
OUTBOX_MAX_MESSAGES: Final = 20_000
"""Messages waiting for Redis to come back; more are refused rather than held in memory."""
MESSAGE_MAX_BYTES: Final = 4 * 1024 * 1024
"""An offer and its answer are far below; a larger element is not one of ours."""
_BATCH: Final = 128
_BLOCK_S: Final = 1.0
_SOCKET_TIMEOUT_S: Final = 3.0
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 1.0

_log = structlog.get_logger(__name__)

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
OnReply = Callable[[Any], None]
OnEvent = Callable[[str, dict[str, Any]], Awaitable[None] | None]


class RpcError(Exception):
    """A request that was refused, or that nobody answered (``worker_timeout``)."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


def connect(url: str) -> "Redis":
    """A Redis client (``redis://``, ``rediss://`` or ``unix://``) whose worst stall is known.

    One repeat after a broken connection, none after a timeout: redis-py's default policy turns a timeout of one
    second into fourteen. Longer outages are bridged by the loops that use the client.
    """
    redis = _Client.from_url(
        url,
        socket_timeout=_SOCKET_TIMEOUT_S,
        socket_connect_timeout=_SOCKET_TIMEOUT_S,
        retry=Retry(ConstantBackoff(0.05), 1, supported_errors=(RedisConnectionError,)),
    )
    redis.connection_pool.connection_class = _honest(redis.connection_pool.connection_class)
    return redis


class _Client(Redis):
    """A client that stays closed.

    redis-py opens a connection for whatever comes after ``aclose``, and again for a command that was on its way then
    (it repeats it): sockets that nobody closes any more.
    """

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        setattr(self.connection_pool.connection_class, "is_over", True)  # noqa: B010 (the class is made below)
        await super().aclose(close_connection_pool)


def _honest(base: Any) -> Any:
    """A connection whose loss is a ``ConnectionError`` always; and so is the attempt to connect once ``is_over``.

    redis-py writes to a transport that was closed meanwhile; uvloop answers with ``RuntimeError``, which redis-py lets
    through, and loops that wait for a server to come back would end.
    """

    class HonestConnection(base):  # type: ignore[misc]
        is_over = False

        async def _connect(self) -> None:
            if not self.is_over:
                await super()._connect()
            if self.is_over:  # perhaps since it began to connect
                await self.disconnect(nowait=True)
                raise RedisConnectionError("the client was closed")

        async def send_packed_command(self, *arguments: Any, **options: Any) -> None:
            try:
                await super().send_packed_command(*arguments, **options)
            except (RuntimeError, AttributeError):  # AttributeError: redis-py's own, of a connection closed meanwhile
                await self.disconnect(nowait=True)
                raise RedisConnectionError("the connection was closed") from None

        async def read_response(self, *arguments: Any, **options: Any) -> Any:
            try:
                return await super().read_response(*arguments, **options)
            except (RuntimeError, AttributeError):  # AttributeError: redis-py's own, of a connection closed meanwhile
                await self.disconnect(nowait=True)
                raise RedisConnectionError("the connection was closed") from None

    return HonestConnection


def inbox_key(process_id: str) -> str:
    """The Redis key of a process's inbox."""
    return f"ao:inbox:{process_id}"


class Bus:
    """One process's end of the bus.

    ``handlers`` answer requests: those about one room (``room_id`` in the parameters) run one after the other in
    the order of arrival, those of different rooms side by side. ``on_event`` gets events one at a time, in order.
    ``counters`` counts what was dropped, by cause.
    """

    def __init__(
        self,
        redis: "Redis",
        process_id: str,
        *,
        handlers: Mapping[str, Handler] | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        self.process_id = process_id
        self.counters: Counter[str] = Counter()
        self._redis = redis
        self._handlers = dict(handlers or {})
        self._on_event = on_event
        self._message_ids = itertools.count(1)
        self._waiting: dict[int, tuple[asyncio.Future[dict[str, Any]], OnReply | None]] = {}
        self._outbox: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(OUTBOX_MAX_MESSAGES)
        self._room_tails: dict[str, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Empty the inbox of what was meant for an earlier life of this process, and begin to read and write."""
        await self._redis.delete(inbox_key(self.process_id))
        self._loops = [asyncio.create_task(self._read_loop()), asyncio.create_task(self._write_loop())]

    async def stop(self) -> None:
        """Send what is queued (as far as Redis takes it within a second), then stop everything."""
        if not self._loops:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._outbox.join(), 1.0)
        tasks = {*self._loops, *self._running}
        self._loops = []
        while tasks:
            for task in tasks:
                task.cancel()
            # Again and again: a cancellation that meets a connection being opened can be swallowed on the way.
            _, tasks = await asyncio.wait(tasks, timeout=0.1)
        for future, _ in self._waiting.values():
            if not future.done():
                future.cancel()
        self._waiting.clear()
        with suppress(RedisError):
            await self._redis.delete(inbox_key(self.process_id))

    async def call(
        self,
        process_id: str,
        method: str,
        params: Mapping[str, Any],
        timeout_s: float = RPC_TIMEOUT_S,
        *,
        on_reply: OnReply | None = None,
    ) -> dict[str, Any]:
        """Ask a process; its result, or ``RpcError`` with its code (``worker_timeout`` when no answer comes).

        ``on_reply`` is called with a good result at once, before the next message of the inbox is looked at:
        events that the answering process sent after its reply find what it prepared.
        """
        message_id = next(self._message_ids)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[message_id] = (future, on_reply)
        request = {"t": "req", "id": message_id, "from": self.process_id, "m": method, "p": dict(params)}
        try:
            self._send(process_id, request)
            return await asyncio.wait_for(future, timeout_s)
        except TimeoutError:
            self.counters["call_timeout"] += 1
            raise RpcError("worker_timeout", f"no answer to {method}") from None
        finally:
            self._waiting.pop(message_id, None)

    async def emit(self, process_id: str, event: str, data: Mapping[str, Any]) -> None:
        """Tell a process something. Returns once queued; events from here arrive there in order."""
        self.emit_soon(process_id, event, data)

    def emit_soon(self, process_id: str, event: str, data: Mapping[str, Any]) -> None:
        """``emit`` for callers that cannot await."""
        try:
            self._send(process_id, {"t": "evt", "from": self.process_id, "m": event, "p": dict(data)})
        except RpcError:
            self.counters["event_dropped_outbox_full"] += 1

    # --- writing -----------------------------------------------------------------------------------------------

    def _send(self, process_id: str, message: dict[str, Any]) -> None:
        try:
            self._outbox.put_nowait((process_id, msgpack.packb(message)))
        except asyncio.QueueFull:
            raise RpcError("worker_timeout", "the bus is down") from None

    async def _write_loop(self) -> None:
        pause_s = _FIRST_PAUSE_S
        batch: list[tuple[str, bytes]] = []
        while True:
            if not batch:
                batch.append(await self._outbox.get())
                while len(batch) < _BATCH and not self._outbox.empty():
                    batch.append(self._outbox.get_nowait())
            try:
                await self._push(batch)
            except (RedisError, OSError) as error:
                self.counters["write_failed"] += 1
                _log.warning("bus_write_failed", error=type(error).__name__)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            pause_s = _FIRST_PAUSE_S
            for _ in batch:
                self._outbox.task_done()
            batch.clear()

    async def _push(self, batch: list[tuple[str, bytes]]) -> None:
        """One round trip for the whole batch; within it, everything for one inbox in one RPUSH."""
        by_process: dict[str, list[bytes]] = {}
        for process_id, message in batch:
            by_process.setdefault(process_id, []).append(message)
        async with self._redis.pipeline(transaction=False) as pipeline:
            for process_id, messages in by_process.items():
                key = inbox_key(process_id)
                pipeline.rpush(key, *messages)
                pipeline.ltrim(key, -INBOX_MAX_MESSAGES, -1)
                pipeline.expire(key, INBOX_EXPIRY_S)
            await pipeline.execute()

    # --- reading -----------------------------------------------------------------------------------------------

    async def _read_loop(self) -> None:
        key = inbox_key(self.process_id)
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                first = await self._redis.blpop([key], timeout=_BLOCK_S)
                if first is None:
                    continue
                rest = await self._redis.lpop(key, _BATCH) or []
            except (RedisError, OSError) as error:
                self.counters["read_failed"] += 1
                _log.warning("bus_read_failed", error=type(error).__name__)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            pause_s = _FIRST_PAUSE_S
            for element in [first[1], *rest]:
                await self._receive(element)

    async def _receive(self, element: bytes) -> None:
        """Act on one message; whatever stands in it, nothing is raised."""
        try:
            if len(element) > MESSAGE_MAX_BYTES:
                raise ValueError("oversize")
            message = msgpack.unpackb(element)
            kind = message["t"]
            if kind == "rep":
                self._settle(message)
            elif kind == "req":
                self._serve(message["from"], message["id"], message["m"], message["p"])
            elif kind == "evt" and self._on_event is not None:
                result = self._on_event(message["m"], message["p"])
                if result is not None:
                    await result
            else:
                self.counters["message_unknown"] += 1
        except Exception as error:  # the loop outlives any message and any handler
            self.counters["message_failed"] += 1
            _log.error("bus_message_failed", error=type(error).__name__, where=_where(error))

    def _settle(self, reply: dict[str, Any]) -> None:
        future, on_reply = self._waiting.get(reply["id"], (None, None))
        if future is None or future.done():
            self.counters["reply_late"] += 1
        elif reply["ok"]:
            future.set_result(reply["r"])
            if on_reply is not None:
                on_reply(reply["r"])
        else:
            future.set_exception(RpcError(str(reply["e"]["code"]), str(reply["e"]["message"])))

    def _serve(self, caller: str, message_id: int, method: str, params: dict[str, Any]) -> None:
        room_id = params.get("room_id")
        before = self._room_tails.get(room_id) if isinstance(room_id, str) else None
        task = asyncio.create_task(self._answer(before, caller, message_id, method, params))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        if isinstance(room_id, str):
            self._room_tails[room_id] = task
            task.add_done_callback(lambda done: self._forget_tail(room_id, done))

    def _forget_tail(self, room_id: str, done: asyncio.Task[None]) -> None:
        if self._room_tails.get(room_id) is done:
            del self._room_tails[room_id]

    async def _answer(
        self, before: asyncio.Task[None] | None, caller: str, message_id: int, method: str, params: dict[str, Any]
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        reply: dict[str, Any] = {"t": "rep", "id": message_id, "ok": False}
        try:
            handler = self._handlers.get(method)
            if handler is None:
                raise RpcError("internal", f"no such method: {method}")
            reply["r"] = await handler(params)
            reply["ok"] = True
        except RpcError as error:
            reply["e"] = {"code": error.code, "message": error.message}
        except Exception as error:  # a caller gets a code, never a traceback
            self.counters["handler_failed"] += 1
            _log.error("bus_handler_failed", method=method, error=type(error).__name__, where=_where(error))
            reply["e"] = {"code": "internal", "message": "the request failed"}
        with suppress(RpcError):
            self._send(caller, reply)


def _where(error: BaseException) -> str:
    """File and line where an exception arose; its text may hold personal data and is not logged."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
