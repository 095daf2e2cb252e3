"""Age, validity and doses: the gates stand on every path, whoever walks it."""

from typing import Any

import pytest

from companion.models.schedules import Schedule
from companion.services import Services
from tests.companion.people import ANNA, BO, CHILD, OTHER_UNIT, UNIT, Api, patient, proxy, staff
from tests.companion.world import ADMIN, TIME_TYPE, World, add_slots, build, found

STAFF = staff("scheduler")


@pytest.mark.parametrize(
    ("time_type", "anna", "bo", "child"),
    [
        ({"min_age": 18}, None, None, "age_gate"),
        ({"max_age": 12}, "age_gate", "age_gate", None),
        ({"born_until_year": 1962}, "age_gate", None, "age_gate"),
        ({"valid_until": "2027-03-07"}, "time_type_not_valid", "time_type_not_valid", "time_type_not_valid"),
    ],
)
async def test_gates_on_every_path(
    api: Api, services: Services, time_type: dict[str, Any], anna: str | None, bo: str | None, child: str | None
) -> None:
    world = await build(api, services, capacity=9, time_type=time_type)
    for person, code, himself in ((ANNA, anna, patient()), (BO, bo, patient(BO)), (CHILD, child, proxy())):
        for index, who in enumerate((himself, STAFF)):
            slot = world.slots[index]["slot_id"]
            answer = await api.post("/bookings", who, {"slot_id": slot, "patient_person_id": person})
            assert answer.json().get("code") == code
            series = {"slot_ids": [world.slots[index + 2]["slot_id"]], "patient_person_id": person}
            assert (await api.post("/series", who, series)).json().get("code") == code
            held = await api.post(
                "/holds", who, {"slot_id": world.slots[index + 4]["slot_id"], "patient_person_id": person}
            )
            assert held.json().get("code") == code
    await world.counters_hold()


