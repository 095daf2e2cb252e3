"""What parts of an extract are made of: rows of tables as plain fields, without the ids of people."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from sqlalchemy import inspect, select

from companion.transaction import Transaction

Items = list[dict[str, Any]]
Part = Callable[[Transaction, str, str | None], Awaitable[Items]]
"""Of a patient, and what one care provider has written and done, or None: everybody."""
_HIDDEN: Final = frozenset(
    {
        "actor",
        "answered_by",
        "asked_by",
        "decided_by",
        "ended_by",
        "excused_by",
        "lifted_by",
        "made_by",
        "patient_person_id",
        "person",
        "person_id",
        "recorded_by",
        "set_by",
        "teenager_person_id",
    }
)
"""Columns with the id of somebody, the patient or not: who acted stands in the log."""


def fields_of(row: Any, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The columns of a row that are shown."""
    columns = inspect(row).mapper.column_attrs
    hidden = _HIDDEN | without
    return {column.key: getattr(row, column.key) for column in columns if column.key not in hidden}


def rows(
    model: Any,
    of_patient: Any,
    provider_column: Any = None,
    order: Any = None,
    *,
    join: tuple[Any, Any] | None = None,
    without: frozenset[str] = frozenset(),
) -> Part:
    """All rows of a table that are about the patient. ``join``: where patient and care provider stand."""

    async def load(transaction: Transaction, person_id: str, provider: str | None) -> Items:
        query = select(model).where(of_patient == person_id)
        if join is not None:
            query = query.join(*join)
        if provider is not None and provider_column is not None:
            query = query.where(provider_column == provider)
        if order is not None:
            query = query.order_by(order)
        return [fields_of(row, without=without) for row in (await transaction.session.scalars(query)).all()]

    return load


def of_no_provider(part: Part) -> Part:
    """A part that is no care provider's: an extract of one of them leaves it out."""

    async def load(transaction: Transaction, person_id: str, provider: str | None) -> Items:
        return [] if provider is not None else await part(transaction, person_id, provider)

    return load
