"""Who takes part in a booking beside patient and unit: clinicians of any unit, relatives, interpreters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from sqlalchemy import delete, select

from auth.permissions import Resource
from companion.errors import CONFLICT, INVALID_REQUEST, NOT_FOUND, Problem, define
from companion.identity import Caller
from companion.models.bookings import Booking, BookingParticipant, InterpreterOrder
from companion.models.organisation import StaffMember, Unit
from companion.models.people import Person
from companion.models.schedules import Schedule, Slot
from companion.rules.bookings import NOT_PERMITTED, BookingState
from companion.rules.local_time import day_bounds
from companion.services import new_id
from companion.store.group_meetings import TAKES_PART, publish_meeting
from companion.transaction import Transaction

MAX_PARTICIPANTS: Final = 20
STAFF_BUSY: Final = define(
    "staff_busy", 409, sv="Medarbetaren är upptagen vid den tiden.", en="The employee is busy at that time."
)
ParticipantKind = Literal["clinician", "relative", "interpreter"]


@dataclass(frozen=True)
class Guest:
    """Somebody who is to take part: staff by their HSA-id, others by their person id."""

    kind: ParticipantKind
    staff_hsa_id: str | None = None
    person_id: str | None = None


async def add(
    transaction: Transaction, caller: Caller, booking: Booking, guests: Iterable[Guest]
) -> list[BookingParticipant]:
    """Ask more people to a booking. Only staff do."""
    wanted = list(guests)
    if not wanted:
        return []
    if caller.principal.kind == "patient":
        raise Problem(NOT_PERMITTED)
    there = await of_booking(transaction, booking.booking_id)
    if len(there) + len(wanted) > MAX_PARTICIPANTS:
        raise Problem(CONFLICT, "participants")
    known = {(one.staff_hsa_id, one.person_id) for one in there}
    made = []
    for guest in wanted:
        await _check(transaction, booking, guest)
        if (guest.staff_hsa_id, guest.person_id) in known:
            raise Problem(CONFLICT, "participants")
        known.add((guest.staff_hsa_id, guest.person_id))
        row = BookingParticipant(
            participant_id=new_id("pa"),
            booking_id=booking.booking_id,
            kind=guest.kind,
            staff_hsa_id=guest.staff_hsa_id,
            person_id=guest.person_id,
            added_by=caller.principal.actor,
            added_at=transaction.now,
        )
        made.append(row)
    transaction.session.add_all(made)
    return made


async def _check(transaction: Transaction, booking: Booking, guest: Guest) -> None:
    if (guest.kind == "clinician") != (guest.staff_hsa_id is not None) or (
        (guest.staff_hsa_id is None) == (guest.person_id is None)
    ):
        raise Problem(INVALID_REQUEST, "participants", "staff by HSA-id, others by person id")
    if guest.person_id is not None:
        if guest.person_id == booking.patient_person_id or not await transaction.session.get(Person, guest.person_id):
            raise Problem(INVALID_REQUEST, "participants", "no such person")
        return
    assert guest.staff_hsa_id is not None
    if await transaction.session.get(StaffMember, guest.staff_hsa_id) is None:
        raise Problem(INVALID_REQUEST, "participants", "no such employee")
    await check_free(transaction, guest.staff_hsa_id, booking.starts_at, booking.ends_at, but=booking.booking_id)


async def check_free(
    transaction: Transaction, staff_hsa_id: str, starts_at: datetime, ends_at: datetime, *, but: str
) -> None:
    """Nobody is in two visits at a time, neither as a guest nor by their own schedule."""
    overlapping = (
        Booking.booking_id != but,
        Booking.state.in_(TAKES_PART),
        Booking.starts_at < ends_at,
        Booking.ends_at > starts_at,
    )
    as_guest = select(Booking.booking_id).join(BookingParticipant, BookingParticipant.booking_id == Booking.booking_id)
    own = select(Booking.booking_id).join(Slot, Slot.slot_id == Booking.slot_id)
    own = own.join(Schedule, Schedule.schedule_id == Slot.schedule_id)
    for query in (
        as_guest.where(BookingParticipant.staff_hsa_id == staff_hsa_id, *overlapping),
        own.where(Schedule.staff_hsa_id == staff_hsa_id, *overlapping),
    ):
        if await transaction.session.scalar(query.limit(1)) is not None:
            raise Problem(STAFF_BUSY)


async def check_moved(transaction: Transaction, booking: Booking) -> None:
    """Whether those who take part are free at the booking's new time."""
    for one in await of_booking(transaction, booking.booking_id):
        if one.staff_hsa_id is not None:
            but = booking.booking_id
            await check_free(transaction, one.staff_hsa_id, booking.starts_at, booking.ends_at, but=but)