async def test_a_second_dose_keeps_its_interval_also_when_moved(api: Api, services: Services) -> None:
    world = await build(api, services, capacity=5, time_type={"dose": 1})
    second = {"dose": 2, "first_dose_type_id": world.time_type_id, "min_days_since_dose": 2}
    _, _, slots = await add_slots(api, capacity=5, time_type=second, begins="10:00", ends="12:00")
    none_yet = await api.post("/bookings", patient(), {"slot_id": slots[-1]["slot_id"]})
    assert none_yet.json()["code"] == "dose_interval"
    await api.made("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    early = await api.post("/bookings", patient(), {"slot_id": slots[4]["slot_id"]})
    assert (early.json()["code"], early.json()["earliest"]) == ("dose_interval", "2027-03-10")
    booking = await api.made("/bookings", patient(), {"slot_id": slots[8]["slot_id"]})
    moved = await api.post(f"/bookings/{booking['booking_id']}/rebook", patient(), {"slot_id": slots[4]["slot_id"]})
    assert moved.json()["code"] == "dose_interval"


async def test_slots_for_second_doses_are_kept_apart(api: Api, services: Services) -> None:
    await found(services)
    _, _, slots = await add_slots(api, purpose="dose_2")
    assert (await api.get("/slots")).json() == []
    assert len((await api.get("/slots?purpose=dose_2")).json()) == 20
    answer = await api.post("/bookings", patient(), {"slot_id": slots[0]["slot_id"]})
    assert answer.json()["code"] == "slot_reserved"


async def test_drop_in_slots_are_not_booked(api: Api, services: Services) -> None:
    world = await build(api, services, purpose="drop_in")
    wish = {"slot_id": world.slots[0]["slot_id"], "patient_person_id": ANNA}
    assert (await api.post("/bookings", STAFF, wish)).json()["code"] == "slot_reserved"


async def test_what_patients_may_not_do_staff_do_for_them(api: Api, services: Services) -> None:
    rules = {"patient_may_book": False, "patient_may_rebook": False, "patient_may_cancel": False}
    world = await build(api, services, time_type=rules)
    wish = {"slot_id": world.slots[0]["slot_id"], "patient_person_id": ANNA}
    assert await world.free() == []
    assert len((await api.get(f"/units/{UNIT}/free-slots", STAFF)).json()) == 20
    assert (await api.get(f"/units/{UNIT}/free-slots", staff(unit=OTHER_UNIT))).status_code == 404
    assert (await api.get(f"/units/{UNIT}/free-slots", patient())).status_code == 404
    assert (await api.post("/bookings", patient(), wish)).json()["code"] == "not_permitted"
    booking = await api.made("/bookings", STAFF, wish)
    path = f"/bookings/{booking['booking_id']}"
    assert (await api.post(f"{path}/cancel", patient(), {})).json()["code"] == "not_permitted"
    other = {"slot_id": world.slots[1]["slot_id"]}
    assert (await api.post(f"{path}/rebook", patient(), other)).json()["code"] == "not_permitted"
    await api.made(f"{path}/rebook", STAFF, other)


async def test_bookings_that_patients_do_not_see_are_not_there_for_them(api: Api, services: Services) -> None:
    world = await build(api, services, time_type={"patient_may_see": False})
    wish = {"slot_id": world.slots[0]["slot_id"], "patient_person_id": ANNA}
    booking = await api.made("/bookings", STAFF, wish)
    assert (await api.get(f"/bookings/{booking['booking_id']}", patient())).status_code == 404
    assert (await api.get("/bookings", patient())).json() == {"bookings": []}


async def test_the_past_is_not_booked(world: World) -> None:
    world.api.clock.advance(days=7, minutes=1)
    wish = {"slot_id": world.slots[0]["slot_id"]}
    assert (await world.api.post("/bookings", patient(), wish)).json()["code"] == "slot_past"
    assert len(await world.free(last="2027-03-08")) == 3


# --- what is closed or over is offered to nobody -----------------------------------------------------------------


async def set_active(api: Api, path: str, *, is_active: bool) -> None:
    answer = await api.ask("PATCH", path, ADMIN, {"is_active": is_active})
    assert answer.status_code == 200, answer.text


async def test_a_closed_unit_has_no_slots(api: Api, services: Services) -> None:
    world = await build(api, services, capacity=2)
    wish = {"slot_id": world.slots[0]["slot_id"], "patient_person_id": ANNA}
    held = (await api.made("/holds", patient(), {"slot_id": world.slots[4]["slot_id"]}))["hold_id"]
    await set_active(api, f"/units/{UNIT}", is_active=False)
    assert await world.free() == []
    assert (await api.get(f"/units/{UNIT}/free-slots", STAFF)).json() == []
    assert (await api.get(f"/slots/{wish['slot_id']}/alternatives")).json() == []
    for who in (patient(), STAFF):
        answer = await api.post("/bookings", who, wish)
        assert (answer.status_code, answer.json()["code"], answer.json()["successor_id"]) == (409, "not_offered", None)
        assert (await api.post("/holds", who, wish)).json()["code"] == "not_offered"
    listed = await api.post(f"/units/{UNIT}/reserve", patient(), {"time_type_id": world.time_type_id})
    assert listed.json()["code"] == "not_offered"
    await api.made("/bookings", patient(), {"hold_id": held})  # who held a place before has it
    await set_active(api, f"/units/{UNIT}", is_active=True)
    await api.made("/bookings", patient(), wish)
    await world.counters_hold()


async def test_a_schedule_that_is_not_in_use_has_no_slots(api: Api, services: Services) -> None:
    world = await build(api, services)
    async with services.database.transaction(services.clock()) as transaction:
        (await transaction.session.get_one(Schedule, world.schedule_id)).is_active = False
    assert await world.free() == []
    answer = await api.post("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    assert answer.json()["code"] == "not_offered"


async def test_a_time_type_is_offered_on_its_days_and_names_its_successor(api: Api, services: Services) -> None:
    """Valid from Tuesday to Wednesday, by the clocks of Stockholm; then another takes its place."""
    world = await build(api, services)
    other = await api.made(f"/units/{UNIT}/time-types", ADMIN, TIME_TYPE)
    fields = {"valid_from": "2027-03-09", "valid_until": "2027-03-10", "successor_id": other["time_type_id"]}
    path = f"/units/{UNIT}/time-types/{world.time_type_id}"
    assert (await api.ask("PUT", path, ADMIN, TIME_TYPE | fields)).status_code == 200
    assert {one["local_start"][:10] for one in await world.free()} == {"2027-03-09", "2027-03-10"}
    shown = (await api.get(f"/units/{UNIT}/free-slots", STAFF)).json()
    assert {one["local_start"][:10] for one in shown} == {"2027-03-09", "2027-03-10"}
    over = world.slots[12]["slot_id"]
    nearest = (await api.get(f"/slots/{over}/alternatives")).json()
    assert {one["slot_id"] for one in nearest} == {slot["slot_id"] for slot in world.slots[9:12]}
    for path in ("/bookings", "/holds"):
        answer = await api.post(path, patient(), {"slot_id": over})
        problem = answer.json()
        assert (problem["code"], problem["successor_id"]) == ("time_type_not_valid", other["time_type_id"])
