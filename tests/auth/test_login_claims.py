"""Claims of patients and staff."""

from datetime import date
from typing import Any

import pytest

from auth import identity_numbers
from auth.development.claims import RESERVE_NUMBER_CLAIM, employee_subject, patient_subject
from auth.development.persons import EMPLOYEES, Employee, Patient, patients
from auth.login_claims import MAX_COMMISSIONS, ClaimsError, read_patient, read_staff
from tests.auth.faulty_provider import PATIENT, STAFF

NUMBER_CLAIMS = [
    "https://id.oidc.se/claim/personalIdentityNumber",
    "https://id.oidc.se/claim/coordinationNumber",
]
ONE: dict[str, Any] = {"employeeHsaId": "SE5555555555-K001", "name": "Karin Lindvall", **STAFF["commissions"][0]}


def test_a_patient_has_a_number_and_a_name() -> None:
    patient = read_patient(PATIENT, NUMBER_CLAIMS)
    assert (patient.number, patient.name) == ("199001012385", "Anna Testsson")
    assert repr(patient) == "PatientClaims()"
    parts = {"given_name": "Anna", "family_name": "Testsson", NUMBER_CLAIMS[1]: "199001612383"}
    patient = read_patient(parts, NUMBER_CLAIMS)
    assert (patient.number, patient.name) == ("199001612383", "Anna Testsson")


@pytest.mark.parametrize(
    ("claims", "claim"),
    [
        ({"name": "Anna"}, NUMBER_CLAIMS[0]),
        ({NUMBER_CLAIMS[1]: 199001012385, "name": "Anna"}, NUMBER_CLAIMS[1]),
        ({NUMBER_CLAIMS[0]: " ", "name": "Anna"}, NUMBER_CLAIMS[0]),
        ({NUMBER_CLAIMS[0]: "199001012385"}, "name"),
        ({NUMBER_CLAIMS[0]: "199001012385", "name": "x" * 200}, "name"),
        ({NUMBER_CLAIMS[0]: "199001012385", "given_name": 5}, "name"),
    ],
)
def test_a_patient_without_number_or_name_is_nobody(claims: dict[str, Any], claim: str) -> None:
    with pytest.raises(ClaimsError) as refused:
        read_patient(claims, NUMBER_CLAIMS)
    assert refused.value.claim == claim


def test_staff_with_several_commissions_have_chosen_none() -> None:
    staff = read_staff(STAFF)
    assert staff.employee_hsa_id == "SE5555555555-K001"
    assert staff.chosen is None
    first, second = staff.commissions
    assert first.name == "Björkens vårdcentral, Läkare"
    assert (first.unit_hsa_id, first.provider_hsa_id) == ("SE5555555555-U1", "SE5555555555-P1")
    assert first.roles == {"staff"}
    assert second.roles == {"unit_admin"}
    assert "Karin" not in repr(staff)


def test_the_provider_may_have_let_them_choose() -> None:
    staff = read_staff(STAFF | {"commissionHsaId": "SE5555555555-C2"})
    assert staff.chosen == staff.commissions[1]


def test_a_single_commission_is_the_chosen_one_in_either_shape() -> None:
    flat, listed = read_staff(ONE), read_staff(STAFF | {"commissions": STAFF["commissions"][:1]})
    assert flat == listed
    assert flat.chosen == flat.commissions[0]


@pytest.mark.attack
@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"employeeHsaId": None}, "employeeHsaId"),
        ({"employeeHsaId": "karin"}, "employeeHsaId"),
        ({"commissionHsaId": None}, "commissionHsaId"),
        ({"commissionHsaId": ["SE5555555555-C1"]}, "commissionHsaId"),
        ({"healthCareUnitHsaId": ""}, "healthCareUnitHsaId"),
        ({"healthCareProviderHsaId": 5}, "healthCareProviderHsaId"),
        ({"commissionPurpose": "Annat"}, "systemRole"),
        ({"commissionPurpose": "Annat", "systemRole": "alltid-oppet;service"}, "systemRole"),
        ({"commissionPurpose": "Annat", "systemRole": ["alltid-oppet;patient", 5, "unit_admin"]}, "systemRole"),
        ({"name": None}, "name"),
        ({"commissions": "SE5555555555-C1"}, "commissions"),
        ({"commissions": []}, "commissions"),
        ({"commissions": [5, {"commissionHsaId": "SE5555555555-C1"}]}, "commissions"),
        ({"commissions": STAFF["commissions"], "commissionHsaId": "SE5555555555-C9"}, "commissionHsaId"),
    ],
)
def test_staff_without_what_names_them_and_their_commission_are_refused(changes: dict[str, Any], claim: str) -> None:
    with pytest.raises(ClaimsError) as refused:
        read_staff(ONE | changes)
    assert refused.value.claim == claim


def test_endless_commissions_are_cut() -> None:
    many = [{**ONE, "commissionHsaId": f"SE5555555555-C{number}"} for number in range(MAX_COMMISSIONS + 10)]
    assert len(read_staff(STAFF | {"commissions": many}).commissions) == MAX_COMMISSIONS


def test_a_commission_named_twice_is_one() -> None:
    assert len(read_staff(STAFF | {"commissions": [ONE, ONE]}).commissions) == 1


@pytest.mark.parametrize("employee", EMPLOYEES, ids=lambda employee: employee.hsa_id)
def test_the_invented_staff_of_the_test_bench_are_understood(employee: Employee) -> None:
    claims = employee_subject(employee).claims
    if not employee.commissions:
        with pytest.raises(ClaimsError, match="commissions"):
            read_staff(claims)
        return
    staff = read_staff(claims)
    assert staff.employee_hsa_id == employee.hsa_id
    assert len(staff.commissions) == len(employee.commissions)
    assert (staff.chosen is None) is (len(employee.commissions) > 1)


@pytest.mark.parametrize("person", patients(date(2027, 1, 15)), ids=lambda person: person.key)
def test_the_invented_patients_of_the_test_bench_are_understood(person: Patient) -> None:
    found = read_patient(patient_subject(person).claims, [*NUMBER_CLAIMS, RESERVE_NUMBER_CLAIM])
    number = identity_numbers.parse(found.number, today=date(2027, 1, 15))
    assert (number.system.value, number.value) == (person.system, person.number)
