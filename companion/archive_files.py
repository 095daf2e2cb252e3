"""The archive's directory: files under random names, whole or not there."""

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from companion.errors import Problem
from companion.rules.archive import ARCHIVE_FULL, FILE_TOO_LARGE

CHUNK_BYTES: Final = 64 * 1024


@dataclass(frozen=True)
class Written:
    """What arrived."""

    sha256: str
    size_bytes: int


class ArchiveDirectory:
    """One directory, which all companion processes must see."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, stored_name: str) -> Path:
        """Where a file is. The name is one that we made: nothing of what anybody sent is part of the path."""
        prefix, _, random = stored_name.partition("-")
        if prefix != "file" or not random.isalnum():
            raise ValueError("not a name of ours")
        return self._root / random[:2] / stored_name

    async def write(self, stored_name: str, chunks: AsyncIterator[bytes], *, max_bytes: int) -> Written:
        """Write aside, sync, rename, sync: when this returns the file survives a power failure."""
        path = self.path(stored_name)
        aside = path.with_name(f".{stored_name}")
        digest, size = hashlib.sha256(), 0
        try:
            file = await asyncio.to_thread(_open, aside)
            try:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > max_bytes:
                        raise Problem(FILE_TOO_LARGE)
                    digest.update(chunk)
                    await asyncio.to_thread(file.write, chunk)
                await asyncio.to_thread(_finish, file, aside, path)
            finally:
                await asyncio.to_thread(file.close)
        except OSError:
            await self.erase(stored_name)
            raise Problem(ARCHIVE_FULL) from None
        except BaseException:
            await asyncio.shield(self.erase(stored_name))
            raise
        return Written(digest.hexdigest(), size)

    async def read(self, stored_name: str, first: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes, or so many from the first on, in chunks; ``OSError`` when the file is not there."""
        file = await asyncio.to_thread(self.path(stored_name).open, "rb")
        left = sys.maxsize if length is None else length
        try:
            await asyncio.to_thread(file.seek, first)
            while chunk := await asyncio.to_thread(file.read, min(CHUNK_BYTES, left)):
                yield chunk
                left -= len(chunk)
        finally:
            await asyncio.to_thread(file.close)

    async def erase(self, stored_name: str) -> None:
        """Fine when it is not there."""
        await asyncio.to_thread(_erase, self.path(stored_name))


def _open(aside: Path) -> BinaryIO:
    aside.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _finish(file: BinaryIO, aside: Path, path: Path) -> None:
    file.flush()
    os.fsync(file.fileno())
    aside.replace(path)
    _sync_directory(path.parent)
    _sync_directory(path.parent.parent)


def _erase(path: Path) -> None:
    for one in (path, path.with_name(f".{path.name}")):
        one.unlink(missing_ok=True)
    if path.parent.is_dir():
        _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
