"""FHIR R4 (4.0.1) code systems and value sets that we use, and how our own states are said in them.

Only codes that appear here leave the companion. ``VALUE_SETS`` holds the whole of each required binding; tests hold the
tables below against it, and every resource that the tests make.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from companion.rules.bookings import BookingState
from companion.rules.meeting_course import MeetingState
from companion.rules.slots import SlotState

HL7: Final = "http://terminology.hl7.org/CodeSystem/"
ACT_CODE: Final = HL7 + "v3-ActCode"
CANCELLATION_REASON: Final = HL7 + "appointment-cancellation-reason"
CONFIDENTIALITY: Final = HL7 + "v3-Confidentiality"
CONSENT_SCOPE: Final = HL7 + "consentscope"
DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
ORGANIZATION_TYPE: Final = HL7 + "organization-type"
PARTICIPATION_TYPE: Final = HL7 + "v3-ParticipationType"
RELATIONSHIP: Final = HL7 + "v2-0131"
ROLE_CODE: Final = HL7 + "v3-RoleCode"
SECURITY_SERVICE: Final = HL7 + "restful-security-service"
OURS: Final = "urn:alltid-oppet:"
"""Before the names of our own code systems: ``time-type``, ``role``, ``action``, ``answer``."""
CONVERSATION: Final = OURS + "conversation"
"""``identifier.system`` of the case that messages belong to."""
QUESTIONNAIRE: Final = OURS + "questionnaire:"
"""Before a form's id it makes the canonical URL of a questionnaire."""
MEETING: Final = OURS + "meeting"
"""``identifier.system`` of a video meeting."""
CANCEL_REASON: Final = OURS + "cancel-reason"
"""The companion's reasons of a cancellation, beside those of HL7, which say less."""


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


VALUE_SETS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "Appointment.status": _codes(
            "proposed pending booked arrived fulfilled cancelled noshow entered-in-error checked-in waitlist"
        ),
        "Appointment.participant.status": _codes("accepted declined tentative needs-action"),
        "Appointment.participant.required": _codes("required optional information-only"),
        "Slot.status": _codes("busy free busy-unavailable busy-tentative entered-in-error"),
        "Patient.gender": _codes("male female other unknown"),
        "Consent.status": _codes("draft proposed active rejected inactive entered-in-error"),
        "Consent.provision.type": _codes("deny permit"),
        "Questionnaire.status": _codes("draft active retired unknown"),
        "Questionnaire.item.type": _codes(
            "group display question boolean decimal integer date dateTime time string text url choice open-choice "
            "attachment reference quantity"
        ),
        "Questionnaire.item.enableBehavior": _codes("all any"),
        "Questionnaire.item.enableWhen.operator": _codes("exists = != > < >= <="),
        "QuestionnaireResponse.status": _codes("in-progress completed amended entered-in-error stopped"),
        "Encounter.status": _codes(
            "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown"
        ),
        "Communication.status": _codes(
            "preparation in-progress not-done on-hold stopped completed entered-in-error unknown"
        ),
        "AuditEvent.action": _codes("C R U D E"),
        "AuditEvent.outcome": _codes("0 4 8 12"),
        "AuditEvent.agent.network.type": _codes("1 2 3 4 5"),
        "CapabilityStatement.status": _codes("draft active retired unknown"),
        "CapabilityStatement.kind": _codes("instance capability requirements"),
        "CapabilityStatement.rest.mode": _codes("client server"),
        "CapabilityStatement.rest.resource.interaction.code": _codes(
            "read vread update patch delete history-instance history-type create search-type"
        ),
        "CapabilityStatement.rest.resource.versioning": _codes("no-version versioned versioned-update"),
        "CapabilityStatement.rest.resource.searchParam.type": _codes(
            "number date string token reference composite quantity uri special"
        ),
        "Bundle.type": _codes(
            "document message transaction transaction-response batch batch-response history searchset collection"
        ),
        "Bundle.entry.search.mode": _codes("match include outcome"),
        "OperationOutcome.issue.severity": _codes("fatal error warning information"),
        "OperationOutcome.issue.code": _codes(
            "invalid structure required value invariant security login unknown expired forbidden suppressed processing "
            "not-supported duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly "
            "business-rule conflict transient lock-error no-store exception timeout incomplete throttled informational"
        ),
    }
)
"""Required bindings: nothing else may stand there."""

