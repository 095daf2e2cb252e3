"""Attachments on this machine's disk: one file per blob, written whole or not at all."""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from chat.blobs import CHUNK_BYTES, BlobError, BlobKey, conversation_digest

MIN_FREE_BYTES: Final = 512 * 1024 * 1024
"""Below this nothing more is taken: the database beside it must go on writing."""
_NO_ROOM: Final = frozenset({28, 122})  # ENOSPC, EDQUOT


class DiskStore:
    """Blobs below one folder (mode 0700), each in ``<2>/<conversation>/<content>``."""

    def __init__(self, folder: Path, *, min_free_bytes: int = MIN_FREE_BYTES) -> None:
        self._folder = folder
        self._min_free_bytes = min_free_bytes

    async def put(self, key: BlobKey, data: bytes) -> None:
        """Write beside, flush to the disk, then rename: a crash leaves the whole file or none."""
        try:
            await asyncio.to_thread(self._put, key, data)
        except OSError as error:
            raise BlobError("store_full" if error.errno in _NO_ROOM else "store_unavailable") from None

    async def read(self, key: BlobKey) -> AsyncIterator[bytes]:
        """The file in chunks."""
        try:
            file = await asyncio.to_thread(self._path(key).open, "rb")
        except FileNotFoundError:
            raise BlobError("unknown_blob") from None
        except OSError:
            raise BlobError("store_unavailable") from None
        try:
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                yield chunk
        finally:
            file.close()

    async def delete(self, key: BlobKey) -> None:
        """Remove the file."""
        await asyncio.to_thread(self._path(key).unlink, missing_ok=True)

    async def delete_conversation(self, conversation_id: str) -> None:
        """Remove the conversation's folder. What cannot be removed is said: nobody would look for it again."""
        folder = self._conversation(conversation_digest(conversation_id))
        try:
            await asyncio.to_thread(_remove, folder)
        except OSError:
            raise BlobError("store_unavailable") from None

    async def close(self) -> None:
        """Nothing is held open."""

    def _conversation(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def _path(self, key: BlobKey) -> Path:
        return self._conversation(key.conversation) / key.content

    def _put(self, key: BlobKey, data: bytes) -> None:
        path = self._path(key)
        if path.exists():
            return
        is_first = not path.parent.exists()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if shutil.disk_usage(self._folder).free - len(data) < self._min_free_bytes:
            raise OSError(28, "kept free")
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()
            raise
        _sync(path.parent)  # the name itself must be on the disk too
        if is_first:
            _sync(path.parent.parent)
            _sync(self._folder)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(folder: Path) -> None:
    if folder.exists():  # also ``OSError`` when the disk does not answer
        shutil.rmtree(folder)
