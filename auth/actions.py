"""The vocabulary of permissions: actions, relations, resources, rules, and how strongly somebody is known.

``auth/permissions.py`` has the table that is written in it; import from there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from auth.principal import ProxyScope, Role

# --- how strongly somebody is known ------------------------------------------------------------------------------

LOA2: Final = "http://id.elegnamnden.se/loa/1.0/loa2"
LOA3: Final = "http://id.elegnamnden.se/loa/1.0/loa3"
LOA4: Final = "http://id.elegnamnden.se/loa/1.0/loa4"
"""Levels of assurance (tillitsnivå) of the Swedish e-ID framework. A login maps its provider's own names to these."""
ACR_LINK: Final = "urn:alltid-oppet:acr:link"
"""Somebody who has a guest or interpreter link: nobody has checked who it is."""
ACR_TOKEN: Final = "urn:alltid-oppet:acr:token"  # noqa: S105  # a name, not a secret
"""A program with a service token, or a socket with a meeting token."""

ACR_LEVELS: Final[Mapping[str, int]] = MappingProxyType({LOA2: 2, LOA3: 3, LOA4: 4, ACR_LINK: 0, ACR_TOKEN: 0})


def acr_level(acr: str) -> int:
    """The level of assurance, 0 for a name that is not known."""
    return ACR_LEVELS.get(acr, 0)


# --- what can be done --------------------------------------------------------------------------------------------


class Action(StrEnum):
    """Everything that anybody can ask for. Each has a row in ``TABLE``."""

    SESSION_READ = "session_read"
    SESSION_CHOOSE_COMMISSION = "session_choose_commission"
    SESSION_ACT_AS = "session_act_as"
    SESSION_END = "session_end"

    MEETING_LIST = "meeting_list"
    MEETING_FEED = "meeting_feed"
    MEETING_COURSE = "meeting_course"
    MEETING_READ = "meeting_read"
    MEETING_CREATE = "meeting_create"
    MEETING_CHANGE = "meeting_change"
    MEETING_CLOSE = "meeting_close"
    MEETING_JOIN = "meeting_join"
    MEETING_JOIN_AS_HOST = "meeting_join_as_host"

    MEETING_WAIT = "meeting_wait"
    MEETING_ENTER = "meeting_enter"
    MEETING_TAKE_PART = "meeting_take_part"
    MEETING_RENEW_TOKEN = "meeting_renew_token"  # noqa: S105  # a name, not a secret
    MEETING_SEE_WAITING = "meeting_see_waiting"
    MEETING_ADMIT = "meeting_admit"
    MEETING_REMOVE = "meeting_remove"
    MEETING_CHAT = "meeting_chat"
    MEETING_RULE_CHAT = "meeting_rule_chat"
    MEETING_FILE = "meeting_file"

    GUEST_LINK_CREATE = "guest_link_create"
    GUEST_LINK_LIST = "guest_link_list"
    GUEST_LINK_REVOKE = "guest_link_revoke"
    PORTAL_LINK_CREATE = "portal_link_create"
    REVOKE = "revoke"

    TURN_CREDENTIALS = "turn_credentials"
    WHIP_PUBLISH = "whip_publish"
    WHEP_WATCH = "whep_watch"

    CASE_LIST = "case_list"
    CASE_READ = "case_read"
    CASE_CREATE = "case_create"
    CASE_WRITE = "case_write"
    CASE_FILE = "case_file"
    CASE_ASSIGN = "case_assign"
    CASE_CLOSE = "case_close"
    CASE_REOPEN = "case_reopen"
    STAFF_CHAT = "staff_chat"

    ARCHIVE_WRITE = "archive_write"
    ARCHIVE_CHECK = "archive_check"
    QUALITY_WRITE = "quality_write"
    QUALITY_READ = "quality_read"
    QUALITY_FIGURES = "quality_figures"
    RETENTION_REPORT = "retention_report"
    RETENTION_ERASE = "retention_erase"
    LEGAL_HOLD = "legal_hold"
    EXTRACT_ORDER = "extract_order"
    EXTRACT_READ = "extract_read"
    CORRECTION_ASK = "correction_ask"
    CORRECTION_READ = "correction_read"
    CORRECTION_DECIDE = "correction_decide"

    BOOKING_LIST = "booking_list"
    BOOKING_READ = "booking_read"
    BOOKING_CREATE = "booking_create"
    BOOKING_CHANGE = "booking_change"
    BOOKING_CANCEL = "booking_cancel"
    BOOKING_MARK = "booking_mark"
    BOOKING_MESSAGE = "booking_message"
    FEE_READ = "fee_read"

    PROXY_GRANT = "proxy_grant"
    PROXY_WRITE = "proxy_write"
    PROXY_REQUEST = "proxy_request"
    PROXY_READ = "proxy_read"
    PROXY_FEED = "proxy_feed"
    PERSON_WRITE = "person_write"
    PATIENT_READ = "patient_read"
    PERSON_LOGIN = "person_login"
    PERSON_PROTECTION = "person_protection"
    PATIENT_LOOKUP = "patient_lookup"
    GUARDIAN_INVITE = "guardian_invite"
    GUARDIAN_CONSENT = "guardian_consent"

    QUESTIONNAIRE_ADMIN = "questionnaire_admin"
    DECLARATION_ANSWER = "declaration_answer"
    DECLARATION_LIST = "declaration_list"
    DECLARATION_READ = "declaration_read"
    DECLARATION_AMEND = "declaration_amend"
    DOSE_WRITE = "dose_write"
    DOSE_READ = "dose_read"

    SUMMONS_WRITE = "summons_write"
    SUMMONS_LIST = "summons_list"
    SUMMONS_READ = "summons_read"
    SUMMONS_ANSWER = "summons_answer"
    LETTER_PRINT = "letter_print"

    CAMPAIGN_WRITE = "campaign_write"
    CAMPAIGN_READ = "campaign_read"
    CAMPAIGN_APPROVE = "campaign_approve"
    RISK_GROUP_WRITE = "risk_group_write"
    OFFER_READ = "offer_read"
    OFFER_ANSWER = "offer_answer"
    OFFER_OPT_OUT = "offer_opt_out"

    BLOCK_WRITE = "block_write"
    CONSENT_WRITE = "consent_write"
    CARE_RELATION_WRITE = "care_relation_write"
    EMERGENCY_OPEN = "emergency_open"
    ACCESS_READ = "access_read"
    RECORD_READ = "record_read"
    MATERNITY_REGISTER = "maternity_register"
    MATERNITY_LIST = "maternity_list"
    MATERNITY_READ = "maternity_read"
    MATERNITY_WISH = "maternity_wish"
    MATERNITY_OVERRIDE = "maternity_override"
    MATERNITY_CLINIC = "maternity_clinic"
    MATERNITY_ALLOCATE = "maternity_allocate"
    MATERNITY_CAPACITY = "maternity_capacity"

    NOTICE_SUBSCRIBE = "notice_subscribe"
    NOTICE_WRITE = "notice_write"
    NOTICE_REPORT = "notice_report"
    CONTACT_WRITE = "contact_write"
    COMPANION_EVENT = "companion_event"
    PERSON_DATA = "person_data"

    SCHEDULE_ADMIN = "schedule_admin"
    UNIT_ADMIN = "unit_admin"
    USER_ADMIN = "user_admin"
    ROLE_FEED = "role_feed"
    ADMINISTRATION_READ = "administration_read"

    AUDIT_READ = "audit_read"
    AUDIT_READ_OWN = "audit_read_own"
    AUDIT_REVIEW = "audit_review"
    AUDIT_ASK = "audit_ask"
    AUDIT_TAKE_OVER = "audit_take_over"
    AUDIT_VERIFY = "audit_verify"
    ROOM_WRITE = "room_write"
    STATS_READ = "stats_read"


