"""From a closed conversation to the archive, and out of the store."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from chat.archive import Archive, ArchiveError, DirectoryArchive, Transcript
from chat.conversation import Conversation
from chat.errors import ChatError
from chat.retention import archive_conversation, trim_conversation
from chat.store import MAX_PAGE, ChatStore
from tests.chat.stores import CHANNEL, draft


class MemoryArchive:
    """Takes transcripts, or refuses them."""

    def __init__(self) -> None:
        self.transcripts: list[Transcript] = []
        self.is_broken = False

    async def store(self, transcript: Transcript) -> str:
        if self.is_broken:
            raise ArchiveError("broken")
        self.transcripts.append(transcript)
        return f"reference-{len(self.transcripts)}"


async def set_state(store: ChatStore, state: str) -> None:
    conversation = await store.conversation(CHANNEL)
    assert conversation is not None
    await store.update(replace(conversation, state=state))  # type: ignore[arg-type]


async def test_everything_goes_to_the_archive_and_only_then_out_of_the_store(store: ChatStore) -> None:
    archive = MemoryArchive()
    checked: Archive = archive
    for number in range(MAX_PAGE + 5):
        await store.append(draft(f"c{number}"))
    await store.append(draft("w", kind="withdrawal", target=1))
    with pytest.raises(ChatError, match="invalid"):
        await archive_conversation(store, checked, CHANNEL)
    await set_state(store, "closed")
    archive.is_broken = True
    with pytest.raises(ArchiveError):
        await archive_conversation(store, checked, CHANNEL)
    assert await trim_conversation(store, CHANNEL) == 0
    archive.is_broken = False
    assert await archive_conversation(store, checked, CHANNEL) == MAX_PAGE + 6
    (transcript,) = archive.transcripts
    assert [event.seq for event in transcript.events] == list(range(1, MAX_PAGE + 7))
    assert transcript.events[0].body == {"text": "hej"}, "the record keeps what was withdrawn"
    assert await trim_conversation(store, CHANNEL) == MAX_PAGE + 6
    assert (await store.read_after(CHANNEL, 0, 10)).events == ()
    conversation = await store.conversation(CHANNEL)
    assert conversation is not None
    assert conversation.state == "archived"


async def test_a_reopened_conversation_archives_only_what_is_new(store: ChatStore) -> None:
    archive = MemoryArchive()
    await store.append(draft("c1"))
    await set_state(store, "closed")
    await archive_conversation(store, archive, CHANNEL)
    assert await archive_conversation(store, archive, CHANNEL) == 1
    await set_state(store, "open")
    await store.append(draft("c2"))
    await set_state(store, "closed")
    assert await archive_conversation(store, archive, CHANNEL) == 2
    assert [(each.first_seq, each.through_seq) for each in archive.transcripts] == [(1, 1), (2, 2)]


async def test_what_does_not_exist_is_neither_archived_nor_trimmed(store: ChatStore) -> None:
    for work in (archive_conversation(store, MemoryArchive(), "case-none"), trim_conversation(store, "case-none")):
        with pytest.raises(ChatError, match="unknown_conversation"):
            await work


async def test_an_open_conversation_is_not_trimmed(store: ChatStore) -> None:
    with pytest.raises(ChatError, match="invalid"):
        await trim_conversation(store, CHANNEL)


async def test_a_directory_keeps_each_transcript_once_for_this_user_alone(tmp_path: Path, store: ChatStore) -> None:
    archive = DirectoryArchive(tmp_path / "archive")
    await store.append(draft("c1", "åäö"))
    transcript = Transcript(Conversation(CHANNEL), 1, 1, (await store.read_after(CHANNEL, 0, 9)).events)
    first, again = await archive.store(transcript), await archive.store(transcript)
    assert first == again
    (path,) = (tmp_path / "archive").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text())["events"][0]["body"] == {"text": "åäö"}


async def test_a_directory_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ArchiveError):
        await DirectoryArchive(tmp_path / "file").store(Transcript(Conversation(CHANNEL), 1, 1, ()))
