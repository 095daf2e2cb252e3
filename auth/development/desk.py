"""What the fake record system says to the front: signed requests for portal links, and SMART App Launch.

Decisions without HTTP; time (``now``: seconds since the epoch) is an argument.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from auth.development.appointments import Appointment
from auth.development.authorization import AuthorizationServer
from auth.development.claims import ACR_VALUES, Subject, commission_claims
from auth.development.grants import AuthorizationRequest, Session
from auth.development.persons import EMPLOYEES, Employee, EmployeeCommission, Patient
from auth.development.signing import SigningKeys
from auth.smart_context import MEETING_SYSTEM

PORTAL_AUDIENCE: Final = "alltid-oppet:portal"
REQUEST_LIFETIME_S: Final = 30
LAUNCH_LIFETIME_S: Final = 60.0


@dataclass(frozen=True)
class Desk:
    """Who sits at the screen, in which commission."""

    employee: Employee
    commission: EmployeeCommission


def desk_of(commission_hsa_id: str) -> Desk | None:
    """The desk of a commission."""
    for employee in EMPLOYEES:
        commission = employee.commission(commission_hsa_id)
        if commission is not None:
            return Desk(employee, commission)
    return None


def portal_request(
    keys: SigningKeys, issuer: str, desk: Desk, appointment: Appointment | None, patient: Patient | None, now: float
) -> str:
    """A signed request for a portal link (docs/portal-links.md)."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": PORTAL_AUDIENCE,
        "sub": desk.employee.hsa_id,
        "iat": int(now),
        "exp": int(now) + REQUEST_LIFETIME_S,
        "jti": secrets.token_urlsafe(16),
        "name": desk.employee.name,
        "acr": ACR_VALUES[0],
        "auth_time": int(now) - 60,
        **commission_claims(desk.commission),
    }
    if appointment is not None:
        claims["meeting"] = appointment.meeting_id
    if patient is not None:
        claims["patient"] = {"system": patient.system, "value": patient.number}
    return keys.sign(claims)


@dataclass(frozen=True)
class _Launch:
    desk: Desk
    appointment: Appointment
    made_at: float


class SmartLaunches:
    """SMART App Launch 2 from within the record system (EHR launch): a launch serves once, for a minute."""

    def __init__(self, server: AuthorizationServer, fhir_base: str) -> None:
        self.server = server
        self.fhir_base = fhir_base
        self._launches: dict[str, _Launch] = {}
        self._subjects: dict[str, _Launch] = {}

    def make(self, desk: Desk, appointment: Appointment, now: float) -> str:
        """The opaque ``launch`` that the app gets."""
        launch = secrets.token_urlsafe(24)
        self._launches[launch] = _Launch(desk, appointment, now)
        return launch

    def authorize(self, parameters: Mapping[str, str], now: float) -> str:
        """Where the browser goes: back to the app, with a code or with an error (raised by ``begin``)."""
        request = self.server.begin(parameters, now)
        launch = self._launches.pop(parameters.get("launch", ""), None)
        if parameters.get("aud") != self.fhir_base:
            raise self.server.refusal(request, "invalid_request")
        if launch is None or now > launch.made_at + LAUNCH_LIFETIME_S:
            raise self.server.refusal(request, "access_denied")
        return self._complete(request, launch, now)

    def _complete(self, request: AuthorizationRequest, launch: _Launch, now: float) -> str:
        employee, appointment = launch.desk.employee, launch.appointment
        subject = Subject(
            employee.hsa_id,
            {
                "name": employee.name,
                "employeeHsaId": employee.hsa_id,
                "fhirUser": f"{self.fhir_base}/Practitioner/{employee.hsa_id}",
                **commission_claims(launch.desk.commission),
            },
        )
        context: dict[str, Any] = {"fhirContext": [{"reference": f"Appointment/{appointment.meeting_id}"}]}
        if appointment.kind != "group":
            context["patient"] = appointment.patients[0]
        location, session = self.server.complete(request, subject, ACR_VALUES[0], now, context)
        self._subjects[session.session_id] = launch
        return location

    def may_read(self, session: Session | None, appointment: Appointment | None, patient_key: str | None) -> bool:
        """A token reads what its launch was about, nothing else."""
        launch = None if session is None else self._subjects.get(session.session_id)
        if launch is None:
            return False
        if patient_key is not None:
            return patient_key in launch.appointment.patients
        return appointment == launch.appointment


def smart_configuration(base: str, fhir_base: str, algorithm: str) -> dict[str, Any]:
    """SMART App Launch 2, section "Conformance"."""
    return {
        "issuer": base,
        "jwks_uri": f"{base}/jwks",
        "authorization_endpoint": f"{base}/smart/authorize",
        "token_endpoint": f"{base}/smart/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "grant_types_supported": ["authorization_code"],
        "response_types_supported": ["code"],
        "scopes_supported": ["openid", "fhirUser", "launch"],
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": [algorithm],
        "capabilities": [
            "launch-ehr",
            "client-confidential-symmetric",
            "sso-openid-connect",
            "context-ehr-patient",
            "permission-patient",
        ],
        "fhir_base": fhir_base,
    }


def fhir_patient(patient: Patient) -> dict[str, Any]:
    """A FHIR R4 Patient with what the front needs: the identity number."""
    return {
        "resourceType": "Patient",
        "id": patient.key,
        "identifier": [{"system": patient.system, "value": patient.number}],
    }


def fhir_appointment(appointment: Appointment) -> dict[str, Any]:
    """A FHIR R4 Appointment that names the meeting."""
    return {
        "resourceType": "Appointment",
        "id": appointment.meeting_id,
        "status": "booked",
        "identifier": [{"system": MEETING_SYSTEM, "value": appointment.meeting_id}],
    }
