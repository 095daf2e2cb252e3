"""The table of permissions, part one: sessions, meetings, links, media, messages, operation."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from auth.actions import Action, Relation, Rule
from auth.role_pairs import (
    ADMINS,
    HOST,
    HOST_INSIDE,
    IN_MEETING,
    LOGGED_IN,
    LOGGED_IN_STAFF,
    PATIENT,
    PATIENT_IN_MEETING,
    PLANNERS,
    SERVICE,
    STAFF,
    STAFF_IN_MEETING,
    VIEWER,
)

RULES: Final[Mapping[Action, Rule]] = MappingProxyType(
    {
        # The session itself. Before a commission is chosen, staff may do only this.
        Action.SESSION_READ: Rule("See who is logged in, as whom, until when.", LOGGED_IN, min_acr=0),
        Action.SESSION_CHOOSE_COMMISSION: Rule("Choose one of one's own commissions.", LOGGED_IN_STAFF, min_acr=0),
        Action.SESSION_ACT_AS: Rule(
            "Begin or end acting for somebody whose proxy one is.",
            (("patient", Relation.ANYONE), ("proxy", Relation.ANYONE)),
        ),
        Action.SESSION_END: Rule("Log out.", LOGGED_IN, min_acr=0),
        # Meetings, asked for with a session.
        Action.MEETING_LIST: Rule(
            "List one's own, the represented patient's, or the unit's meetings.",
            (*PATIENT, *PLANNERS, *VIEWER),
            reads_patient_data=True,
            proxy_scope="meetings",
        ),
        Action.MEETING_READ: Rule(
            "See one meeting: when, with whom, how to get in.",
            (*PATIENT_IN_MEETING, *STAFF_IN_MEETING, ("scheduler", Relation.OWN_UNIT), *VIEWER),
            reads_patient_data=True,
            proxy_scope="meetings",
        ),
        Action.MEETING_CREATE: Rule(
            "Create a meeting in the unit.",
            (*PLANNERS, *SERVICE),
            writes_patient_data=True,
            service_scope="meetings:write",
        ),
        Action.MEETING_CHANGE: Rule(
            "Change a meeting's time, title or people.",
            (*PLANNERS, *HOST, *SERVICE),
            writes_patient_data=True,
            service_scope="meetings:write",
        ),
        Action.MEETING_CLOSE: Rule(
            "End a meeting for all, or cancel it.",
            (*PLANNERS, *HOST, *SERVICE),
            writes_patient_data=True,
            service_scope="meetings:write",
        ),
        Action.MEETING_JOIN: Rule(
            "Get a meeting token.",
            (*PATIENT_IN_MEETING, *STAFF_IN_MEETING),
            reads_patient_data=True,
            proxy_scope="meetings",
        ),
        Action.MEETING_JOIN_AS_HOST: Rule(
            "Get a meeting token that admits others.", (*STAFF, *HOST), reads_patient_data=True
        ),
        # Inside a meeting, with a meeting token.
        Action.MEETING_WAIT: Rule("Wait to be admitted.", IN_MEETING, min_acr=0),
        Action.MEETING_ENTER: Rule("Enter or resume; who is not admitted is sent to wait.", IN_MEETING, min_acr=0),
        Action.MEETING_TAKE_PART: Rule("Send and receive sound and picture; leave.", IN_MEETING, min_acr=0),
        Action.MEETING_RENEW_TOKEN: Rule("Get a fresh meeting token for the same place.", IN_MEETING, min_acr=0),
        Action.MEETING_SEE_WAITING: Rule("See who waits.", HOST, reads_patient_data=True, min_acr=0),
        Action.MEETING_ADMIT: Rule("Admit somebody who waits.", HOST, writes_patient_data=True, min_acr=0),
        Action.MEETING_REMOVE: Rule("Remove somebody.", HOST, writes_patient_data=True, min_acr=0),
        Action.MEETING_CHAT: Rule("Read and write the meeting's chat.", IN_MEETING, min_acr=0),
        Action.MEETING_RULE_CHAT: Rule(
            "Say whether all write in the meeting's chat, or only who holds it.", HOST_INSIDE, min_acr=0
        ),
        Action.MEETING_FILE: Rule(
            "Read and send files in the meeting.",
            tuple(pair for pair in IN_MEETING if pair[0] != "interpreter"),
            reads_patient_data=True,
            min_acr=0,
        ),
        # Links and what they give.
        Action.GUEST_LINK_CREATE: Rule(
            "Make a single-use link for a guest or an interpreter.",
            (*PLANNERS, *HOST),
            writes_patient_data=True,
        ),
        Action.GUEST_LINK_LIST: Rule("See a meeting's links.", (*PLANNERS, *HOST), reads_patient_data=True),
        Action.GUEST_LINK_REVOKE: Rule("Revoke a meeting's link.", (*PLANNERS, *HOST), writes_patient_data=True),
        Action.PORTAL_LINK_CREATE: Rule(
            "Make a portal link for a staff member (record systems).",
            SERVICE,
            writes_patient_data=True,
            service_scope="portal:write",
        ),
        Action.REVOKE: Rule(
            "End somebody's session, link or token at once.",
            (*ADMINS, *SERVICE),
            writes_patient_data=True,
            service_scope="grants:revoke",
        ),
        # Media.
        Action.TURN_CREDENTIALS: Rule(
            "Get time-limited credentials of the TURN server.",
            (
                ("patient", Relation.ANYONE),
                ("proxy", Relation.ANYONE),
                ("staff", Relation.ANYONE),
                ("guest", Relation.ANYONE),
                ("interpreter", Relation.ANYONE),
            ),
            min_acr=0,
        ),
        Action.WHIP_PUBLISH: Rule("Publish with a standard client (WHIP).", IN_MEETING, min_acr=0),
        Action.WHEP_WATCH: Rule("Watch with a standard client (WHEP).", IN_MEETING, min_acr=0),
        # Messages.
        Action.CASE_LIST: Rule(
            "List one's own or the unit's cases.",
            (*PATIENT, *STAFF),
            reads_patient_data=True,
            proxy_scope="messages",
        ),
        Action.CASE_READ: Rule("Read a case.", (*PATIENT, *STAFF), reads_patient_data=True, proxy_scope="messages"),
        Action.CASE_CREATE: Rule("Open a case.", (*PATIENT, *STAFF), writes_patient_data=True, proxy_scope="messages"),
        Action.CASE_WRITE: Rule(
            "Write in a case.", (*PATIENT, *STAFF), writes_patient_data=True, proxy_scope="messages"
        ),
        Action.CASE_FILE: Rule(
            "Read and send a case's files.", (*PATIENT, *STAFF), reads_patient_data=True, proxy_scope="messages"
        ),
        Action.CASE_ASSIGN: Rule("Assign a case.", STAFF, writes_patient_data=True),
        Action.CASE_CLOSE: Rule("Close a case.", STAFF, writes_patient_data=True),
        Action.CASE_REOPEN: Rule(
            "Open a closed case again.", (*PATIENT, *STAFF), writes_patient_data=True, proxy_scope="messages"
        ),
        Action.STAFF_CHAT: Rule(
            "Read and write a staff channel, or a case's internal notes.",
            (*STAFF, ("staff", Relation.MEETING_MEMBER)),
            reads_patient_data=True,
        ),
        # Notices: that something waits, told by SMS, e-mail or push.
        Action.NOTICE_SUBSCRIBE: Rule("See and change where oneself is told.", (("patient", Relation.ANYONE),)),
        Action.NOTICE_WRITE: Rule(
            "Have somebody told, and see how that went.",
            SERVICE,
            writes_patient_data=True,
            service_scope="notices:write",
        ),
        Action.NOTICE_REPORT: Rule("Report how a notice fared (gateways).", SERVICE, service_scope="notices:report"),
        Action.CONTACT_WRITE: Rule(
            "Say where somebody can be told.", SERVICE, writes_patient_data=True, service_scope="contacts:write"
        ),
        Action.PERSON_DATA: Rule(
            "Ask what the front keeps of a person, for an extract (the companion).",
            SERVICE,
            reads_patient_data=True,
            service_scope="persons:data",
        ),
        Action.COMPANION_EVENT: Rule(
            "Tell what has happened to bookings, proxies and summonses (the companion).",
            SERVICE,
            writes_patient_data=True,
            service_scope="companion:events",
        ),
        # Oversight and operation.
        Action.AUDIT_READ: Rule("Review the audit log.", ADMINS, reads_patient_data=True),
        Action.AUDIT_READ_OWN: Rule("See who looked at one's own data.", (("patient", Relation.SELF),), True),
        Action.AUDIT_VERIFY: Rule(
            "Check that the audit log is whole, without reading it.", (("sre", Relation.ANYONE),)
        ),
        Action.ROOM_WRITE: Rule("Create and close rooms, make their tokens.", SERVICE, service_scope="rooms:write"),
        Action.STATS_READ: Rule(
            "Read metrics.", (("sre", Relation.ANYONE), *SERVICE), min_acr=0, service_scope="stats:read"
        ),
    }
)
