"""Who takes part in a booking: groups that share a meeting, clinicians of other units, relatives, interpreters."""

from typing import Any

import pytest
from sqlalchemy import select

from companion.models.organisation import StaffMember
from companion.models.outbox import OutboxRow
from companion.models.schedules import Schedule
from companion.services import Services
from tests.companion.people import (
    ANNA,
    BO,
    CHILD,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    OTHER_UNIT,
    UNIT,
    Api,
    patient,
    proxy,
    service,
    staff,
)
from tests.companion.world import World, add_slots, build

PLANNER = staff("scheduler")
FRONT = service("meetings:read", name="front")
DOCTOR, NURSE = "SE5555555555-D1", "SE5566778899-N1"
CLINICIAN = {"kind": "clinician", "staff_hsa_id": DOCTOR}


async def group(api: Api, services: Services) -> World:
    return await build(api, services, capacity=5, time_type={"modality": "video", "is_group": True})


async def meeting(api: Api, meeting_id: str) -> dict[str, Any]:
    answer = await api.get(f"/meetings/{meeting_id}", FRONT)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def changes(services: Services) -> list[tuple[str, int]]:
    async with services.database.reading(services.clock()) as transaction:
        query = select(OutboxRow).where(OutboxRow.kind == "meeting.changed").order_by(OutboxRow.id)
        rows = (await transaction.session.scalars(query)).all()
        return [(row.payload["meeting"], row.payload["sequence"]) for row in rows]


# --- groups ------------------------------------------------------------------------------------------------------


async def test_all_bookings_of_a_group_slot_are_in_one_meeting(api: Api, services: Services) -> None:
    world = await group(api, services)
    slot = {"slot_id": world.slots[0]["slot_id"]}
    made = [await api.made("/bookings", who, slot) for who in (patient(), patient(BO), proxy())]
    (meeting_id,) = {one["meeting_id"] for one in made}
    shown = await meeting(api, meeting_id)
    assert (shown["is_group"], shown["patient_person_id"], shown["sequence"]) == (True, None, 3)
    assert shown["member_ids"] == [ANNA, BO, CHILD]
    assert await changes(services) == [(meeting_id, 1), (meeting_id, 2), (meeting_id, 3)]
    other = await api.made("/bookings", patient(), {"slot_id": world.slots[1]["slot_id"]})
    assert other["meeting_id"] != meeting_id
    listed = (await api.get(f"/units/{UNIT}/meetings", FRONT)).json()["meetings"]
    assert [one["meeting_id"] for one in listed] == [meeting_id, other["meeting_id"]]
    own = (await api.get(f"/persons/{BO}/meetings", FRONT)).json()["meetings"]
    assert [(one["meeting_id"], one["member_ids"]) for one in own] == [(meeting_id, [ANNA, BO, CHILD])]


async def test_cancelling_and_moving_take_one_member_out(api: Api, services: Services) -> None:
    world = await group(api, services)
    slot = {"slot_id": world.slots[0]["slot_id"]}
    mine, other = await api.made("/bookings", patient(), slot), await api.made("/bookings", patient(BO), slot)
    await api.made(f"/bookings/{mine['booking_id']}/cancel", patient(), {})
    shown = await meeting(api, mine["meeting_id"])
    assert (shown["state"], shown["member_ids"], shown["sequence"]) == ("booked", [BO], 3)
    moved = await api.made(
        f"/bookings/{other['booking_id']}/rebook", patient(BO), {"slot_id": world.slots[5]["slot_id"]}
    )
    empty = await meeting(api, mine["meeting_id"])
    assert (empty["state"], empty["member_ids"]) == ("cancelled", [])
    assert (await meeting(api, moved["meeting_id"]))["member_ids"] == [BO]
    again = await api.made("/bookings", patient(), slot)
    assert again["meeting_id"] == mine["meeting_id"]
    assert (await meeting(api, again["meeting_id"]))["state"] == "booked"
    await world.counters_hold()


