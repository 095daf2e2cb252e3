"""What the claims of a login say about a person: a patient's number, a staff member's commissions.

Patients come from brokers of BankID and Freja. Their number stands in one of the claims that the settings name
(12 digits, or as the broker writes it); the name in ``name``, or ``given_name`` and ``family_name``.

Staff come with the claims of Swedish health care's identity services:

======================  =============================================================================================
``employeeHsaId``       who it is; always
``commissionHsaId``     the commission (medarbetaruppdrag), when there is one, or the provider let them choose one
``commissionName``      its name
``commissionPurpose``   why: ``Vård och behandling`` makes a clinician (role ``staff``), other purposes do not
``healthCareUnitHsaId``, ``healthCareUnitName``          the care unit (vårdenhet)
``healthCareProviderHsaId``, ``healthCareProviderName``  the care provider (vårdgivare)
``systemRole``          text or list of texts, ``alltid-oppet;<role>``: scheduler, viewer, unit_admin, region_admin, sre
======================  =============================================================================================

Several commissions come as the claim ``commissions``: a list of objects, each with the claims above from
``commissionHsaId`` down. If ``commissionHsaId`` stands beside the list it names the one that is chosen already.
Commissions that are incomplete, or that give no role here, are left out; with none left nobody is logged in. Where
administrators give roles in this service too (``auth/staff_roles.py``), those without a role are kept until it is known
whether they were given one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from auth import hsa
from auth.principal import Commission, Role

CLINICAL_PURPOSE: Final = "vård och behandling"
"""The purpose of a commission that makes its holder a clinician (compared without case)."""
SYSTEM_ROLE_PREFIX: Final = "alltid-oppet;"
SYSTEM_ROLES: Final[frozenset[str]] = frozenset({"scheduler", "viewer", "unit_admin", "region_admin", "sre"})
assert set(get_args(Role)) >= SYSTEM_ROLES
MAX_COMMISSIONS: Final = 200
"""More than anybody has; a longer list is cut."""
MAX_NAME_CHARACTERS: Final = 128


class ClaimsError(Exception):
    """Claims that do not say who somebody is. ``claim`` is the one that is missing or wrong, never its value."""

    def __init__(self, claim: str) -> None:
        super().__init__(claim)
        self.claim = claim


@dataclass(frozen=True)
class PatientClaims:
    """A patient as the broker knows them. ``repr`` shows nothing of it."""

    number: str
    """The identity number as written in the claim."""
    name: str

    def __repr__(self) -> str:
        return "PatientClaims()"


@dataclass(frozen=True)
class StaffClaims:
    """A staff member and where they work."""

    employee_hsa_id: str
    name: str
    commissions: tuple[Commission, ...]
    chosen: Commission | None
    """The only one, or the one that the provider let them choose."""

    def __repr__(self) -> str:
        return f"StaffClaims(commissions={len(self.commissions)})"


def read_patient(claims: Mapping[str, Any], number_claims: Sequence[str]) -> PatientClaims:
    """The patient that the claims tell of; the first claim of ``number_claims`` that is there counts."""
    for claim in number_claims:
        if claim in claims:
            return PatientClaims(_text(claims, claim), _name(claims))
    raise ClaimsError(number_claims[0])


def read_staff(claims: Mapping[str, Any], *, needs_role: bool = True) -> StaffClaims:
    """The staff member that the claims tell of; ``ClaimsError`` without an HSA-id or any commission.

    ``needs_role`` False: commissions to which the claims give no role are there too, with none.
    """
    employee = _hsa_id(claims, "employeeHsaId")
    listed = claims.get("commissions")
    named = claims.get("commissionHsaId")
    if listed is None:
        only = _commission(claims, needs_role=needs_role)
        return StaffClaims(employee, _name(claims), (only,), only)
    if not isinstance(listed, list):
        raise ClaimsError("commissions")
    found: dict[str, Commission] = {}
    for item in listed[:MAX_COMMISSIONS]:
        if isinstance(item, Mapping):
            try:
                commission = _commission(item, needs_role=needs_role)
            except ClaimsError:
                continue
            found.setdefault(commission.commission_hsa_id, commission)
    if not found:
        raise ClaimsError("commissions")
    commissions = tuple(found.values())
    chosen = commissions[0] if len(commissions) == 1 else None
    if named is not None:
        chosen = found.get(named.strip().upper()) if isinstance(named, str) else None
        if chosen is None:
            raise ClaimsError("commissionHsaId")
    return StaffClaims(employee, _name(claims), commissions, chosen)


def _commission(claims: Mapping[str, Any], *, needs_role: bool) -> Commission:
    commission_hsa_id = _hsa_id(claims, "commissionHsaId")
    unit_hsa_id = _hsa_id(claims, "healthCareUnitHsaId")
    provider_hsa_id = _hsa_id(claims, "healthCareProviderHsaId")
    names = [claims.get("healthCareUnitName"), claims.get("commissionName")]
    name = ", ".join(part.strip() for part in names if isinstance(part, str) and part.strip())
    roles = _roles(claims)
    if needs_role and not roles:
        raise ClaimsError("systemRole")
    return Commission(
        commission_hsa_id=commission_hsa_id,
        unit_hsa_id=unit_hsa_id,
        provider_hsa_id=provider_hsa_id,
        name=(name or unit_hsa_id)[:MAX_NAME_CHARACTERS],
        roles=roles,
    )


def _roles(claims: Mapping[str, Any]) -> frozenset[Role]:
    given = claims.get("systemRole", [])
    texts = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    named = {text.removeprefix(SYSTEM_ROLE_PREFIX) for text in texts if _is_our_role(text)}
    roles: set[Role] = {role for role in get_args(Role) if role in named & SYSTEM_ROLES}
    purpose = claims.get("commissionPurpose")
    if isinstance(purpose, str) and purpose.strip().casefold() == CLINICAL_PURPOSE:
        roles.add("staff")
    return frozenset(roles)


def _is_our_role(text: Any) -> bool:
    return isinstance(text, str) and text.startswith(SYSTEM_ROLE_PREFIX)


def _text(claims: Mapping[str, Any], claim: str) -> str:
    value = claims.get(claim)
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_NAME_CHARACTERS:
        raise ClaimsError(claim)
    return value.strip()


def _hsa_id(claims: Mapping[str, Any], claim: str) -> str:
    try:
        return hsa.parse(_text(claims, claim))
    except hsa.HsaIdError:
        raise ClaimsError(claim) from None


def _name(claims: Mapping[str, Any]) -> str:
    if isinstance(claims.get("name"), str):
        return _text(claims, "name")
    parts = [claims.get(claim) for claim in ("given_name", "family_name")]
    name = " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip())
    if not name or len(name) > MAX_NAME_CHARACTERS:
        raise ClaimsError("name")
    return name
