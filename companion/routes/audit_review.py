"""Follow-up of the audit log: search, samples, export for administrators; questions of patients and their answers."""

import json
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field, StringConstraints

from auth.permissions import Action
from companion.fhir import care
from companion.fhir.elements import FHIR_JSON, searchset
from companion.idempotency import Key, once
from companion.identity import Caller, asks
from companion.models.audit_review import AuditSample, AuditSampleEntry, LookQuestion
from companion.models.people import Person
from companion.routes.answers import Answers
from companion.routes.looks import Before, Limit, OwnReader, cursor
from companion.routes.shapes import HsaId, Input, Instant, ObjectId, Output, PersonId
from companion.rules.audit_review import MAX_SAMPLE, EntryId
from companion.rules.masking import Surface, shown
from companion.store import audit_review as store
from companion.store import look_questions as questions
from companion.store.chains import Found, Names, Wanted, identity_of
from companion.transaction import Transaction

router = APIRouter(tags=["audit"])

Auditor = Annotated[Caller, asks(Action.AUDIT_READ)]
Reviewer = Annotated[Caller, asks(Action.AUDIT_REVIEW)]
Asker = Annotated[Caller, asks(Action.AUDIT_ASK)]
ChainName = Literal["companion", "front"]
Number = Annotated[int, Path(ge=1, le=2**53)]
Note = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$")]


class EntryOut(Output):
    """An entry of the audit log, as those who review it see it. Patients by their opaque ids."""

    chain: ChainName
    number: int
    at: datetime
    actor: str
    actor_name: str | None
    unit_hsa_id: str | None
    unit_name: str | None
    commission: str | None
    patient_person_id: str | None
    action: str
    outcome: str
    resource: str | None
    address: str | None
    request_id: str


class EntriesOut(Output):
    """Latest first."""

    entries: list[EntryOut]
    next_before: str | None


class SampleIn(Input):
    """Of which time, and how many."""

    begins_at: Instant
    ends_at: Instant
    size: Annotated[int, Field(ge=1, le=MAX_SAMPLE)] = 20


class SampleOut(Output):
    """A sample, and the seed by which it can be drawn again."""

    sample_id: str
    unit_hsa_id: str | None
    seed: str
    begins_at: datetime
    ends_at: datetime
    population: int
    drawn_by: str
    drawn_at: datetime


class SampledOut(Output):
    """An entry of a sample; null: it has been erased since."""

    chain: ChainName
    number: int
    entry: EntryOut | None
    judgement: str | None
    note: str
    judged_by: str | None
    judged_at: datetime | None


class SampleWithEntries(SampleOut):
    """With its entries, and how far it has come."""

    entries: list[SampledOut]
    counts: dict[str, int]


class JudgementIn(Input):
    """Whether it was right; what is questioned needs a note."""

    judgement: Literal["ok", "questioned"]
    note: Note = ""


class JudgementOut(Output):
    """What was said."""

    judgement: str
    note: str
    judged_at: datetime


class QuestionIn(Input):
    """What one wants to know."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]


class QuestionOut(Output):
    """A question, and its answer when there is one."""

    question_id: str
    chain: ChainName
    number: int
    unit_hsa_id: str
    text: str
    asked_at: datetime
    answer: str | None
    answered_at: datetime | None


class QuestionForStaff(QuestionOut):
    """For the care provider: about whom and by whom."""

    actor: str
    patient_person_id: str
    patient_name: str


class AnswerIn(Input):
    """The answer."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"^[^\x00]*$")]


async def wanted_of(
    patient_person_id: Annotated[PersonId | None, Query()] = None,
    actor: Annotated[HsaId | None, Query()] = None,
    unit_hsa_id: Annotated[HsaId | None, Query()] = None,
    action: Annotated[str | None, Query(pattern=r"^[a-z_]{1,64}$")] = None,
    begins_at: Annotated[Instant | None, Query()] = None,
    ends_at: Annotated[Instant | None, Query()] = None,
) -> Wanted:
    """What a search says."""
    return Wanted(
        patient=patient_person_id,
        actor=actor,
        unit=unit_hsa_id,
        action=action,
        begins_at=begins_at,
        ends_at=ends_at,
    )


Asked = Annotated[Wanted, Depends(wanted_of)]


def _entry(found: Found, names: Names) -> EntryOut:
    entry = found.entry
    return EntryOut(
        chain=found.place.chain,
        number=found.place.number,
        at=found.at,
        actor=entry.actor,
        actor_name=names.staff.get(entry.actor),
        unit_hsa_id=entry.unit,
        unit_name=names.units.get(entry.unit or ""),
        commission=entry.commission,
        patient_person_id=entry.patient,
        action=entry.action,
        outcome=entry.outcome,
        resource=entry.resource,
        address=entry.address,
        request_id=entry.request_id,
    )


def _next(found: list[Found], limit: int) -> str | None:
    return str(found[-1].cursor) if len(found) == limit else None


