"""Use cases of bookings: book, series, move, cancel. Each is one transaction with all that follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select

from auth.permissions import Resource
from companion.errors import CONFLICT, INVALID_REQUEST, Problem
from companion.identity import Caller
from companion.models.bookings import Booking, BookingFee, InterpreterOrder
from companion.models.people import Person
from companion.models.schedules import Slot, TimeType
from companion.prepared import Prepared, all_columns, columns_of, given, table
from companion.rules.bookings import (
    HOLD_EXPIRED,
    HOLDS_PLACE,
    NOT_PERMITTED,
    TOO_MANY_BOOKINGS,
    BookingState,
    after,
    check_change_by_patient,
    check_new,
)
from companion.rules.fees import is_late
from companion.rules.local_time import day_bounds
from companion.services import new_id
from companion.store import group_meetings, participants
from companion.store.declarations import check_before_booking as check_declaration
from companion.store.dose_series import has_doses, orphaned_by
from companion.store.fees import charge
from companion.store.gates import check_gates
from companion.store.group_meetings import is_group
from companion.store.offer_bookings import offer_is_unbooked
from companion.store.participants import Guest
from companion.store.reserve import offer_to_reserve, reserve_is_booked
from companion.store.slots import (
    give_back,
    held_slot,
    lock_person,
    lock_slots,
    resource_of,
    slot_to_book,
    take_place,
    use_hold,
)
from companion.store.summons_of_booking import booking_is_cancelled, booking_is_moved
from companion.transaction import Transaction

PATIENT_ASKED = "patient_asked"
REASONS = frozenset({PATIENT_ASKED, "unit_illness", "unit_closed", "medical", "other"})
"""Why a booking was cancelled. For patients it is always the first."""
EARLIEST = datetime.min.replace(tzinfo=UTC)
_BOOKINGS = table(Booking)
_COLUMNS = tuple(column.name for column in columns_of(Booking))
_INSERT = Prepared(lambda _: _BOOKINGS.insert().values(all_columns(Booking)).inline())
_TIMES_TAKEN = Prepared(
    lambda _: select(_BOOKINGS.c.booking_id, _BOOKINGS.c.starts_at, _BOOKINGS.c.ends_at).where(
        _BOOKINGS.c.patient_person_id == given("person", _BOOKINGS.c.patient_person_id),
        _BOOKINGS.c.state.in_([state.value for state in HOLDS_PLACE]),
        _BOOKINGS.c.ends_at > given("now", _BOOKINGS.c.ends_at),
    )
)
DOSE_BEFORE_CANCELLED = "dose_before_cancelled"
"""It was a dose that could not be without another, which was cancelled."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants to book."""

    patient_person_id: str
    slot_id: str | None = None
    hold_id: str | None = None
    interpreter_language: str | None = None
    series_id: str | None = None
    is_invited: bool = False
    """By a summons or an offer: the time type need not be public."""
    guests: tuple[Guest, ...] = ()
    """Who else is to take part (staff ask them)."""


def resource_of_booking(booking: Booking) -> Resource:
    """For permissions: a patient's booking in a unit."""
    return Resource(
        provider_hsa_id=booking.provider_hsa_id,
        unit_hsa_id=booking.unit_hsa_id,
        patient_person_id=booking.patient_person_id,
    )


async def own_booking(transaction: Transaction, caller: Caller, booking_id: str, *, lock: bool = True) -> Booking:
    """One booking, for somebody who may do what they ask for with it; locked."""
    found = await transaction.session.get(Booking, booking_id, with_for_update=lock or None)
    resource = None if found is None else resource_of_booking(found)
    if found is not None and caller.principal.kind == "patient":
        time_type = await transaction.session.get_one(TimeType, found.time_type_id)
        if not time_type.patient_may_see:
            resource = None
    caller.require(transaction, resource, what=f"booking:{booking_id}")
    assert found is not None
    return found


async def may_message(transaction: Transaction, booking: Booking) -> bool:
    """Whether the patient may write to the unit about it."""
    return (await transaction.session.get_one(TimeType, booking.time_type_id)).patient_may_message


