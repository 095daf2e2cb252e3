"""Archived cases with their files, and quality records of visits."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import delete, select, update

from companion.models.archive import ArchivedConversation, ArchivedFile, FileToErase
from companion.models.quality import VisitQuality
from companion.retention.area import Area, area
from companion.rules.retention import DataKind
from companion.store.erasing import erase_rows
from companion.transaction import Transaction


async def erase_conversations(transaction: Transaction, item_ids: Sequence[str]) -> None:
    """Rows now; the bytes of files once this is committed, by the sweeper: they are on its list already."""
    query = select(ArchivedFile.stored_name).where(ArchivedFile.conversation_id.in_(item_ids))
    for stored_name in (await transaction.session.scalars(query)).all():
        transaction.session.add(FileToErase(stored_name=stored_name, due_at=transaction.now - timedelta(seconds=1)))
    await transaction.session.execute(delete(ArchivedFile).where(ArchivedFile.conversation_id.in_(item_ids)))
    await erase_rows(transaction, ArchivedConversation.__table__, item_ids)  # type: ignore[arg-type]  # a Table


async def anonymise_visits(transaction: Transaction, item_ids: Sequence[str]) -> None:
    """How it went stays; who it was, and when exactly what happened, goes."""
    statement = update(VisitQuality).where(VisitQuality.stay_id.in_(item_ids))
    gone: dict[str, Any] = {"person": None, "patient_person_id": None, "log": [], "anonymised_at": transaction.now}
    await transaction.session.execute(statement.values(gone))


AREAS: Final = (
    Area(
        DataKind.ARCHIVED_CASE,
        ArchivedConversation.__table__,  # type: ignore[arg-type]  # a Table
        select(
            ArchivedConversation.conversation_id.label("item_id"),
            ArchivedConversation.last_at.label("since"),
            ArchivedConversation.patient_person_id.label("patient"),
            ArchivedConversation.provider_hsa_id.label("provider"),
        ),
        erase_conversations,
    ),
    Area(
        DataKind.QUALITY_RECORD,
        VisitQuality.__table__,  # type: ignore[arg-type]  # a Table
        area(
            DataKind.QUALITY_RECORD,
            VisitQuality,
            VisitQuality.stay_id,
            VisitQuality.left_at,
            VisitQuality.patient_person_id,
            VisitQuality.provider_hsa_id,
        ).query.where(VisitQuality.anonymised_at.is_(None)),
        anonymise_visits,
    ),
)
