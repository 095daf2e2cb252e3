"""Logins over HTTP, through a provider that can do each thing wrong. Attack row 14, line by line."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from yarl import URL

from signalling.front import Front
from tests.auth.faulty_provider import CLIENT_ID, CLIENT_SECRET, STAFF, FaultyProvider, running_provider
from tests.signalling.browsing import SESSION, Browser
from tests.signalling.conftest import NOW, Client, MakeClient, MakeFront, meeting_token
from tests.signalling.fake_worker import FakeWorker

MakeBrowser = Callable[..., Awaitable[Browser]]


@pytest.fixture
async def provider() -> AsyncIterator[FaultyProvider]:
    async with running_provider(NOW) as provider:
        yield provider


@pytest.fixture
async def front(make_front: MakeFront, worker: FakeWorker, provider: FaultyProvider) -> Front:
    front = await make_front(**login_settings(provider))
    await front.registry.create_room("room", "The room", 12)
    return front


def login_settings(provider: FaultyProvider) -> dict[str, Any]:
    both = {}
    for audience in ("patient", "staff"):
        both |= {f"{audience}_issuer": provider.issuer, f"{audience}_client_id": CLIENT_ID}
        both |= {f"{audience}_client_secret": CLIENT_SECRET}
    return both


@pytest.fixture
async def make_browser(front: Front) -> AsyncIterator[MakeBrowser]:
    browsers: list[Browser] = []

    async def make(at: Front | None = None) -> Browser:
        browsers.append(Browser(at or front))
        return browsers[-1]

    yield make
    for browser in browsers:
        await browser.close()


@pytest.fixture
async def browser(make_browser: MakeBrowser) -> Browser:
    return await make_browser()


async def counted(front: Front, name: str, **labels: str) -> float:
    return front.metrics.registry.get_sample_value(name, labels) or 0.0


async def test_a_patient_logs_in_and_comes_back_to_where_they_were(browser: Browser, front: Front) -> None:
    status, _, response = await browser.log_in("patient", "/meeting/m-1")
    assert (status, response.headers["Location"]) == (302, "/meeting/m-1")
    status, body, response = await browser.ask("GET", "/api/session")
    assert status == 200
    assert (body["kind"], body["display_name"], body["roles"]) == ("patient", "Anna Testsson", ["patient"])
    assert (body["authenticated_at"], body["expires_at"], body["ends_at"]) == (NOW - 5, NOW + 1800, NOW + 43200)
    assert response.headers["Cache-Control"] == "no-store"
    assert "199001012385" not in str(body)
    assert await counted(front, "ao_front_logins_total", audience="patient", result="ok") == 1


async def test_staff_log_in_and_choose_a_commission(browser: Browser, provider: FaultyProvider) -> None:
    provider.person = dict(STAFF)
    status, _, response = await browser.log_in("staff")
    assert (status, response.headers["Location"]) == (302, "/portal")
    _, body, _ = await browser.ask("GET", "/api/session")
    assert (body["commission"], len(body["commissions"])) == (None, 2)
    before = browser.cookies[SESSION]
    status, body = await browser.send(
        "POST", "/api/session/commission", {"commission_hsa_id": body["commissions"][1]["commission_hsa_id"]}
    )
    assert (status, body["commission"]["unit_hsa_id"], body["roles"]) == (200, "SE5555555555-U2", ["unit_admin"])
    assert browser.cookies[SESSION] != before


@pytest.mark.attack
async def test_the_cookies_are_out_of_reach_for_scripts_other_sites_and_neighbours(browser: Browser) -> None:
    _, _, response = await browser.ask("GET", "/login/patient")
    at_begin = dict(browser.set_cookies)
    await browser.ask("GET", await browser.at_provider(response.headers["Location"]))
    for name, morsel in (at_begin | dict(browser.set_cookies)).items():
        assert name.startswith("__Host-")
        assert morsel["secure"]
        assert morsel["httponly"]
        assert (morsel["samesite"], morsel["path"], morsel["domain"]) == ("Lax", "/", "")
    assert browser.set_cookies[SESSION]["max-age"] == ""
    assert len(browser.set_cookies[SESSION].value) == 43


@pytest.mark.attack
async def test_a_login_gives_a_fresh_session_whatever_cookie_was_planted(browser: Browser, front: Front) -> None:
    """Session fixation."""
    browser.cookies[SESSION] = "A" * 43
    await browser.log_in()
    assert browser.cookies[SESSION] != "A" * 43
    assert await front.identity.sessions.find("A" * 43, NOW) is None


@pytest.mark.attack
async def test_a_new_login_ends_the_session_that_was_there(browser: Browser, front: Front) -> None:
    await browser.log_in()
    first = browser.cookies[SESSION]
    await browser.log_in()
    assert await front.identity.sessions.find(first, NOW) is None
    assert await counted(front, "ao_front_sessions_ended_total", reason="replaced") == 1


@pytest.mark.attack
@pytest.mark.parametrize(
    ("fault", "status", "cause"),
    [
        ("denied", 403, "refused_by_provider"),
        ("answer_iss", 400, "answer_iss"),
        ("nonce", 400, "nonce"),
        ("alg_none", 400, "algorithm"),
        ("alg_hs256", 400, "algorithm"),
        ("other_key", 400, "signature"),
        ("down", 503, "HTTPStatusError"),
    ],
)
async def test_a_faulty_login_shows_a_page_and_gives_no_session(
    browser: Browser, front: Front, provider: FaultyProvider, fault: str, status: int, cause: str
) -> None:
    provider.faults.add(fault)
    got, page, response = await browser.log_in()
    assert (got, response.content_type) == (status, "text/html")
    assert "Inloggningen" in page
    assert 'lang="en"' in page
    assert SESSION not in browser.cookies
    assert response.headers["Cache-Control"] == "no-store"
    assert await counted(front, "ao_front_login_refusals_total", cause=cause) == 1


@pytest.mark.attack
async def test_a_login_that_is_too_weak_shows_so(browser: Browser, provider: FaultyProvider) -> None:
    provider.acr = "http://id.elegnamnden.se/loa/1.0/loa2"
    status, page, _ = await browser.log_in()
    assert status == 403
    assert "inte tillräckligt säkert" in page


async def test_staff_without_a_commission_are_not_let_in(browser: Browser, provider: FaultyProvider) -> None:
    provider.person = dict(STAFF) | {"commissions": []}
    status, page, _ = await browser.log_in("staff")
    assert status == 403
    assert "medarbetaruppdrag" in page


@pytest.mark.attack
async def test_an_answer_opens_no_session_in_another_browser(browser: Browser, make_browser: MakeBrowser) -> None:
    """Login CSRF: the victim is led to the callback with the attacker's code."""
    _, _, response = await browser.ask("GET", "/login/patient")
    answer = await browser.at_provider(response.headers["Location"])
    victim = await make_browser()
    await victim.ask("GET", "/login/patient")
    status, _, _ = await victim.ask("GET", answer)
    assert status == 400
    assert SESSION not in victim.cookies
    status, _, _ = await browser.ask("GET", answer)
    assert status == 400


