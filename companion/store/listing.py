"""Lists of what units keep about patients: the patient's own, or those of the unit."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, true

from auth.permissions import Resource
from companion.identity import Caller
from companion.transaction import Transaction

Row = TypeVar("Row")


async def own_or_units(
    transaction: Transaction,
    caller: Caller,
    query: Select[Row],
    model: Any,
    *,
    what: str,
    resource_of: Callable[[Row], Resource],
    name_of: Callable[[Row], str],
    shown_to_patient: ColumnElement[bool] | None = None,
) -> Sequence[Row]:
    """What the query finds of the patient's own; for staff, of their unit, with an entry of the audit log for each.

    ``model`` has the columns of provider, unit and patient; ``what`` and ``name_of`` name list and rows in the log.
    """
    principal = caller.principal
    if principal.kind == "patient":
        caller.require(transaction, Resource(patient_person_id=principal.subject), what=what)
        is_shown = true() if shown_to_patient is None else shown_to_patient
        own = query.where(model.patient_person_id == principal.subject, is_shown)
        return (await transaction.session.scalars(own)).all()
    caller.require(transaction, Resource(principal.provider_hsa_id, principal.unit_hsa_id), what=what)
    of_unit = query.where(
        model.provider_hsa_id == principal.provider_hsa_id, model.unit_hsa_id == principal.unit_hsa_id
    )
    rows = (await transaction.session.scalars(of_unit)).all()
    for row in rows:
        caller.require(transaction, resource_of(row), what=name_of(row))
    return rows
