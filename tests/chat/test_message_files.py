"""A file and the message that names it stay one: when the store refuses the message, and when a front dies half-way."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from chat.archive_files import DirectoryFileArchive
from chat.attachment_records import TAKEN_S, UNUSED
from chat.attachments import AttachmentError
from chat.clamd import NoScanner
from chat.errors import ChatError
from chat.keys import Keys
from tests.chat.test_attachments import TEXT, Setup
from tests.chat.test_case_service import NURSE, World, patient
from tests.chat.test_unit_settings import SETTINGS

DAY_S = 24 * 3600


class Killed(BaseException):
    """The front died here; nothing of ours catches it."""


class Sending:
    """Anna's open case, whose messages carry files."""

    def __init__(self, world: World, setup: Setup, case_id: str) -> None:
        self.world, self.setup, self.case_id = world, setup, case_id
        self.attachments = setup.attachments
        self.records = setup.attachments._records

    @property
    def now(self) -> int:
        return int(self.world.now)

    async def upload(self) -> str:
        address = await self.attachments.reserve(self.case_id, "p-anna", size_bytes=len(TEXT), now_s=self.now)
        claim = self.attachments.signer.check(address.address, purpose="upload", now_s=self.now)
        return str((await self.setup.upload(claim=claim, now=self.now))["attachment_id"])

    async def send(self, client_id: str, *files: str) -> int:
        return (await self.world.chat.send(patient(), self.case_id, client_id, "See", files)).seq

    async def can_read(self, attachment_id: str) -> bool:
        """Whether the unit is given its address."""
        try:
            await self.attachments.download_address(self.case_id, attachment_id, NURSE, now_s=self.now)
        except AttachmentError as error:
            if error.code != "unknown_attachment":
                raise
            return False
        return True

    async def used(self) -> set[str]:
        """What goes into the archive."""
        return {record.attachment_id for record in await self.records.used(self.case_id)}

    async def shut(self, state: str = "closed") -> None:
        """The conversation alone: the case has not followed yet, so that the store is the one who refuses."""
        conversation = await self.world.store.conversation(self.case_id)
        assert conversation is not None
        await self.world.store.update(replace(conversation, state=state))


@pytest.fixture
async def sending(redis_client: Redis, tmp_path: Path) -> AsyncIterator[Sending]:
    world = World(redis_client)
    await world.committer.start()
    await world.units.put(SETTINGS)
    setup = Setup(redis_client, tmp_path / "blobs", NoScanner())
    world.chat.attachments = setup.attachments
    yield Sending(world, setup, (await world.open()).case_id)
    await world.committer.stop()


