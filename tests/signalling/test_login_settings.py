"""Settings of logins."""

import pytest
from pydantic import ValidationError

from auth.permissions import LOA3, LOA4
from signalling.login_settings import LoginSettings, patient_provider, read_levels, staff_provider


def test_nobody_logs_in_unless_a_provider_is_named() -> None:
    settings = LoginSettings()
    assert (patient_provider(settings), staff_provider(settings)) == (None, None)


def test_each_audience_has_a_provider_of_its_own() -> None:
    settings = LoginSettings(
        patient_issuer="https://broker.example",
        patient_client_secret="hidden",  # type: ignore[arg-type]
        staff_issuer="https://idp.example",
        staff_min_loa=4,
    )
    patient, staff = patient_provider(settings), staff_provider(settings)
    assert patient is not None
    assert staff is not None
    assert (patient.issuer, patient.client_secret, patient.min_level) == ("https://broker.example", "hidden", 3)
    assert (staff.issuer, staff.client_secret, staff.min_level) == ("https://idp.example", None, 4)
    assert {LOA3, LOA4} <= set(patient.acr_values.split())
    assert staff.acr_values.split() == [LOA4, "http://id.sambi.se/loa/loa4"]
    assert "hidden" not in repr(settings) + repr(patient)


@pytest.mark.parametrize("text", ["loa3", "loa3=5", "loa3=", "=x", "loa3=high"])
def test_levels_are_written_name_and_number(text: str) -> None:
    with pytest.raises(ValueError, match="acr=level"):
        read_levels(text)
    with pytest.raises(ValidationError):
        LoginSettings(acr_levels=text)


def test_a_name_may_hold_the_sign_itself() -> None:
    assert read_levels("urn:a?b=c=3 x=4") == {"urn:a?b=c": 3, "x": 4}


@pytest.mark.parametrize("url", ["care.example", "ftp://care.example", "https://", "https://care.example/path"])
def test_the_public_address_is_an_origin(url: str) -> None:
    with pytest.raises(ValidationError):
        LoginSettings(public_url=url)


def test_a_slash_at_the_end_does_no_harm() -> None:
    assert LoginSettings(public_url="https://care.example/").public_url == "https://care.example"


@pytest.mark.attack
@pytest.mark.parametrize("issuer", ["http://broker.example", "broker.example", "ftp://localhost"])
def test_an_issuer_is_reached_by_https_or_on_this_machine(issuer: str) -> None:
    with pytest.raises(ValidationError):
        LoginSettings(patient_issuer=issuer)
    with pytest.raises(ValidationError):
        LoginSettings(staff_issuer=issuer)
    assert LoginSettings(staff_issuer="http://localhost:8090/staff").staff_issuer