class Relation(StrEnum):
    """How a principal stands to a resource; ``MEANINGS`` says it in words."""

    ANYONE = "anyone"
    SELF = "self"
    PROXY_SCOPE = "proxy_scope"
    OWN_UNIT = "own_unit"
    OWN_PROVIDER = "own_provider"
    MEETING_MEMBER = "meeting_member"
    MEETING_HOST = "meeting_host"
    OWN_MEETING = "own_meeting"
    SERVICE_SCOPE = "service_scope"


MEANINGS: Final[Mapping[Relation, str]] = MappingProxyType(
    {
        Relation.ANYONE: "No relation is needed: the role suffices.",
        Relation.SELF: "It is about the patient, who acts in person.",
        Relation.PROXY_SCOPE: "It is about the patient for whom the proxy acts, and the scope was granted.",
        Relation.OWN_UNIT: "It belongs to the unit of the chosen commission.",
        Relation.OWN_PROVIDER: "It belongs to the care provider of the chosen commission, in any unit.",
        Relation.MEETING_MEMBER: "Named as one who takes part (patients of a group, staff of other units).",
        Relation.MEETING_HOST: "Named as host of the meeting.",
        Relation.OWN_MEETING: "The meeting that the link or meeting token was made for.",
        Relation.SERVICE_SCOPE: "The service token has the scope.",
    }
)


@dataclass(frozen=True)
class Resource:
    """What is touched. Leave out what does not apply; ``repr`` shows no personal data."""

    provider_hsa_id: str | None = None
    unit_hsa_id: str | None = None
    patient_person_id: str | None = None
    meeting_id: str | None = None
    host_ids: frozenset[str] = frozenset()
    """HSA-ids of the meeting's hosts."""
    member_ids: frozenset[str] = frozenset()
    """Person ids and HSA-ids of those named as taking part, hosts aside."""

    def __repr__(self) -> str:
        return f"Resource(unit_hsa_id={self.unit_hsa_id!r}, meeting_id={self.meeting_id!r})"


NOTHING: Final = Resource()
"""For actions that concern nothing in particular."""


@dataclass(frozen=True)
class Rule:
    """One row of the table."""

    summary: str
    allowed: tuple[tuple[Role, Relation], ...]
    reads_patient_data: bool = False
    writes_patient_data: bool = False
    min_acr: int = 3
    """Level of assurance that a login must have had. Links and tokens are not asked: what they open says the table."""
    proxy_scope: ProxyScope | None = None
    service_scope: str | None = None

    @property
    def is_audited(self) -> bool:
        """Whether each use stands in the audit log, before the answer leaves."""
        return self.reads_patient_data or self.writes_patient_data
