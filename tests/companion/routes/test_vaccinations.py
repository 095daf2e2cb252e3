"""Vaccination through the API: doses in their order and interval on every path, and written down at the visit."""

from typing import Any

import pytest
from sqlalchemy import select

from companion.models.outbox import OutboxRow
from companion.services import Services
from tests.companion.people import (
    ANNA,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    OTHER_UNIT,
    UNIT,
    Api,
    VirtualClock,
    patient,
    staff,
)
from tests.companion.world import TIME_TYPE, World, add_slots, build

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


# --- the whole series --------------------------------------------------------------------------------------------

FIRST = {"vaccine": "covid-19", "dose_number": 1}
SECOND = {"vaccine": "covid-19", "dose_number": 2, "min_interval_days": 2}


async def two_doses(api: Api, services: Services) -> tuple[World, list[dict[str, Any]]]:
    """A time type for first doses, and slots of one for second doses, two days later at the earliest."""
    world = await centre(api, services, FIRST)
    kind, _, slots = await add_slots(api, capacity=5, begins="10:00", ends="12:00")
    answer = await api.ask("PUT", f"/time-types/{kind}/vaccines", SCHEDULER, {"vaccines": [SECOND]})
    assert answer.status_code == 204, answer.text
    return world, slots


async def test_a_first_dose_is_moved_as_far_as_the_second_allows(api: Api, services: Services) -> None:
    world, seconds = await two_doses(api, services)
    one = await booked(api, world, 0)
    two = (await api.made("/bookings", patient(), {"slot_id": seconds[8]["slot_id"]}))["booking_id"]
    near = await api.post(f"/bookings/{one}/rebook", SCHEDULER, {"slot_id": world.slots[4]["slot_id"]})
    assert (near.status_code, near.json()["code"]) == (409, "dose_later")
    assert (near.json()["booking_id"], near.json()["day"]) == (two, "2027-03-10")
    past_it = await api.post(f"/bookings/{one}/rebook", SCHEDULER, {"slot_id": world.slots[12]["slot_id"]})
    assert (past_it.json()["code"], past_it.json()["next"]) == ("dose_number", 2)
    await api.made(f"/bookings/{two}/rebook", patient(), {"slot_id": seconds[16]["slot_id"]})
    await api.made(f"/bookings/{one}/rebook", patient(), {"slot_id": world.slots[8]["slot_id"]})
    await world.counters_hold()


async def test_cancelling_a_first_dose_cancels_the_second_and_says_so(api: Api, services: Services) -> None:
    world, seconds = await two_doses(api, services)
    one = await booked(api, world, 0)
    two = (await api.made("/bookings", patient(), {"slot_id": seconds[8]["slot_id"]}))["booking_id"]
    gone = await api.made(f"/bookings/{one}/cancel", patient(), {})
    assert [(one["booking_id"], one["state"]) for one in gone["also_cancelled"]] == [(two, "cancelled")]
    second = (await api.get(f"/bookings/{two}", patient())).json()
    assert (second["cancel_reason"], second["cancelled_with"]) == ("dose_before_cancelled", one)
    async with services.database.reading(services.clock()) as transaction:
        query = select(OutboxRow).where(OutboxRow.kind == "booking.cancelled")
        told = [row.payload["booking"] for row in (await transaction.session.scalars(query)).all()]
    assert sorted(told) == sorted([one, two])
    await world.counters_hold()


async def test_a_second_dose_is_cancelled_alone(api: Api, services: Services) -> None:
    world, seconds = await two_doses(api, services)
    one = await booked(api, world, 0)
    two = (await api.made("/bookings", patient(), {"slot_id": seconds[8]["slot_id"]}))["booking_id"]
    assert (await api.made(f"/bookings/{two}/cancel", patient(), {}))["also_cancelled"] == []
    assert (await api.get(f"/bookings/{one}", patient())).json()["state"] == "booked"


async def test_the_second_by_time_type_follows_as_well(api: Api, services: Services) -> None:
    world = await build(api, services, capacity=5, time_type={"dose": 1})
    second = {"dose": 2, "first_dose_type_id": world.time_type_id, "min_days_since_dose": 2}
    _, _, slots = await add_slots(api, capacity=5, time_type=second, begins="10:00", ends="12:00")
    one = await booked(api, world, 0)
    two = (await api.made("/bookings", patient(), {"slot_id": slots[8]["slot_id"]}))["booking_id"]
    later = await api.post(f"/bookings/{one}/rebook", patient(), {"slot_id": world.slots[5]["slot_id"]})
    assert later.json()["code"] == "dose_later"
    gone = await api.made(f"/bookings/{one}/cancel", SCHEDULER, {"reason": "unit_illness"})
    assert [one["booking_id"] for one in gone["also_cancelled"]] == [two]


