"""The checker of FHIR resources finds what is wrong."""

import copy
from typing import Any

import pytest

from tests.companion.fhir_checker import check

SLOT = {
    "resourceType": "Slot",
    "id": "sl-1",
    "serviceType": [{"coding": [{"system": "urn:alltid-oppet:time-type", "code": "tt-1"}]}],
    "schedule": {"reference": "Schedule/sc-1"},
    "status": "free",
    "start": "2027-03-08T07:00:00Z",
    "end": "2027-03-08T07:30:00Z",
}
APPOINTMENT = {
    "resourceType": "Appointment",
    "id": "bk-1",
    "meta": {"versionId": "1", "lastUpdated": "2027-03-01T07:00:00Z"},
    "status": "cancelled",
    "cancelationReason": {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason", "code": "pat"}]
    },
    "minutesDuration": 30,
    "participant": [{"actor": {"reference": "Patient/p-1"}, "status": "accepted"}],
}


def changed(resource: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The resource with another value there; None: without it."""
    made = copy.deepcopy(resource)
    target: Any = made
    *steps, last = path.split("/")
    for step in steps:
        target = target[int(step)] if isinstance(target, list) else target[step]
    if value is None:
        del target[last]
    else:
        target[last] = value
    return made


def test_what_is_right() -> None:
    assert check(SLOT) == SLOT
    assert check(APPOINTMENT) == APPOINTMENT


@pytest.mark.parametrize(
    ("resource", "path", "value"),
    [
        (SLOT, "status", None),
        (SLOT, "status", "open"),
        (SLOT, "status", ["free"]),
        (SLOT, "schedule", None),
        (SLOT, "schedule", {"reference": "Slot/1"}),
        (SLOT, "schedule", {"reference": "Schedule/å"}),
        (SLOT, "schedule", {}),
        (SLOT, "start", "2027-03-08"),
        (SLOT, "start", "2027-02-30T07:00:00Z"),
        (SLOT, "serviceType", []),
        (SLOT, "serviceType", {"text": "x"}),
        (SLOT, "serviceType/0/coding/0/system", "urn:else"),
        (SLOT, "serviceType/0/coding/0/color", "red"),
        (SLOT, "overbooked", True),
        (SLOT, "id", "a b"),
        (SLOT, "resourceType", "Slots"),
        (APPOINTMENT, "status", "booked"),
        (APPOINTMENT, "minutesDuration", 0),
        (APPOINTMENT, "minutesDuration", "30"),
        (APPOINTMENT, "minutesDuration", True),
        (APPOINTMENT, "meta/lastUpdated", "yesterday"),
        (APPOINTMENT, "cancelationReason/coding/0/code", "tired"),
        (APPOINTMENT, "participant", []),
        (APPOINTMENT, "participant/0/status", None),
        (APPOINTMENT, "participant/0/status", "maybe"),
        (APPOINTMENT, "participant/0/actor", None),
    ],
)
def test_what_is_wrong(resource: dict[str, Any], path: str, value: Any) -> None:
    with pytest.raises((AssertionError, KeyError, ValueError)):
        check(changed(resource, path, value))
