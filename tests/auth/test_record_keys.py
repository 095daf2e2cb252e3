"""Who signed a request: the configured systems' own keys and nobody else's."""

import base64
import hmac
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from auth.jwks import MIN_PAUSE_S, SignatureError
from auth.record_keys import MAX_DOCUMENT_BYTES, KeysUnavailableError, RecordSystemKeys
from auth.record_systems import RecordSystem
from tests.auth.portal_claims import ISSUER, PROVIDER, SYSTEM, UNIT, claims, signed


def new_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})


KEY = new_key("one")


class Journal:
    """The record system's web server."""

    def __init__(self) -> None:
        self.body: bytes = self.jwks(KEY)
        self.status = 200
        self.requests = 0

    @staticmethod
    def jwks(*keys: ECKey) -> bytes:
        return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        assert str(request.url) == f"{ISSUER}/jwks"
        self.requests += 1
        return httpx2.Response(self.status, content=self.body, headers={"Location": "https://elsewhere.example/"})


@pytest.fixture
def journal() -> Journal:
    return Journal()


def checker(journal: Journal, seconds: list[float], system: RecordSystem = SYSTEM) -> RecordSystemKeys:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(journal.answer))
    return RecordSystemKeys({system.issuer: system}, http, lambda: seconds[0])


async def test_a_request_signed_with_the_systems_key_is_its_own(journal: Journal) -> None:
    system, contents = await checker(journal, [0.0]).check(signed(KEY))
    assert system is SYSTEM
    assert contents.claims == claims()


async def test_keys_are_kept_and_a_new_one_is_fetched_once(journal: Journal) -> None:
    seconds = [0.0]
    keys = checker(journal, seconds)
    for _ in range(3):
        await keys.check(signed(KEY))
    assert journal.requests == 1
    second = new_key("two")
    journal.body = journal.jwks(second, KEY)
    with pytest.raises(SignatureError):  # too soon after the last fetch: made-up key ids cause no flood
        await keys.check(signed(second))
    seconds[0] += MIN_PAUSE_S
    await keys.check(signed(second))
    assert journal.requests == 2


async def test_keys_may_come_from_a_file(journal: Journal, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(journal.jwks(KEY))
    system = RecordSystem(ISSUER, "Journal", None, path, {UNIT: PROVIDER}, None)
    assert (await checker(journal, [0.0], system).check(signed(KEY)))[0] is system
    path.unlink()
    with pytest.raises(KeysUnavailableError):
        await checker(journal, [0.0], system).check(signed(KEY))


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def unsigned(header: dict[str, Any]) -> str:
    return ".".join([*(encoded(json.dumps(part).encode()) for part in (header, claims())), ""])


def with_the_public_key_as_secret() -> str:
    """HS256 with what everybody knows: the classic confusion of algorithms."""
    text = unsigned({"alg": "HS256", "kid": "one"}).removesuffix(".")
    return f"{text}.{encoded(hmac.digest(KEY.as_pem(private=False), text.encode(), 'sha256'))}"


@pytest.mark.attack
@pytest.mark.parametrize(
    ("token", "cause"),
    [
        (signed(KEY, iss="https://other.example"), "issuer"),
        (signed(KEY, iss=None), "issuer"),
        (signed(KEY, iss=[ISSUER]), "issuer"),
        (signed(new_key("one")), "signature"),
        (signed(new_key("unknown")), "kid"),
        (unsigned({"alg": "none"}), "algorithm"),
        (unsigned({"alg": "ES256", "kid": "one"}), "signature"),
        (signed(KEY)[:-4] + "AAAA", "signature"),
        (with_the_public_key_as_secret(), "algorithm"),
        ("", "form"),
        ("a.b.c", "form"),
        ("x" * 100_000, "form"),
        (signed(KEY) + "\u00e5", "form"),
    ],
)
async def test_anything_else_is_refused(journal: Journal, token: str, cause: str) -> None:
    with pytest.raises(SignatureError) as refused:
        await checker(journal, [0.0]).check(token)
    assert refused.value.cause == cause
    assert journal.requests == (0 if cause in ("issuer", "algorithm", "form") else 1)


@pytest.mark.attack
async def test_a_key_in_the_header_is_not_used(journal: Journal) -> None:
    stranger = new_key("one")
    header = {"alg": "ES256", "kid": "one", "jwk": stranger.as_dict(private=False), "jku": "https://evil.example/jwks"}
    token = jwt.encode(header, claims(), stranger, algorithms=["ES256"])
    with pytest.raises(SignatureError):
        await checker(journal, [0.0]).check(token)


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (500, b"", "status"),
        (302, b"", "status"),
        (200, b"<html>", "json"),
        (200, b" " * (MAX_DOCUMENT_BYTES + 1), "size"),
    ],
)
async def test_a_system_whose_keys_cannot_be_had_is_unavailable(
    journal: Journal, status: int, body: bytes, cause: str
) -> None:
    journal.status, journal.body = status, body
    with pytest.raises(KeysUnavailableError) as refused:
        await checker(journal, [0.0]).check(signed(KEY))
    assert refused.value.cause == cause
