"""Time books: templates, closures, holidays, the public search, and that each unit edits its own only."""

from typing import Any

import pytest

from companion.services import Services
from tests.companion.people import FOREIGN_UNIT, OTHER_PROVIDER, OTHER_UNIT, UNIT, Api, patient, staff
from tests.companion.world import ADMIN, TIME_TYPE, World, add_slots, build, found


async def test_slots_are_made_once(world: World) -> None:
    assert len(world.slots) == 20
    days = {"first": "2027-03-08", "last": "2027-03-12"}
    again = await world.api.made(f"/schedules/{world.schedule_id}/slots", ADMIN, days)
    assert again == {"count": 0}


async def test_holidays_give_no_slots_unless_the_template_says_so(world: World) -> None:
    easter = {"first": "2027-03-25", "last": "2027-03-30"}
    made = await world.api.made(f"/schedules/{world.schedule_id}/slots", ADMIN, easter)
    assert made == {"count": 8}  # Thursday and Tuesday: Good Friday and Easter Monday are none


async def test_a_closure_hides_slots_and_names_the_bookings_in_it(world: World) -> None:
    booking = await world.api.made("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    closure = await world.api.made(
        f"/schedules/{world.schedule_id}/closures",
        ADMIN,
        {"starts_at": "2027-03-08T08:15:00+01:00", "ends_at": "2027-03-08T09:00:00+01:00", "reason": "ill"},
    )
    assert closure["booking_ids"] == [booking["booking_id"]]
    day = {"first": "2027-03-08", "last": "2027-03-08"}
    assert [one["local_start"][11:16] for one in await world.free(**day)] == ["09:00", "09:30"]
    closed = await world.api.post("/bookings", patient(), {"slot_id": world.slots[1]["slot_id"]})
    assert closed.json()["code"] == "slot_taken"
    assert (await world.api.ask("DELETE", f"/closures/{closure['closure_id']}", ADMIN)).status_code == 204
    assert [one["local_start"][11:16] for one in await world.free(**day)] == ["08:30", "09:00", "09:30"]


