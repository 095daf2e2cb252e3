"""Patient and meeting of a launch, out of whatever a FHIR service answers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.identity_numbers import IdentitySystem
from auth.smart_context import MEETING_SYSTEM, appointment_id, identity_number, is_fhir_id, meeting_id

NOW = 1_800_000_000.0
PERSONNUMMER = IdentitySystem.PERSONNUMMER.value


def patient(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": [{"system": system, "value": value} for system, value in pairs]}


def test_the_first_identity_number_in_a_known_system_counts() -> None:
    found = identity_number(patient(("urn:x", "1"), (PERSONNUMMER, "wrong"), (PERSONNUMMER, "19811228-9874")), NOW)
    assert found is not None
    assert found.value == "198112289874"
    assert identity_number(patient(("urn:x", "198112289874")), NOW) is None


def test_the_appointment_of_the_context_and_its_meeting() -> None:
    context = [{"reference": "Encounter/1"}, 7, {"reference": "Appointment/a-1"}]
    assert appointment_id(context) == "a-1"
    assert appointment_id([{"reference": "Appointment/../Patient/1"}, {"reference": "Appointment/.."}]) is None
    identifiers = [{"system": MEETING_SYSTEM, "value": "../x"}, {"system": MEETING_SYSTEM, "value": "m-1"}]
    assert meeting_id({"identifier": identifiers}) == "m-1"
    assert meeting_id({"identifier": [{"system": "urn:x", "value": "m-1"}]}) is None


@pytest.mark.parametrize(
    ("value", "is_one"), [("a-1.B", True), ("", False), ("a/b", False), ("..", False), ("x" * 65, False), (7, False)]
)
def test_only_ids_become_part_of_a_path(value: Any, is_one: bool) -> None:
    assert is_fhir_id(value) is is_one


_SCALARS = st.none() | st.booleans() | st.integers() | st.text()
_NAMES = st.sampled_from(["identifier", "system", "value", "reference"])


@given(st.recursive(_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(_NAMES, inner), max_leaves=8))
def test_no_shape_of_an_answer_is_a_surprise(answer: Any) -> None:
    assert identity_number(answer, NOW) is None
    assert meeting_id(answer) is None
    assert appointment_id(answer) is None
