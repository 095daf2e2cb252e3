"""Calendars over HTTP: invitations, and feeds whose address is a secret."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from icalendar import Calendar
from sqlalchemy import select

from auth.principal import Principal
from companion.models.audit import AuditRow
from companion.models.bookings import CalendarFeed
from companion.store.proxies import sweep_guardianships
from tests.companion.people import ANNA, BO, UNIT, Api, patient, proxy, staff
from tests.companion.routes.test_proxies import CHILD, PARENT, STRANGER, THIRTEEN, family, registered, told
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


# --- feeds of proxies --------------------------------------------------------------------------------------------


@dataclass
class Guardian:
    """Somebody who acts for a child, has booked a visit for it and made a feed of its visits."""

    person_id: str
    child: str
    guardianship_id: str
    path: str
    acting: Principal


async def guardian(world: World) -> Guardian:
    parent, child = await family(world.api)
    made = await world.api.made("/guardianships", patient(parent), {"child_number": CHILD})
    acting = proxy(parent, child)
    await world.api.made("/bookings", acting, {"slot_id": world.slots[0]["slot_id"]})
    path = (await world.api.made("/calendar-feed", acting))["path"]
    assert await visits(world.api, path) == 1
    return Guardian(parent, child, made["guardianship_id"], path, acting)


async def visits(api: Api, path: str) -> int | None:
    """How many visits a feed shows; None when there is no such feed."""
    answer = await api.get(path)
    return len(Calendar.from_ical(answer.text).walk("VEVENT")) if answer.status_code == 200 else None


async def feeds(world: World) -> int:
    async with world.services.database.reading(world.services.clock()) as transaction:
        return len((await transaction.session.scalars(select(CalendarFeed))).all())


@pytest.mark.attack
async def test_nobody_makes_a_feed_of_somebody_for_whom_they_do_not_act(world: World) -> None:
    assert (await world.api.post("/calendar-feed", proxy())).status_code == 404
    assert await feeds(world) == 0


@pytest.mark.attack
async def test_a_guardians_feed_ends_with_custody_and_stays_ended(world: World) -> None:
    one = await guardian(world)
    await told(world.api, one.child)
    assert await visits(world.api, one.path) is None
    assert await feeds(world) == 0
    await told(world.api, one.child, one.person_id)
    await world.api.made("/guardianships", patient(one.person_id), {"child_number": CHILD})
    assert await visits(world.api, one.path) is None


@pytest.mark.attack
async def test_a_guardians_feed_ends_when_the_guardianship_is_given_up(world: World) -> None:
    one = await guardian(world)
    gone = await world.api.ask("DELETE", f"/guardianships/{one.guardianship_id}", patient(one.person_id))
    assert gone.status_code == 204
    assert await visits(world.api, one.path) is None


@pytest.mark.attack
async def test_a_guardians_feed_ends_as_the_13th_birthday_begins(world: World) -> None:
    one = await guardian(world)
    world.api.clock.now = THIRTEEN - timedelta(seconds=1)
    assert await visits(world.api, one.path) == 0  # the visit was long ago; the feed is there
    world.api.clock.now = THIRTEEN
    assert await visits(world.api, one.path) is None  # although nothing has swept yet
    async with world.services.database.transaction(THIRTEEN) as transaction:
        assert await sweep_guardianships(transaction) == 1
    assert await feeds(world) == 0


async def test_a_proxys_feed_and_the_patients_own_do_not_end_each_other(world: World) -> None:
    one = await guardian(world)
    own = (await world.api.made("/calendar-feed", patient(one.child)))["path"]
    assert [await visits(world.api, path) for path in (one.path, own)] == [1, 1]
    assert (await world.api.ask("DELETE", "/calendar-feed", one.acting)).status_code == 204
    assert [await visits(world.api, path) for path in (one.path, own)] == [None, 1]


@dataclass
class Friend:
    """An adult to whom Parent, another adult, gives grants."""

    api: Api
    patient_person_id: str
    acting: Principal

    async def granted(self, *scopes: str, until: datetime) -> str:
        wish = {"proxy_number": STRANGER, "scopes": list(scopes), "valid_until": until.isoformat()}
        return str((await self.api.made("/grants", patient(self.patient_person_id), wish))["grant_id"])

    async def feed(self) -> str:
        return str((await self.api.made("/calendar-feed", self.acting))["path"])


async def friend(world: World) -> Friend:
    patient_id, proxy_id = await registered(world.api, PARENT), await registered(world.api, STRANGER)
    return Friend(world.api, patient_id, proxy(proxy_id, patient_id))


@pytest.mark.attack
async def test_an_adult_proxys_feed_ends_with_the_grant_and_needs_its_scope(world: World) -> None:
    one, until = await friend(world), world.api.clock.now + timedelta(days=30)
    await one.granted("messages", until=until)
    assert (await world.api.post("/calendar-feed", one.acting)).status_code == 404
    await one.granted("book", until=until)
    path = await one.feed()
    await one.granted("book", "messages", until=until)
    assert await visits(world.api, path) == 0  # renewed, it lasts
    await one.granted("messages", until=until)
    assert await visits(world.api, path) is None
    last = await one.granted("book", until=until)
    assert await visits(world.api, path) is None
    path = await one.feed()
    assert (await world.api.ask("DELETE", f"/grants/{last}", patient(one.patient_person_id))).status_code == 204
    assert await visits(world.api, path) is None
    assert await feeds(world) == 0


@pytest.mark.attack
async def test_an_adult_proxys_feed_ends_as_the_grant_runs_out(world: World) -> None:
    one, until = await friend(world), world.api.clock.now + timedelta(days=1)
    await one.granted("book", until=until)
    path = await one.feed()
    world.api.clock.now = until
    assert await visits(world.api, path) is None
    await one.granted("book", until=until + timedelta(days=9))
    assert await visits(world.api, path) is None
