"""Signed tokens (JWT, HS256): who may enter which meeting, and which service may create rooms.

A meeting token is for one person (``sub``), one room and one role. It says what let the person in (``grant``, which
a revocation names) and whether they have been let past the waiting room (``admitted``). Who acts for another is in
``act`` (RFC 8693 section 4.1): then ``sub`` is the other. Tokens live for minutes and are renewed while the socket
lives, never past ``until``.
A service token is for a program, such as the companion, that creates rooms and meeting tokens.
Time is an argument (``now``: seconds since the epoch), as is the randomness of a token's id.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import jwt

MEETING_AUDIENCE: Final = "alltid-oppet:meeting"
SERVICE_AUDIENCE: Final = "alltid-oppet:service"
ISSUER: Final = "alltid-oppet"
ALGORITHM: Final = "HS256"

Role = Literal["host", "participant", "guest", "interpreter"]
ROLES: Final[frozenset[str]] = frozenset(get_args(Role))
Scope = Literal["join", "whip", "whep"]
"""What a meeting token may be used for: the socket, publishing by WHIP (RFC 9725), watching by WHEP."""
SCOPES: Final[frozenset[str]] = frozenset(get_args(Scope))

MIN_KEY_BYTES: Final = 32
"""RFC 7518 section 3.2: a key at least as long as the hash output."""
CLOCK_LEEWAY_S: Final = 30
"""Tolerated difference between the clocks of the signer and of the checker."""
MAX_TOKEN_CHARACTERS: Final = 4096
"""More than any token of ours; a longer one is refused before it is parsed."""
MAX_IDENTITY_CHARACTERS: Final = 256
MAX_DISPLAY_NAME_CHARACTERS: Final = 128
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")

TokenErrorCode = Literal["token_invalid", "token_expired"]


class TokenError(Exception):
    """A token that does not open the door. ``code`` goes to the client; ``cause`` is for counters and tests."""

    def __init__(self, code: TokenErrorCode, cause: str) -> None:
        super().__init__(code)
        self.code: TokenErrorCode = code
        self.cause = cause


class TokenKeyError(ValueError):
    """Signing keys that cannot be used; the message never contains key material."""


@dataclass(frozen=True)
class MeetingClaims:
    """What a meeting token says. ``repr`` shows no personal data."""

    identity: str
    """Who takes part and acts: the token's ``act.sub``, or its ``sub`` when nobody acts for another."""
    display_name: str
    room_id: str
    role: Role
    token_id: str
    expires_at: int
    subject: str
    """Whom it concerns: the patient when a proxy acts, else the same as ``identity``."""
    grant_id: str
    """What let them in, a session or a link. Tokens without one have ``sub:`` and the identity."""
    admitted: bool
    """False: the holder has to wait until a host lets them in."""
    unit: str | None
    """HSA-id of the care unit that holds the meeting."""
    until: int
    """No renewal goes past this (seconds since the epoch)."""
    scopes: frozenset[str]

    def __repr__(self) -> str:
        return f"MeetingClaims(room_id={self.room_id!r}, role={self.role!r}, admitted={self.admitted})"


@dataclass(frozen=True)
class ServiceClaims:
    """What a checked service token says."""

    service: str
    scopes: frozenset[str]
    token_id: str
    expires_at: int


