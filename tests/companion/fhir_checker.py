"""What FHIR R4 (4.0.1) asks of the resources that we make, written down from its specification: which elements there
are, which must be there, which are lists, which code sets bind them. It knows nothing of how they are made.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from companion.fhir.codes import OURS, SYSTEM_CODES, VALUE_SETS

# name: required, name*: a list, name*!: a list that must not be empty, name!: must be there
ELEMENTS = {
    "Organization": "identifier* active type* name telecom* address* partOf",
    "HealthcareService": "identifier* active providedBy type* name telecom* appointmentRequired",
    "Practitioner": "identifier* active name* qualification*",
    "PractitionerRole": "active period practitioner organization code* healthcareService*",
    "Schedule": "active actor*! planningHorizon comment",
    "Slot": "serviceType* schedule! status! start! end!",
    "Appointment": (
        "identifier* status! cancelationReason serviceType* start end minutesDuration slot* created participant*!"
    ),
    "Patient": "identifier* name* gender birthDate",
    "RelatedPerson": "active patient! relationship* name* period",
    "Consent": "status! scope! category*! patient dateTime policyRule provision",
    "Communication": "partOf* status! subject topic sent recipient* sender payload* note*",
    "Questionnaire": "url version title status! subjectType* item*",
    "QuestionnaireResponse": "questionnaire status! subject authored item*",
    "Encounter": "status! class! subject participant* appointment* period serviceProvider",
    "AuditEvent": "type! subtype* action recorded! outcome agent*! source! entity*",
    "CapabilityStatement": "status! date! kind! software implementation fhirVersion! format*! patchFormat* rest*",
    "Bundle": "type! total link* entry*",
    "OperationOutcome": "issue*!",
}
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
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def check(resource: dict[str, Any]) -> dict[str, Any]:
    """Assert that it is well formed; the resource."""
    kind = resource["resourceType"]
    specified: dict[str, tuple[bool, bool]] = {
        part.strip("*!"): ("*" in part, "!" in part) for part in ELEMENTS[kind].split()
    }
    given = set(resource) - {"resourceType", "id", "meta"}
    assert given <= set(specified), (kind, given - set(specified))
    if "id" in resource:
        assert ID.fullmatch(resource["id"])
    for name, (is_list, is_required) in specified.items():
        assert name in resource or not is_required, (kind, name)
        if name in resource:
            assert isinstance(resource[name], list) is is_list, (kind, name)
    if kind == "Bundle":
        for entry in resource.get("entry", []):
            check(entry["resource"])
        bare = [{name: entry[name] for name in ("fullUrl", "search")} for entry in resource.get("entry", [])]
        inspected = {name: part for name, part in {**resource, "entry": bare}.items() if part != []}
    else:
        inspected = resource
    for path, value in walk(kind, inspected):
        _check_value(path, value)
    _check_invariants(kind, resource)
    return resource


def walk(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every value with its path, lists left out of it."""
    yield path, value
    if isinstance(value, dict):
        for name, part in value.items():
            yield from walk(f"{path}.{name}", part)
    elif isinstance(value, list):
        for part in value:
            yield from walk(path, part)


def _check_value(path: str, value: Any) -> None:
    assert value is not None, path
    assert value not in ("", [], {}), path
    last = path.rsplit(".", 1)[-1]
    if path in VALUE_SETS and isinstance(value, str):
        assert value in VALUE_SETS[path], (path, value)
    if isinstance(value, dict) and {"system", "code"} <= set(value) and not path.endswith("details.coding"):
        assert value["system"].startswith(OURS) or value["code"] in SYSTEM_CODES[value["system"]], (path, value)
    if isinstance(value, dict) and isinstance(value.get("reference"), str):
        kind, _, resource_id = value["reference"].partition("/")
        assert kind in REFERENCES[path], (path, kind)
        assert ID.fullmatch(resource_id)
    if last in ("start", "end") and "PractitionerRole" in path:
        date.fromisoformat(value)
    elif last in ("start", "end", "created", "recorded", "authored", "dateTime", "sent", "time", "lastUpdated"):
        assert INSTANT.fullmatch(value), (path, value)
        datetime.fromisoformat(value)


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
            assert "status" in participant
            assert "actor" in participant or "type" in participant  # app-1
    elif kind == "Consent":
        assert "policy" in resource or "policyRule" in resource  # ppc-1
        for actor in resource["provision"].get("actor", []):
            assert {"role", "reference"} <= set(actor)
    elif kind == "Questionnaire":
        _check_questionnaire(resource)
    elif kind == "AuditEvent":
        assert all("requestor" in agent for agent in resource["agent"])
        assert "observer" in resource["source"]
    elif kind == "CapabilityStatement":
        _check_capabilities(resource)


def _check_questionnaire(resource: dict[str, Any]) -> None:
    links = [item["linkId"] for item in resource.get("item", [])]
    assert len(set(links)) == len(links)  # que-2
    for item in resource.get("item", []):
        assert "type" in item
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
