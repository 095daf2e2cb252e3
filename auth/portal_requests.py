"""A record system's request for a portal link: a signed JWT that says who, in which commission, about what.

Shaped as RFC 7523 section 3 asks of an assertion: ``iss`` the record system, ``aud`` us, ``exp`` at most 60 s after
``iat``, ``jti`` once. Further claims, in the names of Swedish health care's identity services:

===========================  =====================================================================================
``sub``                      HSA-id of the staff member
``name``                     their name
``acr``                      how they logged in there; at least level 3 (``auth.permissions.LOA3``)
``auth_time``                when, optional
``commissionHsaId``...       the commission as in ``auth/login_claims.py``, for the purpose ``Vård och behandling``
``patient``                  optional: ``{"system", "value"}``, an identity number
``meeting``                  optional: the id of the meeting to enter
===========================  =====================================================================================

Pure: the signature has been checked, the time is an argument. Not ours to check is whether the commission is the staff
member's; the record system is trusted for that (``auth/record_systems.py``). ``systemRole`` counts for nothing: a
portal link makes clinicians only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeGuard
from zoneinfo import ZoneInfo

from auth import hsa, identity_numbers, login_claims
from auth.identity_numbers import IdentityNumber, IdentitySystem
from auth.permissions import LOA3, acr_level
from auth.principal import Commission
from auth.record_systems import RecordSystem

MAX_LIFETIME_S: Final = 60
"""Of the request, and of the link that it gives."""
CLOCK_LEEWAY_S: Final = 10
"""Tolerated difference between the record system's clock and ours; small beside the lifetime."""
MAX_JTI_CHARACTERS: Final = 128
_MEETING_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_STOCKHOLM: Final = ZoneInfo("Europe/Stockholm")

PortalRequestCode = Literal["token_invalid", "token_expired", "unit_not_allowed", "login_too_weak", "replayed"]
"""``replayed``: this ``jti`` was used before."""


class PortalRequestError(Exception):
    """A refused request. ``claim`` is the one at fault (or ``signature``), never its value."""

    def __init__(self, code: PortalRequestCode, claim: str) -> None:
        super().__init__(code, claim)
        self.code: PortalRequestCode = code
        self.claim = claim


@dataclass(frozen=True)
class PortalRequest:
    """What a checked request asks for. ``repr`` shows no personal data."""

    issuer: str
    staff_hsa_id: str
    display_name: str
    acr: str
    authenticated_at: int
    commission: Commission
    patient: IdentityNumber | None
    meeting_id: str | None
    jti: str
    expires_at: int

    def __repr__(self) -> str:
        return f"PortalRequest(issuer={self.issuer!r}, unit={self.commission.unit_hsa_id!r})"


def check_request(claims: Mapping[str, Any], system: RecordSystem, *, audience: str, now: float) -> PortalRequest:
    """The request if it is for us, fresh, complete and about one of the system's units."""
    if claims.get("iss") != system.issuer:
        raise PortalRequestError("token_invalid", "iss")
    if claims.get("aud") not in (audience, [audience]):
        raise PortalRequestError("token_invalid", "aud")
    issued_at, expires_at = _check_times(claims, now)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 8 <= len(jti) <= MAX_JTI_CHARACTERS:
        raise PortalRequestError("token_invalid", "jti")
    acr = claims.get("acr")
    if not isinstance(acr, str) or acr_level(acr) < acr_level(LOA3):
        raise PortalRequestError("login_too_weak", "acr")
    authenticated_at = claims.get("auth_time", issued_at)
    if not _is_time(authenticated_at) or authenticated_at > now + CLOCK_LEEWAY_S:
        raise PortalRequestError("token_invalid", "auth_time")
    staff_hsa_id, display_name, commission = read_clinician(claims, claims.get("sub"), system)
    return PortalRequest(
        issuer=system.issuer,
        staff_hsa_id=staff_hsa_id,
        display_name=display_name,
        acr=acr,
        authenticated_at=authenticated_at,
        commission=commission,
        patient=_patient(claims.get("patient"), now),
        meeting_id=_meeting(claims.get("meeting")),
        jti=jti,
        expires_at=expires_at,
    )


def read_clinician(claims: Mapping[str, Any], hsa_id: Any, system: RecordSystem) -> tuple[str, str, Commission]:
    """HSA-id, name and commission of a clinician in one of the system's units."""
    try:
        staff_hsa_id = hsa.parse(hsa_id) if isinstance(hsa_id, str) else ""
        one = {key: value for key, value in claims.items() if key not in ("systemRole", "commissions")}
        staff = login_claims.read_staff(one | {"employeeHsaId": staff_hsa_id})
    except hsa.HsaIdError:
        raise PortalRequestError("token_invalid", "sub") from None
    except login_claims.ClaimsError as error:
        claim = {"employeeHsaId": "sub", "systemRole": "commissionPurpose"}.get(error.claim, error.claim)
        raise PortalRequestError("token_invalid", claim) from None
    commission = staff.commissions[0]
    provider = system.units.get(commission.unit_hsa_id)
    if provider is None:
        raise PortalRequestError("unit_not_allowed", "healthCareUnitHsaId")
    if provider != commission.provider_hsa_id:
        raise PortalRequestError("unit_not_allowed", "healthCareProviderHsaId")
    return staff_hsa_id, staff.name, commission


def _check_times(claims: Mapping[str, Any], now: float) -> tuple[int, int]:
    issued_at, expires_at = claims.get("iat"), claims.get("exp")
    if not _is_time(issued_at):
        raise PortalRequestError("token_invalid", "iat")
    if not _is_time(expires_at):
        raise PortalRequestError("token_invalid", "exp")
    not_before = claims.get("nbf", issued_at)
    if not _is_time(not_before) or not_before > now + CLOCK_LEEWAY_S:
        raise PortalRequestError("token_invalid", "nbf")
    if issued_at > now + CLOCK_LEEWAY_S:
        raise PortalRequestError("token_invalid", "iat")
    if not issued_at < expires_at <= issued_at + MAX_LIFETIME_S:
        raise PortalRequestError("token_invalid", "exp")
    if now >= expires_at + CLOCK_LEEWAY_S:
        raise PortalRequestError("token_expired", "exp")
    return issued_at, expires_at


def _is_time(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 40


def _patient(value: Any, now: float) -> IdentityNumber | None:
    if value is None:
        return None
    try:
        system = IdentitySystem(value["system"])
        today = datetime.fromtimestamp(now, _STOCKHOLM).date()
        return identity_numbers.parse(str(value["value"]), today=today, system=system)
    except (KeyError, TypeError, ValueError):  # IdentityNumberError is a ValueError
        raise PortalRequestError("token_invalid", "patient") from None


def _meeting(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _MEETING_ID.fullmatch(value):
        raise PortalRequestError("token_invalid", "meeting")
    return value