class TokenKeys:
    """The signing keys by key id (``kid``): the first one signs, every one checks, so that keys can be rotated."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise TokenKeyError("no token key")
        for key_id, key in keys.items():
            if not _KEY_ID.fullmatch(key_id):
                raise TokenKeyError("a key id has 1 to 32 letters, digits, '.', '_' or '-'")
            if len(key) < MIN_KEY_BYTES:
                raise TokenKeyError(f"key {key_id} is shorter than {MIN_KEY_BYTES} bytes")
        self._keys = dict(keys)
        self._signing_key_id = next(iter(self._keys))

    @classmethod
    def parse(cls, text: str) -> "TokenKeys":
        """Read ``kid:base64`` items separated by commas, blanks or line ends; the first one signs."""
        keys: dict[str, bytes] = {}
        for item in re.split(r"[,\s]+", text.strip()):
            key_id, separator, encoded = item.partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                raise TokenKeyError(f"key number {len(keys) + 1} is not base64") from None
            if not separator or key_id in keys:
                raise TokenKeyError("token keys are written kid:base64, each kid once")
            keys[key_id] = key
        return cls(keys)

    @staticmethod
    def generate_text() -> str:
        """A new random key in the form that ``parse`` reads."""
        return f"{secrets.token_hex(4)}:{base64.b64encode(secrets.token_bytes(MIN_KEY_BYTES)).decode()}"

    def derived(self, purpose: str) -> tuple[bytes, ...]:
        """Keys for something else than tokens, one from each: the first signs, every one checks."""
        keys = [self._keys[self._signing_key_id], *self._keys.values()]
        label = b"alltid-oppet derived key 1\0" + purpose.encode()
        return tuple(dict.fromkeys(hmac.digest(key, label, hashlib.sha256) for key in keys))

    def __repr__(self) -> str:
        return f"TokenKeys({', '.join(self._keys)})"

    def sign_meeting(
        self,
        *,
        identity: str,
        display_name: str,
        room_id: str,
        role: Role,
        now: float,
        lifetime_s: int,
        subject: str | None = None,
        grant_id: str | None = None,
        admitted: bool = True,
        unit: str | None = None,
        until: int | None = None,
        scopes: frozenset[Scope] = frozenset({"join"}),
    ) -> str:
        """A meeting token, valid from ``now`` for ``lifetime_s`` seconds; ``subject`` is whom ``identity`` acts for."""
        claims: dict[str, Any] = {"sub": identity, "name": display_name, "room": room_id, "role": role}
        if subject is not None and subject != identity:
            claims |= {"sub": subject, "act": {"sub": identity}}
        optional = {"grant": grant_id, "unit": unit, "until": until}
        claims |= {name: value for name, value in optional.items() if value is not None}
        claims |= {"admitted": admitted, "scope": sorted(scopes)}
        return self.sign(claims, MEETING_AUDIENCE, now, lifetime_s)

    def renew_meeting(
        self, claims: MeetingClaims, *, now: float, lifetime_s: int, admitted: bool | None = None
    ) -> tuple[str, int]:
        """A fresh token that says what ``claims`` say, and when it ends; ``TokenError`` past their ``until``.

        ``admitted`` replaces what they say of admission.
        """
        ends_at = min(int(now) + lifetime_s, claims.until)
        if ends_at <= now:
            raise TokenError("token_expired", "until")
        token = self.sign_meeting(
            identity=claims.identity,
            display_name=claims.display_name,
            room_id=claims.room_id,
            role=claims.role,
            now=now,
            lifetime_s=ends_at - int(now),
            subject=claims.subject,
            grant_id=claims.grant_id,
            admitted=claims.admitted if admitted is None else admitted,
            unit=claims.unit,
            until=claims.until,
            scopes=claims.scopes,  # type: ignore[arg-type]  # checked against SCOPES when they were read
        )
        return token, ends_at

    def sign_service(self, *, service: str, scopes: frozenset[str], now: float, lifetime_s: int) -> str:
        """A service token, valid from ``now`` for ``lifetime_s`` seconds."""
        return self.sign({"sub": service, "scope": sorted(scopes)}, SERVICE_AUDIENCE, now, lifetime_s)

    def check_meeting(self, token: str, *, now: float, expired_grace_s: float = 0) -> MeetingClaims:
        """The claims of a valid meeting token; ``TokenError`` otherwise.

        ``expired_grace_s`` lets a token that expired up to so many seconds ago pass: a call may outlive the
        token that opened it, and its lost socket must be able to come back.
        """
        claims = self.check(token, MEETING_AUDIENCE, now, expired_grace_s)
        return _meeting_claims(claims)

    def check_service(self, token: str, *, now: float, scope: str | None = None) -> ServiceClaims:
        """The claims of a valid service token, which has ``scope`` if one is given; ``TokenError`` otherwise."""
        claims = self.check(token, SERVICE_AUDIENCE, now, 0)
        service, scopes = claims.get("sub"), claims.get("scope")
        if not isinstance(service, str) or not 1 <= len(service) <= MAX_IDENTITY_CHARACTERS:
            raise TokenError("token_invalid", "sub")
        if not isinstance(scopes, list) or not all(isinstance(item, str) for item in scopes):
            raise TokenError("token_invalid", "scope")
        if scope is not None and scope not in scopes:
            raise TokenError("token_invalid", "scope")
        return ServiceClaims(service, frozenset(scopes), claims["jti"], int(claims["exp"]))

    def sign(self, claims: Mapping[str, Any], audience: str, now: float, lifetime_s: int) -> str:
        """Any claims for an audience; the kinds of tokens above, and ``auth/principal_tokens.py``, are made of it."""
        issued_at = int(now)
        times = {"iat": issued_at, "nbf": issued_at, "exp": issued_at + lifetime_s}
        payload = {"iss": ISSUER, "aud": audience, "jti": secrets.token_urlsafe(16), **times, **claims}
        key = self._keys[self._signing_key_id]
        return jwt.encode(payload, key, algorithm=ALGORITHM, headers={"kid": self._signing_key_id})

    def check(self, token: str, audience: str, now: float, expired_grace_s: float = 0) -> dict[str, Any]:
        """Signature, issuer, audience and times. The clock is an argument, so the times are compared here."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise TokenError("token_invalid", "length")
        required = ["iss", "aud", "exp", "nbf", "iat", "jti", "sub"]
        options: Any = {"require": required, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
        try:
            key = self._keys.get(str(jwt.get_unverified_header(token).get("kid")))
            if key is None:
                raise TokenError("token_invalid", "kid")
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=[ALGORITHM], audience=audience, issuer=ISSUER, options=options
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise TokenError("token_invalid", type(error).__name__) from None
        times = [claims["exp"], claims["nbf"], claims["iat"]]
        if not all(isinstance(value, int) and not isinstance(value, bool) for value in times):
            raise TokenError("token_invalid", "times")
        expires_at, not_before, issued_at = times
        if now + CLOCK_LEEWAY_S < max(not_before, issued_at):
            raise TokenError("token_invalid", "nbf")
        if now >= expires_at + CLOCK_LEEWAY_S + expired_grace_s:
            raise TokenError("token_expired", "exp")
        return claims


def _meeting_claims(claims: Mapping[str, Any]) -> MeetingClaims:
    """Read the claims of a token whose signature and times are good; ``TokenError`` names the claim at fault."""

    def text(name: str, value: Any, longest: int = MAX_IDENTITY_CHARACTERS) -> str:
        if not isinstance(value, str) or not 1 <= len(value) <= longest:
            raise TokenError("token_invalid", name)
        return value

    subject = text("sub", claims.get("sub"))
    identity = subject
    if "act" in claims:
        actor = claims["act"]
        identity = text("act", actor.get("sub") if isinstance(actor, dict) else None)
    room_id, role = claims.get("room"), claims.get("role")
    if not isinstance(room_id, str) or not _IDENTIFIER.fullmatch(room_id):
        raise TokenError("token_invalid", "room")
    if not isinstance(role, str) or role not in ROLES:
        raise TokenError("token_invalid", "role")
    admitted = claims.get("admitted", True)
    if not isinstance(admitted, bool):
        raise TokenError("token_invalid", "admitted")
    until = claims.get("until", claims["exp"])
    if not isinstance(until, int) or isinstance(until, bool):
        raise TokenError("token_invalid", "until")
    scopes = claims.get("scope", ["join"])
    if not isinstance(scopes, list) or not scopes or not all(isinstance(item, str) for item in scopes):
        raise TokenError("token_invalid", "scope")
    if not set(scopes) <= SCOPES:
        raise TokenError("token_invalid", "scope")
    return MeetingClaims(
        identity=identity,
        display_name=text("name", claims.get("name"), MAX_DISPLAY_NAME_CHARACTERS),
        room_id=room_id,
        role=role,  # type: ignore[arg-type]  # checked against ROLES above
        token_id=claims["jti"],
        expires_at=int(claims["exp"]),
        subject=subject,
        grant_id=text("grant", claims.get("grant", f"sub:{identity}"[:MAX_IDENTITY_CHARACTERS])),
        admitted=admitted,
        unit=text("unit", claims["unit"]) if "unit" in claims else None,
        until=until,
        scopes=frozenset(scopes),
    )
