"""The least that chat can cost without a store: a WebSocket server that acknowledges and broadcasts the same bytes.

``python -m loadtest.bare_chat`` prints its port. It speaks just enough of Socket.IO for ``loadtest.chat_client``;
a conversation is whatever name a socket gave. Nothing is checked, stored or numbered.
"""

import asyncio
import sys
from collections import defaultdict
from typing import Any

import msgpack
import uvloop
from aiohttp import WSMsgType, web

_EVENT, _ACK = 2, 3


class BareChat:
    """All sockets by the conversation that they opened."""

    def __init__(self) -> None:
        self._readers: dict[str, set[web.WebSocketResponse]] = defaultdict(set)
        self._sent = 0

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One socket."""
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        await socket.send_str("0{}")
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                await self._packet(socket, msgpack.unpackb(message.data))
        for readers in self._readers.values():
            readers.discard(socket)
        return socket

    async def _packet(self, socket: web.WebSocketResponse, packet: dict[str, Any]) -> None:
        if packet["type"] != _EVENT:
            await socket.send_bytes(msgpack.packb({"type": 0, "data": {"sid": "x"}, "nsp": "/"}))
            return
        event, payload = packet["data"]
        reply: dict[str, Any] = {"ok": True}
        if event == "chat_resume":
            for position in payload["positions"]:
                self._readers[position["conversation_id"]].add(socket)
        elif event == "chat_send":
            self._sent += 1
            reply |= {"seq": self._sent, "at_ms": 1_800_000_000_000, "repeated": False}
        await socket.send_bytes(msgpack.packb({"type": _ACK, "data": [reply], "nsp": "/", "id": packet["id"]}))
        if event == "chat_send":
            await self._broadcast(payload)

    async def _broadcast(self, payload: dict[str, Any]) -> None:
        shown = {
            "conversation_id": payload["conversation_id"],
            "seq": self._sent,
            "at_ms": 1_800_000_000_000,
            "kind": "message",
            "author": "abcdefghijklmnopqrst",
            "author_name": "sender",
            "author_role": "patient",
            "client_id": payload["client_id"],
            "target": 0,
            "body": {"text": payload["text"]},
            "withdrawn": False,
        }
        data = msgpack.packb({"type": _EVENT, "data": ["chat_event", shown], "nsp": "/"})
        for reader in tuple(self._readers[payload["conversation_id"]]):
            try:
                await reader.send_bytes(data)
            except ConnectionError:
                self._readers[payload["conversation_id"]].discard(reader)


async def _run() -> None:
    chat = BareChat()
    app = web.Application()
    app.router.add_get("/socket.io/", chat.serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_run())
