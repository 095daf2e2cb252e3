"""What the front asks about video meetings: which booking stands behind one, and what is to come of somebody."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Select, select

from auth.permissions import Resource
from companion.errors import NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.bookings import Booking
from companion.models.organisation import Unit
from companion.models.people import Person
from companion.models.schedules import Slot, TimeType
from companion.rules.bookings import BookingState
from companion.store.bookings import resource_of_booking
from companion.store.group_meetings import members
from companion.store.participants import hosts_and_members
from companion.transaction import Transaction

SHOWN_AFTER: Final = timedelta(hours=12)
"""As long as the front lists what is over."""
MAX_LISTED: Final = 200
_TO_COME: Final = (BookingState.BOOKED.value, BookingState.ARRIVED.value)


@dataclass(frozen=True)
class MeetingRow:
    """A booking with what its meeting needs."""

    booking: Booking
    unit: Unit
    person: Person
    is_video: bool
    """False when it was moved to a time type of another kind: then there is no meeting any more."""
    state: str
    """The booking's; of a group, ``cancelled`` when nobody takes part any more."""
    sequence: int
    is_group: bool
    hosts: frozenset[str] = frozenset()
    """HSA-ids of staff who hold it: whose schedule it is, clinicians of any unit."""
    members: frozenset[str] = frozenset()
    """Person ids, and HSA-ids of interpreters, of others who take part."""


def _query() -> Any:
    return (
        select(Booking, Unit, Person, TimeType.modality, Slot.meeting_sequence)
        .join(Slot, Slot.slot_id == Booking.slot_id)
        .join(Unit, Unit.hsa_id == Booking.unit_hsa_id)
        .join(Person, Person.person_id == Booking.patient_person_id)
        .join(TimeType, TimeType.time_type_id == Booking.time_type_id)
    )


async def meeting(transaction: Transaction, caller: Caller, meeting_id: str) -> MeetingRow:
    """The booking behind a meeting, cancelled ones too."""
    of_it = (Booking.meeting_id == meeting_id) | (Booking.group_meeting_id == meeting_id)
    rows = await _rows(transaction, _query().where(of_it).order_by(Booking.created_at, Booking.booking_id))
    caller.require(transaction, resource_of_booking(rows[0].booking) if rows else None, what=f"meeting:{meeting_id}")
    return rows[0]


async def of_patient(transaction: Transaction, caller: Caller, person_id: str) -> Sequence[MeetingRow]:
    """A patient's meetings to come, and those of the last hours."""
    if await transaction.session.get(Person, person_id) is None:
        raise Problem(NOT_FOUND)
    caller.require(transaction, Resource(patient_person_id=person_id), what="meetings")
    return await _to_come(transaction, _query().where(Booking.patient_person_id == person_id))


async def of_unit(transaction: Transaction, caller: Caller, hsa_id: str) -> Sequence[MeetingRow]:
    """A unit's meetings to come, and those of the last hours; an entry of the audit log for each of them."""
    unit = await transaction.session.get(Unit, hsa_id)
    caller.require(transaction, None if unit is None else Resource(unit.provider_hsa_id, hsa_id), what="meetings")
    rows = await _to_come(transaction, _query().where(Booking.unit_hsa_id == hsa_id))
    for row in rows:
        caller.require(transaction, resource_of_booking(row.booking), what=f"meeting:{row.booking.meeting_id}")
    return rows


async def _to_come(transaction: Transaction, query: Select[Any]) -> Sequence[MeetingRow]:
    query = (
        query.where(Booking.meeting_id.is_not(None) | Booking.group_meeting_id.is_not(None))
        .where(TimeType.modality == "video")
        .where(Booking.state.in_(_TO_COME), Booking.ends_at > transaction.now - SHOWN_AFTER)
        .order_by(Booking.starts_at, Booking.booking_id)
        .limit(MAX_LISTED)
    )
    return await _rows(transaction, query)


async def _rows(transaction: Transaction, query: Select[Any]) -> list[MeetingRow]:
    """One row for each meeting: the bookings of a group are one."""
    found = (await transaction.session.execute(query)).all()
    guests = await hosts_and_members(transaction, [booking.booking_id for booking, *_ in found])
    rows: dict[str, MeetingRow] = {}
    for booking, unit, person, modality, sequence in found:
        hosts, others = guests[booking.booking_id]
        if booking.group_meeting_id is None:
            row = MeetingRow(booking, unit, person, modality == "video", booking.state, booking.sequence, False)
            rows[booking.booking_id] = replace(row, hosts=frozenset(hosts), members=frozenset(others))
        elif booking.group_meeting_id not in rows:
            patients = frozenset(await members(transaction, booking.group_meeting_id))
            state = BookingState.BOOKED if patients else BookingState.CANCELLED
            row = MeetingRow(booking, unit, person, True, state.value, sequence, True)
            rows[booking.group_meeting_id] = replace(row, hosts=frozenset(hosts), members=patients | others)
        else:
            row = rows[booking.group_meeting_id]
            rows[booking.group_meeting_id] = replace(row, hosts=row.hosts | hosts, members=row.members | others)
    return list(rows.values())
