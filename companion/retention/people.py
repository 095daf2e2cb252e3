"""The people themselves, and what is kept of them beside the care: reserve lists, risk groups, custody, questions."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from sqlalchemy import Column, Select, and_, delete, literal, or_, select

from companion.models import Base
from companion.models.audit_review import LookQuestion
from companion.models.base import PersonId
from companion.models.bookings import CalendarFeed
from companion.models.campaigns import OfferOptOut, RiskGroupMember
from companion.models.people import Person
from companion.models.proxies import Custody, CustodyAnswer, Guardianship
from companion.models.records import Extract, LegalHoldRow
from companion.models.schedules import ReserveEntry
from companion.models.summons import PersonReach
from companion.retention.area import Area, area
from companion.rules.retention import DataKind
from companion.transaction import Transaction

_NOBODYS: Final = literal(None)
_GO_ALONG: Final = (CalendarFeed, OfferOptOut, PersonReach, RiskGroupMember, CustodyAnswer, Custody)
"""What is nothing without the person."""
_NOT_ASKED: Final = frozenset({"person", "audit_entry", "front_audit_entry", *(one.__tablename__ for one in _GO_ALONG)})
"""Tables that keep nobody in the register. The audit log names ids, and is kept by its own rule."""


def naming_columns() -> Iterator[Column[Any]]:
    """Every column that names a person, of the tables that keep people."""
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            is_named = any(key.column.table.name == "person" for key in column.foreign_keys)
            is_id = getattr(column.type, "length", None) == PersonId.length and "person" in column.name
            if table.name not in _NOT_ASKED and (is_named or is_id):
                yield column


def _unneeded() -> Select[Any]:
    """People of whom nothing else is kept."""
    query = select(
        Person.person_id.label("item_id"),
        Person.told_at.label("since"),
        Person.person_id.label("patient"),
        _NOBODYS.label("provider"),
    )
    for column in naming_columns():
        query = query.where(~select(literal(1)).where(column == Person.person_id).exists())
    return cast("Select[Any]", query)


async def erase_people(transaction: Transaction, item_ids: Sequence[str]) -> None:
    """With what is nothing without them."""
    session = transaction.session
    await session.execute(delete(CalendarFeed).where(CalendarFeed.person_id.in_(item_ids)))
    await session.execute(delete(CalendarFeed).where(CalendarFeed.made_by.in_(item_ids)))
    await session.execute(delete(OfferOptOut).where(OfferOptOut.person_id.in_(item_ids)))
    await session.execute(delete(PersonReach).where(PersonReach.person_id.in_(item_ids)))
    await session.execute(delete(RiskGroupMember).where(RiskGroupMember.person_id.in_(item_ids)))
    await erase_custody(transaction, item_ids)
    await session.execute(delete(Person).where(Person.person_id.in_(item_ids)))
    for person_id in item_ids:  # what the front keeps of them goes as well
        key = f"person.erased:{person_id}:{int(transaction.now.timestamp())}"
        transaction.publish("person.erased", key, patient=person_id)


async def erase_custody(transaction: Transaction, item_ids: Sequence[str]) -> None:
    """What the register said of children."""
    await transaction.session.execute(delete(Custody).where(Custody.child_person_id.in_(item_ids)))
    await transaction.session.execute(delete(CustodyAnswer).where(CustodyAnswer.child_person_id.in_(item_ids)))


_MEMBER: Final = RiskGroupMember.provider_hsa_id + "|" + RiskGroupMember.risk_group + "|" + RiskGroupMember.person_id


async def erase_memberships(transaction: Transaction, item_ids: Sequence[str]) -> None:
    """That somebody was counted to a risk group."""
    places = [item_id.split("|") for item_id in item_ids]
    which = [
        and_(
            RiskGroupMember.provider_hsa_id == provider,
            RiskGroupMember.risk_group == group,
            RiskGroupMember.person_id == person,
        )
        for provider, group, person in places
    ]
    await transaction.session.execute(delete(RiskGroupMember).where(or_(*which)))


_ACTED_FOR: Final = (
    select(Guardianship.guardianship_id)
    .where(Guardianship.child_person_id == CustodyAnswer.child_person_id, Guardianship.ended_at.is_(None))
    .exists()
)

AREAS: Final = (
    area(
        DataKind.RESERVE_ENTRY,
        ReserveEntry,
        ReserveEntry.entry_id,
        ReserveEntry.joined_at,
        ReserveEntry.patient_person_id,
        ReserveEntry.provider_hsa_id,
    ),
    Area(
        DataKind.RISK_GROUP,
        RiskGroupMember.__table__,  # type: ignore[arg-type]  # a Table
        select(
            _MEMBER.label("item_id"),
            RiskGroupMember.told_at.label("since"),
            RiskGroupMember.person_id.label("patient"),
            RiskGroupMember.provider_hsa_id.label("provider"),
        ),
        erase_memberships,
    ),
    Area(
        DataKind.CUSTODY,
        CustodyAnswer.__table__,  # type: ignore[arg-type]  # a Table
        select(
            CustodyAnswer.child_person_id.label("item_id"),
            CustodyAnswer.told_at.label("since"),
            CustodyAnswer.child_person_id.label("patient"),
            _NOBODYS.label("provider"),
        ).where(~_ACTED_FOR),
        erase_custody,
    ),
    area(
        DataKind.LOOK_QUESTION,
        LookQuestion,
        LookQuestion.question_id,
        LookQuestion.answered_at,
        LookQuestion.patient_person_id,
        LookQuestion.provider_hsa_id,
    ),
    area(
        DataKind.EXTRACT,
        Extract,
        Extract.extract_id,
        Extract.requested_at,
        Extract.patient_person_id,
        Extract.provider_hsa_id,
    ),
    area(
        DataKind.LEGAL_HOLD,
        LegalHoldRow,
        LegalHoldRow.hold_id,
        LegalHoldRow.lifted_at,
        LegalHoldRow.patient_person_id,
        LegalHoldRow.provider_hsa_id,
    ),
    Area(
        DataKind.PERSON,
        Person.__table__,  # type: ignore[arg-type]  # a Table
        _unneeded(),
        erase_people,
    ),
)
"""The people last: what was kept of them is gone by then."""
