"""docs/permissions.md: the table of ``auth/permissions.py`` for people to read."""

from collections.abc import Mapping
from typing import Final

from auth.permissions import MEANINGS, TABLE, Action, Relation, Rule
from auth.principal import Role
from signalling.reference import NOTICE, table

_SHORT: Final[Mapping[Relation, str]] = {
    Relation.ANYONE: "yes",
    Relation.SELF: "own",
    Relation.PROXY_SCOPE: "scope",
    Relation.OWN_UNIT: "unit",
    Relation.OWN_PROVIDER: "provider",
    Relation.MEETING_MEMBER: "member",
    Relation.MEETING_HOST: "host",
    Relation.OWN_MEETING: "meeting",
    Relation.SERVICE_SCOPE: "scope",
}
_COLUMNS: Final[tuple[Role, ...]] = (
    "patient", "proxy", "guest", "interpreter", "staff", "scheduler", "viewer", "unit_admin", "region_admin", "sre",
    "service",
)  # fmt: skip
_WITHOUT_LOGIN: Final[frozenset[Role]] = frozenset({"guest", "interpreter", "service"})


def permissions_document() -> str:
    """docs/permissions.md: the table of ``auth/permissions.py`` with a column for each role."""
    head = ("Action", *(column.replace("_", " ") for column in _COLUMNS), "Data", "Level", "Scopes")
    parts = [
        NOTICE,
        "\n# Who may do what\n\n",
        (
            "Each route, each event of a socket and each stream of media has one action. A role may do it when the "
            "person stands in one of the named relations to what is touched; an empty cell is never allowed. "
            "`auth/permissions.py` is the truth, `decide` the only judge; a test walks all actions, roles and "
            "relations.\n"
        ),
        "\n## Relations\n\n",
        table(
            ("Cell", "Relation", "Meaning"),
            ((_SHORT[relation], f"`{relation}`", meaning) for relation, meaning in MEANINGS.items()),
        ),
        (
            "\n## Actions\n\nData: `r` the action reads patient data, `w` it writes some; both stand in the audit log "
            "before the answer leaves. Level: the level of assurance (tillitsnivå) that the login of a patient or a "
            "staff member must have had. Scopes: what a proxy must have been granted, and what a service token must "
            "have.\n\n"
        ),
        table(head, (_permission_row(action, rule) for action, rule in TABLE.items())),
        "\n## What the actions are\n\n",
        table(("Action", "Meaning"), ((f"`{action}`", rule.summary) for action, rule in TABLE.items())),
    ]
    return "".join(parts)


def _permission_row(action: Action, rule: Rule) -> tuple[str, ...]:
    cells = (", ".join(_SHORT[relation] for role, relation in rule.allowed if role == column) for column in _COLUMNS)
    data = "r" * rule.reads_patient_data + "w" * rule.writes_patient_data
    scopes = ", ".join(f"`{scope}`" for scope in (rule.proxy_scope, rule.service_scope) if scope is not None)
    is_for_logins = any(role not in _WITHOUT_LOGIN for role, _ in rule.allowed)
    level = str(rule.min_acr) if rule.min_acr and is_for_logins else ""
    return (f"`{action}`", *cells, data, level, scopes)
