"""Editing time books: templates change and end with their slots, schedules rest, single slots close and grow."""

from typing import Any

import pytest

from companion.services import Services
from tests.companion.people import BO, CHILD, FOREIGN_UNIT, OTHER_PROVIDER, OTHER_UNIT, UNIT, Api, patient, staff
from tests.companion.world import ADMIN, World, add_slots

SCHEDULER = staff("scheduler")


async def template_of(world: World) -> dict[str, Any]:
    answer = await world.api.get(f"/schedules/{world.schedule_id}/templates", SCHEDULER)
    assert answer.status_code == 200
    (line,) = answer.json()
    return dict(line)


def sent(line: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What was read, to be sent back."""
    return {name: value for name, value in line.items() if name not in ("template_id", "schedule_id")} | changes


async def change(world: World, **changes: Any) -> dict[str, Any]:
    line = await template_of(world)
    answer = await world.api.ask("PUT", f"/templates/{line['template_id']}", SCHEDULER, sent(line, **changes))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def starts(world: World, day: str = "2027-03-08") -> list[str]:
    return [one["local_start"][11:16] for one in await world.free(first=day, last=day)]


async def days(world: World) -> list[tuple[str, int, int, str]]:
    answer = await world.api.get(f"/schedules/{world.schedule_id}/days/2027-03-08", SCHEDULER)
    return [(one["starts_at"][11:16], one["capacity"], one["taken"], one["state"]) for one in answer.json()]


async def test_what_is_read_of_a_template_and_sent_back_changes_nothing(world: World) -> None:
    before = await template_of(world)
    changed = await change(world)
    assert (changed["slots_removed"], changed["slots_changed"], changed["booking_ids"]) == (0, 0, [])
    assert await template_of(world) == before
    assert len(await world.free()) == 20


async def test_a_shorter_day_takes_the_free_slots_and_names_the_bookings(world: World) -> None:
    late = world.slots[3]  # Monday 09:30
    booking = await world.api.made("/bookings", patient(), {"slot_id": late["slot_id"]})
    gone = await world.api.made("/bookings", patient(BO), {"slot_id": world.slots[7]["slot_id"]})
    await world.api.made(f"/bookings/{gone['booking_id']}/cancel", patient(BO), {})  # its slot is still named by it
    changed = await change(world, ends="09:30:00")
    assert (changed["slots_removed"], changed["booking_ids"]) == (4, [booking["booking_id"]])
    assert await starts(world) == ["08:00", "08:30", "09:00"]
    assert await starts(world, "2027-03-09") == ["08:00", "08:30", "09:00"]
    refused = await world.api.post("/bookings", patient(CHILD), {"slot_id": world.slots[7]["slot_id"]})
    assert refused.json()["code"] == "slot_taken"
    await world.counters_hold()


async def test_other_places_reach_slots_that_were_made_but_not_those_set_by_hand(world: World) -> None:
    by_hand = world.slots[1]["slot_id"]
    await world.api.made("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    assert (await world.api.ask("PATCH", f"/slots/{by_hand}", SCHEDULER, {"capacity": 7})).status_code == 200
    assert (await change(world, capacity=3))["slots_changed"] == 19
    assert [one[1:3] for one in await days(world)] == [(3, 1), (7, 0), (3, 0), (3, 0)]
    await world.api.made("/bookings", patient(BO), {"slot_id": world.slots[0]["slot_id"]})
    assert (await change(world, capacity=1))["slots_changed"] == 18  # two have come to the first already
    assert [one[1:3] for one in await days(world)] == [(3, 2), (7, 0), (1, 0), (1, 0)]
    await world.counters_hold()


async def test_a_template_ends_and_gives_no_slots_after_its_last_day(world: World) -> None:
    line = await template_of(world)
    path = f"/templates/{line['template_id']}/end"
    ended = await world.api.made(path, SCHEDULER, {"last_day": "2027-03-09"})
    assert (ended["valid_until"], ended["slots_removed"]) == ("2027-03-09", 12)
    assert len(await world.free()) == 8
    again = {"first": "2027-03-08", "last": "2027-03-26"}
    assert await world.api.made(f"/schedules/{world.schedule_id}/slots", SCHEDULER, again) == {"count": 0}
    early = await world.api.post(path, SCHEDULER, {"last_day": "2026-01-01"})
    assert (early.status_code, early.json()["field"]) == (422, "valid_until")


async def test_another_time_type_leaves_the_slots_of_the_other_lines_alone(world: World) -> None:
    line = {
        "time_type_id": world.time_type_id, "weekdays": "0", "begins": "13:00", "ends": "14:00", "slot_minutes": 60,
        "valid_from": "2027-01-01",
    }  # fmt: skip
    made = await world.api.made(f"/schedules/{world.schedule_id}/templates", SCHEDULER, line)
    week = {"first": "2027-03-08", "last": "2027-03-12"}
    await world.api.made(f"/schedules/{world.schedule_id}/slots", SCHEDULER, week)
    other, _, _ = await add_slots(world.api, begins="15:00", ends="16:00")
    body = line | {"time_type_id": other, "begins": "10:00:00"}
    answer = await world.api.ask("PUT", f"/templates/{made['template_id']}", SCHEDULER, body)
    assert (answer.json()["slots_removed"], answer.json()["time_type_id"]) == (1, other)
    assert (await days(world))[-1][0] == "08:30"  # 09:30 in Stockholm: the hour at 13 is gone
    refused = await world.api.ask("PUT", f"/templates/{made['template_id']}", SCHEDULER, body | {"ends": "09:00"})
    assert (refused.status_code, refused.json()["field"]) == (422, "ends")


async def test_one_slot_closes_and_stays_closed_when_a_closure_goes(world: World) -> None:
    slot = world.slots[1]["slot_id"]
    booking = await world.api.made("/bookings", patient(), {"slot_id": slot})
    closed = (await world.api.ask("PATCH", f"/slots/{slot}", SCHEDULER, {"is_closed": True})).json()
    assert (closed["state"], closed["booking_ids"]) == ("closed", [booking["booking_id"]])
    body = {"starts_at": "2027-03-08T08:00:00+01:00", "ends_at": "2027-03-08T09:30:00+01:00", "reason": "möte"}
    closure = await world.api.made(f"/schedules/{world.schedule_id}/closures", SCHEDULER, body)
    listed = (await world.api.get(f"/schedules/{world.schedule_id}/closures", SCHEDULER)).json()
    assert [(one["closure_id"], one["reason"]) for one in listed] == [(closure["closure_id"], "möte")]
    held = await world.api.ask("PATCH", f"/slots/{slot}", SCHEDULER, {"is_closed": False})
    assert (held.status_code, held.json()["field"]) == (409, "is_closed")
    assert (await world.api.ask("DELETE", f"/closures/{closure['closure_id']}", SCHEDULER)).status_code == 204
    assert (await world.api.get(f"/schedules/{world.schedule_id}/closures", SCHEDULER)).json() == []
    assert [one[3] for one in await days(world)] == ["free", "closed", "free", "free"]
    opened = (await world.api.ask("PATCH", f"/slots/{slot}", SCHEDULER, {"is_closed": False})).json()
    assert (opened["state"], opened["booking_ids"]) == ("booked", [])


async def test_a_slot_never_has_fewer_places_than_are_taken_and_new_ones_go_to_who_waits(world: World) -> None:
    slot = world.slots[0]["slot_id"]
    path = f"/slots/{slot}"
    assert (await world.api.ask("PATCH", path, SCHEDULER, {"capacity": 2})).json()["state"] == "free"
    for who in (patient(), patient(BO)):
        await world.api.made("/bookings", who, {"slot_id": slot})
    few = await world.api.ask("PATCH", path, SCHEDULER, {"capacity": 1})
    assert (few.status_code, few.json()["field"]) == (409, "capacity")
    waits = {"time_type_id": world.time_type_id, "patient_person_id": CHILD}
    await world.api.made(f"/units/{UNIT}/reserve", SCHEDULER, waits)
    world.api.clock.advance(days=6)
    more = (await world.api.ask("PATCH", path, SCHEDULER, {"capacity": 3})).json()
    assert (more["capacity"], more["taken"], more["state"]) == (3, 3, "held")  # the next one was offered it
    world.api.clock.advance(days=2)
    past = await world.api.ask("PATCH", path, SCHEDULER, {"is_closed": True})
    assert past.json()["code"] == "slot_past"


async def test_a_schedule_is_renamed_rests_and_works_again(world: World) -> None:
    path = f"/schedules/{world.schedule_id}"
    booking = await world.api.made("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    await world.api.ask("PATCH", f"/slots/{world.slots[2]['slot_id']}", SCHEDULER, {"is_closed": True})
    renamed = (await world.api.ask("PATCH", path, SCHEDULER, {"name": "Ny", "staff_hsa_id": "SE5555555555-K7"})).json()
    assert (renamed["name"], renamed["staff_hsa_id"], renamed["is_active"]) == ("Ny", "SE5555555555-K7", True)
    rests = (await world.api.ask("PATCH", path, SCHEDULER, {"is_active": False, "staff_hsa_id": None})).json()
    assert (rests["name"], rests["staff_hsa_id"]) == ("Ny", None)
    assert rests["booking_ids"] == [booking["booking_id"]]
    assert await world.free() == []
    for slot in (world.slots[1], world.slots[5]):
        refused = await world.api.post("/bookings", patient(BO), {"slot_id": slot["slot_id"]})
        assert refused.json()["code"] == "not_offered"
    week = {"first": "2027-03-15", "last": "2027-03-19"}
    assert (await world.api.post(f"{path}/slots", SCHEDULER, week)).json()["code"] == "conflict"
    assert (await world.api.ask("PATCH", path, SCHEDULER, {"is_active": True})).json()["booking_ids"] == []
    assert await starts(world) == ["08:30", "09:30"]
    assert len(await world.free()) == 18


async def test_questionnaires_and_vaccines_are_listed(world: World, services: Services) -> None:
    question = {"question_id": "fever", "kind": "boolean", "text_sv": "Feber?", "text_en": "Fever?"}
    content = {"questions": [question], "valid_days": 3}
    body = {"title_sv": "Hälsa", "title_en": "Health", "content": content}
    made = await world.api.made(f"/units/{UNIT}/questionnaires", ADMIN, body)
    await world.api.made(f"/questionnaires/{made['form_id']}/versions/1/publish", ADMIN)
    await world.api.made(f"/questionnaires/{made['form_id']}/versions", ADMIN, body)
    listed = (await world.api.get(f"/units/{UNIT}/questionnaires", SCHEDULER)).json()
    assert [(one["form_id"], one["version"], one["state"]) for one in listed] == [
        (made["form_id"], 2, "draft"),
        (made["form_id"], 1, "published"),
    ]
    assert "content" not in listed[0]
    path = f"/time-types/{world.time_type_id}/vaccines"
    assert (await world.api.get(path)).json() == {"vaccines": []}
    gives = {"vaccines": [{"vaccine": "covid-19", "dose_number": 2, "min_interval_days": 21}]}
    for _ in range(2):  # what was read is sent back
        assert (await world.api.ask("PUT", path, SCHEDULER, gives)).status_code == 204
        gives = (await world.api.get(path)).json()
    assert gives["vaccines"][0]["min_interval_days"] == 21
    assert (await world.api.get(f"/time-types/tt-{'a' * 26}/vaccines")).status_code == 404


@pytest.mark.attack
@pytest.mark.parametrize(
    "who",
    [staff("scheduler", unit=OTHER_UNIT), staff("region_admin", unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)],
    ids=["other unit", "other provider"],
)
async def test_nobody_edits_other_units_books(world: World, who: Any) -> None:
    line = await template_of(world)
    template, schedule = f"/templates/{line['template_id']}", f"/schedules/{world.schedule_id}"
    asked: list[tuple[str, str, Any]] = [
        ("GET", f"{schedule}/templates", None),
        ("PUT", template, sent(line)),
        ("POST", f"{template}/end", {"last_day": "2027-03-09"}),
        ("PATCH", schedule, {"is_active": False}),
        ("GET", f"{schedule}/closures", None),
        ("PATCH", f"/slots/{world.slots[0]['slot_id']}", {"capacity": 9}),
        ("GET", f"/units/{UNIT}/questionnaires", None),
        ("PUT", f"/templates/te-{'a' * 26}", sent(line)),
        ("PATCH", f"/slots/sl-{'a' * 26}", {"capacity": 9}),
    ]
    for method, path, body in asked:
        answer = await world.api.ask(method, path, who, body)
        assert (method, path, answer.status_code) == (method, path, 404)
    assert len(await world.free()) == 20


async def test_units_can_lose_a_phone_number_and_say_whether_they_are_open(api: Api, world: World) -> None:
    assert world.schedule_id
    changed = await api.ask("PATCH", f"/units/{UNIT}", ADMIN, {"phone": None, "name": None})
    assert (changed.json()["phone"], changed.json()["is_active"]) == (None, True)
    assert changed.json()["name"]
