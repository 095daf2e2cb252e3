"""Drop-in: a called number becomes a visit now, through all gates and within what was planned."""

import asyncio
from typing import Any

import pytest

from companion.services import Services
from tests.companion.people import ANNA, BO, CHILD, OTHER_UNIT, UNIT, Api, patient, proxy, staff
from tests.companion.world import ADMIN, World, add_slots, build

STAFF = staff("scheduler")
DAY = f"/units/{UNIT}/drop-in/2027-03-08"


async def counter(world: World, *, called: int = 3, capacity: int = 5) -> None:
    """Monday a quarter past eight, with some numbers called."""
    world.api.clock.advance(days=7, minutes=15)
    assert (await world.api.ask("PUT", DAY, ADMIN, {"capacity": capacity})).status_code == 200
    for _ in range(called):
        await world.api.made(f"{DAY}/tickets", STAFF)
        await world.api.made(f"{DAY}/calls", STAFF)


async def book(
    world: World, ticket: int, person: str = ANNA, who: Any = STAFF, **fields: Any
) -> tuple[int, dict[str, Any]]:
    body = {"patient_person_id": person, "time_type_id": world.time_type_id} | fields
    answer = await world.api.post(f"{DAY}/tickets/{ticket}/booking", who, body)
    return answer.status_code, answer.json()


async def test_a_called_number_becomes_a_visit_that_begins_now(world: World) -> None:
    await counter(world)
    status, booking = await book(world, 1)
    assert (status, booking["state"], booking["patient_person_id"]) == (201, "arrived", ANNA)
    assert booking["local_start"][11:16] == "08:15"
    assert booking["ends_at"] == "2027-03-08T07:45:00Z"
    fulfilled = await world.api.post(f"/bookings/{booking['booking_id']}/fulfil", STAFF)
    assert fulfilled.json()["state"] == "fulfilled"
    assert (await book(world, 1, BO))[1]["code"] == "ticket_used"
    assert (await book(world, 4, BO))[1]["code"] == "ticket_not_called"
    assert (await book(world, 2, BO))[0] == 201
    again = await book(world, 3, BO)
    assert again[1]["code"] == "booking_overlaps"
    assert len(await world.free()) == 19  # drop-in is nothing to find, and takes nobody's time
    await world.counters_hold()


@pytest.mark.parametrize(
    ("time_type", "code"),
    [
        ({"min_age": 18}, "age_gate"),
        ({"valid_until": "2027-03-07"}, "time_type_not_valid"),
        ({"min_days_since_dose": 21, "dose": 2}, "dose_interval"),
    ],
)
async def test_the_gates_stand_here_too(api: Api, services: Services, time_type: dict[str, Any], code: str) -> None:
    world = await build(api, services, time_type=time_type)
    await counter(world)
    status, problem = await book(world, 1, CHILD)
    assert (status, problem["code"]) == (409, code)
    await world.counters_hold()


async def test_nobody_gets_a_second_dose_on_the_same_day(world: World) -> None:
    gives = {"vaccines": [{"vaccine": "covid-19", "min_interval_days": 21}]}
    await world.api.ask("PUT", f"/time-types/{world.time_type_id}/vaccines", ADMIN, gives)
    await counter(world)
    _, first = await book(world, 1)
    dose = {"vaccine": "covid-19", "batch": "B-1"}
    await world.api.made(f"/bookings/{first['booking_id']}/doses", staff(), dose)
    await world.api.made(f"/bookings/{first['booking_id']}/fulfil", STAFF)
    world.api.clock.advance(minutes=45)
    assert (await book(world, 2))[1]["code"] == "dose_twice"


async def test_planned_drop_in_has_its_places_and_its_hours(world: World) -> None:
    await world.api.made(f"/schedules/{world.schedule_id}/templates", ADMIN, {
        "time_type_id": world.time_type_id, "weekdays": "0", "begins": "08:00", "ends": "09:00", "slot_minutes": 60,
        "capacity": 2, "purpose": "drop_in", "valid_from": "2027-01-01",
    })  # fmt: skip
    week = {"first": "2027-03-08", "last": "2027-03-12"}
    await world.api.made(f"/schedules/{world.schedule_id}/slots", ADMIN, week)
    await counter(world, called=4)
    answers = await asyncio.gather(*(book(world, number, who) for number, who in enumerate((ANNA, BO, CHILD), 1)))
    assert sorted(status for status, _ in answers) == [201, 201, 409]
    assert {body.get("code") for status, body in answers if status == 409} == {"drop_in_full"}
    (left,) = ({ANNA, BO, CHILD} - {body.get("patient_person_id") for _, body in answers},)
    world.api.clock.advance(minutes=50)
    assert (await book(world, 4, left.pop()))[1]["code"] == "drop_in_full"  # the hour is over
    await world.counters_hold()


async def test_the_same_ticket_twice_at_once_is_one_visit(world: World) -> None:
    await counter(world)
    answers = await asyncio.gather(*(book(world, 1, person) for person in (ANNA, BO, CHILD)))
    assert sorted(status for status, _ in answers) == [201, 409, 409]
    await world.counters_hold()


async def test_only_of_the_day_and_only_where_numbers_are_given(world: World) -> None:
    assert (await book(world, 1))[1]["code"] == "too_early"
    await counter(world)
    other = await world.api.post(
        f"/units/{UNIT}/drop-in/2027-03-07/tickets/1/booking",
        STAFF,
        {"patient_person_id": ANNA, "time_type_id": world.time_type_id},
    )
    assert other.json()["code"] == "too_late"
    world.api.clock.advance(days=1)
    tomorrow = DAY.replace("08", "09")
    body = {"patient_person_id": ANNA, "time_type_id": world.time_type_id}
    assert (await world.api.post(f"{tomorrow}/tickets/1/booking", STAFF, body)).status_code == 404
    assert (await world.api.post(f"{tomorrow}/tickets/0/booking", STAFF, body)).status_code == 422


@pytest.mark.attack
async def test_only_the_units_own_staff_book_tickets(world: World) -> None:
    await counter(world)
    for who, status in (
        (patient(), 403), (proxy(), 403), (staff("viewer"), 403), (staff("unit_admin"), 403),
        (staff(unit=OTHER_UNIT), 404),
    ):  # fmt: skip
        assert (await book(world, 1, ANNA, who))[0] == status
    assert (await book(world, 1, "p-" + "z" * 26))[0] == 404
    other_type, _, _ = await add_slots(world.api, unit=OTHER_UNIT)
    assert (await book(world, 1, time_type_id=other_type))[0] == 404