@router.get("/audit-entries")
async def search(caller: Auditor, wanted: Asked, before: Before = None, limit: Limit = 50) -> EntriesOut:
    """What people of one's units have done: by patient, actor, unit, action and time."""
    async with caller.transaction() as transaction:
        found, names = await store.search(transaction, caller, wanted, cursor(before), limit)
        return EntriesOut(entries=[_entry(one, names) for one in found], next_before=_next(found, limit))


_BUNDLE: Answers = {
    200: {"content": {FHIR_JSON: {"schema": {"$ref": "#/components/schemas/Resource"}}}, "description": "A Bundle."}
}


@router.get("/audit-events", response_class=Response, responses=_BUNDLE)
async def export(
    request: Request, caller: Auditor, wanted: Asked, before: Before = None, limit: Limit = 200
) -> Response:
    """The same as a Bundle of FHIR AuditEvents, page by page (link `next`)."""
    async with caller.transaction() as transaction:
        found, _ = await store.search(transaction, caller, wanted, cursor(before), limit)
    events = [care.audit_event(one.place.number, one.entry, chain=one.place.chain) for one in found]
    following = _next(found, limit)
    next_url = None if following is None else str(request.url.include_query_params(before=following))
    bundle = searchset(f"{request.base_url}fhir", str(request.url), events, next_url=next_url)
    return Response(json.dumps(bundle, ensure_ascii=False), media_type=FHIR_JSON)


# --- samples -----------------------------------------------------------------------------------------------------


def _sample(sample: AuditSample) -> SampleOut:
    return SampleOut.model_validate(sample)


def _judgement(row: AuditSampleEntry) -> JudgementOut:
    return JudgementOut.model_validate(row)


@router.post("/audit-samples", status_code=201, response_model=SampleOut)
async def draw_sample(body: SampleIn, caller: Reviewer, request: Request, key: Key = None) -> Response:
    """Draw a random sample of one's units' entries for review."""

    async def act(transaction: Transaction) -> SampleOut:
        return _sample(await store.draw_sample(transaction, caller, body.begins_at, body.ends_at, body.size))

    return await once(caller, request, key, 201, act)


@router.get("/audit-samples")
async def list_samples(caller: Auditor) -> list[SampleOut]:
    """Samples of one's units, newest first."""
    async with caller.transaction() as transaction:
        return [_sample(one) for one in await store.samples(transaction, caller)]


@router.get("/audit-samples/{sample_id}")
async def read_sample(sample_id: ObjectId, caller: Auditor) -> SampleWithEntries:
    """A sample with its entries."""
    async with caller.transaction() as transaction:
        sample, found, names = await store.read_sample(transaction, caller, sample_id)
        return SampleWithEntries(
            **_sample(sample).model_dump(),
            entries=[
                SampledOut.model_validate(
                    {
                        **{name: getattr(one.row, name) for name in SampledOut.model_fields if name != "entry"},
                        "entry": None if one.found is None else _entry(one.found, names),
                    }
                )
                for one in found
            ],
            counts=dict(store.counts(found)),
        )


@router.post("/audit-samples/{sample_id}/entries/{chain}/{number}/judge")
async def judge(
    sample_id: ObjectId, chain: ChainName, number: Number, body: JudgementIn, caller: Reviewer
) -> JudgementOut:
    """Judge one sampled entry; never one's own doing."""
    async with caller.transaction() as transaction:
        place = EntryId(chain, number)
        return _judgement(await store.judge(transaction, caller, sample_id, place, body.judgement, body.note))


# --- questions ---------------------------------------------------------------------------------------------------


def _question(row: LookQuestion) -> QuestionOut:
    return QuestionOut.model_validate(row)


def _question_for_staff(row: LookQuestion, person: Person | None) -> QuestionForStaff:
    name = "" if person is None else shown(identity_of(person), Surface.QUEUE).name
    fields = _question(row).model_dump()
    return QuestionForStaff(**fields, actor=row.actor, patient_person_id=row.patient_person_id, patient_name=name)


@router.post("/looks/{chain}/{number}/question", status_code=201)
async def ask(chain: ChainName, number: Number, body: QuestionIn, caller: Asker) -> QuestionOut:
    """Ask the care provider about a use of one's own data."""
    async with caller.transaction() as transaction:
        return _question(await questions.ask(transaction, caller, EntryId(chain, number), body.text))


@router.get("/look-questions")
async def list_own_questions(caller: OwnReader) -> list[QuestionOut]:
    """What one has asked, and the answers."""
    async with caller.transaction() as transaction:
        return [_question(row) for row in await questions.own_questions(transaction, caller)]


@router.get("/audit-questions")
async def list_questions(
    caller: Auditor, is_all: Annotated[bool, Query(alias="all")] = False
) -> list[QuestionForStaff]:
    """Patients' questions to one's units that wait for an answer, the oldest first; or all."""
    async with caller.transaction() as transaction:
        rows = await questions.to_answer(transaction, caller, is_all=is_all)
        return [_question_for_staff(row, person) for row, person in rows]


@router.post("/audit-questions/{question_id}/answer")
async def answer(question_id: ObjectId, body: AnswerIn, caller: Reviewer) -> QuestionOut:
    """Answer a patient; never about one's own doing."""
    async with caller.transaction() as transaction:
        return _question(await questions.answer(transaction, caller, question_id, body.text))
