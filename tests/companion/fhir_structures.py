"""Structures of FHIR R4 (4.0.1), written down from its specification (StructureDefinitions of the resources and data
types): of each element its type and how often it may and must be there. Elements that we never make are left out, so
that a new one is noticed; those that must be there are all here.
"""

import re
from typing import Final

_TEXT: Final = """
Meta: versionId id 0..1, lastUpdated instant 0..1, security Coding 0..*
Coding: system uri 0..1, code code 0..1, display string 0..1
CodeableConcept: coding Coding 0..*, text string 0..1
Identifier: use code 0..1, system uri 0..1, value string 0..1
Reference: reference string 0..1, identifier Identifier 0..1, display string 0..1
HumanName: text string 0..1
ContactPoint: system code 0..1, value string 0..1
Address: text string 0..1
Period: start dateTime 0..1, end dateTime 0..1
Attachment: contentType code 0..1, size unsignedInt 0..1, title string 0..1
Annotation: time dateTime 0..1, text markdown 1..1

Organization: identifier Identifier 0..*, active boolean 0..1, type CodeableConcept 0..*, name string 0..1,
 telecom ContactPoint 0..*, address Address 0..*, partOf Reference 0..1
HealthcareService: identifier Identifier 0..*, active boolean 0..1, providedBy Reference 0..1,
 type CodeableConcept 0..*, name string 0..1, telecom ContactPoint 0..*, appointmentRequired boolean 0..1
Practitioner: identifier Identifier 0..*, active boolean 0..1, name HumanName 0..*,
 qualification Practitioner.qualification 0..*
Practitioner.qualification: code CodeableConcept 1..1
PractitionerRole: active boolean 0..1, period Period 0..1, practitioner Reference 0..1, organization Reference 0..1,
 code CodeableConcept 0..*, healthcareService Reference 0..*
Schedule: active boolean 0..1, actor Reference 1..*, planningHorizon Period 0..1, comment string 0..1
Slot: serviceType CodeableConcept 0..*, schedule Reference 1..1, status code 1..1, start instant 1..1, end instant 1..1
Appointment: identifier Identifier 0..*, status code 1..1, cancelationReason CodeableConcept 0..1,
 serviceType CodeableConcept 0..*, start instant 0..1, end instant 0..1, minutesDuration positiveInt 0..1,
 slot Reference 0..*, created dateTime 0..1, participant Appointment.participant 1..*
Appointment.participant: type CodeableConcept 0..*, actor Reference 0..1, required code 0..1, status code 1..1
Patient: identifier Identifier 0..*, name HumanName 0..*, gender code 0..1, birthDate date 0..1
RelatedPerson: active boolean 0..1, patient Reference 1..1, relationship CodeableConcept 0..*, name HumanName 0..*,
 period Period 0..1
Consent: status code 1..1, scope CodeableConcept 1..1, category CodeableConcept 1..*, patient Reference 0..1,
 dateTime dateTime 0..1, policyRule CodeableConcept 0..1, provision Consent.provision 0..1
Consent.provision: type code 0..1, period Period 0..1, actor Consent.provision.actor 0..*
Consent.provision.actor: role CodeableConcept 1..1, reference Reference 1..1
Communication: partOf Reference 0..*, status code 1..1, subject Reference 0..1, topic CodeableConcept 0..1,
 sent dateTime 0..1, recipient Reference 0..*, sender Reference 0..1, payload Communication.payload 0..*,
 note Annotation 0..*
Communication.payload: contentString string 0..1, contentAttachment Attachment 0..1
Questionnaire: url uri 0..1, version string 0..1, title string 0..1, status code 1..1, subjectType code 0..*,
 item Questionnaire.item 0..*
Questionnaire.item: linkId string 1..1, text string 0..1, type code 1..1,
 enableWhen Questionnaire.item.enableWhen 0..*, enableBehavior code 0..1, required boolean 0..1,
 answerOption Questionnaire.item.answerOption 0..*
Questionnaire.item.enableWhen: question string 1..1, operator code 1..1, answerBoolean boolean 0..1,
 answerInteger integer 0..1, answerDate date 0..1, answerString string 0..1, answerCoding Coding 0..1
Questionnaire.item.answerOption: valueCoding Coding 1..1
QuestionnaireResponse: questionnaire canonical 0..1, status code 1..1, subject Reference 0..1, authored dateTime 0..1,
 item QuestionnaireResponse.item 0..*
QuestionnaireResponse.item: linkId string 1..1, answer QuestionnaireResponse.item.answer 0..*
QuestionnaireResponse.item.answer: valueBoolean boolean 0..1, valueInteger integer 0..1, valueDate date 0..1,
 valueString string 0..1, valueCoding Coding 0..1
Encounter: status code 1..1, class Coding 1..1, subject Reference 0..1, participant Encounter.participant 0..*,
 appointment Reference 0..*, period Period 0..1, serviceProvider Reference 0..1
Encounter.participant: individual Reference 0..1
AuditEvent: type Coding 1..1, subtype Coding 0..*, action code 0..1, recorded instant 1..1, outcome code 0..1,
 agent AuditEvent.agent 1..*, source AuditEvent.source 1..1, entity AuditEvent.entity 0..*
AuditEvent.agent: who Reference 0..1, requestor boolean 1..1, network AuditEvent.agent.network 0..1
AuditEvent.agent.network: address string 0..1, type code 0..1
AuditEvent.source: observer Reference 1..1
AuditEvent.entity: what Reference 0..1
CapabilityStatement: status code 1..1, date dateTime 1..1, kind code 1..1,
 software CapabilityStatement.software 0..1, implementation CapabilityStatement.implementation 0..1,
 fhirVersion code 1..1, format code 1..*, patchFormat code 0..*, rest CapabilityStatement.rest 0..*
CapabilityStatement.software: name string 1..1, version string 0..1
CapabilityStatement.implementation: description string 1..1, url uri 0..1
CapabilityStatement.rest: mode code 1..1, security CapabilityStatement.rest.security 0..1,
 resource CapabilityStatement.rest.resource 0..*
CapabilityStatement.rest.security: service CodeableConcept 0..*, description markdown 0..1
CapabilityStatement.rest.resource: type code 1..1, documentation markdown 0..1,
 interaction CapabilityStatement.rest.resource.interaction 0..*, versioning code 0..1, conditionalCreate boolean 0..1,
 searchParam CapabilityStatement.rest.resource.searchParam 0..*
CapabilityStatement.rest.resource.interaction: code code 1..1
CapabilityStatement.rest.resource.searchParam: name string 1..1, type code 1..1, documentation markdown 0..1
Bundle: type code 1..1, total unsignedInt 0..1, link Bundle.link 0..*, entry Bundle.entry 0..*
Bundle.link: relation string 1..1, url uri 1..1
Bundle.entry: fullUrl uri 0..1, resource Resource 0..1, search Bundle.entry.search 0..1
Bundle.entry.search: mode code 0..1
OperationOutcome: issue OperationOutcome.issue 1..*
OperationOutcome.issue: severity code 1..1, code code 1..1, details CodeableConcept 0..1, diagnostics string 0..1,
 expression string 0..*
"""