@pytest.mark.attack
async def test_an_answer_is_used_once(browser: Browser) -> None:
    _, _, response = await browser.ask("GET", "/login/patient")
    answer = await browser.at_provider(response.headers["Location"])
    assert (await browser.ask("GET", answer))[0] == 302
    assert (await browser.ask("GET", answer))[0] == 400


@pytest.mark.attack
@pytest.mark.parametrize(
    "query", ["", "?state=x", "?code=x", "?state=" + "x" * 3000, "?error=access_denied", "?state=%00"]
)
async def test_a_callback_that_nobody_asked_for_is_refused(browser: Browser, query: str) -> None:
    assert (await browser.ask("GET", URL(f"/login/callback{query}", encoded=True)))[0] == 400


@pytest.mark.attack
@pytest.mark.parametrize(
    "path", ["https://evil.example/", "//evil.example", "/\\evil.example", "/login/staff", "/a\r\nSet-Cookie: x=y"]
)
async def test_a_login_leads_to_no_other_place(browser: Browser, path: str) -> None:
    _, _, response = await browser.log_in("patient", path)
    assert response.headers["Location"] == "/"


@pytest.mark.attack
async def test_what_a_login_passes_is_not_told_to_the_next_page(browser: Browser) -> None:
    for status, _, response in (await browser.log_in(), await browser.ask("GET", "/login/callback?code=secret")):
        assert response.headers["Referrer-Policy"] == "no-referrer", status
        assert response.headers["Cache-Control"] == "no-store"


