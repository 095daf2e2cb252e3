"""Principals on their way between our processes: the front tells the companion who asks.

The front has checked a cookie, a link or a token and made a ``Principal`` of it. It signs the whole of it with the
token keys (``auth/tokens.py``) as a JWT (RFC 7519) for one audience, valid for a minute; the companion checks the
signature, the times and every field, and decides on the same object. Audience and lifetime keep such a token from being
good anywhere else or later. Nothing here is ever given to a browser.
"""

from collections.abc import Mapping
from typing import Any, Final, get_args

from auth.principal import PROXY_SCOPES, ROLES, Commission, Kind, Principal
from auth.tokens import MAX_IDENTITY_CHARACTERS, TokenError, TokenKeys

COMPANION_AUDIENCE: Final = "alltid-oppet:companion"
LIFETIME_S: Final = 60
"""Long enough for a request with its retries, short enough that a token in a log is soon worth nothing."""
MAX_SERVICE_SCOPES: Final = 64

_KINDS: Final = frozenset(get_args(Kind))


def sign_principal(
    keys: TokenKeys,
    principal: Principal,
    *,
    now: float,
    audience: str = COMPANION_AUDIENCE,
    lifetime_s: int = LIFETIME_S,
) -> str:
    """The principal as a token for another of our processes."""
    commission = principal.commission
    claims: dict[str, Any] = {
        "sub": principal.actor,
        "kind": principal.kind,
        "roles": sorted(principal.roles),
        "subject": principal.subject,
        "name": principal.display_name,
        "proxy_scopes": sorted(principal.proxy_scopes),
        "commission": None
        if commission is None
        else {
            "commission_hsa_id": commission.commission_hsa_id,
            "unit_hsa_id": commission.unit_hsa_id,
            "provider_hsa_id": commission.provider_hsa_id,
            "name": commission.name,
            "roles": sorted(commission.roles),
        },
        "meeting_id": principal.meeting_id,
        "acr": principal.acr,
        "auth_time": principal.authenticated_at,
        "grant": principal.grant_id,
        "service_scopes": sorted(principal.service_scopes),
    }
    return keys.sign(claims, audience, now, lifetime_s)


def check_principal(keys: TokenKeys, token: str, *, now: float, audience: str = COMPANION_AUDIENCE) -> Principal:
    """The principal of a valid token; ``TokenError`` otherwise, with the claim at fault as its cause."""
    claims = keys.check(token, audience, now)
    kind = claims.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise TokenError("token_invalid", "kind")
    authenticated_at = claims.get("auth_time")
    if not isinstance(authenticated_at, int) or isinstance(authenticated_at, bool):
        raise TokenError("token_invalid", "auth_time")
    principal = Principal(
        kind=kind,  # type: ignore[arg-type]  # one of _KINDS
        roles=_names(claims, "roles", frozenset(ROLES)),  # type: ignore[arg-type]  # compared with ROLES
        actor=_text(claims, "sub"),
        subject=_optional(claims, "subject"),
        display_name=_text(claims, "name", shortest=0),
        proxy_scopes=_names(claims, "proxy_scopes", PROXY_SCOPES),  # type: ignore[arg-type]  # compared as well
        commission=_commission(claims.get("commission")),
        meeting_id=_optional(claims, "meeting_id"),
        acr=_text(claims, "acr", shortest=0),
        authenticated_at=authenticated_at,
        grant_id=_text(claims, "grant", shortest=0),
        service_scopes=_names(claims, "service_scopes", None),
    )
    if principal.proxy_scopes and not principal.is_proxy:
        raise TokenError("token_invalid", "proxy_scopes")
    return principal


def _text(claims: Mapping[str, Any], name: str, *, shortest: int = 1) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not shortest <= len(value) <= MAX_IDENTITY_CHARACTERS:
        raise TokenError("token_invalid", name)
    return value


def _optional(claims: Mapping[str, Any], name: str) -> str | None:
    return None if claims.get(name) is None else _text(claims, name)


def _names(claims: Mapping[str, Any], name: str, known: frozenset[str] | None) -> frozenset[str]:
    """A list of names, all of them ``known`` ones if given."""
    values = claims.get(name)
    if not isinstance(values, list) or len(values) > MAX_SERVICE_SCOPES:
        raise TokenError("token_invalid", name)
    if not all(isinstance(value, str) for value in values) or (known is not None and not set(values) <= known):
        raise TokenError("token_invalid", name)
    return frozenset(values)


def _commission(claims: Any) -> Commission | None:
    if claims is None:
        return None
    if not isinstance(claims, dict):
        raise TokenError("token_invalid", "commission")
    return Commission(
        commission_hsa_id=_text(claims, "commission_hsa_id"),
        unit_hsa_id=_text(claims, "unit_hsa_id"),
        provider_hsa_id=_text(claims, "provider_hsa_id"),
        name=_text(claims, "name", shortest=0),
        roles=_names(claims, "roles", frozenset(ROLES)),  # type: ignore[arg-type]  # compared with ROLES
    )
