"""When the patient is told of a case outside the service, and when not again."""

from dataclasses import replace

from chat.case_service import REPAIR_AFTER_S
from tests.chat.test_case_service import DOCTOR, NURSE, World, patient, staff, world

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
