"""Files of closed conversations: whole in the archive, or not there."""

import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from chat.archive import ArchiveError
from chat.archive_files import DirectoryFileArchive
from chat.clamd import NoScanner
from chat.errors import ChatError
from tests.chat.test_attachments import CASE, TEXT, Setup, chunks

ATTACHMENT = "att-" + "0" * 32


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_a_file_is_kept_under_its_ids(tmp_path: Path) -> None:
    archive = DirectoryFileArchive(tmp_path)
    assert not await archive.has("case-1", ATTACHMENT)
    await archive.store("case-1", ATTACHMENT, chunks(TEXT, 3))
    assert await archive.has("case-1", ATTACHMENT)
    assert files(tmp_path) == {f"files/case-1/{ATTACHMENT}": TEXT}
    path = tmp_path / "files" / "case-1" / ATTACHMENT
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_a_file_that_breaks_off_is_not_kept(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield TEXT
        raise ArchiveError("store_unavailable")

    archive = DirectoryFileArchive(tmp_path)
    with pytest.raises(ArchiveError):
        await archive.store("case-1", ATTACHMENT, broken())
    assert files(tmp_path) == {}


async def test_a_directory_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(ArchiveError):
        await DirectoryFileArchive(tmp_path).store("case-1", ATTACHMENT, chunks(TEXT))


@pytest.mark.attack
@pytest.mark.parametrize(
    ("conversation_id", "attachment_id"), [("../x", ATTACHMENT), ("case-1", "../x"), ("case-1", "att-1")]
)
async def test_no_path_is_made_of_what_is_no_id(tmp_path: Path, conversation_id: str, attachment_id: str) -> None:
    with pytest.raises((ArchiveError, ChatError)):
        await DirectoryFileArchive(tmp_path).store(conversation_id, attachment_id, chunks(TEXT))
    assert files(tmp_path) == {}


async def test_what_messages_carry_is_archived_once_and_the_rest_is_not(redis_client: Redis, tmp_path: Path) -> None:
    setup = Setup(redis_client, tmp_path / "blobs", NoScanner())
    archive = DirectoryFileArchive(tmp_path / "archive")
    sent = [await setup.upload() for _ in range(2)]
    await setup.attachments.check_usable(CASE, "p-anna", [view["attachment_id"] for view in sent])
    await setup.attachments.hide(CASE, [sent[1]["attachment_id"]])
    unused = await setup.upload()
    for _ in range(2):
        await setup.attachments.archive(CASE, archive)
    assert files(tmp_path / "archive") == {f"files/{CASE}/{view['attachment_id']}": TEXT for view in sent}
    assert not await archive.has(CASE, unused["attachment_id"])


async def test_a_store_that_is_away_is_tried_again_later(redis_client: Redis, tmp_path: Path) -> None:
    setup = Setup(redis_client, tmp_path / "blobs", NoScanner())
    view = await setup.upload()
    await setup.attachments.check_usable(CASE, "p-anna", [view["attachment_id"]])
    for path in setup.files():
        path.unlink()
    with pytest.raises(ArchiveError):
        await setup.attachments.archive(CASE, DirectoryFileArchive(tmp_path / "archive"))
