"""Blocks (spärr), consents, care relations, emergency access: what decides who may read what."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, StringConstraints

from auth.permissions import Action
from companion.errors import INVALID_REQUEST, Problem
from companion.idempotency import Key, once
from companion.identity import Caller, asks
from companion.models.access import EmergencyOpening
from companion.routes.shapes import HsaId, Input, Instant, ObjectId, Output, PersonId
from companion.routes.slots import whom
from companion.store import emergencies
from companion.store import wishes as store
from companion.transaction import Transaction

router = APIRouter(tags=["access"])

Blocker = Annotated[Caller, asks(Action.BLOCK_WRITE)]
Consenter = Annotated[Caller, asks(Action.CONSENT_WRITE)]
Carer = Annotated[Caller, asks(Action.CARE_RELATION_WRITE)]
Opener = Annotated[Caller, asks(Action.EMERGENCY_OPEN)]
Reader = Annotated[Caller, asks(Action.ACCESS_READ)]
Auditor = Annotated[Caller, asks(Action.AUDIT_READ)]
Reviewer = Annotated[Caller, asks(Action.AUDIT_REVIEW)]

Words = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$")]
WishOf = Literal["patient", "guardian"]


class BlockIn(Input):
    """A whole care provider, or one unit of it."""

    provider_hsa_id: HsaId
    unit_hsa_id: HsaId | None = None
    patient_person_id: PersonId | None = None
    wish_of: WishOf = Field(default="patient", description="Whose wish staff write down; a guardian cannot block.")
    reason_text: Words = Field(default="", description="By staff: how they were asked.")


class BlockOut(Output):
    """A block."""

    block_id: str
    provider_hsa_id: str
    unit_hsa_id: str | None
    since: datetime
    lifted_at: datetime | None


class LiftIn(Input):
    """By staff: why."""

    reason_text: Words = ""


class LiftingIn(Input):
    """For which unit (staff: their own) and until when."""

    unit_hsa_id: HsaId | None = None
    patient_person_id: PersonId | None = None
    ends_at: Instant


class LiftingOut(Output):
    """All blocks are lifted for one unit."""

    lifting_id: str
    provider_hsa_id: str
    unit_hsa_id: str
    begins_at: datetime
    ends_at: datetime
    ended_at: datetime | None


class RecordConsentIn(Input):
    """Which care provider may read what others have written (staff: their own), and when."""

    provider_hsa_id: HsaId | None = None
    patient_person_id: PersonId | None = None
    begins_at: Instant | None = None
    ends_at: Instant
    given_by: WishOf = "patient"


class RecordConsentOut(Output):
    """A consent."""

    consent_id: str
    provider_hsa_id: str
    begins_at: datetime
    ends_at: datetime
    given_by: str
    withdrawn_at: datetime | None


class RelationIn(Input):
    """A patient of the unit, until when, and how one knows."""

    patient_person_id: PersonId
    ends_at: Instant
    reason_text: Words


class RelationOut(Output):
    """A care relation that staff have registered."""

    relation_id: str
    provider_hsa_id: str
    unit_hsa_id: str
    begins_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    reason_text: str


class EmergencyIn(Input):
    """Whose data, of which care provider (none named: all), and why."""

    patient_person_id: PersonId
    data_provider_hsa_id: HsaId | None = None
    reason: Literal["life_or_health", "cannot_consent"]
    reason_text: Words


class EmergencyOut(Output):
    """An emergency access."""

    access_id: str
    patient_person_id: str
    staff_hsa_id: str
    provider_hsa_id: str
    unit_hsa_id: str
    data_provider_hsa_id: str | None
    reason: str
    reason_text: str
    begins_at: datetime
    ends_at: datetime
    closed_at: datetime | None
    review_due_at: datetime
    verdict: str | None
    review_note: str
    reviewed_at: datetime | None


class OwnEmergencyOut(Output):
    """An emergency access, as the patient sees it: where from and why, and what became of the review."""

    access_id: str
    provider_hsa_id: str
    unit_hsa_id: str
    reason: str
    begins_at: datetime
    ends_at: datetime
    closed_at: datetime | None
    verdict: str | None


class ReviewIn(Input):
    """Whether it was right."""

    verdict: Literal["justified", "unjustified"]
    note: Words = ""


class RecordAccessOut(Output):
    """All that decides who may read."""

    blocks: list[BlockOut]
    liftings: list[LiftingOut]
    consents: list[RecordConsentOut]
    relations: list[RelationOut]
    emergencies: list[OwnEmergencyOut]


def _own(caller: Caller, given: str | None, own: str | None, field: str) -> str:
    """What a patient names and staff need not: where they work. Permission is asked for with what comes out."""
    found = given if given is not None or caller.principal.kind == "patient" else own
    if found is None:
        raise Problem(INVALID_REQUEST, field, "missing")
    return found


@router.get("/record-access")
async def read_access(caller: Reader, patient_person_id: Annotated[PersonId | None, Query()] = None) -> RecordAccessOut:
    """One's own blocks, consents and so on; staff see those of a patient that concern their unit."""
    async with caller.transaction() as transaction:
        person_id = whom(caller, patient_person_id)
        blocks, liftings, consents, relations = await store.listed(transaction, caller, person_id)
        openings = await emergencies.of_patient(transaction, caller, person_id)
        return RecordAccessOut(
            blocks=[BlockOut.model_validate(row) for row in blocks],
            liftings=[LiftingOut.model_validate(row) for row in liftings],
            consents=[RecordConsentOut.model_validate(row) for row in consents],
            relations=[RelationOut.model_validate(row) for row in relations],
            emergencies=[OwnEmergencyOut.model_validate(row) for row in openings],
        )


