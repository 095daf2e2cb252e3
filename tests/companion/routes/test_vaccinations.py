"""Vaccination through the API: doses in their order and interval on every path, and written down at the visit."""

import pytest

from companion.services import Services
from tests.companion.people import ANNA, FOREIGN_UNIT, OTHER_PROVIDER, OTHER_UNIT, Api, VirtualClock, patient, staff
from tests.companion.world import World, build

SCHEDULER = staff("scheduler")
COVID = {"vaccine": "covid-19", "min_interval_days": 3}


async def centre(api: Api, services: Services, *vaccines: dict[str, object]) -> World:
    world = await build(api, services, capacity=5)
    path = f"/time-types/{world.time_type_id}/vaccines"
    answer = await api.ask("PUT", path, SCHEDULER, {"vaccines": list(vaccines or (COVID,))})
    assert answer.status_code == 204, answer.text
    return world


async def booked(api: Api, world: World, index: int) -> str:
    made = await api.made("/bookings", patient(), {"slot_id": world.slots[index]["slot_id"]})
    return str(made["booking_id"])


async def test_the_interval_stands_on_every_path(api: Api, services: Services) -> None:
    """Four slots a day, Monday to Friday; the dose of Monday keeps the others three days away."""
    world = await centre(api, services)
    await booked(api, world, 0)
    too_soon = {"slot_id": world.slots[8]["slot_id"]}
    for who in (patient(), SCHEDULER):
        answer = await api.post("/bookings", who, too_soon | {"patient_person_id": ANNA})
        assert (answer.json()["code"], answer.json()["earliest"]) == ("dose_interval", "2027-03-11")
    series = {"slot_ids": [world.slots[9]["slot_id"]], "patient_person_id": ANNA}
    assert (await api.post("/series", SCHEDULER, series)).json()["code"] == "dose_interval"
    second = await booked(api, world, 12)
    moved = await api.post(f"/bookings/{second}/rebook", patient(), too_soon)
    assert moved.json()["code"] == "dose_interval"
    await api.made(f"/bookings/{second}/rebook", patient(), {"slot_id": world.slots[16]["slot_id"]})
    await world.counters_hold()


async def test_doses_have_their_turn(api: Api, services: Services) -> None:
    world = await centre(api, services, {"vaccine": "covid-19", "dose_number": 2})
    answer = await api.post("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    assert (answer.json()["code"], answer.json()["next"]) == ("dose_number", 1)


async def test_doses_are_written_down_once_at_the_visit(api: Api, services: Services, clock: VirtualClock) -> None:
    world = await centre(api, services, COVID, {"vaccine": "influenza"})
    path = f"/bookings/{await booked(api, world, 0)}/doses"
    clock.advance(days=7)
    given = await api.made(path, staff(), {"vaccine": "covid-19", "batch": "AB-1"})
    assert given["given_on"] == "2027-03-08"
    again = await api.post(path, staff(), {"vaccine": "covid-19", "batch": "AB-1"})
    assert (again.status_code, again.json()["code"]) == (409, "dose_twice")
    later = await api.post(path, staff(), {"vaccine": "influenza", "batch": "C", "given_on": "2027-03-09"})
    assert later.json()["code"] == "dose_to_come"
    other = await api.post(path, staff(), {"vaccine": "tbe", "batch": "C"})
    assert (other.status_code, other.json()["field"]) == (422, "vaccine")
    await api.made(path, staff(), {"vaccine": "influenza", "batch": "C"})
    own = (await api.get("/doses", patient())).json()
    assert [one["vaccine"] for one in own] == ["covid-19", "influenza"]
    assert (await api.get(path, staff())).json() == own


@pytest.mark.attack
async def test_nobody_elses_doses(api: Api, services: Services) -> None:
    world = await centre(api, services)
    path = f"/bookings/{await booked(api, world, 0)}/doses"
    dose = {"vaccine": "covid-19", "batch": "AB-1"}
    for who in (staff(unit=OTHER_UNIT), staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)):
        assert (await api.post(path, who, dose)).status_code == 404
        assert (await api.get(path, who)).status_code == 404
        vaccines = await api.ask("PUT", f"/time-types/{world.time_type_id}/vaccines", who, {"vaccines": []})
        assert vaccines.status_code == 403
    for who in (patient(), staff("viewer")):
        assert (await api.post(path, who, dose)).status_code == 403
    foreign = staff("scheduler", unit=OTHER_UNIT)
    answer = await api.ask("PUT", f"/time-types/{world.time_type_id}/vaccines", foreign, {"vaccines": []})
    assert answer.status_code == 404