async def dying(sending: Sending, monkeypatch: pytest.MonkeyPatch, where: str, act: Any) -> None:
    """Do something, and be killed before a step of the attachments."""

    async def die(*_arguments: object, **_named: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(sending.attachments, where, die)
        with pytest.raises(Killed):
            await act


# --- withdrawn ---------------------------------------------------------------------------------------------------


@pytest.mark.attack
async def test_a_front_that_dies_after_a_withdrawal_leaves_no_file_to_fetch(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, other = await sending.upload(), await sending.upload()
    seq = await sending.send("m1", file)
    await sending.send("m2", other)
    address = await sending.attachments.download_address(sending.case_id, file, NURSE, now_s=sending.now)
    claim = sending.attachments.signer.check(address.address, purpose="download", now_s=sending.now)
    withdrawal = sending.world.chat.withdraw(patient(), sending.case_id, "w1", seq)
    await dying(sending, monkeypatch, "hide", withdrawal)
    assert (await sending.world.events(sending.case_id))[seq - 1].is_withdrawn
    assert not await sending.can_read(file)
    with pytest.raises(AttachmentError, match="unknown_attachment"):  # nor by the address that they have already
        await sending.attachments.open(claim)
    assert await sending.can_read(other)
    with pytest.raises(ChatError, match="unknown_attachment"):
        await sending.send("m3", file)


async def test_a_withdrawal_that_is_refused_hides_nothing(sending: Sending) -> None:
    file = await sending.upload()
    seq = await sending.send("m1", file)
    await sending.shut()
    with pytest.raises(ChatError, match="conversation_closed"):
        await sending.world.chat.withdraw(patient(), sending.case_id, "w1", seq)
    assert await sending.can_read(file)


@pytest.mark.attack
async def test_a_withdrawn_file_is_named_by_no_message_again(sending: Sending) -> None:
    file = await sending.upload()
    seq = await sending.send("m1", file)
    await sending.world.chat.withdraw(patient(), sending.case_id, "w1", seq)
    with pytest.raises(ChatError, match="unknown_attachment"):
        await sending.send("m2", file)
    assert await sending.send("m1", file) == seq  # its acknowledgement was lost: it is the first one
    kinds = [event.kind for event in await sending.world.events(sending.case_id)]
    assert kinds == ["system", "message", "withdrawal"]


# --- refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", ["conversation_closed", "conversation_full"])
async def test_the_file_of_a_refused_message_is_given_back(
    sending: Sending, monkeypatch: pytest.MonkeyPatch, redis_client: Redis, tmp_path: Path, why: str
) -> None:
    file = await sending.upload()
    if why == "conversation_full":
        monkeypatch.setattr("chat.committer.MAX_EVENTS", 2)
        await sending.send("m0")
    else:
        await sending.shut()
    with pytest.raises(ChatError, match=why):
        await sending.send("m1", file)
    assert not await sending.can_read(file)
    archive = DirectoryFileArchive(tmp_path / "archive")
    await sending.attachments.archive(sending.case_id, archive)
    assert not await archive.has(sending.case_id, file)
    monkeypatch.undo()
    await redis_client.hdel(Keys(sending.case_id).meta, "full")
    await sending.shut("open")
    await sending.send("m2", file)  # it may be sent after all
    assert await sending.can_read(file)
    assert await sending.used() == {file}


async def test_what_was_given_back_can_be_taken_back_and_goes_after_a_day(sending: Sending) -> None:
    files = [await sending.upload(), await sending.upload()]
    await sending.shut()
    with pytest.raises(ChatError, match="conversation_closed"):
        await sending.send("m1", *files)
    await sending.attachments.discard(sending.case_id, files[0], "p-anna")
    assert await sending.attachments.sweep(sending.now + DAY_S - 1) == 0
    assert await sending.attachments.sweep(sending.now + DAY_S) == 1
    assert sending.setup.files() == []
    for number in range(4):  # the whole quota is there again
        person = f"p-{number}"
        await sending.attachments.reserve(sending.case_id, person, size_bytes=50_000, now_s=sending.now + DAY_S)


async def test_a_file_stays_with_the_message_that_has_it(sending: Sending) -> None:
    file = await sending.upload()
    await sending.send("m1", file)
    await sending.shut()
    with pytest.raises(ChatError, match="conversation_closed"):
        await sending.send("m2", file)
    assert await sending.can_read(file)
    assert await sending.attachments.sweep(sending.now + 2 * DAY_S) == 0
    assert await sending.used() == {file}


# --- nobody knows ------------------------------------------------------------------------------------------------


async def test_a_message_that_was_not_heard_of_and_is_refused_when_it_comes_again(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_arguments: object) -> None:
        raise ChatError("chat_unavailable")

    file = await sending.upload()
    with monkeypatch.context() as broken:
        broken.setattr(sending.world.store, "append", away)
        with pytest.raises(ChatError, match="chat_unavailable"):
            await sending.send("m1", file)
    await sending.shut()
    with pytest.raises(ChatError, match="conversation_closed"):
        await sending.send("m1", file)
    assert await sending.used() == set()
    assert await sending.attachments.sweep(sending.now + DAY_S) == 1


async def test_a_front_that_dies_before_its_message_is_stored_leaves_nothing_for_the_archive(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_arguments: object) -> None:
        raise Killed

    file = await sending.upload()
    with monkeypatch.context() as patched:
        patched.setattr(sending.world.store, "append", die)
        with pytest.raises(Killed):
            await sending.send("m1", file)
    assert await sending.used() == set()
    later = sending.now + TAKEN_S
    assert await sending.attachments.sweep(later - 1) == 0
    assert await sending.can_read(file)  # until then the message may still come
    assert await sending.attachments.sweep(later) == 0
    assert not await sending.can_read(file)
    assert await sending.attachments.sweep(later + DAY_S) == 1
    assert sending.setup.files() == []


async def test_a_front_that_dies_after_its_message_is_stored_takes_no_file_from_it(
    sending: Sending, monkeypatch: pytest.MonkeyPatch, redis_client: Redis
) -> None:
    file = await sending.upload()
    await dying(sending, monkeypatch, "carried", sending.send("m1", file))
    assert await sending.used() == {file}
    for later in (TAKEN_S, DAY_S, 3 * DAY_S):
        assert await sending.attachments.sweep(sending.now + later) == 0
    assert await sending.can_read(file)
    assert await sending.used() == {file}
    assert await redis_client.zcard(UNUSED) == 0  # nothing is looked at again for ever


async def test_a_store_of_files_that_is_away_does_not_undo_a_stored_message(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_arguments: object, **_named: object) -> None:
        raise RedisConnectionError

    file = await sending.upload()
    with monkeypatch.context() as broken:
        broken.setattr(sending.records, "carried", away)
        seq = await sending.send("m1", file)
    with monkeypatch.context() as broken:
        broken.setattr(sending.records, "hide", away)
        await sending.world.chat.withdraw(patient(), sending.case_id, "w1", seq)
    assert not await sending.can_read(file)
    await sending.shut()
    other = await sending.upload()
    with monkeypatch.context() as broken:
        broken.setattr(sending.records, "give_back", away)
        with pytest.raises(ChatError, match="conversation_closed"):
            await sending.send("m2", other)
    assert await sending.used() == {file}
