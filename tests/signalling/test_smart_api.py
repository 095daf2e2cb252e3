"""SMART App Launch through a front: from the fake record system into the meeting, with a session of that commission."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx2
import pytest
from redis.asyncio import Redis

from auth import identity_numbers
from auth.audit_store import entries
from auth.development.appointments import by_meeting
from auth.development.desk import desk_of
from auth.development.persons import patients
from auth.development.record_system import RecordSystem
from auth.pseudonyms import Pseudonyms
from signalling.front import Front
from signalling.meetings import Meeting
from tests.auth.development.journal import SECRET, running_journal
from tests.auth.portal_claims import NOW, OTHER_PROVIDER, OTHER_UNIT, PROVIDER, STAFF, UNIT
from tests.signalling.conftest import PSEUDONYM_KEY, MakeFront
from tests.signalling.fake_worker import FakeWorker


class Browser:
    """Follows redirects by hand; cookies are for HTTPS and the tests speak HTTP."""

    def __init__(self, front: Front, journal: RecordSystem) -> None:
        self.front = front
        self.journal = journal
        self.http = httpx2.AsyncClient()
        self.cookies: dict[str, str] = {}

    async def get(self, url: str) -> httpx2.Response:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        response = await self.http.get(url, headers={"Cookie": cookie})
        for line in response.headers.get_list("Set-Cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return response

    async def launch(self) -> httpx2.Response:
        """Click, login at the record system, back: the last answer."""
        desk, appointment = desk_of(f"{UNIT}K01"), by_meeting("demo-maria")
        assert desk is not None
        assert appointment is not None
        launch = self.journal.launches.make(desk, appointment, NOW)
        base = self.journal.launches.fhir_base
        first = await self.get(f"{self.front.http_url}/smart/launch?iss={base}&launch={launch}")
        assert first.status_code == 302
        second = await self.get(first.headers["Location"])
        return await self.get(second.headers["Location"])

    def count(self, result: str) -> float:
        labels = {"door": "smart_launch", "result": result}
        return self.front.metrics.registry.get_sample_value("ao_front_portal_entries_total", labels) or 0.0


def meeting(**changes: str) -> Meeting:
    today = datetime.fromtimestamp(NOW, UTC).date()
    maria = next(one for one in patients(today) if one.key == "maria")
    person_id = Pseudonyms.parse(PSEUDONYM_KEY).person_id(identity_numbers.parse(maria.number, today=today))
    values = {"unit_hsa_id": UNIT, "provider_hsa_id": PROVIDER, "patient": person_id} | changes
    return Meeting(
        meeting_id="demo-maria", title="Besök", kind="one_to_one", unit_name="Enheten", starts_at=int(NOW),
        ends_at=int(NOW) + 1800, **values,
    )  # fmt: skip


@pytest.fixture
async def browser(make_front: MakeFront, worker: FakeWorker) -> AsyncIterator[Browser]:
    async with running_journal(lambda: NOW) as journal:
        system = {
            "issuer": journal.base, "name": "Journal", "jwks_url": f"{journal.base}/jwks", "units": {UNIT: PROVIDER},
            "smart": {"fhir_base": f"{journal.base}/fhir", "client_id": "alltid-oppet", "client_secret": SECRET},
        }  # fmt: skip
        front = await make_front(record_systems=json.dumps([system]))
        await front.meetings.put(meeting(), NOW)
        browser = Browser(front, journal)
        yield browser
        await browser.http.aclose()


async def test_a_launch_leads_into_the_meeting(browser: Browser, redis_client: Redis) -> None:
    arrived = await browser.launch()
    assert (arrived.status_code, arrived.headers["Location"]) == (303, "/meeting/demo-maria")
    session = (await browser.get(f"{browser.front.http_url}/api/session")).json()
    assert (session["display_name"], session["commission"]["unit_hsa_id"]) == ("Karin Lindvall", UNIT)
    last = [json.loads(entry.body) async for entry in entries(redis_client)][-1]
    assert (last["action"], last["actor"], last["outcome"]) == ("smart_launch", STAFF, "allowed")
    assert browser.count("ok") == 1


@pytest.mark.attack
async def test_a_launch_into_another_units_meeting_is_refused_and_audited(
    browser: Browser, redis_client: Redis
) -> None:
    await browser.front.meetings.put(meeting(unit_hsa_id=OTHER_UNIT, provider_hsa_id=OTHER_PROVIDER), NOW)
    refused = await browser.launch()
    assert refused.status_code == 403
    assert "annan enhet" in refused.text
    assert "__Host-session" not in browser.cookies
    last = [json.loads(entry.body) async for entry in entries(redis_client)][-1]
    assert (last["actor"], last["outcome"]) == (STAFF, "refused")
    assert browser.count("other_unit") == 1


@pytest.mark.attack
async def test_a_launch_about_another_patient_than_the_meetings_is_refused(browser: Browser) -> None:
    await browser.front.meetings.put(meeting(patient="p-somebody-else"), NOW)
    assert "annan patient" in (await browser.launch()).text
    assert browser.count("other_patient") == 1


@pytest.mark.attack
async def test_a_launch_from_a_stranger_is_refused_with_a_page(browser: Browser) -> None:
    refused = await browser.get(f"{browser.front.http_url}/smart/launch?iss=https://evil.example&launch=x")
    assert refused.status_code == 400
    assert "kunde inte kontrolleras" in refused.text
    assert "frame-ancestors 'none'" in refused.headers["Content-Security-Policy"]
    assert browser.count("launch_failed") == 1


@pytest.mark.attack
async def test_an_answer_in_another_browser_is_refused(browser: Browser) -> None:
    desk, appointment = desk_of(f"{UNIT}K01"), by_meeting("demo-maria")
    assert desk is not None
    assert appointment is not None
    launch = browser.journal.launches.make(desk, appointment, NOW)
    url = f"{browser.front.http_url}/smart/launch?iss={browser.journal.launches.fhir_base}&launch={launch}"
    first = await browser.get(url)
    second = await browser.get(first.headers["Location"])
    browser.cookies.clear()
    assert (await browser.get(second.headers["Location"])).status_code == 400
    assert "__Host-session" not in browser.cookies