async def book(transaction: Transaction, caller: Caller, wish: Wish) -> Booking:
    """Book a place, held before or not."""
    slot_id = wish.slot_id
    if wish.hold_id is not None:
        slot_id = await held_slot(transaction, wish.hold_id)
        if slot_id is None:
            raise Problem(HOLD_EXPIRED)
    found = await slot_to_book(transaction, slot_id)
    resource = None if found is None else resource_of(found[0], wish.patient_person_id)
    caller.require(transaction, resource, what=f"slot:{slot_id}")
    assert found is not None
    slot, time_type = found
    person = await lock_person(transaction, wish.patient_person_id)
    await _check(transaction, caller, person, slot, time_type, is_invited=wish.is_invited)
    if wish.hold_id is None:
        await take_place(transaction, slot)
    elif not await use_hold(transaction, caller, wish.hold_id, wish.patient_person_id):
        raise Problem(HOLD_EXPIRED)
    else:
        await reserve_is_booked(transaction, wish.hold_id)
    booking = _new_booking(transaction, caller, slot, time_type, wish)
    if is_group(time_type):
        booking.group_meeting_id = await group_meetings.changed(transaction, slot.slot_id)
    await _INSERT.rows(transaction, **{name: getattr(booking, name) for name in _COLUMNS})
    transaction.remember(booking)
    _follow(transaction, booking)
    if wish.guests:
        await participants.add(transaction, caller, booking, wish.guests)
    return booking


async def book_series(transaction: Transaction, caller: Caller, slot_ids: Sequence[str], wish: Wish) -> list[Booking]:
    """Book several slots for a patient, in order of time: all of them or none."""
    if len(set(slot_ids)) != len(slot_ids):
        raise Problem(INVALID_REQUEST, "slot_ids")
    await lock_person(transaction, wish.patient_person_id)
    series_id = new_id("se")
    made = []
    slots = await lock_slots(transaction, slot_ids)  # in the order of their ids, whoever else books
    for slot_id in sorted(slot_ids, key=lambda slot_id: slots[slot_id].starts_at if slot_id in slots else EARLIEST):
        one = Wish(wish.patient_person_id, slot_id, None, wish.interpreter_language, series_id)
        made.append(await book(transaction, caller, one))
        await transaction.session.flush()
    return sorted(made, key=lambda booking: booking.starts_at)


async def rebook(
    transaction: Transaction, caller: Caller, booking_id: str, slot_id: str, *, is_invited: bool = False
) -> Booking:
    """Move a booking: the old place is given back only when the new one is taken. ``is_invited``: by a summons, whose
    terms count instead of the time type's.
    """
    booking = await own_booking(transaction, caller, booking_id)
    new_slot = await transaction.session.get(Slot, slot_id)
    resource = None if new_slot is None else resource_of(new_slot, booking.patient_person_id)
    caller.require(transaction, resource, what=f"slot:{slot_id}")
    assert new_slot is not None
    old_type = await transaction.session.get_one(TimeType, booking.time_type_id)
    if not is_invited:
        _check_change(caller, booking, old_type, transaction.now, allowed=old_type.patient_may_rebook)
    booking.state = after(BookingState(booking.state), "rebook")
    if new_slot.slot_id == booking.slot_id:
        raise Problem(INVALID_REQUEST, "slot_id")
    if new_slot.time_type_id not in (booking.time_type_id, old_type.successor_id):
        raise Problem(INVALID_REQUEST, "slot_id", "another time type")
    person = await lock_person(transaction, booking.patient_person_id)
    time_type = await transaction.session.get_one(TimeType, new_slot.time_type_id)
    await _check(transaction, caller, person, new_slot, time_type, moving=booking)
    old_slot_id = booking.slot_id
    slots = await lock_slots(transaction, (old_slot_id, slot_id))
    await take_place(transaction, slots[slot_id])
    await give_back(transaction, old_slot_id)
    booking.slot_id, booking.unit_hsa_id = slot_id, new_slot.unit_hsa_id
    booking.time_type_id = new_slot.time_type_id
    booking.starts_at, booking.ends_at = new_slot.starts_at, new_slot.ends_at
    await _move_meeting(transaction, booking, time_type, old_slot_id)
    await participants.check_moved(transaction, booking)
    booking.meeting_state = booking.patient_joined_at = booking.host_joined_at = booking.last_joined_at = None
    booking.reminded_at = _reminded_by_news(transaction, caller, booking.starts_at)
    await booking_is_moved(transaction, caller, booking)
    await _changed(transaction, booking, "booking.rebooked")
    await offer_to_reserve(transaction, old_slot_id)
    return booking


