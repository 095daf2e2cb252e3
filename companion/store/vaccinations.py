"""Use cases of vaccination: what a time type gives, the doses that were given, the gate before a booking."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from sqlalchemy import delete, select

from auth.permissions import Resource
from companion.errors import CONFLICT, INVALID_REQUEST, NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.bookings import Booking
from companion.models.declarations import GivenDose, TimeTypeVaccine
from companion.models.people import Person
from companion.models.schedules import Slot, TimeType
from companion.rules.blocks import Place
from companion.rules.bookings import check_age
from companion.rules.dose_series import Visit, problem_of
from companion.rules.local_time import local_date
from companion.rules.vaccination import Dose, Part, check_given
from companion.services import new_id
from companion.store.access import sifted
from companion.store.dose_series import parts_of, series_of, visit_of
from companion.store.organisation import note_change
from companion.store.people import locked
from companion.store.schedules import gate_of
from companion.transaction import Transaction


async def set_parts(transaction: Transaction, caller: Caller, time_type_id: str, parts: Sequence[Part]) -> None:
    """Which vaccines a time type gives, in the place of what it gave before."""
    time_type = await transaction.session.get(TimeType, time_type_id)
    resource = None
    if time_type is not None:
        resource = Resource(provider_hsa_id=time_type.provider_hsa_id, unit_hsa_id=time_type.unit_hsa_id)
    caller.require(transaction, resource)
    assert time_type is not None
    if len({part.vaccine for part in parts}) != len(parts):
        raise Problem(INVALID_REQUEST, "vaccines")
    session = transaction.session
    await session.execute(delete(TimeTypeVaccine).where(TimeTypeVaccine.time_type_id == time_type_id))
    time_type.is_dose = time_type.is_dose or bool(parts)
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


async def give_dose(
    transaction: Transaction, caller: Caller, booking_id: str, vaccine: str, batch: str, given_on: date | None
) -> tuple[GivenDose, list[str]]:
    """Write down that a dose of the visit was given; and which booked doses are too near to it, or without their turn
    now, for somebody to move.

    One given before the day of the visit was given elsewhere: it counts from now on, and is held against nothing.
    """
    booking = await _own_booking(transaction, caller, booking_id)
    person = await locked(transaction, booking.patient_person_id)
    assert person is not None
    dose = Dose(vaccine, given_on or local_date(transaction.now))
    part = next((one for one in await parts_of(transaction, booking.time_type_id) if one.vaccine == vaccine), None)
    if part is None:
        raise Problem(INVALID_REQUEST, "vaccine", "not one of this visit")
    if booking.state not in ("booked", "arrived", "fulfilled"):
        raise Problem(CONFLICT, detail=f"booking in state {booking.state}")
    before = await series_of(transaction, person.person_id)
    facts = [one for one in before if one.is_given]
    check_given(dose, (one.day for one in facts if vaccine in one.vaccines), local_date(transaction.now))
    if dose.given_on >= local_date(booking.starts_at):
        await _check_turn(transaction, booking, person, part, dose.given_on, facts)
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
    await transaction.session.flush()
    after = await series_of(transaction, person.person_id)
    was = {one.booking_id for one in before if problem_of(one, before)}
    now = {one.booking_id for one in after if one.booking_id is not None and problem_of(one, after)}
    return row, sorted(one for one in now - was if one is not None and one != booking_id)


async def _check_turn(
    transaction: Transaction, booking: Booking, person: Person, part: Part, day: date, facts: list[Visit]
) -> None:
    """The vaccinator meets the gates as well: age, number, and days since what was given."""
    time_type = await transaction.session.get_one(TimeType, booking.time_type_id)
    slot = await transaction.session.get_one(Slot, booking.slot_id)
    check_age(gate_of(time_type), day, person.birth_date)
    visit = replace(visit_of(slot, time_type, (part,), booking.booking_id), day=day)
    problem = problem_of(visit, [*facts, visit])
    if problem is not None:
        raise problem


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


async def _own_booking(transaction: Transaction, caller: Caller, booking_id: str) -> Booking:
    booking = await transaction.session.get(Booking, booking_id)
    resource = None
    if booking is not None:
        resource = Resource(booking.provider_hsa_id, booking.unit_hsa_id, booking.patient_person_id)
    caller.require(transaction, resource, what=f"booking:{booking_id}")
    assert booking is not None
    return booking
