"""What comes from providers and browsers at a login is accepted or refused with the one error of its part."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import date

from joserfc.jwk import ECKey, KeySet

from auth import identity_numbers
from auth.id_tokens import IdTokenError, Party, check_id_token, check_logout_token
from auth.jwks import SignatureError, Signed, check_signature, import_keys
from auth.login import safe_return_to
from auth.login_claims import ClaimsError, read_patient, read_staff
from auth.oidc import LoginError, read_metadata
from tests.auth.faulty_provider import LOGOUT_EVENT, PATIENT, STAFF

NOW = 1_800_000_000
PARTY = Party("https://provider.example", "front")
KEY = ECKey.generate_key("P-256", {"kid": "k"})
KEYS = KeySet([KEY])
NUMBER_CLAIM = "https://id.oidc.se/claim/personalIdentityNumber"


def fuzz_token(data: bytes) -> None:
    """No bytes are a token that the key has signed, and none make another error."""
    try:
        check_signature(data.decode(errors="replace"), KEYS)
    except SignatureError:
        return
    raise AssertionError("a forged token passed")


def fuzz_claims(data: bytes) -> None:
    """Any claims are those of an ID token, of a logout token, of a patient, of staff, or refused."""
    try:
        claims = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(claims, dict):
        return
    signed = Signed({"alg": "ES256"}, claims)
    for check in (
        lambda: check_id_token(signed, PARTY, nonce="n", access_token="a", now=NOW),
        lambda: check_logout_token(signed, PARTY, now=NOW),
        lambda: read_patient(claims, [NUMBER_CLAIM]),
        lambda: read_staff(claims),
    ):
        try:
            check()
        except (IdTokenError, ClaimsError):
            continue


def fuzz_provider_documents(data: bytes) -> None:
    """Any JSON is a discovery document and a key set, or refused."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return
    with suppress(LoginError):
        read_metadata(document, PARTY.issuer)
    with suppress(SignatureError):
        import_keys(document)


def fuzz_return_to(data: bytes) -> None:
    """Wherever one is sent after a login, it is a path here: no host, no line end, nothing that a browser rewrites."""
    path = safe_return_to(data.decode(errors="replace"), "/home")
    if not path.startswith("/") or path.startswith("//") or any(one in path for one in '\\\r\n\t\0 <>"'):
        raise AssertionError("a way out")
    if not path.isascii() or path.startswith(("/login", "/api/")):
        raise AssertionError("a loop")


def fuzz_identity_number(data: bytes) -> None:
    """A number that is accepted is written in twelve characters and read as itself again."""
    today = date(2027, 1, 15)
    try:
        number = identity_numbers.parse(data.decode(errors="replace"), today=today)
    except identity_numbers.IdentityNumberError:
        return
    if identity_numbers.parse(number.value, today=today) != number or len(number.value) != 12:
        raise AssertionError("read otherwise")


def seeds_token() -> list[bytes]:
    """Forms of tokens."""
    return [b"e30.e30.", b"eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.e30.AAAA", b"eyJhbGciOiJub25lIn0.e30."]


def seeds_claims() -> list[bytes]:
    """Claims of both tokens and both kinds of people."""
    times = {"iss": PARTY.issuer, "aud": PARTY.client_id, "iat": NOW, "exp": NOW + 60}
    everything = [
        {**times, **PATIENT, "nonce": "n", "at_hash": "x", "azp": "front", "auth_time": NOW, "acr": "a", "amr": ["b"]},
        {**times, **STAFF, "nonce": "n"},
        {**times, "sub": "s", "sid": "1", "jti": "j", "events": {LOGOUT_EVENT: {}}},
    ]
    return [json.dumps(claims).encode() for claims in everything]


def seeds_provider_documents() -> list[bytes]:
    """A discovery document and a key set."""
    endpoints = {name: f"{PARTY.issuer}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    return [
        json.dumps({"issuer": PARTY.issuer, **endpoints}).encode(),
        json.dumps({"keys": [KEY.as_dict(private=False)]}).encode(),
    ]


def seeds_return_to() -> list[bytes]:
    """Paths of ours and ways out."""
    return [b"/meeting/m-1?a=b#c", b"//evil.example", b"/\\evil.example", b"/login/staff", b"https://evil.example/"]


def seeds_identity_number() -> list[bytes]:
    """Each system."""
    return [b"19900101-2385", b"900101-2385", b"199001612383", b"991994000426"]