async def _move_meeting(transaction: Transaction, booking: Booking, time_type: TimeType, old_slot_id: str) -> None:
    """It leaves the meeting of its old slot for that of the new one, or for one of its own."""
    if booking.group_meeting_id is not None:
        booking.group_meeting_id = None
        await group_meetings.changed(transaction, old_slot_id)
    if is_group(time_type):
        await group_meetings.join(transaction, booking)
    elif time_type.modality == "video" and booking.meeting_id is None:
        booking.meeting_id = new_id("mt")


async def cancel(
    transaction: Transaction, caller: Caller, booking_id: str, reason: str, *, is_invited: bool = False
) -> Booking:
    """Cancel a booking. Late and asked for by the patient, it may cost. Doses that cannot be without this one are
    cancelled with it (``cancelled_with``). ``is_invited``: by a summons, whose terms count.
    """
    booking = await own_booking(transaction, caller, booking_id)
    await cancel_locked(transaction, caller, booking, reason, is_invited=is_invited)
    return booking


async def cancel_series(transaction: Transaction, caller: Caller, series_id: str, reason: str) -> list[Booking]:
    """Cancel what is still to come of a series."""
    query = (
        select(Booking.booking_id)
        .where(Booking.series_id == series_id, Booking.state == BookingState.BOOKED)
        .where(Booking.starts_at > transaction.now)
        .order_by(Booking.slot_id)
    )
    ids = (await transaction.session.scalars(query)).all()
    if not ids:
        caller.require(transaction, None)
    cancelled = [await own_booking(transaction, caller, booking_id) for booking_id in ids]
    for booking in cancelled:
        if booking.state == BookingState.BOOKED:  # else it has gone with the dose before it
            await cancel_locked(transaction, caller, booking, reason)
    return sorted(cancelled, key=lambda one: one.starts_at)


async def cancel_locked(
    transaction: Transaction, caller: Caller, booking: Booking, reason: str, *, is_invited: bool = False
) -> None:
    """Cancel one that ``own_booking`` gave."""
    if reason not in REASONS:
        raise Problem(INVALID_REQUEST, "reason")
    time_type = await transaction.session.get_one(TimeType, booking.time_type_id)
    following = after(BookingState(booking.state), "cancel")
    if not is_invited:
        _check_change(caller, booking, time_type, transaction.now, allowed=time_type.patient_may_cancel)
    by_patient = caller.principal.kind == "patient"
    following_doses = await _lock_following(transaction, booking, time_type)
    booking.state = following
    booking.cancel_reason = PATIENT_ASKED if by_patient else reason
    hours = _hours_before(caller, time_type)
    is_asked = booking.cancel_reason == PATIENT_ASKED
    if is_late(
        by="patient" if is_asked else "staff", now=transaction.now, starts_at=booking.starts_at, hours_before=hours
    ):
        await charge(transaction, booking, "late_cancellation", caller.services.settings.invoice_from_age)
    await _end(transaction, caller, booking)
    for one in following_doses:
        one.state, one.cancel_reason = after(BookingState(one.state), "cancel"), DOSE_BEFORE_CANCELLED
        one.cancelled_with = booking.booking_id
        await _end(transaction, caller, one)


async def _lock_following(transaction: Transaction, booking: Booking, time_type: TimeType) -> list[Booking]:
    """The booked doses that cannot be without this one, locked; with the person, so that none is booked meanwhile."""
    if not has_doses(time_type):
        return []
    ids = await orphaned_by(transaction, booking)
    query = select(Booking).where(Booking.booking_id.in_(ids)).order_by(Booking.slot_id).with_for_update()
    found = (await transaction.session.scalars(query.execution_options(populate_existing=True))).all()
    await lock_person(transaction, booking.patient_person_id)
    if not set(await orphaned_by(transaction, booking)) <= set(ids):
        raise Problem(CONFLICT)  # one was booked between the two looks
    return [one for one in found if one.state == BookingState.BOOKED]