async def test_the_login_names_the_languages_and_our_own_address(browser: Browser, make_front: MakeFront) -> None:
    _, _, response = await browser.ask("GET", "/login/patient", headers={"Accept-Language": "en-GB,en"})
    query = URL(response.headers["Location"]).query
    assert query["redirect_uri"] == f"{browser.url}/login/callback"
    assert query["ui_locales"] == "en"


async def test_a_public_address_is_used_whatever_the_host_header_says(
    provider: FaultyProvider, make_front: MakeFront, make_browser: MakeBrowser
) -> None:
    front = await make_front(public_url="https://care.example", **login_settings(provider))
    browser = await make_browser(front)
    _, _, response = await browser.ask("GET", "/login/staff", headers={"Host": "evil.example"})
    query = URL(response.headers["Location"]).query
    assert query["redirect_uri"] == "https://care.example/login/callback"


async def test_an_unknown_audience_is_no_route(browser: Browser) -> None:
    assert (await browser.ask("GET", "/login/admin"))[0] == 404


async def test_without_a_provider_the_page_says_that_it_does_not_answer(
    make_front: MakeFront, make_browser: MakeBrowser
) -> None:
    browser = await make_browser(await make_front())
    assert (await browser.ask("GET", "/login/patient"))[0] == 503


@pytest.mark.attack
async def test_beginning_logins_is_limited_per_address(
    provider: FaultyProvider, make_front: MakeFront, make_browser: MakeBrowser
) -> None:
    browser = await make_browser(await make_front(logins_per_minute=2.0, proxy_hops=1, **login_settings(provider)))
    one, other = {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "192.0.2.1, 192.0.2.2"}
    statuses = [(await browser.ask("GET", "/login/patient", headers=one))[0] for _ in range(5)]
    assert statuses == [302, 302, 302, 302, 429]
    assert (await browser.ask("GET", "/login/patient", headers=other))[0] == 302


# --- the end of a login ---------------------------------------------------------------------------------------------


async def in_a_meeting(browser: Browser, front: Front, client: Client) -> str:
    """The token of the person of the browser's session, who is in a running meeting with it."""
    session = await front.identity.sessions.find(browser.cookies[SESSION], NOW)
    assert session is not None
    token = meeting_token(session.actor, grant_id=session.grant_id)
    assert "participant_id" in await client.join(token=token)
    return token


async def test_a_logout_ends_the_session_here_and_in_a_running_meeting(
    browser: Browser, front: Front, make_client: MakeClient, provider: FaultyProvider
) -> None:
    await browser.log_in()
    client = await make_client()
    await in_a_meeting(browser, front, client)
    secret = browser.cookies[SESSION]
    status, body = await browser.send("DELETE", "/api/session")
    assert status == 200
    assert SESSION not in browser.cookies
    assert (await client.wait_for("closed"))["code"] == "revoked"
    browser.cookies[SESSION] = secret
    assert (await browser.ask("GET", "/api/session"))[0] == 401
    leave = URL(body["end_session_url"])
    assert str(leave.with_query(None)) == f"{provider.issuer}/logout"
    assert leave.query["post_logout_redirect_uri"] == f"{browser.url}/"
    assert leave.query["logout_hint"] == "sid-1"


