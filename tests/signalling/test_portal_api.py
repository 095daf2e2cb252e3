"""Portal links over HTTP: a record system asks, a clinician's browser enters; all else is refused and audited."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey
from redis.asyncio import Redis

from auth import identity_numbers
from auth.audit_store import entries
from auth.portal_links import PortalLinks
from auth.portal_requests import check_request
from auth.pseudonyms import Pseudonyms
from auth.record_systems import RecordSystemsError
from auth.sessions import Session, new_grant_id
from signalling.front import Front
from signalling.meetings import Meeting
from signalling.portal import record_systems_of
from signalling.settings import FrontSettings
from tests.auth.portal_claims import (
    AUDIENCE,
    ISSUER,
    LOA3,
    NOW,
    OTHER_PROVIDER,
    OTHER_UNIT,
    PROVIDER,
    STAFF,
    SYSTEM,
    UNIT,
    claims,
    signed,
)
from tests.signalling.conftest import PSEUDONYM_KEY, MakeFront
from tests.signalling.fake_worker import FakeWorker

KEY = ECKey.generate_key("P-256", {"kid": "journal", "use": "sig", "alg": "ES256"})
PATIENT = {"system": "http://electronichealth.se/identifier/personnummer", "value": "198112289874"}
MEETING = Meeting(
    meeting_id="m-1", title="Besök", kind="one_to_one", provider_hsa_id=PROVIDER, unit_hsa_id=UNIT,
    unit_name="Björkens vårdcentral", starts_at=int(NOW), ends_at=int(NOW) + 1800,
)  # fmt: skip


@pytest.fixture
async def portal_front(make_front: MakeFront, worker: FakeWorker, tmp_path_factory: pytest.TempPathFactory) -> Front:
    directory = tmp_path_factory.mktemp("journal")
    keys = directory / "keys.json"
    keys.write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))
    system = {"issuer": ISSUER, "name": "Journal", "jwks_file": str(keys), "units": {UNIT: PROVIDER}}
    front = await make_front(record_systems=json.dumps([system]))
    await front.meetings.put(MEETING, NOW)
    return front


class Browser:
    """A clinician's browser; cookies by hand, since they are for HTTPS and the tests speak HTTP."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.http = httpx2.AsyncClient(base_url=front.http_url)
        self.cookie = ""

    async def ask(self, token: str) -> httpx2.Response:
        """As the record system does: it has no cookies."""
        return await self.http.post("/api/portal/links", headers={"Authorization": f"Bearer {token}"})

    async def ticket(self, **changes: Any) -> str:
        response = await self.ask(signed(KEY, **changes))
        assert response.status_code == 201, response.text
        return str(response.json()["url"]).partition("#ticket=")[2]

    async def enter(self, ticket: str, **headers: str) -> httpx2.Response:
        sent = {"Sec-Fetch-Site": "same-origin", "Cookie": self.cookie} | headers
        response = await self.http.post("/portal/enter", data={"ticket": ticket}, headers=sent)
        for cookie in response.headers.get_list("Set-Cookie"):
            self.cookie = cookie.partition(";")[0]
        return response

    async def session(self) -> Any:
        return (await self.http.get("/api/session", headers={"Cookie": self.cookie})).json()

    async def log_in(self, session: Session) -> None:
        self.cookie = f"__Host-session={await self.front.identity.sessions.start(session)}"

    def count(self, metric: str, **labels: str) -> float:
        return self.front.metrics.registry.get_sample_value(f"ao_front_{metric}_total", labels) or 0.0


@pytest.fixture
async def browser(portal_front: Front) -> AsyncIterator[Browser]:
    browser = Browser(portal_front)
    yield browser
    await browser.http.aclose()


async def audited(redis: Redis) -> list[dict[str, Any]]:
    return [json.loads(entry.body) async for entry in entries(redis)]


def a_session(**changes: Any) -> Session:
    who = {
        "kind": "staff", "actor": STAFF, "display_name": "Karin Lindvall", "acr": LOA3, "authenticated_at": int(NOW),
        "created_at": int(NOW), "seen_at": int(NOW), "grant_id": new_grant_id(),
    }  # fmt: skip
    return Session(**(who | changes))


# --- the way in ------------------------------------------------------------------------------------------------


