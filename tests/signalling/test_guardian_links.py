"""A teenager agrees that a guardian comes to one meeting: a link for the unit to hand on, while the yes holds."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from redis.asyncio import Redis

from auth.guest_links import GuestLinks
from signalling.companion_events import CompanionEvent
from signalling.front import Front
from signalling.guardian_links import LABEL, GuardianSecrets
from tests.companion.people import FOREIGN_UNIT, OTHER_PROVIDER, PROVIDER, UNIT
from tests.companion.people import patient as api_patient
from tests.companion.people import staff as employee
from tests.companion.world import person
from tests.signalling.browsing import Browser, staff
from tests.signalling.conftest import KEYS, NOW, MakeFront
from tests.signalling.meeting_people import MakeBrowser, error
from tests.signalling.real_companion import RealCompanion

pytestmark = pytest.mark.usefixtures("worker")
TEEN = "p-" + "t" * 26


class Time:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def front(make_front: MakeFront, real_companion: RealCompanion, time: Time) -> Front:
    return await make_front(clock=time, companion_url=real_companion.url)


async def asked(real_companion: RealCompanion) -> tuple[str, str]:
    """A teenager's video booking and the question; the ids of meeting and invitation."""
    async with real_companion.services.database.transaction(real_companion.clock()) as transaction:
        transaction.session.add(person(TEEN, date(2012, 1, 1), number="201201012383"))
    slot = (await real_companion.slots())[0]
    wish = {"slot_id": slot["slot_id"], "patient_person_id": TEEN}
    booking = await real_companion.api.made("/bookings", employee("scheduler"), wish)
    path = f"/bookings/{booking['booking_id']}/guardian-invitations"
    invitation = await real_companion.api.made(path, employee())
    return booking["meeting_id"], invitation["invitation_id"]


async def answers(real_companion: RealCompanion, invitation_id: str, *, consents: bool) -> None:
    path = f"/guardian-invitations/{invitation_id}/consent"
    answer = await real_companion.api.ask("PUT", path, api_patient(TEEN), {"consents": consents})
    assert answer.status_code == 200, answer.text


async def links(browser: Browser, meeting_id: str) -> list[dict[str, Any]]:
    status, body, _ = await browser.ask("GET", f"/api/meetings/{meeting_id}/links")
    assert status == 200, body
    return list(body["links"])


async def test_a_yes_makes_a_link_that_the_unit_hands_on_and_a_no_ends_it(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    meeting_id, invitation_id = await asked(real_companion)
    await real_companion.deliver(front)
    unit = await make_browser(staff(unit=UNIT, provider=PROVIDER))
    assert await links(unit, meeting_id) == []
    await answers(real_companion, invitation_id, consents=True)
    await real_companion.deliver(front)
    [link] = await links(unit, meeting_id)
    assert (link["role"], link["label"], link["state"]) == ("guest", LABEL, "unused")
    stranger = await make_browser(staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER))
    assert (await stranger.ask("GET", f"/api/meetings/{meeting_id}/links"))[0] == 404
    secret = link["url"].partition("#link=")[2]
    guardian = await make_browser()
    status, token = await guardian.send("POST", "/api/guest", {"link": secret, "display_name": "Mamma"})
    assert (status, token["admitted"]) == (201, False)
    [used] = await links(unit, meeting_id)
    assert (used["state"], used["url"]) == ("used", None)
    await answers(real_companion, invitation_id, consents=False)
    await real_companion.deliver(front)
    assert [one["state"] for one in await links(unit, meeting_id)] == ["revoked"]
    assert await front.revocations.is_revoked(link["link_id"])
    assert (await guardian.send("POST", "/api/guest", {"link": secret, "display_name": "Mamma"}))[0] == 403


async def test_a_yes_goes_with_a_meeting_that_is_moved(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser, time: Time
) -> None:
    meeting_id, invitation_id = await asked(real_companion)
    await answers(real_companion, invitation_id, consents=True)
    await real_companion.deliver(front)
    known = await front.meetings.get(meeting_id)
    assert known is not None
    week_s = 7 * 24 * 3600
    moved = replace(known, starts_at=known.starts_at + week_s, ends_at=known.ends_at + week_s)
    await front.meetings.put(moved, NOW)
    [link] = await links(await make_browser(staff(unit=UNIT, provider=PROVIDER)), meeting_id)
    use = {"link": link["url"].partition("#link=")[2], "display_name": "Mamma"}
    guardian = await make_browser()
    status, body = await guardian.send("POST", "/api/guest", use)
    assert (status, error(body)) == (409, "not_open")  # a week early
    time.now += week_s
    assert (await guardian.send("POST", "/api/guest", use))[0] == 201


async def test_a_no_that_arrives_before_the_yes_still_holds(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    meeting_id, invitation_id = await asked(real_companion)
    await real_companion.deliver(front)
    browser = await make_browser(staff(unit=UNIT, provider=PROVIDER))
    handlers = front.companion.events.handlers
    for kind in ("guardian.declined", "guardian.consented", "guardian.consented"):
        payload = {"invitation": invitation_id, "meeting": meeting_id}
        for handle in handlers[kind]:
            await handle(_event(kind, payload))
    assert [(one["state"], one["url"]) for one in await links(browser, meeting_id)] == [("revoked", None)]


async def test_a_visit_that_is_no_meeting_gets_no_link(front: Front, redis_client: Redis) -> None:
    for kind in ("guardian.consented", "guardian.declined"):
        for handle in front.companion.events.handlers[kind]:
            await handle(_event(kind, {"invitation": "gi-" + "a" * 26, "meeting": None}))
    assert await redis_client.keys("ao:links:*") == []


async def test_the_secrets_of_other_links_are_not_known(redis_client: Redis) -> None:
    secrets = GuardianSecrets(KEYS)
    link, secret = await GuestLinks(redis_client).create(
        "m", "guest", "x", created_by="guardian:gi-forged", now=NOW, expires_at=int(NOW) + 60
    )
    assert secrets.known(link) is None
    assert secret != secrets.of("gi-forged")
    assert secrets.of("gi-1") != secrets.of("gi-2")


def _event(kind: str, payload: dict[str, Any]) -> Any:
    return CompanionEvent(key="k", kind=kind, created_at="2027-01-15T08:00:00+00:00", payload=payload)
