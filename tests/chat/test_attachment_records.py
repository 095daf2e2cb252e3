"""Reservations, quota and the finished attachments, over a real Valkey."""

import asyncio
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from chat.attachment_records import AttachmentRecord, AttachmentRecords, Quota

NOW = 1_800_000_000
QUOTA = Quota(max_bytes=1000, max_files=5, max_pending_of_owner=3)
RECORD = AttachmentRecord("att-1", "p-anna", "a.jpg", "image/jpeg", 300, 60, 40, "a" * 64 + "/" + "b" * 64, NOW)


@pytest.fixture
def records(redis_client: Redis) -> AttachmentRecords:
    return AttachmentRecords(redis_client)


async def reserve(
    records: AttachmentRecords,
    attachment_id: str,
    *,
    owner: str = "p-anna",
    size: int = 100,
    now: int = NOW,
    quota: Quota = QUOTA,
) -> str:
    status, _ = await records.reserve(
        "case-1", attachment_id, owner, size_bytes=size, quota=quota, now_s=now, expires_at_s=now + 600
    )
    return status


async def test_a_file_is_reserved_then_ready_then_used(records: AttachmentRecords) -> None:
    assert await reserve(records, "att-1") == "ok"
    assert await records.is_reserved("case-1", "att-1", now_s=NOW)
    assert await records.get("case-1", ["att-1"]) == [None]
    assert await records.settle("case-1", RECORD, keep_until_s=NOW + 3600) == "ok"
    assert not await records.is_reserved("case-1", "att-1", now_s=NOW)
    assert await records.get("case-1", ["att-1", "att-2"]) == [RECORD, None]
    assert not await records.is_used("case-1", "att-1")
    assert await records.use("case-1", ["att-1"])
    assert await records.is_used("case-1", "att-1")


async def test_a_reservation_is_of_its_conversation(records: AttachmentRecords) -> None:
    await reserve(records, "att-1")
    assert await records.settle("case-2", RECORD, keep_until_s=NOW + 3600) == "gone"
    assert not await records.is_reserved("case-2", "att-1", now_s=NOW)


async def test_only_the_first_of_two_uploads_counts(records: AttachmentRecords) -> None:
    await reserve(records, "att-1")
    await records.settle("case-1", RECORD, keep_until_s=NOW + 3600)
    assert await records.settle("case-1", replace(RECORD, name="other"), keep_until_s=NOW + 3600) == "done"
    assert await records.get("case-1", ["att-1"]) == [RECORD]


@pytest.mark.attack
async def test_bytes_of_a_conversation_are_limited_however_many_ask_at_once(records: AttachmentRecords) -> None:
    asked = (reserve(records, f"att-{number}", owner=f"p-{number}", size=300) for number in range(8))
    statuses = await asyncio.gather(*asked)
    assert sorted(statuses) == ["bytes"] * 5 + ["ok"] * 3


@pytest.mark.attack
async def test_the_number_of_files_of_a_conversation_is_limited(records: AttachmentRecords) -> None:
    statuses = [await reserve(records, f"att-{number}", owner=f"p-{number}", size=1) for number in range(7)]
    assert statuses == ["ok"] * 5 + ["files"] * 2


@pytest.mark.attack
async def test_one_person_may_have_few_unfinished_files(records: AttachmentRecords) -> None:
    statuses = [await reserve(records, f"att-{number}", size=1) for number in range(4)]
    assert statuses == ["ok"] * 3 + ["pending"]
    assert await reserve(records, "att-9", owner="p-eva", size=1) == "ok"
    await records.settle("case-1", replace(RECORD, attachment_id="att-0"), keep_until_s=NOW + 3600)
    assert await reserve(records, "att-5", size=1) == "pending"
    await records.use("case-1", ["att-0"])
    assert await reserve(records, "att-5", size=1) == "ok"


