"""A booking's meeting at a front: opened, moved, closed at once, found again; real companion, real worker."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from auth.tokens import TokenKeys
from companion.models.people import Person
from sfu.worker import Worker
from signalling.front import Front
from signalling.meetings import lists_of
from tests.companion.people import ANNA, FOREIGN_UNIT, OTHER_PROVIDER, PROVIDER, UNIT
from tests.companion.people import patient as anna
from tests.companion.people import staff as planner
from tests.patience import PATIENCE_S, Awake
from tests.signalling.browsing import Browser, patient, staff
from tests.signalling.conftest import KEYS, NOW, MakeFront
from tests.signalling.meeting_people import MakeBrowser, error, service
from tests.signalling.real_companion import RealCompanion
from tests.signalling.real_worker import People
from tests.signalling.real_worker import Person as Somebody

BO = "p-" + "b" * 26


@pytest.fixture
async def front(media_worker: Worker, make_front: MakeFront, real_companion: RealCompanion) -> Front:
    return await make_front(companion_url=real_companion.url)


@pytest.fixture
async def real_front(front: Front) -> Front:
    """The people of ``people`` come to this one."""
    return front


async def listed(browser: Browser) -> list[dict[str, Any]]:
    status, body, _ = await browser.ask("GET", "/api/meetings")
    assert status == 200, body
    return list(body["meetings"])


async def enter(people: People, browser: Browser, meeting_id: str, name: str) -> Somebody:
    """Somebody with the token that the meeting gives them."""
    status, body = await browser.send("POST", f"/api/meetings/{meeting_id}/token", {})
    assert status == 201, body
    person = await people(name)
    person.token = body["token"]
    return person


def doctor() -> Any:
    return staff(unit=UNIT, provider=PROVIDER)


async def test_a_video_booking_is_a_meeting_for_its_patient_and_its_unit(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    slots = await real_companion.slots()
    booking = await real_companion.book(slots[0], interpreter_language="ar")
    physical = await real_companion.slots(modality="physical", begins="10:00")
    await real_companion.book(physical[0])
    await real_companion.deliver(front)
    for session in (patient(ANNA), doctor()):
        (meeting,) = await listed(await make_browser(session))
        assert meeting["meeting_id"] == booking["meeting_id"]
        assert meeting["starts_at"] == int(NOW) + 600
        assert (meeting["unit_name"], meeting["interpreter_language"]) == ("Unit 1001", "ar")
    for stranger in (patient(BO), staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)):
        browser = await make_browser(stranger)
        assert await listed(browser) == []
        assert (await browser.send("POST", f"/api/meetings/{booking['meeting_id']}/token", {}))[0] == 404
    host = await make_browser(doctor())
    token = (await host.send("POST", f"/api/meetings/{booking['meeting_id']}/token", {}))[1]
    assert (token["role"], token["admitted"]) == ("host", True)
    link = {"role": "interpreter", "label": "Tolk, arabiska"}
    assert (await host.send("POST", f"/api/meetings/{booking['meeting_id']}/links", link))[0] == 201


async def test_a_move_moves_it_and_sends_those_home_who_wait_for_the_old_time(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser, people: People
) -> None:
    slots = await real_companion.slots()
    booking = await real_companion.book(slots[0])
    await real_companion.deliver(front)
    browser = await make_browser(patient(ANNA))
    waiting = await enter(people, browser, booking["meeting_id"], "anna")
    assert (await waiting.wait())["ok"]
    later = {"slot_id": slots[3]["slot_id"]}
    await real_companion.api.made(f"/bookings/{booking['booking_id']}/rebook", planner(), later)
    await real_companion.deliver(front)
    assert (await waiting.client.wait_for("closed"))["code"] == "moved"
    (meeting,) = await listed(browser)
    assert meeting["starts_at"] == int(NOW) + 600 + 3 * 1800
    status, body = await browser.send("POST", f"/api/meetings/{booking['meeting_id']}/token", {})
    assert (status, error(body)) == (409, "not_open")


async def test_a_cancelled_booking_closes_meeting_and_waiting_room_within_a_second(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser, people: People
) -> None:
    booking = await real_companion.book((await real_companion.slots())[0])
    meeting_id = booking["meeting_id"]
    await real_companion.deliver(front)
    browser, host = await make_browser(patient(ANNA)), await make_browser(doctor())
    waiting = await enter(people, browser, meeting_id, "anna")
    assert (await waiting.wait())["ok"]
    inside = await enter(people, host, meeting_id, "karin")
    assert (await inside.join())["ok"]
    status, link = await host.send("POST", f"/api/meetings/{meeting_id}/links", {"role": "guest"})
    assert status == 201
    path = f"/bookings/{booking['booking_id']}/cancel"
    async with Awake() as awake:
        await real_companion.api.made(path, planner(), {"reason": "unit_illness"})
        await real_companion.deliver(front)
        for person in (waiting, inside):
            assert (await person.client.wait_for("closed"))["code"] == "cancelled"
    assert awake.seconds < 1
    for one in (browser, host):
        assert await listed(one) == []
        assert (await one.send("POST", f"/api/meetings/{meeting_id}/token", {}))[0] == 404
    again = await people("anna-again")
    again.token = waiting.token
    assert (await again.wait())["error"]["code"] == "unknown_room"
    secret = link["url"].partition("#link=")[2]
    guest = await make_browser()
    status, body, _ = await guest.ask("POST", "/api/guest", json={"link": secret, "display_name": "G"})
    assert status in (403, 404, 410), body


async def test_what_redis_lost_is_asked_for_again(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser, redis_client: Redis
) -> None:
    slots = await real_companion.slots()
    booking = await real_companion.book(slots[0])
    gone = await real_companion.book(slots[2])
    await real_companion.api.made(f"/bookings/{gone['booking_id']}/cancel", planner(), {})
    await real_companion.deliver(front)
    for browser in (await make_browser(patient(ANNA)), await make_browser(doctor())):
        async for key in redis_client.scan_iter("ao:meeting*"):
            await redis_client.delete(key)
        assert [one["meeting_id"] for one in await listed(browser)] == [booking["meeting_id"]]
        async for key in redis_client.scan_iter("ao:meeting*"):
            await redis_client.delete(key)
        assert (await browser.ask("GET", f"/api/meetings/{booking['meeting_id']}"))[0] == 200
        assert (await browser.ask("GET", f"/api/meetings/{gone['meeting_id']}"))[0] == 404
        assert (await browser.ask("GET", "/api/meetings/mt-" + "a" * 26))[0] == 404


async def test_without_the_companion_known_meetings_are_entered_and_calls_go_on(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser, people: People, redis_client: Redis
) -> None:
    slots = await real_companion.slots()
    booking = await real_companion.book(slots[0])
    await real_companion.deliver(front)
    host, browser = await make_browser(doctor()), await make_browser(patient(ANNA))
    inside = await enter(people, host, booking["meeting_id"], "karin")
    assert (await inside.join())["ok"]
    await real_companion.stop()
    waiting = await enter(people, browser, booking["meeting_id"], "anna")
    place = await waiting.wait()
    assert place["ok"]
    assert (await inside.client.ask("admit", {"participant_id": place["participant_id"]}))["ok"]
    admitted = await waiting.client.wait_for("admitted")
    waiting.token = admitted["token"]
    assert (await waiting.join())["ok"]
    assert len(await listed(browser)) == 1
    await redis_client.delete(f"ao:meeting:{booking['meeting_id']}")
    status, body = await browser.send("POST", f"/api/meetings/{booking['meeting_id']}/token", {})
    assert (status, error(body)) == (503, "unavailable")  # not "there is no such meeting": nobody knows
    await real_companion.start()
    async for key in redis_client.scan_iter("ao:meeting*"):
        await redis_client.delete(key)
    async with asyncio.timeout(PATIENCE_S):  # the circuit is open for a second or so
        while (await browser.send("POST", f"/api/meetings/{booking['meeting_id']}/token", {}))[0] != 201:
            await asyncio.sleep(0.05)
    assert (await inside.client.ask("renew"))["ok"]


async def tell(browser: Browser, kind: str, booking: dict[str, Any], **changes: Any) -> str:
    """An event of a booking as it stood, which comes late."""
    payload = {
        "booking": booking["booking_id"], "sequence": booking["sequence"], "state": booking["state"],
        "patient": ANNA, "unit": UNIT, "provider": PROVIDER, "starts_at": booking["starts_at"],
        "ends_at": booking["ends_at"], "meeting": booking["meeting_id"], "interpreter_language": None,
    }  # fmt: skip
    key = f"{kind}:{booking['booking_id']}:{booking['sequence']}"
    body = {"key": key, "kind": kind, "created_at": "2027-01-15T08:00:00+00:00", "payload": payload | changes}
    headers = service("companion:events")
    status, answer, _ = await browser.ask("POST", "/api/companion/events", json=body, headers=headers)
    assert status == 200, answer
    return str(answer["result"])


async def test_events_in_the_wrong_order_end_in_the_right_state(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    slots, teller = await real_companion.slots(), await make_browser()
    created = await real_companion.book(slots[0])
    path = f"/bookings/{created['booking_id']}"
    moved = await real_companion.api.made(f"{path}/rebook", planner(), {"slot_id": slots[2]["slot_id"]})
    assert await tell(teller, "booking.rebooked", moved) == "done"
    assert await tell(teller, "booking.created", created) == "done"
    meeting = await front.meetings.get(created["meeting_id"])
    assert meeting is not None
    assert (meeting.starts_at, meeting.sequence) == (int(NOW) + 600 + 2 * 1800, 1)
    cancelled = await real_companion.api.made(f"{path}/cancel", planner(), {})
    assert await tell(teller, "booking.cancelled", cancelled) == "done"
    late = {**moved, "booking_id": moved["booking_id"]}
    assert await tell(teller, "booking.rebooked", late) == "repeated"
    assert await tell(teller, "booking.booked", late) == "done"
    assert await front.meetings.get(created["meeting_id"]) is None
    assert await front.meetings.listed(lists_of(anna()), NOW) == []


async def test_what_was_asked_before_a_cancellation_does_not_open_the_meeting_again(
    front: Front, real_companion: RealCompanion
) -> None:
    booking = await real_companion.book((await real_companion.slots())[0])
    assert front.companion.client is not None
    asked_before = (await front.companion.source.ask(front.companion.client, booking["meeting_id"])).meeting()
    await real_companion.api.made(f"/bookings/{booking['booking_id']}/cancel", planner(), {})
    await real_companion.deliver(front)
    assert not await front.meetings.put_newer(asked_before, NOW, reopens=True)
    assert await front.meetings.get(booking["meeting_id"]) is None


async def test_a_meeting_that_was_ended_for_all_stays_so_until_it_has_a_new_time(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    slots = await real_companion.slots()
    booking = await real_companion.book(slots[0])
    path, meeting_id = f"/bookings/{booking['booking_id']}", booking["meeting_id"]
    await real_companion.deliver(front)
    host = await make_browser(doctor())
    assert (await host.send("DELETE", f"/api/meetings/{meeting_id}"))[0] == 204
    assert (await host.ask("GET", f"/api/meetings/{meeting_id}"))[0] == 404
    await real_companion.api.made(f"{path}/rebook", planner(), {"slot_id": slots[1]["slot_id"]})
    await real_companion.deliver(front)
    assert (await host.ask("GET", f"/api/meetings/{meeting_id}"))[0] == 200


async def test_a_protected_identity_is_named_to_nobody_inside(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    async with real_companion.services.database.transaction(real_companion.clock()) as transaction:
        person = await transaction.session.get_one(Person, ANNA)
        person.is_secret = True
    booking = await real_companion.book((await real_companion.slots())[0])
    await real_companion.deliver(front)
    browser = await make_browser(patient(ANNA))
    _, body = await browser.send("POST", f"/api/meetings/{booking['meeting_id']}/token", {})
    keys: TokenKeys = KEYS
    assert keys.check_meeting(body["token"], now=NOW).display_name == "Patient"


async def test_an_event_that_comes_twice_or_after_a_restart_changes_nothing(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser, make_front: MakeFront
) -> None:
    booking = await real_companion.book((await real_companion.slots())[0])
    teller = await make_browser()
    assert await tell(teller, "booking.created", booking) == "done"
    assert await real_companion.deliver(front) > 0  # the same event, by the outbox
    await real_companion.stop()
    await real_companion.start()
    restarted = await make_front(companion_url=real_companion.url)
    assert await tell(await make_browser(at=restarted), "booking.created", booking) == "repeated"
    (meeting,) = await listed(await make_browser(patient(ANNA), restarted))
    assert meeting["meeting_id"] == booking["meeting_id"]


async def test_the_companion_follows_the_course_of_a_meeting(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser, people: People
) -> None:
    booking = await real_companion.book((await real_companion.slots())[0])
    meeting_id = booking["meeting_id"]
    await real_companion.deliver(front)
    browser, host = await make_browser(patient(ANNA)), await make_browser(doctor())

    async def becomes(state: str, booking_state: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                answer = await real_companion.api.get(f"/bookings/{booking['booking_id']}/meeting", planner())
                if (answer.json()["state"], answer.json()["booking_state"]) == (state, booking_state):
                    return
                await asyncio.sleep(0.05)

    inside = await enter(people, host, meeting_id, "karin")
    assert (await inside.join())["ok"]
    waiting = await enter(people, browser, meeting_id, "anna")
    assert (await waiting.wait())["ok"]
    await becomes("open", "booked")  # who waits has not come in
    place = waiting.place["data"]["participant_id"] if "data" in waiting.place else waiting.place["participant_id"]
    assert (await inside.client.ask("admit", {"participant_id": place}))["ok"]
    admitted = await waiting.client.wait_for("admitted")
    waiting.token = admitted["token"]
    assert (await waiting.join())["ok"]
    await becomes("in_progress", "arrived")
    assert (await host.send("DELETE", f"/api/meetings/{meeting_id}"))[0] == 204
    await becomes("ended", "fulfilled")
