"""Closed cases go to a real companion, are read there, and are erased at the front."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from auth.permissions import LOA3
from auth.principal import Principal
from chat.archive import ArchiveError, Transcript
from chat.conversation import Conversation
from chat.events import Event
from companion.services import Services
from signalling.companion_answers import CompanionRefusedError, CompanionUnavailableError
from signalling.companion_archive import (
    MAX_BYTES,
    MAX_EVENTS,
    CompanionArchive,
    CompanionFileArchive,
    parts,
)
from signalling.companion_client import CompanionClient
from signalling.companion_policy import RetryPolicy
from tests.chat.test_attachments import chunks
from tests.chat.test_case_service import patient, staff
from tests.signalling.archive_server import real_companion
from tests.signalling.browsing import PROVIDER, UNIT
from tests.signalling.conftest import KEYS, NOW, MakeFront
from tests.signalling.test_case_api import ANNA, unit_settings

CASE, FILE = "case-abc", "att-" + "0" * 32
DAY_S = 24 * 3600


def anna(person_id: str = ANNA) -> Principal:
    return Principal(
        "patient", frozenset({"patient"}), person_id, person_id, "A", frozenset(), None, None, LOA3, 0, f"g-{person_id}"
    )


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def companion(tmp_path: Path, clock: Clock) -> AsyncIterator[tuple[str, Services]]:
    async with real_companion(tmp_path, clock) as found:
        yield found


@pytest.fixture
async def client(companion: tuple[str, Services], clock: Clock) -> AsyncIterator[CompanionClient]:
    client = CompanionClient(companion[0], KEYS, wall_clock=clock, retries=RetryPolicy(attempt_s=10, total_s=20))
    yield client
    await client.close()


def event(seq: int, text: str = "hej", author: str = ANNA) -> Event:
    return Event(seq, int(NOW * 1000) + seq, "message", author, "Anna", "patient", f"c{seq}", 0, {"text": text})


def transcript(*events: Event) -> Transcript:
    conversation = Conversation(CASE, PROVIDER, UNIT, ANNA, title="Fråga", state="closed")
    return Transcript(conversation, events[0].seq, events[-1].seq, events)


async def read(client: CompanionClient, conversation_id: str = CASE, **query: str) -> dict[str, Any]:
    body = (await client.get(f"/cases/archived/{conversation_id}", anna(), query=query)).body
    return dict(body)


async def test_a_long_transcript_goes_in_several_requests_and_may_come_again(client: CompanionClient) -> None:
    archive = CompanionArchive(client)
    events = [event(seq, "å" * 8000 if seq % 2 else "kort") for seq in range(1, 60)]
    assert len(list(parts(transcript(*events)))) > 1
    assert await archive.has_through(CASE) == 0
    for _ in range(2):
        await archive.store(transcript(*events))
    assert await archive.has_through(CASE) == 59
    await archive.store(transcript(event(60)))
    assert await archive.has_through(CASE) == 60
    assert [one["seq"] for one in (await read(client, after="57"))["events"]] == [58, 59, 60]


def test_no_part_is_too_large() -> None:
    events = [event(seq, "\x01" * 8000) for seq in range(1, 100)] + [event(seq, "") for seq in range(100, 2000)]
    found = list(parts(transcript(*events)))
    assert [one["seq"] for part in found for one in part] == list(range(1, 2000))
    assert max(map(len, found)) <= MAX_EVENTS
    assert max(len(str(part)) for part in found) <= MAX_BYTES


async def test_a_part_that_the_archive_lacks_is_not_taken_for_kept(client: CompanionClient) -> None:
    """It was archived elsewhere, before there was a companion."""
    archive = CompanionArchive(client)
    await archive.store(transcript(event(3)))
    assert await archive.has_through(CASE) == 0


async def test_a_conflict_is_an_error_of_the_archive(client: CompanionClient) -> None:
    archive = CompanionArchive(client)
    await archive.store(transcript(event(1)))
    with pytest.raises(ArchiveError, match="archive_conflict"):
        await archive.store(transcript(event(1, "something else")))


async def test_files_arrive_whole_and_come_back(client: CompanionClient) -> None:
    files, data = CompanionFileArchive(client, max_bytes=3_000_000), bytes(range(256)) * 10_000
    assert not await files.has(CASE, FILE)
    for _ in range(2):
        await files.store(CASE, FILE, chunks(data, 100_000))
    assert await files.has(CASE, FILE)
    carrying = event(1)
    view = {"attachment_id": FILE, "name": "x.png"}
    await CompanionArchive(client).store(transcript(Event(**vars(carrying) | {"body": {"attachments": [view]}})))
    path = f"/cases/archived/{CASE}/files/{FILE}"
    async with client.fetch_file(path, anna()) as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert b"".join([piece async for piece in answer.chunks]) == data
    with pytest.raises(CompanionRefusedError, match="404"):
        async with client.fetch_file(path, anna("p-" + "z" * 26)):
            pass


@pytest.mark.attack
async def test_no_address_is_made_of_what_is_no_id(client: CompanionClient) -> None:
    files = CompanionFileArchive(client, max_bytes=10)
    with pytest.raises(ArchiveError):
        await files.store(CASE, "../x", chunks(b"x"))
    with pytest.raises(ArchiveError, match="too_large"):
        await files.store(CASE, FILE, chunks(b"x" * 11))


async def test_a_companion_that_is_away_is_told() -> None:
    client = CompanionClient("http://127.0.0.1:1", KEYS, retries=RetryPolicy(attempts=1))
    files = CompanionFileArchive(client, max_bytes=10)
    with pytest.raises(ArchiveError):
        await CompanionArchive(client).store(transcript(event(1)))
    with pytest.raises(ArchiveError):
        await CompanionArchive(client).has_through(CASE)
    with pytest.raises(ArchiveError):
        await files.has(CASE, FILE)
    with pytest.raises(CompanionUnavailableError):
        async with client.fetch_file("/x", anna()):
            pass
    await client.close()


async def test_a_front_hands_a_closed_case_over_and_then_erases_it(
    companion: tuple[str, Services], client: CompanionClient, make_front: MakeFront, clock: Clock, redis_client: Redis
) -> None:
    front = await make_front(clock=clock, companion_url=companion[0])
    await front.cases.units.put(unit_settings())
    service, chat = front.cases.service, front.chat.service
    nurse = staff(unit=UNIT, provider=PROVIDER)
    await service.meet(PROVIDER, UNIT, nurse.actor, "Nina")
    case = await service.open(
        patient(ANNA),
        provider_hsa_id=PROVIDER,
        unit_hsa_id=UNIT,
        patient=ANNA,
        patient_name="Anna",
        subject="Hemligt",
        client_id="c1",
    )
    await chat.send(patient(ANNA), case.case_id, "m1", "Hemlig text")
    await service.assign(case.case_id, nurse.actor)
    await service.close(case.case_id)
    page = await read(client, case.case_id)
    assert page["case"]["title"] == "Hemligt"
    assert "Hemlig text" in [one["body"].get("text") for one in page["events"]]
    clock.now += 15 * DAY_S
    await service.repair()
    (left,) = await service.cases.of_patient(ANNA)
    assert (left.is_erased, left.subject) == (True, "")
    assert await chat.store.conversation(case.case_id) is None
    keys = [key async for key in redis_client.scan_iter("ao:chat:{*")]
    assert keys == []
    assert (await read(client, case.case_id))["events"] == page["events"]
    assert front.metrics.cases_erased.labels("erased")._value.get() == 1