@router.post("/blocks", status_code=201, response_model=BlockOut)
async def block(body: BlockIn, caller: Blocker, request: Request, key: Key = None) -> Response:
    """Block what a care provider or a unit has written, against everybody outside it."""

    async def act(transaction: Transaction) -> BlockOut:
        row = await store.block(
            transaction,
            caller,
            whom(caller, body.patient_person_id),
            body.provider_hsa_id,
            body.unit_hsa_id,
            wish_of=body.wish_of,
            reason_text=body.reason_text,
        )
        return BlockOut.model_validate(row)

    return await once(caller, request, key, 201, act)


@router.post("/blocks/{block_id}/lift")
async def lift(block_id: ObjectId, body: LiftIn, caller: Blocker) -> BlockOut:
    """Lift a block."""
    async with caller.transaction() as transaction:
        return BlockOut.model_validate(await store.lift(transaction, caller, block_id, body.reason_text))


@router.post("/block-liftings", status_code=201, response_model=LiftingOut)
async def lift_for_a_time(body: LiftingIn, caller: Blocker, request: Request, key: Key = None) -> Response:
    """Let one unit read what is blocked, for a time; staff, with the patient's consent, their own."""

    async def act(transaction: Transaction) -> LiftingOut:
        unit = _own(caller, body.unit_hsa_id, caller.principal.unit_hsa_id, "unit_hsa_id")
        person_id = whom(caller, body.patient_person_id)
        return LiftingOut.model_validate(
            await store.lift_for_a_time(transaction, caller, person_id, unit, body.ends_at)
        )

    return await once(caller, request, key, 201, act)


@router.post("/block-liftings/{lifting_id}/end")
async def end_lifting(lifting_id: ObjectId, caller: Blocker) -> LiftingOut:
    """The blocks hold again."""
    async with caller.transaction() as transaction:
        return LiftingOut.model_validate(await store.end_lifting(transaction, caller, lifting_id))


@router.post("/record-consents", status_code=201, response_model=RecordConsentOut)
async def consent(body: RecordConsentIn, caller: Consenter, request: Request, key: Key = None) -> Response:
    """Consent that a care provider reads what others have written."""

    async def act(transaction: Transaction) -> RecordConsentOut:
        provider = _own(caller, body.provider_hsa_id, caller.principal.provider_hsa_id, "provider_hsa_id")
        row = await store.consent(
            transaction,
            caller,
            whom(caller, body.patient_person_id),
            provider,
            body.begins_at,
            body.ends_at,
            body.given_by,
        )
        return RecordConsentOut.model_validate(row)

    return await once(caller, request, key, 201, act)


@router.post("/record-consents/{consent_id}/withdraw")
async def withdraw(consent_id: ObjectId, caller: Consenter) -> RecordConsentOut:
    """Withdraw a consent."""
    async with caller.transaction() as transaction:
        return RecordConsentOut.model_validate(await store.withdraw(transaction, caller, consent_id))


@router.post("/care-relations", status_code=201, response_model=RelationOut)
async def register_relation(body: RelationIn, caller: Carer, request: Request, key: Key = None) -> Response:
    """Register that the unit treats a patient, where nothing else says so."""

    async def act(transaction: Transaction) -> RelationOut:
        row = await store.register_relation(transaction, caller, body.patient_person_id, body.ends_at, body.reason_text)
        return RelationOut.model_validate(row)

    return await once(caller, request, key, 201, act)


@router.post("/care-relations/{relation_id}/end")
async def end_relation(relation_id: ObjectId, caller: Carer) -> RelationOut:
    """The unit treats the patient no more."""
    async with caller.transaction() as transaction:
        return RelationOut.model_validate(await store.end_relation(transaction, caller, relation_id))


# --- emergency access --------------------------------------------------------------------------------------------


def _shown(row: EmergencyOpening) -> EmergencyOut:
    return EmergencyOut.model_validate(row)


@router.post("/emergency-accesses", status_code=201, response_model=EmergencyOut)
async def open_emergency(body: EmergencyIn, caller: Opener, request: Request, key: Key = None) -> Response:
    """Open what is closed, for a reason and a short time; somebody else reviews it."""

    async def act(transaction: Transaction) -> EmergencyOut:
        row = await emergencies.open_access(
            transaction, caller, body.patient_person_id, body.data_provider_hsa_id, body.reason, body.reason_text
        )
        return _shown(row)

    return await once(caller, request, key, 201, act)


@router.post("/emergency-accesses/{access_id}/close")
async def close_emergency(access_id: ObjectId, caller: Opener) -> EmergencyOut:
    """End one's own before its time."""
    async with caller.transaction() as transaction:
        return _shown(await emergencies.close(transaction, caller, access_id))


@router.get("/emergency-accesses")
async def list_emergencies(caller: Auditor, is_all: Annotated[bool, Query(alias="all")] = False) -> list[EmergencyOut]:
    """Those of one's units that wait for review, the most urgent first; or all."""
    async with caller.transaction() as transaction:
        _, rows = await emergencies.to_review(transaction, caller, is_all=is_all)
        return [_shown(row) for row in rows]


@router.post("/emergency-accesses/{access_id}/review")
async def review_emergency(access_id: ObjectId, body: ReviewIn, caller: Reviewer) -> EmergencyOut:
    """Say whether it was right; never of one's own."""
    async with caller.transaction() as transaction:
        return _shown(await emergencies.review(transaction, caller, access_id, body.verdict, body.note))
