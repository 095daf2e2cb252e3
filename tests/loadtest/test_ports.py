"""Held ports: nobody else's, and a server's whenever it comes."""

import asyncio
import socket

import pytest

from loadtest.ports import HeldPort, held_port


async def test_a_server_comes_goes_and_comes_back() -> None:
    with held_port() as port:
        for _ in range(2):
            server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", port)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
            server.close()
            await server.wait_closed()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)


def test_nobody_else_gets_it() -> None:
    held = HeldPort()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", held.number))
    held.release()
    with socket.socket() as other:
        other.bind(("127.0.0.1", held.number))
