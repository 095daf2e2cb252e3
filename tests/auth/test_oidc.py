"""The OpenID Connect client against a provider that does everything right, or one thing wrong."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from yarl import URL

from auth.oidc import Challenge, LoginError, OidcClient, Provider, is_endpoint, read_metadata
from tests.auth.faulty_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    LOA3,
    FaultyProvider,
    ec_key,
    running_provider,
)
from tests.patience import PATIENCE_S

NOW = 1_800_000_000.0
CHALLENGE = Challenge("the-state", "the-nonce", "verifier-" * 6, "https://front.example/login/callback")


class Clock:
    """Monotonic seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def provider() -> AsyncIterator[FaultyProvider]:
    async with running_provider(NOW) as provider:
        yield provider


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(provider: FaultyProvider, clock: Clock) -> AsyncIterator[OidcClient]:
    client = make_client(provider.issuer, clock)
    yield client
    await client.close()


def make_client(issuer: str, clock: Clock, timeout_s: float = PATIENCE_S, **changes: Any) -> OidcClient:
    levels = {"http://id.elegnamnden.se/loa/1.0/loa2": 2, LOA3: 3, "http://id.elegnamnden.se/loa/1.0/loa4": 4}
    values: dict[str, Any] = {"client_secret": CLIENT_SECRET, "min_level": 3} | changes
    configured = Provider(issuer=issuer, client_id=CLIENT_ID, scope="openid profile", acr_levels=levels, **values)
    return OidcClient(configured, timeout_s=timeout_s, monotonic=clock)


async def answer_of(client: OidcClient, challenge: Challenge = CHALLENGE) -> dict[str, str]:
    """What the browser comes back with."""
    url = await client.authorization_url(challenge)
    async with aiohttp.ClientSession() as http, http.get(URL(url, encoded=True), allow_redirects=False) as response:
        return dict(URL(response.headers["Location"]).query)


async def refusal(client: OidcClient, answer: dict[str, str], challenge: Challenge = CHALLENGE) -> tuple[str, str]:
    with pytest.raises(LoginError) as refused:
        await client.redeem(challenge, answer, now=NOW)
    return refused.value.code, refused.value.cause


async def test_a_login_yields_the_checked_claims(client: OidcClient) -> None:
    login = await client.redeem(CHALLENGE, await answer_of(client), now=NOW)
    assert login.claims["name"] == "Anna Testsson"
    assert (login.acr, login.level) == (LOA3, 3)
    assert "Anna" not in repr(login)


async def test_the_browser_is_sent_with_pkce_state_nonce_and_the_levels_that_are_enough(client: OidcClient) -> None:
    url = URL(await client.authorization_url(CHALLENGE, ui_locales="en"))
    assert url.query["response_type"] == "code"
    assert (url.query["state"], url.query["nonce"]) == ("the-state", "the-nonce")
    assert url.query["code_challenge_method"] == "S256"
    assert CHALLENGE.code_verifier not in str(url)
    assert url.query["acr_values"].split() == [LOA3, "http://id.elegnamnden.se/loa/1.0/loa4"]
    assert url.query["ui_locales"] == "en"


async def test_elliptic_curve_keys_serve_too(client: OidcClient, provider: FaultyProvider) -> None:
    provider.rotate(ec_key(), "ES256")
    assert (await client.redeem(CHALLENGE, await answer_of(client), now=NOW)).level == 3


@pytest.mark.attack
@pytest.mark.parametrize(
    ("fault", "code", "cause"),
    [
        ("denied", "login_cancelled", "refused_by_provider"),
        ("answer_iss", "login_invalid", "answer_iss"),
        ("no_answer_iss", "login_invalid", "answer_iss"),
        ("no_code", "login_invalid", "code"),
        ("nonce", "login_invalid", "nonce"),
        ("at_hash", "login_invalid", "at_hash"),
        ("alg_none", "login_invalid", "algorithm"),
        ("alg_hs256", "login_invalid", "algorithm"),
        ("bad_signature", "login_invalid", "signature"),
        ("other_key", "login_invalid", "signature"),
        ("no_id_token", "login_invalid", "token_response"),
        ("down", "provider_unavailable", "HTTPStatusError"),
        ("hangs", "provider_unavailable", "RemoteProtocolError"),
        ("not_json", "provider_unavailable", "token_response"),
        ("jwks_down", "provider_unavailable", "HTTPStatusError"),
        ("jwks_empty", "provider_unavailable", "jwks"),
    ],
)
async def test_one_fault_of_the_provider_ends_the_login(
    client: OidcClient, provider: FaultyProvider, fault: str, code: str, cause: str
) -> None:
    provider.faults.add(fault)
    assert await refusal(client, await answer_of(client)) == (code, cause)


@pytest.mark.attack
@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"iss": "https://other.example"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "somebody-else"}, "aud"),
        ({"aud": [CLIENT_ID, "somebody-else"], "azp": CLIENT_ID}, "aud"),
        ({"aud": None}, "aud"),
        ({"azp": "somebody-else"}, "azp"),
        ({"exp": NOW - 31}, "exp"),
        ({"exp": None}, "exp"),
        ({"exp": "later"}, "exp"),
        ({"iat": NOW + 60}, "iat"),
        ({"iat": NOW - 3600}, "iat"),
        ({"iat": None}, "iat"),
        ({"iat": True}, "iat"),
        ({"nbf": NOW + 60}, "nbf"),
        ({"nonce": None}, "nonce"),
        ({"nonce": "another"}, "nonce"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 17}, "sub"),
        ({"sid": 17}, "sid"),
        ({"auth_time": "then"}, "auth_time"),
    ],
)
async def test_an_id_token_that_is_not_for_this_login_is_refused(
    client: OidcClient, provider: FaultyProvider, changes: dict[str, Any], cause: str
) -> None:
    provider.changes = changes
    assert await refusal(client, await answer_of(client)) == ("login_invalid", cause)


