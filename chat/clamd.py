r"""The virus scanner clamd, when there is one: the INSTREAM command of its protocol (clamd(8)).

``zINSTREAM\0``, then chunks (length as four bytes in network order, then the bytes), then a length of zero. The
answer ends in a zero byte: ``stream: OK``, ``stream: <name> FOUND``, or an error. A scanner that cannot be asked
means that the file is not taken: what nobody looked at is not passed on.
"""

import asyncio
import contextlib
import struct
from typing import Final, Literal, Protocol

CHUNK_BYTES: Final = 64 * 1024
TIMEOUT_S: Final = 60.0
_MAX_ANSWER_BYTES: Final = 4096

ScanErrorCode = Literal["infected", "scanner_unavailable"]


class ScanError(Exception):
    """A file that the scanner refused, or a scanner that gave no answer."""

    def __init__(self, code: ScanErrorCode) -> None:
        super().__init__(code)
        self.code: ScanErrorCode = code


class Scanner(Protocol):
    """Looks at a file before anybody else can."""

    async def scan(self, data: bytes) -> None:
        """Returns when the file is clean, as far as it knows; ``ScanError`` otherwise."""


class NoScanner:
    """No scanner is configured."""

    async def scan(self, data: bytes) -> None:
        """Every file passes."""


class Clamd:
    """A clamd at ``unix:///path`` or ``tcp://host:port``."""

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        scheme, separator, place = url.partition("://")
        host, colon, port = place.rpartition(":")
        if scheme == "tcp" and colon and port.isdigit():
            self._tcp: tuple[str, int] | None = (host.strip("[]"), int(port))
        elif scheme == "unix" and separator and place.startswith("/"):
            self._tcp = None
        else:
            raise ValueError("write unix:///path/to/clamd.sock or tcp://host:port")
        self._path = place
        self._timeout_s = timeout_s

    async def scan(self, data: bytes) -> None:
        """Ask clamd; ``ScanError`` when it found something or cannot be asked."""
        try:
            answer = await asyncio.wait_for(self._ask(data), self._timeout_s)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            raise ScanError("scanner_unavailable") from None
        if answer == "stream: OK":
            return
        raise ScanError("infected" if answer.endswith(" FOUND") else "scanner_unavailable")

    async def _ask(self, data: bytes) -> str:
        if self._tcp is not None:
            reader, writer = await asyncio.open_connection(*self._tcp, limit=_MAX_ANSWER_BYTES)
        else:
            reader, writer = await asyncio.open_unix_connection(self._path, limit=_MAX_ANSWER_BYTES)
        # Above its StreamMaxLength clamd answers early and closes: the answer may come before all is written.
        answering = asyncio.create_task(reader.readuntil(b"\0"))
        try:
            with contextlib.suppress(ConnectionError):
                await self._write(writer, data)
            return (await answering).rstrip(b"\0").decode("utf-8", "replace")
        finally:
            answering.cancel()
            writer.transport.abort()

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(b"zINSTREAM\0")
        for start in range(0, len(data), CHUNK_BYTES):
            chunk = data[start : start + CHUNK_BYTES]
            writer.write(struct.pack(">I", len(chunk)) + chunk)
            await writer.drain()
        writer.write(struct.pack(">I", 0))
        await writer.drain()
