"""A booking that is cancelled or moved takes its summons along, whoever does it and wherever."""

from datetime import timedelta
from typing import Any

import pytest

from auth.principal import Principal
from companion.models.summons import Summons
from companion.services import Services
from tests.companion.people import ANNA, Api, VirtualClock, patient
from tests.companion.routes.test_summons import SCHEDULER, kinds, letters, opened, state, sweep, timed, world_with
from tests.companion.world import World


async def stored(services: Services, summons: dict[str, Any]) -> Summons:
    async with services.database.reading(services.clock()) as transaction:
        return await transaction.session.get_one(Summons, summons["summons_id"])


async def change(api: Api, summons: dict[str, Any], what: str, who: Principal, **body: Any) -> dict[str, Any]:
    return dict(await api.made(f"/bookings/{summons['booking_id']}/{what}", who, body))


@pytest.mark.parametrize("who", [SCHEDULER, patient()])
async def test_no_reminder_and_no_letter_of_a_visit_that_is_cancelled(
    api: Api, services: Services, clock: VirtualClock, who: Principal
) -> None:
    world = await world_with(api, services)
    summons = await timed(api, world)
    await change(api, summons, "cancel", who)
    assert await state(api, summons) == "withdrawn"
    for days in (3, 3):  # past the 48 hours without a reader; the day before the visit
        clock.advance(days=days)
        await sweep(services)
    assert await kinds(services) == ["summons.sent"]
    assert await letters(services) == []


async def test_a_letter_in_the_queue_is_withdrawn_with_the_booking(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    world = await world_with(api, services, anna_has_account=False)
    summons = await timed(api, world)
    assert await letters(services) == [("no_account", "queued")]
    await change(api, summons, "cancel", SCHEDULER, reason="unit_illness")
    assert await letters(services) == [("no_account", "withdrawn")]
    clock.advance(days=8)
    await sweep(services)
    assert await state(api, summons) == "withdrawn"


async def test_declining_stays_declined_although_it_cancels(api: Api, services: Services) -> None:
    world = await world_with(api, services)
    summons = await timed(api, world, may_decline=True)
    await api.get(f"/summons/{summons['summons_id']}", patient())
    done = await api.made(f"/summons/{summons['summons_id']}/answer", patient(), {"answer": "decline"})
    assert done["state"] == "declined"
    assert (await api.get(f"/bookings/{summons['booking_id']}", patient())).json()["state"] == "cancelled"


async def test_a_moved_visit_moves_the_time_to_answer(api: Api, services: Services, clock: VirtualClock) -> None:
    """Four slots a day from Monday: Monday's summons is moved to Friday by the unit and answered on Wednesday."""
    world = await world_with(api, services)
    summons = await timed(api, world)
    await change(api, summons, "rebook", SCHEDULER, slot_id=world.slots[16]["slot_id"])
    assert await state(api, summons) == "sent"
    row = await stored(services, summons)
    assert row.answer_until.isoformat() == "2027-03-12T07:00:00+00:00"
    clock.advance(days=9)
    await api.get(f"/summons/{summons['summons_id']}", patient())
    await sweep(services)
    assert await state(api, summons) == "read"
    done = await api.made(f"/summons/{summons['summons_id']}/answer", patient(), {"answer": "confirm"})
    assert done["state"] == "confirmed"


async def test_a_summons_is_reminded_of_again_when_its_visit_is_moved_further_away(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    world = await world_with(api, services)
    summons = await timed(api, world)
    await api.get(f"/summons/{summons['summons_id']}", patient())
    clock.advance(days=6, hours=12)
    await sweep(services)
    await change(api, summons, "rebook", SCHEDULER, slot_id=world.slots[16]["slot_id"])
    await sweep(services)
    assert await kinds(services) == ["summons.sent", "summons.reminder"]
    clock.advance(days=3, hours=20)
    await sweep(services)
    assert await kinds(services) == ["summons.sent", "summons.reminder", "summons.reminder"]


async def test_who_moves_a_visit_that_they_were_summoned_to_has_answered(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    world = await world_with(api, services, audience="public")
    summons = await timed(api, world)
    await api.get(f"/summons/{summons['summons_id']}", patient())
    await change(api, summons, "rebook", patient(), slot_id=world.slots[8]["slot_id"])
    row = await stored(services, summons)
    assert (row.state, row.answered_by, row.answered_at) == ("rebooked", ANNA, clock.now)


async def picked(api: Api, world: World, clock: VirtualClock) -> dict[str, Any]:
    """An open summons for which a time has been picked."""
    summons = await opened(api, world, clock, may_decline=True)
    path = f"/summons/{summons['summons_id']}"
    await api.get(path, patient())
    pick = {"answer": "confirm", "slot_id": world.slots[16]["slot_id"]}
    return dict(await api.made(f"{path}/answer", patient(), pick))


async def test_a_picked_time_that_is_cancelled_can_be_picked_anew_before_the_deadline(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    world = await world_with(api, services)
    summons = await picked(api, world, clock)
    await change(api, summons, "cancel", SCHEDULER, reason="unit_illness")
    row = await stored(services, summons)
    assert (row.state, row.booking_id, row.answered_at) == ("read", None, None)
    again = {"answer": "confirm", "slot_id": world.slots[17]["slot_id"]}
    done = await api.made(f"/summons/{summons['summons_id']}/answer", patient(), again)
    assert (done["state"], done["booking_id"] != summons["booking_id"]) == ("confirmed", True)


async def test_a_picked_time_that_is_cancelled_after_the_deadline_ends_the_summons(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    world = await world_with(api, services)
    summons = await picked(api, world, clock)
    clock.now += timedelta(days=10, minutes=1)
    await change(api, summons, "cancel", SCHEDULER, reason="unit_illness")
    assert await state(api, summons) == "withdrawn"


async def test_an_open_summons_that_is_declined_after_a_time_was_picked_asks_no_more(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    world = await world_with(api, services)
    summons = await picked(api, world, clock)
    done = await api.made(f"/summons/{summons['summons_id']}/answer", patient(), {"answer": "decline"})
    assert (done["state"], done["booking_id"]) == ("declined", summons["booking_id"])