_ELEMENT: Final = re.compile(r"(\w+) ([\w.]+) ([01])\.\.([1*])")

Structure = dict[str, tuple[str, bool, bool]]
"""By element: its type, whether it must be there, whether it is a list."""


def _read() -> dict[str, Structure]:
    found: dict[str, Structure] = {}
    for line in _TEXT.replace(",\n ", ", ").strip().splitlines():
        if line:
            name, _, elements = line.partition(": ")
            parts = [_ELEMENT.fullmatch(part) for part in elements.split(", ")]
            assert all(parts), line
            found[name] = {part[1]: (part[2], part[3] == "1", part[4] == "*") for part in parts if part}
    return found


STRUCTURES: Final = _read()

PRIMITIVES: Final[dict[str, str]] = {
    "id": r"[A-Za-z0-9\-.]{1,64}",
    "code": r"[^\s]+(\s[^\s]+)*",
    "uri": r"\S+",
    "canonical": r"\S+",
    "string": r"[ \r\n\t\S]+",
    "markdown": r"[ \r\n\t\S]+",
    "date": r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?",
    "instant": r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(Z|[+-][01][0-9]:[0-5][0-9])",
    "dateTime": (
        r"[0-9]{4}(-[01][0-9](-[0-3][0-9]"
        r"(T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(Z|[+-][01][0-9]:[0-5][0-9]))?)?)?"
    ),
}
"""Texts, by the regular expressions of the specification (datatypes.html)."""
NUMBERS: Final[dict[str, tuple[int, int]]] = {
    "integer": (-(2**31), 2**31 - 1),
    "unsignedInt": (0, 2**31 - 1),
    "positiveInt": (1, 2**31 - 1),
}
