"""What becomes of an offer when a booking that was made for it is cancelled."""

from sqlalchemy import delete, select

from companion.models.campaigns import Offer, OfferBooking
from companion.rules.campaigns import OfferState, offer_after
from companion.transaction import Transaction


async def offer_is_unbooked(transaction: Transaction, booking_id: str) -> None:
    """The step can be booked again: the offer is accepted, and keeps its place of the quota."""
    offers = select(Offer).join(OfferBooking, OfferBooking.offer_id == Offer.offer_id)
    query = offers.where(OfferBooking.booking_id == booking_id).with_for_update(of=Offer)
    offer = (await transaction.session.scalars(query.execution_options(populate_existing=True))).one_or_none()
    if offer is None:
        return
    await transaction.session.execute(delete(OfferBooking).where(OfferBooking.booking_id == booking_id))
    if offer.state == OfferState.BOOKED:
        offer.state = offer_after(OfferState(offer.state), "unbook")
