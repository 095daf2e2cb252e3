"""Erasing rows with what belongs to them."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Table, delete, select, update

from companion.models import Base
from companion.transaction import Transaction

_OWNED: Final = frozenset({("letter", "summons_id"), ("letter", "offer_id")})
"""Columns that may be empty, of rows that cannot be without what they name: a letter is of a summons or of an offer."""


def references_to(table: Table) -> list[tuple[Table, str]]:
    """Tables with a foreign key to this one, and the column."""
    return [
        (other, constraint.column_keys[0])
        for other in Base.metadata.sorted_tables
        for constraint in other.foreign_key_constraints
        if constraint.referred_table is table and len(constraint.column_keys) == 1
    ]


async def erase_rows(transaction: Transaction, table: Table, keys: Sequence[Any]) -> None:
    """Erase rows by their primary key of one column.

    What cannot be without them (a letter without its summons) goes with them; what merely names them lives on without.
    """
    session = transaction.session
    for other, name in references_to(table):
        column = other.c[name]
        if column.nullable and (other.name, name) not in _OWNED:
            await session.execute(update(other).where(column.in_(keys)).values({name: None}))
        elif len(other.primary_key.columns) == 1 and references_to(other):
            (own_key,) = other.primary_key.columns
            owned = (await session.scalars(select(own_key).where(column.in_(keys)))).all()
            if owned:
                await erase_rows(transaction, other, owned)
        else:
            await session.execute(delete(other).where(column.in_(keys)))
    (key,) = table.primary_key.columns
    await session.execute(delete(table).where(key.in_(keys)))
