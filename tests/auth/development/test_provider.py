"""The development provider as a client sees it: authlib logs in over real HTTP."""

import re
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tests.auth.development.conftest import SECRET, Running

LOA3 = "http://id.elegnamnden.se/loa/1.0/loa3"


class Browser:
    """Follows the provider's pages as a person would."""

    def __init__(self, running: Running) -> None:
        self.http = httpx2.AsyncClient(base_url=running.url)

    async def choose(self, url: str, person: str, acr: str = LOA3) -> str:
        """Open the login page, choose somebody; where the provider sends the browser then."""
        page = await self.http.get(url)
        assert page.status_code == 200
        request = re.search(r'name="request" value="([^"]+)"', page.text)
        assert request is not None
        data = {"request": request[1], "person": person, "acr": acr}
        answer = await self.http.post(url.partition("?")[0], data=data)
        assert answer.status_code == 303
        return answer.headers["Location"]


@pytest.fixture
async def browser(running: Running) -> AsyncIterator[Browser]:
    browser = Browser(running)
    yield browser
    await browser.http.aclose()


class Front:
    """The client: authlib with PKCE, and the provider's keys."""

    def __init__(self, running: Running, audience: str, **changes: Any) -> None:
        self.issuer = f"{running.url}/{audience}"
        self.redirect_uri = f"{running.front_url}/login/callback"
        self.verifier = secrets.token_urlsafe(48)
        values = {"client_secret": SECRET, "token_endpoint_auth_method": "client_secret_basic"} | changes
        self.client = AsyncOAuth2Client(
            client_id="alltid-oppet", redirect_uri=self.redirect_uri, scope="openid profile",
            code_challenge_method="S256", **values,
        )  # fmt: skip

    def url(self, **parameters: Any) -> str:
        url, _ = self.client.create_authorization_url(
            f"{self.issuer}/authorize", code_verifier=self.verifier, **({"nonce": "n-1", "state": "s-1"} | parameters)
        )
        return url

    async def exchange(self, location: str, **changes: Any) -> dict[str, Any]:
        code = parse_qs(urlsplit(location).query)["code"][0]
        arguments = {"code": code, "code_verifier": self.verifier, "grant_type": "authorization_code"} | changes
        return dict(await self.client.fetch_token(f"{self.issuer}/token", **arguments))

    async def claims(self, token: str) -> dict[str, Any]:
        keys = KeySet.import_key_set(
            (await self.client.request("GET", f"{self.issuer}/jwks", withhold_token=True)).json()
        )
        return jwt.decode(token, keys, algorithms=["RS256"]).claims


@pytest.fixture
async def staff(running: Running) -> AsyncIterator[Front]:
    front = Front(running, "staff")
    yield front
    await front.client.aclose()


@pytest.fixture
async def patient(running: Running) -> AsyncIterator[Front]:
    front = Front(running, "patients")
    yield front
    await front.client.aclose()


async def test_discovery_names_the_endpoints_below_the_issuer(browser: Browser, patient: Front) -> None:
    metadata = (await browser.http.get("/patients/.well-known/openid-configuration")).json()
    assert metadata["issuer"] == patient.issuer
    assert all(value.startswith(patient.issuer) for key, value in metadata.items() if key.endswith("_endpoint"))
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["authorization_response_iss_parameter_supported"] is True


async def test_a_patient_logs_in(running: Running, patient: Front, browser: Browser) -> None:
    location = await browser.choose(patient.url(acr_values=LOA3), "maria")
    answer = parse_qs(urlsplit(location).query)
    assert location.startswith(patient.redirect_uri)
    assert (answer["state"], answer["iss"]) == (["s-1"], [patient.issuer])
    token = await patient.exchange(location)
    claims = await patient.claims(token["id_token"])
    assert claims["iss"] == patient.issuer
    assert claims["aud"] == "alltid-oppet"
    assert (claims["nonce"], claims["acr"], claims["auth_time"]) == ("n-1", LOA3, 1_800_000_000)
    assert (claims["iat"], claims["exp"]) == (1_800_000_000, 1_800_000_300)
    assert claims["name"] == "Maria Ekdal"
    assert claims["https://id.oidc.se/claim/personalIdentityNumber"][8:11] == "238"
    info = (await patient.client.get(f"{patient.issuer}/userinfo")).json()
    assert info["sub"] == claims["sub"]
    assert info["name"] == "Maria Ekdal"


async def test_staff_with_several_commissions_bring_them_all(staff: Front, browser: Browser) -> None:
    token = await staff.exchange(await browser.choose(staff.url(), "SE5555555555-A003"))
    claims = await staff.claims(token["id_token"])
    assert claims["employeeHsaId"] == "SE5555555555-A003"
    assert len({one["healthCareProviderHsaId"] for one in claims["commissions"]}) == 2
    assert "commissionHsaId" not in claims


