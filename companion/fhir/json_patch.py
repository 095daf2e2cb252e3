"""JSON Patch (RFC 6902): ``add``, ``remove``, ``replace`` and ``test`` on a resource. ``move`` and ``copy`` have no use
here and are refused.
"""

import copy
import re
from typing import Any, Final

from companion.errors import CONFLICT, Problem
from companion.fhir.elements import Resource
from companion.fhir.outcome import RESOURCE_INVALID, RESOURCE_REFUSED

_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,3}")
_MAX_OPERATIONS: Final = 20


def patched(target: Resource, operations: Any) -> Resource:
    """The resource after the operations; the one that was given stays as it is.

    ``Problem``: 400 for what is no JSON Patch, 409 for a ``test`` that fails (RFC 5789 section 2.2: conflicting state),
    422 for a place that is not there.
    """
    if not isinstance(operations, list) or not 0 < len(operations) <= _MAX_OPERATIONS:
        raise Problem(RESOURCE_INVALID, None, "not a list of operations")
    made = copy.deepcopy(target)
    for operation in operations:
        _apply(made, operation)
    return made


def _apply(target: Resource, operation: Any) -> None:
    if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
        raise Problem(RESOURCE_INVALID, None, "not an operation")
    name, path = operation.get("op"), operation["path"]
    if name not in ("add", "remove", "replace", "test"):
        raise Problem(RESOURCE_INVALID, "op", "add, remove, replace or test")
    if name != "remove" and "value" not in operation:
        raise Problem(RESOURCE_INVALID, "value", "missing")
    steps = [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]
    if not path.startswith("/") or not steps:
        raise Problem(RESOURCE_REFUSED, None, "the whole resource cannot be patched away")
    parent: Any = target
    for step in steps[:-1]:
        parent = _child(parent, step)
    last = steps[-1]
    if name == "test":
        if _child(parent, last) != operation["value"]:
            raise Problem(CONFLICT, None, "a test of the patch fails")
    elif name == "add":
        _add(parent, last, operation["value"])
    else:
        _child(parent, last)
        key = int(last) if isinstance(parent, list) else last
        if name == "remove":
            del parent[key]
        else:
            parent[key] = operation["value"]


def _child(parent: Any, step: str) -> Any:
    if isinstance(parent, dict) and step in parent:
        return parent[step]
    if isinstance(parent, list) and _INDEX.fullmatch(step) and int(step) < len(parent):
        return parent[int(step)]
    raise Problem(RESOURCE_REFUSED, None, "there is no such place in the resource")


def _add(parent: Any, step: str, value: Any) -> None:
    if isinstance(parent, dict):
        parent[step] = value
    elif isinstance(parent, list) and step == "-":
        parent.append(value)
    elif isinstance(parent, list) and _INDEX.fullmatch(step) and int(step) <= len(parent):
        parent.insert(int(step), value)
    else:
        raise Problem(RESOURCE_REFUSED, None, "there is no such place in the resource")