async def test_one_link_leads_into_the_meeting_with_a_session_of_that_commission(
    browser: Browser, redis_client: Redis
) -> None:
    response = await browser.ask(signed(KEY, meeting="m-1"))
    assert response.status_code == 201
    assert response.headers["Cache-Control"] == "no-store"
    reply = response.json()
    assert reply["expires_at"] == NOW + 60
    assert reply["url"].startswith(f"{browser.front.http_url}/portal/enter#ticket=")
    entered = await browser.enter(reply["url"].partition("#ticket=")[2])
    assert (entered.status_code, entered.headers["Location"]) == (303, "/meeting/m-1")
    cookie = entered.headers["Set-Cookie"]
    assert all(part in cookie for part in ("__Host-session=", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"))
    session = await browser.session()
    assert (session["kind"], session["display_name"], session["roles"]) == ("staff", "Karin Lindvall", ["staff"])
    assert session["commission"]["unit_hsa_id"] == UNIT
    assert browser.count("portal_links", result="ok") == 1
    assert browser.count("portal_entries", door="portal_link", result="ok") == 1
    made, came = [entry for entry in await audited(redis_client) if entry["action"].startswith("portal_link")]
    assert (made["actor"], made["action"], made["resource"]) == (ISSUER, "portal_link_create", "meeting:m-1")
    assert (came["actor"], came["unit"], came["outcome"]) == (STAFF, UNIT, "allowed")


async def test_without_a_meeting_it_leads_to_the_staff_portal(browser: Browser) -> None:
    assert (await browser.enter(await browser.ticket())).headers["Location"] == "/portal"


async def test_a_patient_is_named_by_pseudonym_in_the_audit_log(browser: Browser, redis_client: Redis) -> None:
    await browser.ticket(patient=PATIENT)
    (entry,) = await audited(redis_client)
    assert entry["patient"].startswith("p-")
    assert PATIENT["value"] not in json.dumps(entry)


async def test_a_meeting_of_that_patient_opens(browser: Browser) -> None:
    pseudonyms = Pseudonyms.parse(PSEUDONYM_KEY)
    person_id = pseudonyms.person_id(identity_numbers.parse(PATIENT["value"], today=date(2027, 1, 15)))
    await browser.front.meetings.put(replace(MEETING, patient=person_id), NOW)
    ticket = await browser.ticket(meeting="m-1", patient=PATIENT)
    assert (await browser.enter(ticket)).status_code == 303


def _request(**changes: Any) -> Any:
    return check_request(claims(**changes), SYSTEM, audience=AUDIENCE, now=NOW)


async def test_looking_at_a_link_uses_nothing_up(browser: Browser) -> None:
    ticket = await browser.ticket()
    for _ in range(3):
        page = await browser.http.get("/portal/enter")
        assert page.status_code == 200
        assert "Öppnar mötet" in page.text
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert ticket not in page.text
    assert (await browser.http.get("/portal/enter.js")).headers["Content-Type"].startswith("text/javascript")
    assert (await browser.enter(ticket)).status_code == 303


async def test_the_same_clinician_may_come_again_and_changes_the_session(browser: Browser) -> None:
    await browser.enter(await browser.ticket())
    before = browser.cookie
    assert (await browser.enter(await browser.ticket(jti="the-second-request"))).status_code == 303
    assert browser.cookie != before
    old = await browser.http.get("/api/session", headers={"Cookie": before})
    assert old.status_code == 401


# --- refused at the door ---------------------------------------------------------------------------------------


async def _expect_refused(browser: Browser, response: httpx2.Response, code: str, status: int, text: str) -> None:
    assert response.status_code == status
    assert text in response.text
    assert 'lang="en"' in response.text
    assert "Set-Cookie" not in response.headers
    assert browser.count("portal_entries", door="portal_link", result=code) == 1


@pytest.mark.attack
async def test_a_link_used_twice_is_refused_and_audited(browser: Browser, redis_client: Redis) -> None:
    ticket = await browser.ticket(meeting="m-1")
    await browser.enter(ticket)
    browser.cookie = ""
    await _expect_refused(browser, await browser.enter(ticket), "link_used", 410, "har redan använts")
    last = (await audited(redis_client))[-1]
    assert (last["actor"], last["outcome"], last["resource"][:10]) == (STAFF, "refused", "link_used:")


@pytest.mark.attack
async def test_a_late_link_is_refused_and_audited(browser: Browser, redis_client: Redis) -> None:
    ticket, _ = await PortalLinks(redis_client).create(_request(), None, now=NOW - 60)
    await _expect_refused(browser, await browser.enter(ticket), "link_late", 410, "har gått ut")
    assert (await audited(redis_client))[-1]["resource"].startswith("link_late:")


@pytest.mark.attack
async def test_an_invented_link_is_refused(browser: Browser) -> None:
    await _expect_refused(browser, await browser.enter("x" * 43), "link_unknown", 404, "inte giltig")


@pytest.mark.attack
@pytest.mark.parametrize(
    "other", [{"actor": "SE5555555555-J002"}, {"kind": "patient", "actor": STAFF}, {"kind": "patient", "actor": "p-x"}]
)
async def test_a_browser_in_which_somebody_else_is_logged_in_is_refused(
    browser: Browser, redis_client: Redis, other: dict[str, str]
) -> None:
    await browser.log_in(a_session(**other))
    before = browser.cookie
    ticket = await browser.ticket()
    await _expect_refused(browser, await browser.enter(ticket), "other_person", 403, "Någon annan")
    assert browser.cookie == before
    assert (await browser.session())["kind"] == other.get("kind", "staff")
    assert (await audited(redis_client))[-1]["resource"].startswith("other_person:")
    browser.cookie = ""
    assert (await browser.enter(ticket)).status_code == 410  # used up all the same


@pytest.mark.attack
async def test_a_meeting_that_went_to_another_unit_meanwhile_is_refused(browser: Browser, redis_client: Redis) -> None:
    ticket = await browser.ticket(meeting="m-1")
    moved = replace(MEETING, provider_hsa_id=OTHER_PROVIDER, unit_hsa_id=OTHER_UNIT)
    await browser.front.meetings.put(moved, NOW)
    await _expect_refused(browser, await browser.enter(ticket), "other_unit", 403, "annan enhet")
    assert (await audited(redis_client))[-1]["resource"].startswith("other_unit:")


@pytest.mark.attack
async def test_a_meeting_that_is_gone_meanwhile_is_refused(browser: Browser) -> None:
    ticket = await browser.ticket(meeting="m-1")
    await browser.front.meetings.delete(MEETING)
    await _expect_refused(browser, await browser.enter(ticket), "meeting_unknown", 404, "Mötet finns inte")


@pytest.mark.attack
@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
async def test_another_sites_page_cannot_post_a_ticket(browser: Browser, headers: dict[str, str]) -> None:
    ticket = await browser.ticket()
    assert (await browser.enter(ticket, **headers)).status_code == 403
    assert (await browser.enter(ticket)).status_code == 303


@pytest.mark.attack
async def test_without_the_audit_log_nobody_comes_in(browser: Browser, make_front: MakeFront) -> None:
    ticket = await browser.ticket()
    blind = Browser(await make_front(audit_key=None))
    response = await blind.enter(ticket)
    assert response.status_code == 503
    assert "kan inte släppa in någon" in response.text
    assert blind.count("portal_entries", door="portal_link", result="out_of_order") == 1
    assert "Set-Cookie" not in response.headers
    await blind.http.aclose()


# --- refused to the record system ------------------------------------------------------------------------------


@pytest.mark.attack
@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"aud": "other"}, 401, "token_invalid", "aud"),
        ({"iss": "https://other.example"}, 401, "token_invalid", "issuer"),
        ({"iat": int(NOW) - 200, "exp": int(NOW) - 140}, 401, "token_expired", "exp"),
        ({"exp": int(NOW) + 61}, 401, "token_invalid", "exp"),
        ({"acr": None}, 403, "login_too_weak", "acr"),
        ({"healthCareUnitHsaId": OTHER_UNIT}, 403, "forbidden", "healthCareUnitHsaId"),
        ({"meeting": "m-2"}, 404, "not_found", "meeting"),
        ({"meeting": "m-foreign"}, 404, "not_found", "meeting"),
        ({"meeting": "m-1", "patient": PATIENT}, 404, "not_found", "patient"),
    ],
)
async def test_a_faulty_request_gets_a_typed_error(
    browser: Browser, changes: dict[str, Any], status: int, code: str, field: str
) -> None:
    foreign = replace(MEETING, meeting_id="m-foreign", provider_hsa_id=OTHER_PROVIDER, unit_hsa_id=OTHER_UNIT)
    await browser.front.meetings.put(foreign, NOW)
    await browser.front.meetings.put(replace(MEETING, patient="p-somebody-else"), NOW)
    response = await browser.ask(signed(KEY, **changes))
    assert response.status_code == status
    assert response.json() == {"error": {"code": code, "field": field}}
    assert browser.count("portal_links", result=field) == 1


