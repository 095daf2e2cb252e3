"""Where closed conversations go: what the companion service implements, and a plain directory until then."""

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from chat.conversation import Conversation, kind_of
from chat.events import Event


@dataclass(frozen=True)
class Transcript:
    """A conversation as it goes to the record, withdrawn texts included. ``repr`` shows none of it."""

    conversation: Conversation
    first_seq: int
    """1, or the first event that an earlier transcript did not have (a case that was reopened)."""
    through_seq: int
    events: Sequence[Event] = field(repr=False)


class Archive(Protocol):
    """Keeps transcripts for as long as the law says."""

    async def store(self, transcript: Transcript) -> str:
        """Keep it, durably, and return a reference. The same transcript may come again: it is kept once.

        Raises ``ArchiveError`` when that cannot be promised; the conversation is then not trimmed.
        """


class ArchiveError(Exception):
    """The archive did not take a transcript."""


class DirectoryArchive:
    """One JSON file per transcript in a directory of this user alone."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def store(self, transcript: Transcript) -> str:
        """Written aside, synced, then renamed: there is never half a transcript."""
        try:
            return await asyncio.get_running_loop().run_in_executor(None, self._write, transcript)
        except OSError as error:
            raise ArchiveError(type(error).__name__) from None

    def _write(self, transcript: Transcript) -> str:
        conversation = transcript.conversation
        kind_of(conversation.conversation_id)  # the id becomes a file's name
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{conversation.conversation_id}.{transcript.first_seq}-{transcript.through_seq}.json"
        people = {"host_ids": sorted(conversation.host_ids), "member_ids": sorted(conversation.member_ids)}
        content = {
            "conversation": {**asdict(conversation), **people},
            "first_seq": transcript.first_seq,
            "through_seq": transcript.through_seq,
            "events": [asdict(event) for event in transcript.events],
        }
        aside = self._directory / f".{name}.{os.getpid()}"
        with aside.open("w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            json.dump(content, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._directory / name)
        handle = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        return name
