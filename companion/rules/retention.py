"""Retention: how long each kind of data is kept, from when, why, and what is done then.

``TABLE`` is what is published. What is due is found by ``due_before``; a legal hold keeps everything of
what it names, whatever the table says.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal

from companion.errors import Problem, define
from companion.rules.local_time import local_date, midnight

HOLD_STATE: Final = define("hold_state", 409, sv="Spärren är redan hävd.", en="The legal hold has been lifted already.")
HOLD_SCOPE: Final = define(
    "hold_scope",
    422,
    sv="Ange vad som ska bevaras: en patient, en vårdgivare eller en sorts uppgifter.",
    en="Say what is to be kept: a patient, a care provider or a kind of data.",
)


class DataKind(StrEnum):
    """Kinds of data that are kept for different times."""

    BOOKING = "booking"
    ARCHIVED_CASE = "archived_case"
    QUALITY_RECORD = "quality_record"
    HEALTH_DECLARATION = "health_declaration"
    SUMMONS = "summons"
    CAMPAIGN_PERSON = "campaign_person"
    MATERNITY_WISH = "maternity_wish"
    PROXY_RELATION = "proxy_relation"
    BLOCK = "block"
    CONSENT = "consent"
    EMERGENCY_ACCESS = "emergency_access"
    CORRECTION = "correction"
    AUDIT_ENTRY = "audit_entry"
    ADMINISTRATION_ENTRY = "administration_entry"
    RESERVE_ENTRY = "reserve_entry"
    RISK_GROUP = "risk_group"
    CUSTODY = "custody"
    LOOK_QUESTION = "look_question"
    EXTRACT = "extract"
    LEGAL_HOLD = "legal_hold"
    PERSON = "person"
    FREE_SLOT = "free_slot"
    OUTBOX_MESSAGE = "outbox_message"
    IDEMPOTENCY_KEY = "idempotency_key"


@dataclass(frozen=True)
class Keep:
    """How long. Years and days are those of the calendar in Stockholm; hours are hours."""

    years: int = 0
    days: int = 0
    hours: int = 0

    def until(self, since: datetime) -> datetime:
        """When the time is over: with years or days at the first midnight after it."""
        if self.hours:
            return since + timedelta(hours=self.hours)
        return midnight(years_later(local_date(since), self.years) + timedelta(days=self.days + 1))


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    keep: Keep
    counted_from: str
    fate: Literal["erased", "anonymised"]
    reason: str
    min_keep: Keep | None = None
    """No setting goes below it."""


_RECORD: Final = Keep(years=10)
_RECORD_LAW: Final = "Patient record: at least 10 years after the last note (patientdatalagen 3:17)."
_E: Final = "erased"

TABLE: Final[Mapping[DataKind, Row]] = MappingProxyType(
    {
        DataKind.BOOKING: Row(_RECORD, "the visit", _E, _RECORD_LAW, _RECORD),
        DataKind.ARCHIVED_CASE: Row(_RECORD, "the last message", _E, _RECORD_LAW, _RECORD),
        DataKind.QUALITY_RECORD: Row(Keep(years=1), "the visit", "anonymised", "Faults are looked into within a year."),
        DataKind.HEALTH_DECLARATION: Row(_RECORD, "the last amendment", _E, _RECORD_LAW, _RECORD),
        DataKind.SUMMONS: Row(_RECORD, "the visit, or the deadline", _E, _RECORD_LAW, _RECORD),
        DataKind.CAMPAIGN_PERSON: Row(
            Keep(years=1), "the campaign's end", "anonymised", "Follow-up needs counts, not people."
        ),
        DataKind.MATERNITY_WISH: Row(_RECORD, "the allocation", _E, _RECORD_LAW, _RECORD),
        DataKind.PROXY_RELATION: Row(Keep(years=5), "its end", _E, "As long as the audit log that names it."),
        DataKind.BLOCK: Row(_RECORD, "the day it was lifted", _E, _RECORD_LAW, _RECORD),
        DataKind.CONSENT: Row(_RECORD, "its end", _E, _RECORD_LAW, _RECORD),
        DataKind.EMERGENCY_ACCESS: Row(_RECORD, "its review", _E, _RECORD_LAW, _RECORD),
        DataKind.CORRECTION: Row(_RECORD, "the decision", _E, _RECORD_LAW, _RECORD),
        DataKind.AUDIT_ENTRY: Row(Keep(years=5), "the entry", _E, "At least 5 years (HSLF-FS 2016:40).", Keep(years=5)),
        DataKind.ADMINISTRATION_ENTRY: Row(Keep(years=5), "the entry", _E, "As long as the audit log."),
        DataKind.RESERVE_ENTRY: Row(Keep(years=1), "the joining", _E, "What came of it stands in a booking."),
        DataKind.RISK_GROUP: Row(
            Keep(years=2), "the register's last word", _E, "What no register says any more is no knowledge."
        ),
        DataKind.CUSTODY: Row(
            Keep(years=1), "the register's last word", _E, "Asked for anew when somebody wants to act for the child."
        ),
        DataKind.LOOK_QUESTION: Row(Keep(years=5), "the answer", _E, "As long as the audit log that it is about."),
        DataKind.EXTRACT: Row(Keep(years=1), "the order", _E, "That it was ordered; the extract itself goes in days."),
        DataKind.LEGAL_HOLD: Row(Keep(years=5), "the day it was lifted", _E, "As long as the audit log that names it."),
        DataKind.PERSON: Row(
            Keep(years=1),
            "a register's or login's last word",
            _E,
            "Nobody of whom nothing else is kept is kept; what they wished for offers and notices goes with them.",
        ),
        DataKind.FREE_SLOT: Row(Keep(days=90), "its end", _E, "No personal data; planning looks back a quarter."),
        DataKind.OUTBOX_MESSAGE: Row(Keep(days=14), "its delivery", _E, "To see what was told when something fails."),
        DataKind.IDEMPOTENCY_KEY: Row(Keep(hours=48), "the request", _E, "Nobody repeats a request later."),
    }
)


class FrontKind(StrEnum):
    """What the front keeps by itself: none of it is a patient's record, and no legal hold reaches it."""

    MEETING_CHAT = "meeting_chat"
    STAFF_CHANNEL = "staff_channel"


