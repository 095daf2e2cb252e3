"""Withdrawing grants: by a service, by administrators of the unit, by nobody else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from auth.sessions import Session
from signalling.front import Front
from tests.signalling.browsing import Browser, browser_of, patient, staff
from tests.signalling.conftest import KEYS, NOW, MakeClient, meeting_token

MakeBrowser = Callable[..., Awaitable[Browser]]


@pytest.fixture
async def make_browser(front: Front) -> AsyncIterator[MakeBrowser]:
    browsers: list[Browser] = []

    async def make(session: Session | None = None) -> Browser:
        browsers.append(await browser_of(front, session))
        return browsers[-1]

    yield make
    for browser in browsers:
        await browser.close()


def service() -> dict[str, str]:
    token = KEYS.sign_service(service="companion", scopes=frozenset({"grants:revoke"}), now=NOW, lifetime_s=60)
    return {"Authorization": f"Bearer {token}"}


async def test_a_service_withdraws_a_session_and_its_place_in_a_meeting_within_a_second(
    make_browser: MakeBrowser, make_client: MakeClient
) -> None:
    session = patient()
    browser, caller, client = await make_browser(session), await make_browser(), await make_client()
    token = meeting_token(session.actor, grant_id=session.grant_id)
    await client.join(token=token)
    began = asyncio.get_running_loop().time()
    assert (await caller.ask("DELETE", f"/api/grants/{session.grant_id}", headers=service()))[0] == 204
    assert (await client.wait_for("closed"))["code"] == "revoked"
    assert asyncio.get_running_loop().time() - began < 1.0
    assert (await browser.ask("GET", "/api/session"))[0] == 401
    assert (await (await make_client()).join(token=token))["error"]["code"] == "revoked"


async def test_a_grant_without_a_session_is_withdrawn_too(make_browser: MakeBrowser, front: Front) -> None:
    caller = await make_browser()
    assert (await caller.ask("DELETE", "/api/grants/g-guest", headers=service()))[0] == 204
    assert await front.revocations.is_revoked("g-guest")


@pytest.mark.attack
async def test_administrators_withdraw_only_the_grants_of_their_units_staff(make_browser: MakeBrowser) -> None:
    here = staff(hsa_id="SE5555555555-K7")
    elsewhere = staff(unit="SE5555555555-U2", hsa_id="SE5555555555-K8")
    anna = patient()
    browsers = [await make_browser(session) for session in (here, elsewhere, anna)]
    admin = await make_browser(staff("unit_admin"))
    statuses = [(await admin.send("DELETE", f"/api/grants/{one.grant_id}"))[0] for one in (elsewhere, anna, here)]
    assert statuses == [404, 404, 204]
    assert [(await browser.ask("GET", "/api/session"))[0] for browser in browsers] == [401, 200, 200]
    region = await make_browser(staff("region_admin", unit="SE5555555555-U9"))
    assert (await region.send("DELETE", f"/api/grants/{elsewhere.grant_id}"))[0] == 204
    other_region = await make_browser(staff("region_admin", provider="SE5566778899-P1"))
    assert (await other_region.send("DELETE", f"/api/grants/{anna.grant_id}"))[0] == 404


async def test_a_service_ends_all_sessions_of_a_person(make_browser: MakeBrowser) -> None:
    browsers = [await make_browser(patient()) for _ in range(2)]
    caller = await make_browser()
    path = f"/api/people/{patient().actor}/sessions"
    assert (await caller.ask("DELETE", path, headers=service()))[0] == 204
    assert [(await browser.ask("GET", "/api/session"))[0] for browser in browsers] == [401, 401]
    assert (await caller.ask("DELETE", path, headers=service()))[0] == 404
    admin = await make_browser(staff("region_admin"))
    assert (await admin.send("DELETE", path))[0] == 404


@pytest.mark.attack
async def test_a_name_that_cannot_be_is_not_found(make_browser: MakeBrowser) -> None:
    caller = await make_browser()
    for name in ("x" * 200, "a%20b"):
        assert (await caller.ask("DELETE", f"/api/grants/{name}", headers=service()))[0] == 404
