"""Appointments that are sent: read strictly, and refused with one error."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.errors import Problem
from companion.fhir.appointments import Coding, Concept, NewVisit, cancellation, own_reason, read, wish
from companion.fhir.codes import CANCEL_REASON, CANCEL_REASONS, CANCELLATION_REASON, SYSTEM_CODES

PATIENT, SLOT = "p-" + "a" * 26, "sl-" + "b" * 26
SENT: dict[str, Any] = {
    "resourceType": "Appointment",
    "status": "booked",
    "start": "2027-03-08T07:00:00Z",
    "end": "2027-03-08T08:30:00.000+01:00",
    "slot": [{"reference": f"Slot/{SLOT}"}],
    "participant": [{"actor": {"reference": f"Patient/{PATIENT}"}, "status": "accepted"}],
}
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(sorted(SENT)), inner, max_size=4),
    max_leaves=12,
)


def test_what_is_asked_for() -> None:
    assert wish(read(SENT)) == NewVisit(SLOT, PATIENT)


@given(st.dictionaries(st.sampled_from([*sorted(SENT), "meta", "serviceType", "identifier", "x"]), _json), st.data())
def test_anything_else_is_refused_with_one_error(changes: dict[str, Any], data: st.DataObject) -> None:
    whole = data.draw(_json) if not changes else SENT | changes
    try:
        wish(read(whole))
        status = 200
    except Problem as problem:
        status = problem.kind.status
    assert status in (200, 400, 422)


def test_an_unknown_element_is_named_by_where_it_stands_and_not_quoted() -> None:
    for sent, element in (
        (SENT | {"19900517-2382": 1}, "Appointment"),
        (SENT | {"participant": [SENT["participant"][0] | {"Anna": 1}]}, "Appointment.participant[0]"),
    ):
        with pytest.raises(Problem) as caught:
            read(sent)
        assert (caught.value.field_name, caught.value.detail) == (element, "extra_forbidden")


@pytest.mark.parametrize("code", sorted(SYSTEM_CODES[CANCELLATION_REASON]))
def test_every_reason_of_hl7_means_one_of_ours(code: str) -> None:
    own = own_reason(Concept(coding=[Coding(system=CANCELLATION_REASON, code=code)]))
    assert own in CANCEL_REASONS
    assert (own == "patient_asked") == code.startswith("pat")


def test_our_own_reason_wins_and_unknown_ones_are_refused() -> None:
    hl7 = Coding(system=CANCELLATION_REASON, code="pat")
    for own in CANCEL_REASONS:
        assert own_reason(Concept(coding=[hl7, Coding(system=CANCEL_REASON, code=own)])) == own
    for codings in ([], [Coding(code="pat")], [hl7, Coding(system=CANCEL_REASON, code="tired")]):
        with pytest.raises(Problem, match="resource_refused"):
            own_reason(Concept(coding=codings))


def test_what_was_read_and_is_sent_back_changes_nothing() -> None:
    current = SENT | {"id": "bk-1", "meta": {"versionId": "3"}}
    assert cancellation(current, current) == "unchanged"
    assert cancellation(current, current | {"meta": {"versionId": "9"}, "status": "cancelled"}) == "no_reason"
    named = [{"actor": {"reference": f"Patient/{PATIENT}", "display": "A"}, "status": "accepted"}]
    assert cancellation(current, current | {"participant": named}) == "unchanged"