async def test_a_time_type_that_is_no_group_gives_each_their_own_meeting(api: Api, services: Services) -> None:
    world = await build(api, services, capacity=5, time_type={"modality": "video"})
    slot = {"slot_id": world.slots[0]["slot_id"]}
    made = [await api.made("/bookings", who, slot) for who in (patient(), patient(BO))]
    assert len({one["meeting_id"] for one in made}) == 2
    assert await changes(services) == []


# --- clinicians, relatives ---------------------------------------------------------------------------------------


async def video(api: Api, services: Services) -> World:
    world = await build(api, services, capacity=2, time_type={"modality": "video"})
    async with services.database.transaction(services.clock()) as transaction:
        transaction.session.add_all([StaffMember(hsa_id=DOCTOR, name="D"), StaffMember(hsa_id=NURSE, name="N")])
        (await transaction.session.get_one(Schedule, world.schedule_id)).staff_hsa_id = NURSE
    return world


def wish(world: World, index: int = 0, person: str = ANNA, **more: Any) -> dict[str, Any]:
    return {"slot_id": world.slots[index]["slot_id"], "patient_person_id": person} | more


async def test_the_front_learns_who_holds_a_meeting_and_who_else_comes(api: Api, services: Services) -> None:
    world = await video(api, services)
    relative = {"kind": "relative", "person_id": CHILD}
    booking = await api.made("/bookings", PLANNER, wish(world, participants=[CLINICIAN, relative]))
    shown = await meeting(api, booking["meeting_id"])
    assert (shown["host_ids"], shown["member_ids"], shown["is_group"]) == (sorted([DOCTOR, NURSE]), [CHILD], False)
    path = f"/bookings/{booking['booking_id']}/participants"
    there = (await api.get(path, PLANNER)).json()
    assert {(one["kind"], one["staff_hsa_id"], one["person_id"]) for one in there} == {
        ("clinician", DOCTOR, None),
        ("relative", None, CHILD),
    }
    gone = next(one["participant_id"] for one in there if one["kind"] == "relative")
    assert (await api.ask("DELETE", f"{path}/{gone}", PLANNER)).status_code == 204
    assert (await api.ask("DELETE", f"{path}/{gone}", PLANNER)).status_code == 404
    assert (await meeting(api, booking["meeting_id"]))["member_ids"] == []
    await api.made(path, PLANNER, {"kind": "relative", "person_id": BO})
    assert (await meeting(api, booking["meeting_id"]))["member_ids"] == [BO]
    assert await changes(services) == [(booking["meeting_id"], 1), (booking["meeting_id"], 2)]


async def test_no_employee_is_in_two_visits_at_a_time(api: Api, services: Services) -> None:
    world = await video(api, services)
    _, schedule, others = await add_slots(api, unit=OTHER_UNIT, begins="08:15", ends="09:15")
    async with services.database.transaction(services.clock()) as transaction:
        (await transaction.session.get_one(Schedule, schedule)).staff_hsa_id = DOCTOR
    there = staff("scheduler", unit=OTHER_UNIT)
    own = await api.made("/bookings", there, {"slot_id": others[0]["slot_id"], "patient_person_id": BO})
    busy = await api.post("/bookings", PLANNER, wish(world, participants=[CLINICIAN]))
    assert (busy.status_code, busy.json()["code"]) == (409, "staff_busy")
    await api.made(f"/bookings/{own['booking_id']}/cancel", there, {})
    booking = await api.made("/bookings", PLANNER, wish(world, participants=[CLINICIAN]))
    second = await api.post("/bookings", PLANNER, wish(world, 0, BO, participants=[CLINICIAN]))
    assert second.json()["code"] == "staff_busy"
    later = await api.made("/bookings", PLANNER, wish(world, 3, BO, participants=[CLINICIAN]))
    path = f"/bookings/{later['booking_id']}/rebook"
    assert (await api.post(path, PLANNER, {"slot_id": world.slots[0]["slot_id"]})).json()["code"] == "staff_busy"
    await api.made(path, PLANNER, {"slot_id": world.slots[2]["slot_id"]})
    assert booking["state"] == "booked"
    await world.counters_hold()