@pytest.mark.attack
@pytest.mark.parametrize("acr", ["http://id.elegnamnden.se/loa/1.0/loa2", "made-up", None, 3, ["loa3"]])
async def test_a_login_below_the_minimum_level_is_refused(
    client: OidcClient, provider: FaultyProvider, acr: object
) -> None:
    provider.changes = {"acr": acr}
    assert await refusal(client, await answer_of(client)) == ("login_too_weak", "acr")


@pytest.mark.attack
async def test_state_must_be_the_one_that_was_sent(client: OidcClient, provider: FaultyProvider) -> None:
    answer = await answer_of(client)
    assert await refusal(client, answer | {"state": "another"}) == ("login_invalid", "state")
    assert await refusal(client, {"code": answer["code"], "iss": answer["iss"]}) == ("login_invalid", "state")
    assert "/token" not in provider.requests


@pytest.mark.attack
async def test_a_code_is_worth_nothing_without_its_verifier(client: OidcClient) -> None:
    stolen = Challenge(CHALLENGE.state, CHALLENGE.nonce, "guess-" * 8, CHALLENGE.redirect_uri)
    assert await refusal(client, await answer_of(client), stolen) == ("login_invalid", "code_refused")


@pytest.mark.attack
async def test_a_code_is_worth_nothing_twice(client: OidcClient) -> None:
    answer = await answer_of(client)
    await client.redeem(CHALLENGE, answer, now=NOW)
    assert await refusal(client, answer) == ("login_invalid", "code_refused")


async def test_providers_that_do_not_name_themselves_are_not_asked_to(
    client: OidcClient, provider: FaultyProvider
) -> None:
    provider.faults |= {"no_iss_metadata", "no_answer_iss"}
    assert (await client.redeem(CHALLENGE, await answer_of(client), now=NOW)).level == 3
    provider.faults = {"no_iss_metadata", "answer_iss"}
    assert await refusal(client, await answer_of(client)) == ("login_invalid", "answer_iss")


async def test_a_changed_key_is_fetched_once_and_made_up_key_ids_make_no_flood(
    client: OidcClient, provider: FaultyProvider, clock: Clock
) -> None:
    await client.redeem(CHALLENGE, await answer_of(client), now=NOW)
    clock.now += 60
    provider.rotate()
    await client.redeem(CHALLENGE, await answer_of(client), now=NOW)
    assert provider.requests.count("/jwks") == 2
    provider.published = []
    provider.key = type(provider.key).generate_key(2048, {"kid": "made-up"})
    for _ in range(5):
        assert await refusal(client, await answer_of(client)) == ("login_invalid", "kid")
    assert provider.requests.count("/jwks") == 2


async def test_keys_and_metadata_are_fetched_anew_after_an_hour(
    client: OidcClient, provider: FaultyProvider, clock: Clock
) -> None:
    await client.redeem(CHALLENGE, await answer_of(client), now=NOW)
    clock.now += 3600
    await client.redeem(CHALLENGE, await answer_of(client), now=NOW)
    assert provider.requests.count("/jwks") == 2
    assert provider.requests.count("/.well-known/openid-configuration") == 2


@pytest.mark.attack
@pytest.mark.parametrize("fault", ["metadata_issuer", "plain_http"])
async def test_metadata_of_another_issuer_or_without_tls_is_not_used(
    client: OidcClient, provider: FaultyProvider, fault: str
) -> None:
    provider.faults.add(fault)
    with pytest.raises(LoginError, match="provider_unavailable"):
        await client.authorization_url(CHALLENGE)


async def test_a_provider_that_is_away_is_unavailable(clock: Clock, unused_tcp_port: int) -> None:
    client = make_client(f"http://127.0.0.1:{unused_tcp_port}", clock)
    with pytest.raises(LoginError, match="provider_unavailable"):
        await client.authorization_url(CHALLENGE)
    await client.close()


async def test_a_provider_that_does_not_answer_in_time_is_unavailable(provider: FaultyProvider, clock: Clock) -> None:
    client = make_client(provider.issuer, clock)
    answer = await answer_of(client)
    provider.faults.add("slow")
    client._timeout_s = 0.2
    code, cause = await refusal(client, answer)
    assert code == "provider_unavailable"
    assert "Timeout" in cause
    await client.close()


@pytest.mark.parametrize("document", [None, [], "x", {"issuer": "https://a.example"}])
def test_metadata_that_is_not_a_discovery_document_is_refused(document: object) -> None:
    with pytest.raises(LoginError, match="provider_unavailable"):
        read_metadata(document, "https://a.example")


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        ("https://provider.example/token", True),
        ("http://127.0.0.1:8081/token", True),
        ("http://localhost/token", True),
        ("http://provider.example/token", False),
        ("ftp://provider.example", False),
        ("https://", False),
        ("http://[", False),
        (None, False),
    ],
)
def test_endpoints_are_https_or_on_this_machine(url: object, is_good: bool) -> None:
    assert is_endpoint(url) is is_good


async def test_the_provider_is_told_which_login_to_end_without_personal_data(client: OidcClient) -> None:
    url = URL(await client.end_session_url("sid-1", "https://front.example/") or "")
    assert dict(url.query) == {
        "client_id": CLIENT_ID,
        "post_logout_redirect_uri": "https://front.example/",
        "logout_hint": "sid-1",
    }
