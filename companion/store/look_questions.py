"""Use cases of questions: a patient asks about one use of the patient's data, the care provider answers."""

from collections.abc import Sequence

from sqlalchemy import select

from auth.permissions import Resource
from companion.errors import Problem, define
from companion.identity import Caller
from companion.models.audit_review import LookQuestion
from companion.models.people import Person
from companion.rules.audit_review import EntryId, check_answer
from companion.services import new_id
from companion.store.admin_scope import scope_of
from companion.store.chains import entry_at
from companion.store.people import locked
from companion.transaction import Transaction

NOBODY_TO_ASK = define(
    "nobody_to_ask",
    409,
    sv="Det finns ingen vårdgivare att fråga om detta.",
    en="There is no care provider to ask about this.",
)
ASKED_ALREADY = define(
    "asked_already", 409, sv="Du har redan frågat om detta.", en="You have asked about this already."
)


def _resource(row: LookQuestion) -> Resource:
    return Resource(row.provider_hsa_id, row.unit_hsa_id, row.patient_person_id)


async def ask(transaction: Transaction, caller: Caller, place: EntryId, text: str) -> LookQuestion:
    """Ask about a look; once about each."""
    found = await entry_at(transaction, place)
    patient = None if found is None else found.entry.patient
    resource = None if patient is None else Resource(patient_person_id=patient)
    caller.require(transaction, resource, what=f"audit_entry:{place.chain}:{place.number}")
    assert found is not None
    assert patient is not None
    provider, unit = found.entry.provider, found.entry.unit
    if provider is None or unit is None:
        raise Problem(NOBODY_TO_ASK)
    await locked(transaction, patient)
    known = select(LookQuestion.question_id).where(
        LookQuestion.patient_person_id == patient,
        LookQuestion.chain == place.chain,
        LookQuestion.number == place.number,
    )
    if await transaction.session.scalar(known) is not None:
        raise Problem(ASKED_ALREADY)
    row = LookQuestion(
        question_id=new_id("lq"),
        patient_person_id=patient,
        chain=place.chain,
        number=place.number,
        actor=found.entry.actor,
        provider_hsa_id=provider,
        unit_hsa_id=unit,
        text=text,
        asked_at=transaction.now,
    )
    transaction.session.add(row)
    return row


async def own_questions(transaction: Transaction, caller: Caller) -> Sequence[LookQuestion]:
    """What one has asked, newest first, with the answers."""
    person_id = caller.principal.subject
    caller.require(transaction, Resource(patient_person_id=person_id), what="look_questions")
    query = select(LookQuestion).where(LookQuestion.patient_person_id == person_id)
    return (await transaction.session.scalars(query.order_by(LookQuestion.asked_at.desc()).limit(200))).all()


async def to_answer(
    transaction: Transaction, caller: Caller, *, is_all: bool
) -> Sequence[tuple[LookQuestion, Person | None]]:
    """Questions to one's units, the oldest first; with an entry of the audit log for each patient."""
    scope = scope_of(caller)
    caller.require(transaction, Resource(scope.provider_hsa_id, scope.own_unit_hsa_id), what="look_questions")
    query = select(LookQuestion, Person).outerjoin(Person, Person.person_id == LookQuestion.patient_person_id)
    query = query.where(LookQuestion.provider_hsa_id == scope.provider_hsa_id)
    if scope.unit_hsa_id is not None:
        query = query.where(LookQuestion.unit_hsa_id == scope.unit_hsa_id)
    if not is_all:
        query = query.where(LookQuestion.answered_at.is_(None))
    query = query.order_by(LookQuestion.asked_at, LookQuestion.question_id).limit(200)
    rows = [(row, person) for row, person in (await transaction.session.execute(query)).all()]
    for row, _ in rows:
        caller.require(transaction, _resource(row), what=f"look_question:{row.question_id}")
    return rows


async def answer(transaction: Transaction, caller: Caller, question_id: str, text: str) -> LookQuestion:
    """The provider's answer; not by whom the question is about."""
    row = await transaction.session.get(LookQuestion, question_id, with_for_update=True)
    caller.require(transaction, None if row is None else _resource(row), what=f"look_question:{question_id}")
    assert row is not None
    check_answer(actor=row.actor, answerer=caller.principal.actor, answered_at=row.answered_at)
    row.answer, row.answered_by, row.answered_at = text, caller.principal.actor, transaction.now
    return row
