"""One WebSocket under Socket.IO, guarded: what python-socketio and engineio leave open is closed here.

They queue without bound for a slow reader, let any frame reach the packet parsers (whose errors end in
tracebacks or in sockets that linger), start a task per message, and compress each socket with its own zlib
state. Here a frame is checked before they see it, messages of one socket are handled one after the other
(TCP then slows a hasty client down), unsent messages are bounded, and nothing is compressed (a broadcast is
encoded once; a decompression bomb cannot be sent).
"""

import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final, Protocol

import engineio
import engineio.exceptions
import msgpack
import socketio
from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.http_websocket import WebSocketError
from engineio import packet as engine_packet
from engineio.async_drivers import aiohttp as aiohttp_driver
from socketio.msgpack_packet import MsgPackPacket

from signalling.heartbeat import Heartbeat
from signalling.metrics import FrontMetrics
from signalling.requests import client_address
from signalling.settings import FrontSettings
from signalling.socket_gate import Outlets, SocketGate
from signalling.token_bucket import TokenBucket

ENVIRON_KEY: Final = "alltid.connection"
FRAMES_PER_MESSAGE: Final = 2.5
"""Frames allowed for each message allowed: a client that goes over the message limit is told so first."""
CLOSE_GRACE_S: Final = 2.0
"""Time for a client to close after it was told to; then the connection is cut."""
RESERVED_EVENTS: Final = frozenset({"connect", "disconnect", "message", "*"})
"""Names python-socketio treats as its own; a client that sent ``disconnect`` as an event would be believed."""

_NEVER_S: Final = 10.0**6
_PING_FRAME: Final = b"\x81\x012"
"""A WebSocket text message with an Engine.IO ping."""
_PONG: Final = "3"
_CONNECT, _DISCONNECT, _EVENT = 0, 1, 2


class MalformedFrameError(ValueError):
    """A frame that is not a Socket.IO packet of ours."""


@dataclass(frozen=True)
class Frame:
    """What a frame turned out to be: ``event`` is the name of a client event, else None."""

    event: str | None = None
    is_connect: bool = False
    payload: Any = None
    message_id: int | None = None
    """Of the acknowledgement that the client waits for."""


class Lane(Protocol):
    """Takes some client events off the way through python-socketio, whole: parse, handle, acknowledge."""

    def takes(self, event: str) -> bool:
        """Whether it handles this event."""

    async def take(self, connection: "Connection", frame: Frame) -> None:
        """Handle one; the socket's next frame waits for it."""

    def forget(self, connection: "Connection") -> None:
        """The socket is gone."""


def check_frame(data: bytes | str) -> Frame:
    """Check one WebSocket message; ``MalformedFrameError`` and no other exception when it is not ours.

    Text frames are Engine.IO control packets (1 close, 3 pong); binary frames are Socket.IO packets in
    MessagePack: connect, disconnect or event, in the namespace "/".
    """
    if isinstance(data, str):
        if data in ("1", "3"):
            return Frame()
        raise MalformedFrameError("text")
    try:
        packet = msgpack.unpackb(data, ext_hook=undefined_as_none)
    except Exception:  # msgpack raises half a dozen unrelated types (also RecursionError-like StackError)
        raise MalformedFrameError("msgpack") from None
    if not isinstance(packet, dict):
        raise MalformedFrameError("map")
    kind, body, message_id = packet.get("type"), packet.get("data"), packet.get("id")
    if type(kind) is not int or packet.get("nsp") != "/":
        raise MalformedFrameError("packet")
    if kind in (_CONNECT, _DISCONNECT):
        return Frame(is_connect=kind == _CONNECT)
    if kind != _EVENT:
        raise MalformedFrameError("type")
    if message_id is not None and (type(message_id) is not int or not 0 <= message_id < 2**53):
        raise MalformedFrameError("id")
    if not isinstance(body, list) or not 1 <= len(body) <= 2 or not isinstance(body[0], str):
        raise MalformedFrameError("event")
    if body[0] in RESERVED_EVENTS:
        raise MalformedFrameError("reserved")
    return Frame(body[0], payload=body[1] if len(body) == 2 else None, message_id=message_id)


def undefined_as_none(code: int, data: bytes) -> Any:
    """JavaScript's ``undefined``, which its MessagePack parser sends as extension 0, is our None."""
    return None if code == 0 else msgpack.ExtType(code, data)


