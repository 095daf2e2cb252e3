"""The lean chat client: frames of every length, acknowledgements, refusals, ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgpack
import pytest
from aiohttp import WSMsgType, web

from loadtest.chat_client import ChatLink, ChatLinkError, ChatRefusedError
from tests.patience import PATIENCE_S

Serve = Callable[[web.WebSocketResponse, dict[str, Any]], Awaitable[None]]


async def answer(socket: web.WebSocketResponse, packet: dict[str, Any]) -> None:
    """Echo the payload as an event of its name, and acknowledge it."""
    name, payload = packet["data"]
    if name == "cut":
        await socket.close()
        return
    if name == "garbage":
        await socket.send_bytes(b"\xc1")
        return
    await socket.send_bytes(msgpack.packb({"type": 2, "data": [name, payload], "nsp": "/"}))
    reply = {"ok": False, "error": {"code": "rate_limited"}} if name == "refuse" else {"ok": True, "echo": payload}
    await socket.send_bytes(msgpack.packb({"type": 3, "data": [reply], "nsp": "/", "id": packet["id"]}))


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        await socket.send_str("0{}")
        await socket.send_str("2")
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                assert message.data == "3"
            elif msgpack.unpackb(message.data)["type"] == 0:
                await socket.send_bytes(msgpack.packb({"type": 0, "data": {"sid": "x"}, "nsp": "/"}))
            else:
                await answer(socket, msgpack.unpackb(message.data))
        return socket

    app = web.Application()
    app.router.add_get("/socket.io/", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.mark.parametrize("length", [0, 1, 100, 125, 126, 65_000, 70_000])
async def test_payloads_of_every_length_go_and_come(port: int, length: int) -> None:
    events: list[Any] = []
    link = await ChatLink.connect("127.0.0.1", port, lambda name, payload: events.append((name, payload)))
    reply = await link.ask("say", {"text": "x" * length})
    assert reply["echo"] == {"text": "x" * length}
    assert events == [("say", {"text": "x" * length})]
    link.cut()


async def test_a_refusal_is_an_error_with_its_code(port: int) -> None:
    link = await ChatLink.connect("127.0.0.1", port, lambda *_: None)
    with pytest.raises(ChatRefusedError, match="rate_limited"):
        await link.ask("refuse", {})
    link.cut()


@pytest.mark.parametrize("event", ["cut", "garbage"])
async def test_an_end_and_nonsense_fail_what_waits_and_are_told_once(port: int, event: str) -> None:
    lost = asyncio.Event()
    link = await ChatLink.connect("127.0.0.1", port, lambda *_: None, lost.set)
    with pytest.raises(ChatLinkError):
        await link.ask(event, {})
    await asyncio.wait_for(lost.wait(), PATIENCE_S)
    assert not link.is_open
    with pytest.raises(ChatLinkError):
        await link.send("say", {})


async def test_a_frame_can_be_cut_in_its_middle(port: int) -> None:
    lost = asyncio.Event()
    link = await ChatLink.connect("127.0.0.1", port, lambda *_: None, lost.set)
    link.cut_after_bytes = 9
    with pytest.raises(ChatLinkError):
        await link.ask("say", {"text": "never whole"})
    await asyncio.wait_for(lost.wait(), PATIENCE_S)


async def test_what_is_no_websocket_is_refused() -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    with pytest.raises(ChatLinkError):
        await ChatLink.connect("127.0.0.1", server.sockets[0].getsockname()[1], lambda *_: None)
    server.close()
    await server.wait_closed()
