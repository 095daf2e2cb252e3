"""Corrections of records (rättelse)."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field, StringConstraints

from auth.permissions import Action
from companion.idempotency import Key, once
from companion.identity import Caller, asks
from companion.routes.shapes import Input, ObjectId, Output
from companion.store import corrections as store
from companion.transaction import Transaction

router = APIRouter(tags=["corrections"])

Asker = Annotated[Caller, asks(Action.CORRECTION_ASK)]
Reader = Annotated[Caller, asks(Action.CORRECTION_READ)]
Decider = Annotated[Caller, asks(Action.CORRECTION_DECIDE)]
Wish = Annotated[str, StringConstraints(min_length=1, max_length=4000, strip_whitespace=True, pattern=r"^[^\x00]*$")]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True, pattern=r"^[^\x00]*$")]


class CorrectionIn(Input):
    """What is wrong, and how it should be. Kinds and ids are those of the record (`GET /patients/{id}/record`)."""

    entry_kind: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}$")]
    entry_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,80}$")]
    entry_part: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """Of an archived case: the number of the message."""
    wish: Wish


class DecisionIn(Input):
    """`correct` and `note` have a text: the new wording, or the patient's view; `refuse` has a reason."""

    decision: Literal["correct", "note", "refuse"]
    text: Wish | None = None
    reason: Reason | None = None


class CorrectionOut(Output):
    """A wish and what came of it. The entry's first wording stays where it is."""

    correction_id: str
    unit_hsa_id: str
    patient_person_id: str
    entry_kind: str
    entry_id: str
    entry_part: int | None
    wish: str
    asked_at: datetime
    state: Literal["asked", "corrected", "noted", "refused", "withdrawn"]
    text: str | None
    reason: str | None
    decided_at: datetime | None


@router.post("/corrections", status_code=201, response_model=CorrectionOut)
async def ask(body: CorrectionIn, caller: Asker, request: Request, key: Key = None) -> Response:
    """Ask that an entry of one's own records be corrected."""

    async def act(transaction: Transaction) -> CorrectionOut:
        part = (body.entry_kind, body.entry_id, body.entry_part)
        return CorrectionOut.model_validate(await store.ask(transaction, caller, *part, body.wish))

    return await once(caller, request, key, 201, act)


@router.get("/corrections")
async def list_corrections(caller: Reader) -> list[CorrectionOut]:
    """One's own, or the unit's: first what waits for a decision."""
    async with caller.transaction() as transaction:
        return [CorrectionOut.model_validate(row) for row in await store.listed(transaction, caller)]


@router.get("/corrections/{correction_id}")
async def read_correction(correction_id: ObjectId, caller: Reader) -> CorrectionOut:
    """One of them."""
    async with caller.transaction() as transaction:
        return CorrectionOut.model_validate(await store.own_correction(transaction, caller, correction_id))


@router.post("/corrections/{correction_id}/decide")
async def decide(correction_id: ObjectId, body: DecisionIn, caller: Decider) -> CorrectionOut:
    """The unit corrects, notes the patient's view, or refuses; once."""
    async with caller.transaction() as transaction:
        row = await store.decide(transaction, caller, correction_id, body.decision, body.text, body.reason)
        return CorrectionOut.model_validate(row)


@router.post("/corrections/{correction_id}/withdraw")
async def withdraw(correction_id: ObjectId, caller: Asker) -> CorrectionOut:
    """The patient takes it back."""
    async with caller.transaction() as transaction:
        return CorrectionOut.model_validate(await store.withdraw(transaction, caller, correction_id))
