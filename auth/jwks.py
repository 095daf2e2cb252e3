"""Another party's signing keys (JWKS, RFC 7517), fetched when needed, and signatures checked with them.

Only asymmetric algorithms are accepted, whatever a token's header says: ``none`` and HMAC with a public key as its
secret lead nowhere. A key id that is not known makes the keys be fetched anew, since the party may have changed them;
but not more often than every ``MIN_PAUSE_S``, so that made-up key ids do not become a flood at the other party.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384")
MAX_AGE_S: Final = 3600.0
"""Keys are fetched again after this long at the latest: a key that was withdrawn is not trusted for ever."""
MIN_PAUSE_S: Final = 10.0
MAX_TOKEN_CHARACTERS: Final = 64 * 1024
"""Staff with many commissions have long ID tokens."""
MAX_KEYS: Final = 100
"""Keys of one party that are looked at."""

_REGISTRY = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)


class SignatureError(Exception):
    """A token that its issuer did not sign. ``cause`` is for counters and tests: form, algorithm, kid, signature."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True)
class Signed:
    """A token whose signature is good; of its claims nothing has been checked yet."""

    header: dict[str, Any]
    claims: dict[str, Any]

    def __repr__(self) -> str:
        return "Signed()"


def check_signature(token: str, keys: KeySet) -> Signed:
    """The token's contents if one of the keys signed it; ``SignatureError`` otherwise."""
    header = read_header(token)
    try:
        key = keys.get_by_kid(header.get("kid"))
    except JoseError:
        raise SignatureError("kid") from None
    try:
        decoded = jwt.decode(token, key, algorithms=list(ALGORITHMS), registry=_REGISTRY)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise SignatureError("signature") from None
    return Signed(dict(decoded.header), decoded.claims)


def read_header(token: str) -> dict[str, Any]:
    """The header of a token in compact form with an algorithm that is accepted; nothing in it is trusted yet."""
    if len(token) > MAX_TOKEN_CHARACTERS or not token.isascii():
        raise SignatureError("form")
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError, TypeError, RecursionError, AttributeError):
        raise SignatureError("form") from None
    if header.get("alg") not in ALGORITHMS:
        raise SignatureError("algorithm")
    if not isinstance(header.get("kid", ""), str):
        raise SignatureError("form")
    return dict(header)


class RemoteKeys:
    """The keys of one party. ``fetch`` gives its JWKS document; what it raises goes to the caller.

    ``clock``: monotonic seconds.
    """

    def __init__(self, fetch: Callable[[], Awaitable[Any]], clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: KeySet | None = None
        self._fetched_at = 0.0
        self._lock = asyncio.Lock()

    async def check(self, token: str) -> Signed:
        """``check_signature`` with the party's keys, fetched first if there are none or they are old."""
        kid = read_header(token).get("kid")
        keys = await self._current(lambda: self._is_old(MAX_AGE_S))
        if kid is not None and all(key.kid != kid for key in keys):
            keys = await self._current(lambda: self._is_old(MIN_PAUSE_S))
        return check_signature(token, keys)

    def _is_old(self, age_s: float) -> bool:
        return self._keys is None or self._clock() - self._fetched_at >= age_s

    async def _current(self, is_old: Callable[[], bool]) -> KeySet:
        """The keys, fetched by one of those who wait for them if they are old."""
        async with self._lock:
            if is_old() or self._keys is None:
                keys = import_keys(await self._fetch())
                self._keys, self._fetched_at = keys, self._clock()
            return self._keys


def import_keys(document: Any) -> KeySet:
    """The signing keys of a JWKS document; ``SignatureError`` ("jwks") when there are none.

    Symmetric keys and keys for encryption are left out.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise SignatureError("jwks")
    usable = []
    for item in listed[:MAX_KEYS]:
        if isinstance(item, dict) and item.get("kty") in ("RSA", "EC") and item.get("use", "sig") == "sig":
            try:
                usable += KeySet.import_key_set({"keys": [item]}).keys
            except (JoseError, ValueError, TypeError, KeyError):
                continue
    if not usable:
        raise SignatureError("jwks")
    return KeySet(usable)
