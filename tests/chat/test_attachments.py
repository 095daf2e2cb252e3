"""The way of a file from its address to its reader, and every way off it (attack row 12)."""

import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from redis.asyncio import Redis

from chat.attachment_addresses import AddressSigner, Claim
from chat.attachment_records import SWEEP_AGAIN_S, UNUSED, AttachmentRecords
from chat.attachments import AttachmentError, AttachmentLimits, Attachments, is_inline
from chat.blobs import BlobError, BlobKey
from chat.blobs_disk import DiskStore
from chat.clamd import Clamd, NoScanner, Scanner
from chat.errors import ChatError, Limit
from chat.pictures import PictureStudio
from tests.chat.fake_clamd import EICAR, FakeClamd
from tests.chat.test_pictures import png_of_claimed_size, with_exif

NOW = 1_800_000_000
CASE = "case-1"
TEXT = b"My values: 120/80"
LIMITS = AttachmentLimits(
    max_file_bytes=100_000, max_conversation_bytes=250_000, max_conversation_files=4, max_pending_per_person=2
)


async def chunks(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


class Setup:
    def __init__(self, redis: Redis, folder: Path, scanner: Scanner, limits: AttachmentLimits = LIMITS) -> None:
        self.folder = folder
        self.blobs = DiskStore(folder, min_free_bytes=0)
        studio = PictureStudio(max_pixels=1_000_000, max_side=500)
        signer = AddressSigner([bytes(range(32))])
        self.attachments = Attachments(AttachmentRecords(redis), self.blobs, signer, scanner, studio, limits)

    def files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]

    async def claim(self, size: int, person: str = "p-anna", now: int = NOW) -> Claim:
        address = await self.attachments.reserve(CASE, person, size_bytes=size, now_s=now)
        return self.attachments.signer.check(address.address, purpose="upload", now_s=now)

    async def upload(
        self,
        data: bytes = TEXT,
        *,
        name: str = "values.txt",
        stated: str = "",
        claim: Claim | None = None,
        now: int = NOW,
    ) -> dict[str, Any]:
        claim = claim or await self.claim(len(data), now=now)
        return await self.attachments.receive(claim, chunks(data), name=name, stated_type=stated, now_s=now)

    async def download(self, attachment_id: str, person: str = "p-anna") -> bytes:
        address = await self.attachments.download_address(CASE, attachment_id, person, now_s=NOW)
        claim = self.attachments.signer.check(address.address, purpose="download", now_s=NOW)
        _, body = await self.attachments.open(claim)
        return b"".join([chunk async for chunk in body])


@pytest.fixture
def setup(redis_client: Redis, tmp_path: Path) -> Setup:
    return Setup(redis_client, tmp_path / "blobs", NoScanner())


async def test_a_file_travels_as_it_is(setup: Setup) -> None:
    view = await setup.upload(name="Mina värden.txt", stated="text/plain; charset=utf-8")
    assert view == {
        "attachment_id": view["attachment_id"],
        "name": "Mina värden.txt",
        "media_type": "text/plain",
        "size_bytes": len(TEXT),
        "is_inline": False,
        "width": 0,
        "height": 0,
    }
    assert await setup.download(view["attachment_id"]) == TEXT


async def test_a_picture_travels_without_its_place(setup: Setup) -> None:
    view = await setup.upload(with_exif(), name="IMG_1.JPEG", stated="image/jpeg")
    assert (view["media_type"], view["width"], view["height"]) == ("image/jpeg", 40, 60)
    assert is_inline(view["media_type"])
    data = await setup.download(view["attachment_id"])
    assert len(data) == view["size_bytes"]
    assert b"Secret camera" not in data


async def test_a_picture_that_changes_its_type_changes_its_name(setup: Setup) -> None:
    output = io.BytesIO()
    Image.new("RGB", (20, 20)).save(output, "WEBP")
    view = await setup.upload(output.getvalue(), name="bild.webp")
    assert (view["name"], view["media_type"]) == ("bild.jpg", "image/jpeg")


