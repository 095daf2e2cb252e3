"""Önskemål om förlossningsklinik: the wish, as patients and the midwife's unit use it."""

from typing import Annotated

from fastapi import APIRouter, Request, Response

from auth.permissions import Action
from companion.idempotency import Key, once
from companion.identity import Caller, asks
from companion.routes.maternity_shapes import (
    DueDateIn,
    PlaceIn,
    PregnancyIn,
    PregnancyOut,
    ReasonIn,
    WishIn,
    WishOut,
    language_for,
    pregnancy_out,
    wish_fields,
)
from companion.routes.shapes import HsaId, ObjectId
from companion.rules.masking import Surface
from companion.store import maternity as store
from companion.store import maternity_allocation
from companion.transaction import Transaction

router = APIRouter(tags=["maternity clinics"])

Registrar = Annotated[Caller, asks(Action.MATERNITY_REGISTER)]
Lister = Annotated[Caller, asks(Action.MATERNITY_LIST)]
Reader = Annotated[Caller, asks(Action.MATERNITY_READ)]
Wisher = Annotated[Caller, asks(Action.MATERNITY_WISH)]
Overrider = Annotated[Caller, asks(Action.MATERNITY_OVERRIDE)]


@router.post("/pregnancies", status_code=201, response_model=PregnancyOut)
async def register(body: PregnancyIn, caller: Registrar, request: Request, key: Key = None) -> Response:
    """Register a pregnancy at the midwife's unit; it opens a wish."""

    async def act(transaction: Transaction) -> PregnancyOut:
        row = await store.register(transaction, caller, body.patient_person_id, body.due_date)
        return await pregnancy_out(transaction, caller, row, language_for(request))

    return await once(caller, request, key, 201, act)


@router.get("/pregnancies")
async def list_pregnancies(caller: Lister, request: Request) -> list[WishOut]:
    """One's own wish, or those of the midwife's unit; who is to give birth first stands first."""
    surface = Surface.OWN if caller.principal.kind == "patient" else Surface.QUEUE
    language = language_for(request)
    async with caller.transaction() as transaction:
        rows = await store.listed(transaction, caller)
        return [WishOut(**wish_fields(row, person, surface, transaction.now, language)) for row, person in rows]


@router.get("/pregnancies/{pregnancy_id}")
async def read(pregnancy_id: ObjectId, caller: Reader, request: Request) -> PregnancyOut:
    """A wish, the clinics, what came of it, and why."""
    async with caller.transaction() as transaction:
        row = await store.own(transaction, caller, pregnancy_id)
        return await pregnancy_out(transaction, caller, row, language_for(request))


@router.put("/pregnancies/{pregnancy_id}/wish")
async def wish(pregnancy_id: ObjectId, body: WishIn, caller: Wisher, request: Request) -> PregnancyOut:
    """Wish for clinics, through 21+6; staff write it down for a patient without e-ID."""
    async with caller.transaction() as transaction:
        row = await store.wish(transaction, caller, pregnancy_id, body.choices)
        return await pregnancy_out(transaction, caller, row, language_for(request))


@router.put("/pregnancies/{pregnancy_id}/due-date")
async def revise(pregnancy_id: ObjectId, body: DueDateIn, caller: Registrar, request: Request) -> PregnancyOut:
    """Another due date, and with it another deadline; until the place is given."""
    async with caller.transaction() as transaction:
        row = await store.revise(transaction, caller, pregnancy_id, body.due_date)
        return await pregnancy_out(transaction, caller, row, language_for(request))


@router.post("/pregnancies/{pregnancy_id}/end", status_code=204)
async def end(pregnancy_id: ObjectId, caller: Registrar) -> None:
    """Loss, move, transfer or birth: it ends, and nobody is told."""
    async with caller.transaction() as transaction:
        await store.end(transaction, caller, pregnancy_id)


@router.put("/pregnancies/{pregnancy_id}/exclusions/{clinic_hsa_id}", status_code=204)
async def exclude(pregnancy_id: ObjectId, clinic_hsa_id: HsaId, body: ReasonIn, caller: Registrar) -> None:
    """A clinic cannot take the patient, for medical reasons."""
    async with caller.transaction() as transaction:
        await store.exclude(transaction, caller, pregnancy_id, clinic_hsa_id, body.reason)


@router.delete("/pregnancies/{pregnancy_id}/exclusions/{clinic_hsa_id}", status_code=204)
async def include(pregnancy_id: ObjectId, clinic_hsa_id: HsaId, caller: Registrar) -> None:
    """The clinic can take the patient after all."""
    async with caller.transaction() as transaction:
        await store.include(transaction, caller, pregnancy_id, clinic_hsa_id)


@router.post("/pregnancies/{pregnancy_id}/place")
async def place(pregnancy_id: ObjectId, body: PlaceIn, caller: Overrider, request: Request) -> PregnancyOut:
    """Give a place by hand, with a reason."""
    async with caller.transaction() as transaction:
        row = await maternity_allocation.override(
            transaction, caller, pregnancy_id, body.clinic_hsa_id, body.reason, may_exceed=body.beyond_capacity
        )
        return await pregnancy_out(transaction, caller, row, language_for(request))
