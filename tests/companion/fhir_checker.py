"""What FHIR R4 (4.0.1) asks of the resources that we make: structure and types (``fhir_structures``), bound codes, what
references lead to, invariants. It knows nothing of how they are made.
"""

import re
from datetime import datetime
from typing import Any

from companion.fhir.codes import OURS, SYSTEM_CODES, VALUE_SETS
from tests.companion.fhir_structures import NUMBERS, PRIMITIVES, STRUCTURES

REFERENCES = {
    "Organization.partOf": {"Organization"},
    "HealthcareService.providedBy": {"Organization"},
    "PractitionerRole.practitioner": {"Practitioner"},
    "PractitionerRole.organization": {"Organization"},
    "PractitionerRole.healthcareService": {"HealthcareService"},
    "Schedule.actor": {"Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Device", "HealthcareService"},
    "Slot.schedule": {"Schedule"},
    "Appointment.slot": {"Slot"},
    "Appointment.participant.actor": {"Patient", "Practitioner", "PractitionerRole", "HealthcareService"},
    "RelatedPerson.patient": {"Patient"},
    "Consent.patient": {"Patient"},
    "Consent.provision.actor.reference": {"Organization", "Practitioner", "Patient"},
    "Communication.subject": {"Patient"},
    "Communication.sender": {"Patient", "Organization", "Practitioner", "RelatedPerson"},
    "Communication.recipient": {"Patient", "Organization", "Practitioner", "RelatedPerson"},
    "QuestionnaireResponse.subject": {"Patient"},
    "Encounter.subject": {"Patient"},
    "Encounter.participant.individual": {"Practitioner", "PractitionerRole", "RelatedPerson"},
    "Encounter.appointment": {"Appointment"},
    "Encounter.serviceProvider": {"Organization"},
    "AuditEvent.agent.who": {"Patient", "Practitioner", "Organization"},
    "AuditEvent.entity.what": {"Patient"},
}


def check(resource: dict[str, Any]) -> dict[str, Any]:
    """Assert that it is well formed; the resource."""
    kind = resource["resourceType"]
    assert kind in STRUCTURES, kind
    rest = {name: part for name, part in resource.items() if name != "resourceType"}
    _check_value(kind, "id", rest.pop("id", "none"))
    _check_object(f"{kind}.meta", "Meta", rest.pop("meta", {"versionId": "0"}))
    _check_object(kind, kind, rest)
    _check_invariants(kind, resource)
    return resource


def _check_object(path: str, kind: str, value: Any) -> None:
    """Every element is known, as often as it must and may be there, and of its type."""
    assert isinstance(value, dict), path
    assert value, f"{path} is empty"
    structure = STRUCTURES[kind]
    assert set(value) <= set(structure), (path, set(value) - set(structure))
    for name, (element_kind, is_required, is_list) in structure.items():
        if name not in value:
            assert not is_required, f"{path}.{name} is missing"
            continue
        part = value[name]
        assert isinstance(part, list) is is_list, f"{path}.{name}"
        assert part != [], f"{path}.{name} is empty"
        for one in part if is_list else [part]:
            _check_value(f"{path}.{name}", element_kind, one)
    if kind == "Reference":
        _check_reference(path, value)
    elif kind == "Coding" and not path.endswith("details.coding") and "system" in value:
        known = value["system"].startswith(OURS) or value["code"] in SYSTEM_CODES[value["system"]]
        assert known, (path, value)


def _check_value(path: str, kind: str, value: Any) -> None:
    if kind == "Resource":
        check(value)
    elif kind == "boolean":
        assert isinstance(value, bool), path
    elif kind in NUMBERS:
        least, most = NUMBERS[kind]
        assert type(value) is int, path
        assert least <= value <= most, path
    elif kind in PRIMITIVES:
        assert isinstance(value, str), path
        assert re.fullmatch(PRIMITIVES[kind], value), (path, value)
        if kind in ("date", "dateTime", "instant") and len(value) >= 10:
            datetime.fromisoformat(value)
        assert path not in VALUE_SETS or value in VALUE_SETS[path], (path, value)
    else:
        _check_object(path, kind, value)


def _check_reference(path: str, value: dict[str, Any]) -> None:
    if "reference" in value:
        kind, _, resource_id = value["reference"].partition("/")
        assert kind in REFERENCES[path], (path, kind)
        assert re.fullmatch(PRIMITIVES["id"], resource_id), path
    else:
        assert "identifier" in value or "display" in value, path


def _check_invariants(kind: str, resource: dict[str, Any]) -> None:
    if kind == "Organization":  # org-1
        assert "identifier" in resource or "name" in resource
    elif kind == "Appointment":
        if resource["status"] not in ("proposed", "cancelled"):  # app-3
            assert "start" in resource
            assert "end" in resource
        if "cancelationReason" in resource:  # app-4
            assert resource["status"] in ("cancelled", "noshow")
        for participant in resource["participant"]:
            assert "actor" in participant or "type" in participant  # app-1
    elif kind == "Consent":
        assert "policy" in resource or "policyRule" in resource  # ppc-1
    elif kind == "Questionnaire":
        _check_questionnaire(resource)
    elif kind == "Communication":
        assert all(len(part) == 1 for part in resource.get("payload", []))
    elif kind == "QuestionnaireResponse":
        assert all(len(one) == 1 for item in resource.get("item", []) for one in item["answer"])
    elif kind == "CapabilityStatement":
        _check_capabilities(resource)


def _check_questionnaire(resource: dict[str, Any]) -> None:
    links = [item["linkId"] for item in resource.get("item", [])]
    assert len(set(links)) == len(links)  # que-2
    for item in resource.get("item", []):
        assert ("answerOption" in item) <= (item["type"] == "choice")  # que-5
        assert len(item.get("enableWhen", [])) < 2 or "enableBehavior" in item  # que-12
        for when in item.get("enableWhen", []):
            assert when["question"] in links
            assert sum(name.startswith("answer") for name in when) == 1
            assert when["operator"] != "exists" or isinstance(when["answerBoolean"], bool)  # que-7


def _check_capabilities(resource: dict[str, Any]) -> None:
    assert "rest" in resource  # cpb-1
    assert resource["implementation"]["description"]  # cpb-3 and cpb-15 (kind instance)
    types = [one["type"] for one in resource["rest"][0]["resource"]]
    assert len(set(types)) == len(types)  # cpb-9
    for one in resource["rest"][0]["resource"]:
        names = [search["name"] for search in one.get("searchParam", [])]
        assert len(set(names)) == len(names)  # cpb-12
