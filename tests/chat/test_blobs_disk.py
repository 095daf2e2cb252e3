"""Blobs on disk: whole or not at all, never in the way of the database, nobody else's to read."""

import asyncio
import os
import stat
from pathlib import Path

import pytest

from chat.blobs import BlobError, BlobKey, BlobStore
from chat.blobs_disk import DiskStore

DATA = bytes(range(256)) * 1000
KEY = BlobKey.of("case-1", "att", DATA)


async def contents(store: BlobStore, key: BlobKey) -> bytes:
    return b"".join([chunk async for chunk in store.read(key)])


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path / "blobs", min_free_bytes=0)


async def test_what_was_put_is_read(store: DiskStore) -> None:
    await store.put(KEY, DATA)
    assert await contents(store, KEY) == DATA


async def test_several_at_once_leave_one_file(store: DiskStore, tmp_path: Path) -> None:
    await asyncio.gather(*(store.put(KEY, DATA) for _ in range(8)))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in files] == [KEY.content]
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "blobs").stat().st_mode) == 0o700


async def test_what_is_not_there(store: DiskStore) -> None:
    with pytest.raises(BlobError, match="unknown_blob"):
        await contents(store, KEY)
    await store.delete(KEY)
    await store.delete_conversation("case-1")


async def test_deleting_one_and_all_of_a_conversation(store: DiskStore) -> None:
    other, elsewhere = BlobKey.of("case-1", "att", b"2"), BlobKey.of("case-2", "att", b"3")
    for key, data in ((KEY, DATA), (other, b"2"), (elsewhere, b"3")):
        await store.put(key, data)
    await store.delete(KEY)
    assert await contents(store, other) == b"2"
    await store.delete_conversation("case-1")
    with pytest.raises(BlobError):
        await contents(store, other)
    assert await contents(store, elsewhere) == b"3"


@pytest.mark.attack
async def test_the_disk_is_never_filled_to_the_last(tmp_path: Path) -> None:
    store = DiskStore(tmp_path, min_free_bytes=2**60)
    with pytest.raises(BlobError) as caught:
        await store.put(KEY, DATA)
    assert caught.value.code == "store_full"
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


async def test_a_failed_write_leaves_nothing_behind(
    store: DiskStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_handle: int) -> None:
        raise OSError(5, "input/output error")

    monkeypatch.setattr("chat.blobs_disk.os.fsync", fail)
    with pytest.raises(BlobError, match="store_unavailable"):
        await store.put(KEY, DATA)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


async def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = DiskStore(tmp_path / "file", min_free_bytes=0)
    with pytest.raises(BlobError, match="store_unavailable"):
        await store.put(KEY, DATA)
    with pytest.raises(BlobError, match="store_unavailable"):
        await contents(store, KEY)


async def test_names_of_folders_are_synced_as_well(
    store: DiskStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    fsync = os.fsync

    def note(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink())
        fsync(handle)

    monkeypatch.setattr("chat.blobs_disk.os.fsync", note)
    await store.put(KEY, DATA)
    folder = tmp_path / "blobs" / KEY.conversation[:2] / KEY.conversation
    assert synced[1:] == [folder, folder.parent, folder.parent.parent]
    assert synced[0].parent == folder
    await store.put(BlobKey.of("case-1", "att-2", DATA), DATA)
    assert synced[5:] == [folder]


async def test_what_cannot_be_erased_is_said(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    await store.put(KEY, DATA)

    def fail(*_arguments: object, **_options: object) -> None:
        raise PermissionError(1, "not permitted")

    with monkeypatch.context() as broken:
        broken.setattr("chat.blobs_disk.os.unlink", fail)
        with pytest.raises(BlobError, match="store_unavailable"):
            await store.delete_conversation("case-1")
    assert await contents(store, KEY) == DATA
    await store.delete_conversation("case-1")
    with pytest.raises(BlobError, match="unknown_blob"):
        await contents(store, KEY)
