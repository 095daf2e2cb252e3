"""Use cases of the day of the visit: who came, who did not, what was done."""

from companion.identity import Caller
from companion.models.bookings import Booking, BookingFee
from companion.rules.bookings import BookingState, Event, after, check_arrival, check_miss
from companion.rules.visit_quality import check_absence
from companion.store.bookings import own_booking
from companion.store.fees import charge
from companion.store.meeting_course import step
from companion.store.visit_changes import change
from companion.store.visit_quality import cut_off
from companion.transaction import Transaction


async def forget_absence(transaction: Transaction, booking: Booking) -> None:
    """It was none: nothing is charged."""
    booking.miss_note = None
    fee = await transaction.session.get(BookingFee, booking.booking_id)
    if fee is not None:
        await transaction.session.delete(fee)


async def mark(
    transaction: Transaction, caller: Caller, booking_id: str, event: Event, note: str | None = None
) -> Booking:
    """Somebody arrived, was seen (fulfil), did not come (miss), or came after all (undo_miss).

    ``note``: why it is a miss although somebody was cut off by a fault.
    """
    booking = await own_booking(transaction, caller, booking_id)
    following = after(BookingState(booking.state), event)
    now, starts_at, ends_at = transaction.now, booking.starts_at, booking.ends_at
    if event == "arrive":
        check_arrival(now=now, starts_at=starts_at, ends_at=ends_at)
    elif event == "miss":
        check_miss(now=now, starts_at=starts_at, ends_at=ends_at)
        check_absence(cut_off=await cut_off(transaction, booking.meeting_id), note=note)
        booking.miss_note = note
        await charge(transaction, booking, "absence", caller.services.settings.invoice_from_age)
        step(transaction, caller.services.settings, booking, "miss")
    elif event == "undo_miss":
        await forget_absence(transaction, booking)
        step(transaction, caller.services.settings, booking, "undo_miss")
    change(transaction, booking, following)
    return booking