async def _end(transaction: Transaction, caller: Caller, booking: Booking) -> None:
    """What follows from a cancellation, whatever the reason."""
    booking.cancelled_by = caller.principal.actor
    await offer_is_unbooked(transaction, booking.booking_id)
    await booking_is_cancelled(transaction, booking)
    await give_back(transaction, booking.slot_id)
    if booking.group_meeting_id is not None:  # the others meet all the same
        await group_meetings.changed(transaction, booking.slot_id)
    await _changed(transaction, booking, "booking.cancelled")
    await offer_to_reserve(transaction, booking.slot_id)


async def of_patient(transaction: Transaction, caller: Caller, patient_person_id: str) -> Sequence[Booking]:
    """A patient's bookings. Staff see those of their unit."""
    query = select(Booking).where(Booking.patient_person_id == patient_person_id).order_by(Booking.starts_at.desc())
    if caller.principal.kind == "patient":
        caller.require(transaction, Resource(patient_person_id=patient_person_id), what="bookings")
        query = query.join(TimeType, TimeType.time_type_id == Booking.time_type_id).where(TimeType.patient_may_see)
    else:
        unit = Resource(caller.principal.provider_hsa_id, caller.principal.unit_hsa_id, patient_person_id)
        caller.require(transaction, unit, what="bookings")
        query = query.where(Booking.unit_hsa_id == unit.unit_hsa_id, Booking.provider_hsa_id == unit.provider_hsa_id)
    return (await transaction.session.scalars(query.limit(500))).all()


async def of_unit(transaction: Transaction, caller: Caller, day: date) -> Sequence[tuple[Booking, Person]]:
    """The bookings of the caller's unit on a day, with the patients; one entry of the audit log for each of them."""
    principal = caller.principal
    caller.require(transaction, Resource(principal.provider_hsa_id, principal.unit_hsa_id), what=f"bookings:{day}")
    begins, ends = day_bounds(day)
    query = (
        select(Booking, Person)
        .join(Person, Person.person_id == Booking.patient_person_id)
        .where(Booking.unit_hsa_id == principal.unit_hsa_id, Booking.provider_hsa_id == principal.provider_hsa_id)
        .where(Booking.starts_at >= begins, Booking.starts_at < ends)
        .order_by(Booking.starts_at, Booking.booking_id)
    )
    rows = [(booking, person) for booking, person in (await transaction.session.execute(query)).all()]
    for booking, _ in rows:
        caller.require(transaction, resource_of_booking(booking), what=f"booking:{booking.booking_id}")
    return rows


async def _check(
    transaction: Transaction,
    caller: Caller,
    person: Person,
    slot: Slot,
    time_type: TimeType,
    *,
    moving: Booking | None = None,
    is_invited: bool = False,
) -> None:
    """The gates of every path to a booking. The person is locked."""
    by_patient = caller.principal.kind == "patient"
    is_open = is_invited or (time_type.patient_may_book and time_type.audience == "public")
    if by_patient and moving is None and not is_open:
        raise Problem(NOT_PERMITTED)
    moved_id = None if moving is None else moving.booking_id
    await check_gates(transaction, person, slot, time_type, moving=moved_id)
    if by_patient:  # staff ask at the visit
        await check_declaration(transaction, person.person_id, time_type, slot.starts_at)
    others = await times_taken(transaction, person.person_id, but=moved_id)
    check_new(now=transaction.now, starts_at=slot.starts_at, ends_at=slot.ends_at, taken=others)
    if by_patient and moving is None and len(others) >= caller.services.settings.max_bookings_ahead:
        raise Problem(TOO_MANY_BOOKINGS)


async def times_taken(
    transaction: Transaction, person_id: str, *, but: str | None = None
) -> list[tuple[datetime, datetime]]:
    """When the patient has other bookings, now and to come."""
    rows = await _TIMES_TAKEN.rows(transaction, person=person_id, now=transaction.now)
    return [(begins, ends) for booking_id, begins, ends in rows if booking_id != but]


