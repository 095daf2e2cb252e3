"""Where the files of closed conversations go, beside their transcripts: a directory, until the companion takes them."""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from chat.archive import ArchiveError
from chat.conversation import kind_of

_ATTACHMENT: Final = re.compile(r"att-[0-9a-f]{32}")


class FileArchive(Protocol):
    """Keeps files for as long as the law says. Both methods raise ``ArchiveError``."""

    async def has(self, conversation_id: str, attachment_id: str) -> bool:
        """Is it kept already?"""

    async def store(self, conversation_id: str, attachment_id: str, chunks: AsyncIterator[bytes]) -> None:
        """Keep it, durably. Name and type stand in the transcript."""


class DirectoryFileArchive:
    """One file each, below ``files/<conversation>``, in a directory of this user alone."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "files"

    async def has(self, conversation_id: str, attachment_id: str) -> bool:
        """A file that is there is whole."""
        return await asyncio.to_thread(self._path(conversation_id, attachment_id).exists)

    async def store(self, conversation_id: str, attachment_id: str, chunks: AsyncIterator[bytes]) -> None:
        """Written aside, synced, then renamed: there is never half a file."""
        path = self._path(conversation_id, attachment_id)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            await asyncio.to_thread(path.parent.mkdir, mode=0o700, parents=True, exist_ok=True)
            file = await asyncio.to_thread(aside.open, "wb")
            try:
                async for chunk in chunks:
                    await asyncio.to_thread(file.write, chunk)
                await asyncio.to_thread(_finish, file)
            finally:
                file.close()
            await asyncio.to_thread(aside.replace, path)
        except OSError as error:
            raise ArchiveError(type(error).__name__) from None
        finally:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)

    def _path(self, conversation_id: str, attachment_id: str) -> Path:
        kind_of(conversation_id)  # ids become names of files
        check_attachment_id(attachment_id)
        return self._directory / conversation_id / attachment_id


def check_attachment_id(attachment_id: str) -> None:
    """Ids become parts of paths; ``ArchiveError`` for what is none."""
    if not _ATTACHMENT.fullmatch(attachment_id):
        raise ArchiveError("attachment_id")


def _finish(file: BinaryIO) -> None:
    file.flush()
    os.fchmod(file.fileno(), 0o600)
    os.fsync(file.fileno())
