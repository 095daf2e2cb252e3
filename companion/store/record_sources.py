"""What a patient's record is made of: one loader for each kind of data, all of them in ``SOURCES``.

Whoever adds a kind of data that units write about patients adds a loader here. Then the overview shows it, blocks,
consents and emergency access hold for it, and with ``is_care`` it makes a care relation (vårdrelation) between its unit
and the patient.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import func, select

from companion.models.archive import ArchivedConversation
from companion.models.bookings import Booking
from companion.models.declarations import Declaration, GivenDose, QuestionnaireVersion
from companion.models.quality import VisitQuality
from companion.models.schedules import TimeType
from companion.models.summons import Summons
from companion.rules.blocks import Period, Place
from companion.rules.local_time import midnight
from companion.rules.summons import SummonsState
from companion.rules.visit_quality import TAKES_PART
from companion.transaction import Transaction

MAX_ITEMS: Final = 1000
"""Of one kind, the latest."""


@dataclass(frozen=True)
class RecordItem:
    """One thing that a unit has written about a patient. ``repr`` shows no content."""

    kind: str
    item_id: str
    place: Place
    at: datetime
    """When it is, or was written: what the overview is sorted by."""
    fields: dict[str, Any] = field(repr=False)
    """What is shown of it, ready for JSON."""
    care: Period | None = None
    """When the unit has treated, or will treat, the patient because of it; None: it says nothing of that."""


Loader = Callable[[Transaction, str], Awaitable[Sequence[RecordItem]]]


async def bookings(transaction: Transaction, patient_person_id: str) -> list[RecordItem]:
    """Bookings. One that was cancelled is no care."""
    query = (
        select(Booking, TimeType.name_sv)
        .join(TimeType, TimeType.time_type_id == Booking.time_type_id)
        .where(Booking.patient_person_id == patient_person_id)
        .order_by(Booking.starts_at.desc())
        .limit(MAX_ITEMS)
    )
    return [
        RecordItem(
            "booking",
            row.booking_id,
            Place(row.provider_hsa_id, row.unit_hsa_id),
            row.starts_at,
            {
                "state": row.state,
                "what": name,
                "starts_at": row.starts_at.isoformat(),
                "ends_at": row.ends_at.isoformat(),
            },
            None if row.state == "cancelled" else Period(row.created_at, row.ends_at),
        )
        for row, name in (await transaction.session.execute(query)).all()
    ]


_NO_CARE: Final = frozenset({SummonsState.WITHDRAWN, SummonsState.DECLINED, SummonsState.EXPIRED})


async def summonses(transaction: Transaction, patient_person_id: str) -> list[RecordItem]:
    """Summonses that were sent; drafts are the unit's own."""
    query = (
        select(Summons)
        .where(Summons.patient_person_id == patient_person_id, Summons.state != SummonsState.DRAFT.value)
        .order_by(Summons.created_at.desc())
        .limit(MAX_ITEMS)
    )
    return [
        RecordItem(
            "summons",
            row.summons_id,
            Place(row.provider_hsa_id, row.unit_hsa_id),
            row.sent_at or row.created_at,
            {
                "state": row.state,
                "what": row.title,
                "preparation": row.preparation,
                "answer_until": row.answer_until.isoformat(),
            },
            None if row.state in _NO_CARE or row.sent_at is None else Period(row.sent_at, row.answer_until),
        )
        for row in (await transaction.session.scalars(query)).all()
    ]


async def declarations(transaction: Transaction, patient_person_id: str) -> list[RecordItem]:
    """Health declarations: the data of the unit whose form was answered."""
    query = (
        select(Declaration, QuestionnaireVersion)
        .join(QuestionnaireVersion, QuestionnaireVersion.version_id == Declaration.version_id)
        .where(Declaration.patient_person_id == patient_person_id)
        .order_by(Declaration.answered_at.desc(), Declaration.number.desc())
        .limit(MAX_ITEMS)
    )
    return [
        RecordItem(
            "declaration",
            row.declaration_id,
            Place(version.provider_hsa_id, version.unit_hsa_id),
            row.answered_at,
            {
                "what": version.title_sv,
                "outcome": row.outcome,
                "answers": row.answers,
                "valid_until": row.valid_until.isoformat(),
            },
        )
        for row, version in (await transaction.session.execute(query)).all()
    ]


