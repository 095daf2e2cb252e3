"""Use cases of offers: what a patient (or a proxy) is offered in campaigns, answers, and books; and opting out.

Locks are taken in this order: the offer, the person, the slot, the campaign. The quota is taken last, by one
conditional UPDATE, so that people who accept at the same time wait for each other as shortly as possible.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, or_, select, update

from auth.permissions import Action, Resource
from companion.errors import INVALID_REQUEST, NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.campaigns import Campaign, CampaignStep, Offer, OfferBooking, OfferOptOut
from companion.models.declarations import Declaration
from companion.models.schedules import Slot
from companion.rules.campaigns import (
    OFFER_BOOKED,
    OFFER_PAUSED,
    OFFER_STATE,
    QUOTA_FULL,
    TAKES_QUOTA,
    CampaignState,
    OfferState,
    after_booking,
    offer_after,
)
from companion.rules.questionnaires import Outcome, check_declared
from companion.store.audiences import opted_out
from companion.store.bookings import Wish, book
from companion.store.campaigns import steps_of
from companion.store.declarations import declare, latest
from companion.store.letters import withdraw_offer_letters
from companion.store.people import locked
from companion.store.slots import free_slots
from companion.transaction import Transaction

_IN_USE = (CampaignState.LIVE, CampaignState.PAUSED)


@dataclass(frozen=True)
class Offered:
    """An offer with all that belongs to it."""

    offer: Offer
    campaign: Campaign
    steps: Sequence[CampaignStep]
    bookings: Mapping[int, str]
    """By the step's number."""

    @property
    def next_step(self) -> CampaignStep | None:
        """What is to be booked next; None when everything is."""
        return next((step for step in self.steps if step.number not in self.bookings), None)


async def listed(transaction: Transaction, caller: Caller) -> list[Offered]:
    """One's own, newest first. What somebody sees here counts as shown: it needs no notice any more."""
    subject = caller.principal.subject
    caller.require(transaction, Resource(patient_person_id=subject), what="offers")
    query = (
        select(Offer, Campaign)
        .join(Campaign, Campaign.campaign_id == Offer.campaign_id)
        .where(Offer.patient_person_id == subject, Campaign.begins_at <= transaction.now, _is_wanted())
        .order_by(Campaign.begins_at.desc(), Offer.offer_id)
        .limit(100)
        .with_for_update(of=Offer)
    )
    found = []
    for offer, campaign in (await transaction.session.execute(query)).all():
        if offer.state == OfferState.ELIGIBLE and campaign.state in _IN_USE:
            offer.state = offer_after(OfferState(offer.state), "show")
        found.append(await _with_all(transaction, offer, campaign))
    return found


def _is_wanted() -> Any:
    """Who has opted out does not see offers of the kind, but for what they accepted or booked before."""
    kept = Offer.state.in_([state.value for state in TAKES_QUOTA])
    return or_(kept, ~opted_out(Offer.patient_person_id, Campaign.kind))


async def open_offer(transaction: Transaction, caller: Caller, offer_id: str) -> Offered:
    """Show it; the first time is kept."""
    found = await _own(transaction, caller, offer_id)
    offer = found.offer
    if found.campaign.state in _IN_USE and offer.state in (OfferState.ELIGIBLE, OfferState.SHOWN):
        offer.state = offer_after(OfferState(offer.state), "open")
        offer.opened_at = transaction.now
        await withdraw_offer_letters(transaction, [offer_id])
    return found


async def accept(transaction: Transaction, caller: Caller, offer_id: str) -> Offered:
    """Yes; a place of the quota is theirs."""
    found = await _own(transaction, caller, offer_id)
    check_usable(transaction, found.campaign)
    _answer(transaction, caller, found.offer, offer_after(OfferState(found.offer.state), "accept"))
    await take_quota(transaction, found.campaign)
    return found