async def test_a_reader_may_fetch_it_once_a_message_carries_it(setup: Setup) -> None:
    view = await setup.upload()
    with pytest.raises(AttachmentError, match="unknown_attachment"):
        await setup.download(view["attachment_id"], "SE-nurse")
    assert await setup.attachments.check_usable(CASE, "p-anna", [view["attachment_id"]]) == [view]
    assert await setup.download(view["attachment_id"], "SE-nurse") == TEXT
    # The same message sent again (its acknowledgement was lost) finds it again.
    assert await setup.attachments.check_usable(CASE, "p-anna", [view["attachment_id"]]) == [view]


@pytest.mark.attack
async def test_nobody_else_can_put_my_file_into_a_message(setup: Setup) -> None:
    view = await setup.upload()
    for conversation, author, ids in (
        (CASE, "p-eva", [view["attachment_id"]]),
        ("case-2", "p-anna", [view["attachment_id"]]),
        (CASE, "p-anna", [view["attachment_id"]] * 2),
        (CASE, "p-anna", [view["attachment_id"], "att-0"]),
        (CASE, "p-anna", ["../../etc/passwd"]),
        (CASE, "p-anna", [f"att-{number}" for number in range(11)]),
    ):
        with pytest.raises(ChatError, match="unknown_attachment"):
            await setup.attachments.check_usable(conversation, author, ids)
    assert await setup.attachments.check_usable(CASE, "p-anna", []) == []


@pytest.mark.attack
async def test_an_attachment_is_only_found_in_its_conversation(setup: Setup) -> None:
    view = await setup.upload()
    await setup.attachments.check_usable(CASE, "p-anna", [view["attachment_id"]])
    with pytest.raises(AttachmentError, match="unknown_attachment"):
        await setup.attachments.download_address("case-2", view["attachment_id"], "p-anna", now_s=NOW)


@pytest.mark.attack
@pytest.mark.parametrize(
    ("data", "name", "stated", "code", "cause"),
    [
        (b"MZ\x90\x00", "a.txt", "text/plain", "file_type_refused", "unknown_type"),
        (b"<html><script>alert(1)</script>", "a.txt", "text/plain", "file_type_refused", "dangerous_content"),
        (with_exif(), "a.html", "text/html", "file_type_refused", "type_mismatch"),
        (b"%PDF-1.7 no end", "a.pdf", "application/pdf", "file_type_refused", "unknown_type"),
        (b"\xff\xd8\xff\xe0 no picture", "a.jpg", "image/jpeg", "picture_refused", "broken_picture"),
        (png_of_claimed_size(20_000, 20_000, b""), "a.png", "image/png", "picture_refused", "too_many_pixels"),
    ],
)
async def test_hostile_files_are_refused_and_nothing_of_them_is_kept(
    setup: Setup, data: bytes, name: str, stated: str, code: str, cause: str
) -> None:
    with pytest.raises(AttachmentError) as caught:
        await setup.upload(data, name=name, stated=stated)
    assert (caught.value.code, caught.value.cause) == (code, cause)
    assert setup.files() == []


@pytest.mark.attack
async def test_a_path_for_a_name_stays_a_name(setup: Setup) -> None:
    view = await setup.upload(name="../../../../tmp/evil.txt")
    assert "/" not in view["name"]
    assert all(set(path.name) <= set("0123456789abcdef") for path in setup.files())


@pytest.mark.attack
async def test_a_virus_is_refused_and_nothing_of_it_is_kept(redis_client: Redis, tmp_path: Path) -> None:
    server = await FakeClamd().start()
    setup = Setup(redis_client, tmp_path / "blobs", Clamd(server.url))
    with pytest.raises(AttachmentError) as caught:
        await setup.upload(EICAR)
    assert caught.value.code == "infected"
    assert setup.files() == []
    assert (await setup.upload())["size_bytes"] == len(TEXT)
    await server.stop()
    with pytest.raises(AttachmentError, match="attachments_unavailable"):
        await setup.upload()


