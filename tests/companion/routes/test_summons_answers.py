"""Answering a summons: with which slots, beyond the time type's own rules, by phone; and its letters in lists."""

from datetime import timedelta
from typing import Any

import pytest

from companion.services import Services
from tests.companion.people import (
    ANNA,
    BO,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    OTHER_UNIT,
    UNIT,
    Api,
    VirtualClock,
    patient,
    staff,
)
from tests.companion.routes.test_summons import SCHEDULER, letters, opened, reach, timed, world_with
from tests.companion.world import World, build

NO_RIGHTS = {"patient_may_book": False, "patient_may_rebook": False, "patient_may_cancel": False}


def path_of(summons: dict[str, Any]) -> str:
    return f"/summons/{summons['summons_id']}"


# --- slots to pick -----------------------------------------------------------------------------------------------


async def test_an_open_summons_shows_the_invited_times_and_is_answered_with_one(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    world = await world_with(api, services)
    path = path_of(await opened(api, world, clock))
    assert await world.free() == []  # nobody else finds them
    unread = await api.get(f"{path}/slots", patient())
    assert unread.json()["code"] == "summons_state"
    await api.get(path, patient())
    found = (await api.get(f"{path}/slots", patient())).json()
    assert [one["slot_id"] for one in found] == [slot["slot_id"] for slot in world.slots]
    pick = {"answer": "confirm", "slot_id": found[7]["slot_id"]}
    done = await api.made(f"{path}/answer", patient(), pick)
    assert done["state"] == "confirmed"
    assert (await api.get(f"{path}/slots", patient())).json()["code"] == "summons_answer"  # not to be moved


async def test_a_timed_one_is_moved_where_its_terms_allow_whatever_the_time_type_says(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    world = await build(api, services, capacity=3, time_type=NO_RIGHTS | {"audience": "invited"})
    await reach(api, ANNA)
    summons = await timed(api, world, may_rebook=True, may_decline=True)
    path = path_of(summons)
    await api.get(path, patient())
    clock.advance(days=6, hours=22)  # two hours before: too late for patients who book by themselves
    direct = await api.post(f"/bookings/{summons['booking_id']}/cancel", patient(), {})
    assert direct.json()["code"] == "not_permitted"
    found = (await api.get(f"{path}/slots", patient())).json()
    assert len(found) == 20
    moved = await api.made(f"{path}/answer", patient(), {"answer": "rebook", "slot_id": found[5]["slot_id"]})
    assert moved["state"] == "rebooked"
    clock.advance(days=1)
    assert (await api.made(f"{path}/answer", patient(), {"answer": "decline"}))["state"] == "declined"
    assert (await api.get(f"/bookings/{summons['booking_id']}", patient())).json()["state"] == "cancelled"
    await world.counters_hold()


async def test_a_timed_one_that_may_not_be_moved_shows_no_slots(api: Api, services: Services) -> None:
    world = await world_with(api, services)
    path = path_of(await timed(api, world))
    await api.get(path, patient())
    answer = await api.get(f"{path}/slots", patient())
    assert (answer.status_code, answer.json()["code"]) == (403, "summons_answer")


@pytest.mark.attack
async def test_slots_and_answers_are_for_the_patient_and_the_unit(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    world = await world_with(api, services)
    path = path_of(await opened(api, world, clock))
    foreign = staff("scheduler", unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)
    for who in (patient(BO), staff("scheduler", unit=OTHER_UNIT), foreign):
        assert (await api.get(f"{path}/slots", who)).status_code == 404
    for who in (staff("scheduler", unit=OTHER_UNIT), foreign):
        assert (await api.post(f"{path}/answer-by-phone", who, {"answer": "decline"})).status_code == 404
        assert (await api.get(f"/units/{UNIT}/letters", who)).status_code == 404
        assert (await api.get(f"/units/{UNIT}/letter-batches", who)).status_code == 404
    assert (await api.post(f"{path}/answer-by-phone", patient(), {"answer": "decline"})).status_code == 403


# --- by phone ----------------------------------------------------------------------------------------------------


async def called(api: Api, services: Services) -> tuple[World, dict[str, Any]]:
    """A patient without an account was sent a letter, and calls."""
    world = await world_with(api, services, anna_has_account=False)
    return world, await timed(api, world)


async def test_an_answer_by_phone_is_written_down_by_the_unit(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    world, summons = await called(api, services)
    path = path_of(summons)
    found = (await api.get(f"{path}/slots", SCHEDULER)).json()
    wish = {"answer": "rebook", "slot_id": found[9]["slot_id"]}
    moved = await api.made(f"{path}/answer-by-phone", SCHEDULER, wish)
    assert (moved["state"], moved["answered_how"], moved["read_at"]) == ("rebooked", "phone", None)
    assert moved["answered_at"] is not None
    done = await api.made(f"{path}/answer-by-phone", SCHEDULER, {"answer": "decline"})
    assert done["state"] == "declined"
    assert await letters(services) == [("no_account", "withdrawn")]
    assert (await api.get(f"/bookings/{summons['booking_id']}", SCHEDULER)).json()["state"] == "cancelled"
    await world.counters_hold()


async def test_a_time_is_picked_by_phone(api: Api, services: Services, clock: VirtualClock) -> None:
    world = await world_with(api, services, anna_has_account=False)
    path = path_of(await opened(api, world, clock))
    pick = {"answer": "confirm", "slot_id": world.slots[3]["slot_id"]}
    done = await api.made(f"{path}/answer-by-phone", SCHEDULER, pick)
    assert (done["state"], done["booking_id"] is not None) == ("confirmed", True)


async def test_nothing_is_answered_by_phone_after_the_deadline(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    world = await world_with(api, services, anna_has_account=False)
    path = path_of(await opened(api, world, clock))
    clock.now += timedelta(days=10)
    late = await api.post(f"{path}/answer-by-phone", SCHEDULER, {"answer": "decline"})
    assert late.json()["code"] == "summons_state"


# --- lists -------------------------------------------------------------------------------------------------------


@pytest.mark.attack
async def test_a_list_tells_nothing_before_the_instant_of_reading(api: Api, services: Services) -> None:
    world = await world_with(api, services)
    summons = await timed(api, world)
    for _ in range(2):
        answer = await api.get("/summons", patient())
        assert "Kallelse" not in answer.text
        assert "Ät inget" not in answer.text
        assert answer.json()[0]["read_at"] is None
    assert [one["title"] for one in (await api.get("/summons", SCHEDULER)).json()] == ["Kallelse"]
    opened_one = (await api.get(path_of(summons), patient())).json()
    assert (opened_one["title"], opened_one["preparation"]) == ("Kallelse", "Ät inget.")
    listed = (await api.get("/summons", patient())).json()[0]
    assert (listed["title"], listed["read_at"]) == ("Kallelse", opened_one["read_at"])


async def test_letters_are_found_in_the_queue_and_in_their_batch_to_be_printed_again(
    api: Api, services: Services
) -> None:
    world = await world_with(api, services, anna_has_account=False)
    await timed(api, world)
    await timed(api, world, BO, slot=1)
    queued = (await api.get(f"/units/{UNIT}/letters?state=queued", SCHEDULER)).json()
    assert {(one["reason"], one["patient_name"]) for one in queued} == {
        ("no_account", "Test aaaa"),
        ("protected", "Skyddad identitet"),
    }
    batch = await api.made(f"/units/{UNIT}/letter-batches", SCHEDULER)
    assert (await api.get(f"/units/{UNIT}/letters?state=queued", SCHEDULER)).json() == []
    assert [one["batch_id"] for one in (await api.get(f"/units/{UNIT}/letter-batches", SCHEDULER)).json()] == [
        batch["batch_id"]
    ]
    printed = (await api.get(f"/units/{UNIT}/letters?batch_id={batch['batch_id']}", SCHEDULER)).json()
    assert {one["letter_id"] for one in printed} == {one["letter_id"] for one in queued}
    again = await api.made(f"/letters/{printed[0]['letter_id']}/reprint", SCHEDULER)
    assert again["state"] == "queued"
    assert len((await api.get(f"/units/{UNIT}/letters?state=queued", SCHEDULER)).json()) == 1