FRONT_TABLE: Final[Mapping[FrontKind, Row]] = MappingProxyType(
    {
        FrontKind.MEETING_CHAT: Row(
            Keep(hours=24), "the end of its room", _E, "Said in the meeting; what matters goes into the record."
        ),
        FrontKind.STAFF_CHANNEL: Row(Keep(days=90), "each message", _E, "Talk of colleagues, not a patient's record."),
    }
)
"""With the front's defaults (``ALLTID_CHAT_MEETING_KEPT_HOURS``, ``ALLTID_CHAT_STAFF_KEPT_DAYS``)."""


_UNITS: Final = {"y": "years", "d": "days", "h": "hours"}
_TIME: Final = re.compile(r"([a-z_]+)=([1-9][0-9]{0,4})([ydh])")


@lru_cache(maxsize=8)
def configured_times(text: str) -> Mapping[DataKind, Keep]:
    """Other times than the table's: ``quality_record=30d, booking=12y``; ``ValueError`` for what is none, or too short.

    The audit log's is a setting of its own: it is not erased row by row.
    """
    found: dict[DataKind, Keep] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _TIME.fullmatch(part)
        if match is None or match[1] not in set(DataKind) - {DataKind.AUDIT_ENTRY} or match[1] in found:
            raise ValueError(f"ALLTID_RETENTION: {part[:40]!r} cannot be used")
        kind = DataKind(match[1])
        found[kind] = keep_of(kind, Keep(**{_UNITS[match[3]]: int(match[2])}))
    return MappingProxyType(found)


def years_later(day: date, years: int) -> date:
    """The same date so many years later; 29 February becomes 1 March where there is none: kept a day more, not less."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def keep_of(kind: DataKind, configured: Keep | None = None) -> Keep:
    """The table's, or the configured one where it is long enough; ``ValueError`` below what the law asks for."""
    row = TABLE[kind]
    if configured is None:
        return row.keep
    since = midnight(date(2001, 1, 1))
    if row.min_keep is not None and configured.until(since) < row.min_keep.until(since):
        raise ValueError(f"{kind} must be kept longer")
    return configured


@dataclass(frozen=True)
class LegalHold:
    """Data that must be kept because of an inquiry; None names all. Something is always named."""

    patient_person_id: str | None
    provider_hsa_id: str | None
    kind: DataKind | None
    placed_at: datetime
    lifted_at: datetime | None = None

    def is_in_force(self, now: datetime) -> bool:
        """Whether it counts at ``now``. One that was placed counts at once, whatever the clocks of others say."""
        return self.lifted_at is None or now < self.lifted_at

    def covers(self, record: "Kept") -> bool:
        """Whether it keeps that record. A record that does not say whose it is might be anybody's: it is kept."""
        return (
            _agrees(self.patient_person_id, record.patient_person_id)
            and _agrees(self.provider_hsa_id, record.provider_hsa_id)
            and self.kind in (None, record.kind)
        )


def _agrees(named: str | None, own: str | None) -> bool:
    return named is None or own is None or named == own


@dataclass(frozen=True)
class Kept:
    """A stored record, as retention sees it."""

    kind: DataKind
    since: datetime | None
    """What the table counts from; None: it has not happened yet (a block that stands)."""
    patient_person_id: str | None = None
    provider_hsa_id: str | None = None


def is_due(record: Kept, now: datetime, holds: Iterable[LegalHold], configured: Keep | None = None) -> bool:
    """Whether the record's time is over and nothing holds it."""
    if record.since is None or now < keep_of(record.kind, configured).until(record.since):
        return False
    return not any(hold.is_in_force(now) and hold.covers(record) for hold in holds)


def due_before(kind: DataKind, now: datetime, configured: Keep | None = None) -> datetime:
    """Records counted from before this instant are due (a job's first, coarse question to the database)."""
    keep = keep_of(kind, configured)
    if keep.hours:
        return now - timedelta(hours=keep.hours)
    day = local_date(now) - timedelta(days=keep.days)
    return midnight(years_earlier(day, keep.years))


def years_earlier(day: date, years: int) -> date:
    """The first date whose ``years_later`` is not before ``day``."""
    try:
        first = day.replace(year=day.year - years)
    except ValueError:
        first = date(day.year - years, 3, 1)
    before = first - timedelta(days=1)  # 29 February may end on 1 March too
    return before if years_later(before, years) >= day else first


def check_hold(hold: LegalHold) -> None:
    """A hold that names nothing would keep everything of everybody for ever."""
    if hold.patient_person_id is None and hold.provider_hsa_id is None and hold.kind is None:
        raise Problem(HOLD_SCOPE)


def check_lift(lifted_at: datetime | None) -> None:
    """A hold is lifted once."""
    if lifted_at is not None:
        raise Problem(HOLD_STATE)
