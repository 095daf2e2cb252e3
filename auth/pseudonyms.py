"""Person ids: stable, opaque names for people, so that identity numbers stay out of tokens, links, logs and URLs.

``p-`` and 26 lowercase base32 characters (130 bits) of HMAC-SHA256 over the number's system and value. One number
always gives one id, and without the key nobody can find the number by trying all of them.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from typing import Final

from auth.identity_numbers import IdentityNumber

MIN_KEY_BYTES: Final = 32
_PERSON_ID = re.compile(r"p-[a-z2-7]{26}")


class PseudonymKeyError(ValueError):
    """A key that cannot be used; the message never contains key material."""


class Pseudonyms:
    """Makes person ids with one secret key. Changing the key changes every id: it is kept as long as the data."""

    def __init__(self, key: bytes) -> None:
        if len(key) < MIN_KEY_BYTES:
            raise PseudonymKeyError(f"the pseudonym key is shorter than {MIN_KEY_BYTES} bytes")
        self._key = key

    @classmethod
    def parse(cls, text: str) -> "Pseudonyms":
        """Read a key written in base64."""
        try:
            key = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError):
            raise PseudonymKeyError("the pseudonym key is not base64") from None
        return cls(key)

    @staticmethod
    def generate_text() -> str:
        """A new random key in the form that ``parse`` reads."""
        return base64.b64encode(secrets.token_bytes(MIN_KEY_BYTES)).decode()

    def person_id(self, number: IdentityNumber) -> str:
        """The opaque id of whoever has this number."""
        message = f"{number.system.value}|{number.value}".encode()
        digest = hmac.digest(self._key, message, hashlib.sha256)
        return "p-" + base64.b32encode(digest).decode().lower()[:26]

    def __repr__(self) -> str:
        return "Pseudonyms()"


def is_person_id(text: str) -> bool:
    """Whether a text has the form of a person id."""
    return _PERSON_ID.fullmatch(text) is not None
