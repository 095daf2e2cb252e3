"""Use cases of what a unit charges: a list of a period, for invoices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from auth.permissions import Resource
from companion.identity import Caller
from companion.models.bookings import Booking, BookingFee
from companion.models.organisation import Unit
from companion.models.people import Person
from companion.models.schedules import TimeType
from companion.rules.local_time import day_bounds
from companion.store.bookings import resource_of_booking
from companion.transaction import Transaction


@dataclass(frozen=True)
class Charged:
    """A fee, with the visit and the patient."""

    fee: BookingFee
    booking: Booking
    person: Person
    time_type: str


async def of_unit(transaction: Transaction, caller: Caller, hsa_id: str, first: date, last: date) -> Sequence[Charged]:
    """What a unit charged between two local days, both included; an entry of the audit log for each."""
    unit = await transaction.session.get(Unit, hsa_id)
    caller.require(transaction, None if unit is None else Resource(unit.provider_hsa_id, hsa_id), what="fees")
    begins_at, ends_at = day_bounds(first)[0], day_bounds(last)[1]
    query = (
        select(BookingFee, Booking, Person, TimeType.name_sv)
        .join(Booking, Booking.booking_id == BookingFee.booking_id)
        .join(Person, Person.person_id == Booking.patient_person_id)
        .join(TimeType, TimeType.time_type_id == Booking.time_type_id)
        .where(Booking.unit_hsa_id == hsa_id, BookingFee.charged_at >= begins_at, BookingFee.charged_at < ends_at)
        .order_by(BookingFee.charged_at, BookingFee.booking_id)
    )
    rows = [Charged(*row) for row in (await transaction.session.execute(query)).all()]
    for row in rows:
        caller.require(transaction, resource_of_booking(row.booking), what=f"fee:{row.booking.booking_id}")
    return rows
