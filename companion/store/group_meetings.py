"""Group visits over video: one meeting for all bookings of a slot. Each booking comes and goes as a member of it."""

from collections.abc import Sequence

from sqlalchemy import func, select, update

from companion.models.bookings import Booking
from companion.models.schedules import Slot, TimeType
from companion.rules.bookings import BookingState
from companion.services import new_id
from companion.transaction import Transaction

TAKES_PART = (BookingState.BOOKED.value, BookingState.ARRIVED.value)


def is_group(time_type: TimeType) -> bool:
    """Whether bookings of a time type share a meeting."""
    return time_type.is_group and time_type.modality == "video"


async def join(transaction: Transaction, booking: Booking) -> None:
    """The patient becomes a member of the slot's meeting; the first one makes it. The slot is locked by its place."""
    booking.meeting_id = None
    booking.group_meeting_id = await changed(transaction, booking.slot_id)


async def changed(transaction: Transaction, slot_id: str) -> str:
    """Somebody came or left: the meeting has another sequence number, and the front asks who is in it."""
    statement = (
        update(Slot)
        .where(Slot.slot_id == slot_id)
        .values(meeting_id=func.coalesce(Slot.meeting_id, new_id("mt")), meeting_sequence=Slot.meeting_sequence + 1)
        .returning(Slot.meeting_id, Slot.meeting_sequence)
        .execution_options(synchronize_session=False)
    )
    meeting_id, sequence = (await transaction.session.execute(statement)).one()
    assert meeting_id is not None
    publish_meeting(transaction, meeting_id, sequence)
    return meeting_id


def publish_meeting(transaction: Transaction, meeting_id: str, sequence: int) -> None:
    """Tell the front that others take part than before."""
    key = f"meeting.changed:{meeting_id}:{sequence}"
    transaction.publish("meeting.changed", key, meeting=meeting_id, sequence=sequence)


async def members(transaction: Transaction, meeting_id: str) -> Sequence[str]:
    """Person ids of the patients who take part."""
    query = select(Booking.patient_person_id).where(
        Booking.group_meeting_id == meeting_id, Booking.state.in_(TAKES_PART)
    )
    return (await transaction.session.scalars(query.order_by(Booking.patient_person_id))).all()
