"""Use cases of vaccination: what a time type gives, the doses that were given, the gate before a booking."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import delete, select

from auth.permissions import Resource
from companion.errors import CONFLICT, INVALID_REQUEST, NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.bookings import Booking
from companion.models.declarations import GivenDose, TimeTypeVaccine
from companion.models.schedules import TimeType
from companion.rules.blocks import Place
from companion.rules.bookings import Gate
from companion.rules.local_time import local_date
from companion.rules.vaccination import Dose, Part, check_given, check_visit, doses_of
from companion.services import new_id
from companion.store.access import sifted
from companion.store.organisation import note_change
from companion.store.people import locked
from companion.transaction import Transaction


async def set_parts(transaction: Transaction, caller: Caller, time_type_id: str, parts: Sequence[Part]) -> None:
    """Which vaccines a time type gives, in the place of what it gave before."""
    time_type = await transaction.session.get(TimeType, time_type_id)
    resource = None
    if time_type is not None:
        resource = Resource(provider_hsa_id=time_type.provider_hsa_id, unit_hsa_id=time_type.unit_hsa_id)
    caller.require(transaction, resource)
    if len({part.vaccine for part in parts}) != len(parts):
        raise Problem(INVALID_REQUEST, "vaccines")
    session = transaction.session
    await session.execute(delete(TimeTypeVaccine).where(TimeTypeVaccine.time_type_id == time_type_id))
    session.add_all(TimeTypeVaccine(time_type_id=time_type_id, **vars(part)) for part in parts)
    unit = caller.principal.unit_hsa_id
    if unit is not None:
        names = [part.vaccine for part in parts]
        note_change(transaction, caller, unit, "vaccines of a time type", {"time_type": time_type_id, "are": names})


async def known_parts(transaction: Transaction, time_type_id: str) -> list[Part]:
    """The same of a time type that there is; 404 when there is none."""
    if await transaction.session.get(TimeType, time_type_id) is None:
        raise Problem(NOT_FOUND)
    return await parts_of(transaction, time_type_id)


async def parts_of(transaction: Transaction, time_type_id: str) -> list[Part]:
    """Which vaccines a time type gives."""
    query = (
        select(TimeTypeVaccine).where(TimeTypeVaccine.time_type_id == time_type_id).order_by(TimeTypeVaccine.vaccine)
    )
    rows = (await transaction.session.scalars(query)).all()
    return [Part(row.vaccine, row.dose_number, row.min_interval_days) for row in rows]


async def check_before_booking(
    transaction: Transaction, person_id: str, time_type_id: str, day: date, *, moving: str | None = None
) -> None:
    """The doses' order and interval on every path to a booking; the time type's own gate is asked beside it.

    Doses that are booked count as given on their day: the second can be booked with the first.
    """
    parts = await parts_of(transaction, time_type_id)
    if not parts:
        return
    given = await _given(transaction, person_id)
    query = (
        select(Booking.booking_id, Booking.starts_at, TimeTypeVaccine.vaccine)
        .join(TimeTypeVaccine, TimeTypeVaccine.time_type_id == Booking.time_type_id)
        .where(Booking.patient_person_id == person_id, Booking.state.in_(("booked", "arrived")))
    )
    booked = [
        Dose(vaccine, local_date(starts_at))
        for booking_id, starts_at, vaccine in (await transaction.session.execute(query)).all()
        if booking_id != moving
    ]
    doses = {*given, *booked}
    check_visit(Gate(), parts, sorted(doses, key=lambda dose: dose.given_on), day=day, birth_date=None)


async def give_dose(
    transaction: Transaction, caller: Caller, booking_id: str, vaccine: str, batch: str, given_on: date | None
) -> GivenDose:
    """Write down that a dose of the visit was given."""
    booking = await _own_booking(transaction, caller, booking_id)
    await locked(transaction, booking.patient_person_id)
    today = local_date(transaction.now)
    dose = Dose(vaccine, given_on or today)
    if vaccine not in {part.vaccine for part in await parts_of(transaction, booking.time_type_id)}:
        raise Problem(INVALID_REQUEST, "vaccine", "not one of this visit")
    if booking.state not in ("booked", "arrived", "fulfilled"):
        raise Problem(CONFLICT, detail=f"booking in state {booking.state}")
    check_given(dose, doses_of(vaccine, await _given(transaction, booking.patient_person_id)), today)
    row = GivenDose(
        dose_id=new_id("do"),
        patient_person_id=booking.patient_person_id,
        booking_id=booking_id,
        vaccine=vaccine,
        given_on=dose.given_on,
        batch=batch,
        given_by=caller.principal.actor,
        recorded_at=transaction.now,
    )
    transaction.session.add(row)
    return row


async def own_doses(transaction: Transaction, caller: Caller, person_id: str) -> Sequence[GivenDose]:
    """The patient's vaccinations."""
    caller.require(transaction, Resource(patient_person_id=person_id), what="doses")
    return await _rows(transaction, person_id)


async def doses_at_visit(transaction: Transaction, caller: Caller, booking_id: str) -> tuple[Sequence[GivenDose], bool]:
    """What the vaccinator reads: the own unit's, and others' as far as they are open; and whether some are withheld.
    Order and interval are held against all of them all the same.
    """
    booking = await _own_booking(transaction, caller, booking_id)
    query = (
        select(GivenDose, Booking.provider_hsa_id, Booking.unit_hsa_id)
        .join(Booking, Booking.booking_id == GivenDose.booking_id)
        .where(GivenDose.patient_person_id == booking.patient_person_id)
        .order_by(GivenDose.given_on, GivenDose.vaccine)
    )
    rows = [(row, Place(provider, unit)) for row, provider, unit in (await transaction.session.execute(query)).all()]
    seen, is_withheld = await sifted(
        transaction, caller, booking.patient_person_id, rows, lambda row_and_place: row_and_place[1]
    )
    return [row for row, _ in seen], is_withheld


async def _rows(transaction: Transaction, person_id: str) -> Sequence[GivenDose]:
    query = select(GivenDose).where(GivenDose.patient_person_id == person_id)
    return (await transaction.session.scalars(query.order_by(GivenDose.given_on, GivenDose.vaccine))).all()


async def _given(transaction: Transaction, person_id: str) -> list[Dose]:
    return [Dose(row.vaccine, row.given_on) for row in await _rows(transaction, person_id)]


async def _own_booking(transaction: Transaction, caller: Caller, booking_id: str) -> Booking:
    booking = await transaction.session.get(Booking, booking_id)
    resource = None
    if booking is not None:
        resource = Resource(booking.provider_hsa_id, booking.unit_hsa_id, booking.patient_person_id)
    caller.require(transaction, resource, what=f"booking:{booking_id}")
    assert booking is not None
    return booking
