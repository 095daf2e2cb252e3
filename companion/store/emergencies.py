"""Use cases of emergency access (nödöppning): opened with a reason, closed by its opener or by time, reviewed."""

from collections.abc import Sequence

from sqlalchemy import select

from auth.permissions import Resource
from companion.errors import NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.access import EmergencyOpening
from companion.models.organisation import CareProvider
from companion.models.people import Person
from companion.rules.blocks import (
    EmergencyReason,
    Period,
    Verdict,
    check_close,
    check_review,
    emergency_period,
    review_due_at,
)
from companion.services import new_id
from companion.store.access import reader_of
from companion.store.admin_scope import Scope, scope_of
from companion.transaction import Transaction


def _resource(row: EmergencyOpening) -> Resource:
    return Resource(row.provider_hsa_id, row.unit_hsa_id, row.patient_person_id)


async def open_access(
    transaction: Transaction,
    caller: Caller,
    patient_person_id: str,
    data_provider_hsa_id: str | None,
    reason: EmergencyReason,
    reason_text: str,
) -> EmergencyOpening:
    """Open what is closed, for this staff member in this commission and a short time."""
    reader = reader_of(caller)
    patient = await transaction.session.get(Person, patient_person_id)
    resource = Resource(reader.place.provider_hsa_id, reader.place.unit_hsa_id, patient_person_id)
    caller.require(transaction, None if patient is None else resource, what=f"emergency_access:{reason}")
    if data_provider_hsa_id is not None and await transaction.session.get(CareProvider, data_provider_hsa_id) is None:
        raise Problem(NOT_FOUND, "data_provider_hsa_id")
    settings = caller.services.settings
    period = emergency_period(reason_text, transaction.now, settings.emergency_access_h)
    row = EmergencyOpening(
        access_id=new_id("em"),
        patient_person_id=patient_person_id,
        staff_hsa_id=reader.hsa_id,
        provider_hsa_id=reader.place.provider_hsa_id,
        unit_hsa_id=reader.place.unit_hsa_id,
        data_provider_hsa_id=data_provider_hsa_id,
        reason=reason,
        reason_text=reason_text.strip(),
        begins_at=period.begins_at,
        ends_at=period.ends_at,
        review_due_at=review_due_at(period, settings.emergency_review_days),
        review_note="",
    )
    transaction.session.add(row)
    return row


async def close(transaction: Transaction, caller: Caller, access_id: str) -> EmergencyOpening:
    """It is needed no more. Only whoever opened it closes it."""
    row = await transaction.session.get(EmergencyOpening, access_id, with_for_update=True)
    is_own = row is not None and row.staff_hsa_id == caller.principal.actor
    caller.require(transaction, _resource(row) if row is not None and is_own else None, what=f"emergency:{access_id}")
    assert row is not None
    check_close(Period(row.begins_at, row.ends_at), row.closed_at, transaction.now)
    row.closed_at = transaction.now
    return row


async def of_patient(transaction: Transaction, caller: Caller, patient_person_id: str) -> Sequence[EmergencyOpening]:
    """Openings of a patient's data, newest first: all of them for the patient, one's own for staff. The permission was
    asked for beside the patient's other wishes.
    """
    query = select(EmergencyOpening).where(EmergencyOpening.patient_person_id == patient_person_id)
    if caller.principal.kind == "staff":
        query = query.where(EmergencyOpening.staff_hsa_id == caller.principal.actor)
    return (await transaction.session.scalars(query.order_by(EmergencyOpening.begins_at.desc()).limit(200))).all()


async def to_review(
    transaction: Transaction, caller: Caller, *, is_all: bool
) -> tuple[Scope, Sequence[EmergencyOpening]]:
    """What was opened in one's units, the most urgent first; with an entry of the audit log for each patient."""
    scope = scope_of(caller)
    caller.require(transaction, Resource(scope.provider_hsa_id, scope.own_unit_hsa_id), what="emergency_accesses")
    query = select(EmergencyOpening).where(EmergencyOpening.provider_hsa_id == scope.provider_hsa_id)
    if scope.unit_hsa_id is not None:
        query = query.where(EmergencyOpening.unit_hsa_id == scope.unit_hsa_id)
    if not is_all:
        query = query.where(EmergencyOpening.verdict.is_(None))
    query = query.order_by(EmergencyOpening.review_due_at, EmergencyOpening.access_id).limit(200)
    rows = (await transaction.session.scalars(query)).all()
    for row in rows:
        caller.require(transaction, _resource(row), what=f"emergency:{row.access_id}")
    return scope, rows


async def review(
    transaction: Transaction, caller: Caller, access_id: str, verdict: Verdict, note: str
) -> EmergencyOpening:
    """Somebody else says whether it was right."""
    row = await transaction.session.get(EmergencyOpening, access_id, with_for_update=True)
    caller.require(transaction, None if row is None else _resource(row), what=f"emergency:{access_id}")
    assert row is not None
    known: Verdict | None = row.verdict  # type: ignore[assignment]  # written from the request's Literal
    check_review(opened_by=row.staff_hsa_id, reviewer=caller.principal.actor, verdict=known)
    row.verdict, row.review_note = verdict, note.strip()
    row.reviewed_by, row.reviewed_at = caller.principal.actor, transaction.now
    return row
