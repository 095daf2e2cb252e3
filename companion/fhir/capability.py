"""The CapabilityStatement: what ``/fhir`` can do, made of the table that its routes are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from companion.fhir.codes import SECURITY_SERVICE, concept
from companion.fhir.elements import FHIR_VERSION, Resource, resource

Interaction = Literal["read", "search-type", "create", "update"]
SearchType = Literal["token", "date", "reference", "string"]


@dataclass(frozen=True)
class Served:
    """A kind of resource and what can be done with it."""

    kind: str
    interactions: Sequence[Interaction]
    search: Mapping[str, SearchType]
    documentation: str = ""


def capability_statement(served: Sequence[Served], *, published: date, version: str, url: str) -> Resource:
    """CapabilityStatement of this instance."""
    return resource(
        "CapabilityStatement",
        None,
        status="active",
        date=published.isoformat(),
        kind="instance",
        software={"name": "Alltid öppet: companion", "version": version},
        implementation={"description": "Bookings and records of digital care meetings.", "url": url},
        fhirVersion=FHIR_VERSION,
        format=["json"],
        rest=[
            {
                "mode": "server",
                "security": {"service": [concept(SECURITY_SERVICE, "OAuth")]},
                "resource": [
                    {
                        "type": one.kind,
                        "documentation": one.documentation,
                        "interaction": [{"code": code} for code in one.interactions],
                        "searchParam": [{"name": name, "type": kind} for name, kind in sorted(one.search.items())],
                    }
                    for one in sorted(served, key=lambda one: one.kind)
                ],
            }
        ],
    )
