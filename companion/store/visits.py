"""Use cases of the day of the visit: who came, who did not, what was done."""

from companion.identity import Caller
from companion.models.bookings import Booking, BookingFee
from companion.rules.bookings import BookingState, Event, after, check_arrival, check_miss
from companion.store.bookings import own_booking, publish
from companion.store.fees import charge
from companion.transaction import Transaction


async def mark(transaction: Transaction, caller: Caller, booking_id: str, event: Event) -> Booking:
    """Somebody arrived, was seen (fulfil), did not come (miss), or came after all (undo_miss)."""
    booking = await own_booking(transaction, caller, booking_id)
    following = after(BookingState(booking.state), event)
    now, starts_at, ends_at = transaction.now, booking.starts_at, booking.ends_at
    if event == "arrive":
        check_arrival(now=now, starts_at=starts_at, ends_at=ends_at)
    elif event == "miss":
        check_miss(now=now, starts_at=starts_at, ends_at=ends_at)
        await charge(transaction, booking, "absence", caller.services.settings.invoice_from_age)
    elif event == "undo_miss":
        fee = await transaction.session.get(BookingFee, booking_id)
        if fee is not None:
            await transaction.session.delete(fee)
    booking.state = following
    booking.changed_at = transaction.now
    booking.sequence += 1
    publish(transaction, booking, f"booking.{following}")
    return booking
