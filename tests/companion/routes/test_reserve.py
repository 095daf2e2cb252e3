"""The reserve list takes leftover places; the drop-in counter gives each number once."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from companion.models.outbox import OutboxRow
from companion.models.schedules import ReserveEntry
from companion.store.reserve import sweep
from tests.companion.people import (
    ANNA,
    BO,
    CHILD,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    OTHER_UNIT,
    UNIT,
    patient,
    proxy,
    staff,
)
from tests.companion.world import ADMIN, TIME_TYPE, World, add_slots

STAFF = staff("scheduler")


async def states(world: World) -> dict[str, str]:
    async with world.services.database.reading(world.services.clock()) as transaction:
        rows = (await transaction.session.scalars(select(ReserveEntry))).all()
        return {row.patient_person_id: row.state for row in rows}


async def offered_hold(world: World, person_id: str) -> str:
    async with world.services.database.reading(world.services.clock()) as transaction:
        query = select(OutboxRow).where(OutboxRow.kind == "reserve.offered")
        rows = [row for row in (await transaction.session.scalars(query)).all() if row.payload["patient"] == person_id]
        return str(rows[-1].payload["hold"])


async def test_a_place_given_back_late_goes_down_the_list(world: World) -> None:
    slot = {"slot_id": world.slots[0]["slot_id"]}
    booking = await world.api.made("/bookings", STAFF, slot | {"patient_person_id": ANNA})
    wish = {"time_type_id": world.time_type_id}
    await world.api.made(f"/units/{UNIT}/reserve", patient(BO), wish)
    again = await world.api.post(f"/units/{UNIT}/reserve", patient(BO), wish)
    assert again.json()["code"] == "conflict"
    world.api.clock.advance(minutes=1)
    await world.api.made(f"/units/{UNIT}/reserve", proxy(), wish)
    world.api.clock.advance(days=6)
    await world.api.made(f"/bookings/{booking['booking_id']}/cancel", STAFF, {"reason": "patient_asked"})
    assert await states(world) == {BO: "offered", CHILD: "waiting"}
    assert (await world.api.post("/bookings", patient(), slot)).json()["code"] == "slot_taken"
    first = await offered_hold(world, BO)
    world.api.clock.advance(minutes=31)
    async with world.services.database.transaction(world.services.clock()) as transaction:
        await sweep(transaction)
    assert await states(world) == {BO: "waiting", CHILD: "offered"}
    assert (await world.api.post("/bookings", patient(BO), {"hold_id": first})).json()["code"] == "hold_expired"
    taken = {"hold_id": await offered_hold(world, CHILD)}
    assert (await world.api.post("/bookings", patient(), taken)).json()["code"] == "hold_expired"
    await world.api.made("/bookings", proxy(), taken)
    assert await states(world) == {BO: "waiting", CHILD: "booked"}
    await world.counters_hold()


async def test_places_far_ahead_are_for_everybody(world: World) -> None:
    booking = await world.api.made("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    entry = await world.api.made(f"/units/{UNIT}/reserve", patient(BO), {"time_type_id": world.time_type_id})
    await world.api.made(f"/bookings/{booking['booking_id']}/cancel", patient(), {})
    assert await states(world) == {BO: "waiting"}
    path = f"/reserve/{entry['entry_id']}"
    assert (await world.api.ask("DELETE", path, patient())).status_code == 404
    assert (await world.api.ask("DELETE", path, patient(BO))).status_code == 204
    assert await states(world) == {BO: "left"}


async def test_every_number_is_given_once(world: World) -> None:
    path = f"/units/{UNIT}/drop-in/2027-03-08"
    assert (await world.api.get(path)).status_code == 404
    assert (await world.api.ask("PUT", path, ADMIN, {"capacity": 5})).status_code == 200
    answers = await asyncio.gather(*(world.api.post(f"{path}/tickets", STAFF) for _ in range(8)))
    numbers = [answer.json()["issued"] for answer in answers if answer.status_code == 201]
    assert sorted(numbers) == [1, 2, 3, 4, 5]
    assert {answer.json()["code"] for answer in answers if answer.status_code != 201} == {"drop_in_full"}
    for number in range(1, 6):
        assert (await world.api.made(f"{path}/calls", STAFF))["called"] == number
    assert (await world.api.post(f"{path}/calls", STAFF)).json()["code"] == "nobody_waits"
    assert (await world.api.get(path)).json() == {"day": "2027-03-08", "capacity": 5, "issued": 5, "called": 5}


# --- who may have an offered place -------------------------------------------------------------------------------


async def frees(world: World, index: int = 0) -> None:
    """Staff book somebody into a slot and give it back the day before."""
    wish = {"slot_id": world.slots[index]["slot_id"], "patient_person_id": ANNA}
    booking = await world.api.made("/bookings", STAFF, wish)
    world.api.clock.now = world.api.clock.now.replace(day=7)
    await world.api.made(f"/bookings/{booking['booking_id']}/cancel", STAFF, {"reason": "unit_illness"})


async def change_type(world: World, **fields: Any) -> None:
    path = f"/units/{UNIT}/time-types/{world.time_type_id}"
    answer = await world.api.ask("PUT", path, ADMIN, TIME_TYPE | fields)
    assert answer.status_code == 200, answer.text


async def test_a_place_is_offered_to_the_first_whom_it_is_for(world: World) -> None:
    wish = {"time_type_id": world.time_type_id}
    await world.api.made(f"/units/{UNIT}/reserve", proxy(), wish)
    world.api.clock.advance(minutes=1)
    await world.api.made(f"/units/{UNIT}/reserve", patient(BO), wish)
    await change_type(world, min_age=18)
    await frees(world)
    assert await states(world) == {CHILD: "waiting", BO: "offered"}


async def test_nobody_is_offered_a_place_while_they_are_elsewhere(world: World) -> None:
    _, _, others = await add_slots(world.api, unit=OTHER_UNIT)
    await world.api.made("/bookings", patient(BO), {"slot_id": others[0]["slot_id"]})
    await world.api.made(f"/units/{UNIT}/reserve", patient(BO), {"time_type_id": world.time_type_id})
    await frees(world)
    assert await states(world) == {BO: "waiting"}


async def test_who_is_not_of_age_does_not_wait(world: World) -> None:
    await change_type(world, min_age=18)
    refused = await world.api.post(f"/units/{UNIT}/reserve", proxy(), {"time_type_id": world.time_type_id})
    assert (refused.status_code, refused.json()["code"]) == (409, "age_gate")


async def test_an_offered_place_is_found_and_booked_by_the_patient(world: World) -> None:
    await world.api.made(f"/units/{UNIT}/reserve", patient(BO), {"time_type_id": world.time_type_id})
    waits = (await world.api.get("/reserve", patient(BO))).json()
    assert [(one["state"], one["slot_id"], one["expires_at"]) for one in waits] == [("waiting", None, None)]
    await frees(world)
    offered = (await world.api.get("/reserve", patient(BO))).json()[0]
    assert (offered["state"], offered["slot_id"]) == ("offered", world.slots[0]["slot_id"])
    assert offered["local_start"] == "2027-03-08T08:00:00+01:00"
    assert datetime.fromisoformat(offered["expires_at"]) == world.api.clock.now + timedelta(minutes=30)
    assert (await world.api.get("/reserve", patient())).json() == []
    await world.api.made("/bookings", patient(BO), {"hold_id": offered["hold_id"]})
    assert (await world.api.get("/reserve", patient(BO))).json() == []


@pytest.mark.attack
async def test_only_the_unit_sees_its_list_and_protected_names_are_masked(world: World) -> None:
    wish = {"time_type_id": world.time_type_id}
    await world.api.made(f"/units/{UNIT}/reserve", patient(BO), wish)
    await world.api.made(f"/units/{UNIT}/reserve", proxy(), wish)
    path = f"/units/{UNIT}/reserve"
    shown = (await world.api.get(path, STAFF)).json()
    assert {one["patient_name"] for one in shown} == {"Skyddad identitet", "Test cccc"}
    for who in (patient(BO), staff(unit=OTHER_UNIT), staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)):
        assert (await world.api.get(path, who)).status_code == 404
