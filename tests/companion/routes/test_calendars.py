"""Calendars over HTTP: invitations, and feeds whose address is a secret."""

import pytest
from icalendar import Calendar
from sqlalchemy import select

from companion.models.audit import AuditRow
from tests.companion.people import ANNA, BO, UNIT, patient, staff
from tests.companion.world import World


async def test_an_invitation_follows_its_booking(world: World) -> None:
    booking = await world.api.made("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    path = f"/bookings/{booking['booking_id']}"
    first = await world.api.get(f"{path}/calendar", patient())
    assert first.headers["content-type"] == "text/calendar; charset=utf-8"
    await world.api.made(f"{path}/rebook", patient(), {"slot_id": world.slots[1]["slot_id"]})
    await world.api.made(f"{path}/cancel", patient(), {})
    last = await world.api.get(f"{path}/calendar", patient())
    told = [Calendar.from_ical(answer.text) for answer in (first, last)]
    assert [str(one["METHOD"]) for one in told] == ["REQUEST", "CANCEL"]
    events = [one.walk("VEVENT")[0] for one in told]
    assert events[0]["UID"] == events[1]["UID"]
    assert [event["SEQUENCE"] for event in events] == [0, 2]
    assert (await world.api.get(f"{path}/calendar", patient(BO))).status_code == 404


async def test_a_feed_is_read_without_a_login_until_it_ends(world: World) -> None:
    await world.api.made("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    path = (await world.api.made("/calendar-feed", patient()))["path"]
    answer = await world.api.get(path)
    assert len(Calendar.from_ical(answer.text).walk("VEVENT")) == 1
    assert UNIT not in answer.text
    assert ANNA not in answer.text
    newer = (await world.api.made("/calendar-feed", patient()))["path"]
    assert (await world.api.get(path)).status_code == 404
    assert (await world.api.ask("DELETE", "/calendar-feed", patient())).status_code == 204
    assert (await world.api.get(newer)).status_code == 404
    async with world.services.database.reading(world.services.clock()) as transaction:
        rows = await transaction.session.scalars(select(AuditRow).where(AuditRow.actor == "calendar-feed"))
        assert [row.patient for row in rows] == [ANNA]


@pytest.mark.attack
async def test_addresses_are_not_guessed_and_protected_people_have_none(world: World) -> None:
    assert (await world.api.get("/calendar/" + "a" * 43)).status_code == 404
    assert (await world.api.get("/calendar/%27%20OR%201=1")).status_code == 422
    assert (await world.api.post("/calendar-feed", patient(BO))).json()["code"] == "feed_protected"
    assert (await world.api.post("/calendar-feed", staff())).status_code == 404
