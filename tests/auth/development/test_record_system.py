"""The fake record system: its pages, what it asks the front for, and what its FHIR service tells whom."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from aiohttp import web

from auth.development.appointments import APPOINTMENTS, by_meeting
from auth.development.desk import desk_of
from auth.development.persons import EMPLOYEES, patients
from auth.development.process import listen
from auth.development.record_system import RecordSystem
from auth.portal_requests import check_request
from auth.record_systems import RecordSystem as Configured
from tests.auth.development.conftest import Clock
from tests.auth.development.journal import SECRET, running_journal

KARIN = "SE5555555555-1001K01"
UNIT, PROVIDER = "SE5555555555-1001", "SE5555555555-0001"


class FakeFront:
    """Takes requests for portal links."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.status = 201
        self.url = ""

    async def create(self, request: web.Request) -> web.Response:
        self.tokens.append(request.headers["Authorization"].removeprefix("Bearer "))
        body = {"url": f"{self.url}/portal/enter#ticket=t", "expires_at": 1}
        error = {"error": {"code": "forbidden", "field": "healthCareUnitHsaId"}}
        return web.json_response(body if self.status == 201 else error, status=self.status)


@pytest.fixture
async def front() -> AsyncIterator[FakeFront]:
    front = FakeFront()
    app = web.Application()
    app.router.add_post("/api/portal/links", front.create)
    runner, port = await listen(app, "http://localhost:0")
    front.url = f"http://localhost:{port}"
    yield front
    await runner.cleanup()


@pytest.fixture
async def journal(front: FakeFront) -> AsyncIterator[RecordSystem]:
    async with running_journal(Clock(1_800_000_000.0), front.url) as journal:
        yield journal


@pytest.fixture
async def http(journal: RecordSystem) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=journal.base) as http:
        yield http


async def test_the_first_page_has_every_desk(http: httpx2.AsyncClient) -> None:
    page = (await http.get("/")).text
    assert all(f"/desk/{one.hsa_id}" in page for employee in EMPLOYEES for one in employee.commissions)
    assert "alla personer är påhittade" in page


async def test_a_desk_shows_the_units_visits_and_marks_protected_people(http: httpx2.AsyncClient) -> None:
    page = (await http.get(f"/desk/{KARIN}")).text
    assert "Maria Ekdal" in page
    assert "Sara Lundvik" not in page
    assert "Skyddad identitet" in page.partition("Petra Hallonqvist")[2][:200]
    assert (await http.get("/desk/nobody")).status_code == 404


async def test_one_click_asks_for_a_link_and_goes_there(
    http: httpx2.AsyncClient, journal: RecordSystem, front: FakeFront
) -> None:
    response = await http.post(f"/desk/{KARIN}/open", data={"meeting": "demo-maria"})
    assert (response.status_code, response.headers["Location"]) == (303, f"{front.url}/portal/enter#ticket=t")
    claims = journal.keys.check(front.tokens[0])
    system = Configured(journal.base, "Journal", None, None, {UNIT: PROVIDER}, None)
    request = check_request(claims, system, audience="alltid-oppet:portal", now=1_800_000_000)
    assert (request.staff_hsa_id, request.meeting_id) == ("SE5555555555-K001", "demo-maria")
    assert request.patient is not None
    assert request.patient.value[8:11] == "238"
    assert "demo-maria" not in response.headers["Location"]


async def test_a_group_and_the_portal_itself_name_no_patient(http: httpx2.AsyncClient, front: FakeFront) -> None:
    await http.post("/desk/SE5555555555-1002A01/open", data={"meeting": "demo-group"})
    await http.post("/desk/SE5555555555-1002A01/open", data={"meeting": ""})
    assert len(front.tokens) == 2
    assert (await http.post(f"/desk/{KARIN}/open", data={"meeting": "nowhere"})).status_code == 404


async def test_the_link_can_be_shown_to_try_it_twice(http: httpx2.AsyncClient, front: FakeFront) -> None:
    page = (await http.post(f"/desk/{KARIN}/show", data={"meeting": "demo-maria"})).text
    assert f'href="{front.url}/portal/enter#ticket=t"' in page


async def test_a_refusal_of_the_front_is_shown(http: httpx2.AsyncClient, front: FakeFront) -> None:
    front.status = 403
    response = await http.post(f"/desk/{KARIN}/open", data={"meeting": "demo-maria"})
    assert response.status_code == 502
    assert "forbidden healthCareUnitHsaId" in response.text


