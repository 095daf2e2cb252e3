"""SMART App Launch against the fake record system, over real HTTP; and what is refused when an answer is not right."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from redis.asyncio import Redis

from auth.development.appointments import by_meeting
from auth.development.desk import desk_of
from auth.development.persons import patients
from auth.development.record_system import RecordSystem as Journal
from auth.identity_numbers import parse
from auth.portal_links import PortalLink
from auth.pseudonyms import Pseudonyms
from auth.record_keys import RecordSystemKeys
from auth.record_systems import RecordSystem, SmartClient
from auth.smart import SmartError, SmartLaunches
from tests.auth.development.journal import SECRET, running_journal
from tests.auth.portal_claims import LOA3, NOW, PROVIDER, STAFF, UNIT

REDIRECT_URI = "http://localhost:1/smart/callback"
BINDING = "b" * 43
TODAY = datetime.fromtimestamp(NOW, UTC).date()
PSEUDONYMS = Pseudonyms(bytes(range(32)))
Change = Callable[[Any], Any]


class Tampering(httpx2.AsyncBaseTransport):
    """Real HTTP, but the JSON answers of some paths are changed on their way."""

    def __init__(self) -> None:
        self.changes: dict[str, Change] = {}
        self._inner = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        change = self.changes.get(request.url.path)
        if change is None:
            return response
        body = change(json.loads(await response.aread()))
        return httpx2.Response(200, json=body)

    async def aclose(self) -> None:
        await self._inner.aclose()


class Launching:
    """One record system and our side of it."""

    def __init__(self, journal: Journal, redis: Redis, clock: list[float], **changes: Any) -> None:
        self.journal = journal
        self.clock = clock
        self.transport = Tampering()
        self.http = httpx2.AsyncClient(transport=self.transport)
        base = journal.base
        smart = SmartClient(f"{base}/fhir", "alltid-oppet", changes.get("secret", SECRET))
        units = changes.get("units", {UNIT: PROVIDER})
        system = RecordSystem(base, "Journal", f"{base}/jwks", None, units, smart)
        systems = {base: system}
        keys = RecordSystemKeys(systems, self.http, lambda: clock[0])
        self.launches = SmartLaunches(redis, systems, keys, self.http, changes.get("pseudonyms", PSEUDONYMS))

    async def begin(self, meeting_id: str = "demo-maria", commission: str = f"{UNIT}K01") -> str:
        desk, appointment = desk_of(commission), by_meeting(meeting_id)
        assert desk is not None
        assert appointment is not None
        launch = self.journal.launches.make(desk, appointment, self.clock[0])
        return await self.launches.begin(
            self.journal.launches.fhir_base, launch, binding=BINDING, redirect_uri=REDIRECT_URI
        )

    async def answer(self, url: str) -> dict[str, str]:
        """What the browser brings back."""
        response = await self.http.get(url)
        location = response.headers["Location"]
        assert location.startswith(f"{REDIRECT_URI}?")
        return {key: values[0] for key, values in parse_qs(urlsplit(location).query).items()}

    async def complete(self, answer: dict[str, str], binding: str = BINDING) -> PortalLink:
        return await self.launches.complete(answer, binding=binding, now=self.clock[0])

    async def launch(self, meeting_id: str = "demo-maria") -> PortalLink:
        return await self.complete(await self.answer(await self.begin(meeting_id)))


@pytest.fixture
def clock() -> list[float]:
    return [NOW]


@pytest.fixture
async def journal(clock: list[float]) -> AsyncIterator[Journal]:
    async with running_journal(lambda: clock[0]) as journal:
        yield journal


@pytest.fixture
async def launching(journal: Journal, redis_client: Redis, clock: list[float]) -> AsyncIterator[Launching]:
    launching = Launching(journal, redis_client, clock)
    yield launching
    await launching.http.aclose()


async def _refused(attempt: Any) -> str:
    with pytest.raises(SmartError) as refused:
        await attempt
    return refused.value.cause


async def test_a_launch_tells_clinician_commission_patient_and_meeting(launching: Launching) -> None:
    link = await launching.launch()
    assert (link.staff_hsa_id, link.display_name, link.acr) == (STAFF, "Karin Lindvall", LOA3)
    assert (link.commission.unit_hsa_id, link.commission.roles) == (UNIT, {"staff"})
    assert link.meeting_id == "demo-maria"
    maria = next(one for one in patients(TODAY) if one.key == "maria")
    assert link.patient_person_id == PSEUDONYMS.person_id(parse(maria.number, today=TODAY))
    assert link.issuer == launching.journal.base


async def test_a_group_has_no_patient_of_its_own(journal: Journal, redis_client: Redis, clock: list[float]) -> None:
    launching = Launching(journal, redis_client, clock, units={"SE5555555555-1002": PROVIDER})
    url = await launching.begin("demo-group", "SE5555555555-1002K02")
    link = await launching.complete(await launching.answer(url))
    assert (link.meeting_id, link.patient_person_id) == ("demo-group", None)
    await launching.http.aclose()


async def test_the_request_has_pkce_nonce_audience_and_launch(launching: Launching) -> None:
    query = parse_qs(urlsplit(await launching.begin()).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["aud"] == [launching.journal.launches.fhir_base]
    assert query["scope"] == ["launch openid fhirUser"]
    assert {"nonce", "state", "launch", "code_challenge"} <= query.keys()


@pytest.mark.attack
async def test_a_stranger_is_never_asked_anything(launching: Launching) -> None:
    for iss in ("https://evil.example/fhir", "", launching.journal.base, f"{launching.journal.base}/fhir/../x"):
        attempt = launching.launches.begin(iss, "launch", binding=BINDING, redirect_uri=REDIRECT_URI)
        assert await _refused(attempt) == "iss"


@pytest.mark.attack
async def test_an_answer_counts_once_and_in_the_browser_that_was_launched(launching: Launching) -> None:
    answer = await launching.answer(await launching.begin())
    assert await _refused(launching.complete(answer, binding="c" * 43)) == "other_browser"
    assert await _refused(launching.complete(answer)) == "unknown_state"
    assert await _refused(launching.complete({})) == "unknown_state"


@pytest.mark.attack
async def test_an_answer_of_another_issuer_is_refused(launching: Launching) -> None:
    answer = await launching.answer(await launching.begin())
    assert await _refused(launching.complete(answer | {"iss": "https://evil.example"})) == "answer_iss"


@pytest.mark.attack
async def test_a_launch_that_the_record_system_refuses_is_refused(launching: Launching) -> None:
    url = await launching.begin()
    launching.clock[0] += 61
    assert await _refused(launching.complete(await launching.answer(url))) == "refused"


@pytest.mark.attack
@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"secret": "another"}, "code_refused"),
        ({"units": {"SE5566778899-2001": "SE5566778899-0001"}}, "healthCareUnitHsaId"),
        ({"units": {UNIT: "SE5566778899-0001"}}, "healthCareProviderHsaId"),
        ({"pseudonyms": None}, "pseudonym_key"),
    ],
)
async def test_what_our_configuration_does_not_allow_is_refused(
    journal: Journal, redis_client: Redis, clock: list[float], changes: dict[str, Any], cause: str
) -> None:
    launching = Launching(journal, redis_client, clock, **changes)
    assert await _refused(launching.launch()) == cause
    await launching.http.aclose()


CONFIGURATION = "/fhir/.well-known/smart-configuration"


@pytest.mark.attack
@pytest.mark.parametrize(
    ("path", "change", "cause"),
    [
        (CONFIGURATION, lambda body: body | {"issuer": "https://evil.example"}, "configuration_issuer"),
        (CONFIGURATION, lambda body: body | {"token_endpoint": "http://evil.example/token"}, "configuration_endpoints"),
        (CONFIGURATION, lambda body: body | {"authorization_endpoint": "javascript:x"}, "configuration_endpoints"),
        (CONFIGURATION, lambda body: body | {"code_challenge_methods_supported": ["plain"]}, "configuration_pkce"),
        (CONFIGURATION, lambda _: [], "configuration_issuer"),
        ("/smart/token", lambda _: [], "code_refused"),
        ("/smart/token", lambda body: body | {"id_token": None}, "id_token"),
        ("/smart/token", lambda body: body | {"id_token": body["id_token"][:-4] + "AAAA"}, "signature"),
        ("/smart/token", lambda body: body | {"access_token": "another"}, "at_hash"),
        ("/smart/token", lambda body: body | {"patient": "../Practitioner/1"}, "patient"),
        ("/fhir/Patient/maria", lambda _: {}, "patient"),
        ("/fhir/Patient/maria", lambda _: {"identifier": [{"system": "urn:x", "value": "1"}, 7]}, "patient"),
    ],
)
async def test_an_answer_that_is_not_right_is_refused(
    launching: Launching, path: str, change: Change, cause: str
) -> None:
    launching.transport.changes[path] = change
    assert await _refused(launching.launch()) == cause


@pytest.mark.attack
@pytest.mark.parametrize(
    ("claims", "cause"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"aud": "another"}, "aud"),
        ({"exp": int(NOW) - 60}, "exp"),
        ({"acr": LOA3.replace("loa3", "loa2")}, "acr"),
        ({"employeeHsaId": "nobody"}, "sub"),
        ({"commissionPurpose": "Administration"}, "commissionPurpose"),
    ],
)
async def test_an_id_token_that_is_not_right_is_refused(
    launching: Launching, claims: dict[str, Any], cause: str
) -> None:
    keys = launching.journal.keys

    def resign(body: dict[str, Any]) -> dict[str, Any]:
        return body | {"id_token": keys.sign(keys.check(body["id_token"]) | claims)}

    launching.transport.changes["/smart/token"] = resign
    assert await _refused(launching.launch()) == cause


async def test_an_appointment_without_a_meeting_leads_to_the_portal(launching: Launching) -> None:
    launching.transport.changes["/fhir/Appointment/demo-maria"] = lambda body: body | {"identifier": []}
    assert (await launching.launch()).meeting_id is None


async def test_a_record_system_that_is_away_is_unavailable(
    journal: Journal, redis_client: Redis, clock: list[float]
) -> None:
    launching = Launching(journal, redis_client, clock)
    launching.transport.changes[CONFIGURATION] = lambda body: body | {"token_endpoint": "http://localhost:9/token"}
    with pytest.raises(SmartError) as refused:
        await launching.launch()
    assert (refused.value.code, refused.value.cause) == ("unavailable", "ConnectError")
    await launching.http.aclose()