class Connection:
    """The WebSocket of one socket; engineio uses it as its driver (``wait``, ``send``, ``close``)."""

    def __init__(self, handler: Any, engine: "Engine") -> None:
        self._handler = handler
        self._engine = engine
        self._settings = engine.settings
        self._metrics = engine.metrics
        self._request: web.Request | None = None
        self._timer: asyncio.TimerHandle | None = None
        rate = self._settings.messages_per_s * FRAMES_PER_MESSAGE
        self.frames = TokenBucket(rate, self._settings.messages_burst * FRAMES_PER_MESSAGE, time.monotonic())
        """Of this socket, whoever it is."""
        self._websocket = web.WebSocketResponse(
            max_msg_size=self._settings.max_message_bytes, compress=False, timeout=CLOSE_GRACE_S
        )
        self._is_connected = False
        self.gate: SocketGate | None = None
        """Before aiohttp's protocol, from the handshake on."""
        self._is_kept = False
        self._has_received = False
        self.closed_in_order = False
        """The client said goodbye: the page was closed, or the connection given up on purpose."""
        self.last_frame_bytes = 0
        """Size of the frame that is being handled."""
        self.address = ""
        """The client's network address."""

    async def __call__(self, environ: dict[str, Any]) -> web.WebSocketResponse:
        """Run the WebSocket until it ends."""
        self._request = environ["aiohttp.request"]
        environ[ENVIRON_KEY] = self
        transport = self._request.transport
        if transport is not None:
            self.gate = self._engine.gate(transport, self._request.protocol, self._websocket)
            transport.set_protocol(self.gate)
        await self._websocket.prepare(self._request)
        self.arm_join_timer()
        self._metrics.sockets.inc()
        self.address = address = client_address(self._request, self._settings.proxy_hops)
        self._engine.addresses[address] += 1
        self._engine.heartbeat.add(self)
        try:
            await self._handler(self)
        finally:
            self._engine.heartbeat.remove(self)
            self._metrics.sockets.dec()
            self._engine.addresses[address] -= 1
            if not self._engine.addresses[address]:
                del self._engine.addresses[address]
            self.disarm_join_timer()
            if self._engine.lane is not None:
                self._engine.lane.forget(self)
        return self._websocket

    async def wait(self) -> bytes | str:
        """The next checked frame that python-socketio is to handle; ``OSError`` ends the socket."""
        lane = self._engine.lane
        while True:
            data = await self._receive()
            if data == _PONG:
                self._awaits_pong(False)
                continue
            try:
                frame = check_frame(data)
                self._check_order(frame)
            except MalformedFrameError:
                self.abort("malformed")
                raise OSError("malformed") from None
            if self.gate is not None and self.gate.in_flight:
                await self.gate.idle()  # what came before is answered first
            if lane is None or frame.event is None or not lane.takes(frame.event):
                return data
            await lane.take(self, frame)

    async def _receive(self) -> bytes | str:
        if self.gate is not None and self._has_received:
            self.gate.handled()
        message = await self._websocket.receive()
        if message.type in (WSMsgType.BINARY, WSMsgType.TEXT):
            self._has_received = True
            data: bytes | str = message.data
            self.last_frame_bytes = len(data)
            if not self.take_frame(time.monotonic()):
                raise OSError("flood")
            return data
        if message.type is WSMsgType.CLOSE:
            self.closed_in_order = True
        if message.type is WSMsgType.ERROR and isinstance(message.data, WebSocketError):
            oversize = message.data.code == WSCloseCode.MESSAGE_TOO_BIG
            self._metrics.sockets_closed.labels("oversize" if oversize else "malformed").inc()
        raise OSError("closed")

    def take_frame(self, now: float) -> bool:
        """Count a frame; one too many in too short a time, and the connection is cut."""
        if self.frames.take(now):
            return True
        self.abort("flood")
        return False

    # --- heartbeat (``signalling.heartbeat.Beating``) ------------------------------------------------------------

    @property
    def awaits_pong(self) -> bool:
        """Whether the last ping has not been answered yet; not known of a socket that is not read for the moment."""
        return self.gate is not None and self.gate.awaits_pong and not self.gate.is_held

    def ping(self) -> None:
        """Ask whether the client is there."""
        self._awaits_pong(True)
        self.write(_PING_FRAME)

    def lose(self) -> None:
        """It is not."""
        self.abort("silent")

    def _awaits_pong(self, awaits: bool) -> None:
        if self.gate is not None:
            self.gate.awaits_pong = awaits

    def _check_order(self, frame: Frame) -> None:
        """One connect packet, and it comes first."""
        if frame.is_connect and self._is_connected:
            raise MalformedFrameError("connected twice")
        if frame.event is not None and not self._is_connected:
            raise MalformedFrameError("event before connect")
        self._is_connected = self._is_connected or frame.is_connect

    async def send(self, message: bytes | str) -> None:
        """Send one frame; waits while the operating system's buffer is full."""
        if isinstance(message, bytes):
            await self._websocket.send_bytes(message)
        else:
            await self._websocket.send_str(message)

    def write(self, frame: bytes, unsent_limit: int = sys.maxsize) -> bool:
        """Write a whole WebSocket frame at the end of this turn; nothing when the connection is going or gone.

        False, and nothing is written, when the client has more than ``unsent_limit`` bytes not taken yet (beyond what
        the operating system holds).
        """
        return self.gate is None or self.gate.push(frame, unsent_limit)

    @property
    def request(self) -> web.Request:
        """The handshake."""
        if self._request is None:
            raise RuntimeError("not connected yet")
        return self._request

    async def close(self) -> None:
        """Close in order."""
        await self._websocket.close()

    def abort(self, cause: str) -> None:
        """Cut the connection at once; ``cause`` is counted."""
        self._metrics.sockets_closed.labels(cause).inc()
        self.cut()

    def cut_soon(self) -> None:
        """Cut the connection if the client does not close it within ``CLOSE_GRACE_S``."""
        self.disarm_join_timer()
        self._timer = asyncio.get_running_loop().call_later(CLOSE_GRACE_S, self.cut)

    def arm_join_timer(self, times: float = 1.0) -> None:
        """From now on the socket has ``join_timeout_s`` (so many times) to be in a room."""
        self.disarm_join_timer()
        if self._is_kept:
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(times * self._settings.join_timeout_s, self.abort, "join_timeout")

    def disarm_join_timer(self) -> None:
        """The socket is in a room, or on its way into one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def keep(self) -> None:
        """The socket is of use without being in a room."""
        self._is_kept = True
        self.disarm_join_timer()

    def cut(self) -> None:
        """Cut the connection at once."""
        if self._request is not None and self._request.transport is not None:
            self._request.transport.abort()


class Engine(engineio.AsyncServer):  # type: ignore[misc]
    """engineio's server with guarded sockets and bounded queues. Set ``settings`` and ``metrics`` after creation."""

    settings: FrontSettings
    metrics: FrontMetrics

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._async = dict(aiohttp_driver._async, websocket=Connection)  # noqa: SLF001  # the driver table has no setter
        self.connections: dict[str, Connection] = {}
        self.lane: Lane | None = None
        self._outlets: Outlets | None = None
        self.addresses: Counter[str] = Counter()
        """Open sockets by client address."""
        self.heartbeat = Heartbeat(self.ping_interval + self.ping_interval_grace_period, self.ping_timeout)

    def start_background_task(self, target: Any, *args: Any, **values: Any) -> Any:
        """As engineio's, but for its pings: those are ``Heartbeat``'s."""
        if getattr(target, "__name__", "") == "_send_ping":
            return None
        return super().start_background_task(target, *args, **values)

    def gate(self, transport: Any, protocol: Any, websocket: Any) -> SocketGate:
        """What stands between a transport and aiohttp's protocol."""
        loop = asyncio.get_running_loop()
        if self._outlets is None:
            self._outlets = Outlets(loop)
        return SocketGate(transport, protocol, websocket, self._outlets, loop)

    async def send_packet(self, sid: str, pkt: Any) -> None:
        """Queue a packet for a socket; a socket that reads too slowly is cut instead."""
        socket = self.sockets.get(sid)
        if socket is None or socket.closed:
            return
        connection = self.connections.get(sid)
        if connection is not None and socket.queue.qsize() >= self.settings.max_queued_messages:
            del self.connections[sid]
            connection.abort("slow_reader")
            return
        try:
            await socket.send(pkt)
        except engineio.exceptions.SocketIsClosedError:
            return


