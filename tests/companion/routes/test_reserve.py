"""The reserve list takes leftover places; the drop-in counter gives each number once."""

import asyncio

from sqlalchemy import select

from companion.models.outbox import OutboxRow
from companion.models.schedules import ReserveEntry
from companion.store.reserve import sweep
from tests.companion.people import ANNA, BO, CHILD, UNIT, patient, proxy, staff
from tests.companion.world import ADMIN, World

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
