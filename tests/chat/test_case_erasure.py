"""What the archive has is erased here, step by step; whoever dies in between loses nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis

from chat.archive import ArchiveError, Transcript
from chat.archive_files import DirectoryFileArchive
from chat.case_erasure import CaseEraser
from chat.case_service import ERASE_AGAIN_S, REOPEN_WITHIN_S, CaseService
from chat.cases import Case, CaseError, CaseState
from chat.clamd import NoScanner
from chat.keys import Keys
from tests.chat.test_archive_files import files
from tests.chat.test_attachments import TEXT, Setup
from tests.chat.test_case_service import NURSE, World, patient, staff
from tests.chat.test_unit_settings import PROVIDER, SETTINGS, UNIT


class Killed(BaseException):  # nothing of ours catches it
    """The front died here."""


class KeepingArchive:
    """Keeps events by number, as the companion does."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[int, str]] = {}
        self.is_away = False

    async def store(self, transcript: Transcript) -> str:
        if self.is_away:
            raise ArchiveError("away")
        there = self.kept.setdefault(transcript.conversation.conversation_id, {})
        there |= {event.seq: str(event.body) for event in transcript.events}
        return "reference"

    async def has_through(self, conversation_id: str) -> int:
        if self.is_away:
            raise ArchiveError("away")
        numbers = self.kept.get(conversation_id, {})
        return max(numbers, default=0) if len(numbers) == max(numbers, default=0) else 0


class Erasing:
    """A closed case with a file and notes, and an eraser that can be killed before its n-th step."""

    def __init__(self, world: World, redis: Redis, folder: Path) -> None:
        self.world, self.redis, self.folder = world, redis, folder
        self.archive = KeepingArchive()
        self.setup = Setup(redis, folder / "blobs", NoScanner())
        self.file_archive = DirectoryFileArchive(folder / "archive")
        self.counted: list[bool] = []
        self.dies_at = 0

    def service(self) -> CaseService:
        """A front."""
        world = self.world

        async def archive_files(conversation_id: str) -> None:
            await self.setup.attachments.archive(conversation_id, self.file_archive)

        eraser = CaseEraser(
            self.mortal(world.store, "erase"),
            self.mortal(world.cases, "change"),
            self.archive,
            archive_files=self.step(archive_files),
            erase_files=self.step(self.setup.attachments.erase_conversation),
        )
        service = CaseService(
            self.mortal(world.cases, "trimmed"), world.units, world.chat, self.archive, world.notices,
            clock=lambda: world.now, archive_files=archive_files, eraser=eraser, on_erased=self.counted.append,
        )  # fmt: skip
        world.chat.gate = service
        return service

    def step(self, act: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[None]]:
        async def acted(*arguments: object, **named: object) -> object:
            self.dies_at -= 1
            if self.dies_at == 0:
                raise Killed
            return await act(*arguments, **named)

        return acted  # type: ignore[return-value]

    def mortal(self, thing: object, name: str) -> object:
        step = self.step(getattr(thing, name))

        class Mortal:
            def __getattr__(self, wanted: str) -> object:
                return step if wanted == name else getattr(thing, wanted)

        return Mortal()

    async def closed_case(self) -> Case:
        world, service = self.world, self.service()
        case = await world.open()
        attachments, size = self.setup.attachments, len(TEXT)
        address = await attachments.reserve(case.case_id, "p-anna", size_bytes=size, now_s=world.now)
        claim = attachments.signer.check(address.address, purpose="upload", now_s=int(world.now))
        view = await self.setup.upload(claim=claim, now=int(world.now))
        world.chat.attachments = self.setup.attachments
        await world.chat.send(patient(), case.case_id, "m1", "secret text", [view["attachment_id"]])
        await service.assign(case.case_id, NURSE)
        await world.chat.send(staff(), case.case_id, "m2", "an answer")
        await service.note(staff(), case.case_id, "n1", "secret note")
        return await service.close(case.case_id)

    async def is_gone(self, case: Case) -> bool:
        keys = [key for one in (case.case_id, case.notes_id) for key in Keys(one).all()]
        keys += [f"ao:chat:{{{case.case_id}}}:files"]
        return not await self.redis.exists(*keys) and not self.setup.files()


@pytest.fixture
async def erasing(redis_client: Redis, tmp_path: Path) -> AsyncIterator[Erasing]:
    world = World(redis_client)
    await world.committer.start()
    await world.units.put(SETTINGS)
    await world.service.meet(PROVIDER, UNIT, NURSE, "Name")
    yield Erasing(world, redis_client, tmp_path)
    await world.committer.stop()