async def test_staff_with_one_commission_bring_it_at_the_top_too(staff: Front, browser: Browser) -> None:
    token = await staff.exchange(await browser.choose(staff.url(), "SE5555555555-J002"))
    claims = await staff.claims(token["id_token"])
    assert claims["commissionHsaId"] == claims["commissions"][0]["commissionHsaId"]
    assert claims["healthCareUnitHsaId"] == "SE5555555555-1001"


async def test_a_weak_login_can_be_chosen_and_is_named(patient: Front, browser: Browser) -> None:
    weak = LOA3.replace("loa3", "loa2")
    token = await patient.exchange(await browser.choose(patient.url(acr_values=LOA3), "maria", acr=weak))
    assert (await patient.claims(token["id_token"]))["acr"] == weak


async def test_cancelling_is_access_denied(patient: Front, browser: Browser) -> None:
    answer = parse_qs(urlsplit(await browser.choose(patient.url(), "")).query)
    assert (answer["error"], answer["state"], answer["iss"]) == (["access_denied"], ["s-1"], [patient.issuer])


async def test_a_child_without_e_id_is_not_on_the_page(patient: Front, browser: Browser) -> None:
    assert "error=access_denied" in await browser.choose(patient.url(), "alva")


async def test_the_subject_differs_between_issuers_and_is_stable(
    running: Running, patient: Front, browser: Browser
) -> None:
    subjects = set()
    for _ in range(2):
        token = await patient.exchange(await browser.choose(patient.url(), "tomas"))
        subjects.add((await patient.claims(token["id_token"]))["sub"])
    assert len(subjects) == 1
    one, other = (issuer.server for issuer in running.provider.issuers)
    subject = next(iter(one.sessions.values())).subject
    assert one.subject_id(subject) != other.subject_id(subject)


# --- what it refuses -------------------------------------------------------------------------------------------


@pytest.mark.attack
async def test_a_code_serves_once_and_its_second_use_ends_the_token(patient: Front, browser: Browser) -> None:
    location = await browser.choose(patient.url(), "maria")
    await patient.exchange(location)
    with pytest.raises(Exception, match="invalid_grant"):
        await patient.exchange(location)
    assert (await patient.client.get(f"{patient.issuer}/userinfo")).status_code == 401


@pytest.mark.attack
@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "x" * 48},
        {"code_verifier": ""},
        {"redirect_uri": "http://localhost:1/login/callback"},
        {"grant_type": "refresh_token"},
    ],
)
async def test_a_code_without_its_proof_is_refused(patient: Front, browser: Browser, changes: dict[str, str]) -> None:
    location = await browser.choose(patient.url(), "maria")
    with pytest.raises(Exception, match=r"invalid_grant|unsupported_grant_type"):
        await patient.exchange(location, **changes)


@pytest.mark.attack
async def test_a_late_code_is_refused(running: Running, patient: Front, browser: Browser) -> None:
    location = await browser.choose(patient.url(), "maria")
    running.clock.now += 61
    with pytest.raises(Exception, match="invalid_grant"):
        await patient.exchange(location)


@pytest.mark.attack
async def test_a_code_of_another_issuer_is_refused(patient: Front, staff: Front, browser: Browser) -> None:
    location = await browser.choose(patient.url(), "maria")
    with pytest.raises(Exception, match="invalid_grant"):
        await staff.exchange(location, code_verifier=patient.verifier)


@pytest.mark.attack
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize("secret", [SECRET, "another"])
async def test_the_client_authenticates(running: Running, browser: Browser, method: str, secret: str) -> None:
    front = Front(running, "patients", client_secret=secret, token_endpoint_auth_method=method)
    location = await browser.choose(front.url(), "maria")
    if secret == SECRET:
        assert (await front.exchange(location))["token_type"] == "Bearer"
    else:
        with pytest.raises(Exception, match="invalid_client"):
            await front.exchange(location)
    await front.client.aclose()


@pytest.mark.attack
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
    ],
)
async def test_a_faulty_request_is_answered_with_an_error(
    browser: Browser, patient: Front, changes: dict[str, str], error: str
) -> None:
    query = {key: values[0] for key, values in parse_qs(urlsplit(patient.url()).query).items()}
    answer = await browser.http.get("/patients/authorize", params=query | changes)
    assert answer.status_code == 302
    location = answer.headers["Location"]
    assert location.startswith(f"{patient.redirect_uri}?")
    assert parse_qs(urlsplit(location).query)["error"] == [error]


@pytest.mark.attack
@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "somebody"},
        {"redirect_uri": "https://evil.example/login/callback"},
        {"redirect_uri": "http://localhost.evil.example/login/callback"},
        {"redirect_uri": "http://localhost:99999/login/callback"},
        {"redirect_uri": "http://user@localhost/login/callback"},
        {"redirect_uri": "http://localhost/login/callback/../elsewhere"},
        {"redirect_uri": "http://localhost/login/callback#x"},
        {"redirect_uri": ""},
    ],
)
async def test_an_untrusted_target_is_never_followed(browser: Browser, patient: Front, changes: dict[str, str]) -> None:
    query = {key: values[0] for key, values in parse_qs(urlsplit(patient.url()).query).items()}
    answer = await browser.http.get("/patients/authorize", params=query | changes)
    assert answer.status_code == 400
    assert "Location" not in answer.headers


