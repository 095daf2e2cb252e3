"""What a record system's request must say, claim by claim."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.permissions import LOA4
from auth.portal_requests import PortalRequestError, check_request
from tests.auth.portal_claims import (
    AUDIENCE,
    ISSUER,
    LOA3,
    NOW,
    OTHER_PROVIDER,
    OTHER_UNIT,
    PROVIDER,
    STAFF,
    SYSTEM,
    UNIT,
    claims,
)

PERSONNUMMER = "http://electronichealth.se/identifier/personnummer"


def check(now: float = NOW, **changes: Any) -> Any:
    return check_request(claims(**changes), SYSTEM, audience=AUDIENCE, now=now)


def test_a_good_request_says_who_where_and_how_strongly_known() -> None:
    request = check()
    assert (request.issuer, request.staff_hsa_id, request.display_name) == (ISSUER, STAFF, "Karin Lindvall")
    assert (request.commission.unit_hsa_id, request.commission.provider_hsa_id) == (UNIT, PROVIDER)
    assert request.commission.roles == {"staff"}
    assert request.commission.name == "Björkens vårdcentral, Vård och behandling"
    assert (request.acr, request.authenticated_at) == (LOA3, int(NOW))
    assert (request.patient, request.meeting_id) == (None, None)
    assert "Karin" not in repr(request)


def test_patient_meeting_and_login_time_are_taken_over() -> None:
    request = check(patient={"system": PERSONNUMMER, "value": "198112289874"}, meeting="m-1", auth_time=int(NOW) - 3600)
    assert request.patient.value == "198112289874"
    assert (request.meeting_id, request.authenticated_at) == ("m-1", int(NOW) - 3600)


def test_a_stronger_login_is_fine_and_the_audience_may_be_a_list() -> None:
    assert check(acr=LOA4, aud=[AUDIENCE]).acr == LOA4


@pytest.mark.attack
@pytest.mark.parametrize(
    ("changes", "code", "claim"),
    [
        ({"iss": "https://other.example"}, "token_invalid", "iss"),
        ({"aud": "somebody else"}, "token_invalid", "aud"),
        ({"aud": [AUDIENCE, "somebody else"]}, "token_invalid", "aud"),
        ({"aud": None}, "token_invalid", "aud"),
        ({"iat": None}, "token_invalid", "iat"),
        ({"iat": True}, "token_invalid", "iat"),
        ({"exp": None}, "token_invalid", "exp"),
        ({"exp": "tomorrow"}, "token_invalid", "exp"),
        ({"exp": int(NOW) + 61}, "token_invalid", "exp"),
        ({"exp": int(NOW)}, "token_invalid", "exp"),
        ({"iat": int(NOW) + 11, "exp": int(NOW) + 60}, "token_invalid", "nbf"),
        ({"iat": int(NOW) + 11, "nbf": int(NOW), "exp": int(NOW) + 60}, "token_invalid", "iat"),
        ({"nbf": int(NOW) + 11}, "token_invalid", "nbf"),
        ({"iat": int(NOW) - 120, "exp": int(NOW) - 60}, "token_expired", "exp"),
        ({"jti": None}, "token_invalid", "jti"),
        ({"jti": "short"}, "token_invalid", "jti"),
        ({"jti": "x" * 129}, "token_invalid", "jti"),
        ({"acr": None}, "login_too_weak", "acr"),
        ({"acr": LOA3.replace("loa3", "loa2")}, "login_too_weak", "acr"),
        ({"acr": "urn:alltid-oppet:acr:token"}, "login_too_weak", "acr"),
        ({"auth_time": int(NOW) + 60}, "token_invalid", "auth_time"),
        ({"sub": None}, "token_invalid", "sub"),
        ({"sub": "Karin"}, "token_invalid", "sub"),
        ({"name": None}, "token_invalid", "name"),
        ({"commissionHsaId": None}, "token_invalid", "commissionHsaId"),
        ({"commissionPurpose": "Administration"}, "token_invalid", "commissionPurpose"),
        ({"healthCareUnitHsaId": OTHER_UNIT}, "unit_not_allowed", "healthCareUnitHsaId"),
        ({"healthCareProviderHsaId": OTHER_PROVIDER}, "unit_not_allowed", "healthCareProviderHsaId"),
        ({"healthCareUnitHsaId": OTHER_UNIT, "healthCareProviderHsaId": OTHER_PROVIDER}, "unit_not_allowed",
         "healthCareUnitHsaId"),
        ({"patient": "198112289874"}, "token_invalid", "patient"),
        ({"patient": {"system": "urn:x", "value": "198112289874"}}, "token_invalid", "patient"),
        ({"patient": {"system": PERSONNUMMER}}, "token_invalid", "patient"),
        ({"meeting": "../meetings"}, "token_invalid", "meeting"),
        ({"meeting": 7}, "token_invalid", "meeting"),
    ],
)  # fmt: skip
def test_a_faulty_request_is_refused_by_claim(changes: dict[str, Any], code: str, claim: str) -> None:
    with pytest.raises(PortalRequestError) as refused:
        check(**changes)
    assert (refused.value.code, refused.value.claim) == (code, claim)


@pytest.mark.attack
def test_a_record_system_makes_no_administrators() -> None:
    assert check(systemRole=["alltid-oppet;region_admin"]).commission.roles == {"staff"}
    with pytest.raises(PortalRequestError):
        check(commissionPurpose="Administration", systemRole=["alltid-oppet;region_admin"])


@pytest.mark.attack
def test_a_list_of_commissions_hides_no_other_unit() -> None:
    other = claims(healthCareUnitHsaId=OTHER_UNIT, healthCareProviderHsaId=OTHER_PROVIDER, commissionHsaId="SE1-1")
    assert check(commissions=[other]).commission.unit_hsa_id == UNIT


def test_clocks_may_differ_by_a_little() -> None:
    assert check(now=NOW - 10)
    assert check(now=NOW + 69)
    with pytest.raises(PortalRequestError):
        check(now=NOW - 11)
    with pytest.raises(PortalRequestError):
        check(now=NOW + 70)


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_JSON = st.recursive(_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=4)
_NAMES = sorted({*claims(), "patient", "meeting", "nbf", "auth_time"})


@given(st.dictionaries(st.sampled_from(_NAMES), _JSON))
def test_whatever_the_claims_are_the_answer_is_a_request_or_the_one_error(changes: dict[str, Any]) -> None:
    try:
        request = check_request(claims() | changes, SYSTEM, audience=AUDIENCE, now=NOW)
    except PortalRequestError:
        return
    assert request.commission.roles == {"staff"}
    assert request.commission.unit_hsa_id == UNIT
