"""Use cases of a meeting's course: who came, when it ended, what that makes of the booking.

The front tells that somebody has joined and that staff ended the meeting for all; records of visits tell that all have
left, or that a fault ended it. The patient's coming marks the booking as arrived, as long as it is in time; a meeting
that took place marks it as fulfilled, when staff end it or its time is over.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import select

from auth.permissions import Resource
from companion.errors import Problem
from companion.identity import Caller
from companion.models.bookings import Booking
from companion.models.quality import VisitQuality
from companion.rules.bookings import BookingState, check_arrival
from companion.rules.meeting_course import OVER_AFTER, Event, MeetingState, after, state_at
from companion.rules.visit_quality import TAKES_PART
from companion.settings import CompanionSettings
from companion.store.visit_changes import change
from companion.store.visit_quality import cut_off
from companion.transaction import Transaction

Side = Literal["participant", "host"]
"""The patient (or proxy), or staff."""
_BATCH: Final = 200


def state_of(transaction: Transaction, settings: CompanionSettings, booking: Booking) -> MeetingState:
    """What the booking's meeting is now."""
    return state_at(
        booking.meeting_state,
        now=transaction.now,
        starts_at=booking.starts_at,
        open_before=timedelta(seconds=settings.meeting_open_before_s),
    )


def step(transaction: Transaction, settings: CompanionSettings, booking: Booking, event: Event) -> None:
    """Something has happened to the meeting. What changes nothing leaves no trace."""
    before = state_of(transaction, settings, booking)
    following = after(before, event)
    if following != before:
        # Planned and open are the clock's: a miss that was taken back leaves nothing behind.
        booking.meeting_state = None if following == MeetingState.OPEN else following.value


async def _locked(transaction: Transaction, caller: Caller, meeting_id: str) -> Booking:
    query = select(Booking).where(Booking.meeting_id == meeting_id).with_for_update()
    booking = (await transaction.session.scalars(query)).one_or_none()
    resource = None
    if booking is not None:
        resource = Resource(booking.provider_hsa_id, booking.unit_hsa_id, booking.patient_person_id, meeting_id)
    caller.require(transaction, resource, what=f"meeting:{meeting_id}")
    assert booking is not None
    return booking


async def joined(transaction: Transaction, caller: Caller, meeting_id: str, side: Side, at: datetime) -> Booking:
    """Somebody of a side has joined at an instant (or now, if that is to come)."""
    booking = await _locked(transaction, caller, meeting_id)
    at = min(at, transaction.now)
    if side == "participant":
        booking.patient_joined_at = min(at, booking.patient_joined_at or at)
        _arrive(transaction, booking, booking.patient_joined_at)
    else:
        booking.host_joined_at = min(at, booking.host_joined_at or at)
    booking.last_joined_at = max(at, booking.last_joined_at or at)
    if booking.patient_joined_at is not None and booking.host_joined_at is not None:
        step(transaction, caller.services.settings, booking, "start")
    return booking


def _arrive(transaction: Transaction, booking: Booking, at: datetime) -> None:
    """The patient has come. Who comes too late, or was noted as absent, is for staff to judge."""
    if booking.state != BookingState.BOOKED:
        return
    try:
        check_arrival(now=at, starts_at=booking.starts_at, ends_at=booking.ends_at)
    except Problem:
        return
    change(transaction, booking, BookingState.ARRIVED)


async def ended_for_all(transaction: Transaction, caller: Caller, meeting_id: str, at: datetime) -> Booking:
    """Staff have ended it."""
    booking = await _locked(transaction, caller, meeting_id)
    if booking.last_joined_at is not None and at < booking.last_joined_at:
        return booking  # somebody has come after that
    _end(transaction, caller.services.settings, booking)
    _fulfil(transaction, booking)
    return booking


def _end(transaction: Transaction, settings: CompanionSettings, booking: Booking) -> None:
    step(transaction, settings, booking, "end")
    if booking.meeting_state == MeetingState.ENDED:
        booking.meeting_ended_at = transaction.now


def _fulfil(transaction: Transaction, booking: Booking) -> None:
    """The visit took place: patient and staff met, and it ended as it should."""
    has_ended = booking.meeting_state == MeetingState.ENDED and booking.host_joined_at is not None
    if has_ended and booking.state == BookingState.ARRIVED:
        change(transaction, booking, BookingState.FULFILLED)


async def review_stays(transaction: Transaction, settings: CompanionSettings, meeting_id: str) -> None:
    """Records of visits have come: was somebody cut off, have all left?"""
    query = select(Booking).where(Booking.meeting_id == meeting_id).with_for_update()
    booking = (await transaction.session.scalars(query)).one_or_none()
    if booking is None:
        return
    await transaction.session.flush()
    if await cut_off(transaction, meeting_id):
        if not await _came_back(transaction, booking):
            step(transaction, settings, booking, "abort")
    elif booking.meeting_state == MeetingState.IN_PROGRESS and await _all_left(transaction, booking):
        _end(transaction, settings, booking)


async def _left_at(transaction: Transaction, booking: Booking) -> dict[str, datetime]:
    """When somebody of each side last left."""
    query = select(VisitQuality.role, VisitQuality.left_at).where(VisitQuality.meeting_id == booking.meeting_id)
    found: dict[str, datetime] = {}
    for role, left_at in (await transaction.session.execute(query)).all():
        if role in TAKES_PART:
            found[role] = max(left_at, found.get(role, left_at))
    return found


async def _came_back(transaction: Transaction, booking: Booking) -> bool:
    """Whether somebody has joined since the last record: they are in there again."""
    left = await _left_at(transaction, booking)
    return booking.last_joined_at is not None and booking.last_joined_at > max(left.values())


async def _all_left(transaction: Transaction, booking: Booking) -> bool:
    left, last = await _left_at(transaction, booking), booking.last_joined_at
    return len(left) == len(TAKES_PART) and last is not None and all(at >= last for at in left.values())


async def sweep_meetings(transaction: Transaction, settings: CompanionSettings) -> None:
    """Meetings whose time is over and that nobody has ended, or that ended early: what they make of their booking."""
    query = (
        select(Booking)
        .where(
            Booking.state == BookingState.ARRIVED.value,
            Booking.meeting_state.in_((MeetingState.IN_PROGRESS.value, MeetingState.ENDED.value)),
            Booking.ends_at <= transaction.now - OVER_AFTER,
        )
        .order_by(Booking.ends_at)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    )
    rows: Sequence[Booking] = (await transaction.session.scalars(query)).all()
    for booking in rows:
        _end(transaction, settings, booking)
        _fulfil(transaction, booking)
