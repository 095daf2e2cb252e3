"""Signatures by another party's keys."""

import asyncio
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from auth.jwks import MAX_TOKEN_CHARACTERS, RemoteKeys, SignatureError, check_signature, import_keys, read_header

RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
KEYS = KeySet([RSA, EC])


def sign(key: Any = RSA, algorithm: str = "RS256", kid: str | None = None) -> str:
    header = {"alg": algorithm, "kid": kid or key.kid}
    return jwt.encode(header, {"sub": "x"}, key, algorithms=[algorithm])


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (RSA, "PS256"), (EC, "ES256")])
def test_a_good_signature_gives_header_and_claims(key: Any, algorithm: str) -> None:
    signed = check_signature(sign(key, algorithm), KEYS)
    assert (signed.header["alg"], signed.claims) == (algorithm, {"sub": "x"})
    assert repr(signed) == "Signed()"


@pytest.mark.attack
@pytest.mark.parametrize(
    ("token", "cause"),
    [
        ("", "form"),
        ("a.b.c", "form"),
        ("å.b.c", "form"),
        ("." * 5, "form"),
        ("e30.e30.", "form"),
        ("bnVsbA.e30.e30", "form"),
        ("x" * (MAX_TOKEN_CHARACTERS + 1), "form"),
        ("eyJhbGciOiJSUzI1NiIsImtpZCI6N30.e30.e30", "form"),
        (sign(kid="other"), "kid"),
        (sign(EC, "ES256", kid="rsa"), "signature"),
        (sign()[:-10] + "AAAAAAAAAA", "signature"),
        (jwt.encode({"alg": "HS256", "kid": "rsa"}, {}, OctKey.generate_key(256), algorithms=["HS256"]), "algorithm"),
    ],
)
def test_whatever_is_not_signed_by_the_named_key_is_refused(token: str, cause: str) -> None:
    with pytest.raises(SignatureError) as refused:
        check_signature(token, KEYS)
    assert refused.value.cause == cause


@pytest.mark.attack
@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"keys": None},
        {"keys": []},
        {"keys": [OctKey.generate_key(256).as_dict(private=True)]},
        {"keys": [RSA.as_dict(private=False, use="enc")]},
        {"keys": [{"kty": "RSA"}, {"kty": "EC", "crv": "P-256", "x": "?", "y": "?"}, "x", None]},
    ],
)
def test_a_document_without_public_signing_keys_is_refused(document: Any) -> None:
    with pytest.raises(SignatureError, match="jwks"):
        import_keys(document)


def test_keys_that_are_not_understood_do_not_hide_the_others() -> None:
    keys = import_keys({"keys": [{"kty": "ML-DSA"}, {"kty": "RSA"}, EC.as_dict(private=False)]})
    assert [key.kid for key in keys] == ["ec"]


def test_the_header_is_read_without_trusting_it() -> None:
    assert read_header(sign())["kid"] == "rsa"


async def test_many_who_wait_cause_one_fetch() -> None:
    fetched = 0

    async def fetch() -> Any:
        nonlocal fetched
        fetched += 1
        await asyncio.sleep(0)
        return {"keys": [RSA.as_dict(private=False)]}

    keys = RemoteKeys(fetch, lambda: 0.0)
    await asyncio.gather(*(keys.check(sign()) for _ in range(10)))
    assert fetched == 1


async def test_a_failed_fetch_leaves_the_old_keys_in_use() -> None:
    now = 0.0
    fails = False

    async def fetch() -> Any:
        if fails:
            raise OSError
        return {"keys": [RSA.as_dict(private=False)]}

    keys = RemoteKeys(fetch, lambda: now)
    await keys.check(sign())
    fails = True
    now += 30
    with pytest.raises(OSError):
        await keys.check(sign(EC, "ES256"))
    assert (await keys.check(sign())).claims == {"sub": "x"}
