"""A lean client of the wire protocol's chat: Socket.IO over WebSocket on a plain asyncio protocol.

One object per socket and no task, so that one process holds thousands. It knows the protocol, not the server's code.
It is strict about what it gets: anything unexpected ends the connection (``ChatLinkError``).
"""

import asyncio
import base64
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, cast

import msgpack

HANDSHAKE_S: Final = 10.0
_CONNECT, _EVENT, _ACK = 0, 2, 3
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10

OnEvent = Callable[[str, Any], None]


class ChatLinkError(Exception):
    """The connection ended, or the server did not follow the protocol."""


class ChatRefusedError(Exception):
    """The server answered with an error."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def masked_frame(payload: bytes, opcode: int = _BINARY) -> bytes:
    """A WebSocket message as a client sends it (RFC 6455 section 5.2).

    Masked with zeros: what masking is for (section 10.3) does not concern a load generator.
    """
    length = len(payload)
    if length < 126:
        head = bytes((128 | opcode, 128 | length))
    elif length < 65536:
        head = bytes((128 | opcode, 254)) + length.to_bytes(2, "big")
    else:
        head = bytes((128 | opcode, 255)) + length.to_bytes(8, "big")
    return head + bytes(4) + payload


class ChatLink(asyncio.Protocol):
    """One socket. ``on_event`` gets what the server sends unasked; ``on_lost`` is called once at the end."""

    def __init__(self, on_event: OnEvent, on_lost: Callable[[], None] | None = None, cookie: str = "") -> None:
        self._cookie = cookie
        self._on_event = on_event
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._is_upgraded = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._next_id = 0
        self.is_open = False
        self.cut_after_bytes: int | None = None
        """When set, the next frame is written only so far, and the connection is cut there."""

    # --- for the one who uses it -------------------------------------------------------------------------------

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        on_event: OnEvent,
        on_lost: Callable[[], None] | None = None,
        *,
        cookie: str = "",
    ) -> "ChatLink":
        """A socket that is connected to the namespace; ``ChatLinkError`` or ``OSError`` otherwise.

        ``cookie``: what a browser that is logged in sends.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                _, link = await loop.create_connection(lambda: cls(on_event, on_lost, cookie), host, port)
                try:
                    await link.ready
                except BaseException:
                    link.cut()
                    raise
        except TimeoutError:
            raise ChatLinkError("handshake") from None
        return link

    async def ask(self, event: str, payload: Mapping[str, Any], timeout_s: float = 10.0) -> dict[str, Any]:
        """Send an event and wait for its acknowledgement."""
        try:
            async with asyncio.timeout(timeout_s):
                reply = await self.send(event, payload)
        except TimeoutError:
            raise ChatLinkError("no acknowledgement") from None
        if not reply["ok"]:
            raise ChatRefusedError(reply["error"]["code"])
        return reply

    def send(self, event: str, payload: Mapping[str, Any]) -> "asyncio.Future[dict[str, Any]]":
        """Send an event; its acknowledgement, whatever it says."""
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        if not self.is_open:
            future.set_exception(ChatLinkError("closed"))
            return future
        self._next_id += 1
        self._replies[self._next_id] = future
        packet = {"type": _EVENT, "data": [event, payload], "nsp": "/", "id": self._next_id}
        self._write(_BINARY, msgpack.packb(packet))
        return future

    def cut(self) -> None:
        """Lose the network: no goodbye."""
        if self._transport is not None:
            self._transport.abort()

    def handle(self) -> int:
        """The socket's file descriptor, for who reads it while it is paused."""
        if self._transport is None:
            raise ChatLinkError("closed")
        return int(self._transport.get_extra_info("socket").fileno())

    def pause(self) -> None:
        """Read nothing for now."""
        with suppress(RuntimeError):
            if self._transport is not None and self.is_open:
                self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        with suppress(RuntimeError):
            if self._transport is not None and self.is_open:
                self._transport.resume_reading()

    # --- asyncio.Protocol --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade (RFC 6455 section 4.1)."""
        self._transport = cast("asyncio.Transport", transport)
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        )
        if self._cookie:
            request += f"Cookie: {self._cookie}\r\n"
        self._transport.write(f"{request}\r\n".encode())

    def data_received(self, data: bytes) -> None:
        """Whatever came: the answer to the upgrade, then frames."""
        self._buffer += data
        try:
            if not self._is_upgraded:
                end = self._buffer.find(b"\r\n\r\n")
                if end < 0:
                    return
                if not self._buffer.startswith(b"HTTP/1.1 101"):
                    raise ChatLinkError("not upgraded")
                del self._buffer[: end + 4]
                self._is_upgraded = True
            self._frames()
        except (ChatLinkError, ValueError, KeyError, TypeError) as error:
            self._fail(error)
            self.cut()

    def connection_lost(self, _error: Exception | None) -> None:
        """The end."""
        self.is_open = False
        self._fail(ChatLinkError("lost"))
        if self._on_lost is not None:
            self._on_lost()
            self._on_lost = None

    # --- frames ------------------------------------------------------------------------------------------------

    def _frames(self) -> None:
        buffer, start = self._buffer, 0
        while len(buffer) - start >= 2:
            opcode, length, head = buffer[start] & 15, buffer[start + 1], 2
            if not buffer[start] & 128 or length & 128:
                raise ChatLinkError("fragmented or masked")
            if length >= 126:
                head = 4 if length == 126 else 10
                if len(buffer) - start < head:
                    break
                length = int.from_bytes(buffer[start + 2 : start + head], "big")
            if len(buffer) - start < head + length:
                break
            payload = bytes(buffer[start + head : start + head + length])
            start += head + length
            self._frame(opcode, payload)
        del buffer[:start]

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == _BINARY:
            self._packet(msgpack.unpackb(payload))
        elif opcode == _TEXT and payload[:1] == b"0":  # Engine.IO open: connect to the namespace
            self._write(_BINARY, msgpack.packb({"type": _CONNECT, "data": None, "nsp": "/"}))
        elif opcode == _TEXT and payload[:1] == b"2":  # Engine.IO ping
            self._write(_TEXT, b"3")
        elif opcode == _PING:
            self._write(_PONG, payload)
        elif opcode == _CLOSE:
            self.cut()

    def _packet(self, packet: Any) -> None:
        kind = packet["type"]
        if kind == _EVENT:
            name, payload = packet["data"]
            self._on_event(name, payload)
        elif kind == _ACK:
            future = self._replies.pop(packet["id"], None)
            if future is not None and not future.done():
                future.set_result(packet["data"][0])
        elif kind == _CONNECT:
            self.is_open = True
            if not self.ready.done():
                self.ready.set_result(None)

    def _write(self, opcode: int, payload: bytes) -> None:
        frame = masked_frame(payload, opcode)
        if self._transport is None:
            return
        if self.cut_after_bytes is not None:
            self._transport.write(frame[: self.cut_after_bytes])
            self._transport.close()
            return
        self._transport.write(frame)

    def _fail(self, error: Exception) -> None:
        waiting: list[asyncio.Future[Any]] = [self.ready, *self._replies.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(error if isinstance(error, ChatLinkError) else ChatLinkError(str(error)))
                future.exception()  # whoever does not wait for it is not told
        self._replies.clear()
