"""Tokens: what opens the door, and everything that must not."""

import base64
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.tokens import CLOCK_LEEWAY_S, TokenError, TokenKeyError, TokenKeys

NOW = 1_800_000_000.0
KEY = bytes(range(32))
KEYS = TokenKeys({"k1": KEY})
CLAIMS: dict[str, Any] = {
    "iss": "alltid-oppet",
    "aud": "alltid-oppet:meeting",
    "jti": "1",
    "iat": int(NOW),
    "nbf": int(NOW),
    "exp": int(NOW) + 60,
    "sub": "anna",
    "name": "Anna Öberg",
    "room": "room",
    "role": "host",
}


def sign(key: bytes = KEY, algorithm: str = "HS256", kid: Any = "k1", **changes: Any) -> str:
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid})


def cause(token: str, now: float = NOW) -> str:
    with pytest.raises(TokenError) as caught:
        KEYS.check_meeting(token, now=now)
    return caught.value.code


def test_a_signed_meeting_token_says_what_was_signed() -> None:
    token = KEYS.sign_meeting(
        identity="anna", display_name="Anna Öberg", room_id="room", role="guest", now=NOW, lifetime_s=60
    )
    claims = KEYS.check_meeting(token, now=NOW + 59)
    assert (claims.identity, claims.display_name, claims.room_id, claims.role) == (
        "anna",
        "Anna Öberg",
        "room",
        "guest",
    )
    assert claims.expires_at == NOW + 60
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "kid": "k1", "typ": "JWT"}


def test_two_tokens_have_different_ids() -> None:
    ids = {KEYS.check_meeting(sign_fresh(), now=NOW).token_id for _ in range(2)}
    assert len(ids) == 2


def sign_fresh() -> str:
    return KEYS.sign_meeting(identity="a", display_name="b", room_id="c", role="host", now=NOW, lifetime_s=60)


def test_a_token_expires_and_has_a_grace_where_asked_for() -> None:
    token = sign()
    late = NOW + 60 + CLOCK_LEEWAY_S
    KEYS.check_meeting(token, now=late - 1)
    assert cause(token, late) == "token_expired"
    KEYS.check_meeting(token, now=late, expired_grace_s=10)
    with pytest.raises(TokenError):
        KEYS.check_meeting(token, now=late + 10, expired_grace_s=10)


def test_a_token_is_not_valid_before_its_time() -> None:
    assert cause(sign(nbf=int(NOW) + 60)) == "token_invalid"
    assert cause(sign(iat=int(NOW) + 60)) == "token_invalid"


@pytest.mark.attack
@pytest.mark.parametrize("name", ["iss", "aud", "jti", "iat", "nbf", "exp", "sub", "name", "room", "role"])
def test_a_token_without_any_one_claim_is_invalid(name: str) -> None:
    assert cause(sign(**{name: None})) == "token_invalid"


@pytest.mark.attack
@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody"},
        {"aud": "alltid-oppet:service"},
        {"aud": ["other"]},
        {"sub": ""},
        {"sub": "x" * 257},
        {"name": ""},
        {"name": "x" * 129},
        {"room": "../x"},
        {"room": "x" * 65},
        {"role": "admin"},
        {"role": ["host"]},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1e30},
        {"nbf": [0]},
        {"kid": "k2"},
        {"kid": ""},
        {"key": bytes(32)},
        {"algorithm": "HS512", "key": bytes(64)},
    ],
)
def test_a_token_with_a_wrong_part_is_invalid(changes: dict[str, Any]) -> None:
    assert cause(sign(**changes)) == "token_invalid"


@pytest.mark.attack
def test_an_unsigned_token_is_invalid() -> None:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    for algorithm in ("none", "None", "HS256"):
        assert cause(f"{part({'alg': algorithm, 'kid': 'k1'})}.{part(CLAIMS)}.") == "token_invalid"


@pytest.mark.attack
@given(st.one_of(st.text(max_size=60), st.from_regex(r"[A-Za-z0-9_-]{0,20}\.[A-Za-z0-9_-]{0,20}\.[A-Za-z0-9_-]{0,20}")))
def test_garbage_is_token_invalid_and_nothing_else(text: str) -> None:
    assert cause(text) == "token_invalid"


def test_a_token_that_is_too_long_is_not_even_parsed() -> None:
    assert cause("x" * 5000) == "token_invalid"


def test_service_and_meeting_tokens_do_not_open_each_others_doors() -> None:
    service = KEYS.sign_service(service="companion", scopes=frozenset({"rooms:write"}), now=NOW, lifetime_s=60)
    assert KEYS.check_service(service, now=NOW, scope="rooms:write").service == "companion"
    assert cause(service) == "token_invalid"
    with pytest.raises(TokenError):
        KEYS.check_service(sign(), now=NOW, scope="rooms:write")
    with pytest.raises(TokenError):
        KEYS.check_service(service, now=NOW, scope="rooms:read")
    with pytest.raises(TokenError) as caught:
        KEYS.check_service(service, now=NOW + 100, scope="rooms:write")
    assert caught.value.code == "token_expired"


