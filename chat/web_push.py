"""Web push: encryption of messages (RFC 8291, RFC 8188) and who we are to push services (VAPID, RFC 8292).

Pure: salt, keys and time are arguments.
"""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

RECORD_BYTES: Final = 4096
MAX_PLAIN_BYTES: Final = 3000
"""Push services take 4096 bytes in all; a notice has a few hundred."""
VAPID_LIFETIME_S: Final = 12 * 3600
"""RFC 8292 section 2: no more than 24 hours."""
_CURVE: Final = ec.SECP256R1()


class SubscriptionError(ValueError):
    """Not a subscription of a browser."""


@dataclass(frozen=True)
class Subscription:
    """What a browser gave us: where to send, and its keys. ``repr`` shows none of it."""

    endpoint: str = field(repr=False)
    public_key: bytes = field(repr=False)
    """P-256, uncompressed."""
    auth_secret: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "Subscription":
        """From the JSON of ``PushSubscription.toJSON()``; ``SubscriptionError`` otherwise."""
        try:
            values: Any = json.loads(text)
            endpoint, keys = values["endpoint"], values["keys"]
            subscription = cls(endpoint, decode(keys["p256dh"]), decode(keys["auth"]))
            ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, subscription.public_key)
            host = urlsplit(endpoint).hostname
        except (ValueError, KeyError, TypeError, RecursionError):
            raise SubscriptionError("subscription") from None
        if not host or len(subscription.auth_secret) != 16 or len(subscription.public_key) != 65:
            raise SubscriptionError("subscription")
        return subscription


def encrypt(plain: bytes, subscription: Subscription, *, private_key: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """One message as the body of a push request, with ``private_key`` made for it alone (RFC 8291 section 3)."""
    if len(plain) > MAX_PLAIN_BYTES:
        raise ValueError("too long")
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, subscription.public_key)
    ours = public_bytes(private_key)
    shared = private_key.exchange(ec.ECDH(), theirs)
    info = b"WebPush: info\0" + subscription.public_key + ours
    keying = _expand(_hmac(subscription.auth_secret, shared), info, 32)
    pseudorandom = _hmac(salt, keying)
    key = _expand(pseudorandom, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _expand(pseudorandom, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD_BYTES.to_bytes(4, "big") + bytes([len(ours)]) + ours
    return header + AESGCM(key).encrypt(nonce, plain + b"\x02", None)


def authorization(private_key: ec.EllipticCurvePrivateKey, endpoint: str, subject: str, now_s: float) -> str:
    """The ``Authorization`` header towards the push service of an endpoint (RFC 8292 section 3)."""
    parts = urlsplit(endpoint)
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(now_s) + VAPID_LIFETIME_S, "sub": subject}
    token = jwt.encode(claims, private_key, algorithm="ES256")
    return f"vapid t={token}, k={encode(public_bytes(private_key))}"


def load_private_key(text: str) -> ec.EllipticCurvePrivateKey:
    """The VAPID key from base64url of its 32 bytes; ``ValueError`` otherwise."""
    try:
        data = decode(text.strip())
        if len(data) != 32:
            raise ValueError("length")
        return ec.derive_private_key(int.from_bytes(data, "big"), _CURVE)
    except (ValueError, TypeError):
        raise ValueError("a VAPID key is 32 bytes in base64url") from None


def generate_private_key_text() -> str:
    """A new random key in the form that ``load_private_key`` reads."""
    number = ec.generate_private_key(_CURVE).private_numbers().private_value
    return encode(number.to_bytes(32, "big"))


def public_bytes(private_key: ec.EllipticCurvePrivateKey) -> bytes:
    """Its public key, uncompressed."""
    return private_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encode(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The opposite; ``ValueError`` when it is none."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, TypeError):
        raise ValueError("not base64url") from None


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, hashlib.sha256)


def _expand(pseudorandom: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand (RFC 5869) of one block."""
    return _hmac(pseudorandom, info + b"\x01")[:length]