@pytest.mark.attack
async def test_a_page_of_somebody_else_cannot_choose(browser: Browser, patient: Front) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = await browser.http.post("/patients/authorize", data={"person": "maria"}, headers=headers)
    assert answer.status_code == 403


async def test_a_page_that_was_left_open_too_long_starts_nothing(
    running: Running, browser: Browser, patient: Front
) -> None:
    page = await browser.http.get(patient.url())
    request = re.search(r'name="request" value="([^"]+)"', page.text)
    assert request is not None
    running.clock.now += 901
    data = {"request": request[1], "person": "maria", "acr": LOA3}
    assert (await browser.http.post("/patients/authorize", data=data)).status_code == 400


# --- keys and logout -------------------------------------------------------------------------------------------


async def test_after_a_rotation_the_old_key_is_still_published_and_then_withdrawn(
    running: Running, patient: Front, browser: Browser
) -> None:
    token = await patient.exchange(await browser.choose(patient.url(), "maria"))
    before = running.provider.issuers[0].server.keys.key_id
    assert (await browser.http.post("/patients/rotate")).status_code == 303
    assert running.provider.issuers[0].server.keys.key_id != before
    assert (await patient.claims(token["id_token"]))["name"] == "Maria Ekdal"
    await browser.http.post("/patients/rotate")
    with pytest.raises(JoseError, match="kid"):
        await patient.claims(token["id_token"])
    jwks = (await browser.http.get("/patients/jwks")).json()
    assert len(jwks["keys"]) == 2
    assert not any("d" in key for key in jwks["keys"])


async def test_silence_is_answered_for_somebody_who_is_logged_in(patient: Front, browser: Browser) -> None:
    await browser.choose(patient.url(), "maria")
    answer = await browser.http.get(patient.url(prompt="none", state="s-2"))
    token = await patient.exchange(answer.headers["Location"])
    assert (await patient.claims(token["id_token"]))["name"] == "Maria Ekdal"


@pytest.mark.parametrize("hint", ["id_token_hint", "logout_hint", "cookie"])
async def test_logout_goes_back_to_the_front_and_tells_it_by_the_back_channel(
    running: Running, patient: Front, browser: Browser, hint: str
) -> None:
    token = await patient.exchange(await browser.choose(patient.url(), "maria"))
    sid = (await patient.claims(token["id_token"]))["sid"]
    hints = {"id_token_hint": token["id_token"], "logout_hint": sid}
    query = {"post_logout_redirect_uri": f"{running.front_url}/", "state": "bye"}
    query |= {hint: hints[hint]} if hint in hints else {}
    answer = await browser.http.get("/patients/end_session", params=query)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{running.front_url}/?state=bye"
    (notice,) = running.notices
    claims = await patient.claims(notice["logout_token"])
    assert claims["sid"] == sid
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert "nonce" not in claims
    assert claims["exp"] - claims["iat"] <= 120
    assert not running.provider.issuers[0].server.sessions


@pytest.mark.attack
async def test_logout_never_leads_elsewhere(browser: Browser, patient: Front) -> None:
    await browser.choose(patient.url(), "maria")
    query = {"post_logout_redirect_uri": "https://evil.example/"}
    answer = await browser.http.get("/patients/end_session", params=query)
    assert answer.status_code == 200
    assert "utloggad" in answer.text


async def test_the_first_page_ends_a_session_everywhere(running: Running, patient: Front, browser: Browser) -> None:
    await browser.choose(patient.url(), "sara")
    page = (await browser.http.get("/")).text
    assert "Sara Lundvik" in page
    session = re.search(r'name="session" value="([^"]+)"', page)
    assert session is not None
    assert (await browser.http.post("/patients/logout", data={"session": session[1]})).status_code == 303
    assert len(running.notices) == 1
    assert "Sara Lundvik" not in (await browser.http.get("/")).text


async def test_pages_are_marked_and_cannot_be_framed(browser: Browser, patient: Front) -> None:
    page = await browser.http.get(patient.url())
    assert "alla personer är påhittade" in page.text
    assert 'lang="sv"' in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert f"form-action 'self' {patient.redirect_uri.removesuffix('/login/callback')}" in policy


@pytest.mark.parametrize("mode", [None, "", "production", "Development"])
def test_it_refuses_to_start_outside_development_mode(mode: str | None) -> None:
    environment = {"PATH": "/usr/bin"} | ({} if mode is None else {"ALLTID_MODE": mode})
    command = [sys.executable, "-m", "auth.development.provider"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "ALLTID_MODE=development" in ended.stderr
