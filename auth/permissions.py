"""Who may do what: one table of action x role x relation, and pure functions that read it.

REST routes, Socket.IO events and media all ask ``decide``. An action that is not in ``TABLE`` does not exist; a pair
of role and relation that is not in an action's rule is refused. docs/permissions.md shows the table.

A relation says how the principal stands to what is touched (``Resource``). Whoever asks ``decide`` fills the resource
from stored data, never from what the client says. What a resource leaves out relates to nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

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
from auth.principal import Principal, Role

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

_R = Relation
_Pairs = tuple[tuple[Role, Relation], ...]

_PATIENT: Final[_Pairs] = (("patient", _R.SELF), ("proxy", _R.PROXY_SCOPE))
_PATIENT_IN_MEETING: Final[_Pairs] = (*_PATIENT, ("patient", _R.MEETING_MEMBER))
_STAFF: Final[_Pairs] = (("staff", _R.OWN_UNIT),)
_STAFF_IN_MEETING: Final[_Pairs] = (*_STAFF, ("staff", _R.MEETING_HOST), ("staff", _R.MEETING_MEMBER))
_PLANNERS: Final[_Pairs] = (("staff", _R.OWN_UNIT), ("scheduler", _R.OWN_UNIT))
_VIEWER: Final[_Pairs] = (("viewer", _R.OWN_UNIT),)
_ADMINS: Final[_Pairs] = (("unit_admin", _R.OWN_UNIT), ("region_admin", _R.OWN_PROVIDER))
_LOGGED_IN_STAFF: Final[_Pairs] = (
    ("staff", _R.ANYONE),
    ("scheduler", _R.ANYONE),
    ("viewer", _R.ANYONE),
    ("unit_admin", _R.ANYONE),
    ("region_admin", _R.ANYONE),
    ("sre", _R.ANYONE),
)
_LOGGED_IN: Final[_Pairs] = (("patient", _R.ANYONE), ("proxy", _R.ANYONE), *_LOGGED_IN_STAFF)
_IN_MEETING: Final[_Pairs] = (
    ("patient", _R.OWN_MEETING),
    ("proxy", _R.OWN_MEETING),
    ("staff", _R.OWN_MEETING),
    ("guest", _R.OWN_MEETING),
    ("interpreter", _R.OWN_MEETING),
)
_HOST: Final[_Pairs] = (("staff", _R.MEETING_HOST),)
_SERVICE: Final[_Pairs] = (("service", _R.SERVICE_SCOPE),)

TABLE: Final[Mapping[Action, Rule]] = MappingProxyType(
    {
        # The session itself. Before a commission is chosen, staff may do only this.
        Action.SESSION_READ: Rule("See who is logged in, as whom, until when.", _LOGGED_IN, min_acr=0),
        Action.SESSION_CHOOSE_COMMISSION: Rule("Choose one of one's own commissions.", _LOGGED_IN_STAFF, min_acr=0),
        Action.SESSION_ACT_AS: Rule(
            "Begin or end acting for somebody whose proxy one is.",
            (("patient", _R.ANYONE), ("proxy", _R.ANYONE)),
        ),
        Action.SESSION_END: Rule("Log out.", _LOGGED_IN, min_acr=0),
        # Meetings, asked for with a session.
        Action.MEETING_LIST: Rule(
            "List one's own, the represented patient's, or the unit's meetings.",
            (*_PATIENT, *_PLANNERS, *_VIEWER),
            reads_patient_data=True,
            proxy_scope="meetings",
        ),
        Action.MEETING_READ: Rule(
            "See one meeting: when, with whom, how to get in.",
            (*_PATIENT_IN_MEETING, *_STAFF_IN_MEETING, ("scheduler", _R.OWN_UNIT), *_VIEWER),
            reads_patient_data=True,
            proxy_scope="meetings",
        ),
        Action.MEETING_CREATE: Rule(
            "Create a meeting in the unit.",
            (*_PLANNERS, *_SERVICE),
            writes_patient_data=True,
            service_scope="meetings:write",
        ),
        Action.MEETING_CHANGE: Rule(
            "Change a meeting's time, title or people.",
            (*_PLANNERS, *_HOST, *_SERVICE),
            writes_patient_data=True,
            service_scope="meetings:write",
        ),
        Action.MEETING_CLOSE: Rule(
            "End a meeting for all, or cancel it.",
            (*_PLANNERS, *_HOST, *_SERVICE),
            writes_patient_data=True,
            service_scope="meetings:write",
        ),
        Action.MEETING_JOIN: Rule(
            "Get a meeting token.",
            (*_PATIENT_IN_MEETING, *_STAFF_IN_MEETING),
            reads_patient_data=True,
            proxy_scope="meetings",
        ),
        Action.MEETING_JOIN_AS_HOST: Rule(
            "Get a meeting token that admits others.", (*_STAFF, *_HOST), reads_patient_data=True
        ),
        # Inside a meeting, with a meeting token.
        Action.MEETING_WAIT: Rule("Wait to be admitted.", _IN_MEETING, min_acr=0),
        Action.MEETING_ENTER: Rule("Enter or resume; who is not admitted is sent to wait.", _IN_MEETING, min_acr=0),
        Action.MEETING_TAKE_PART: Rule("Send and receive sound and picture; leave.", _IN_MEETING, min_acr=0),
        Action.MEETING_RENEW_TOKEN: Rule("Get a fresh meeting token for the same place.", _IN_MEETING, min_acr=0),
        Action.MEETING_SEE_WAITING: Rule("See who waits.", _HOST, reads_patient_data=True, min_acr=0),
        Action.MEETING_ADMIT: Rule("Admit somebody who waits.", _HOST, writes_patient_data=True, min_acr=0),
        Action.MEETING_REMOVE: Rule("Remove somebody.", _HOST, writes_patient_data=True, min_acr=0),
        Action.MEETING_CHAT: Rule("Read and write the meeting's chat.", _IN_MEETING, min_acr=0),
        Action.MEETING_FILE: Rule(
            "Read and send files in the meeting.",
            tuple(pair for pair in _IN_MEETING if pair[0] != "interpreter"),
            reads_patient_data=True,
            min_acr=0,
        ),
        # Links and what they give.
        Action.GUEST_LINK_CREATE: Rule(
            "Make a single-use link for a guest or an interpreter.",
            (*_PLANNERS, *_HOST),
            writes_patient_data=True,
        ),
        Action.GUEST_LINK_LIST: Rule("See a meeting's links.", (*_PLANNERS, *_HOST), reads_patient_data=True),
        Action.GUEST_LINK_REVOKE: Rule("Revoke a meeting's link.", (*_PLANNERS, *_HOST), writes_patient_data=True),
        Action.PORTAL_LINK_CREATE: Rule(
            "Make a portal link for a staff member (record systems).",
            _SERVICE,
            writes_patient_data=True,
            service_scope="portal:write",
        ),
        Action.REVOKE: Rule(
            "End somebody's session, link or token at once.",
            (*_ADMINS, *_SERVICE),
            writes_patient_data=True,
            service_scope="grants:revoke",
        ),
        # Media.
        Action.TURN_CREDENTIALS: Rule(
            "Get time-limited credentials of the TURN server.",
            (
                ("patient", _R.ANYONE),
                ("proxy", _R.ANYONE),
                ("staff", _R.ANYONE),
                ("guest", _R.ANYONE),
                ("interpreter", _R.ANYONE),
            ),
            min_acr=0,
        ),
        Action.WHIP_PUBLISH: Rule("Publish with a standard client (WHIP).", _IN_MEETING, min_acr=0),
        Action.WHEP_WATCH: Rule("Watch with a standard client (WHEP).", _IN_MEETING, min_acr=0),
        # Messages.
        Action.CASE_LIST: Rule(
            "List one's own or the unit's cases.",
            (*_PATIENT, *_STAFF),
            reads_patient_data=True,
            proxy_scope="messages",
        ),
        Action.CASE_READ: Rule("Read a case.", (*_PATIENT, *_STAFF), reads_patient_data=True, proxy_scope="messages"),
        Action.CASE_CREATE: Rule(
            "Open a case.", (*_PATIENT, *_STAFF), writes_patient_data=True, proxy_scope="messages"
        ),
        Action.CASE_WRITE: Rule(
            "Write in a case.", (*_PATIENT, *_STAFF), writes_patient_data=True, proxy_scope="messages"
        ),
        Action.CASE_FILE: Rule(
            "Read and send a case's files.", (*_PATIENT, *_STAFF), reads_patient_data=True, proxy_scope="messages"
        ),
        Action.CASE_ASSIGN: Rule("Assign a case.", _STAFF, writes_patient_data=True),
        Action.CASE_CLOSE: Rule("Close a case.", _STAFF, writes_patient_data=True),
        Action.CASE_REOPEN: Rule(
            "Open a closed case again.", (*_PATIENT, *_STAFF), writes_patient_data=True, proxy_scope="messages"
        ),
        Action.STAFF_CHAT: Rule(
            "Read and write a staff channel, or a case's internal notes.",
            (*_STAFF, ("staff", _R.MEETING_MEMBER)),
            reads_patient_data=True,
        ),
        # Bookings.
        Action.BOOKING_LIST: Rule(
            "List one's own or the unit's bookings.",
            (*_PATIENT, *_PLANNERS, *_VIEWER),
            reads_patient_data=True,
            proxy_scope="book",
        ),
        Action.BOOKING_READ: Rule(
            "See a booking.", (*_PATIENT, *_PLANNERS, *_VIEWER), reads_patient_data=True, proxy_scope="book"
        ),
        Action.BOOKING_CREATE: Rule(
            "Book a time.", (*_PATIENT, *_PLANNERS), writes_patient_data=True, proxy_scope="book"
        ),
        Action.BOOKING_CHANGE: Rule(
            "Move a booking.", (*_PATIENT, *_PLANNERS), writes_patient_data=True, proxy_scope="book"
        ),
        Action.BOOKING_CANCEL: Rule(
            "Cancel a booking.", (*_PATIENT, *_PLANNERS), writes_patient_data=True, proxy_scope="book"
        ),
        Action.BOOKING_MARK: Rule("Mark a booking arrived, done or absent.", _PLANNERS, writes_patient_data=True),
        # Proxies.
        Action.PROXY_GRANT: Rule(
            "Let somebody act for oneself, or end it.", (("patient", _R.SELF),), writes_patient_data=True
        ),
        Action.PROXY_WRITE: Rule(
            "Tell whose proxy somebody is (custody register, grants).",
            _SERVICE,
            writes_patient_data=True,
            service_scope="proxies:write",
        ),
        Action.PROXY_REQUEST: Rule(
            "Ask to act for one's child, or give it up.", (("patient", _R.SELF),), writes_patient_data=True
        ),
        Action.PROXY_READ: Rule(
            "See for whom one may act, and who may act for oneself.", (("patient", _R.SELF),), reads_patient_data=True
        ),
        Action.PROXY_FEED: Rule(
            "Ask for whom somebody may act (the front).",
            _SERVICE,
            reads_patient_data=True,
            service_scope="proxies:read",
        ),
        Action.PERSON_WRITE: Rule(
            "Tell of a person (population register).", _SERVICE, writes_patient_data=True, service_scope="persons:write"
        ),
        Action.GUARDIAN_INVITE: Rule(
            "Ask a patient of 13 to 17 years whether a guardian may come to one meeting.",
            _STAFF,
            writes_patient_data=True,
        ),
        Action.GUARDIAN_CONSENT: Rule(
            "Say whether one's guardian may come to a meeting.", (("patient", _R.SELF),), writes_patient_data=True
        ),
        # Health declarations and vaccination.
        Action.QUESTIONNAIRE_ADMIN: Rule("Edit and publish questionnaires.", _ADMINS),
        Action.DECLARATION_ANSWER: Rule(
            "Answer a health declaration, and see what one has answered.",
            _PATIENT,
            writes_patient_data=True,
            proxy_scope="book",
        ),
        Action.DECLARATION_READ: Rule("Read the declarations of a booking's patient.", _STAFF, reads_patient_data=True),
        Action.DECLARATION_AMEND: Rule("Take down a patient's answers at the visit.", _STAFF, writes_patient_data=True),
        Action.DOSE_WRITE: Rule(
            "Write down the doses of a booking's patient, and read them.", _STAFF, writes_patient_data=True
        ),
        Action.DOSE_READ: Rule("See one's own vaccinations.", _PATIENT, reads_patient_data=True, proxy_scope="book"),
        # E-kallelse.
        Action.SUMMONS_WRITE: Rule("Draft, send and withdraw a summons.", _PLANNERS, writes_patient_data=True),
        Action.SUMMONS_LIST: Rule(
            "List one's own or the unit's summonses.",
            (*_PATIENT, *_PLANNERS, *_VIEWER),
            reads_patient_data=True,
            proxy_scope="book",
        ),
        Action.SUMMONS_READ: Rule(
            "Read a summons; the patient's first reading is noted.",
            (*_PATIENT, *_PLANNERS),
            writes_patient_data=True,
            proxy_scope="book",
        ),
        Action.SUMMONS_ANSWER: Rule(
            "Confirm, move or decline what one was summoned to.",
            _PATIENT,
            writes_patient_data=True,
            proxy_scope="book",
        ),
        Action.LETTER_PRINT: Rule("Print the unit's letters.", _PLANNERS, writes_patient_data=True),
        # Notices: that something waits, told by SMS, e-mail or push.
        Action.NOTICE_SUBSCRIBE: Rule("See and change where oneself is told.", (("patient", _R.ANYONE),)),
        Action.NOTICE_WRITE: Rule(
            "Have somebody told, and see how that went.",
            _SERVICE,
            writes_patient_data=True,
            service_scope="notices:write",
        ),
        Action.NOTICE_REPORT: Rule("Report how a notice fared (gateways).", _SERVICE, service_scope="notices:report"),
        Action.CONTACT_WRITE: Rule(
            "Say where somebody can be told.", _SERVICE, writes_patient_data=True, service_scope="contacts:write"
        ),
        # Administration: no patient data.
        Action.SCHEDULE_ADMIN: Rule("Edit time books and time types.", (("scheduler", _R.OWN_UNIT), *_ADMINS)),
        Action.UNIT_ADMIN: Rule("Edit a unit's data.", _ADMINS),
        Action.USER_ADMIN: Rule("Give and take roles in a unit.", _ADMINS),
        # Oversight and operation.
        Action.AUDIT_READ: Rule("Review the audit log.", _ADMINS, reads_patient_data=True),
        Action.AUDIT_READ_OWN: Rule("See who looked at one's own data.", (("patient", _R.SELF),), True),
        Action.AUDIT_VERIFY: Rule("Check that the audit log is whole, without reading it.", (("sre", _R.ANYONE),)),
        Action.ROOM_WRITE: Rule("Create and close rooms, make their tokens.", _SERVICE, service_scope="rooms:write"),
        Action.STATS_READ: Rule(
            "Read metrics.", (("sre", _R.ANYONE), *_SERVICE), min_acr=0, service_scope="stats:read"
        ),
    }
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
