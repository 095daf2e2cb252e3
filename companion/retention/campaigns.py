"""Who was offered what in a campaign: figures stay, people go."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import delete, func, select, update

from companion.models.campaigns import Campaign, Offer, OfferBooking
from companion.retention.area import Area
from companion.rules.retention import DataKind
from companion.transaction import Transaction


async def anonymise_offers(transaction: Transaction, item_ids: Sequence[str]) -> None:
    """How far an offer came stays, for the campaign's figures; whose it was, and the booking that tells it, goes."""
    await transaction.session.execute(delete(OfferBooking).where(OfferBooking.offer_id.in_(item_ids)))
    gone = {"patient_person_id": None, "answered_by": None}
    await transaction.session.execute(update(Offer).where(Offer.offer_id.in_(item_ids)).values(gone))


AREAS: Final = (
    Area(
        DataKind.CAMPAIGN_PERSON,
        Offer.__table__,  # type: ignore[arg-type]  # a Table
        select(
            Offer.offer_id.label("item_id"),
            func.coalesce(Campaign.ended_at, Campaign.ends_at).label("since"),
            Offer.patient_person_id.label("patient"),
            Campaign.provider_hsa_id.label("provider"),
        )
        .join(Campaign, Campaign.campaign_id == Offer.campaign_id)
        .where(Offer.patient_person_id.is_not(None)),
        anonymise_offers,
    ),
)