async def of_booking(transaction: Transaction, booking_id: str) -> Sequence[BookingParticipant]:
    """Who takes part."""
    query = select(BookingParticipant).where(BookingParticipant.booking_id == booking_id)
    return (await transaction.session.scalars(query.order_by(BookingParticipant.participant_id))).all()


async def remove(transaction: Transaction, booking: Booking, participant_id: str) -> None:
    """Somebody takes part no more."""
    statement = (
        delete(BookingParticipant)
        .where(BookingParticipant.participant_id == participant_id, BookingParticipant.booking_id == booking.booking_id)
        .returning(BookingParticipant.participant_id)
    )
    if await transaction.session.scalar(statement) is None:
        raise Problem(NOT_FOUND)


def changed(transaction: Transaction, booking: Booking) -> None:
    """The front learns who is in the booking's meeting now."""
    booking.sequence += 1
    booking.changed_at = transaction.now
    if booking.meeting_id is not None:
        publish_meeting(transaction, booking.meeting_id, booking.sequence)


async def hosts_and_members(
    transaction: Transaction, booking_ids: Sequence[str]
) -> dict[str, tuple[set[str], set[str]]]:
    """HSA-ids of the staff who hold each booking (whose schedule it is, clinicians), and person ids of others."""
    found: dict[str, tuple[set[str], set[str]]] = {one: (set(), set()) for one in booking_ids}
    owners = (
        select(Booking.booking_id, Schedule.staff_hsa_id)
        .join(Slot, Slot.slot_id == Booking.slot_id)
        .join(Schedule, Schedule.schedule_id == Slot.schedule_id)
        .where(Booking.booking_id.in_(booking_ids))
    )
    for booking_id, hsa_id in (await transaction.session.execute(owners)).all():
        if hsa_id is not None:
            found[booking_id][0].add(hsa_id)
    guests = select(BookingParticipant).where(BookingParticipant.booking_id.in_(booking_ids))
    for one in (await transaction.session.scalars(guests)).all():
        if one.staff_hsa_id is not None:
            found[one.booking_id][0 if one.kind == "clinician" else 1].add(one.staff_hsa_id)
        elif one.person_id is not None and one.kind != "interpreter":  # interpreters come by a link of their own
            found[one.booking_id][1].add(one.person_id)
    return found


# --- interpreters ------------------------------------------------------------------------------------------------


async def interpreter_orders(
    transaction: Transaction, caller: Caller, unit_hsa_id: str, day: date
) -> Sequence[tuple[InterpreterOrder, Booking]]:
    """A unit's orders of a day, with an entry of the audit log for each."""
    unit = await transaction.session.get(Unit, unit_hsa_id)
    resource = None if unit is None else Resource(unit.provider_hsa_id, unit.hsa_id)
    caller.require(transaction, resource, what="interpreter-orders")
    begins, ends = day_bounds(day)
    query = (
        select(InterpreterOrder, Booking)
        .join(Booking, Booking.booking_id == InterpreterOrder.booking_id)
        .where(Booking.unit_hsa_id == unit_hsa_id, Booking.starts_at >= begins, Booking.starts_at < ends)
        .order_by(Booking.starts_at, Booking.booking_id)
        .limit(500)
    )
    rows = [(order, booking) for order, booking in (await transaction.session.execute(query)).all()]
    for _, booking in rows:
        about = Resource(booking.provider_hsa_id, booking.unit_hsa_id, booking.patient_person_id)
        caller.require(transaction, about, what=f"booking:{booking.booking_id}")
    return rows


async def assign_interpreter(
    transaction: Transaction, caller: Caller, booking: Booking, name: str | None
) -> InterpreterOrder:
    """Who comes, as the agency said; None: nobody yet."""
    order = await transaction.session.get(InterpreterOrder, booking.booking_id, with_for_update=True)
    if order is None:
        raise Problem(NOT_FOUND)
    if booking.state == BookingState.CANCELLED or order.state == "cancelled":
        raise Problem(CONFLICT, detail=f"order in state {order.state}")
    order.state = "ordered" if name is None else "assigned"
    order.assigned_to = name
    order.assigned_by = None if name is None else caller.principal.actor
    order.assigned_at = None if name is None else transaction.now
    return order
