"""What retention has to know of a table: the question what is stored since when, and how to erase it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, Table, select

from companion.rules.retention import DataKind, Kept
from companion.store.erasing import erase_rows
from companion.transaction import Transaction

COLUMNS: Final = ("item_id", "since", "patient", "provider")
Erase = Callable[[Transaction, Sequence[str]], Awaitable[None]]


@dataclass(frozen=True)
class Stored:
    """A stored thing, as retention sees it."""

    item_id: str
    kept: Kept


@dataclass(frozen=True)
class Area:
    """One table of a kind. ``query`` has the columns of ``COLUMNS``; what has not begun to count has no ``since``."""

    kind: DataKind
    table: Table
    query: Select[*tuple[Any, ...]]
    erase: Erase

    async def older_than(self, transaction: Transaction, before: datetime, limit: int, offset: int) -> list[Stored]:
        """A page of what counts from before an instant, the oldest first."""
        inner = self.query.subquery()
        query = select(inner).where(inner.c.since < before).order_by(inner.c.since, inner.c.item_id)
        rows = (await transaction.session.execute(query.limit(limit).offset(offset))).all()
        return [Stored(row.item_id, Kept(self.kind, row.since, row.patient, row.provider)) for row in rows]


def erasing(table: Any) -> Erase:
    """Erase rows of a model by their primary key, with what belongs to them."""

    async def erase(transaction: Transaction, item_ids: Sequence[str]) -> None:
        await erase_rows(transaction, table.__table__, item_ids)

    return erase


def area(kind: DataKind, table: Any, key: Any, since: Any, patient: Any, provider: Any) -> Area:
    """The usual case: everything stands in one row."""
    columns = (key.label("item_id"), since.label("since"), patient.label("patient"), provider.label("provider"))
    return Area(kind, table.__table__, select(*columns), erasing(table))
