"""The store of meetings: lists by whom they concern, changes, ends."""

import pytest
from redis.asyncio import Redis

from signalling.meetings import LISTED_BEFORE_S, LISTED_MAX, Meetings, lists_of, unit_key
from tests.signalling.browsing import PROVIDER, UNIT, patient, staff
from tests.signalling.conftest import NOW
from tests.signalling.meeting_people import HOST, OTHER_PATIENT, PATIENT, meeting


@pytest.fixture
def meetings(redis_client: Redis) -> Meetings:
    return Meetings(redis_client)


async def test_a_meeting_comes_back_as_it_was_put(meetings: Meetings) -> None:
    full = meeting(host_ids=frozenset({HOST}), member_ids=frozenset({OTHER_PATIENT}), max_participants=4)
    assert await meetings.put(full, NOW) is True
    assert await meetings.get("m1") == full
    assert await meetings.put(full, NOW) is False
    assert await meetings.get("m2") is None


async def test_it_stands_in_the_lists_of_all_whom_it_concerns_by_start(meetings: Meetings) -> None:
    await meetings.put(meeting("late", starts_at=int(NOW) + 900), NOW)
    await meetings.put(meeting("early", host_ids=frozenset({HOST}), member_ids=frozenset({OTHER_PATIENT})), NOW)
    unit = unit_key(PROVIDER, UNIT)
    for owner, expected in (
        (PATIENT, ["early", "late"]),
        (unit, ["early", "late"]),
        (HOST, ["early"]),
        (OTHER_PATIENT, ["early"]),
        (unit_key("SE1-P2", UNIT), []),
    ):
        assert [one.meeting_id for one in await meetings.listed([owner], NOW)] == expected
    assert len(await meetings.listed([unit, HOST], NOW)) == 2


async def test_what_is_long_over_is_listed_no_more_and_what_is_deleted_is_gone(meetings: Meetings) -> None:
    await meetings.put(meeting(), NOW)
    assert await meetings.listed([PATIENT], NOW + 600 + LISTED_BEFORE_S) != []
    assert await meetings.listed([PATIENT], NOW + 601 + LISTED_BEFORE_S) == []
    found = await meetings.get("m1")
    assert found is not None
    await meetings.delete(found)
    assert await meetings.listed([PATIENT], NOW) == []


async def test_a_list_is_bounded(meetings: Meetings) -> None:
    for number in range(LISTED_MAX + 3):
        await meetings.put(meeting(f"m{number}", starts_at=int(NOW) + number), NOW)
    found = await meetings.listed([PATIENT], NOW)
    assert [one.meeting_id for one in found] == [f"m{number}" for number in range(LISTED_MAX)]


def test_lists_are_those_of_the_subject_or_of_the_chosen_unit() -> None:
    assert lists_of(patient(PATIENT).principal()) == [PATIENT]
    assert lists_of(staff().principal()) == [HOST, unit_key(PROVIDER, UNIT)]


def test_no_personal_data_is_in_the_representation() -> None:
    assert PATIENT not in repr(meeting())
    assert "Återbesök" not in repr(meeting())
