"""Signing keys of the test bench: made anew at each start, rotated on request, published as JWKS (RFC 7517)."""

import secrets
from collections.abc import Mapping
from typing import Any, Final, Literal

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeyParameters, KeySet, RSAKey

KEPT_KEYS: Final = 2
"""The signing key and the one before it: what was signed just before a rotation can still be checked."""


class SigningKeys:
    """The newest key signs; ``KEPT_KEYS`` of them are published. The first is made once it is needed."""

    def __init__(self, algorithm: Literal["RS256", "ES256"] = "RS256") -> None:
        self.algorithm: Final = algorithm
        self._made: list[RSAKey | ECKey] = []

    @property
    def key_id(self) -> str:
        """The key id (``kid``) of the signing key."""
        return str(self._keys[0].kid)

    def rotate(self) -> None:
        """A new key signs from now on; the oldest is withdrawn."""
        parameters: KeyParameters = {"kid": secrets.token_hex(8), "use": "sig", "alg": self.algorithm}
        if self.algorithm == "RS256":
            key: RSAKey | ECKey = RSAKey.generate_key(2048, parameters)
        else:
            key = ECKey.generate_key("P-256", parameters)
        self._made = [key, *self._made][:KEPT_KEYS]

    @property
    def _keys(self) -> list[RSAKey | ECKey]:
        if not self._made:
            self.rotate()
        return self._made

    def jwks(self) -> dict[str, Any]:
        """The public keys."""
        return {"keys": [key.as_dict(private=False) for key in self._keys]}

    def sign(self, claims: Mapping[str, Any], *, typ: str = "JWT") -> str:
        """A signed token; ``typ`` is the header of that name."""
        header = {"alg": self.algorithm, "kid": self.key_id, "typ": typ}
        return jwt.encode(header, dict(claims), self._keys[0], algorithms=[self.algorithm])

    def check(self, token: str) -> dict[str, Any]:
        """The claims of a token that one of the published keys signed; empty for any other. Times are not checked."""
        try:
            return dict(jwt.decode(token, KeySet(list(self._keys)), algorithms=[self.algorithm]).claims)
        except (JoseError, ValueError, TypeError):
            return {}
