"""Use cases of the maternity clinics: where they are, their places by due week, and who was placed there."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from auth.permissions import Resource
from companion.errors import NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.maternity import AreaPosition, MaternityCapacity, Pregnancy, UnitPosition
from companion.models.organisation import CareProvider, Unit
from companion.models.people import Person
from companion.rules.distances import Position, Site
from companion.rules.maternity import PregnancyState, check_week
from companion.store.organisation import note_change, own_unit, resource_of_unit
from companion.transaction import Transaction

MATERNITY = "maternity"
"""The kind of a unit that is a clinic to wish for."""


@dataclass(frozen=True)
class WeekCount:
    """A due week of a clinic."""

    week: str
    places: int
    allotted: int


async def clinics_of(transaction: Transaction, provider_hsa_id: str) -> Sequence[Unit]:
    """The clinics of a region, by name."""
    query = select(Unit).where(Unit.provider_hsa_id == provider_hsa_id, Unit.kind == MATERNITY, Unit.is_active)
    return (await transaction.session.scalars(query.order_by(Unit.name, Unit.hsa_id))).all()


async def lock_region(transaction: Transaction, provider_hsa_id: str) -> None:
    """Whoever gives places in a region does it alone until the commit. Rows that name the provider are not held up."""
    query = select(CareProvider.hsa_id).where(CareProvider.hsa_id == provider_hsa_id)
    await transaction.session.execute(query.with_for_update(key_share=True))


# --- where -------------------------------------------------------------------------------------------------------


async def sites_of(transaction: Transaction, provider_hsa_id: str) -> list[Site]:
    """The clinics of a region with their positions."""
    query = select(Unit, UnitPosition).outerjoin(UnitPosition, UnitPosition.unit_hsa_id == Unit.hsa_id)
    query = query.where(Unit.provider_hsa_id == provider_hsa_id, Unit.kind == MATERNITY, Unit.is_active)
    rows = (await transaction.session.execute(query)).all()
    return [Site(unit.hsa_id, unit.name, _position(found)) for unit, found in rows]


async def home_of(transaction: Transaction, row: Pregnancy, person: Person) -> Position | None:
    """From where the nearest is measured: the area where the patient lives, or else the midwife's unit."""
    if person.area is not None:
        area = await transaction.session.get(AreaPosition, (row.provider_hsa_id, person.area))
        if area is not None:
            return _position(area)
    return _position(await transaction.session.get(UnitPosition, row.unit_hsa_id))


def _position(found: UnitPosition | AreaPosition | None) -> Position | None:
    return None if found is None else Position(found.latitude, found.longitude)


async def place_unit(transaction: Transaction, caller: Caller, hsa_id: str, position: Position) -> None:
    """Where a unit is."""
    await own_unit(transaction, caller, hsa_id)
    row = await transaction.session.get(UnitPosition, hsa_id, with_for_update=True)
    if row is None:
        row = UnitPosition(unit_hsa_id=hsa_id)
        transaction.session.add(row)
    row.latitude, row.longitude = position.latitude, position.longitude
    note_change(transaction, caller, hsa_id, "position set", {})


async def place_area(transaction: Transaction, caller: Caller, area: str, position: Position) -> None:
    """Where the middle of an area is, for the caller's whole region."""
    principal = caller.principal
    caller.require(transaction, Resource(provider_hsa_id=principal.provider_hsa_id))
    assert principal.provider_hsa_id is not None
    await lock_region(transaction, principal.provider_hsa_id)
    row = await transaction.session.get(AreaPosition, (principal.provider_hsa_id, area))
    if row is None:
        row = AreaPosition(provider_hsa_id=principal.provider_hsa_id, area=area)
        transaction.session.add(row)
    row.latitude, row.longitude = position.latitude, position.longitude
    note_change(transaction, caller, principal.unit_hsa_id or "", "area position set", {"area": area})


# --- how many ----------------------------------------------------------------------------------------------------


