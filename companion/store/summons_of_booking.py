"""Summonses follow their booking, whoever changes it: cancelled or moved past the summons, it would go on reminding of
a visit that is not there, and a letter would tell of it.
"""

from datetime import timedelta

from sqlalchemy import select

from companion.identity import Caller
from companion.models.bookings import Booking
from companion.models.summons import Summons
from companion.rules.summons import TRANSITIONS, SummonsEvent, SummonsState
from companion.settings import CompanionSettings
from companion.store.letters import withdraw_letter
from companion.transaction import Transaction


async def booking_is_cancelled(transaction: Transaction, booking: Booking) -> None:
    """A timed summons is withdrawn, with its letter when that is not printed yet. An open one asks for a time again as
    long as there is time to answer.
    """
    for row in await _of(transaction, booking):
        picks_again = row.kind == "open" and transaction.now < row.answer_until and _step(row, "reopen")
        if picks_again:
            row.booking_id = row.answered_at = row.answered_by = row.answered_how = row.reminded_at = None
        elif _step(row, "withdraw"):
            await withdraw_letter(transaction, row.summons_id)


async def booking_is_moved(transaction: Transaction, caller: Caller, booking: Booking) -> None:
    """A timed summons can be answered until the visit begins, wherever that is now; a letter in the queue says when
    the visit is on the day that it is printed. When the patient moved it, that is the answer.
    """
    for row in await _of(transaction, booking):
        if row.kind == "timed":
            row.answer_until = booking.starts_at
            is_near = booking.starts_at - transaction.now <= remind_before(caller.services.settings)
            row.reminded_at = transaction.now if is_near else None  # so near, the news of the move is the reminder
        if caller.principal.kind == "patient" and _step(row, "rebook"):
            row.answered_at, row.answered_by, row.answered_how = transaction.now, caller.principal.actor, "login"


def remind_before(settings: CompanionSettings) -> timedelta:
    """How long before the visit or the deadline."""
    return timedelta(hours=settings.summons_reminder_before_h)


async def _of(transaction: Transaction, booking: Booking) -> list[Summons]:
    query = select(Summons).where(Summons.booking_id == booking.booking_id).order_by(Summons.summons_id)
    return list((await transaction.session.scalars(query.with_for_update())).all())


def _step(row: Summons, event: SummonsEvent) -> bool:
    following = TRANSITIONS.get((SummonsState(row.state), event))
    if following is not None:
        row.state = following
    return following is not None