@pytest.mark.attack
@pytest.mark.parametrize(
    "participant",
    [
        {"kind": "clinician", "person_id": CHILD},
        {"kind": "relative", "staff_hsa_id": DOCTOR},
        {"kind": "relative"},
        {"kind": "interpreter", "staff_hsa_id": DOCTOR, "person_id": CHILD},
        {"kind": "clinician", "staff_hsa_id": "SE5555555555-X9"},
        {"kind": "relative", "person_id": "p-" + "x" * 26},
        {"kind": "relative", "person_id": ANNA},
    ],
)
async def test_only_known_people_take_part(api: Api, services: Services, participant: dict[str, Any]) -> None:
    world = await video(api, services)
    answer = await api.post("/bookings", PLANNER, wish(world, participants=[participant]))
    assert (answer.status_code, answer.json()["field"]) == (422, "participants")
    await world.counters_hold()


@pytest.mark.attack
async def test_patients_ask_nobody_and_other_units_see_nobody(api: Api, services: Services) -> None:
    world = await video(api, services)
    answer = await api.post("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"], "participants": [CLINICIAN]})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
    booking = await api.made("/bookings", PLANNER, wish(world, interpreter_language="so"))
    path = f"/bookings/{booking['booking_id']}"
    assert (await api.post(f"{path}/participants", patient(), CLINICIAN)).json()["code"] == "not_permitted"
    for who in (
        patient(BO),
        staff("scheduler", unit=OTHER_UNIT),
        staff("scheduler", unit=FOREIGN_UNIT, provider=OTHER_PROVIDER),
    ):
        assert (await api.get(f"{path}/participants", who)).status_code == 404
        assert (await api.post(f"{path}/participants", who, CLINICIAN)).status_code == 404
        orders = await api.get(f"/units/{UNIT}/interpreter-orders?day=2027-03-08", who)
        assert orders.status_code == 404
        assigned = await api.ask("PUT", f"{path}/interpreter", who, {"name": "T"})
        assert assigned.status_code in (403, 404)


# --- interpreters ------------------------------------------------------------------------------------------------


async def test_an_interpreter_is_ordered_found_and_assigned_until_the_visit_is_moved(
    api: Api, services: Services
) -> None:
    world = await video(api, services)
    booking = await api.made("/bookings", PLANNER, wish(world, interpreter_language="so"))
    orders = f"/units/{UNIT}/interpreter-orders?day=2027-03-08"
    (order,) = (await api.get(orders, PLANNER)).json()
    assert (order["language"], order["state"], order["assigned_to"]) == ("so", "ordered", None)
    path = f"/bookings/{booking['booking_id']}/interpreter"
    answer = await api.ask("PUT", path, PLANNER, {"name": "Tolk 4711"})
    assert (answer.json()["state"], answer.json()["assigned_to"]) == ("assigned", "Tolk 4711")
    await api.made(f"/bookings/{booking['booking_id']}/rebook", PLANNER, {"slot_id": world.slots[1]["slot_id"]})
    (order,) = (await api.get(orders, PLANNER)).json()
    assert (order["state"], order["assigned_to"]) == ("ordered", None)
    await api.made(f"/bookings/{booking['booking_id']}/cancel", PLANNER, {})
    assert (await api.ask("PUT", path, PLANNER, {"name": "Tolk"})).json()["code"] == "conflict"
    without = await api.made("/bookings", PLANNER, wish(world, 2))
    none = await api.ask("PUT", f"/bookings/{without['booking_id']}/interpreter", PLANNER, {"name": "Tolk"})
    assert none.status_code == 404