async def allotted(transaction: Transaction, clinics: Sequence[str]) -> dict[tuple[str, str], int]:
    """Places that are given, by clinic and week."""
    query = (
        select(Pregnancy.clinic_hsa_id, Pregnancy.week, func.count())
        .where(Pregnancy.clinic_hsa_id.in_(clinics), Pregnancy.state == PregnancyState.ALLOCATED.value)
        .group_by(Pregnancy.clinic_hsa_id, Pregnancy.week)
    )
    return {(str(clinic), str(week)): count for clinic, week, count in (await transaction.session.execute(query)).all()}


async def places(transaction: Transaction, clinics: Sequence[str]) -> dict[tuple[str, str], int]:
    """Places that there are, by clinic and week."""
    query = select(MaternityCapacity).where(MaternityCapacity.unit_hsa_id.in_(clinics))
    return {(row.unit_hsa_id, row.week): row.places for row in (await transaction.session.scalars(query)).all()}


async def places_left(transaction: Transaction, clinics: Sequence[str]) -> dict[tuple[str, str], int]:
    """Places that are free. Call it with the region locked: then it stays true until the commit."""
    taken = await allotted(transaction, clinics)
    return {key: number - taken.get(key, 0) for key, number in (await places(transaction, clinics)).items()}


async def _clinic(transaction: Transaction, caller: Caller, hsa_id: str) -> Unit:
    clinic = await own_unit(transaction, caller, hsa_id)
    if clinic.kind != MATERNITY:
        raise Problem(NOT_FOUND)
    return clinic


async def weeks_of(transaction: Transaction, caller: Caller, hsa_id: str, first: str) -> list[WeekCount]:
    """Places and how many are given, from a week on."""
    check_week(first)
    await _clinic(transaction, caller, hsa_id)
    there, taken = await places(transaction, [hsa_id]), await allotted(transaction, [hsa_id])
    weeks = sorted({week for _, week in (*there, *taken) if week >= first})
    return [WeekCount(week, there.get((hsa_id, week), 0), taken.get((hsa_id, week), 0)) for week in weeks]


async def set_places(transaction: Transaction, caller: Caller, hsa_id: str, week: str, number: int) -> WeekCount:
    """Other places in a week. What was given stays given, however few they become."""
    check_week(week)
    clinic = await _clinic(transaction, caller, hsa_id)
    await lock_region(transaction, clinic.provider_hsa_id)
    row = await transaction.session.get(MaternityCapacity, (hsa_id, week))
    if row is None:
        row = MaternityCapacity(unit_hsa_id=hsa_id, week=week)
        transaction.session.add(row)
    row.places, row.changed_by, row.changed_at = number, caller.principal.actor, transaction.now
    note_change(transaction, caller, hsa_id, "maternity places set", {"week": week, "places": number})
    await transaction.session.flush()
    return WeekCount(week, number, (await allotted(transaction, [hsa_id])).get((hsa_id, week), 0))


async def allotments(
    transaction: Transaction, caller: Caller, hsa_id: str, week: str
) -> tuple[WeekCount, Sequence[tuple[Pregnancy, Person]]]:
    """Who is to give birth at a clinic in a due week, each with an audit entry."""
    check_week(week)
    clinic = await transaction.session.get(Unit, hsa_id)
    caller.require(transaction, None if clinic is None else resource_of_unit(clinic), what=f"allotments:{week}")
    assert clinic is not None
    if clinic.kind != MATERNITY:
        raise Problem(NOT_FOUND)
    query = (
        select(Pregnancy, Person)
        .join(Person)
        .where(
            Pregnancy.clinic_hsa_id == hsa_id,
            Pregnancy.week == week,
            Pregnancy.state == PregnancyState.ALLOCATED.value,
        )
        .order_by(Pregnancy.due_date, Pregnancy.pregnancy_id)
    )
    rows = [(row, person) for row, person in (await transaction.session.execute(query)).all()]
    for row, _ in rows:
        resource = Resource(clinic.provider_hsa_id, clinic.hsa_id, row.patient_person_id)
        caller.require(transaction, resource, what=f"pregnancy:{row.pregnancy_id}")
    number = (await places(transaction, [hsa_id])).get((hsa_id, week), 0)
    return WeekCount(week, number, len(rows)), rows
