"""Use cases of health declarations: answered by the patient before the visit, read and amended by the vaccinator."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from auth.permissions import Resource
from companion.errors import CONFLICT, NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.bookings import Booking
from companion.models.declarations import Declaration, QuestionnaireVersion
from companion.models.schedules import TimeType
from companion.rules.questionnaires import Outcome, check_answers, check_declared, evaluate, valid_until
from companion.services import new_id
from companion.store.people import locked
from companion.store.questionnaires import published, questionnaire_of
from companion.transaction import Transaction


async def declare(
    transaction: Transaction,
    caller: Caller,
    patient_person_id: str,
    form_id: str,
    version: int,
    answers: Mapping[str, Any],
) -> Declaration:
    """The patient's (or a proxy's) answers to the published version."""
    caller.require(transaction, Resource(patient_person_id=patient_person_id), what=f"form:{form_id}")
    return await _write(transaction, caller, patient_person_id, form_id, version, answers)


async def amend_at_visit(
    transaction: Transaction, caller: Caller, booking_id: str, version: int, answers: Mapping[str, Any]
) -> Declaration:
    """The vaccinator asks again; what was answered before stays as it is."""
    booking, form_id = await _of_booking(transaction, caller, booking_id)
    return await _write(transaction, caller, booking.patient_person_id, form_id, version, answers)


async def _write(
    transaction: Transaction, caller: Caller, person_id: str, form_id: str, version: int, answers: Mapping[str, Any]
) -> Declaration:
    row = await published(transaction, form_id)
    if row is None or await locked(transaction, person_id) is None:
        raise Problem(NOT_FOUND)
    if row.version != version:
        raise Problem(CONFLICT, "version", extra={"version": row.version})
    questionnaire = questionnaire_of(row.content)
    check_answers(questionnaire, answers)
    evaluation = evaluate(questionnaire, answers)
    before = await latest(transaction, person_id, form_id)
    made = Declaration(
        declaration_id=new_id("de"),
        form_id=form_id,
        version_id=row.version_id,
        patient_person_id=person_id,
        number=1 if before is None else before.number + 1,
        answers=dict(answers),
        outcome=evaluation.outcome,
        rule_ids=list(evaluation.rule_ids),
        answered_by=caller.principal.actor,
        answered_at=transaction.now,
        valid_until=valid_until(transaction.now, questionnaire.valid_days),
        amends=None if before is None or before.valid_until <= transaction.now else before.declaration_id,
    )
    transaction.session.add(made)
    return made


async def latest(transaction: Transaction, person_id: str, form_id: str) -> Declaration | None:
    """The declaration that counts."""
    query = (
        select(Declaration)
        .where(Declaration.patient_person_id == person_id, Declaration.form_id == form_id)
        .order_by(Declaration.number.desc())
        .limit(1)
    )
    return (await transaction.session.scalars(query)).one_or_none()


async def check_before_booking(transaction: Transaction, person_id: str, time_type: TimeType, visit_at: Any) -> None:
    """A patient who books a time with a form has answered it, for long enough, without a stop."""
    if time_type.form_id is None:
        return
    found = await latest(transaction, person_id, time_type.form_id)
    check_declared([] if found is None else [(found.valid_until, Outcome(found.outcome))], visit_at)


async def own_declarations(
    transaction: Transaction, caller: Caller, person_id: str
) -> Sequence[tuple[Declaration, QuestionnaireVersion]]:
    """Everything that a patient has answered, newest first."""
    caller.require(transaction, Resource(patient_person_id=person_id), what="declarations")
    return await rows_where(transaction, Declaration.patient_person_id == person_id)


async def at_visit(
    transaction: Transaction, caller: Caller, booking_id: str
) -> Sequence[tuple[Declaration, QuestionnaireVersion]]:
    """What the vaccinator reads: the patient's answers to the form of this visit, newest first."""
    booking, form_id = await _of_booking(transaction, caller, booking_id)
    condition = (Declaration.patient_person_id == booking.patient_person_id) & (Declaration.form_id == form_id)
    return await rows_where(transaction, condition)


async def rows_where(transaction: Transaction, condition: Any) -> Sequence[tuple[Declaration, QuestionnaireVersion]]:
    """Declarations with the versions that they answer, newest first. Whoever asks has asked for permission."""
    query = (
        select(Declaration, QuestionnaireVersion)
        .join(QuestionnaireVersion, QuestionnaireVersion.version_id == Declaration.version_id)
        .where(condition)
        .order_by(Declaration.answered_at.desc(), Declaration.number.desc())
        .limit(200)
    )
    return [(declaration, version) for declaration, version in (await transaction.session.execute(query)).all()]


async def _of_booking(transaction: Transaction, caller: Caller, booking_id: str) -> tuple[Booking, str]:
    booking = await transaction.session.get(Booking, booking_id)
    resource = None
    if booking is not None:
        resource = Resource(booking.provider_hsa_id, booking.unit_hsa_id, booking.patient_person_id)
    caller.require(transaction, resource, what=f"booking:{booking_id}")
    assert booking is not None
    time_type = await transaction.session.get_one(TimeType, booking.time_type_id)
    if time_type.form_id is None:
        raise Problem(NOT_FOUND, detail="the time type has no form")
    return booking, time_type.form_id
