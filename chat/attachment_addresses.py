"""Short-lived signed addresses: who may upload what to which conversation, or download which file, until when.

An address is ``base64url(MessagePack of the claim) . base64url(HMAC-SHA256)``. Somebody else's address is worth
nothing: it names the person, and the HTTP layer compares. Pure: time is an argument (seconds since the epoch).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Final, Literal

import msgpack

MIN_KEY_BYTES: Final = 32
MAX_ADDRESS_CHARACTERS: Final = 1024
_CONTEXT: Final = b"alltid-oppet attachment address 1\0"
"""The keys may serve other purposes too: what is signed here is no valid anything else."""

Purpose = Literal["upload", "download"]
AddressErrorCode = Literal["address_invalid", "address_expired"]


class AddressError(Exception):
    """An address that opens nothing."""

    def __init__(self, code: AddressErrorCode) -> None:
        super().__init__(code)
        self.code: AddressErrorCode = code


@dataclass(frozen=True)
class Claim:
    """What an address is for. ``repr`` shows no person."""

    purpose: Purpose
    attachment_id: str
    conversation_id: str
    person: str
    """``Principal.actor`` of who asked for it, and the only one who may use it."""
    size_bytes: int
    """Of the file: an upload must have just so many bytes."""
    expires_at_s: int

    def __repr__(self) -> str:
        return f"Claim({self.purpose}, {self.attachment_id}, {self.size_bytes} bytes)"


class AddressSigner:
    """Signs with the first key, accepts every one: keys are replaced without breaking what was just handed out."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) < MIN_KEY_BYTES for key in keys):
            raise ValueError(f"an attachment key has {MIN_KEY_BYTES} bytes or more")
        self._keys = tuple(keys)

    def sign(self, claim: Claim) -> str:
        """The address."""
        body: bytes = msgpack.packb(astuple(claim))
        return f"{_encode(body)}.{_encode(_seal(self._keys[0], body))}"

    def check(self, address: str, *, purpose: Purpose, now_s: float) -> Claim:
        """What the address claims; ``AddressError`` unless it is ours, for this purpose, and not too old."""
        encoded, _, seal = address.partition(".")
        if len(address) > MAX_ADDRESS_CHARACTERS or not address.isascii():
            raise AddressError("address_invalid")
        try:
            body, given = _decode(encoded), _decode(seal)
        except (binascii.Error, ValueError):
            raise AddressError("address_invalid") from None
        if not any([hmac.compare_digest(_seal(key, body), given) for key in self._keys]):  # noqa: C419  # all, always
            raise AddressError("address_invalid")
        values = msgpack.unpackb(body)
        claim = Claim(**dict(zip((field.name for field in fields(Claim)), values, strict=True)))
        if claim.purpose != purpose:
            raise AddressError("address_invalid")
        if now_s >= claim.expires_at_s:
            raise AddressError("address_expired")
        return claim


def _seal(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, _CONTEXT + body, hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _encode(data) != text:  # one spelling only: unused bits of the last character are zero
        raise ValueError("not canonical")
    return data