@pytest.mark.attack
@pytest.mark.parametrize("size", [0, -1, LIMITS.max_file_bytes + 1])
async def test_no_address_for_an_impossible_size(setup: Setup, size: int) -> None:
    with pytest.raises(AttachmentError, match="too_large") as caught:
        await setup.claim(size)
    assert caught.value.limit == Limit("file_bytes", LIMITS.max_file_bytes)


@pytest.mark.attack
@pytest.mark.parametrize("announced", [len(TEXT) - 1, len(TEXT) + 1])
async def test_another_size_than_announced_is_refused(setup: Setup, announced: int) -> None:
    with pytest.raises(AttachmentError, match="size_mismatch"):
        await setup.upload(claim=await setup.claim(announced))
    assert setup.files() == []


@pytest.mark.attack
async def test_a_body_without_end_is_not_read_to_its_end(setup: Setup) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1000
            yield bytes(1000)

    claim = await setup.claim(5000)
    with pytest.raises(AttachmentError, match="size_mismatch"):
        await setup.attachments.receive(claim, endless(), name="a", stated_type="", now_s=NOW)
    assert read == 6000


@pytest.mark.attack
async def test_an_address_takes_one_file(setup: Setup) -> None:
    claim = await setup.claim(len(TEXT))
    await setup.upload(claim=claim)
    with pytest.raises(AttachmentError, match="already_uploaded"):
        await setup.upload(claim=claim)


async def test_a_broken_upload_may_be_tried_again(setup: Setup) -> None:
    claim = await setup.claim(len(TEXT))
    with pytest.raises(AttachmentError, match="size_mismatch"):
        await setup.upload(TEXT[:5], claim=claim)
    assert (await setup.upload(claim=claim))["size_bytes"] == len(TEXT)


@pytest.mark.attack
async def test_of_two_uploads_at_once_the_first_stays_readable(setup: Setup) -> None:
    claim = await setup.claim(len(TEXT))
    body = chunks(TEXT)

    async def overtaken() -> AsyncIterator[bytes]:
        async for chunk in body:
            await setup.upload(TEXT[::-1], claim=claim)
            yield chunk

    with pytest.raises(AttachmentError, match="already_uploaded"):
        await setup.attachments.receive(claim, overtaken(), name="a.txt", stated_type="", now_s=NOW)
    assert await setup.download(claim.attachment_id) == TEXT[::-1]
    assert len(setup.files()) == 1


@pytest.mark.attack
@pytest.mark.parametrize("is_sent", [False, True])
async def test_a_refused_upload_to_an_address_takes_no_file_away_that_came_there_meanwhile(
    setup: Setup, is_sent: bool
) -> None:
    claim = await setup.claim(len(TEXT))

    async def overtaken() -> AsyncIterator[bytes]:
        await setup.upload(claim=claim)
        if is_sent:
            await setup.attachments.check_usable(CASE, "p-anna", [claim.attachment_id])
        yield b"MZ".ljust(len(TEXT), b"\0")

    with pytest.raises(AttachmentError, match="file_type_refused"):
        await setup.attachments.receive(claim, overtaken(), name="a.txt", stated_type="", now_s=NOW)
    assert await setup.download(claim.attachment_id) == TEXT
    assert await setup.attachments.check_usable(CASE, "p-anna", [claim.attachment_id])


@pytest.mark.attack
async def test_a_conversation_cannot_fill_the_disk(setup: Setup) -> None:
    data = b"x" * 100_000
    for _ in range(2):
        view = await setup.upload(data)
        await setup.attachments.check_usable(CASE, "p-anna", [view["attachment_id"]])
    with pytest.raises(AttachmentError, match="quota_exceeded") as caught:
        await setup.upload(data)
    assert caught.value.limit == Limit("conversation_bytes", LIMITS.max_conversation_bytes)
    for _ in range(2):
        view = await setup.upload()
        await setup.attachments.check_usable(CASE, "p-anna", [view["attachment_id"]])
    with pytest.raises(AttachmentError, match="quota_exceeded") as caught:
        await setup.upload()
    assert caught.value.limit == Limit("conversation_files", LIMITS.max_conversation_files)


