"""A booking's change of state on the day of the visit, and what is told of it."""

from companion.models.bookings import Booking
from companion.rules.bookings import BookingState
from companion.store.bookings import publish
from companion.transaction import Transaction


def change(transaction: Transaction, booking: Booking, state: BookingState) -> None:
    """It is in another state from now on."""
    booking.state = state
    booking.changed_at = transaction.now
    booking.sequence += 1
    publish(transaction, booking, f"booking.{state}")
