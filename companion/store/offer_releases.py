"""What happens to offers as time passes: notices go out under the rate, campaigns end, offers expire.

The plan stands in the database (``notice_at``). A sweep tells those whose instant has come and notes it in the same
transaction: after a crash the next sweep goes on, and nobody is told twice (the event's key is the offer's, too). What
was held up (a pause, a full quota, nobody who swept) is planned anew with the stored seed, so that it does not go out
at once. A sweep never waits for somebody who is answering an offer: it skips the offer until the next time.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, func, or_, select, update

from companion.models.campaigns import Campaign, Offer
from companion.models.people import Person
from companion.models.summons import PersonReach
from companion.rules.campaigns import EXPIRES, CampaignState, OfferState, offer_after
from companion.rules.releases import continues_at, is_held_up, open_at, plan, room
from companion.rules.summons import LetterReason, Reach, unreachable
from companion.store.audiences import opted_out
from companion.store.campaigns import end_due, pace_of
from companion.store.letters import queue_offer_letter, withdraw_offer_letters
from companion.store.offers import give_quota_back
from companion.transaction import Transaction

_EXPIRING: Final = tuple(state.value for state in EXPIRES)


async def sweep_offers(transaction: Transaction, limit: int = 1000) -> int:
    """End, expire, tell. Returns how many offers changed."""
    await end_due(transaction, transaction.now)
    changed = await _expire(transaction, limit)
    for campaign in await _live(transaction):
        changed += await _release(transaction, campaign, limit)
    return changed


async def _live(transaction: Transaction) -> list[Campaign]:
    """Campaigns that may tell people now; other sweeps leave them alone meanwhile."""
    query = (
        select(Campaign)
        .where(
            Campaign.state == CampaignState.LIVE.value,
            Campaign.begins_at <= transaction.now,
            Campaign.ends_at > transaction.now,
            or_(Campaign.quota.is_(None), Campaign.taken < Campaign.quota),
        )
        .order_by(Campaign.campaign_id)
        .with_for_update(key_share=True, skip_locked=True)
    )
    rows = (await transaction.session.scalars(query.execution_options(populate_existing=True))).all()
    return [row for row in rows if open_at(transaction.now, pace_of(row))]


def _untold(campaign: Campaign) -> tuple[Any, ...]:
    return (
        Offer.campaign_id == campaign.campaign_id,
        Offer.state == OfferState.ELIGIBLE.value,
        Offer.noticed_at.is_(None),
        ~opted_out(Offer.patient_person_id, campaign.kind),
    )


async def _release(transaction: Transaction, campaign: Campaign, limit: int) -> int:
    now, pace = transaction.now, pace_of(campaign)
    first = select(Offer.notice_at).where(*_untold(campaign)).order_by(Offer.notice_at).limit(1)
    held_up = is_held_up(await transaction.session.scalar(first), now)
    in_last_hour = select(func.count()).where(
        Offer.campaign_id == campaign.campaign_id, Offer.noticed_at > now - timedelta(hours=1)
    )
    count = min(limit, room(await transaction.session.scalar(in_last_hour) or 0, pace))
    if held_up:
        count = min(count, 1)  # the rest is planned after it; so even sweeps that come seldom get on
    query = (
        select(Offer, Person, PersonReach)
        .join(Person, Person.person_id == Offer.patient_person_id)
        .outerjoin(PersonReach, PersonReach.person_id == Offer.patient_person_id)
        .where(*_untold(campaign), Offer.notice_at <= now)
        .order_by(Offer.notice_at, Offer.offer_id)
        .limit(count)
        .with_for_update(of=Offer, skip_locked=True)
    )
    rows = (await transaction.session.execute(query)).all() if count else []
    for offer, person, reach in rows:
        offer.state, offer.noticed_at = offer_after(OfferState(offer.state), "show"), now
        reason = _letter_reason(person, reach)
        if reason is not None:
            offer.by_letter = True
            queue_offer_letter(transaction, offer.offer_id, campaign.unit_hsa_id, reason)
        else:
            transaction.publish(
                "offer.notice",
                f"offer.notice:{offer.offer_id}",
                offer=offer.offer_id,
                patient=offer.patient_person_id,
                unit=campaign.unit_hsa_id,
            )
    await transaction.session.flush()
    if held_up:
        await _plan_anew(transaction, campaign)
    return len(rows)


async def review_unopened(transaction: Transaction, person_id: str) -> None:
    """Something has changed about how somebody can be told: offers that they were told of, and have not opened, may
    have to become letters. Whoever is just answering one has seen it.
    """
    query = (
        select(Offer, Campaign, Person, PersonReach)
        .join(Campaign, Campaign.campaign_id == Offer.campaign_id)
        .join(Person, Person.person_id == Offer.patient_person_id)
        .outerjoin(PersonReach, PersonReach.person_id == Offer.patient_person_id)
        .where(
            Offer.patient_person_id == person_id,
            Offer.state == OfferState.SHOWN.value,
            Offer.noticed_at.is_not(None),
            Offer.by_letter.is_(False),
            Campaign.state == CampaignState.LIVE.value,
            Campaign.ends_at > transaction.now,
            ~opted_out(Offer.patient_person_id, Campaign.kind),
        )
        .order_by(Offer.offer_id)
        .with_for_update(of=Offer, skip_locked=True)
    )
    for offer, campaign, person, reach in (await transaction.session.execute(query)).all():
        reason = _letter_reason(person, reach)
        if reason is not None:
            offer.by_letter = True
            queue_offer_letter(transaction, offer.offer_id, campaign.unit_hsa_id, reason)


def _letter_reason(person: Person, reach: PersonReach | None) -> LetterReason | None:
    has_account, has_bounced = (False, False) if reach is None else (reach.has_account, reach.has_bounced)
    return unreachable(Reach(has_account, has_bounced, person.is_protected))


async def _plan_anew(transaction: Transaction, campaign: Campaign) -> None:
    """New instants for all who wait, after the last notice that went out."""
    waiting = select(Offer.offer_id, Offer.patient_person_id).where(*_untold(campaign))
    rows = (await transaction.session.execute(waiting.with_for_update(of=Offer, skip_locked=True))).all()
    offers = {person_id: offer_id for offer_id, person_id in rows}
    last: datetime | None = await transaction.session.scalar(
        select(func.max(Offer.noticed_at)).where(Offer.campaign_id == campaign.campaign_id)
    )
    pace = pace_of(campaign)
    releases = plan(offers, continues_at(transaction.now, last, pace), pace, campaign.seed)
    table: Any = Offer.__table__
    statement = update(table).where(table.c.offer_id == bindparam("of_offer")).values(notice_at=bindparam("at"))
    instants = [{"of_offer": offers[one.person_id], "at": one.at} for one in releases]
    if instants:
        connection = await transaction.session.connection()
        await connection.execute(statement, instants)


async def _expire(transaction: Transaction, limit: int) -> int:
    """Open offers of campaigns that have ended."""
    query = (
        select(Offer)
        .join(Campaign, Campaign.campaign_id == Offer.campaign_id)
        .where(Campaign.state == CampaignState.ENDED.value, Offer.state.in_(_EXPIRING))
        .order_by(Offer.offer_id)
        .limit(limit)
        .with_for_update(of=Offer, skip_locked=True)
    )
    rows = (await transaction.session.scalars(query)).all()
    accepted: dict[str, int] = {}
    for offer in rows:
        if offer.state == OfferState.ACCEPTED:
            accepted[offer.campaign_id] = accepted.get(offer.campaign_id, 0) + 1
        offer.state = offer_after(OfferState(offer.state), "expire")
    await withdraw_offer_letters(transaction, [offer.offer_id for offer in rows])
    await transaction.session.flush()
    for campaign_id, count in sorted(accepted.items()):
        await give_quota_back(transaction, campaign_id, count)
    return len(rows)
