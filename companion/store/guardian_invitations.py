"""Use cases of 13 to 17: staff ask the teenager, who alone decides, whether a guardian may come to one meeting."""

from collections.abc import Sequence

from sqlalchemy import select

from auth.permissions import Resource
from companion.errors import CONFLICT, Problem
from companion.identity import Caller
from companion.models.bookings import Booking
from companion.models.people import Person
from companion.models.proxies import GuardianInvitation
from companion.rules.custody import check_teenager
from companion.services import new_id
from companion.transaction import Transaction


async def ask(transaction: Transaction, caller: Caller, booking_id: str) -> GuardianInvitation:
    """Ask about the meeting of a booking."""
    booking = await transaction.session.get(Booking, booking_id, with_for_update=True)
    resource = None
    if booking is not None:
        resource = Resource(booking.provider_hsa_id, booking.unit_hsa_id, booking.patient_person_id)
    caller.require(transaction, resource, what=f"booking:{booking_id}")
    assert booking is not None
    teenager = await transaction.session.get_one(Person, booking.patient_person_id)
    check_teenager(teenager.birth_date, transaction.now)
    if booking.state not in ("booked", "arrived") or booking.ends_at <= transaction.now:
        raise Problem(CONFLICT, detail=f"booking in state {booking.state}")
    query = select(GuardianInvitation).where(
        GuardianInvitation.booking_id == booking_id, GuardianInvitation.answered_at.is_(None)
    )
    open_one = await transaction.session.scalar(query)
    if open_one is not None:
        return open_one
    row = GuardianInvitation(
        invitation_id=new_id("gi"),
        booking_id=booking_id,
        teenager_person_id=teenager.person_id,
        asked_by=caller.principal.actor,
        asked_at=transaction.now,
    )
    transaction.session.add(row)
    _publish(transaction, row, booking, "asked")
    return row


async def answer(transaction: Transaction, caller: Caller, invitation_id: str, consents: bool) -> GuardianInvitation:
    """The teenager says yes or no; a yes can be taken back until the meeting is over."""
    row = await transaction.session.get(GuardianInvitation, invitation_id, with_for_update=True)
    resource = None if row is None else Resource(patient_person_id=row.teenager_person_id)
    caller.require(transaction, resource, what=f"guardian_invitation:{invitation_id}")
    assert row is not None
    booking = await transaction.session.get_one(Booking, row.booking_id)
    if booking.ends_at <= transaction.now or (row.consents is False and consents):
        raise Problem(CONFLICT)
    if row.consents is not consents:
        row.consents, row.answered_at = consents, transaction.now
        _publish(transaction, row, booking, "consented" if consents else "declined")
    return row


async def invitations_of(transaction: Transaction, caller: Caller) -> Sequence[GuardianInvitation]:
    """What one was asked about meetings to come."""
    subject = caller.principal.subject
    caller.require(transaction, Resource(patient_person_id=subject), what="guardian_invitations")
    query = (
        select(GuardianInvitation)
        .join(Booking, Booking.booking_id == GuardianInvitation.booking_id)
        .where(GuardianInvitation.teenager_person_id == subject, Booking.ends_at > transaction.now)
        .order_by(GuardianInvitation.asked_at)
    )
    return (await transaction.session.scalars(query)).all()


def _publish(transaction: Transaction, row: GuardianInvitation, booking: Booking, what: str) -> None:
    """The front makes a guest link of a consent, and revokes it of a refusal."""
    transaction.publish(
        f"guardian.{what}",
        f"guardian.{what}:{row.invitation_id}",
        invitation=row.invitation_id,
        booking=row.booking_id,
        meeting=booking.meeting_id,
        patient=row.teenager_person_id,
        unit=booking.unit_hsa_id,
    )