async def test_staff_see_states_of_slots(world: World) -> None:
    await world.api.made("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    await world.api.made("/holds", patient(), {"slot_id": world.slots[1]["slot_id"]})
    answer = await world.api.get(f"/schedules/{world.schedule_id}/days/2027-03-08", ADMIN)
    assert [slot["state"] for slot in answer.json()] == ["booked", "held", "free", "free"]


async def test_the_search_keeps_to_its_limits(world: World) -> None:
    assert len(await world.free(limit=3)) == 3
    assert await world.free(first="2027-03-13", last="2027-03-14") == []
    assert await world.free(unit=OTHER_UNIT) == []
    for query in ("first=2027-03-01&last=2028-03-01", "first=9999-12-30", "limit=0", "unit=x", "first=yesterday"):
        answer = await world.api.get(f"/slots?{query}")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_alternatives_may_be_read_by_anybody(world: World) -> None:
    answer = await world.api.get(f"/slots/{world.slots[0]['slot_id']}/alternatives")
    assert [one["slot_id"] for one in answer.json()] == [world.slots[index]["slot_id"] for index in (1, 2, 3)]
    assert (await world.api.get(f"/slots/sl-{'a' * 26}/alternatives")).status_code == 404


async def test_a_moved_booking_may_go_to_the_successor_of_its_time_type(api: Api, services: Services) -> None:
    await found(services)
    new_type, _, new_slots = await add_slots(api, begins="13:00", ends="14:00")
    _, _, old_slots = await add_slots(api, time_type={"successor_id": new_type})
    booking = await api.made("/bookings", patient(), {"slot_id": old_slots[0]["slot_id"]})
    path = f"/bookings/{booking['booking_id']}/rebook"
    moved = await api.made(path, patient(), {"slot_id": new_slots[0]["slot_id"]})
    assert moved["time_type_id"] == new_type
    back = await api.post(path, patient(), {"slot_id": old_slots[0]["slot_id"]})
    assert (back.status_code, back.json()["field"]) == (422, "slot_id")


async def test_a_region_wide_time_type_serves_all_units_of_its_provider_only(api: Api, services: Services) -> None:
    await found(services)
    body = TIME_TYPE | {"for_all_units": True}
    refused = await api.post(f"/units/{UNIT}/time-types", staff("scheduler"), body)
    assert refused.status_code == 404
    made = await api.made(f"/units/{UNIT}/time-types", ADMIN, body)
    for unit, count in ((UNIT, 1), (OTHER_UNIT, 1), (FOREIGN_UNIT, 0)):
        answer = await api.get(f"/units/{unit}/time-types")
        assert len([one for one in answer.json() if one["time_type_id"] == made["time_type_id"]]) == count


@pytest.mark.attack
@pytest.mark.parametrize(
    "who",
    [staff("scheduler", unit=OTHER_UNIT), staff("region_admin", unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)],
    ids=["other unit", "other provider"],
)
async def test_nobody_edits_other_units_time_books(world: World, who: Any) -> None:
    schedule = f"/schedules/{world.schedule_id}"
    line = {
        "time_type_id": world.time_type_id,
        "weekdays": "0",
        "begins": "08:00",
        "ends": "09:00",
        "slot_minutes": 30,
        "valid_from": "2027-01-01",
    }
    asked: list[tuple[str, str, Any]] = [
        ("GET", f"{schedule}/days/2027-03-08", None),
        ("POST", f"{schedule}/slots", {"first": "2027-03-08", "last": "2027-03-12"}),
        ("POST", f"{schedule}/templates", line),
        ("POST", f"{schedule}/closures", {"starts_at": "2027-03-08T07:00:00Z", "ends_at": "2027-03-09T07:00:00Z"}),
        ("GET", f"/units/{UNIT}/schedules", None),
        ("POST", f"/units/{UNIT}/schedules", {"name": "Mine"}),
        ("POST", f"/units/{UNIT}/time-types", TIME_TYPE),
        ("PUT", f"/units/{UNIT}/time-types/{world.time_type_id}", TIME_TYPE),
    ]
    for method, path, body in asked:
        answer = await world.api.ask(method, path, who, body)
        assert (method, path, answer.status_code) == (method, path, 404)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"weekdays": "00"}, "weekdays"),
        ({"ends": "07:00"}, "ends"),
        ({"capacity": 0}, "capacity"),
        ({"time_type_id": "tt-" + "a" * 26}, "time_type_id"),
        ({"valid_until": "2026-01-01"}, "valid_until"),
    ],
)
async def test_bad_templates_name_their_field(world: World, change: dict[str, Any], field: str) -> None:
    line = {
        "time_type_id": world.time_type_id,
        "weekdays": "0",
        "begins": "08:00",
        "ends": "09:00",
        "slot_minutes": 30,
        "valid_from": "2027-01-01",
    }
    answer = await world.api.post(f"/schedules/{world.schedule_id}/templates", ADMIN, line | change)
    assert answer.json()["field"] == field
    assert answer.status_code in (404, 422)


async def test_closures_end_after_they_begin(world: World) -> None:
    body = {"starts_at": "2027-03-08T09:00:00+01:00", "ends_at": "2027-03-08T08:00:00Z"}
    answer = await world.api.post(f"/schedules/{world.schedule_id}/closures", ADMIN, body)
    assert answer.json()["field"] == "ends_at"
    naive = await world.api.post(
        f"/schedules/{world.schedule_id}/closures", ADMIN, body | {"starts_at": "2027-03-08T08:00:00"}
    )
    assert naive.json()["field"] == "starts_at"


async def test_a_capacity_of_several_is_filled_and_never_more(api: Api, services: Services) -> None:
    world = await build(api, services, capacity=2)
    for who, status in ((patient(), 201), (patient("p-" + "b" * 26), 201), (patient("p-" + "c" * 26), 409)):
        answer = await api.post("/bookings", who, {"slot_id": world.slots[0]["slot_id"]})
        assert answer.status_code == status
    await world.counters_hold()
