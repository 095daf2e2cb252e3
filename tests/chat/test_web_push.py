"""Encryption and identification of web push: the example of RFC 8291, and round trips."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from chat.web_push import (
    MAX_PLAIN_BYTES,
    Subscription,
    SubscriptionError,
    authorization,
    decode,
    encode,
    encrypt,
    load_private_key,
    public_bytes,
)

# RFC 8291 section 5 and appendix A.
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
THEIR_PRIVATE = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
THEIR_PUBLIC = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
OUR_PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
PLAIN = b"When I grow up, I want to be a watermelon"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
    "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
ENDPOINT = "https://push.example/abc"


def subscription_json(public: str = THEIR_PUBLIC, auth: str = AUTH, endpoint: Any = ENDPOINT) -> str:
    return json.dumps({"endpoint": endpoint, "keys": {"p256dh": public, "auth": auth}})


def decrypt(body: bytes, private: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """The browser's side, written from RFC 8188 and RFC 8291 with another HKDF than ours."""
    salt, key_length = body[:16], body[20]
    sender, sealed = body[21 : 21 + key_length], body[21 + key_length :]
    shared = private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))

    def derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
        return HKDF(hashes.SHA256(), length, salt, info).derive(secret)

    keying = derive(shared, auth, b"WebPush: info\0" + public_bytes(private) + sender, 32)
    key = derive(keying, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = derive(keying, salt, b"Content-Encoding: nonce\0", 12)
    plain = AESGCM(key).decrypt(nonce, sealed, None)
    assert plain.endswith(b"\x02")
    return plain[:-1]


def test_the_example_of_rfc_8291() -> None:
    subscription = Subscription.parse(subscription_json())
    body = encrypt(PLAIN, subscription, private_key=load_private_key(OUR_PRIVATE), salt=decode(SALT))
    assert encode(body) == BODY
    assert decrypt(body, load_private_key(THEIR_PRIVATE), decode(AUTH)) == PLAIN


@given(st.binary(max_size=MAX_PLAIN_BYTES), st.binary(min_size=16, max_size=16), st.integers(1, 2**255))
def test_a_browser_reads_what_we_write(plain: bytes, salt: bytes, number: int) -> None:
    ours = ec.derive_private_key(number, ec.SECP256R1())
    body = encrypt(plain, Subscription.parse(subscription_json()), private_key=ours, salt=salt)
    assert len(body) <= 4096
    assert decrypt(body, load_private_key(THEIR_PRIVATE), decode(AUTH)) == plain


def test_what_no_push_service_takes_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        encrypt(
            bytes(3001),
            Subscription.parse(subscription_json()),
            private_key=load_private_key(OUR_PRIVATE),
            salt=bytes(16),
        )


def test_we_say_who_we_are_to_the_service_of_the_endpoint() -> None:
    key = load_private_key(OUR_PRIVATE)
    header = authorization(key, "https://push.example:8443/a/b?c", "mailto:drift@alltid.example", 1_800_000_000)
    token, public = header.removeprefix("vapid t=").split(", k=")
    assert public == encode(public_bytes(key))
    claims = jwt.decode(
        token,
        key.public_key(),
        algorithms=["ES256"],
        audience="https://push.example:8443",
        options={"verify_exp": False},
    )
    assert claims["sub"] == "mailto:drift@alltid.example"
    assert 0 < claims["exp"] - 1_800_000_000 <= 24 * 3600


@pytest.mark.attack
@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        "[" * 5000,
        subscription_json(endpoint=None),
        subscription_json(endpoint=""),
        subscription_json(endpoint="https://[broken"),
        subscription_json(auth="AAAA"),
        subscription_json(auth="not base64!"),
        subscription_json(public=THEIR_PUBLIC[:-4]),
        subscription_json(public=encode(b"\x04" + bytes(64))),
        subscription_json(public=encode(public_bytes(load_private_key(OUR_PRIVATE))[:33])),
    ],
)
def test_what_is_no_subscription_is_refused_by_the_one_error(text: str) -> None:
    with pytest.raises(SubscriptionError):
        Subscription.parse(text)


@pytest.mark.parametrize("text", ["", "AAAA", "c2VjcmV0", "!", encode(bytes(32)), encode(b"\xff" * 32)])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="VAPID"):
        load_private_key(text)