class SocketServer(socketio.AsyncServer):  # type: ignore[misc]
    """python-socketio's server on the guarded engine: MessagePack, WebSocket only, one message at a time."""

    def __init__(self, settings: FrontSettings, metrics: FrontMetrics, logger: Any) -> None:
        self._own_origins = frozenset(origin for origin in settings.allowed_origins.split(",") if origin)
        super().__init__(
            async_mode="aiohttp",
            serializer=MsgPackPacket.configure(ext_hook=undefined_as_none),
            transports=["websocket"],
            allow_upgrades=False,
            async_handlers=False,
            max_http_buffer_size=settings.max_message_bytes,
            # The second is added for what clients are told; for engineio itself silence is no cause to close.
            ping_interval=(_NEVER_S, settings.ping_interval_s - _NEVER_S),
            monitor_clients=False,
            ping_timeout=settings.ping_timeout_s,
            cors_allowed_origins=self.is_allowed_origin,
            cors_credentials=False,
            logger=logger,
            engineio_logger=logger,
        )
        self.eio.settings = settings
        self.eio.metrics = metrics

    def _engineio_server_class(self) -> type[Engine]:
        return Engine

    def is_allowed_origin(self, origin: str, environ: dict[str, Any]) -> bool:
        """Pages of this host (whatever the scheme: a proxy may speak TLS for us) and those in the settings."""
        return origin in self._own_origins or origin.partition("://")[2] == environ.get("HTTP_HOST")

    def may_open(self, address: str) -> bool:
        """Whether one more socket of this address is accepted."""
        limit = self.eio.settings.max_sockets_per_address
        return not limit or self.eio.addresses[address] < limit

    def encode_event(self, event: str, payload: Any) -> Any:
        """An event as an Engine.IO packet, to be sent any number of times."""
        encoded = MsgPackPacket(data=[event, payload], namespace="/").encode()
        return engine_packet.Packet(engine_packet.MESSAGE, encoded)

    async def send_encoded(self, engine_id: str, packet: Any) -> None:
        """Send what ``encode_event`` made."""
        await self.eio.send_packet(engine_id, packet)
