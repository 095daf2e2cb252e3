"""Bookings over HTTP, on both databases."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from companion.models.audit import AuditRow
from companion.models.bookings import InterpreterOrder
from companion.models.outbox import OutboxRow
from tests.companion.people import ANNA, BO, CHILD, FOREIGN_UNIT, OTHER_PROVIDER, OTHER_UNIT, patient, proxy, staff
from tests.companion.world import ADMIN, World, add_slots

PLANNER = staff("scheduler")


async def events(world: World) -> list[str]:
    async with world.services.database.reading(world.services.clock()) as transaction:
        rows = await transaction.session.scalars(select(OutboxRow).order_by(OutboxRow.id))
        return [row.kind for row in rows if row.kind.startswith(("booking", "reserve"))]


async def book(world: World, index: int = 0, who: Any = None, **body: Any) -> dict[str, Any]:
    slot = {"slot_id": world.slots[index]["slot_id"]}
    return dict(await world.api.made("/bookings", who or patient(), slot | body))


async def test_a_patient_books_what_the_public_search_finds(world: World) -> None:
    free = await world.free(unit=world.slots[0] and "SE5555555555-1001", first="2027-03-08", last="2027-03-08")
    assert [slot["local_start"][11:16] for slot in free] == ["08:00", "08:30", "09:00", "09:30"]
    booking = await world.api.made("/bookings", patient(), {"slot_id": free[0]["slot_id"]})
    assert (booking["state"], booking["patient_person_id"]) == ("booked", ANNA)
    assert (await world.api.get(f"/bookings/{booking['booking_id']}", patient())).json() == booking
    assert len(await world.free(first="2027-03-08", last="2027-03-08")) == 3
    assert await events(world) == ["booking.created"]
    await world.counters_hold()


async def test_a_taken_slot_is_refused_with_the_three_nearest(world: World) -> None:
    await book(world, 2)
    answer = await world.api.post(
        "/bookings", patient(BO), {"slot_id": world.slots[2]["slot_id"]}, Accept_Language="en"
    )
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["title"]) == (409, "slot_taken", "The time has been taken.")
    offered = {one["slot_id"] for one in problem["alternatives"]}
    assert offered == {world.slots[index]["slot_id"] for index in (0, 1, 3)}


async def test_many_at_once_get_one_place_once(world: World) -> None:
    slot = {"slot_id": world.slots[0]["slot_id"]}
    people = [patient(ANNA), patient(BO), patient(CHILD)] * 4
    answers = await asyncio.gather(*(world.api.post("/bookings", who, slot) for who in people))
    codes = sorted(answer.json().get("code", "booked") for answer in answers)
    assert codes.count("booked") == 1
    assert set(codes) <= {"booked", "slot_taken", "booking_overlaps"}
    await world.counters_hold()


async def test_a_hold_keeps_the_place_and_runs_out(world: World) -> None:
    slot = {"slot_id": world.slots[0]["slot_id"]}
    hold = await world.api.made("/holds", patient(), slot)
    assert (await world.api.post("/bookings", patient(BO), slot)).json()["code"] == "slot_taken"
    world.api.clock.advance(seconds=301)
    late = await world.api.post("/bookings", patient(), {"hold_id": hold["hold_id"]})
    assert late.json()["code"] == "hold_expired"
    await world.api.made("/bookings", patient(BO), slot)
    await world.counters_hold()


async def test_a_hold_becomes_a_booking_once_and_for_its_holder_only(world: World) -> None:
    hold = await world.api.made("/holds", patient(), {"slot_id": world.slots[0]["slot_id"]})
    wish = {"hold_id": hold["hold_id"]}
    assert (await world.api.post("/bookings", patient(BO), wish)).json()["code"] == "hold_expired"
    await world.api.made("/bookings", patient(), wish)
    assert (await world.api.post("/bookings", patient(), wish)).json()["code"] == "hold_expired"
    await world.counters_hold()


async def test_a_hold_can_be_let_go_by_its_holder(world: World) -> None:
    hold = await world.api.made("/holds", patient(), {"slot_id": world.slots[0]["slot_id"]})
    path = f"/holds/{hold['hold_id']}"
    assert (await world.api.ask("DELETE", path, patient(BO))).status_code == 404
    assert (await world.api.ask("DELETE", path, patient())).status_code == 204
    assert (await world.api.ask("DELETE", path, patient())).status_code == 404
    await world.counters_hold()


async def test_nobody_holds_everything(world: World) -> None:
    for index in range(3):
        await world.api.made("/holds", patient(), {"slot_id": world.slots[index]["slot_id"]})
    answer = await world.api.post("/holds", patient(), {"slot_id": world.slots[3]["slot_id"]})
    assert answer.json()["code"] == "too_many_holds"


async def test_moving_takes_the_new_place_before_it_gives_the_old_one_back(world: World) -> None:
    mine, other = await book(world, 0), await book(world, 1, patient(BO))
    path = f"/bookings/{mine['booking_id']}/rebook"
    refused = await world.api.post(path, patient(), {"slot_id": other["slot_id"]})
    assert refused.json()["code"] == "slot_taken"
    assert (await world.api.get(f"/bookings/{mine['booking_id']}", patient())).json() == mine
    moved = await world.api.made(path, patient(), {"slot_id": world.slots[3]["slot_id"]})
    assert (moved["slot_id"], moved["sequence"]) == (world.slots[3]["slot_id"], 1)
    assert {one["slot_id"] for one in await world.free(first="2027-03-08", last="2027-03-08")} == {
        world.slots[0]["slot_id"],
        world.slots[2]["slot_id"],
    }
    await world.counters_hold()


async def test_two_who_swap_at_once_never_hang(world: World) -> None:
    mine, other = await book(world, 0), await book(world, 1, patient(BO))
    answers = await asyncio.gather(
        world.api.post(f"/bookings/{mine['booking_id']}/rebook", patient(), {"slot_id": other["slot_id"]}),
        world.api.post(f"/bookings/{other['booking_id']}/rebook", patient(BO), {"slot_id": mine["slot_id"]}),
    )
    assert {answer.status_code for answer in answers} == {409}
    await world.counters_hold()


async def test_cancelling_gives_the_place_back_until_the_day_before(world: World) -> None:
    booking = await book(world, 0)
    path = f"/bookings/{booking['booking_id']}/cancel"
    gone = await world.api.made(path, patient(), {})
    assert (gone["state"], gone["cancel_reason"]) == ("cancelled", "patient_asked")
    assert (await world.api.post(path, patient(), {})).json()["code"] == "booking_state"
    again = await book(world, 0)
    world.api.clock.advance(days=6, hours=1)
    late = await world.api.post(f"/bookings/{again['booking_id']}/cancel", patient(), {})
    assert late.json()["code"] == "too_late"
    await world.counters_hold()


async def test_a_repeated_request_with_its_key_does_nothing_twice(world: World) -> None:
    slot = {"slot_id": world.slots[0]["slot_id"]}
    answers = await asyncio.gather(
        *(world.api.post("/bookings", patient(), slot, Idempotency_Key="key-000001") for _ in range(5))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    other = await world.api.post(
        "/bookings", patient(), {"slot_id": world.slots[1]["slot_id"]}, Idempotency_Key="key-000001"
    )
    assert other.json()["code"] == "idempotency_key_reused"
    assert await events(world) == ["booking.created"]


@pytest.mark.attack
async def test_another_persons_key_gives_nothing_away(world: World) -> None:
    slot = {"slot_id": world.slots[0]["slot_id"]}
    await world.api.made("/bookings", patient(), slot, Idempotency_Key="key-000001")
    answer = await world.api.post("/bookings", patient(BO), slot, Idempotency_Key="key-000001")
    assert answer.json()["code"] == "slot_taken"


async def test_a_series_is_booked_whole_or_not_at_all(world: World) -> None:
    await book(world, 5, patient(BO))
    wish = {"slot_ids": [world.slots[index]["slot_id"] for index in (1, 5, 9)], "patient_person_id": ANNA}
    assert (await world.api.post("/series", PLANNER, wish)).json()["code"] == "slot_taken"
    await world.counters_hold()
    wish["slot_ids"] = [world.slots[index]["slot_id"] for index in (9, 1, 13)]
    made = (await world.api.made("/series", PLANNER, wish))["bookings"]
    assert [one["starts_at"][:10] for one in made] == ["2027-03-08", "2027-03-10", "2027-03-11"]
    gone = await world.api.made(f"/series/{made[0]['series_id']}/cancel", PLANNER, {"reason": "unit_illness"})
    assert len(gone["bookings"]) == 3
    await world.counters_hold()


async def test_overlapping_bookings_of_one_patient_are_refused(world: World) -> None:
    _, _, others = await add_slots(world.api, unit=OTHER_UNIT, begins="08:15", ends="09:15")
    await book(world, 0)
    answer = await world.api.post("/bookings", patient(), {"slot_id": others[0]["slot_id"]})
    assert answer.json()["code"] == "booking_overlaps"


async def test_the_day_of_the_visit(world: World) -> None:
    booking = await book(world, 0)
    path = f"/bookings/{booking['booking_id']}"
    assert (await world.api.post(f"{path}/arrive", PLANNER)).json()["code"] == "too_early"
    world.api.clock.advance(days=7, minutes=15)
    assert (await world.api.post(f"{path}/miss", PLANNER)).json()["code"] == "too_early"
    assert (await world.api.made(f"{path}/arrive", PLANNER))["state"] == "arrived"
    assert (await world.api.made(f"{path}/fulfil", PLANNER))["state"] == "fulfilled"
    assert (await world.api.post(f"{path}/cancel", PLANNER, {})).json()["code"] == "booking_state"
    assert (await events(world))[1:] == ["booking.arrived", "booking.fulfilled"]


async def test_absence_costs_by_the_rule_unless_excused(world: World) -> None:
    rules = "/providers/SE5555555555-0001/fee-rules"
    await world.api.made(rules, ADMIN, {"kind": "absence", "amount_ore": 40000, "valid_from": "2027-01-01"})
    doubled = {"kind": "absence", "amount_ore": 1, "valid_from": "2028-01-01"}
    assert (await world.api.post(rules, ADMIN, doubled)).json()["code"] == "fee_rule_overlaps"
    booking, childs = await book(world, 0), await book(world, 1, proxy())
    world.api.clock.advance(days=7, minutes=50)
    path = f"/bookings/{booking['booking_id']}"
    assert (await world.api.made(f"{path}/miss", PLANNER))["state"] == "no_show"
    fee = (await world.api.get(f"{path}/fee", patient())).json()
    assert (fee["amount_ore"], fee["is_excused"]) == (40000, False)
    assert (await world.api.made(f"{path}/excuse", PLANNER, {"excuse": "ill"}))["is_excused"]
    await world.api.made(f"{path}/undo-miss", PLANNER)
    assert (await world.api.get(f"{path}/fee", patient())).json() is None
    await world.api.made(f"/bookings/{childs['booking_id']}/miss", PLANNER)
    assert (await world.api.get(f"/bookings/{childs['booking_id']}/fee", proxy())).json() is None


async def test_video_bookings_open_a_meeting_and_order_the_interpreter(world: World) -> None:
    _, _, slots = await add_slots(world.api, time_type={"modality": "video"}, begins="13:00", ends="14:00")
    wish = {"slot_id": slots[0]["slot_id"], "interpreter_language": "so", "patient_person_id": ANNA}
    booking = await world.api.made("/bookings", PLANNER, wish)
    assert booking["meeting_id"].startswith("mt-")
    async with world.services.database.reading(world.services.clock()) as transaction:
        order = await transaction.session.get_one(InterpreterOrder, booking["booking_id"])
        event = await transaction.session.scalar(select(OutboxRow).where(OutboxRow.kind == "booking.created"))
        assert (order.state, order.language) == ("ordered", "so")
        assert event is not None
        assert event.payload["meeting"] == booking["meeting_id"]
    await world.api.made(f"/bookings/{booking['booking_id']}/cancel", PLANNER, {"reason": "unit_illness"})
    async with world.services.database.reading(world.services.clock()) as transaction:
        order = await transaction.session.get_one(InterpreterOrder, booking["booking_id"])
        assert order.state == "cancelled"


async def test_staff_see_their_days_with_protected_names_masked(world: World) -> None:
    await book(world, 0)
    await book(world, 1, patient(BO))
    answer = await world.api.get("/bookings?day=2027-03-08", staff())
    assert [one["patient_name"] for one in answer.json()["bookings"]] == ["Test aaaa", "Skyddad identitet"]
    other = await world.api.get("/bookings?day=2027-03-08", staff(unit=OTHER_UNIT))
    assert other.json() == {"bookings": []}


async def test_every_look_stands_in_the_audit_log(world: World) -> None:
    booking = await book(world, 0)
    await world.api.get(f"/bookings/{booking['booking_id']}", staff())
    await world.api.get(f"/bookings/{booking['booking_id']}", patient(BO))
    async with world.services.database.reading(world.services.clock()) as transaction:
        query = select(AuditRow.action, func.count()).where(AuditRow.patient == ANNA).group_by(AuditRow.action)
        counted = dict((await transaction.session.execute(query)).all())
    assert counted == {"booking_create": 1, "booking_read": 2}


@pytest.mark.attack
@pytest.mark.parametrize(
    "who",
    [
        patient(BO),
        patient(CHILD),
        proxy(),
        staff(unit=OTHER_UNIT),
        staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER),
        staff(provider=OTHER_PROVIDER),
    ],
)
async def test_others_find_no_booking_that_is_not_theirs(world: World, who: Any) -> None:
    booking = await book(world, 0)
    path = f"/bookings/{booking['booking_id']}"
    asked = [
        await world.api.get(path, who),
        await world.api.post(f"{path}/cancel", who, {}),
        await world.api.post(f"{path}/rebook", who, {"slot_id": world.slots[4]["slot_id"]}),
    ]
    assert {answer.status_code for answer in asked} == {404}
    assert (await world.api.get(path, patient())).json() == booking


@pytest.mark.attack
async def test_a_patient_books_for_nobody_else(world: World) -> None:
    wish = {"slot_id": world.slots[0]["slot_id"], "patient_person_id": BO}
    assert (await world.api.post("/bookings", patient(), wish)).status_code == 404
    without_scope = proxy(scopes=frozenset({"messages"}))
    answer = await world.api.post("/bookings", without_scope, {"slot_id": world.slots[0]["slot_id"]})
    assert answer.status_code == 403


async def test_a_proxy_books_for_the_patient_and_both_are_known(world: World) -> None:
    booking = await book(world, 0, proxy())
    assert booking["patient_person_id"] == CHILD
    async with world.services.database.reading(world.services.clock()) as transaction:
        row = await transaction.session.scalar(select(AuditRow).where(AuditRow.patient == CHILD))
        assert row is not None
        assert row.actor == ANNA


@pytest.mark.attack
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"slot_id": "x"}, "slot_id"),
        ({}, None),
        ({"slot_id": "sl-" + "a" * 26, "hold_id": "ho-" + "a" * 26}, None),
        ({"slot_id": "sl-" + "a" * 26, "state": "fulfilled"}, "state"),
        ({"slot_id": "sl-" + "a" * 26, "interpreter_language": "'; DROP TABLE booking"}, "interpreter_language"),
    ],
)
async def test_bad_input_names_the_field(world: World, body: dict[str, Any], field: str | None) -> None:
    answer = await world.api.post("/bookings", patient(), body)
    assert (answer.status_code, answer.json()["code"], answer.json().get("field")) == (422, "invalid_request", field)
