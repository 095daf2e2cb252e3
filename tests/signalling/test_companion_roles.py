"""Roles given in a real companion: they count from the login on, and end sessions when they are taken."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from auth.principal import Commission
from auth.sessions import ProviderLogin, Session
from companion.outbox import IDLE_S, Dispatcher, HttpReceiver
from signalling.front import Front
from tests.companion.people import OTHER_UNIT, PROVIDER, UNIT
from tests.companion.world import ADMIN
from tests.patience import PATIENCE_S
from tests.signalling.browsing import Browser, browser_of, staff
from tests.signalling.conftest import KEYS, MakeFront
from tests.signalling.real_companion import RealCompanion

pytestmark = pytest.mark.usefixtures("worker")
EVA = "SE5555555555-K9"
ROLE = {"staff_hsa_id": EVA, "name": "Eva", "role": "scheduler", "valid_from": "2027-01-01"}


@pytest.fixture
async def front(make_front: MakeFront, real_companion: RealCompanion) -> Front:
    return await make_front(companion_url=real_companion.url)


def session(unit: str = UNIT) -> Session:
    """Eva's, by a login of her own."""
    return replace(staff(unit=unit, provider=PROVIDER, hsa_id=EVA), login=ProviderLogin("https://idp", "eva", None))


@contextlib.asynccontextmanager
async def delivering(front: Front, companion: RealCompanion) -> AsyncIterator[None]:
    """The companion's dispatcher, as its process runs it."""
    async with httpx2.AsyncClient(timeout=PATIENCE_S) as http:
        receiver = HttpReceiver(f"{front.http_url}/api/companion/events", KEYS, http, companion.clock)
        task = asyncio.create_task(Dispatcher(companion.services.database, receiver, companion.clock).run())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def choose(browser: Browser, commission: Commission) -> tuple[int, Any]:
    body = {"commission_hsa_id": commission.commission_hsa_id}
    return await browser.send("POST", "/api/session/commission", body)


async def test_a_role_counts_at_the_choice_and_ends_the_session_when_taken(
    front: Front, real_companion: RealCompanion
) -> None:
    eva = session()
    at_work, elsewhere = await browser_of(front, eva), await browser_of(front, session(OTHER_UNIT))
    made = await real_companion.api.made(f"/units/{UNIT}/roles", ADMIN, ROLE)
    async with delivering(front, real_companion):
        status, body = await choose(at_work, eva.commissions[0])
        assert (status, body["roles"]) == (200, ["scheduler", "staff"])
        assert body["commissions"][0]["roles"] == ["scheduler", "staff"]
        path = f"/api/care/units/{UNIT}/schedules"
        assert (await at_work.ask("GET", path))[0] == 200  # what a scheduler may
        answer = await real_companion.api.ask("DELETE", f"/roles/{made['role_id']}", ADMIN)
        assert answer.status_code == 204
        async with asyncio.timeout(PATIENCE_S):
            while (await at_work.ask("GET", "/api/session"))[0] != 401:
                await asyncio.sleep(0.02)
    assert IDLE_S <= 0.5  # what the dispatcher lets pass, at most; the rest is one request
    assert (await elsewhere.ask("GET", "/api/session"))[0] == 200  # she keeps her other commission
    for browser in (at_work, elsewhere):
        await browser.close()


async def test_without_the_companion_there_are_the_claims_alone(front: Front, real_companion: RealCompanion) -> None:
    await real_companion.api.made(f"/units/{UNIT}/roles", ADMIN, ROLE)
    eva = session()
    claimed = replace(eva, claimed_roles={eva.commissions[0].commission_hsa_id: frozenset({"staff"})})
    browser = await browser_of(front, claimed)
    assert (await choose(browser, eva.commissions[0]))[1]["roles"] == ["scheduler", "staff"]
    await real_companion.stop()
    status, body = await choose(browser, eva.commissions[0])
    assert (status, body["roles"]) == (200, ["staff"])
    bare = replace(claimed, claimed_roles={eva.commissions[0].commission_hsa_id: frozenset()})
    nothing = await browser_of(front, bare)
    assert (await choose(nothing, eva.commissions[0]))[0] == 503
    for one in (browser, nothing):
        await one.close()