async def decline(transaction: Transaction, caller: Caller, offer_id: str) -> Offered:
    """No. A booked time is cancelled first, where bookings are: that can cost."""
    found = await _own(transaction, caller, offer_id)
    if found.bookings:
        raise Problem(OFFER_BOOKED)
    before = OfferState(found.offer.state)
    _answer(transaction, caller, found.offer, offer_after(before, "decline"))
    if before in TAKES_QUOTA:
        await transaction.session.flush()
        await give_quota_back(transaction, found.campaign.campaign_id, 1)
    return found


async def slots(transaction: Transaction, caller: Caller, offer_id: str) -> Sequence[Slot]:
    """Free times for the next step, within the campaign's window."""
    found = await _own(transaction, caller, offer_id)
    check_usable(transaction, found.campaign)
    step = found.next_step
    if step is None:
        return []
    return await free_slots(
        transaction,
        begins=transaction.now,
        ends=found.campaign.ends_at,
        time_type_id=step.time_type_id,
        for_staff=True,
    )


async def answer_form(
    transaction: Transaction, caller: Caller, offer_id: str, version: int, answers: Mapping[str, Any]
) -> Declaration:
    """Answer the form of the next step."""
    found = await _own(transaction, caller, offer_id)
    check_usable(transaction, found.campaign)
    step = found.next_step
    if step is None or step.form_id is None:
        raise Problem(NOT_FOUND, detail="no form is to be answered")
    asked = caller.doing(Action.DECLARATION_ANSWER)
    return await declare(transaction, asked, found.offer.patient_person_id, step.form_id, version, answers)


async def book_step(transaction: Transaction, caller: Caller, offer_id: str, slot_id: str) -> Offered:
    """Book a time for the next step; with the last one the offer is booked."""
    found = await _own(transaction, caller, offer_id)
    offer, campaign, step = found.offer, found.campaign, found.next_step
    check_usable(transaction, campaign)
    if step is None:
        raise Problem(OFFER_STATE, detail="everything is booked")
    before = OfferState(offer.state)
    following = after_booking(before, booked_steps=len(found.bookings) + 1, steps=len(found.steps))
    slot = await transaction.session.get(Slot, slot_id)
    if slot is None or slot.time_type_id != step.time_type_id:
        raise Problem(INVALID_REQUEST, "slot_id", "another time type")
    if slot.starts_at >= campaign.ends_at:
        raise Problem(INVALID_REQUEST, "slot_id", "after the window")
    if step.form_id is not None:
        answered = await latest(transaction, offer.patient_person_id, step.form_id)
        outcomes = [] if answered is None else [(answered.valid_until, Outcome(answered.outcome))]
        check_declared(outcomes, slot.starts_at)
    wish = Wish(offer.patient_person_id, slot_id, is_invited=True)
    booking = await book(transaction, caller.doing(Action.BOOKING_CREATE), wish)
    await transaction.session.flush()
    transaction.session.add(OfferBooking(offer_id=offer_id, step=step.number, booking_id=booking.booking_id))
    _answer(transaction, caller, offer, following)
    if before not in TAKES_QUOTA:
        await take_quota(transaction, campaign)
    await transaction.session.flush()
    return await _with_all(transaction, offer, campaign)


def check_usable(transaction: Transaction, campaign: Campaign) -> None:
    """Offers are taken up while the campaign is live, within its window."""
    if campaign.state == CampaignState.PAUSED:
        raise Problem(OFFER_PAUSED)
    if campaign.state != CampaignState.LIVE or not campaign.begins_at <= transaction.now < campaign.ends_at:
        raise Problem(OFFER_STATE)


async def take_quota(transaction: Transaction, campaign: Campaign) -> None:
    """One place more is taken; ``Problem`` when there is none, or the campaign was stopped in the meantime."""
    await transaction.session.flush()
    statement = (
        update(Campaign)
        .where(
            Campaign.campaign_id == campaign.campaign_id,
            Campaign.state == CampaignState.LIVE.value,
            or_(Campaign.quota.is_(None), Campaign.taken < Campaign.quota),
        )
        .values(taken=Campaign.taken + 1)
        .returning(Campaign.taken)
        .execution_options(synchronize_session=False)
    )
    if await transaction.session.scalar(statement) is None:
        await transaction.session.refresh(campaign)
        check_usable(transaction, campaign)
        raise Problem(QUOTA_FULL)


