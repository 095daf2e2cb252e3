"""The front and the development provider together: each invented person logs in as what they are."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx2
import pytest
from yarl import URL

from auth.development.claims import COORDINATION_NUMBER_CLAIM, PERSONAL_NUMBER_CLAIM, RESERVE_NUMBER_CLAIM
from auth.development.persons import EMPLOYEES, Employee, Patient, patients
from auth.development.process import listen
from auth.development.provider import CLIENT_ID, Provider
from auth.development.settings import TestBenchSettings
from signalling.front import Front
from tests.signalling.browsing import SESSION, Browser
from tests.signalling.conftest import NOW, MakeFront

SECRET = "a secret of the tests"
LOA2 = "http://id.elegnamnden.se/loa/1.0/loa2"
LOA3 = "http://id.elegnamnden.se/loa/1.0/loa3"
PATIENTS = [person for person in patients(datetime.fromtimestamp(NOW, UTC).date()) if person.has_eid]


@pytest.fixture
async def provider_url() -> AsyncIterator[str]:
    """The provider on a free port; the issuer's name contains it, so it is found first."""
    holder, port = await listen(Provider(TestBenchSettings()).app(), "http://localhost:0")
    await holder.cleanup()
    url = f"http://localhost:{port}"
    settings = TestBenchSettings(development_provider_url=url, development_client_secret=SECRET)  # type: ignore[arg-type]
    runner, _ = await listen(Provider(settings, clock=lambda: NOW).app(), url)
    yield url
    await runner.cleanup()


@pytest.fixture
async def front(make_front: MakeFront, provider_url: str) -> Front:
    claims = (PERSONAL_NUMBER_CLAIM, COORDINATION_NUMBER_CLAIM, RESERVE_NUMBER_CLAIM)
    return await make_front(
        patient_issuer=f"{provider_url}/patients",
        patient_client_id=CLIENT_ID,
        patient_client_secret=SECRET,
        patient_number_claims=" ".join(claims),
        staff_issuer=f"{provider_url}/staff",
        staff_client_id=CLIENT_ID,
        staff_client_secret=SECRET,
    )


@pytest.fixture
async def browser(front: Front) -> AsyncIterator[Browser]:
    browser = Browser(front)
    yield browser
    await browser.close()


async def log_in(browser: Browser, audience: str, person: str, acr: str = LOA3) -> tuple[int, str]:
    """Choose somebody on the provider's page; status and page of the front's answer."""
    _, _, response = await browser.ask("GET", f"/login/{audience}")
    there = response.headers["Location"]
    async with httpx2.AsyncClient() as http:
        page = await http.get(there)
        request = re.search(r'name="request" value="([^"]+)"', page.text)
        assert request is not None, page.text
        form = {"request": request[1], "person": person, "acr": acr}
        answer = await http.post(there.partition("?")[0], data=form)
    back = URL(answer.headers["Location"], encoded=True)
    status, page_text, _ = await browser.ask("GET", back.relative())
    return status, page_text


@pytest.mark.parametrize("person", PATIENTS, ids=lambda person: person.key)
async def test_every_patient_with_an_eid_logs_in(browser: Browser, person: Patient) -> None:
    assert (await log_in(browser, "patient", person.key))[0] == 302
    _, body, _ = await browser.ask("GET", "/api/session")
    assert (body["kind"], body["display_name"]) == ("patient", person.name)


@pytest.mark.parametrize("employee", EMPLOYEES, ids=lambda employee: employee.hsa_id)
async def test_every_employee_logs_in_with_their_commissions(browser: Browser, employee: Employee) -> None:
    status, page = await log_in(browser, "staff", employee.hsa_id)
    if not employee.commissions:
        assert status == 403
        assert "medarbetaruppdrag" in page
        return
    _, body, _ = await browser.ask("GET", "/api/session")
    assert len(body["commissions"]) == len(employee.commissions)
    assert (body["commission"] is None) is (len(employee.commissions) > 1)


async def test_a_level_that_is_too_low_is_refused(browser: Browser) -> None:
    status, page = await log_in(browser, "patient", PATIENTS[0].key, LOA2)
    assert status == 403
    assert "inte tillräckligt säkert" in page


async def test_a_logout_reaches_the_provider_and_a_logout_there_reaches_us(browser: Browser, provider_url: str) -> None:
    await log_in(browser, "patient", PATIENTS[0].key)
    _, body = await browser.send("DELETE", "/api/session")
    async with httpx2.AsyncClient() as http:
        answer = await http.get(body["end_session_url"])
        assert (answer.status_code, answer.headers["Location"]) == (303, f"{browser.url}/")
        await log_in(browser, "patient", PATIENTS[1].key)
        overview = (await http.get(provider_url)).text
        (session_id,) = re.findall(r'name="session" value="([^"]+)"', overview)
        secret = browser.cookies[SESSION]
        await http.post(f"{provider_url}/patients/logout", data={"session": session_id})
    assert browser.cookies[SESSION] == secret
    assert (await browser.ask("GET", "/api/session"))[0] == 401