SYSTEM_CODES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        ACT_CODE: _codes("VR AMB IDSCL"),
        CANCELLATION_REASON: _codes(
            "pat pat-crs pat-cpp pat-dec pat-fb pat-lt pat-mt pat-mv pat-preg pat-swl pat-ucp prov prov-pers prov-dch "
            "prov-edu prov-hosp prov-labs prov-mri prov-onc maint meds-inc other oth-cms oth-err oth-fin oth-iv "
            "oth-int oth-mu oth-room oth-oerr oth-swie oth-weath"
        ),
        CONFIDENTIALITY: _codes("N R V"),
        CONSENT_SCOPE: _codes("patient-privacy treatment"),
        DCM: _codes("110110 110112 110114"),
        ORGANIZATION_TYPE: _codes("prov dept"),
        PARTICIPATION_TYPE: _codes("CST PRCP"),
        RELATIONSHIP: _codes("O"),
        SECURITY_SERVICE: _codes("OAuth SMART-on-FHIR"),
        ROLE_CODE: _codes("GUARD"),
    }
)
"""What we use of code systems that are not ours."""

APPOINTMENT_STATUS: Final[Mapping[BookingState, str]] = MappingProxyType(
    {
        BookingState.BOOKED: "booked",
        BookingState.ARRIVED: "arrived",
        BookingState.FULFILLED: "fulfilled",
        BookingState.CANCELLED: "cancelled",
        BookingState.NO_SHOW: "noshow",
    }
)
SLOT_STATUS: Final[Mapping[SlotState, str]] = MappingProxyType(
    {
        SlotState.FREE: "free",
        SlotState.HELD: "busy-tentative",
        SlotState.BOOKED: "busy",
        SlotState.CLOSED: "busy-unavailable",
    }
)
CANCEL_REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "patient_asked": "pat",
        "unit_illness": "prov",
        "unit_closed": "prov",
        "medical": "other",
        "other": "other",
        "dose_before_cancelled": "other",
    }
)
ENCOUNTER_STATUS: Final[Mapping[MeetingState, str]] = MappingProxyType(
    {
        MeetingState.PLANNED: "planned",
        MeetingState.OPEN: "planned",
        MeetingState.IN_PROGRESS: "in-progress",
        MeetingState.ENDED: "finished",
        # Nobody met: FHIR has no word of its own for it.
        MeetingState.NO_SHOW: "cancelled",
        # It failed by technology: neither held nor missed, and FHIR has no word for that either.
        MeetingState.ABORTED_TECHNICAL: "unknown",
    }
)
"""By the states of a video meeting."""
ENCOUNTER_STATUS_BY_BOOKING: Final[Mapping[BookingState, str]] = MappingProxyType(
    {
        BookingState.BOOKED: "planned",
        BookingState.ARRIVED: "arrived",
        BookingState.FULFILLED: "finished",
        BookingState.CANCELLED: "cancelled",
        BookingState.NO_SHOW: "cancelled",
    }
)
"""By the states of its booking, as long as nothing has happened to the meeting; one that was cancelled stays so."""
QUESTIONNAIRE_STATUS: Final[Mapping[str, str]] = MappingProxyType(
    {"draft": "draft", "published": "active", "retired": "retired"}
)
AUDIT_OUTCOME: Final[Mapping[str, str]] = MappingProxyType({"allowed": "0", "refused": "4", "failed": "8"})


def coding(system: str, code: str, display: str | None = None) -> dict[str, Any]:
    """A ``Coding``; ``ValueError`` for a code that is not in the tables."""
    known = SYSTEM_CODES.get(system)
    if known is None and not system.startswith(OURS):
        raise ValueError("a code system that is not known")
    if known is not None and code not in known:
        raise ValueError("a code that is not known")
    return {"system": system, "code": code} | ({"display": display} if display else {})


def concept(system: str, code: str, display: str | None = None) -> dict[str, Any]:
    """A ``CodeableConcept`` of one coding."""
    return {"coding": [coding(system, code, display)]}
