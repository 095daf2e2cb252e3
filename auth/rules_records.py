"""The table of permissions, part three: the archive, quality of visits, retention, people's rights in the records."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from auth.actions import Action, Relation, Rule
from auth.role_pairs import ADMINS, SERVICE, STAFF, VIEWER

_SELF: Final = (("patient", Relation.SELF),)
_REGION: Final = (("region_admin", Relation.OWN_PROVIDER),)

RULES: Final[Mapping[Action, Rule]] = MappingProxyType(
    {
        # The archive. Archived cases are listed and read by the actions of cases.
        Action.ARCHIVE_WRITE: Rule(
            "Archive a closed case and its files (the front).",
            SERVICE,
            writes_patient_data=True,
            service_scope="archive:write",
        ),
        Action.ARCHIVE_CHECK: Rule("Ask what is archived (the front).", SERVICE, service_scope="archive:write"),
        # How visits went.
        Action.QUALITY_WRITE: Rule(
            "Tell how a visit went, technically (the front).",
            SERVICE,
            writes_patient_data=True,
            service_scope="quality:write",
        ),
        Action.QUALITY_READ: Rule(
            "See how one of the unit's visits went, technically.", STAFF, reads_patient_data=True
        ),
        Action.QUALITY_FIGURES: Rule(
            "See how a unit's visits went together: sums, not of few.", (*STAFF, *VIEWER, *ADMINS)
        ),
        # Retention.
        Action.RETENTION_REPORT: Rule("See what is due to be erased: counts.", _REGION),
        Action.RETENTION_ERASE: Rule(
            "Erase what is due (the companion itself).",
            SERVICE,
            writes_patient_data=True,
            service_scope="retention:erase",
        ),
        Action.LEGAL_HOLD: Rule("Place, lift and list legal holds.", _REGION, writes_patient_data=True),
        # The people's rights.
        Action.EXTRACT_ORDER: Rule(
            "Order an extract of what is kept of oneself, but internal notes; staff: for a patient who asks on paper.",
            (*_SELF, *STAFF),
            reads_patient_data=True,
        ),
        Action.EXTRACT_READ: Rule("Fetch an extract that one has ordered.", (*_SELF, *STAFF), reads_patient_data=True),
        Action.CORRECTION_ASK: Rule(
            "Ask for a correction of one's records, or take that back.", _SELF, writes_patient_data=True
        ),
        Action.CORRECTION_READ: Rule(
            "See what was asked to be corrected, and what came of it.", (*_SELF, *STAFF), reads_patient_data=True
        ),
        Action.CORRECTION_DECIDE: Rule("Decide on a correction.", STAFF, writes_patient_data=True),
    }
)
