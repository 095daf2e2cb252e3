"""All areas. Whoever adds a table of a kind adds an area to a file of its own, and that file here."""

from typing import Final

from companion.retention import archive, campaigns, care, maternity, operation, people, rights
from companion.retention.area import Area
from companion.rules.retention import DataKind

AREAS: Final[tuple[Area, ...]] = (
    *care.AREAS,
    *archive.AREAS,
    *rights.AREAS,
    *maternity.AREAS,
    *campaigns.AREAS,
    *people.AREAS,
    *operation.AREAS,
)

PRUNED: Final = {
    DataKind.AUDIT_ENTRY: "A chain loses its beginning and nothing from its middle (companion/store/audit_pruning.py).",
}
"""Kinds that have a table and no area, and why."""

EXPLAINED: Final = {
    "audit_entry": PRUNED[DataKind.AUDIT_ENTRY],
    "front_audit_entry": PRUNED[DataKind.AUDIT_ENTRY],
    "slot_hold": "Minutes: the sweep gives back what has expired.",
    "custody": "Goes with custody_answer, which says when the register spoke.",
    "calendar_feed": "Until it is taken back, or a proxy's relation ends; goes with the person.",
    "offer_opt_out": "A wish that counts until it is taken back; goes with the person.",
    "person_reach": "How somebody is told; goes with the person.",
    "audit_sample": "Names staff who drew it; its entries are of the audit log.",
    "audit_sample_entry": "Names staff who judged.",
    "campaign": "Names staff who drafted it.",
    "campaign_approval": "Names staff who approved.",
    "letter_batch": "Names staff who printed.",
    "maternity_capacity": "Names staff who changed it.",
    "maternity_run": "Names staff who ran it; pregnancies by their ids alone.",
    "questionnaire_version": "Names staff who edited it; answers refer to it.",
    "staff_role": "Names staff.",
}
"""Tables that name somebody and have no area, and why. A test finds those that are missing."""
