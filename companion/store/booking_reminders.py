"""Patients are reminded of their bookings, once each, so long before as is set."""

from datetime import timedelta

from sqlalchemy import select

from companion.models.bookings import Booking
from companion.rules.bookings import BookingState
from companion.settings import CompanionSettings
from companion.store.bookings import publish
from companion.transaction import Transaction


async def sweep_reminders(transaction: Transaction, settings: CompanionSettings, limit: int = 200) -> int:
    """Remind of what is near by now; how many were reminded. What came near while nobody swept is caught up on."""
    now = transaction.now
    query = (
        select(Booking)
        .where(
            Booking.reminded_at.is_(None),
            Booking.starts_at > now,
            Booking.starts_at <= now + timedelta(hours=settings.booking_reminder_before_h),
            Booking.state == BookingState.BOOKED.value,
        )
        .order_by(Booking.starts_at, Booking.booking_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    due = (await transaction.session.scalars(query)).all() if settings.booking_reminder_before_h else []
    for booking in due:
        booking.reminded_at = now
        publish(transaction, booking, "booking.reminder")
    return len(due)
