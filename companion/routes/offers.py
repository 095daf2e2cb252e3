"""Riktade erbjudanden, for those who get them: own offers, answers, booking, opting out."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from auth.permissions import Action
from companion.idempotency import Key, once
from companion.identity import Caller, asks
from companion.routes.campaigns import StepOut
from companion.routes.declarations import AmendmentIn, DeclarationOut
from companion.routes.declarations import shown as shown_declaration
from companion.routes.shapes import Input, ObjectId, Output
from companion.rules.campaigns import CampaignState
from companion.store import offers as store
from companion.transaction import Transaction

router = APIRouter(tags=["offers"])

Reader = Annotated[Caller, asks(Action.OFFER_READ)]
Answerer = Annotated[Caller, asks(Action.OFFER_ANSWER)]
Chooser = Annotated[Caller, asks(Action.OFFER_OPT_OUT)]
Kind = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


class OfferStepOut(StepOut):
    """A step, and the booking that was made for it."""

    booking_id: str | None


class OfferOut(Output):
    """What somebody is offered."""

    offer_id: str
    unit_hsa_id: str
    patient_person_id: str
    kind: str
    title: str
    information: str
    ends_at: datetime
    state: str
    is_open: bool
    """Whether it can be taken up now."""
    is_full: bool
    """Whether all places are taken."""
    steps: list[OfferStepOut]


class FreeSlotOut(Output):
    """A time for the next step."""

    slot_id: str
    unit_hsa_id: str
    time_type_id: str
    starts_at: datetime
    ends_at: datetime


class SlotIn(Input):
    """Which time."""

    slot_id: ObjectId


class OptOutOut(Output):
    """Of what somebody wants no offers; `all`: of nothing."""

    kind: str
    made_at: datetime


def _shown(transaction: Transaction, found: store.Offered) -> OfferOut:
    offer, campaign, now = found.offer, found.campaign, transaction.now
    return OfferOut(
        offer_id=offer.offer_id,
        unit_hsa_id=campaign.unit_hsa_id,
        patient_person_id=offer.patient_person_id,
        kind=campaign.kind,
        title=campaign.title,
        information=campaign.information,
        ends_at=campaign.ends_at,
        state=offer.state,
        is_open=campaign.state == CampaignState.LIVE and campaign.begins_at <= now < campaign.ends_at,
        is_full=campaign.quota is not None and campaign.taken >= campaign.quota,
        steps=[
            OfferStepOut(
                number=step.number,
                form_id=step.form_id,
                time_type_id=step.time_type_id,
                booking_id=found.bookings.get(step.number),
            )
            for step in found.steps
        ],
    )


@router.get("/offers")
async def list_offers(caller: Reader) -> list[OfferOut]:
    """One's own offers, newest first."""
    async with caller.transaction() as transaction:
        return [_shown(transaction, found) for found in await store.listed(transaction, caller)]


@router.get("/offers/{offer_id}")
async def open_offer(offer_id: ObjectId, caller: Reader) -> OfferOut:
    """Open one; that it was opened is kept."""
    async with caller.transaction() as transaction:
        return _shown(transaction, await store.open_offer(transaction, caller, offer_id))


@router.get("/offers/{offer_id}/slots")
async def list_slots(offer_id: ObjectId, caller: Reader) -> list[FreeSlotOut]:
    """Free times for the next step."""
    async with caller.transaction() as transaction:
        return [FreeSlotOut.model_validate(slot) for slot in await store.slots(transaction, caller, offer_id)]


@router.post("/offers/{offer_id}/accept", response_model=OfferOut)
async def accept(offer_id: ObjectId, caller: Answerer, request: Request, key: Key = None) -> Response:
    """Accept it: a place of the quota is taken; 409 `quota_full` when there is none."""

    async def act(transaction: Transaction) -> OfferOut:
        return _shown(transaction, await store.accept(transaction, caller, offer_id))

    return await once(caller, request, key, 200, act)


@router.post("/offers/{offer_id}/decline", response_model=OfferOut)
async def decline(offer_id: ObjectId, caller: Answerer, request: Request, key: Key = None) -> Response:
    """Decline it; a booked time is cancelled first."""

    async def act(transaction: Transaction) -> OfferOut:
        return _shown(transaction, await store.decline(transaction, caller, offer_id))

    return await once(caller, request, key, 200, act)


@router.post("/offers/{offer_id}/declarations", status_code=201, response_model=DeclarationOut)
async def answer_form(
    offer_id: ObjectId, body: AmendmentIn, caller: Answerer, request: Request, key: Key = None
) -> Response:
    """Answer the form of the next step."""

    async def act(transaction: Transaction) -> DeclarationOut:
        row = await store.answer_form(transaction, caller, offer_id, body.version, body.answers)
        return shown_declaration(row, body.version)

    return await once(caller, request, key, 201, act)


@router.post("/offers/{offer_id}/bookings", status_code=201, response_model=OfferOut)
async def book(offer_id: ObjectId, body: SlotIn, caller: Answerer, request: Request, key: Key = None) -> Response:
    """Book a time for the next step, its form answered before; with the last step the offer is booked."""

    async def act(transaction: Transaction) -> OfferOut:
        return _shown(transaction, await store.book_step(transaction, caller, offer_id, body.slot_id))

    return await once(caller, request, key, 201, act)


# --- opting out --------------------------------------------------------------------------------------------------


@router.get("/offer-opt-outs")
async def list_opt_outs(caller: Chooser) -> list[OptOutOut]:
    """Of what one wants no offers."""
    async with caller.transaction() as transaction:
        return [OptOutOut.model_validate(row) for row in await store.opt_outs(transaction, caller)]


@router.put("/offer-opt-outs/{kind}")
async def opt_out(kind: Kind, caller: Chooser) -> OptOutOut:
    """No more offers of a kind, or of any (`all`)."""
    async with caller.transaction() as transaction:
        return OptOutOut.model_validate(await store.opt_out(transaction, caller, kind))


@router.delete("/offer-opt-outs/{kind}", status_code=204)
async def undo_opt_out(kind: Kind, caller: Chooser) -> None:
    """Offers of that kind again."""
    async with caller.transaction() as transaction:
        await store.undo_opt_out(transaction, caller, kind)