def add_booking(transaction: Transaction, caller: Caller, slot: Slot, time_type: TimeType, wish: Wish) -> Booking:
    """A booking of a place that is taken, behind all gates."""
    booking = _new_booking(transaction, caller, slot, time_type, wish)
    transaction.session.add(booking)
    _follow(transaction, booking)
    return booking


def _new_booking(transaction: Transaction, caller: Caller, slot: Slot, time_type: TimeType, wish: Wish) -> Booking:
    is_video = time_type.modality == "video" and not is_group(time_type)
    return Booking(
        booking_id=new_id("bk"),
        slot_id=slot.slot_id,
        provider_hsa_id=slot.provider_hsa_id,
        unit_hsa_id=slot.unit_hsa_id,
        time_type_id=slot.time_type_id,
        patient_person_id=wish.patient_person_id,
        booked_by=caller.principal.actor,
        state=BookingState.BOOKED,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        sequence=0,
        created_at=transaction.now,
        changed_at=transaction.now,
        series_id=wish.series_id,
        meeting_id=new_id("mt") if is_video else None,
        interpreter_language=wish.interpreter_language,
        reminded_at=_reminded_by_news(transaction, caller, slot.starts_at),
    )


def _reminded_by_news(transaction: Transaction, caller: Caller, starts_at: datetime) -> datetime | None:
    """So near the visit, the news of it is the reminder."""
    before = timedelta(hours=caller.services.settings.booking_reminder_before_h)
    return transaction.now if starts_at - transaction.now <= before else None


def _follow(transaction: Transaction, booking: Booking) -> None:
    """What comes with a new booking: the interpreter's order, and the event."""
    if booking.interpreter_language is not None:
        order = InterpreterOrder(
            booking_id=booking.booking_id,
            language=booking.interpreter_language,
            state="ordered",
            starts_at=booking.starts_at,
            ends_at=booking.ends_at,
        )
        transaction.session.add(order)
    publish(transaction, booking, "booking.created")


async def _changed(transaction: Transaction, booking: Booking, kind: str) -> None:
    """A new sequence number; the interpreter and everybody else learn of it."""
    booking.sequence += 1
    booking.changed_at = transaction.now
    order = await transaction.session.get(InterpreterOrder, booking.booking_id)
    if order is not None:
        order.starts_at, order.ends_at = booking.starts_at, booking.ends_at
        order.state = "cancelled" if booking.state == BookingState.CANCELLED else "ordered"
        order.assigned_to = order.assigned_by = order.assigned_at = None
    publish(transaction, booking, kind)


def publish(transaction: Transaction, booking: Booking, kind: str) -> None:
    """Tell the front: it opens, moves and closes the meeting, and sends neutral notices."""
    transaction.publish(
        kind,
        f"{kind}:{booking.booking_id}:{booking.sequence}",
        booking=booking.booking_id,
        sequence=booking.sequence,
        state=booking.state,
        patient=booking.patient_person_id,
        unit=booking.unit_hsa_id,
        provider=booking.provider_hsa_id,
        starts_at=booking.starts_at.isoformat(),
        ends_at=booking.ends_at.isoformat(),
        meeting=booking.meeting_id,
        interpreter_language=booking.interpreter_language,
    )


def _hours_before(caller: Caller, time_type: TimeType) -> int:
    return caller.services.settings.cancel_before_h if time_type.cancel_before_h is None else time_type.cancel_before_h


def _check_change(caller: Caller, booking: Booking, time_type: TimeType, now: datetime, *, allowed: bool) -> None:
    if caller.principal.kind == "patient":
        check_change_by_patient(
            allowed=allowed, now=now, starts_at=booking.starts_at, hours_before=_hours_before(caller, time_type)
        )


async def cancelled_with(transaction: Transaction, booking: Booking) -> Sequence[Booking]:
    """The doses that went with it, for whoever cancelled it to be told."""
    query = select(Booking).where(Booking.cancelled_with == booking.booking_id).order_by(Booking.starts_at)
    return (await transaction.session.scalars(query)).all()


async def fee_of(transaction: Transaction, booking: Booking) -> BookingFee | None:
    """What a booking came to cost."""
    return await transaction.session.get(BookingFee, booking.booking_id)