async def doses(transaction: Transaction, patient_person_id: str) -> list[RecordItem]:
    """Vaccinations: the data of the unit that gave them."""
    query = (
        select(GivenDose, Booking.provider_hsa_id, Booking.unit_hsa_id)
        .join(Booking, Booking.booking_id == GivenDose.booking_id)
        .where(GivenDose.patient_person_id == patient_person_id)
        .order_by(GivenDose.given_on.desc(), GivenDose.vaccine)
        .limit(MAX_ITEMS)
    )
    return [
        RecordItem(
            "dose",
            row.dose_id,
            Place(provider, unit),
            midnight(row.given_on),
            {"what": row.vaccine, "given_on": row.given_on.isoformat(), "batch": row.batch},
            Period(midnight(row.given_on), midnight(row.given_on) + timedelta(days=1)),
        )
        for row, provider, unit in (await transaction.session.execute(query)).all()
    ]


async def archived_cases(transaction: Transaction, patient_person_id: str) -> list[RecordItem]:
    """Closed cases: what they were about and when. A unit that was written to has cared for the patient so long."""
    query = (
        select(ArchivedConversation)
        .where(
            ArchivedConversation.patient_person_id == patient_person_id,
            ArchivedConversation.kind == "case",
        )
        .order_by(ArchivedConversation.last_at.desc())
        .limit(MAX_ITEMS)
    )
    return [
        RecordItem(
            "case",
            row.conversation_id,
            Place(row.provider_hsa_id, row.unit_hsa_id),
            row.last_at,
            {"what": row.title, "first_at": row.first_at.isoformat(), "last_at": row.last_at.isoformat()},
            Period(row.first_at, row.last_at),
        )
        for row in (await transaction.session.scalars(query)).all()
    ]


async def video_visits(transaction: Transaction, patient_person_id: str) -> list[RecordItem]:
    """Video visits that took place, with a booking here or not: the patient and staff were there."""
    query = (
        select(
            VisitQuality.meeting_id,
            VisitQuality.provider_hsa_id,
            VisitQuality.unit_hsa_id,
            func.min(VisitQuality.connected_at).label("begins_at"),
            func.max(VisitQuality.left_at).label("ends_at"),
        )
        .where(
            VisitQuality.patient_person_id == patient_person_id,
            VisitQuality.connected_at.is_not(None),
            VisitQuality.role.in_(sorted(TAKES_PART)),
        )
        .group_by(VisitQuality.meeting_id, VisitQuality.provider_hsa_id, VisitQuality.unit_hsa_id)
        .having(func.count(VisitQuality.role.distinct()) == len(TAKES_PART))
        .order_by(func.min(VisitQuality.connected_at).desc())
        .limit(MAX_ITEMS)
    )
    return [
        RecordItem(
            "video_visit",
            row.meeting_id,
            Place(row.provider_hsa_id, row.unit_hsa_id),
            row.begins_at,
            {"what": "Videobesök", "starts_at": row.begins_at.isoformat(), "ends_at": row.ends_at.isoformat()},
            Period(row.begins_at, row.ends_at),
        )
        for row in (await transaction.session.execute(query)).all()
    ]


SOURCES: Final[MappingProxyType[str, Loader]] = MappingProxyType(
    {
        "booking": bookings,
        "summons": summonses,
        "declaration": declarations,
        "dose": doses,
        "case": archived_cases,
        "video_visit": video_visits,
    }
)
"""All kinds, in the order in which things of the same instant are shown."""


async def items_of(transaction: Transaction, patient_person_id: str) -> list[RecordItem]:
    """Everything that anybody has written about a patient, latest first. Not yet sifted."""
    found = [item for load in SOURCES.values() for item in await load(transaction, patient_person_id)]
    return sorted(found, key=lambda item: item.at, reverse=True)


async def relations_from_care(
    transaction: Transaction, patient_person_id: str, unit: Place, after_days: int
) -> list[Period]:
    """When the unit has a care relation with the patient, from what is stored: as long as care goes on, and some time
    after it.
    """
    items = await items_of(transaction, patient_person_id)
    after = timedelta(days=after_days)
    return [
        Period(item.care.begins_at, item.care.ends_at + after)
        for item in items
        if item.place == unit and item.care is not None
    ]