async def test_nothing_is_erased_while_the_case_may_be_reopened(erasing: Erasing) -> None:
    case = await erasing.closed_case()
    erasing.world.now += REOPEN_WITHIN_S
    await erasing.service().repair()
    assert not await erasing.is_gone(case)
    assert erasing.counted == []


async def test_a_case_that_is_reopened_while_it_is_being_erased_stays(erasing: Erasing) -> None:
    """At the last moment, by a front whose clock is behind: what the archive is asked takes its time."""
    case = await erasing.closed_case()
    service, world = erasing.service(), erasing.world
    has_through = erasing.archive.has_through

    async def meanwhile(conversation_id: str) -> int:
        if conversation_id == case.notes_id:
            world.now -= 2
            await erasing.service().reopen(case.case_id)
            world.now += 2
        return await has_through(conversation_id)

    erasing.archive.has_through = meanwhile  # type: ignore[method-assign]
    world.now += REOPEN_WITHIN_S + 2
    await service.repair()
    assert erasing.counted == [False]
    assert not await erasing.is_gone(case)
    reopened = await service.get(case.case_id)
    assert (reopened.state, reopened.is_erased, reopened.subject) == (CaseState.REOPENED, False, "A question")
    await world.chat.send(patient(), case.case_id, "m3", "One more thing")
    # What is left of the erasing does not come at the wrong time when it is closed again.
    erasing.archive.has_through = has_through  # type: ignore[method-assign]
    await service.close(case.case_id)
    await world.cases.trim_at(reopened, int(world.now) + ERASE_AGAIN_S)
    world.now += ERASE_AGAIN_S + 2
    await service.repair()
    assert not (await service.get(case.case_id)).is_erased
    world.now += REOPEN_WITHIN_S + 2
    await service.repair()
    assert await erasing.is_gone(case)


async def test_what_is_left_is_that_there_was_a_case(erasing: Erasing) -> None:
    case = await erasing.closed_case()
    erasing.world.now += REOPEN_WITHIN_S + 2
    service = erasing.service()
    await service.repair()
    assert await erasing.is_gone(case)
    (left,) = await erasing.world.cases.of_patient("p-anna")
    assert left == replace(case, subject="", patient_name="", is_erased=True, version=case.version + 1)
    assert "secret" not in str(await erasing.redis.hgetall(f"ao:case:{case.case_id}"))
    assert len(erasing.archive.kept[case.case_id]) == 6
    assert list(files(erasing.folder / "archive").values()) == [TEXT]
    assert erasing.counted == [True]
    erasing.world.now = float(case.closed_at_s or 0)  # a unit that allows more days does not bring it back
    with pytest.raises(CaseError, match="reopen_too_late"):
        await service.reopen(case.case_id)
    erasing.world.now += 100 * 24 * 3600
    await service.repair()  # its change of version is followed without making conversations anew
    assert await erasing.is_gone(case)
    assert await service.repair() == 0


@pytest.mark.parametrize("dies_at", range(1, 9))
async def test_a_front_that_dies_at_any_step_loses_nothing_and_another_goes_on(erasing: Erasing, dies_at: int) -> None:
    case = await erasing.closed_case()
    erasing.world.now += REOPEN_WITHIN_S + 2
    dying = erasing.service()
    erasing.dies_at = dies_at
    with pytest.raises(Killed):
        await dying.repair()
    kept = erasing.archive.kept
    assert (len(kept[case.case_id]), len(kept[case.notes_id])) == (6, 5)
    await erasing.service().repair()
    assert await erasing.is_gone(case)
    assert (await erasing.world.cases.get(case.case_id) or case).is_erased
    assert list(files(erasing.folder / "archive").values()) == [TEXT]


async def test_nothing_is_erased_that_the_archive_lacks(erasing: Erasing) -> None:
    """The archive was set up after the case was closed, or has lost something: it gets all of it once more."""
    case = await erasing.closed_case()
    del erasing.archive.kept[case.case_id][2]
    erasing.archive.is_away = True
    erasing.world.now += REOPEN_WITHIN_S + 2
    service = erasing.service()
    await service.repair()
    assert not await erasing.is_gone(case)
    assert erasing.counted == [False]
    erasing.archive.is_away = False
    await service.repair()
    assert not await erasing.is_gone(case)  # not yet again
    erasing.world.now += ERASE_AGAIN_S + 1
    await service.repair()
    assert await erasing.is_gone(case)
    assert sorted(erasing.archive.kept[case.case_id]) == [1, 2, 3, 4, 5, 6]
