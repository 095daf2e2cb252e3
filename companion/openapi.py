"""The OpenAPI document of ``/openapi.json`` and ``/docs``: what FastAPI makes of the routes, and what every route has.

That is who may ask (``securitySchemes``, the action of the table of permissions) and each status with which a route can
refuse, with its codes. What only some routes answer they declare themselves (``responses={410: {}}``); the rest follows
from the route. ``tests/companion/test_schema.py`` holds real answers against the document.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute

from companion.errors import CATALOGUE, PROBLEM_JSON, TYPE_PREFIX
from companion.fhir.elements import FHIR_JSON
from companion.identity import Guard, Public, guards_of
from companion.routes import ROUTERS

_FHIR: Final = "/fhir/"
_SCHEME: Final = "principal"
_READ_ONLY: Final = frozenset({"get", "head"})
_DESCRIPTION: Final = """\
Bookings and records of digital care meetings.

Every error is `application/problem+json` (RFC 9457) with a stable `code`; below `/fhir` it is an `OperationOutcome`
with the same code. Things of other patients and other care providers are not found (404), whatever they are.
A POST that takes `Idempotency-Key` does once what is asked for with the same key.
"""
_TEXT: Final = {"type": "string"}
_SECURITY: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A token of one minute for the audience `alltid-oppet:companion`, which carries the whole principal "
    "and is signed with the token keys (`auth/principal_tokens.py`).",
}
_TITLES: Final[Mapping[int, str]] = {
    400: "The request cannot be read.",
    401: "No token, or one that does not hold.",
    403: "The caller may not do this.",
    404: "There is no such thing, or it is not the caller's.",
    406: "There is no such format.",
    409: "It cannot be done as things are now.",
    410: "It is gone.",
    412: "It has changed since it was read.",
    413: "The request is too large.",
    415: "This format is not taken.",
    416: "The file is not that long.",
    422: "What the request says cannot be used.",
    429: "Too often.",
    503: "Nothing was done; it may be tried again after `Retry-After`.",
    507: "There is no room.",
}
"""Each status that a documented refusal can have."""


class Companion(FastAPI):
    """The application, which describes itself in full."""

    _document: dict[str, Any] | None = None

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self._document is None:
            self._document = _completed(super().openapi())
        return self._document


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    document["info"]["description"] = _DESCRIPTION
    components = document["components"]
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, which we do not answer
        components["schemas"].pop(name, None)
    components["schemas"] |= _schemas()
    components["responses"] = dict(_refusals())
    components["securitySchemes"] = {_SCHEME: _SECURITY}
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute):
                for method in route.methods or ():
                    _complete(document["paths"][route.path][method.lower()], method.lower(), route)
    return document


def _complete(operation: dict[str, Any], method: str, route: APIRoute) -> None:
    guard = guards_of(route)[0]
    if isinstance(guard, Guard):
        operation["security"] = [{_SCHEME: []}]
        operation["x-action"] = str(guard.action)
    else:
        operation["security"] = []
        operation["x-public-because"] = guard.why
    responses: dict[str, Any] = operation["responses"]
    is_fhir = route.path.startswith(_FHIR)
    if is_fhir and method not in _READ_ONLY and "requestBody" not in operation:
        operation["requestBody"] = _fhir_body(method, route.path)
    kind = "Outcome" if is_fhir else "Problem"
    declared = {int(status) for status in responses if status.isdecimal() and int(status) >= 400}
    for status in sorted((declared - {422}) | _statuses(operation, method, route, guard)):
        responses[str(status)] = {"$ref": f"#/components/responses/{kind}{status}"}
    if "422" in responses and "$ref" not in responses["422"]:
        del responses["422"]  # FastAPI's
    for answered, response in responses.items():
        if is_fhir and answered.startswith("2") and answered != "204" and "content" not in response:
            response["content"] = {FHIR_JSON: {"schema": {"$ref": "#/components/schemas/Resource"}}}


def _statuses(operation: dict[str, Any], method: str, route: APIRoute, guard: Guard | Public) -> set[int]:
    """What this route may refuse with, by what it asks of the caller."""
    found = {503}
    if isinstance(guard, Guard):
        found |= {401, 403, 404, 422}  # 422: staff must say whom it is about
    if operation.get("parameters"):
        found |= {422}
    if "{" in route.path:
        found |= {404}
    if "requestBody" in operation:
        found |= {400}
    if method not in _READ_ONLY:
        found |= {409, 413, 422}
    if route.path.startswith(_FHIR):
        found |= {400, 406} if method in _READ_ONLY else {400, 406, 412, 415}
    return found


def _fhir_body(method: str, path: str) -> dict[str, Any]:
    """What the routes of ``/fhir`` take, which read the body themselves."""
    content: dict[str, Any]
    if path.endswith("/_search"):
        content = {"application/x-www-form-urlencoded": {"schema": {"type": "object", "additionalProperties": _TEXT}}}
    elif method == "patch":
        step: dict[str, Any] = {
            "type": "object",
            "required": ["op", "path"],
            "properties": {"op": _TEXT, "path": _TEXT, "value": {}},
        }
        content = {"application/json-patch+json": {"schema": {"type": "array", "items": step}}}
    else:
        content = {FHIR_JSON: {"schema": {"$ref": "#/components/schemas/Resource"}}}
    return {"required": True, "content": content}


def _codes() -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for kind in CATALOGUE.values():
        found[kind.status].append(kind.code)
    return found


def _refusals() -> Iterator[tuple[str, dict[str, Any]]]:
    codes = _codes()
    for status, title in _TITLES.items():
        enum = {"enum": sorted(codes[status])}
        problem = {
            "allOf": [
                {"$ref": "#/components/schemas/Problem"},
                {"properties": {"code": enum, "status": {"const": status}}},
            ]
        }
        coding = {"type": "array", "items": {"properties": {"code": enum}}}
        issue = {"type": "array", "items": {"properties": {"details": {"properties": {"coding": coding}}}}}
        outcome = {"allOf": [{"$ref": "#/components/schemas/OperationOutcome"}, {"properties": {"issue": issue}}]}
        yield f"Problem{status}", {"description": title, "content": {PROBLEM_JSON: {"schema": problem}}}
        yield f"Outcome{status}", {"description": title, "content": {FHIR_JSON: {"schema": outcome}}}


def _schemas() -> dict[str, Any]:
    members = {
        "type": {"type": "string", "format": "uri", "pattern": f"^{TYPE_PREFIX}"},
        "title": {"type": "string", "description": "In the language of `Accept-Language`, Swedish or English."},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable."},
        "field": {"type": "string", "description": "Which field of the request is at fault, dotted."},
        "detail": {"type": "string", "description": "For programmers."},
        "alternatives": {
            "type": "array",
            "description": "Of `slot_taken`: the nearest free slots.",
            "items": {"$ref": "#/components/schemas/Alternative"},
        },
    }
    coding = {"type": "object", "required": ["system", "code"], "properties": {"system": _TEXT, "code": _TEXT}}
    details = {
        "type": "object",
        "required": ["coding", "text"],
        "properties": {"coding": {"type": "array", "minItems": 1, "items": coding}, "text": _TEXT},
    }
    issue = {
        "type": "object",
        "required": ["severity", "code"],
        "properties": {
            "severity": {"enum": ["error", "information"]},
            "code": _TEXT,
            "details": details,
            "diagnostics": _TEXT,
            "expression": {"type": "array", "items": _TEXT},
        },
    }
    return {
        "Problem": {
            "type": "object",
            "description": "RFC 9457.",
            "required": ["type", "title", "status", "code"],
            "properties": members,
        },
        "OperationOutcome": {
            "type": "object",
            "description": "FHIR R4.",
            "required": ["resourceType", "issue"],
            "properties": {
                "resourceType": {"const": "OperationOutcome"},
                "issue": {"type": "array", "minItems": 1, "items": issue},
            },
        },
        "Resource": {
            "type": "object",
            "description": "A resource of FHIR R4 (4.0.1), which defines its fields.",
            "required": ["resourceType"],
            "properties": {"resourceType": _TEXT},
        },
    }
