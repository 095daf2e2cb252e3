"""Use cases of calendars: secret addresses of feeds, and what a feed shows."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from auth.audit import AuditEntry
from auth.permissions import Action, Resource
from companion.errors import NOT_FOUND, Problem, define
from companion.identity import Caller
from companion.models.bookings import Booking, CalendarFeed
from companion.models.people import Person
from companion.models.schedules import TimeType
from companion.rules.bookings import BookingState
from companion.rules.calendars import Entry
from companion.rules.masking import may_be_notified
from companion.store.proxies import acts_for, end_feeds
from companion.transaction import Transaction

FEED_ACTOR: Final = "calendar-feed"
"""Who reads, in the audit log: a program that knows the address."""
BACK: Final = timedelta(days=30)

FEED_PROTECTED: Final = define(
    "feed_protected",
    409,
    sv="Med skyddad identitet läggs inga besök i kalendrar.",
    en="With a protected identity no visits are put into calendars.",
)


def entry_of(booking: Booking) -> Entry:
    """A booking as the rules read it."""
    return Entry(
        booking_id=booking.booking_id,
        sequence=booking.sequence,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        changed_at=booking.changed_at,
        is_cancelled=booking.state == BookingState.CANCELLED,
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


async def make_feed(transaction: Transaction, caller: Caller) -> str:
    """A new secret address for whoever asks; their one before is good no more, others' are not touched."""
    person_id, maker = caller.principal.subject, caller.principal.actor
    resource = None if person_id is None else Resource(patient_person_id=person_id)
    caller.require(transaction, resource, what="calendar-feed")
    person = await check_calendar(transaction, person_id or "")
    if not await _may_see(transaction, maker, person.person_id):
        raise Problem(NOT_FOUND)
    await end_feeds(transaction, person.person_id, maker)
    secret = secrets.token_urlsafe(32)
    feed = CalendarFeed(
        secret_hash=_hash(secret), person_id=person.person_id, made_by=maker, created_at=transaction.now
    )
    transaction.session.add(feed)
    return secret


async def _may_see(transaction: Transaction, maker: str, person_id: str) -> bool:
    """Whether somebody may read the patient's bookings now: a proxy only while they are one."""
    return maker == person_id or await acts_for(transaction, maker, person_id, scope="book")


async def check_calendar(transaction: Transaction, person_id: str) -> Person:
    """The person, when visits of theirs may lie in calendars: those are copied to telephones and services."""
    person = await transaction.session.get(Person, person_id)
    if person is None:
        raise Problem(NOT_FOUND)
    if not may_be_notified(is_protected=person.is_protected, channel="calendar"):
        raise Problem(FEED_PROTECTED)
    return person


async def end_feed(transaction: Transaction, caller: Caller) -> None:
    """The address of whoever asks is good no more."""
    person_id = caller.principal.subject
    resource = None if person_id is None else Resource(patient_person_id=person_id)
    caller.require(transaction, resource, what="calendar-feed")
    assert person_id is not None
    await end_feeds(transaction, person_id, caller.principal.actor)


async def read_feed(transaction: Transaction, secret: str, request_id: str, address: str | None) -> Sequence[Entry]:
    """What the feed shows. Cancelled bookings stay, so that calendars take them out."""
    feed = await transaction.session.get(CalendarFeed, _hash(secret))
    person = None if feed is None else await transaction.session.get(Person, feed.person_id)
    if feed is None or person is None or person.is_protected:  # protected since the address was given
        raise Problem(NOT_FOUND)
    if not await _may_see(transaction, feed.made_by, person.person_id):  # ended, and nobody has swept it away yet
        raise Problem(NOT_FOUND)
    transaction.audit.append(
        AuditEntry(
            at_ms=int(transaction.now.timestamp() * 1000),
            actor=FEED_ACTOR,
            on_behalf_of=None if feed.made_by == person.person_id else person.person_id,
            commission=None,
            unit=None,
            provider=None,
            patient=person.person_id,
            action=Action.BOOKING_LIST,
            outcome="allowed",
            resource="calendar-feed",
            address=address,
            request_id=request_id,
        )
    )
    query = (
        select(Booking)
        .join(TimeType, TimeType.time_type_id == Booking.time_type_id)
        .where(Booking.patient_person_id == person.person_id, Booking.starts_at > transaction.now - BACK)
        .where(TimeType.patient_may_see.is_(True))
        .order_by(Booking.starts_at)
        .limit(500)
    )
    return [entry_of(booking) for booking in (await transaction.session.scalars(query)).all()]