@pytest.mark.attack
async def test_another_sites_page_opens_nothing(http: httpx2.AsyncClient, front: FakeFront) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    response = await http.post(f"/desk/{KARIN}/open", data={"meeting": "demo-maria"}, headers=headers)
    assert response.status_code == 403
    assert not front.tokens


async def _token(http: httpx2.AsyncClient, journal: RecordSystem) -> dict[str, Any]:
    """An app that is launched for Maria's visit, up to its token."""
    launch = await http.post(f"/desk/{KARIN}/launch", data={"meeting": "demo-maria"})
    query = {key: values[0] for key, values in parse_qs(urlsplit(launch.headers["Location"]).query).items()}
    assert query["iss"] == journal.launches.fhir_base
    redirect = "http://localhost:1/smart/callback"
    parameters = {
        "response_type": "code", "client_id": "alltid-oppet", "redirect_uri": redirect, "scope": "launch openid",
        "state": "s", "aud": query["iss"], "launch": query["launch"], "code_challenge_method": "S256",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    }  # fmt: skip
    answer = await http.get("/smart/authorize", params=parameters)
    code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
    again = await http.get("/smart/authorize", params=parameters)
    assert "error=access_denied" in again.headers["Location"]
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": redirect,
        "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    }  # fmt: skip
    response = await http.post("/smart/token", data=form, auth=("alltid-oppet", SECRET))
    return dict(response.json())


async def test_a_launch_serves_once_and_its_token_reads_that_visit_alone(
    http: httpx2.AsyncClient, journal: RecordSystem
) -> None:
    token = await _token(http, journal)
    assert (token["patient"], token["fhirContext"]) == ("maria", [{"reference": "Appointment/demo-maria"}])
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    statuses = {
        path: (await http.get(f"/fhir/{path}", headers=headers)).status_code
        for path in ("Patient/maria", "Appointment/demo-maria", "Patient/bengt", "Appointment/demo-bengt", "Patient/x")
    }
    assert statuses == {
        "Patient/maria": 200, "Appointment/demo-maria": 200, "Patient/bengt": 404, "Appointment/demo-bengt": 404,
        "Patient/x": 404,
    }  # fmt: skip
    assert (await http.get("/fhir/Patient/maria")).status_code == 404
    claims = journal.keys.check(token["id_token"])
    assert claims["fhirUser"] == f"{journal.launches.fhir_base}/Practitioner/SE5555555555-K001"


async def test_a_launch_for_another_fhir_service_is_refused(http: httpx2.AsyncClient, journal: RecordSystem) -> None:
    desk, appointment = desk_of(KARIN), by_meeting("demo-maria")
    assert desk is not None
    assert appointment is not None
    parameters = {
        "response_type": "code", "client_id": "alltid-oppet", "redirect_uri": "http://localhost/smart/callback",
        "scope": "launch openid", "state": "s", "aud": "https://evil.example", "code_challenge": "x" * 43,
        "launch": journal.launches.make(desk, appointment, 1_800_000_000), "code_challenge_method": "S256",
    }  # fmt: skip
    answer = await http.get("/smart/authorize", params=parameters)
    assert "error=invalid_request" in answer.headers["Location"]
    elsewhere = await http.get("/smart/authorize", params=parameters | {"redirect_uri": "https://evil.example/"})
    assert elsewhere.status_code == 400


async def test_the_configuration_names_its_endpoints(http: httpx2.AsyncClient, journal: RecordSystem) -> None:
    configuration = (await http.get("/fhir/.well-known/smart-configuration")).json()
    assert configuration["issuer"] == journal.base
    assert "launch-ehr" in configuration["capabilities"]
    assert (await http.get("/jwks")).json()["keys"][0]["kty"] == "EC"


def test_every_visit_has_people_who_exist_and_a_host_of_the_unit() -> None:
    people = {one.key for one in patients(date(2026, 1, 1))}
    for one in APPOINTMENTS:
        assert set(one.patients) <= people
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", one.meeting_id)
        hosts = [employee for employee in EMPLOYEES if employee.hsa_id in one.hosts]
        assert len(hosts) == len(one.hosts)
        assert all(one.unit in {commission.unit for commission in host.commissions} for host in hosts)


def test_it_refuses_to_start_outside_development_mode() -> None:
    command = [sys.executable, "-m", "auth.development.record_system"]
    ended = subprocess.run(command, env={"PATH": "/usr/bin"}, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "ALLTID_MODE=development" in ended.stderr
