"""Who may do what: one table of action x role x relation, and pure functions that read it.

REST routes, Socket.IO events and media all ask ``decide``. An action that is not in ``TABLE`` does not exist; a pair
of role and relation that is not in an action's rule is refused. The table is written in
``auth/rules_realtime.py``, ``auth/rules_care.py`` and ``auth/rules_records.py``; docs/permissions.md shows it.

A relation says how the principal stands to what is touched (``Resource``). Whoever asks ``decide`` fills the resource
from stored data, never from what the client says. What a resource leaves out relates to nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from auth import rules_care, rules_realtime, rules_records
from auth.actions import (
    ACR_LEVELS,
    ACR_LINK,
    ACR_TOKEN,
    LOA2,
    LOA3,
    LOA4,
    MEANINGS,
    NOTHING,
    Action,
    Relation,
    Resource,
    Rule,
    acr_level,
)
from auth.principal import Principal

__all__ = [
    "ACR_LEVELS",
    "ACR_LINK",
    "ACR_TOKEN",
    "LOA2",
    "LOA3",
    "LOA4",
    "MEANINGS",
    "NOTHING",
    "TABLE",
    "Action",
    "Cause",
    "Decision",
    "Relation",
    "Resource",
    "Rule",
    "acr_level",
    "decide",
    "own_resource",
    "relations",
]

TABLE: Final[Mapping[Action, Rule]] = MappingProxyType(
    {**rules_realtime.RULES, **rules_care.RULES, **rules_records.RULES}
)

# --- the decision ------------------------------------------------------------------------------------------------

Cause = Literal["allowed", "not_logged_in", "acr", "role", "relation", "proxy_scope", "service_scope"]
"""Why: ``role`` no role of theirs may ever; ``relation`` not with this resource; ``acr`` the login was too weak."""


@dataclass(frozen=True)
class Decision:
    """The answer of ``decide``; true when allowed."""

    allowed: bool
    cause: Cause

    def __bool__(self) -> bool:
        return self.allowed


def own_resource(principal: Principal) -> Resource:
    """What lists of "mine" are about: the patient concerned, the chosen unit, or the link's meeting."""
    return Resource(
        provider_hsa_id=principal.provider_hsa_id,
        unit_hsa_id=principal.unit_hsa_id,
        patient_person_id=principal.subject,
        meeting_id=principal.meeting_id,
    )


def relations(principal: Principal, resource: Resource) -> frozenset[Relation]:
    """How the principal stands to the resource. Scopes are compared in ``decide``, which knows the rule."""
    found = {Relation.ANYONE}
    if principal.kind == "patient":
        found |= _patient_relations(principal, resource)
    elif principal.kind == "staff":
        found |= _staff_relations(principal, resource)
    elif principal.kind == "service":
        found.add(Relation.SERVICE_SCOPE)
    if principal.meeting_id is not None and principal.meeting_id == resource.meeting_id:
        found.add(Relation.OWN_MEETING)
    return frozenset(found)


def _patient_relations(principal: Principal, resource: Resource) -> set[Relation]:
    """A proxy stands to the represented patient's things only, never to own ones at the same time."""
    subject = principal.subject
    if subject is None:
        return set()
    is_theirs, is_member = resource.patient_person_id == subject, subject in resource.member_ids
    if principal.is_proxy:
        return {Relation.PROXY_SCOPE} if is_theirs or is_member else set()
    pairs = ((Relation.SELF, is_theirs), (Relation.MEETING_MEMBER, is_member))
    return {relation for relation, holds in pairs if holds}


def _staff_relations(principal: Principal, resource: Resource) -> set[Relation]:
    """A unit counts only together with its care provider."""
    provider, unit = principal.provider_hsa_id, principal.unit_hsa_id
    is_own_provider = provider is not None and provider == resource.provider_hsa_id
    pairs = (
        (Relation.MEETING_HOST, principal.actor in resource.host_ids),
        (Relation.MEETING_MEMBER, principal.actor in resource.member_ids),
        (Relation.OWN_PROVIDER, is_own_provider),
        (Relation.OWN_UNIT, is_own_provider and unit == resource.unit_hsa_id),
    )
    return {relation for relation, holds in pairs if holds}


def decide(principal: Principal | None, action: Action, resource: Resource = NOTHING) -> Decision:
    """May they? None is somebody who is not logged in, who may nothing."""
    if principal is None:
        return Decision(False, "not_logged_in")
    rule = TABLE[action]
    candidates = [relation for role, relation in rule.allowed if role in principal.roles]
    if not candidates:
        return Decision(False, "role")
    if principal.kind in ("patient", "staff") and acr_level(principal.acr) < rule.min_acr:
        return Decision(False, "acr")
    cause: Cause = "relation"
    for relation in relations(principal, resource).intersection(candidates):
        if relation is Relation.PROXY_SCOPE and rule.proxy_scope not in principal.proxy_scopes:
            cause = "proxy_scope"
        elif relation is Relation.SERVICE_SCOPE and rule.service_scope not in principal.service_scopes:
            cause = "service_scope"
        else:
            return Decision(True, "allowed")
    return Decision(False, cause)
