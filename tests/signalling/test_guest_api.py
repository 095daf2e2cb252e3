"""Guest and interpreter links over HTTP: made, used, refused, revoked."""

from typing import Any

import pytest

from signalling.front import Front
from signalling.guest_api import GUEST_COOKIE
from tests.signalling.browsing import Browser, patient, staff
from tests.signalling.conftest import KEYS, NOW, MakeClient, MakeFront
from tests.signalling.meeting_people import OTHER_PATIENT, PATIENT, MakeBrowser, error, meeting

pytestmark = pytest.mark.usefixtures("worker")
NAME = "Mormor Öberg"


async def make_link(
    make_browser: MakeBrowser, front: Front, role: str = "guest", label: str = "Mormor"
) -> tuple[str, str]:
    """The id and the secret of a new link to the meeting."""
    if await front.meetings.get("m1") is None:
        await front.meetings.put(meeting(), NOW)
    host = await make_browser(staff())
    status, made = await host.send("POST", "/api/meetings/m1/links", {"role": role, "label": label})
    assert status == 201, made
    address, _, secret = made["url"].partition("#link=")
    assert address == f"{front.http_url}/guest"
    return made["link_id"], secret


async def use(guest: Browser, secret: str, name: str = NAME, **headers: str) -> tuple[int, Any]:
    return await guest.send("POST", "/api/guest", {"link": secret, "display_name": name}, **headers)


@pytest.mark.parametrize("role", ["guest", "interpreter"])
async def test_a_link_lets_one_person_wait_under_the_name_they_give(
    make_browser: MakeBrowser, front: Front, role: str
) -> None:
    link_id, secret = await make_link(make_browser, front, role)
    guest = await make_browser()
    status, body = await use(guest, secret, f"{NAME}  ")
    assert status == 201
    claims = KEYS.check_meeting(body["token"], now=NOW)
    assert (claims.identity, claims.grant_id, claims.display_name) == (link_id, link_id, NAME)
    assert (claims.role, claims.admitted, claims.room_id, body["admitted"]) == (role, False, "m1", False)
    assert claims.until == NOW + 2400 + 7200
    cookie = guest.set_cookies[GUEST_COOKIE]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, True, "Lax", "/")
    assert not cookie["domain"]


async def test_a_reload_works_and_another_browser_does_not(make_browser: MakeBrowser, front: Front) -> None:
    _, secret = await make_link(make_browser, front)
    guest, other = await make_browser(), await make_browser()
    assert (await use(guest, secret))[0] == 201
    assert (await use(guest, secret))[0] == 201
    status, body = await use(other, secret)
    assert (status, error(body)) == (409, "link_used")
    other.cookies[GUEST_COOKIE] = "x" * 32
    assert error((await use(other, secret))[1]) == "link_used"


async def test_makers_see_links_but_never_their_secrets_again(make_browser: MakeBrowser, front: Front) -> None:
    first, secret = await make_link(make_browser, front, label="Mormor")
    await make_link(make_browser, front, "interpreter", "Tolk")
    await use(await make_browser(), secret)
    host = await make_browser(staff())
    _, body, _ = await host.ask("GET", "/api/meetings/m1/links")
    assert {(one["label"], one["role"], one["state"]) for one in body["links"]} == {
        ("Mormor", "guest", "used"),
        ("Tolk", "interpreter", "unused"),
    }
    assert secret not in repr(body)
    assert first in {one["link_id"] for one in body["links"]}


@pytest.mark.attack
async def test_a_revoked_link_opens_no_more_and_ends_the_visit(
    make_browser: MakeBrowser, make_client: MakeClient, front: Front
) -> None:
    link_id, secret = await make_link(make_browser, front)
    guest = await make_browser()
    _, body = await use(guest, secret)
    await front.admissions.admit("m1", link_id)
    client = await make_client()
    assert (await client.join(token=body["token"]))["ok"]
    host = await make_browser(staff())
    assert (await host.send("DELETE", f"/api/meetings/m1/links/{link_id}"))[0] == 204
    assert (await client.wait_for("closed"))["code"] == "revoked"
    assert error((await use(guest, secret))[1]) == "revoked"
    again = await make_client()
    assert (await again.join(token=body["token"]))["error"]["code"] == "revoked"
    _, listed, _ = await host.ask("GET", "/api/meetings/m1/links")
    assert [one["state"] for one in listed["links"]] == ["revoked"]


@pytest.mark.attack
async def test_a_meetings_links_are_its_own(make_browser: MakeBrowser, front: Front) -> None:
    link_id, secret = await make_link(make_browser, front)
    await front.meetings.put(meeting("m2"), NOW)
    host = await make_browser(staff())
    assert (await host.send("DELETE", f"/api/meetings/m2/links/{link_id}"))[0] == 404
    assert (await host.send("DELETE", f"/api/meetings/m1/links/{link_id}:used"))[0] == 404
    assert (await use(await make_browser(), secret))[0] == 201


