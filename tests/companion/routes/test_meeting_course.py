"""The course of a meeting: what the front tells, what it makes of the booking, and that a fault is no absence."""

from typing import Any

import pytest

from companion.sweeper import sweep_once
from tests.companion.people import BO, OTHER_UNIT, Api, patient, service, staff
from tests.companion.routes.test_visit_quality import aborted, stay, tell, video_booking
from tests.companion.world import World

FRONT = service("meetings:report", name="front")
PLANNER = staff("scheduler", "staff")


def at(world: World, minutes: float = 0) -> dict[str, int]:
    return {"at_ms": int((world.api.clock.now.timestamp() + minutes * 60) * 1000)}


async def put(world: World, meeting_id: str, what: str, minutes: float = 0) -> dict[str, Any]:
    answer = await world.api.ask("PUT", f"/meetings/{meeting_id}/{what}", FRONT, at(world, minutes))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def course(world: World, booking: dict[str, Any], who: Any = PLANNER) -> tuple[str, str]:
    answer = await world.api.get(f"/bookings/{booking['booking_id']}/meeting", who)
    assert answer.status_code == 200, answer.text
    return answer.json()["state"], answer.json()["booking_state"]


async def at_its_time(world: World) -> dict[str, Any]:
    """A video booking of Monday 13:00, five minutes before it."""
    booking = await video_booking(world)
    assert await course(world, booking) == ("planned", "booked")
    world.api.clock.advance(days=7, hours=4, minutes=55)
    assert await course(world, booking) == ("open", "booked")
    return booking


async def test_a_visit_from_joining_to_its_end(world: World) -> None:
    booking = await at_its_time(world)
    meeting_id = booking["meeting_id"]
    for _ in range(2):
        await put(world, meeting_id, "joined/participant")
        assert await course(world, booking, patient()) == ("open", "arrived")
    told = await put(world, meeting_id, "joined/host")
    assert told["state"] == "in_progress"
    feed = await world.api.get(f"/meetings/{meeting_id}", service("meetings:read"))
    assert (feed.json()["meeting_state"], feed.json()["state"]) == ("in_progress", "arrived")
    world.api.clock.advance(minutes=20)
    ended = await put(world, meeting_id, "ended")
    assert (ended["state"], ended["booking_state"]) == ("ended", "fulfilled")
    assert ended["meeting_ended_at"] is not None
    late = await put(world, meeting_id, "ended", -60)  # of before they came: told late
    assert late["state"] == "ended"
    assert (await put(world, meeting_id, "joined/participant"))["state"] == "in_progress"  # they talk on
    assert (await world.api.post(f"/bookings/{booking['booking_id']}/miss", PLANNER)).status_code == 409


async def test_who_leaves_as_they_wish_has_ended_it_and_time_makes_it_a_visit(world: World) -> None:
    booking = await at_its_time(world)
    meeting_id = booking["meeting_id"]
    for side in ("participant", "host"):
        await put(world, meeting_id, f"joined/{side}")
    await tell(world, meeting_id, stay(world, minutes=9))
    assert await course(world, booking) == ("in_progress", "arrived")  # staff are still there
    await tell(world, meeting_id, stay(world, minutes=10, person="SE5555555555-K1", role="host"))
    assert await course(world, booking) == ("ended", "arrived")
    world.api.clock.advance(minutes=40)
    await sweep_once(world.services.database, world.api.clock, world.services.settings)
    assert await course(world, booking) == ("ended", "arrived")  # its time is just over
    world.api.clock.advance(minutes=30)
    await sweep_once(world.services.database, world.api.clock, world.services.settings)
    assert await course(world, booking) == ("ended", "fulfilled")


async def test_a_meeting_that_nobody_ends_is_over_with_its_time(world: World) -> None:
    booking = await at_its_time(world)
    for side in ("host", "participant"):
        await put(world, booking["meeting_id"], f"joined/{side}")
    world.api.clock.advance(hours=2)
    await sweep_once(world.services.database, world.api.clock, world.services.settings)
    assert await course(world, booking) == ("ended", "fulfilled")


async def test_a_fault_is_no_absence_and_the_visit_goes_on(world: World) -> None:
    booking = await at_its_time(world)
    meeting_id, path = booking["meeting_id"], f"/bookings/{booking['booking_id']}"
    await put(world, meeting_id, "joined/host")
    await tell(world, meeting_id, aborted(world, minutes=1))  # the patient's only stay
    assert await course(world, booking) == ("aborted_technical", "booked")
    world.api.clock.advance(minutes=25)
    refused = await world.api.post(f"{path}/miss", PLANNER)
    assert (refused.status_code, refused.json()["code"]) == (409, "technical_abort")
    await world.api.made(f"{path}/miss", PLANNER, {"note": "Patienten ringde och avstod"})
    assert await course(world, booking) == ("aborted_technical", "no_show")  # what happened, and what staff decided
    await world.api.made(f"{path}/undo-miss", PLANNER)
    back = await put(world, meeting_id, "joined/participant")
    assert (back["state"], back["booking_state"]) == ("in_progress", "booked")  # too late to count by itself


async def test_who_does_not_come_is_missed_and_that_can_be_undone(world: World) -> None:
    booking = await at_its_time(world)
    await put(world, booking["meeting_id"], "joined/host")
    world.api.clock.advance(minutes=25)
    path = f"/bookings/{booking['booking_id']}"
    await world.api.made(f"{path}/miss", PLANNER)
    assert await course(world, booking) == ("no_show", "no_show")
    await world.api.made(f"{path}/undo-miss", PLANNER)
    assert await course(world, booking) == ("open", "booked")
    await world.api.made(f"{path}/miss", PLANNER)
    await tell(world, booking["meeting_id"], aborted(world, minutes=1))  # the fault is known only now
    assert await course(world, booking) == ("aborted_technical", "booked")


async def test_a_meeting_that_moves_begins_anew(world: World) -> None:
    booking = await at_its_time(world)
    await put(world, booking["meeting_id"], "joined/host")
    day = (await world.api.get(f"/slots?unit={booking['unit_hsa_id']}&time_type_id={booking['time_type_id']}")).json()
    await world.api.made(f"/bookings/{booking['booking_id']}/rebook", PLANNER, {"slot_id": day[-1]["slot_id"]})
    assert await course(world, booking) == ("planned", "booked")
    answer = await world.api.get(f"/bookings/{booking['booking_id']}/meeting", PLANNER)
    assert answer.json()["host_joined_at"] is None


@pytest.mark.attack
async def test_only_the_front_tells_and_only_those_concerned_read(world: World, api: Api) -> None:
    booking = await video_booking(world)
    for who in (patient(), PLANNER, service("meetings:read"), service("quality:write")):
        for what in ("joined/host", "ended"):
            answer = await api.ask("PUT", f"/meetings/{booking['meeting_id']}/{what}", who, at(world))
            assert answer.status_code in (403, 404)
    unknown = await api.ask("PUT", f"/meetings/mt-{'a' * 26}/ended", FRONT, at(world))
    assert unknown.status_code == 404
    assert (
        await api.ask("PUT", f"/meetings/{booking['meeting_id']}/joined/guest", FRONT, at(world))
    ).status_code == 422
    for stranger in (patient(BO), staff(unit=OTHER_UNIT)):
        assert (await api.get(f"/bookings/{booking['booking_id']}/meeting", stranger)).status_code == 404
    physical = await api.made("/bookings", patient(BO), {"slot_id": world.slots[0]["slot_id"]})
    assert (await api.get(f"/bookings/{physical['booking_id']}/meeting", patient(BO))).status_code == 404