async def give_quota_back(transaction: Transaction, campaign_id: str, count: int) -> None:
    """Places that were taken are free again."""
    statement = update(Campaign).where(Campaign.campaign_id == campaign_id).values(taken=Campaign.taken - count)
    await transaction.session.execute(statement.execution_options(synchronize_session=False))


def _answer(transaction: Transaction, caller: Caller, offer: Offer, state: OfferState) -> None:
    offer.state, offer.answered_at, offer.answered_by = state, transaction.now, caller.principal.actor


async def _own(transaction: Transaction, caller: Caller, offer_id: str) -> Offered:
    """An offer that the caller may touch; locked. What they opted out of is not there."""
    query = (
        select(Offer, Campaign)
        .join(Campaign, Campaign.campaign_id == Offer.campaign_id)
        .where(Offer.offer_id == offer_id, Campaign.begins_at <= transaction.now, _is_wanted())
        .with_for_update(of=Offer)
    )
    row = (await transaction.session.execute(query)).one_or_none()
    resource = None
    if row is not None:
        resource = Resource(row[1].provider_hsa_id, row[1].unit_hsa_id, row[0].patient_person_id)
    caller.require(transaction, resource, what=f"offer:{offer_id}")
    assert row is not None
    return await _with_all(transaction, row[0], row[1])


async def _with_all(transaction: Transaction, offer: Offer, campaign: Campaign) -> Offered:
    query = select(OfferBooking).where(OfferBooking.offer_id == offer.offer_id)
    booked = {row.step: row.booking_id for row in (await transaction.session.scalars(query)).all()}
    return Offered(offer, campaign, await steps_of(transaction, campaign.campaign_id), booked)


# --- opting out --------------------------------------------------------------------------------------------------


async def opt_outs(transaction: Transaction, caller: Caller) -> Sequence[OfferOptOut]:
    """Of what the patient wants no offers."""
    person_id = caller.principal.subject
    caller.require(transaction, Resource(patient_person_id=person_id), what="offer_opt_outs")
    query = select(OfferOptOut).where(OfferOptOut.person_id == person_id).order_by(OfferOptOut.kind)
    return (await transaction.session.scalars(query)).all()


async def opt_out(transaction: Transaction, caller: Caller, kind: str) -> OfferOptOut:
    """No more offers of a kind, or of any (``all``). What was accepted or booked stays."""
    person_id = caller.principal.subject
    caller.require(transaction, Resource(patient_person_id=person_id), what=f"offer_opt_out:{kind}")
    assert person_id is not None
    if await locked(transaction, person_id) is None:
        raise Problem(NOT_FOUND)
    known = await transaction.session.get(OfferOptOut, (person_id, kind))
    if known is None:
        known = OfferOptOut(person_id=person_id, kind=kind, made_by=caller.principal.actor, made_at=transaction.now)
        transaction.session.add(known)
        await transaction.session.flush()
        unwanted = select(Offer.offer_id).join(Campaign, Campaign.campaign_id == Offer.campaign_id)
        unwanted = unwanted.where(Offer.patient_person_id == person_id, ~_is_wanted())
        await withdraw_offer_letters(transaction, (await transaction.session.scalars(unwanted)).all())
    return known


async def undo_opt_out(transaction: Transaction, caller: Caller, kind: str) -> None:
    """Offers of the kind again, those that are open included."""
    person_id = caller.principal.subject
    caller.require(transaction, Resource(patient_person_id=person_id), what=f"offer_opt_out:{kind}")
    mine = and_(OfferOptOut.person_id == person_id, OfferOptOut.kind == kind)
    await transaction.session.execute(delete(OfferOptOut).where(mine))