@pytest.mark.attack
async def test_a_replayed_request_is_refused(browser: Browser) -> None:
    token = signed(KEY)
    assert (await browser.ask(token)).status_code == 201
    response = await browser.ask(token)
    assert (response.status_code, response.json()["error"]) == (409, {"code": "conflict", "field": "jti"})


@pytest.mark.attack
async def test_a_request_that_somebody_else_signed_is_refused(browser: Browser) -> None:
    stranger = ECKey.generate_key("P-256", {"kid": "journal"})
    response = await browser.ask(signed(stranger))
    assert (response.status_code, response.json()["error"]["field"]) == (401, "signature")
    assert (await browser.http.post("/api/portal/links")).status_code == 401


@pytest.mark.attack
async def test_a_flood_of_requests_is_limited(make_front: MakeFront) -> None:
    browser = Browser(await make_front(portal_links_per_minute=2))
    statuses = [(await browser.ask("x")).status_code for _ in range(4)]
    assert statuses[:2] == [401, 401]
    assert 429 in statuses[2:]
    await browser.http.aclose()


def test_a_front_with_unusable_record_systems_does_not_start(tmp_path: Path) -> None:
    assert record_systems_of(FrontSettings()) == {}
    with pytest.raises(RecordSystemsError):
        record_systems_of(FrontSettings(record_systems="{}"))
    with pytest.raises(RecordSystemsError):
        record_systems_of(FrontSettings(record_systems_file=tmp_path / "nowhere"))
