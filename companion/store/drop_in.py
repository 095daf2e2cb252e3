"""Drop-in: somebody whose number was called is booked now, through the same gates as everybody.

The visit takes a place of the unit's drop-in slots of that hour. A unit that has made none of that kind for the day
gets one for the visit: then the numbers are what limits the day.
"""

from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from auth.permissions import Resource
from companion.errors import CONFLICT, NOT_FOUND, Problem, define
from companion.identity import Caller
from companion.models.bookings import Booking
from companion.models.organisation import Unit
from companion.models.schedules import DropInDay, DropInVisit, Schedule, ScheduleTemplate, Slot, TimeType
from companion.rules.bookings import TOO_EARLY, TOO_LATE, BookingState, check_free
from companion.rules.local_time import local_date
from companion.services import new_id
from companion.store.bookings import Wish, add_booking, times_taken
from companion.store.gates import check_gates
from companion.store.reserve import DROP_IN_FULL
from companion.store.schedules import usable_time_type
from companion.store.slots import lock_person, take_drop_in_place
from companion.store.visit_changes import change
from companion.transaction import Transaction

DROP_IN: Final = "drop_in"
MAX_CAPACITY: Final = 1000
TICKET_NOT_CALLED: Final = define(
    "ticket_not_called", 409, sv="Numret har inte ropats upp.", en="The number has not been called."
)
TICKET_USED: Final = define(
    "ticket_used", 409, sv="Numret har redan ett besök.", en="The number has become a visit already."
)


async def book_ticket(
    transaction: Transaction, caller: Caller, unit_hsa_id: str, day: date, ticket: int, time_type_id: str, wish: Wish
) -> Booking:
    """A called number becomes a visit that begins now; the patient has arrived."""
    session = transaction.session
    unit = await session.get(Unit, unit_hsa_id)
    resource = None if unit is None else Resource(unit.provider_hsa_id, unit.hsa_id, wish.patient_person_id)
    caller.require(transaction, resource, what=f"drop-in:{day}:{ticket}")
    assert unit is not None
    today = local_date(transaction.now)
    if day != today:
        raise Problem(TOO_EARLY if day > today else TOO_LATE, "day")
    counter = await session.get(DropInDay, (unit_hsa_id, day), with_for_update=True, populate_existing=True)
    if counter is None:
        raise Problem(NOT_FOUND)
    if ticket > counter.called:
        raise Problem(TICKET_NOT_CALLED, "ticket")
    if await session.get(DropInVisit, (unit_hsa_id, day, ticket)) is not None:
        raise Problem(TICKET_USED, "ticket")
    person = await lock_person(transaction, wish.patient_person_id)
    time_type = await usable_time_type(transaction, time_type_id, unit)
    starts_at = transaction.now.replace(second=0, microsecond=0)
    ends_at = starts_at + timedelta(minutes=time_type.length_minutes)
    slot = await _place(transaction, unit, time_type, counter, starts_at, ends_at)
    await check_gates(transaction, person, slot, time_type)
    check_free(starts_at=starts_at, ends_at=ends_at, taken=await times_taken(transaction, person.person_id))
    booking = add_booking(transaction, caller, slot, time_type, wish)
    booking.starts_at, booking.ends_at = starts_at, ends_at
    await session.flush()
    session.add(DropInVisit(unit_hsa_id=unit_hsa_id, day=day, ticket=ticket, booking_id=booking.booking_id))
    change(transaction, booking, BookingState.ARRIVED)
    return booking


async def _place(
    transaction: Transaction,
    unit: Unit,
    time_type: TimeType,
    counter: DropInDay,
    starts_at: datetime,
    ends_at: datetime,
) -> Slot:
    """A place of this hour; where no drop-in is planned for the kind, one of a slot that is made for it."""
    session = transaction.session
    of_kind = (
        Slot.unit_hsa_id == unit.hsa_id,
        Slot.time_type_id == time_type.time_type_id,
        Slot.purpose == DROP_IN,
    )
    now = select(Slot).where(*of_kind, Slot.starts_at <= transaction.now, Slot.ends_at > transaction.now)
    for slot in (await session.scalars(now.order_by(Slot.starts_at, Slot.slot_id))).all():
        if await take_drop_in_place(transaction, slot.slot_id):
            return slot
    planned = (
        select(ScheduleTemplate.template_id)
        .join(Schedule, Schedule.schedule_id == ScheduleTemplate.schedule_id)
        .where(
            Schedule.unit_hsa_id == unit.hsa_id,
            ScheduleTemplate.time_type_id == time_type.time_type_id,
            ScheduleTemplate.purpose == DROP_IN,
        )
    )
    if await session.scalar(planned.limit(1)) is not None:
        raise Problem(DROP_IN_FULL)
    books = select(Schedule.schedule_id).where(Schedule.unit_hsa_id == unit.hsa_id, Schedule.is_active)
    schedule_id = await session.scalar(books.order_by(Schedule.name, Schedule.schedule_id).limit(1))
    if schedule_id is None:
        raise Problem(CONFLICT, detail="the unit has no active schedule")
    values = {
        "slot_id": new_id("sl"),
        "schedule_id": schedule_id,
        "provider_hsa_id": unit.provider_hsa_id,
        "unit_hsa_id": unit.hsa_id,
        "time_type_id": time_type.time_type_id,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "purpose": DROP_IN,
        "capacity": min(MAX_CAPACITY, max(1, counter.capacity)),
        "taken": 0,
        "is_closed": False,
        "is_withdrawn": False,
    }
    insert = (postgresql if transaction.is_postgresql else sqlite).insert(Slot)
    await session.execute(insert.values(**values).on_conflict_do_nothing())
    made = select(Slot).where(*of_kind, Slot.schedule_id == schedule_id, Slot.starts_at == starts_at)
    slot = (await session.scalars(made)).one()
    if not await take_drop_in_place(transaction, slot.slot_id):
        raise Problem(DROP_IN_FULL)
    return slot
