"""The CapabilityStatement: what ``/fhir`` can do, made of the table that its routes are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from companion.fhir.codes import SECURITY_SERVICE, concept
from companion.fhir.elements import FHIR_VERSION, Resource, resource
from companion.fhir.search import Parameter

Interaction = Literal["read", "search-type", "create", "update", "patch"]
ORDER: Final[Sequence[Interaction]] = ("read", "search-type", "create", "update", "patch")
SECURITY: Final = (
    "A bearer token that says who asks. What anybody may ask (where care is given, free times, questionnaires) needs "
    "none."
)


@dataclass(frozen=True)
class Served:
    """A kind of resource and what can be done with it."""

    kind: str
    interactions: Sequence[Interaction]
    search: Sequence[Parameter]
    documentation: str = ""

    @property
    def has_versions(self) -> bool:
        """Whether its resources say which version they are, so that a change can name the one it is of."""
        return "update" in self.interactions


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
        patchFormat=["application/json-patch+json"] if any("patch" in one.interactions for one in served) else [],
        rest=[
            {
                "mode": "server",
                "security": {"service": [concept(SECURITY_SERVICE, "OAuth")], "description": SECURITY},
                "resource": [_resource(one) for one in sorted(served, key=lambda one: one.kind)],
            }
        ],
    )


def _resource(one: Served) -> Resource:
    return {
        "type": one.kind,
        "documentation": one.documentation,
        "interaction": [{"code": code} for code in ORDER if code in one.interactions],
        "versioning": "versioned-update" if one.has_versions else "no-version",
        "conditionalCreate": True if "create" in one.interactions else None,
        "searchParam": [
            {"name": found.name, "type": found.kind, "documentation": found.documentation} for found in one.search
        ],
    }
