"""When the patient is told of a case outside the service, and when not again."""

import asyncio
from dataclasses import replace

from redis.asyncio import Redis

from chat.case_service import REPAIR_AFTER_S
from chat.case_store import TO_TELL
from chat.case_telling import PRESENT_READS_S
from chat.events import alias
from chat.presence import Presence
from tests.chat.test_case_service import DOCTOR, NURSE, World, patient, staff, world
from tests.patience import PATIENCE_S

__all__ = ["world"]


async def test_the_patient_is_told_of_an_answer_and_of_the_end_outside_the_service(world: World) -> None:
    case = await world.open()
    await world.service.assign(case.case_id, NURSE)
    await world.chat.send(staff(), case.case_id, "m1", "Hello")
    await world.chat.send(staff(), case.case_id, "m2", "and again")
    await world.service.close(case.case_id)
    assert [(case_id, template) for case_id, _, template in world.notices.sent] == [
        (case.case_id, "new_message"),
        (case.case_id, "case_closed"),
    ]


async def test_a_later_message_is_told_once_the_earlier_one_was_read_and_one_notice_stands_for_all_unread(
    world: World,
) -> None:
    case = await world.open()
    await world.service.assign(case.case_id, NURSE)

    async def say(number: int) -> int:
        return (await world.chat.send(staff(), case.case_id, f"m{number}", "Hello")).seq

    def told() -> int:
        return len(world.notices.sent)

    first = await say(1)
    assert [await say(2), told()] == [first + 2, 1]  # with the change of state in between
    await world.chat.receipt(staff(DOCTOR), case.case_id, 99, 99)  # a colleague's reading is not the patient's
    second = await say(3)
    assert told() == 1
    await world.chat.receipt(patient(), case.case_id, second, second)
    third = await say(4)
    assert told() == 2
    await say(5)
    assert told() == 2
    guardian = replace(
        patient("p-guardian"), subject="p-anna", roles=frozenset({"proxy"}), proxy_scopes=frozenset({"messages"})
    )
    await world.chat.receipt(guardian, case.case_id, third, third)
    await say(6)
    assert told() == 3
    await world.chat.send(patient(), case.case_id, "m7", "I see")  # who answers has read
    await say(8)
    assert told() == 4
    await world.service.hand_over(case.case_id, DOCTOR)
    assert told() == 4
    assert {template for _, _, template in world.notices.sent} == {"new_message"}


async def test_a_notice_that_led_nowhere_stands_for_no_later_message(world: World) -> None:
    case = await world.open()
    await world.service.assign(case.case_id, NURSE)
    first = (await world.chat.send(staff(), case.case_id, "m1", "Hello")).seq
    await world.chat.send(staff(), case.case_id, "m2", "and again")
    assert len(world.notices.sent) == 1
    world.notices.led_nowhere.add(first)  # no number was known, or no channel led anywhere
    await world.chat.send(staff(), case.case_id, "m3", "and again")
    assert len(world.notices.sent) == 2
    await world.chat.send(staff(), case.case_id, "m4", "and again")
    assert len(world.notices.sent) == 2


async def test_a_notice_that_could_not_be_kept_is_sent_by_repair(world: World) -> None:
    case = await world.open()
    await world.service.assign(case.case_id, NURSE)
    world.notices.is_broken = True
    await world.chat.send(staff(), case.case_id, "m1", "Hello")
    await world.chat.send(staff(), case.case_id, "m2", "and again")
    await world.chat.send(staff(), case.case_id, "m2", "and again")  # its acknowledgement was lost
    world.notices.is_broken = False
    assert world.notices.sent == []
    assert await world.cases.is_unfinished(case.case_id)
    world.now += REPAIR_AFTER_S + 1
    assert await world.service.repair() == 1
    assert [template for _, _, template in world.notices.sent] == ["new_message"]
    assert not await world.cases.is_unfinished(case.case_id)


async def test_who_has_the_case_open_is_told_only_if_they_do_not_read(world: World) -> None:
    case_id = (await world.open()).case_id
    await world.service.assign(case_id, NURSE)
    people = Presence(world.committer, "front-1")
    me = alias(case_id, "p-anna")

    async def there(person: str, *, is_there: bool = True) -> None:
        (people.enter if is_there else people.leave)(case_id, person)
        async with asyncio.timeout(PATIENCE_S):
            while (person in await world.store.present(case_id)) is not is_there:
                await asyncio.sleep(0.001)

    async def say(number: int) -> int:
        return (await world.chat.send(staff(), case_id, f"m{number}", "Hello")).seq

    await there(alias(case_id, NURSE))
    await there(me)
    for number in range(3):  # a conversation of two who are there
        seq = await say(number)
        await world.chat.receipt(patient(), case_id, seq, seq)
        world.now += PRESENT_READS_S - 1
        await world.service.repair()
    world.now += 2
    assert await world.service.repair() == 1
    assert await world.service.repair() == 0
    assert world.notices.sent == []

    await say(3)  # the page is open and nobody looks at it
    world.now += PRESENT_READS_S - 1
    await world.service.repair()
    assert world.notices.sent == []
    world.now += 2
    await world.service.repair()
    assert len(world.notices.sent) == 1

    seq = await say(4)
    await world.chat.receipt(patient(), case_id, seq, seq)
    await there(me, is_there=False)
    await say(5)  # who has gone is told at once
    assert len(world.notices.sent) == 2


async def test_a_message_that_comes_while_one_is_being_told_is_looked_at_later(
    world: World, redis_client: Redis
) -> None:
    await world.cases.tell_later("case-1", world.now)
    assert await world.cases.due_to_tell(world.now) == ["case-1"]
    await world.cases.tell_later("case-1", world.now + 60)
    await world.cases.has_told("case-1", world.now)
    assert await world.cases.due_to_tell(world.now + 60) == ["case-1"]
    await world.cases.has_told("case-1", world.now + 60)
    assert await redis_client.zcard(TO_TELL) == 0


async def test_one_who_cannot_be_told_holds_up_no_other(world: World, redis_client: Redis) -> None:
    case_id = (await world.open()).case_id
    await world.service.assign(case_id, NURSE)
    world.notices.is_broken = True
    await world.chat.send(staff(), case_id, "m1", "Hello")
    world.notices.is_broken = False
    await redis_client.hset("ao:case:case-broken", "case", b"no case")
    for one in ("case-broken", "case-none", case_id):
        await world.cases.tell_later(one, world.now)
    assert await world.service.repair() == 3
    assert len(world.notices.sent) == 1
    assert await world.cases.due_to_tell(world.now) == []
