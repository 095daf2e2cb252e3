"""Pieces that FHIR R4 resources are made of, and the resources that carry others."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from auth.hsa import HSA_SYSTEM
from companion.fhir.codes import VALUE_SETS

FHIR_VERSION: Final = "4.0.1"
FHIR_JSON: Final = "application/fhir+json"
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")

Resource = dict[str, Any]


def resource(kind: str, resource_id: str | None, /, **elements: Any) -> Resource:
    """A resource without what is empty: FHIR knows neither null nor empty lists. Checks the codes of its status."""
    if resource_id is not None and not _ID.fullmatch(resource_id):
        raise ValueError("not an id of FHIR")
    made: Resource = {"resourceType": kind}
    if resource_id is not None:
        made["id"] = resource_id
    made.update(elements)
    status = made.get("status")
    if f"{kind}.status" in VALUE_SETS and status not in VALUE_SETS[f"{kind}.status"]:
        raise ValueError(f"{kind}.status")
    pruned: Resource = pruned_of(made)
    return pruned


def pruned_of(value: Any) -> Any:
    """Without None, empty texts, lists and objects, at any depth."""
    if isinstance(value, Mapping):
        parts = {name: pruned_of(part) for name, part in value.items()}
        return {name: part for name, part in parts.items() if not _is_empty(part)}
    if isinstance(value, list | tuple):
        return [part for part in map(pruned_of, value) if not _is_empty(part)]
    return value


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def instant(at: datetime | None) -> str | None:
    """An ``instant`` or ``dateTime`` in UTC, whole seconds when it is on one."""
    if at is None:
        return None
    text = at.astimezone(UTC).isoformat(timespec="milliseconds" if at.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def period(begins_at: datetime | None, ends_at: datetime | None) -> dict[str, str | None]:
    """A ``Period``."""
    return {"start": instant(begins_at), "end": instant(ends_at)}


def reference(kind: str, resource_id: str, display: str | None = None) -> dict[str, str | None]:
    """A relative ``Reference`` to a resource of ours."""
    if not _ID.fullmatch(resource_id):
        raise ValueError("not an id of FHIR")
    return {"reference": f"{kind}/{resource_id}", "display": display}


def hsa_identifier(hsa_id: str) -> dict[str, str]:
    """An ``Identifier`` of the national directory."""
    return {"system": HSA_SYSTEM, "value": hsa_id}


def searchset(
    base_url: str, self_url: str, matches: Iterable[Resource], *, total: int | None = None, next_url: str | None = None
) -> Resource:
    """The ``Bundle`` that answers a search: one page of it. ``total``: of all pages, when it is known."""
    entries = [
        {"fullUrl": f"{base_url}/{one['resourceType']}/{one['id']}", "resource": one, "search": {"mode": "match"}}
        for one in matches
    ]
    return resource(
        "Bundle",
        None,
        type="searchset",
        total=total,
        link=[
            {"relation": "self", "url": self_url},
            *([{"relation": "next", "url": next_url}] if next_url is not None else []),
        ],
        entry=entries,
    )
