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

PRUNED: Final = {
    DataKind.AUDIT_ENTRY: "A chain loses its beginning and nothing from its middle (companion/store/audit_pruning.py).",
}
"""Kinds that have a table and no area, and why."""
