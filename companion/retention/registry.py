"""All areas. Whoever adds a table of a kind adds an area to a file of its own, and that file here."""

from typing import Final

from companion.retention import archive, campaigns, care, maternity, operation, rights
from companion.retention.area import Area
from companion.rules.retention import DataKind

AREAS: Final[tuple[Area, ...]] = (
    *care.AREAS,
    *archive.AREAS,
    *rights.AREAS,
    *maternity.AREAS,
    *campaigns.AREAS,
    *operation.AREAS,
)

NOT_ERASED: Final = {
    DataKind.AUDIT_ENTRY: "The chain is checked from its beginning; its first entries become due five years after it.",
}
"""Kinds that have a table and no area, and why."""
