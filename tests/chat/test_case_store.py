"""Cases over a real Valkey: one writer wins, and every list leads to them."""

import asyncio
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from chat.case_store import FORGET_STAFF_S, CaseStore, unit_key
from chat.cases import Case, CaseAct, CaseError, CaseState, apply
from tests.chat.test_cases import NOW, NURSE, POLICY, new_case

PROVIDER, UNIT = new_case().provider_hsa_id, new_case().unit_hsa_id
OTHER_UNIT = "SE2321000131-E000000000002"


@pytest.fixture
def store(redis_client: Redis) -> CaseStore:
    return CaseStore(redis_client)


def numbered(number: int, **changes: object) -> Case:
    return replace(new_case(NOW + number), case_id=f"case-{number}", **changes)


def assign(case: Case) -> Case:
    return apply(case, CaseAct.ASSIGN, now_s=NOW, policy=POLICY, assignee=NURSE)


async def test_a_case_is_kept_whole(store: CaseStore) -> None:
    case = assign(new_case())
    await store.create(new_case())
    await store.change("case-abc", assign)
    assert await store.get("case-abc") == case
    assert await store.get("case-other") is None


async def test_creating_twice_gives_the_first(store: CaseStore) -> None:
    await store.create(new_case())
    assert await store.create(replace(new_case(), subject="another")) == new_case()


async def test_of_many_who_take_a_case_one_gets_it(store: CaseStore) -> None:
    await store.create(new_case())

    async def take(nurse: str) -> str:
        try:
            await store.change(
                "case-abc", lambda case: apply(case, CaseAct.ASSIGN, now_s=NOW, policy=POLICY, assignee=nurse)
            )
        except CaseError as error:
            return error.code
        return nurse

    results = await asyncio.gather(*(take(f"nurse-{number}") for number in range(8)))
    case = await store.get("case-abc")
    assert case is not None
    assert sorted(results) == ["already_assigned"] * 7 + [case.assignee]


async def test_every_change_of_many_at_once_is_made(store: CaseStore) -> None:
    await store.create(new_case())
    note = store.change("case-abc", lambda case: replace(case, version=case.version + 1))
    others = [store.change("case-abc", lambda case: replace(case, version=case.version + 1)) for _ in range(4)]
    await asyncio.gather(note, *others)
    case = await store.get("case-abc")
    assert case is not None
    assert case.version == 6


async def test_who_has_seen_an_older_version_is_told(store: CaseStore) -> None:
    await store.create(new_case())
    await store.change("case-abc", assign, expected_version=1)
    with pytest.raises(CaseError, match="changed_meanwhile"):
        await store.change("case-abc", lambda case: case, expected_version=1)
    with pytest.raises(CaseError, match="unknown_case"):
        await store.change("case-other", assign)


async def test_a_unit_sees_its_open_cases_longest_waiting_first(store: CaseStore) -> None:
    for number in (3, 1, 2):
        await store.create(numbered(number))
    await store.create(numbered(4, unit_hsa_id=OTHER_UNIT))
    found = await store.of_unit(PROVIDER, UNIT, is_closed=False)
    assert [case.case_id for case in found] == ["case-1", "case-2", "case-3"]
    assert await store.of_unit("SE-other", UNIT, is_closed=False) == []


async def test_a_closed_case_changes_lists_and_comes_back(store: CaseStore) -> None:
    await store.create(new_case())
    for act, in_open, in_closed in ((CaseAct.CLOSE, 0, 1), (CaseAct.REOPEN, 1, 0)):
        await store.change("case-abc", lambda case, act=act: apply(case, act, now_s=NOW, policy=POLICY))  # type: ignore[misc]
        assert len(await store.of_unit(PROVIDER, UNIT, is_closed=False)) == in_open
        assert len(await store.of_unit(PROVIDER, UNIT, is_closed=True)) == in_closed


async def test_a_case_that_moves_leaves_the_old_unit(store: CaseStore) -> None:
    await store.create(new_case())
    await store.change(
        "case-abc", lambda case: apply(case, CaseAct.RETURN, now_s=NOW, policy=POLICY, unit_hsa_id=OTHER_UNIT)
    )
    assert await store.of_unit(PROVIDER, UNIT, is_closed=False) == []
    assert len(await store.of_unit(PROVIDER, OTHER_UNIT, is_closed=False)) == 1


async def test_a_list_that_a_dead_front_left_behind_misleads_nobody(store: CaseStore, redis_client: Redis) -> None:
    await store.create(numbered(1, state=CaseState.CLOSED, closed_at_s=NOW))
    await redis_client.zadd(unit_key(PROVIDER, UNIT, is_closed=False), {"case-1": 1, "case-never-kept": 2})
    assert await store.of_unit(PROVIDER, UNIT, is_closed=False) == []


async def test_a_patient_sees_all_of_their_cases_and_nobody_elses(store: CaseStore) -> None:
    await store.create(numbered(1))
    await store.create(numbered(2, unit_hsa_id=OTHER_UNIT, state=CaseState.CLOSED))
    await store.create(numbered(3, patient="p-eva"))
    assert [case.case_id for case in await store.of_patient("p-anna")] == ["case-2", "case-1"]


async def test_a_change_is_unfinished_until_its_own_version_is_followed(store: CaseStore) -> None:
    await store.create(new_case())
    assert await store.unfinished(NOW) == ["case-abc"]
    assert await store.unfinished(NOW - 1) == []
    _, after = await store.change("case-abc", assign)
    await store.finished(new_case())
    assert await store.unfinished(NOW) == ["case-abc"]
    await store.finished(after)
    assert await store.unfinished(NOW) == []


async def test_colleagues_are_those_who_were_seen_at_the_unit(store: CaseStore) -> None:
    await store.meet(PROVIDER, UNIT, NURSE, "Nina Nurse", now_s=1000)
    assert await store.colleagues(PROVIDER, UNIT, since_s=1000) == {NURSE: "Nina Nurse"}
    assert await store.colleagues(PROVIDER, UNIT, since_s=1001) == {}
    assert await store.names(PROVIDER, UNIT) == {NURSE: "Nina Nurse"}
    assert await store.colleagues(PROVIDER, OTHER_UNIT, since_s=0) == {}
    await store.meet(PROVIDER, UNIT, "SE-2", "Disa Doctor", now_s=1000 + FORGET_STAFF_S)
    assert await store.names(PROVIDER, UNIT) == {"SE-2": "Disa Doctor"}