@pytest.mark.attack
@pytest.mark.parametrize(
    ("session", "status"),
    [(patient(PATIENT), 403), (patient(OTHER_PATIENT), 403), (staff("viewer"), 403), (staff(unit="U2"), 404)],
    ids=["the patient", "another patient", "viewer", "another unit"],
)
async def test_who_may_not_make_links(make_browser: MakeBrowser, front: Front, session: Any, status: int) -> None:
    await front.meetings.put(meeting(), NOW)
    browser = await make_browser(session)
    assert (await browser.send("POST", "/api/meetings/m1/links", {"role": "guest"}))[0] == status
    assert (await browser.send("GET", "/api/meetings/m1/links"))[0] == status


@pytest.mark.attack
@pytest.mark.parametrize(
    "name", ["", " ", "\xa0x", "x" * 129, "a\nb", "<b>", "a\0b", "\x7f", "\u202edne", "a\u200b", None, 7]
)
async def test_a_name_that_could_mislead_or_break_the_hosts_screen_is_refused(
    make_browser: MakeBrowser, front: Front, name: Any
) -> None:
    _, secret = await make_link(make_browser, front)
    guest = await make_browser()
    status, body = await use(guest, secret, name)
    assert (status, error(body)) == (400, "invalid_request")
    assert (await use(guest, secret))[0] == 201


@pytest.mark.attack
async def test_guesses_are_refused_alike_and_limited_by_address(
    make_browser: MakeBrowser, make_front: MakeFront
) -> None:
    front = await make_front(guest_attempts_per_minute=5)
    guest = await make_browser(None, front)
    answers = [await use(guest, secret) for secret in ("x", "y" * 32, "z" * 256, "../..", "æ")]
    assert {(status, error(body)) for status, body in answers} == {(404, "link_invalid")}
    status, body = await use(guest, "w" * 32)
    assert (status, error(body)) == (429, "too_many")


@pytest.mark.attack
async def test_another_sites_page_uses_no_link(make_browser: MakeBrowser, front: Front) -> None:
    _, secret = await make_link(make_browser, front)
    guest = await make_browser()
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        status, body = await use(guest, secret, **headers)
        assert (status, error(body)) == (403, "csrf")
    assert (await use(guest, secret))[0] == 201


async def test_who_comes_too_early_does_not_use_the_link_up(make_browser: MakeBrowser, make_front: MakeFront) -> None:
    now = [NOW - 3000]
    front = await make_front(clock=lambda: now[0])
    await front.meetings.put(meeting(), NOW)
    host_session = staff()
    host = await make_browser(host_session, front)
    status, made = await host.send("POST", "/api/meetings/m1/links", {"role": "guest"})
    assert status == 201, made
    secret = made["url"].partition("#link=")[2]
    early, other = await make_browser(None, front), await make_browser(None, front)
    assert error((await use(early, secret))[1]) == "not_open"
    now[0] = NOW
    assert (await use(other, secret))[0] == 201
    now[0] = NOW + 2400 + 7200
    assert error((await use(other, secret))[1]) in ("link_expired", "meeting_over")


async def test_a_removed_guest_does_not_come_back_by_the_link(make_browser: MakeBrowser, front: Front) -> None:
    link_id, secret = await make_link(make_browser, front)
    guest = await make_browser()
    await use(guest, secret)
    await front.admissions.remove("m1", link_id)
    status, body = await use(guest, secret)
    assert (status, error(body)) == (403, "removed")


async def test_links_of_a_cancelled_meeting_lead_nowhere(make_browser: MakeBrowser, front: Front) -> None:
    _, secret = await make_link(make_browser, front)
    host = await make_browser(staff())
    assert (await host.send("DELETE", "/api/meetings/m1"))[0] == 204
    status, body = await use(await make_browser(), secret)
    assert status in (403, 410)
    assert error(body) in ("revoked", "meeting_over")


@pytest.mark.attack
async def test_making_and_revoking_links_stand_in_the_audit_log(make_browser: MakeBrowser, front: Front) -> None:
    link_id, secret = await make_link(make_browser, front)
    host = await make_browser(staff())
    await host.send("DELETE", f"/api/meetings/m1/links/{link_id}")
    entries = [repr(fields).encode() for _, fields in await front._redis.xrange("ao:audit")]
    for action in (b"guest_link_create", b"guest_link_revoke"):
        (entry,) = [one for one in entries if action in one]
        assert b"SE5555555555-K1" in entry
        assert PATIENT.encode() in entry
    assert not any(secret.encode() in one for one in entries)