@pytest.mark.attack
async def test_addresses_cannot_be_hoarded(setup: Setup) -> None:
    await setup.claim(10)
    await setup.claim(10)
    with pytest.raises(AttachmentError, match="too_many_pending") as caught:
        await setup.claim(10)
    assert caught.value.limit == Limit("pending_files", LIMITS.max_pending_per_person)
    await setup.claim(10, now=NOW + LIMITS.upload_lifetime_s + LIMITS.upload_takes_s)


async def test_an_upload_that_was_begun_in_time_has_its_place_until_it_is_there(setup: Setup) -> None:
    claim = await setup.claim(len(TEXT))
    ends = NOW + LIMITS.upload_lifetime_s + LIMITS.upload_takes_s

    async def slow() -> AsyncIterator[bytes]:
        await setup.claim(10, "p-eva", now=ends - 1)  # what is over gives its place back
        yield TEXT

    await setup.attachments.receive(claim, slow(), name="a.txt", stated_type="", now_s=claim.expires_at_s - 1)
    assert await setup.download(claim.attachment_id) == TEXT


async def test_a_refused_file_makes_room_for_the_next(setup: Setup) -> None:
    for _ in range(LIMITS.max_pending_per_person + 1):
        with pytest.raises(AttachmentError, match="file_type_refused"):
            await setup.upload(b"MZ\x00")
    await setup.upload()


async def test_files_that_no_message_took_are_erased(setup: Setup) -> None:
    await setup.upload()
    assert len(setup.files()) == 1
    await setup.claim(10, now=NOW + LIMITS.unused_lifetime_s)
    assert setup.files() == []


@pytest.mark.attack
async def test_the_files_of_a_withdrawn_message_are_nobodys_to_fetch(setup: Setup) -> None:
    view = await setup.upload()
    await setup.attachments.check_usable(CASE, "p-anna", [view["attachment_id"]])
    assert await setup.download(view["attachment_id"], "SE-nurse") == TEXT
    await setup.attachments.hide(CASE, [view["attachment_id"], "att-0"])
    await setup.attachments.hide(CASE, [])
    with pytest.raises(AttachmentError, match="unknown_attachment"):
        await setup.download(view["attachment_id"], "SE-nurse")
    assert await setup.download(view["attachment_id"]) == TEXT
    assert len(setup.files()) == 1  # the archive has the withdrawn text too


async def test_files_that_are_to_be_forgotten_are_erased(setup: Setup) -> None:
    view = await setup.upload()
    await setup.attachments.check_usable(CASE, "p-anna", [view["attachment_id"]])
    address = await setup.attachments.download_address(CASE, view["attachment_id"], "p-anna", now_s=NOW)
    await setup.attachments.forget(CASE, [view["attachment_id"]])
    await setup.attachments.forget(CASE, [])
    assert setup.files() == []
    claim = setup.attachments.signer.check(address.address, purpose="download", now_s=NOW)
    with pytest.raises(AttachmentError, match="unknown_attachment"):
        await setup.attachments.open(claim)


async def test_erasing_a_conversation_erases_its_files_and_records(setup: Setup, redis_client: Redis) -> None:
    await setup.upload()
    await setup.attachments.erase_conversation(CASE)
    assert setup.files() == []
    assert await redis_client.keys("ao:chat*") == []
    await setup.attachments.close()