async def test_what_counts_is_the_size_that_arrived(records: AttachmentRecords) -> None:
    await reserve(records, "att-1", size=900)
    assert await reserve(records, "att-2", size=200) == "bytes"
    await records.settle("case-1", RECORD, keep_until_s=NOW + 3600)
    assert await reserve(records, "att-2", size=700) == "ok"


async def test_what_is_not_finished_or_not_used_in_time_makes_room_again(records: AttachmentRecords) -> None:
    await reserve(records, "att-1", size=500)
    await reserve(records, "att-2", size=500)
    await records.settle("case-1", replace(RECORD, size_bytes=500), keep_until_s=NOW + 3600)
    assert await reserve(records, "att-3") == "bytes"
    assert await reserve(records, "att-3", now=NOW + 600, size=500) == "ok"  # att-2 never came
    status, removed = await records.reserve(
        "case-1", "att-4", "p-anna", size_bytes=900, quota=QUOTA, now_s=NOW + 3600, expires_at_s=NOW + 4000
    )
    assert status == "ok"
    assert [record.attachment_id for record in removed] == ["att-1"]
    assert await records.get("case-1", ["att-1"]) == [None]


async def test_a_used_file_stays(records: AttachmentRecords) -> None:
    await reserve(records, "att-1")
    await records.settle("case-1", RECORD, keep_until_s=NOW + 3600)
    await records.use("case-1", ["att-1"])
    await reserve(records, "att-2", now=NOW + 10**6)
    assert await records.get("case-1", ["att-1"]) == [RECORD]


async def test_using_one_that_is_gone_uses_none(records: AttachmentRecords) -> None:
    await reserve(records, "att-1")
    await records.settle("case-1", RECORD, keep_until_s=NOW + 3600)
    assert not await records.use("case-1", ["att-1", "att-2"])
    assert not await records.is_used("case-1", "att-1")


async def test_removing_and_erasing(records: AttachmentRecords, redis_client: Redis) -> None:
    await reserve(records, "att-1")
    await records.settle("case-1", RECORD, keep_until_s=NOW + 3600)
    await reserve(records, "att-2")
    assert await records.remove("case-1", ["att-1", "att-7"]) == [RECORD]
    assert await records.get("case-1", ["att-1"]) == [None]
    await records.erase("case-1")
    assert await redis_client.keys("*") == []


def test_repr_names_nobody_and_no_file() -> None:
    assert "anna" not in repr(RECORD)
    assert "a.jpg" not in repr(RECORD)


@pytest.mark.parametrize("is_stored_first", [True, False])
async def test_of_two_messages_with_one_file_the_stored_one_has_it(
    records: AttachmentRecords, *, is_stored_first: bool
) -> None:
    await reserve(records, "att-1")
    await records.settle("case-1", RECORD, keep_until_s=NOW + 3600)
    for client_id in ("refused", "stored"):
        assert await records.use("case-1", ["att-1"], client_id=client_id, now_s=NOW)
    if is_stored_first:
        await records.carried("case-1", ["att-1"])
    await records.give_back("case-1", ["att-1"], client_id="refused", keep_until_s=NOW + 3600)
    if not is_stored_first:
        assert await records.used("case-1") == []
        await records.carried("case-1", ["att-1"])
    assert await records.used("case-1") == [RECORD]
    assert await records.sweep("case-1", now_s=NOW + 7200, keep_until_s=NOW + 9999) == []


@pytest.mark.attack
async def test_no_message_gives_back_what_another_took(records: AttachmentRecords) -> None:
    await reserve(records, "att-1")
    await records.settle("case-1", RECORD, keep_until_s=NOW + 3600)
    assert await records.use("case-1", ["att-1"], client_id="first one", now_s=NOW)
    assert await records.use("case-1", ["att-1"], client_id="other", now_s=NOW)
    await records.give_back("case-1", ["att-1"], client_id="other", keep_until_s=NOW + 3600)
    assert await records.is_used("case-1", "att-1")
    await records.give_back("case-1", ["att-1"], client_id="first one", keep_until_s=NOW + 3600)
    assert not await records.is_used("case-1", "att-1")
