"""Logins from challenge to session, and logout tokens that count once."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import aiohttp
import pytest
from redis.asyncio import Redis
from yarl import URL

from auth.login import Logins, is_binding, new_binding, safe_return_to
from auth.oidc import LoginError, OidcClient, Provider
from auth.permissions import LOA3, LOA4
from auth.principal import Commission
from auth.pseudonyms import Pseudonyms, is_person_id
from auth.sessions import Session
from auth.staff_roles import GivenRole, RolesUnknownError
from tests.auth.faulty_provider import CLIENT_ID, CLIENT_SECRET, STAFF, FaultyProvider, running_provider

NOW = 1_800_000_000.0
NUMBER_CLAIMS = ["https://id.oidc.se/claim/personalIdentityNumber"]
BINDING = new_binding()


@pytest.fixture
async def provider() -> AsyncIterator[FaultyProvider]:
    async with running_provider(NOW) as provider:
        yield provider


def client_of(provider: FaultyProvider) -> OidcClient:
    configured = Provider(
        issuer=provider.issuer,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        scope="openid",
        acr_levels={LOA3: 3, "http://id.sambi.se/loa/loa4": 4},
        min_level=3,
    )
    return OidcClient(configured)


@pytest.fixture
async def logins(provider: FaultyProvider, redis_client: Redis) -> AsyncIterator[Logins]:
    clients = {"patient": client_of(provider), "staff": client_of(provider)}
    logins = Logins(redis_client, clients, Pseudonyms(bytes(32)), NUMBER_CLAIMS)  # type: ignore[arg-type]
    yield logins
    await logins.close()


async def begin(logins: Logins, audience: str = "patient", binding: str = BINDING) -> dict[str, str]:
    """What the browser comes back with."""
    url = await logins.begin(
        audience,  # type: ignore[arg-type]
        binding=binding,
        redirect_uri="https://front.example/login/callback",
        return_to="/meeting/m1",
        ui_locales="sv",
    )
    async with aiohttp.ClientSession() as http, http.get(URL(url, encoded=True), allow_redirects=False) as response:
        return dict(URL(response.headers["Location"]).query)


async def refusal(logins: Logins, answer: dict[str, str], binding: str = BINDING) -> tuple[str, str]:
    with pytest.raises(LoginError) as refused:
        await logins.complete(await logins.pending(answer, binding), answer, now=NOW)
    return refused.value.code, refused.value.cause


async def test_a_patient_gets_a_session_with_an_opaque_id(logins: Logins, provider: FaultyProvider) -> None:
    answer = await begin(logins)
    pending = await logins.pending(answer, BINDING)
    assert (pending.audience, pending.return_to) == ("patient", "/meeting/m1")
    session = await logins.complete(pending, answer, now=NOW)
    assert is_person_id(session.actor)
    assert session.number == "199001012385"
    assert (session.kind, session.display_name, session.acr) == ("patient", "Anna Testsson", LOA3)
    assert session.authenticated_at == NOW - 5
    assert session.login is not None
    assert (session.login.issuer, session.login.sid) == (provider.issuer, "sid-1")
    assert "19900101" not in repr(session.principal())


async def test_staff_get_a_session_with_their_commissions(logins: Logins, provider: FaultyProvider) -> None:
    provider.person = dict(STAFF)
    provider.acr = "http://id.sambi.se/loa/loa4"
    answer = await begin(logins, "staff")
    session = await logins.complete(await logins.pending(answer, BINDING), answer, now=NOW)
    assert (session.kind, session.actor, session.acr) == ("staff", "SE5555555555-K001", LOA4)
    assert len(session.commissions) == 2
    assert session.commission is None


class Directory:
    """Roles given in the service; None: it is away."""

    def __init__(self, *given: GivenRole) -> None:
        self.given: Sequence[GivenRole] | None = given

    async def roles(self, staff_hsa_id: str) -> Sequence[GivenRole]:
        assert staff_hsa_id == "SE5555555555-K001"
        if self.given is None:
            raise RolesUnknownError
        return self.given


async def logged_in(logins: Logins) -> Session:
    answer = await begin(logins, "staff")
    return await logins.complete(await logins.pending(answer, BINDING), answer, now=NOW)


def given(role: str, commission: Commission, **changes: str | None) -> GivenRole:
    one = GivenRole(role, commission.unit_hsa_id, commission.provider_hsa_id)  # type: ignore[arg-type]
    return replace(one, **changes)  # type: ignore[arg-type]


async def test_roles_given_in_the_service_come_on_top_of_the_claims(logins: Logins, provider: FaultyProvider) -> None:
    provider.person = dict(STAFF)
    before = await logged_in(logins)
    first, second = before.commissions
    own = second.commission_hsa_id
    logins.roles = directory = Directory(
        given("scheduler", first), given("viewer", second, commission_hsa_id=own),
        given("unit_admin", second, commission_hsa_id="SE5555555555-CX"),  # with another commission only
        given("unit_admin", first, provider_hsa_id="SE5566778899-0001"),  # another care provider's unit of the name
        given("sre", first), given("patient", first),  # nothing that could be given
        GivenRole("unit_admin", "SE5555555555-UX", first.provider_hsa_id),  # a unit where they do not work
    )  # fmt: skip
    session = await logged_in(logins)
    assert [one.roles - old.roles for one, old in zip(session.commissions, before.commissions, strict=True)] == [
        {"scheduler"},
        {"viewer"},
    ]
    assert (await logins.chosen(session, session.commissions[0])).roles == first.roles | {"scheduler"}
    directory.given = ()  # taken in the meantime
    assert (await logins.chosen(session, session.commissions[0])).roles == first.roles
    directory.given = None  # away: what the claims give and no more
    assert (await logins.chosen(session, session.commissions[0])).roles == first.roles
    assert [one.roles for one in (await logged_in(logins)).commissions] == [first.roles, second.roles]
    from_record_system = replace(session, login=None)
    assert await logins.chosen(from_record_system, session.commissions[0]) == session.commissions[0]


async def test_a_commission_without_a_role_opens_with_one_that_was_given(
    logins: Logins, provider: FaultyProvider
) -> None:
    plain = STAFF["commissions"][0] | {"commissionPurpose": "Annat", "systemRole": []}
    provider.person = dict(STAFF) | {"commissions": [plain]}
    logins.roles = directory = Directory()
    assert await refusal(logins, await begin(logins, "staff")) == ("login_no_access", "systemRole")
    unit, provider_hsa_id = plain["healthCareUnitHsaId"], plain["healthCareProviderHsaId"]
    directory.given = (GivenRole("scheduler", unit, provider_hsa_id),)
    session = await logged_in(logins)
    assert session.commission is not None
    assert session.principal().roles == {"scheduler"}
    directory.given = None
    assert await refusal(logins, await begin(logins, "staff")) == ("provider_unavailable", "roles_unknown")
    with pytest.raises(RolesUnknownError):
        await logins.chosen(session, session.commission)


@pytest.mark.attack
async def test_an_answer_counts_once(logins: Logins) -> None:
    answer = await begin(logins)
    await logins.complete(await logins.pending(answer, BINDING), answer, now=NOW)
    assert await refusal(logins, answer) == ("login_expired", "unknown_state")


@pytest.mark.attack
@pytest.mark.parametrize("binding", ["", new_binding(), BINDING + "x"])
async def test_an_answer_counts_only_in_the_browser_that_asked(logins: Logins, binding: str) -> None:
    """Login CSRF: an attacker's own answer, opened in the victim's browser."""
    answer = await begin(logins)
    assert await refusal(logins, answer, binding) == ("login_invalid", "other_browser")
    assert await refusal(logins, answer) == ("login_expired", "unknown_state")


@pytest.mark.attack
@pytest.mark.parametrize("state", ["", "made-up", "\ud800"])
async def test_an_unknown_state_is_refused(logins: Logins, state: str) -> None:
    answer = await begin(logins)
    assert await refusal(logins, answer | {"state": state}) == ("login_expired", "unknown_state")
    assert await refusal(logins, {}) == ("login_expired", "unknown_state")


async def test_two_logins_in_one_browser_do_not_disturb_each_other(logins: Logins) -> None:
    first, second = await begin(logins), await begin(logins)
    for answer in (second, first):
        assert await logins.complete(await logins.pending(answer, BINDING), answer, now=NOW)


async def test_a_login_that_nobody_finishes_vanishes(logins: Logins, redis_client: Redis) -> None:
    await begin(logins)
    keys = [key async for key in redis_client.scan_iter("ao:login:*")]
    assert len(keys) == 1
    assert 0 < await redis_client.ttl(keys[0]) <= 600


@pytest.mark.parametrize(
    ("audience", "changes", "cause"),
    [
        ("patient", {NUMBER_CLAIMS[0]: None}, NUMBER_CLAIMS[0]),
        ("patient", {NUMBER_CLAIMS[0]: "199001012386"}, "identity_number"),
        ("patient", {NUMBER_CLAIMS[0]: "not a number"}, "identity_number"),
        ("staff", {"employeeHsaId": None}, "employeeHsaId"),
        ("staff", {"commissions": []}, "commissions"),
    ],
)
async def test_who_has_nothing_here_is_not_let_in(
    logins: Logins, provider: FaultyProvider, audience: str, changes: dict[str, object], cause: str
) -> None:
    if audience == "staff":
        provider.person = dict(STAFF)
    provider.changes = changes
    assert await refusal(logins, await begin(logins, audience)) == ("login_no_access", cause)


async def test_an_audience_without_a_provider_cannot_log_in(redis_client: Redis) -> None:
    logins = Logins(redis_client, {}, None, NUMBER_CLAIMS)
    with pytest.raises(LoginError, match="provider_unavailable"):
        await begin(logins)


async def test_a_logout_token_names_the_login_that_ended(logins: Logins, provider: FaultyProvider) -> None:
    ended = await logins.logged_out(provider.logout_token(), now=NOW)
    assert (ended.issuer, ended.sub, ended.sid) == (provider.issuer, "subject-anna", "sid-1")


@pytest.mark.attack
async def test_a_logout_token_counts_once(logins: Logins, provider: FaultyProvider) -> None:
    token = provider.logout_token()
    await logins.logged_out(token, now=NOW)
    with pytest.raises(LoginError) as refused:
        await logins.logged_out(token, now=NOW)
    assert refused.value.cause == "jti"


@pytest.mark.attack
@pytest.mark.parametrize("fault", ["alg_none", "alg_hs256", "other_key", "bad_signature"])
async def test_a_forged_logout_token_ends_nothing(logins: Logins, provider: FaultyProvider, fault: str) -> None:
    provider.faults.add(fault)
    with pytest.raises(LoginError, match="login_invalid"):
        await logins.logged_out(provider.logout_token(), now=NOW)


@pytest.mark.parametrize("path", ["/", "/portal", "/meeting/m-1?lang=en#top", "/a//b", "/@x", "/a%2f%2fb"])
def test_paths_of_ours_are_returned_to(path: str) -> None:
    assert safe_return_to(path, "/home") == path


@pytest.mark.attack
@pytest.mark.parametrize(
    "path",
    [
        "",
        "portal",
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "/portal\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "/login/patient?return_to=/",
        "/login",
        "/api/rooms",
        "/å",
        "/<script>",
        '/"onmouseover=',
        "/" + "a" * 600,
    ],
)
def test_no_other_place_is_returned_to(path: str) -> None:
    assert safe_return_to(path, "/home") == "/home"


def test_a_binding_is_recognised_by_its_form() -> None:
    assert is_binding(new_binding())
    assert not any(map(is_binding, ("", "x", "*" * 43, "A" * 44)))
