"""What goes wrong at ``/fhir``: an OperationOutcome, with an issue code of FHIR (IssueType) for each of our own."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from companion.errors import Language, Problem, define
from companion.fhir.codes import OURS
from companion.fhir.elements import Resource, resource

RESOURCE_INVALID: Final = define(
    "resource_invalid", 400, sv="Resursen är inte giltig FHIR R4.", en="The resource is not valid FHIR R4."
)
RESOURCE_REFUSED: Final = define(
    "resource_refused",
    422,
    sv="Resursen säger något som inte kan göras här.",
    en="The resource says something that cannot be done here.",
)
NOT_ACCEPTABLE: Final = define(
    "not_acceptable", 406, sv="Här finns bara FHIR-JSON.", en="There is only FHIR JSON here."
)
UNSUPPORTED_MEDIA_TYPE: Final = define(
    "unsupported_media_type",
    415,
    sv="Det formatet tas inte emot här.",
    en="This media type is not accepted here.",
)
VERSION_CHANGED: Final = define(
    "version_changed",
    412,
    sv="Resursen har ändrats sedan du läste den.",
    en="The resource has changed since you read it.",
)

_BY_STATUS: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: "invalid",
        401: "login",
        403: "forbidden",
        404: "not-found",
        405: "not-supported",
        406: "not-supported",
        409: "business-rule",
        412: "conflict",
        413: "too-long",
        415: "not-supported",
        422: "processing",
        429: "throttled",
        503: "transient",
    }
)
_BY_CODE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "malformed": "structure",
        "unknown_parameter": "not-supported",
        "parameter_value": "value",
        "invalid_request": "invalid",
        "resource_refused": "business-rule",
        "conflict": "conflict",
        "slot_taken": "conflict",
        "hold_expired": "expired",
        "not_permitted": "business-rule",
        "idempotency_key_reused": "duplicate",
    }
)
_BY_SHAPE: Final[Mapping[str, str]] = MappingProxyType(
    {"missing": "required", "literal_error": "code-invalid", "extra_forbidden": "not-supported"}
)
"""Of a resource that is not valid: by what pydantic says is wrong with the element."""


def issue_code(status: int, code: str, detail: str | None = None) -> str:
    """The IssueType of a problem."""
    if code == RESOURCE_INVALID.code:
        return _BY_SHAPE.get(detail or "", "structure")
    return _BY_CODE.get(code) or _BY_STATUS.get(status, "exception" if status >= 500 else "processing")


def operation_outcome(problem: Problem, language: Language) -> Resource:
    """The OperationOutcome: our stable code as a coding, the text for people, the element as the expression."""
    kind = problem.kind
    issues: list[dict[str, Any]] = [
        {
            "severity": "error",
            "code": issue_code(kind.status, kind.code, problem.detail),
            "details": {"coding": [{"system": OURS + "problem", "code": kind.code}], "text": kind.title(language)},
            "diagnostics": problem.detail,
            "expression": [problem.field_name] if problem.field_name else [],
        }
    ]
    nearest = [f"Slot/{one['slot_id']}" for one in problem.extra.get("alternatives", ())]
    if nearest:
        issues.append({"severity": "information", "code": "informational", "diagnostics": " ".join(nearest)})
    return resource("OperationOutcome", None, issue=issues)
