"""E-kallelse through the API: sent, read, answered with the booking; letters for those who are not reached."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from companion.models.outbox import OutboxRow
from companion.models.summons import Letter
from companion.services import Services
from companion.store.summons import sweep_summonses
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
    service,
    staff,
)
from tests.companion.world import World, build

SCHEDULER = staff("scheduler")
FRONT = service("contacts:write", "notices:write", name="front")


async def world_with(
    api: Api, services: Services, *, audience: str = "invited", anna_has_account: bool = True
) -> World:
    world = await build(api, services, capacity=3, time_type={"audience": audience})
    if anna_has_account:
        await reach(api, ANNA)
    return world


async def reach(api: Api, person_id: str, *, bounced: bool = False) -> None:
    body = {"has_account": True, "has_bounced": bounced}
    assert (await api.ask("PUT", f"/persons/{person_id}/reach", FRONT, body)).status_code == 204


async def timed(api: Api, world: World, person_id: str = ANNA, *, slot: int = 0, **terms: Any) -> dict[str, Any]:
    """A booking by staff and a summons to it, sent."""
    wish = {"slot_id": world.slots[slot]["slot_id"], "patient_person_id": person_id}
    booking = await api.made("/bookings", SCHEDULER, wish)
    body = {"booking_id": booking["booking_id"], "title": "Kallelse", "preparation": "Ät inget."} | terms
    made = await api.made("/summons/timed", SCHEDULER, body)
    return dict(await api.made(f"/summons/{made['summons_id']}/send", SCHEDULER))


async def opened(api: Api, world: World, clock: VirtualClock, **terms: Any) -> dict[str, Any]:
    until = (clock.now + timedelta(days=10)).isoformat()
    body = {"time_type_id": world.time_type_id, "patient_person_id": ANNA, "answer_until": until, "title": "Välj tid"}
    made = await api.made("/summons/open", SCHEDULER, body | terms)
    return dict(await api.made(f"/summons/{made['summons_id']}/send", SCHEDULER))


async def sweep(services: Services) -> None:
    async with services.database.transaction(services.clock()) as transaction:
        await sweep_summonses(transaction, services.settings)


async def letters(services: Services) -> list[tuple[str, str]]:
    async with services.database.reading(services.clock()) as transaction:
        return [(row.reason, row.state) for row in (await transaction.session.scalars(select(Letter))).all()]


async def kinds(services: Services) -> list[str]:
    async with services.database.reading(services.clock()) as transaction:
        rows = (await transaction.session.scalars(select(OutboxRow).order_by(OutboxRow.id))).all()
        return [row.kind for row in rows if row.kind.startswith("summons")]


async def state(api: Api, summons: dict[str, Any]) -> str:
    return str((await api.get(f"/summons/{summons['summons_id']}", SCHEDULER)).json()["state"])


# --- answers -----------------------------------------------------------------------------------------------------


async def test_a_timed_summons_is_read_and_confirmed(api: Api, services: Services, clock: VirtualClock) -> None:
    world = await world_with(api, services)
    summons = await timed(api, world)
    path = f"/summons/{summons['summons_id']}"
    early = await api.post(f"{path}/answer", patient(), {"answer": "confirm"})
    assert early.json()["code"] == "summons_state"  # nobody answers what they have not read
    assert (await api.post(f"{path}/notified", FRONT)).status_code == 204
    assert await state(api, summons) == "notified"
    clock.advance(hours=1)
    read = (await api.get(path, patient())).json()
    clock.advance(hours=1)
    again = (await api.get(path, patient())).json()
    assert read["read_at"] == again["read_at"]
    assert (read["state"], read["preparation"]) == ("read", "Ät inget.")
    done = await api.made(f"{path}/answer", patient(), {"answer": "confirm"})
    assert done["state"] == "confirmed"
    assert await kinds(services) == ["summons.sent", "summons.confirmed"]


async def test_moving_and_declining_move_and_cancel_the_booking(api: Api, services: Services) -> None:
    world = await world_with(api, services)
    summons = await timed(api, world, may_rebook=True, may_decline=True)
    path = f"/summons/{summons['summons_id']}"
    await api.get(path, patient())
    moved = {"answer": "rebook", "slot_id": world.slots[5]["slot_id"]}
    assert (await api.made(f"{path}/answer", patient(), moved))["state"] == "rebooked"
    assert (await api.made(f"{path}/answer", patient(), {"answer": "decline"}))["state"] == "declined"
    booking = (await api.get(f"/bookings/{summons['booking_id']}", patient())).json()
    assert booking["state"] == "cancelled"
    await world.counters_hold()


async def test_only_what_the_unit_allows(api: Api, services: Services) -> None:
    world = await world_with(api, services)
    summons = await timed(api, world, may_confirm=False)
    path = f"/summons/{summons['summons_id']}"
    await api.get(path, patient())
    for body in (
        {"answer": "confirm"},
        {"answer": "decline"},
        {"answer": "rebook", "slot_id": world.slots[5]["slot_id"]},
    ):
        answer = await api.post(f"{path}/answer", patient(), body)
        assert (answer.status_code, answer.json()["code"]) == (403, "summons_answer")


async def test_an_open_summons_lets_the_patient_pick_an_invited_time(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    world = await world_with(api, services)
    slot = world.slots[3]["slot_id"]
    uninvited = await api.post("/bookings", patient(), {"slot_id": slot})
    assert uninvited.json()["code"] == "not_permitted"
    path = f"/summons/{(await opened(api, world, clock))['summons_id']}"
    await api.get(path, patient())
    missing = await api.post(f"{path}/answer", patient(), {"answer": "confirm"})
    assert (missing.status_code, missing.json()["field"]) == (422, "slot_id")
    done = await api.made(f"{path}/answer", patient(), {"answer": "confirm", "slot_id": slot})
    assert (done["state"], done["booking_id"] is not None) == ("confirmed", True)
    await world.counters_hold()


async def test_unanswered_ones_expire_and_leave_the_booking(api: Api, services: Services, clock: VirtualClock) -> None:
    world = await world_with(api, services)
    summons = await timed(api, world)
    clock.advance(days=5)
    await sweep(services)
    await sweep(services)
    assert (await kinds(services)).count("summons.reminder") <= 1
    clock.advance(days=3)
    await sweep(services)
    assert await state(api, summons) == "expired"
    booking = (await api.get(f"/bookings/{summons['booking_id']}", SCHEDULER)).json()
    assert booking["state"] == "booked"


async def test_who_has_not_answered_is_reminded_once(api: Api, services: Services, clock: VirtualClock) -> None:
    world = await world_with(api, services)
    summons = await timed(api, world)
    await api.get(f"/summons/{summons['summons_id']}", patient())
    for _ in range(3):
        clock.advance(hours=48)
        await sweep(services)
    assert await kinds(services) == ["summons.sent", "summons.reminder"]


# --- letters -----------------------------------------------------------------------------------------------------


async def test_unread_for_48_hours_becomes_a_letter(api: Api, services: Services, clock: VirtualClock) -> None:
    world = await world_with(api, services)
    await timed(api, world)
    clock.advance(hours=47)
    await sweep(services)
    assert await letters(services) == []
    clock.advance(hours=1)
    await sweep(services)
    await sweep(services)
    assert await letters(services) == [("unread", "queued")]


async def test_reading_withdraws_a_letter_that_waits(api: Api, services: Services, clock: VirtualClock) -> None:
    world = await world_with(api, services)
    summons = await timed(api, world)
    clock.advance(hours=48)
    await sweep(services)
    await api.get(f"/summons/{summons['summons_id']}", patient())
    assert await letters(services) == [("unread", "withdrawn")]


@pytest.mark.parametrize("why", ["no_account", "bounced", "protected"])
async def test_who_cannot_be_told_gets_a_letter_at_once_and_no_notice(api: Api, services: Services, why: str) -> None:
    world = await world_with(api, services, anna_has_account=why != "no_account")
    person = BO if why == "protected" else ANNA
    if why != "no_account":
        await reach(api, person, bounced=why == "bounced")
    await timed(api, world, person)
    assert await letters(services) == [(why, "queued")]
    assert await kinds(services) == []


async def test_a_bounced_notice_becomes_a_letter_at_once(api: Api, services: Services) -> None:
    world = await world_with(api, services)
    await timed(api, world)
    assert await letters(services) == []
    await reach(api, ANNA, bounced=True)
    assert await letters(services) == [("bounced", "queued")]


async def test_who_becomes_protected_gets_a_letter_at_once(api: Api, services: Services) -> None:
    world = await world_with(api, services)
    body = {"number": "197012312398", "given_name": "A", "family_name": "B"}
    population = service("persons:write")
    made = await api.ask("PUT", "/persons", population, body)
    await reach(api, made.json()["person_id"])
    await timed(api, world, made.json()["person_id"])
    assert await letters(services) == []
    await api.ask("PUT", "/persons", population, body | {"is_secret": True})
    assert await letters(services) == [("protected", "queued")]


async def test_letters_are_printed_once_as_a_pdf_and_posted(api: Api, services: Services) -> None:
    world = await world_with(api, services, anna_has_account=False)
    await timed(api, world)
    await timed(api, world, BO, slot=1)
    batch = await api.made(f"/units/{UNIT}/letter-batches", SCHEDULER)
    assert (await api.post(f"/units/{UNIT}/letter-batches", SCHEDULER)).status_code == 404  # nothing is left
    pdf = await api.get(f"/letter-batches/{batch['batch_id']}/pdf", SCHEDULER)
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF-")
    assert pdf.content.count(b"/Type /Page\n") == 2
    await api.made(f"/letter-batches/{batch['batch_id']}/posted", SCHEDULER)
    again = await api.post(f"/letter-batches/{batch['batch_id']}/posted", SCHEDULER)
    assert again.json()["code"] == "letter_state"
    assert sorted(await letters(services)) == [("no_account", "posted"), ("protected", "posted")]


# --- who may not -------------------------------------------------------------------------------------------------


@pytest.mark.attack
async def test_nobody_elses_summons(api: Api, services: Services) -> None:
    world = await world_with(api, services)
    summons = await timed(api, world)
    path = f"/summons/{summons['summons_id']}"
    for who in (patient(BO), staff(unit=OTHER_UNIT), staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)):
        assert (await api.get(path, who)).status_code == 404
        assert (await api.get("/summons", who)).json() == []
    assert (await api.post(f"{path}/answer", patient(BO), {"answer": "confirm"})).status_code == 404
    assert (await api.post(f"{path}/withdraw", staff(unit=OTHER_UNIT))).status_code == 404
    assert (await api.post(f"/units/{UNIT}/letter-batches", staff(unit=OTHER_UNIT))).status_code == 404
    assert [one["summons_id"] for one in (await api.get("/summons", patient())).json()] == [summons["summons_id"]]


@pytest.mark.attack
async def test_a_draft_is_not_there_for_the_patient(api: Api, services: Services) -> None:
    world = await world_with(api, services)
    wish = {"slot_id": world.slots[0]["slot_id"], "patient_person_id": ANNA}
    booking = await api.made("/bookings", SCHEDULER, wish)
    body = {"booking_id": booking["booking_id"], "title": "Kallelse"}
    draft = await api.made("/summons/timed", SCHEDULER, body)
    assert (await api.get(f"/summons/{draft['summons_id']}", patient())).status_code == 404
    assert (await api.get("/summons", patient())).json() == []