async def test_both_doses_are_a_series_that_is_cancelled_once_each(api: Api, services: Services) -> None:
    world, seconds = await two_doses(api, services)
    wish = {"slot_ids": [seconds[8]["slot_id"], world.slots[0]["slot_id"]], "patient_person_id": ANNA}
    made = (await api.made("/series", SCHEDULER, wish))["bookings"]
    assert [one["slot_id"] for one in made] == [world.slots[0]["slot_id"], seconds[8]["slot_id"]]
    gone = (await api.made(f"/series/{made[0]['series_id']}/cancel", SCHEDULER, {}))["bookings"]
    assert [(one["state"], one["sequence"]) for one in gone] == [("cancelled", 1)] * 2
    await world.counters_hold()


async def test_a_dose_that_was_given_at_another_unit_is_seen_by_the_gate(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    world, seconds = await two_doses(api, services)
    elsewhere, _, others = await add_slots(api, unit=OTHER_UNIT, capacity=5, begins="13:00", ends="15:00")
    there = staff("scheduler", "staff", unit=OTHER_UNIT)
    path = f"/time-types/{elsewhere}/vaccines"
    assert (await api.ask("PUT", path, there, {"vaccines": [FIRST]})).status_code == 204
    early = await api.post("/bookings", patient(), {"slot_id": seconds[8]["slot_id"]})
    assert (early.json()["code"], early.json()["next"]) == ("dose_number", 1)
    booking = (await api.made("/bookings", patient(), {"slot_id": others[0]["slot_id"]}))["booking_id"]
    clock.advance(days=7, hours=6)
    await api.made(f"/bookings/{booking}/doses", there, {"vaccine": "covid-19", "batch": "B"})
    first = await api.post("/bookings", patient(), {"slot_id": world.slots[8]["slot_id"]})
    assert (first.json()["code"], first.json()["next"]) == ("dose_number", 2)
    soon = await api.post("/bookings", patient(), {"slot_id": seconds[4]["slot_id"]})
    assert soon.json()["code"] == "dose_interval"
    await api.made("/bookings", patient(), {"slot_id": seconds[8]["slot_id"]})


async def test_the_vaccinator_meets_the_gates_too(api: Api, services: Services, clock: VirtualClock) -> None:
    world, seconds = await two_doses(api, services)
    one = await booked(api, world, 0)
    two = (await api.made("/bookings", patient(), {"slot_id": seconds[8]["slot_id"]}))["booking_id"]
    clock.advance(days=9, hours=3)  # Wednesday; nobody wrote anything down on Monday
    dose = {"vaccine": "covid-19", "batch": "B"}
    answer = await api.post(f"/bookings/{two}/doses", staff(), dose)
    assert (answer.status_code, answer.json()["code"], answer.json()["next"]) == (409, "dose_number", 1)
    late = await api.made(f"/bookings/{one}/doses", staff(), dose | {"given_on": "2027-03-09"})
    assert late["misplaced_booking_ids"] == [two]
    answer = await api.post(f"/bookings/{two}/doses", staff(), dose)
    assert (answer.json()["code"], answer.json()["earliest"]) == ("dose_interval", "2027-03-11")
    clock.advance(days=1)
    await api.made(f"/bookings/{two}/doses", staff(), dose)


async def test_a_dose_from_before_the_visit_is_noted_and_counts(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    """Given abroad: the vaccinator notes it at the visit, and books the second dose."""
    world, seconds = await two_doses(api, services)
    one = await booked(api, world, 8)
    clock.advance(days=9, hours=3)
    dose = {"vaccine": "covid-19", "batch": "X", "given_on": "2027-02-01"}
    await api.made(f"/bookings/{one}/doses", staff(), dose)
    again = await api.post(f"/bookings/{one}/doses", staff(), dose | {"given_on": "2027-03-10"})
    assert (again.json()["code"], again.json()["next"]) == ("dose_number", 2)
    await api.made(f"/bookings/{one}/cancel", SCHEDULER, {})
    await api.made("/bookings", patient(), {"slot_id": seconds[12]["slot_id"]})


async def test_nobody_is_given_a_dose_that_is_not_for_their_age(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    world = await centre(api, services)
    one = await booked(api, world, 0)
    rules = TIME_TYPE | {"born_until_year": 1980}
    path = f"/units/{UNIT}/time-types/{world.time_type_id}"
    assert (await api.ask("PUT", path, SCHEDULER, rules)).status_code == 200
    clock.advance(days=7)
    answer = await api.post(f"/bookings/{one}/doses", staff(), {"vaccine": "covid-19", "batch": "B"})
    assert (answer.status_code, answer.json()["code"]) == (409, "age_gate")
