"""What a login at the test bench tells of an invented person: the claims of the Swedish identity services."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from auth.development.persons import (
    ORGANISATION_NAMES,
    PERSONNUMMER,
    SAMORDNINGSNUMMER,
    Employee,
    EmployeeCommission,
    Patient,
)

PERSONAL_NUMBER_CLAIM: Final = "https://id.oidc.se/claim/personalIdentityNumber"
COORDINATION_NUMBER_CLAIM: Final = "https://id.oidc.se/claim/coordinationNumber"
RESERVE_NUMBER_CLAIM: Final = "urn:alltid-oppet:claim:reserveNumber"
"""No e-ID carries a reserve number; the test bench does, so that such a patient can be tried."""

_ACR_PREFIX: Final = "http://id.elegnamnden.se/loa/1.0/"
ACR_VALUES: Final = (f"{_ACR_PREFIX}loa3", f"{_ACR_PREFIX}loa2", f"{_ACR_PREFIX}loa4")
"""Levels of assurance that one can choose; the first is the default. Level 2 is too weak, to try refusals."""


@dataclass(frozen=True)
class Subject:
    """Somebody who can log in: a stable key of the test bench, and claims."""

    key: str
    claims: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Subject({self.key!r})"


def patient_subject(person: Patient) -> Subject:
    """An inhabitant as a broker of e-IDs knows them."""
    claim = {PERSONNUMMER: PERSONAL_NUMBER_CLAIM, SAMORDNINGSNUMMER: COORDINATION_NUMBER_CLAIM}
    return Subject(
        person.key,
        {
            "name": person.name,
            "given_name": person.given_name,
            "family_name": person.family_name,
            "birthdate": person.born.isoformat(),
            claim.get(person.system, RESERVE_NUMBER_CLAIM): person.number,
        },
    )


def employee_subject(employee: Employee) -> Subject:
    """A staff member with every commission; with exactly one, its claims stand at the top as well."""
    commissions = [commission_claims(one) for one in employee.commissions]
    return Subject(
        employee.hsa_id,
        {
            "name": employee.name,
            "given_name": employee.given_name,
            "family_name": employee.family_name,
            "employeeHsaId": employee.hsa_id,
            "commissions": commissions,
            **(commissions[0] if len(commissions) == 1 else {}),
        },
    )


def commission_claims(commission: EmployeeCommission) -> dict[str, Any]:
    """One commission, in the names that health care's identity services use."""
    return {
        "commissionHsaId": commission.hsa_id,
        "commissionName": commission.name,
        "commissionPurpose": commission.purpose,
        "healthCareUnitHsaId": commission.unit,
        "healthCareUnitName": ORGANISATION_NAMES[commission.unit],
        "healthCareProviderHsaId": commission.provider,
        "healthCareProviderName": ORGANISATION_NAMES[commission.provider],
        "systemRole": [f"alltid-oppet;{role}" for role in commission.system_roles],
    }
