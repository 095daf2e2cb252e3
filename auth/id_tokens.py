"""What an ID token and a logout token must say, once their signature is good. Pure: the time is an argument.

OpenID Connect Core 1.0 section 3.1.3.7 and OpenID Connect Back-Channel Logout 1.0 section 2.6.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from authlib.oidc.core import CodeIDToken
from joserfc.errors import JoseError

from auth.jwks import Signed

LEEWAY_S: Final = 30
"""Tolerated difference between the provider's clock and ours."""
MAX_ID_TOKEN_AGE_S: Final = 600
"""An ID token was issued for this login; one that is older comes from another one."""
MAX_LOGOUT_TOKEN_AGE_S: Final = 150
"""Back-Channel Logout section 2.4 recommends two minutes of life at most; and the clocks may differ."""
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
MAX_SUBJECT_CHARACTERS: Final = 255
"""OpenID Connect Core section 2."""


class IdTokenError(Exception):
    """A token that proves nothing to us. ``cause`` names the claim, and goes to counters and tests."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True)
class Party:
    """Who must have issued the token, and for whom."""

    issuer: str
    client_id: str


@dataclass(frozen=True)
class LogoutClaims:
    """Whose logins end: those of a session at the provider (``sid``), or all of a subject's."""

    issuer: str
    sub: str | None
    sid: str | None
    jti: str
    expires_at: int

    def __repr__(self) -> str:
        return "LogoutClaims()"


def check_id_token(signed: Signed, party: Party, *, nonce: str, access_token: str | None, now: float) -> dict[str, Any]:
    """The claims of an ID token that was issued by the party, to us, for this login, and is valid now."""
    options = {"iss": {"essential": True, "value": party.issuer}, "aud": {"essential": True, "value": party.client_id}}
    params = {"nonce": nonce, "client_id": party.client_id, "access_token": access_token}
    _check_times(signed.claims, now, MAX_ID_TOKEN_AGE_S)
    claims = CodeIDToken(signed.claims, signed.header, options, params)
    try:
        claims.validate(now=int(now), leeway=LEEWAY_S)
    except (JoseError, ValueError, TypeError) as error:
        raise IdTokenError(str(getattr(error, "claim", "claims"))) from None
    _check_audience(signed.claims, party)
    _subject(signed.claims)
    session_of(signed.claims)
    if "auth_time" in signed.claims:
        _number(signed.claims, "auth_time")
    return dict(signed.claims)


def check_logout_token(signed: Signed, party: Party, *, now: float) -> LogoutClaims:
    """The claims of a logout token of the party, to us. Whether its ``jti`` was seen before, the caller must know."""
    claims = signed.claims
    if str(signed.header.get("typ", "logout+jwt")).lower() not in ("logout+jwt", "application/logout+jwt", "jwt"):
        raise IdTokenError("typ")
    if claims.get("iss") != party.issuer:
        raise IdTokenError("iss")
    _check_audience(claims, party)
    _check_times(claims, now, MAX_LOGOUT_TOKEN_AGE_S)
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise IdTokenError("events")
    if "nonce" in claims:  # else an ID token would do as a logout token
        raise IdTokenError("nonce")
    sub = _subject(claims) if "sub" in claims else None
    sid = _text(claims, "sid") if "sid" in claims else None
    if sub is None and sid is None:
        raise IdTokenError("sid")
    return LogoutClaims(party.issuer, sub, sid, _text(claims, "jti"), int(claims["exp"]))


def authenticated_at(claims: Mapping[str, Any]) -> int:
    """When the person proved who they are, in seconds since the epoch: ``auth_time``, else ``iat``."""
    return int(claims.get("auth_time", claims["iat"]))


def subject_of(claims: Mapping[str, Any]) -> str:
    """The person's name at the provider (``sub``)."""
    return _subject(claims)


def session_of(claims: Mapping[str, Any]) -> str | None:
    """The login's name at the provider (``sid``), if it gives one."""
    return _text(claims, "sid") if "sid" in claims else None


def _check_audience(claims: Mapping[str, Any], party: Party) -> None:
    """We are the only audience: others are not trusted."""
    if claims.get("aud") not in (party.client_id, [party.client_id]):
        raise IdTokenError("aud")


def _check_times(claims: Mapping[str, Any], now: float, max_age_s: int) -> None:
    issued_at, expires_at = _number(claims, "iat"), _number(claims, "exp")
    if issued_at > now + LEEWAY_S or issued_at < now - max_age_s - LEEWAY_S:
        raise IdTokenError("iat")
    if now >= expires_at + LEEWAY_S:
        raise IdTokenError("exp")


def _number(claims: Mapping[str, Any], claim: str) -> float:
    value = claims.get(claim)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise IdTokenError(claim)
    return value


def _subject(claims: Mapping[str, Any]) -> str:
    return _text(claims, "sub")


def _text(claims: Mapping[str, Any], claim: str) -> str:
    value = claims.get(claim)
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_SUBJECT_CHARACTERS:
        raise IdTokenError(claim)
    return value
