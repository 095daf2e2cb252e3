"""What logout tokens must say; ID tokens are tested in test_oidc.py through the whole client."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.id_tokens import (
    LOGOUT_EVENT,
    IdTokenError,
    Party,
    authenticated_at,
    check_id_token,
    check_logout_token,
)
from auth.jwks import Signed
from auth.login_claims import ClaimsError, read_patient, read_staff

NOW = 1_800_000_000
PARTY = Party("https://provider.example", "front")
LOGOUT: dict[str, Any] = {
    "iss": PARTY.issuer,
    "aud": PARTY.client_id,
    "iat": NOW,
    "exp": NOW + 120,
    "jti": "1",
    "sid": "sid-1",
    "sub": "sub-1",
    "events": {LOGOUT_EVENT: {}},
}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in LOGOUT.items() if key != name}


def test_a_logout_token_names_a_login_or_a_subject() -> None:
    claims = check_logout_token(Signed({"typ": "logout+jwt"}, LOGOUT), PARTY, now=NOW)
    assert (claims.sub, claims.sid, claims.jti, claims.issuer) == ("sub-1", "sid-1", "1", PARTY.issuer)
    assert check_logout_token(Signed({}, without("sid")), PARTY, now=NOW).sid is None
    assert check_logout_token(Signed({"typ": "JWT"}, without("sub")), PARTY, now=NOW).sub is None
    assert "sid-1" not in repr(claims)


@pytest.mark.attack
@pytest.mark.parametrize(
    ("claims", "cause"),
    [
        (LOGOUT | {"iss": "https://other.example"}, "iss"),
        (LOGOUT | {"aud": "other"}, "aud"),
        (LOGOUT | {"aud": ["front", "other"]}, "aud"),
        (LOGOUT | {"exp": NOW - 31}, "exp"),
        (LOGOUT | {"iat": NOW - 600}, "iat"),
        (LOGOUT | {"iat": NOW + 60}, "iat"),
        (LOGOUT | {"events": {}}, "events"),
        (LOGOUT | {"events": [LOGOUT_EVENT]}, "events"),
        (LOGOUT | {"events": {LOGOUT_EVENT: True}}, "events"),
        (without("events"), "events"),
        (LOGOUT | {"nonce": "n"}, "nonce"),
        (without("jti"), "jti"),
        (LOGOUT | {"jti": ""}, "jti"),
        (LOGOUT | {"sub": 1}, "sub"),
        (LOGOUT | {"sid": "s" * 256}, "sid"),
        ({key: value for key, value in LOGOUT.items() if key not in ("sub", "sid")}, "sid"),
    ],
)
def test_whatever_is_no_logout_token_for_us_is_refused(claims: dict[str, Any], cause: str) -> None:
    with pytest.raises(IdTokenError) as refused:
        check_logout_token(Signed({}, claims), PARTY, now=NOW)
    assert refused.value.cause == cause


@pytest.mark.attack
def test_an_id_token_is_no_logout_token_and_the_other_way_round() -> None:
    with pytest.raises(IdTokenError, match="typ"):
        check_logout_token(Signed({"typ": "at+jwt"}, LOGOUT), PARTY, now=NOW)
    with pytest.raises(IdTokenError, match="nonce"):
        check_id_token(Signed({"alg": "RS256"}, LOGOUT), PARTY, nonce="n", access_token=None, now=NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from([*LOGOUT, "nonce", "azp", "at_hash", "auth_time", "nbf", "acr", "amr", "name", "commissions",
                         "employeeHsaId", "commissionHsaId", "given_name"])  # fmt: skip
ID: dict[str, Any] = {**LOGOUT, "nonce": "n"}


@given(st.dictionaries(NAMES, JSON, max_size=4))
def test_claims_of_any_shape_are_good_or_refused_with_one_error(changes: dict[str, Any]) -> None:
    for check in (
        lambda: check_id_token(Signed({"alg": "RS256"}, ID | changes), PARTY, nonce="n", access_token="a", now=NOW),
        lambda: check_logout_token(Signed({"typ": changes.get("typ")}, LOGOUT | changes), PARTY, now=NOW),
        lambda: read_staff(changes),
        lambda: read_patient(changes, ["name", "sub"]),
    ):
        with contextlib.suppress(IdTokenError, ClaimsError):
            check()


def test_when_somebody_proved_who_they_are() -> None:
    assert authenticated_at({"iat": 5, "auth_time": 3}) == 3
    assert authenticated_at({"iat": 5}) == 5