async def test_a_store_that_is_full_or_away_says_so(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    for code, expected in (("store_full", "store_full"), ("store_unavailable", "attachments_unavailable")):

        async def refuse(_key: BlobKey, _data: bytes, code: Any = code) -> None:
            raise BlobError(code)

        monkeypatch.setattr(setup.blobs, "put", refuse)
        with pytest.raises(AttachmentError, match=expected):
            await setup.upload()
        monkeypatch.undo()
        await setup.attachments.erase_conversation(CASE)


async def test_a_file_that_has_vanished_from_the_store_is_said_to_be_unknown(setup: Setup) -> None:
    view = await setup.upload()
    setup.files()[0].unlink()
    with pytest.raises(AttachmentError, match="unknown_attachment"):
        await setup.download(view["attachment_id"])


async def test_a_redrawn_picture_may_not_outgrow_the_limit(redis_client: Redis, tmp_path: Path) -> None:
    noise = Image.effect_noise((200, 200), 100).convert("RGB")
    output = io.BytesIO()
    noise.save(output, "WEBP", quality=5)
    limits = replace(LIMITS, max_file_bytes=len(output.getvalue()))
    setup = Setup(redis_client, tmp_path, NoScanner(), limits)
    with pytest.raises(AttachmentError, match="too_large"):
        await setup.upload(output.getvalue(), name="noise.webp")


@pytest.mark.attack
async def test_a_persons_budget_of_a_day_ends_in_all_conversations_and_is_nobody_elses(
    redis_client: Redis, tmp_path: Path
) -> None:
    limits = replace(LIMITS, max_day_bytes_per_person=1000, max_pending_per_person=99)
    setup = Setup(redis_client, tmp_path / "blobs", NoScanner(), limits)
    reserve = setup.attachments.reserve
    for number in range(2):
        await reserve(f"case-{number}", "p-anna", size_bytes=400, now_s=NOW)
    with pytest.raises(AttachmentError) as caught:
        await reserve("case-3", "p-anna", size_bytes=400, now_s=NOW)
    assert (caught.value.code, caught.value.cause) == ("quota_exceeded", "person_day")
    assert caught.value.limit == Limit("person_day_bytes", 1000)
    await reserve("case-3", "p-anna", size_bytes=200, now_s=NOW)  # what was refused was not counted
    await reserve("case-3", "p-bo", size_bytes=1000, now_s=NOW)
    await reserve("case-3", "p-anna", size_bytes=1000, now_s=NOW + 24 * 3600)
    for key in await redis_client.keys("ao:upload-bytes:*"):
        assert 0 < await redis_client.ttl(key) <= 2 * 24 * 3600


async def test_what_the_conversations_quota_refuses_costs_nothing_of_the_day(
    redis_client: Redis, tmp_path: Path
) -> None:
    limits = replace(LIMITS, max_day_bytes_per_person=1000, max_pending_per_person=1)
    setup = Setup(redis_client, tmp_path / "blobs", NoScanner(), limits)
    await setup.attachments.reserve(CASE, "p-anna", size_bytes=500, now_s=NOW)
    with pytest.raises(AttachmentError, match="too_many_pending"):
        await setup.attachments.reserve(CASE, "p-anna", size_bytes=500, now_s=NOW)
    await setup.attachments.reserve("case-2", "p-anna", size_bytes=500, now_s=NOW)


async def test_unused_files_are_swept_away_after_a_day_though_nobody_reserves_again(setup: Setup) -> None:
    day = setup.attachments.limits.unused_lifetime_s
    unused, used = await setup.upload(), await setup.upload()
    await setup.attachments.check_usable(CASE, "p-anna", [used["attachment_id"]])
    await setup.claim(10)  # an address that nobody used
    assert await setup.attachments.sweep(NOW + 601) == 0
    assert await setup.attachments.sweep(NOW + day - 1) == 0
    assert len(setup.files()) == 2
    assert await setup.attachments.sweep(NOW + day) == 1
    assert len(setup.files()) == 1
    assert await setup.download(used["attachment_id"]) == TEXT
    with pytest.raises(AttachmentError, match="unknown_attachment"):
        await setup.download(unused["attachment_id"])
    assert await setup.attachments._records._redis.zcard(UNUSED) == 0
    await setup.upload(now=NOW + day + 5)
    assert await setup.attachments.sweep(NOW + 2 * day + 5) == 1


async def test_a_sweeper_that_dies_is_followed_by_another(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    day = setup.attachments.limits.unused_lifetime_s
    await setup.upload()
    records = setup.attachments._records

    async def die(**_arguments: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(records, "_sweep", die)
        with pytest.raises(ConnectionError):
            await setup.attachments.sweep(NOW + day)
    assert await setup.attachments.sweep(NOW + day) == 0
    assert await setup.attachments.sweep(NOW + day + SWEEP_AGAIN_S) == 1
    assert setup.files() == []
