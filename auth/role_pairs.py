"""Who is meant again and again in the table of permissions: pairs of role and relation."""

from typing import Final

from auth.actions import Relation
from auth.principal import Role

Pairs = tuple[tuple[Role, Relation], ...]

PATIENT: Final[Pairs] = (("patient", Relation.SELF), ("proxy", Relation.PROXY_SCOPE))
PATIENT_IN_MEETING: Final[Pairs] = (*PATIENT, ("patient", Relation.MEETING_MEMBER))
STAFF: Final[Pairs] = (("staff", Relation.OWN_UNIT),)
STAFF_IN_MEETING: Final[Pairs] = (*STAFF, ("staff", Relation.MEETING_HOST), ("staff", Relation.MEETING_MEMBER))
PLANNERS: Final[Pairs] = (("staff", Relation.OWN_UNIT), ("scheduler", Relation.OWN_UNIT))
VIEWER: Final[Pairs] = (("viewer", Relation.OWN_UNIT),)
ADMINS: Final[Pairs] = (("unit_admin", Relation.OWN_UNIT), ("region_admin", Relation.OWN_PROVIDER))
ADMINS_OF_PROVIDER: Final[Pairs] = (
    ("unit_admin", Relation.OWN_PROVIDER),
    ("region_admin", Relation.OWN_PROVIDER),
)
LOGGED_IN_STAFF: Final[Pairs] = (
    ("staff", Relation.ANYONE),
    ("scheduler", Relation.ANYONE),
    ("viewer", Relation.ANYONE),
    ("unit_admin", Relation.ANYONE),
    ("region_admin", Relation.ANYONE),
    ("sre", Relation.ANYONE),
)
LOGGED_IN: Final[Pairs] = (("patient", Relation.ANYONE), ("proxy", Relation.ANYONE), *LOGGED_IN_STAFF)
IN_MEETING: Final[Pairs] = (
    ("patient", Relation.OWN_MEETING),
    ("proxy", Relation.OWN_MEETING),
    ("staff", Relation.OWN_MEETING),
    ("guest", Relation.OWN_MEETING),
    ("interpreter", Relation.OWN_MEETING),
)
HOST: Final[Pairs] = (("staff", Relation.MEETING_HOST),)
HOST_INSIDE: Final[Pairs] = (("staff", Relation.OWN_MEETING),)
"""With a meeting token: staff have one of their own only where they hold the meeting (``signalling/entry.py``)."""
SERVICE: Final[Pairs] = (("service", Relation.SERVICE_SCOPE),)
