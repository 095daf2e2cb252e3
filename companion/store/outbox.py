"""The outbox: rows written with what they tell of, and the claims of whoever delivers them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select, update

from companion.models.outbox import OutboxRow
from companion.models.people import Person
from companion.prepared import Prepared, all_columns, table
from companion.transaction import Transaction

LEASE: Final = timedelta(seconds=30)
"""A message that was taken for delivery is left alone for so long; then somebody else tries."""
MAX_PAUSE: Final = timedelta(minutes=10)
_APPEND: Final = Prepared(lambda _: table(OutboxRow).insert().values(all_columns(OutboxRow, but="id")).inline())


async def append_outbox(transaction: Transaction) -> None:
    """Write what the transaction publishes. What is about a patient says whether the identity is protected: whoever
    tells people then names no unit and no time.
    """
    if not transaction.outbox:
        return
    protected = await _protected(transaction, {str(one.payload.get("patient")) for one in transaction.outbox})
    for message in transaction.outbox:
        payload = dict(message.payload)
        if "patient" in payload:
            payload["is_protected"] = payload["patient"] in protected
        await _APPEND.rows(
            transaction,
            key=message.key,
            kind=message.kind,
            payload=payload,
            created_at=transaction.now,
            due_at=message.due_at or transaction.now,
            attempts=0,
            delivered_at=None,
        )
    transaction.outbox.clear()


async def _protected(transaction: Transaction, person_ids: set[str]) -> frozenset[str]:
    """Who of them has a protected identity. Nearly always there is nobody to ask about, or one who is locked."""
    known = transaction.protected
    found = {person_id for person_id in person_ids if known.get(person_id)}
    ids = sorted(person_ids - {"None"} - known.keys())
    if ids:
        query = select(Person).where(Person.person_id.in_(ids))
        found |= {one.person_id for one in (await transaction.session.scalars(query)).all() if one.is_protected}
    return frozenset(found)


async def is_anything_due(transaction: Transaction) -> bool:
    """Whether a dispatcher has something to do."""
    query = select(OutboxRow.id).where(OutboxRow.delivered_at.is_(None), OutboxRow.due_at <= transaction.now).limit(1)
    return await transaction.session.scalar(query) is not None


async def claim(transaction: Transaction, limit: int) -> Sequence[OutboxRow]:
    """Take the messages that are due, oldest first; other dispatchers leave them alone for the time of the lease."""
    query = (
        select(OutboxRow)
        .where(OutboxRow.delivered_at.is_(None), OutboxRow.due_at <= transaction.now)
        .order_by(OutboxRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = (await transaction.session.scalars(query)).all()
    for row in rows:
        row.due_at = transaction.now + LEASE
        row.attempts += 1
    return rows


async def is_wanted(transaction: Transaction, message_id: int) -> bool:
    """Whether a message that was claimed is still to be delivered: it may have been withdrawn in the meantime."""
    query = select(OutboxRow.id).where(OutboxRow.id == message_id, OutboxRow.delivered_at.is_(None))
    return await transaction.session.scalar(query) is not None


async def mark_delivered(transaction: Transaction, ids: Sequence[int]) -> None:
    """They have arrived."""
    statement = update(OutboxRow).where(OutboxRow.id.in_(ids)).values(delivered_at=transaction.now)
    await transaction.session.execute(statement)


async def postpone(transaction: Transaction, message_id: int, pause: timedelta) -> None:
    """It did not arrive: try again later."""
    statement = (
        update(OutboxRow)
        .where(OutboxRow.id == message_id, OutboxRow.delivered_at.is_(None))
        .values(due_at=transaction.now + min(pause, MAX_PAUSE))
    )
    await transaction.session.execute(statement)


async def forget_delivered(transaction: Transaction, before: datetime) -> None:
    """Remove what was delivered long ago."""
    await transaction.session.execute(delete(OutboxRow).where(OutboxRow.delivered_at < before))
