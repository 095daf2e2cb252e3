"""Principals between our processes: everything arrives, nothing else passes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.permissions import LOA3
from auth.principal import PROXY_SCOPES, ROLES, Commission, Principal
from auth.principal_tokens import COMPANION_AUDIENCE, LIFETIME_S, check_principal, sign_principal
from auth.tokens import CLOCK_LEEWAY_S, TokenError, TokenKeys

KEYS = TokenKeys({"k": b"0" * 32})
NOW = 1_800_000_000.0
NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF), min_size=1, max_size=40)
COMMISSIONS = st.builds(Commission, NAMES, NAMES, NAMES, NAMES, st.frozensets(st.sampled_from(ROLES)))
FIELDS: dict[str, Any] = {
    "kind": "patient",
    "roles": frozenset({"patient"}),
    "actor": "p-a",
    "subject": "p-a",
    "display_name": "Maria",
    "proxy_scopes": frozenset(),
    "commission": None,
    "meeting_id": None,
    "acr": LOA3,
    "authenticated_at": int(NOW),
    "grant_id": "g",
}
PRINCIPALS = st.builds(
    Principal,
    kind=st.sampled_from(("patient", "staff", "guest", "interpreter", "service")),
    roles=st.frozensets(st.sampled_from(ROLES)),
    actor=NAMES.map(lambda name: f"a{name}"),
    subject=st.none() | NAMES.map(lambda name: f"s{name}"),
    display_name=NAMES,
    proxy_scopes=st.just(frozenset()),
    commission=st.none() | COMMISSIONS,
    meeting_id=st.none() | NAMES,
    acr=st.just(LOA3),
    authenticated_at=st.integers(0, 2**40),
    grant_id=NAMES,
    service_scopes=st.frozensets(NAMES, max_size=5),
)


def signed(**changes: Any) -> str:
    """A token whose claims were tampered with before it was signed."""
    claims = {
        "sub": "p-a",
        "kind": "patient",
        "roles": ["patient"],
        "subject": "p-a",
        "name": "Maria",
        "proxy_scopes": [],
        "commission": None,
        "meeting_id": None,
        "acr": LOA3,
        "auth_time": int(NOW),
        "grant": "g",
        "service_scopes": [],
    }
    return KEYS.sign(claims | changes, COMPANION_AUDIENCE, NOW, LIFETIME_S)


@given(PRINCIPALS)
def test_the_whole_principal_arrives(principal: Principal) -> None:
    assert check_principal(KEYS, sign_principal(KEYS, principal, now=NOW), now=NOW) == principal


def test_a_proxys_scopes_arrive() -> None:
    proxy = Principal(**(FIELDS | {"subject": "p-child", "proxy_scopes": PROXY_SCOPES, "roles": frozenset({"proxy"})}))
    assert check_principal(KEYS, sign_principal(KEYS, proxy, now=NOW), now=NOW) == proxy


def test_it_lives_a_minute() -> None:
    token = sign_principal(KEYS, Principal(**FIELDS), now=NOW)
    check_principal(KEYS, token, now=NOW + LIFETIME_S - 1)
    with pytest.raises(TokenError) as refused:
        check_principal(KEYS, token, now=NOW + LIFETIME_S + CLOCK_LEEWAY_S)
    assert refused.value.code == "token_expired"


@pytest.mark.attack
def test_service_and_meeting_tokens_are_no_principals() -> None:
    service = KEYS.sign_service(service="front", scopes=frozenset({"rooms:write"}), now=NOW, lifetime_s=60)
    meeting = KEYS.sign_meeting(
        identity="p-a", display_name="M", room_id="r", role="host", now=NOW, lifetime_s=60, subject=None
    )
    for token in (service, meeting, "", "a.b.c", sign_principal(KEYS, Principal(**FIELDS), now=NOW, audience="other")):
        with pytest.raises(TokenError):
            check_principal(KEYS, token, now=NOW)


@pytest.mark.attack
def test_another_key_is_refused() -> None:
    token = sign_principal(TokenKeys({"k": b"1" * 32}), Principal(**FIELDS), now=NOW)
    with pytest.raises(TokenError):
        check_principal(KEYS, token, now=NOW)


@pytest.mark.attack
@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"kind": "god"}, "kind"),
        ({"roles": ["root"]}, "roles"),
        ({"roles": "patient"}, "roles"),
        ({"roles": [["patient"]]}, "roles"),
        ({"sub": "x" * 300}, "sub"),
        ({"subject": 5}, "subject"),
        ({"name": None}, "name"),
        ({"proxy_scopes": ["everything"]}, "proxy_scopes"),
        ({"proxy_scopes": ["book"]}, "proxy_scopes"),
        ({"commission": "unit"}, "commission"),
        ({"commission": {"unit_hsa_id": "u"}}, "commission_hsa_id"),
        ({"meeting_id": ""}, "meeting_id"),
        ({"auth_time": True}, "auth_time"),
        ({"auth_time": "now"}, "auth_time"),
        ({"grant": 1}, "grant"),
        ({"service_scopes": ["s"] * 65}, "service_scopes"),
    ],
)
def test_claims_of_the_wrong_shape_are_named(changes: dict[str, Any], cause: str) -> None:
    with pytest.raises(TokenError) as refused:
        check_principal(KEYS, signed(**changes), now=NOW)
    assert refused.value.cause == cause
