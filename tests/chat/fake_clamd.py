"""A clamd that speaks the real protocol and knows one virus: the test file of EICAR."""

import asyncio
import struct
from pathlib import Path

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}" + b"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""In two halves, so that this file is not taken for it."""


class FakeClamd:
    """Listens on a unix socket or on a free TCP port."""

    def __init__(self, *, max_length: int = 1_000_000, is_mute: bool = False, answer: bytes = b"") -> None:
        self.url = ""
        self.scanned: list[bytes] = []
        self._max_length = max_length
        self._is_mute = is_mute
        self._answer = answer
        self._server: asyncio.Server | None = None

    async def start(self, path: Path | None = None) -> "FakeClamd":
        if path is not None:
            self._server = await asyncio.start_unix_server(self._serve, path)
            self.url = f"unix://{path}"
        else:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.url = f"tcp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(await self._scan(reader))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _scan(self, reader: asyncio.StreamReader) -> bytes:
        if await reader.readuntil(b"\0") != b"zINSTREAM\0":
            return b"UNKNOWN COMMAND\0"
        data = b""
        while length := struct.unpack(">I", await reader.readexactly(4))[0]:
            data += await reader.readexactly(length)
            if len(data) > self._max_length:
                return b"INSTREAM size limit exceeded. ERROR\0"
        self.scanned.append(data)
        if self._is_mute:
            await reader.read()
        if self._answer:
            return self._answer
        return b"stream: Eicar-Signature FOUND\0" if EICAR in data else b"stream: OK\0"
