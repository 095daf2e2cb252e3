"""JSON Patch: RFC 6902 as far as it is used here."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.errors import Problem
from companion.fhir.json_patch import patched

TARGET: dict[str, Any] = {"status": "booked", "slot": [{"reference": "Slot/1"}], "a/b": {"m~n": 1}}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "replace", "path": "/status", "value": "cancelled"}, {**TARGET, "status": "cancelled"}),
        ({"op": "add", "path": "/new", "value": {"x": 1}}, {**TARGET, "new": {"x": 1}}),
        ({"op": "remove", "path": "/slot/0"}, {**TARGET, "slot": []}),
        ({"op": "add", "path": "/slot/-", "value": 2}, {**TARGET, "slot": [{"reference": "Slot/1"}, 2]}),
        ({"op": "add", "path": "/slot/0", "value": 2}, {**TARGET, "slot": [2, {"reference": "Slot/1"}]}),
        ({"op": "replace", "path": "/slot/0/reference", "value": "x"}, {**TARGET, "slot": [{"reference": "x"}]}),
        ({"op": "test", "path": "/a~1b/m~0n", "value": 1}, TARGET),
    ],
)
def test_operations(operation: Any, expected: Any) -> None:
    assert patched(TARGET, [operation]) == expected
    assert TARGET["status"] == "booked"
    assert TARGET["slot"] == [{"reference": "Slot/1"}]


@pytest.mark.parametrize(
    ("operations", "status"),
    [
        ({}, 400),
        ([], 400),
        ([1], 400),
        ([{"op": "replace", "value": 1}], 400),
        ([{"op": "move", "path": "/status", "from": "/slot"}], 400),
        ([{"op": "replace", "path": "/status"}], 400),
        ([{"op": "test", "path": "/status", "value": "arrived"}], 409),
        ([{"op": "replace", "path": "", "value": {}}], 422),
        ([{"op": "replace", "path": "status", "value": {}}], 422),
        ([{"op": "replace", "path": "/nothing", "value": {}}], 422),
        ([{"op": "remove", "path": "/slot/1"}], 422),
        ([{"op": "add", "path": "/slot/7", "value": 1}], 422),
        ([{"op": "add", "path": "/slot/01", "value": 1}], 422),
        ([{"op": "add", "path": "/status/x", "value": 1}], 422),
        ([{"op": "test", "path": "/status", "value": "booked"}] * 21, 400),
    ],
)
def test_what_cannot_be_done(operations: Any, status: int) -> None:
    with pytest.raises(Problem) as caught:
        patched(TARGET, operations)
    assert caught.value.kind.status == status


_json = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner))
_paths = st.lists(st.sampled_from(["", "status", "slot", "0", "-", "a~1b", "~", "reference"])).map("/".join)
_names = st.sampled_from(["add", "remove", "replace", "test", "copy", 1])


@given(st.lists(st.fixed_dictionaries({"op": _names, "path": _paths | _json}, optional={"value": _json}) | _json))
def test_anything_else_is_refused_with_one_error(operations: Any) -> None:
    try:
        status = 200 if isinstance(patched(TARGET, operations), dict) else 500
    except Problem as problem:
        status = problem.kind.status
    assert status in (200, 400, 409, 422)