async def test_a_logout_succeeds_when_the_provider_is_away(
    make_front: MakeFront, make_browser: MakeBrowser, provider: FaultyProvider
) -> None:
    front = await make_front(**login_settings(provider))
    browser = await make_browser(front)
    await browser.log_in()
    front.identity.logins._clients["patient"]._metadata = None  # type: ignore[attr-defined]
    provider.faults.add("metadata_issuer")
    assert await browser.send("DELETE", "/api/session") == (200, {"end_session_url": None})


async def test_the_provider_ends_a_login_and_the_running_meeting_with_it(
    browser: Browser, front: Front, make_client: MakeClient, provider: FaultyProvider
) -> None:
    await browser.log_in()
    client = await make_client()
    token = await in_a_meeting(browser, front, client)
    began = asyncio.get_running_loop().time()
    status, _, response = await browser.ask(
        "POST", "/login/backchannel", data={"logout_token": provider.logout_token()}
    )
    assert status == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert (await client.wait_for("closed"))["code"] == "revoked"
    assert asyncio.get_running_loop().time() - began < 1.0
    assert (await browser.ask("GET", "/api/session"))[0] == 401
    rejoined = await (await make_client()).join(token=token)
    assert rejoined["error"]["code"] == "revoked"


@pytest.mark.attack
async def test_a_logout_token_works_once_and_only_with_the_providers_signature(
    browser: Browser, front: Front, provider: FaultyProvider
) -> None:
    await browser.log_in()
    replayed = provider.logout_token()
    provider.faults.add("other_key")
    forged = provider.logout_token()
    provider.faults.clear()
    id_token = provider.id_token("nonce")
    for data in ({}, {"logout_token": ""}, {"logout_token": "x.y.z"}, {"logout_token": forged},
                 {"logout_token": id_token}):  # fmt: skip
        assert (await browser.ask("POST", "/login/backchannel", data=data))[0] == 400
    assert (await browser.ask("GET", "/api/session"))[0] == 200
    assert (await browser.ask("POST", "/login/backchannel", data={"logout_token": replayed}))[0] == 200
    await browser.log_in()
    assert (await browser.ask("POST", "/login/backchannel", data={"logout_token": replayed}))[0] == 400
    assert (await browser.ask("GET", "/api/session"))[0] == 200
    assert await counted(front, "ao_front_login_refusals_total", cause="jti") == 1


async def test_a_logout_token_of_the_subject_ends_all_its_logins(
    browser: Browser, make_browser: MakeBrowser, provider: FaultyProvider
) -> None:
    other = await make_browser()
    await browser.log_in()
    provider.sid = "sid-2"
    await other.log_in()
    token = provider.logout_token(sid=None)
    assert (await browser.ask("POST", "/login/backchannel", data={"logout_token": token}))[0] == 200
    for each in (browser, other):
        assert (await each.ask("GET", "/api/session"))[0] == 401


@pytest.mark.attack
async def test_pages_of_a_login_cannot_be_framed(browser: Browser, provider: FaultyProvider) -> None:
    """Clickjacking."""
    provider.faults.add("denied")
    _, _, response = await browser.log_in()
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["X-Frame-Options"] == "DENY"


async def test_a_login_stands_in_the_audit_log(browser: Browser, front: Front) -> None:
    await browser.log_in()
    assert front.identity.audit is not None
    entries = await front._redis.xrange("ao:audit")
    assert len(entries) == 1
    body = entries[0][1][b"b"].decode()
    assert '"action":"login"' in body
    assert "Anna" not in body
    assert "19900101" not in body


async def test_without_an_audit_log_nobody_is_let_in(
    make_front: MakeFront, make_browser: MakeBrowser, provider: FaultyProvider
) -> None:
    browser = await make_browser(await make_front(audit_key=None, **login_settings(provider)))
    assert (await browser.log_in())[0] == 503
    assert SESSION not in browser.cookies
