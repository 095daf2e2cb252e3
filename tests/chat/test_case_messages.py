"""Messages of a case and the case: what one front has stored, another brings the case in line with."""

import asyncio
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from chat.case_service import REPAIR_AFTER_S
from chat.case_store import WRITING
from chat.cases import CaseError, CaseState
from chat.errors import ChatError
from tests.chat.test_case_service import NURSE, World, patient, staff, world
from tests.chat.test_unit_settings import SETTINGS

__all__ = ["world"]


class Killed(BaseException):  # nothing of ours catches it
    """The front died here."""


async def dying_after_the_append(world: World, monkeypatch: pytest.MonkeyPatch, *, is_staff: bool, case_id: str) -> int:
    """A message that is stored and not followed: its number."""

    async def die(*_arguments: object) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(world.service, "after_append", die)
        with pytest.raises(Killed):
            await world.chat.send(staff() if is_staff else patient(), case_id, f"lost-{is_staff}", "Did you see it?")
    return (await world.events(case_id))[-1].seq


async def test_a_message_of_a_front_that_died_is_the_units_to_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = (await world.open()).case_id
    await world.service.assign(case_id, NURSE)
    await world.chat.send(staff(), case_id, "m1", "Hello")
    seq = await dying_after_the_append(world, monkeypatch, is_staff=False, case_id=case_id)
    assert await world.service.repair() == 0
    assert (await world.service.get(case_id)).state is CaseState.AWAITING_PATIENT
    world.now += REPAIR_AFTER_S + 1
    assert await world.service.repair() == 1
    case = await world.service.get(case_id)
    assert (case.state, case.last_patient_seq) == (CaseState.AWAITING_STAFF, seq)
    assert case.answer_by_s is not None
    assert await world.service.repair() == 0


async def test_a_message_of_the_unit_of_a_front_that_died_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = (await world.open()).case_id
    await world.service.assign(case_id, NURSE)
    seq = await dying_after_the_append(world, monkeypatch, is_staff=True, case_id=case_id)
    later = (await world.chat.send(patient(), case_id, "m1", "Hello?")).seq  # followed first
    world.now += REPAIR_AFTER_S + 1
    await world.service.repair()
    case = await world.service.get(case_id)
    assert (case.last_staff_seq, case.last_patient_seq) == (seq, later)
    assert case.state is CaseState.AWAITING_STAFF


async def test_what_was_followed_or_never_stored_leaves_no_mark(world: World, redis_client: Redis) -> None:
    case_id = (await world.open()).case_id
    await world.chat.send(patient(), case_id, "m1", "Hello")
    assert await redis_client.zcard(WRITING) == 0
    with pytest.raises(ChatError):
        await world.chat.send(patient(), case_id, "m2", " ")
    await world.cases.writes(case_id, "p-anna", world.now)  # it was about to be stored
    await world.cases.writes("case-none", "p-anna", world.now)
    world.now += REPAIR_AFTER_S + 1
    version = (await world.service.get(case_id)).version
    assert await world.service.repair() == 2
    assert (await world.service.get(case_id)).version == version
    assert await redis_client.zcard(WRITING) == 0


async def test_a_broken_mark_stops_no_other(world: World, monkeypatch: pytest.MonkeyPatch, redis_client: Redis) -> None:
    case_id = (await world.open()).case_id
    await dying_after_the_append(world, monkeypatch, is_staff=False, case_id=case_id)
    await world.cases.writes("case-broken", "p-anna", 0)
    await redis_client.hset("ao:case:case-broken", "case", b"no case")
    world.now += REPAIR_AFTER_S + 1
    assert await world.service.repair() == 2
    assert (await world.service.get(case_id)).last_patient_seq > 0
    assert await world.cases.written(world.now) == [("case-broken", "p-anna")]


@pytest.mark.attack
async def test_many_cases_at_once_are_no_more_than_one_after_the_other(world: World) -> None:
    asked = (world.open(client_id=f"c{number}") for number in range(12))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, CaseError)]
    assert {error.code for error in refused} == {"too_many_cases"}
    assert len(refused) == 12 - 3
    assert len(await world.cases.of_patient("p-anna")) == 3


async def test_a_case_that_is_opened_twice_at_once_is_one_and_stays_so(world: World) -> None:
    for number in range(2):
        await world.open(client_id=f"c{number}")
    same = await asyncio.gather(*(world.open(client_id="last") for _ in range(5)))  # the limit is three
    assert len({case.case_id for case in same}) == 1
    await world.units.put(replace(SETTINGS, takes_cases=False))
    assert (await world.open(client_id="last")).case_id == same[0].case_id  # the first answer was lost
    with pytest.raises(CaseError, match="unit_takes_no_cases"):
        await world.open(client_id="another")