def test_keys_rotate_the_first_signs_and_all_check() -> None:
    both = TokenKeys({"k2": bytes(range(32, 64)), "k1": KEY})
    both.check_meeting(sign(), now=NOW)
    token = both.sign_meeting(identity="a", display_name="b", room_id="c", role="host", now=NOW, lifetime_s=60)
    assert cause(token) == "token_invalid"
    both.check_meeting(token, now=NOW)


def test_keys_are_read_from_text() -> None:
    one, two = TokenKeys.generate_text(), TokenKeys.generate_text()
    keys = TokenKeys.parse(f"{one}\n{two}\n")
    assert repr(keys) == f"TokenKeys({one.split(':')[0]}, {two.split(':')[0]})"
    assert keys.check_service(
        TokenKeys.parse(two).sign_service(service="s", scopes=frozenset({"x"}), now=NOW, lifetime_s=9),
        now=NOW,
        scope="x",
    )


@pytest.mark.parametrize(
    "text",
    ["", "k1", "k1:", "k1:c2hvcnQ=", "k1:%%%", ":" + "A" * 44, "bad id!:" + "A" * 44, f"k:{'A' * 43}=,k:{'A' * 43}="],
)
def test_unusable_keys_are_refused_without_showing_them(text: str) -> None:
    with pytest.raises(TokenKeyError) as caught:
        TokenKeys.parse(text)
    assert "A" * 8 not in str(caught.value)
    with pytest.raises(TokenKeyError):
        TokenKeys({})


@pytest.mark.attack
def test_claims_show_no_personal_data_when_printed() -> None:
    claims = KEYS.check_meeting(sign(), now=NOW)
    assert "Anna" not in repr(claims)
    assert "anna" not in repr(claims)


FULL: dict[str, Any] = {
    "identity": "p-mother",
    "display_name": "Anna Öberg",
    "room_id": "room",
    "role": "participant",
    "subject": "p-child",
    "grant_id": "g1",
    "admitted": False,
    "unit": "SE2321000131-E000000000001",
    "until": int(NOW) + 3600,
    "scopes": frozenset({"join"}),
}


def test_a_proxys_token_names_both_who_acts_and_for_whom() -> None:
    token = KEYS.sign_meeting(**FULL, now=NOW, lifetime_s=300)
    payload = jwt.decode(token, options={"verify_signature": False})
    assert (payload["sub"], payload["act"]) == ("p-child", {"sub": "p-mother"})
    claims = KEYS.check_meeting(token, now=NOW)
    assert {name: getattr(claims, name) for name in FULL} == FULL


def test_a_token_of_before_the_waiting_room_is_admitted_and_has_a_grant_of_its_own() -> None:
    claims = KEYS.check_meeting(sign(), now=NOW)
    assert claims.admitted
    assert claims.grant_id == "sub:anna"
    assert (claims.subject, claims.unit, claims.until) == ("anna", None, claims.expires_at)
    assert claims.scopes == {"join"}


def test_a_renewed_token_says_the_same_but_has_an_id_and_a_time_of_its_own() -> None:
    before = KEYS.check_meeting(KEYS.sign_meeting(**FULL, now=NOW, lifetime_s=300), now=NOW)
    token, expires_at = KEYS.renew_meeting(before, now=NOW + 200, lifetime_s=300)
    after = KEYS.check_meeting(token, now=NOW + 200)
    assert {name: getattr(after, name) for name in FULL} == FULL
    assert after.expires_at == expires_at == NOW + 500
    assert after.token_id != before.token_id


def test_admission_is_the_one_thing_that_a_renewal_may_change() -> None:
    waiting = KEYS.check_meeting(KEYS.sign_meeting(**FULL, now=NOW, lifetime_s=300), now=NOW)
    token, _ = KEYS.renew_meeting(waiting, now=NOW, lifetime_s=300, admitted=True)
    assert KEYS.check_meeting(token, now=NOW).admitted


@pytest.mark.attack
def test_renewals_end_where_the_first_token_said() -> None:
    claims = KEYS.check_meeting(KEYS.sign_meeting(**FULL, now=NOW, lifetime_s=300), now=NOW)
    _, expires_at = KEYS.renew_meeting(claims, now=NOW + 3500, lifetime_s=300)
    assert expires_at == NOW + 3600
    with pytest.raises(TokenError) as caught:
        KEYS.renew_meeting(claims, now=NOW + 3600, lifetime_s=300)
    assert caught.value.code == "token_expired"


@pytest.mark.attack
@pytest.mark.parametrize(
    "changes",
    [
        {"admitted": "yes"},
        {"admitted": 1},
        {"act": "p-mother"},
        {"act": {}},
        {"act": {"sub": ""}},
        {"grant": ""},
        {"grant": 7},
        {"unit": ["u"]},
        {"until": "later"},
        {"until": True},
        {"scope": "join"},
        {"scope": []},
        {"scope": ["admin"]},
        {"scope": [["join"]]},
    ],
)
def test_a_token_with_an_odd_optional_claim_is_invalid(changes: dict[str, Any]) -> None:
    assert cause(sign(**changes)) == "token_invalid"


def test_no_personal_data_is_in_the_representation_of_claims() -> None:
    text = repr(KEYS.check_meeting(KEYS.sign_meeting(**FULL, now=NOW, lifetime_s=300), now=NOW))
    assert not any(word in text for word in ("Anna", "p-mother", "p-child"))
