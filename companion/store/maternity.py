"""Use cases of the maternity-clinic wish: registered, wished for, revised, excluded, ended - in silence.

What the patient is told of goes through ``tell``. Its keys begin with the pregnancy's id, so that ``end`` finds
everything that has not left yet and takes it back in the same transaction.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import delete, select

from auth.permissions import Resource
from companion.errors import NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.maternity import MaternityExclusion, Pregnancy
from companion.models.organisation import Unit
from companion.models.outbox import OutboxRow
from companion.models.people import Person
from companion.rules.maternity import (
    PREGNANCY_KNOWN,
    PREGNANCY_STATE,
    SILENT,
    WISH_CHOICES,
    PregnancyEvent,
    PregnancyState,
    after,
    check_due_date,
    check_override,
    check_wish,
    wish_closes_at,
)
from companion.services import new_id
from companion.store.maternity_clinics import clinics_of
from companion.store.people import locked
from companion.transaction import Transaction

_MAX_LISTED = 500


def resource_of(row: Pregnancy) -> Resource:
    """For permissions: the midwife's unit and the patient."""
    return Resource(row.provider_hsa_id, row.unit_hsa_id, row.patient_person_id)


def _prefix(pregnancy_id: str) -> str:
    return f"maternity:{pregnancy_id}:"


def tell(transaction: Transaction, row: Pregnancy, person: Person, what: str, by: str = "") -> None:
    """An event for the patient's notice. Nobody with a protected identity gets one; they see it where they log in.

    ``by``: the id of the decision that it tells of, when there can be several.
    """
    if PregnancyState(row.state) in SILENT or person.is_protected:
        return
    transaction.publish(
        f"maternity.{what}",
        f"{_prefix(row.pregnancy_id)}{what}:{by}",
        pregnancy=row.pregnancy_id,
        patient=row.patient_person_id,
        unit=row.unit_hsa_id,
    )


def step(row: Pregnancy, event: PregnancyEvent) -> None:
    """Into the next state, or a ``Problem``."""
    row.state = after(PregnancyState(row.state), event)


async def own(transaction: Transaction, caller: Caller, pregnancy_id: str) -> Pregnancy:
    """A pregnancy that the caller may touch, locked. One that has ended is not there for the patient any more."""
    query = select(Pregnancy).where(Pregnancy.pregnancy_id == pregnancy_id).with_for_update()
    row = await transaction.session.scalar(query.execution_options(populate_existing=True))
    is_hidden = row is None or (row.state in SILENT and caller.principal.kind == "patient")
    resource = None if row is None or is_hidden else resource_of(row)
    caller.require(transaction, resource, what=f"pregnancy:{pregnancy_id}")
    assert row is not None
    return row


# --- the midwife's unit ------------------------------------------------------------------------------------------


async def register(transaction: Transaction, caller: Caller, patient_person_id: str, due_date: date) -> Pregnancy:
    """A pregnancy of the caller's unit; it opens a wish."""
    principal = caller.principal
    unit = await transaction.session.get(Unit, principal.unit_hsa_id or "")
    person = await locked(transaction, patient_person_id)
    resource = None
    if unit is not None and person is not None:
        resource = Resource(unit.provider_hsa_id, unit.hsa_id, patient_person_id)
    row = Pregnancy(pregnancy_id=new_id("pg"))
    caller.require(transaction, resource, what=f"pregnancy:{row.pregnancy_id}")
    assert unit is not None
    assert person is not None
    check_due_date(due_date, transaction.now)
    known = select(Pregnancy.pregnancy_id).where(
        Pregnancy.patient_person_id == patient_person_id,
        Pregnancy.provider_hsa_id == unit.provider_hsa_id,
        Pregnancy.state.not_in(SILENT),
    )
    if await transaction.session.scalar(known.limit(1)) is not None:
        raise Problem(PREGNANCY_KNOWN, "patient_person_id")
    row.provider_hsa_id, row.unit_hsa_id, row.patient_person_id = unit.provider_hsa_id, unit.hsa_id, patient_person_id
    row.due_date, row.closes_at, row.state = due_date, wish_closes_at(due_date), PregnancyState.OPEN
    row.registered_by, row.registered_at = principal.actor, transaction.now
    row.choices, row.refused = [], []
    transaction.session.add(row)
    await transaction.session.flush()
    if row.closes_at > transaction.now:
        tell(transaction, row, person, "opened")
    return row


async def revise(transaction: Transaction, caller: Caller, pregnancy_id: str, due_date: date) -> Pregnancy:
    """Another due date: another deadline, until the place is given."""
    row = await own(transaction, caller, pregnancy_id)
    step(row, "revise")
    check_due_date(due_date, transaction.now)
    row.due_date, row.closes_at = due_date, wish_closes_at(due_date)
    return row


async def end(transaction: Transaction, caller: Caller, pregnancy_id: str) -> Pregnancy:
    """Loss, move, transfer or birth. Nobody hears of this pregnancy again; its place is free."""
    row = await own(transaction, caller, pregnancy_id)
    step(row, "end")
    row.ended_at, row.ended_by = transaction.now, caller.principal.actor
    unsent = delete(OutboxRow).where(
        OutboxRow.delivered_at.is_(None), OutboxRow.key.startswith(_prefix(pregnancy_id), autoescape=True)
    )
    await transaction.session.execute(unsent)
    return row


async def exclude(
    transaction: Transaction, caller: Caller, pregnancy_id: str, clinic: str, reason: str
) -> MaternityExclusion:
    """A clinic cannot take the patient. Before the allocation it will not; a place that was given stays as it is."""
    row = await own(transaction, caller, pregnancy_id)
    check_override(reason)
    await _check_living(transaction, row, clinic)
    known = await transaction.session.get(MaternityExclusion, (pregnancy_id, clinic))
    found = known or MaternityExclusion(pregnancy_id=pregnancy_id, clinic_hsa_id=clinic)
    found.reason, found.decided_by, found.decided_at = reason.strip(), caller.principal.actor, transaction.now
    if known is None:
        transaction.session.add(found)
    return found


async def include(transaction: Transaction, caller: Caller, pregnancy_id: str, clinic: str) -> None:
    """The clinic can take the patient after all."""
    await own(transaction, caller, pregnancy_id)
    found = await transaction.session.get(MaternityExclusion, (pregnancy_id, clinic))
    if found is None:
        raise Problem(NOT_FOUND)
    await transaction.session.delete(found)


async def exclusions_of(transaction: Transaction, pregnancy_id: str) -> Sequence[MaternityExclusion]:
    """The clinics that cannot take the patient."""
    query = select(MaternityExclusion).where(MaternityExclusion.pregnancy_id == pregnancy_id)
    return (await transaction.session.scalars(query.order_by(MaternityExclusion.clinic_hsa_id))).all()


async def _check_living(transaction: Transaction, row: Pregnancy, clinic: str) -> None:
    if PregnancyState(row.state) in SILENT:
        raise Problem(PREGNANCY_STATE)
    if clinic not in {unit.hsa_id for unit in await clinics_of(transaction, row.provider_hsa_id)}:
        raise Problem(WISH_CHOICES, "clinic_hsa_id")


# --- the wish ----------------------------------------------------------------------------------------------------


async def wish(transaction: Transaction, caller: Caller, pregnancy_id: str, choices: Sequence[str]) -> Pregnancy:
    """What is wished for now, in place of what was; by the patient, or by the unit for one without e-ID."""
    row = await own(transaction, caller, pregnancy_id)
    step(row, "wish")
    clinics = [unit.hsa_id for unit in await clinics_of(transaction, row.provider_hsa_id)]
    check_wish(choices, clinics, due_date=row.due_date, now=transaction.now)
    row.choices, row.wished_at, row.wished_by = list(choices), transaction.now, caller.principal.actor
    return row


async def listed(transaction: Transaction, caller: Caller) -> Sequence[tuple[Pregnancy, Person]]:
    """One's own, or those of the caller's unit with an audit entry for each; ended ones are left out."""
    principal = caller.principal
    query = select(Pregnancy, Person).join(Person).where(Pregnancy.state.not_in(SILENT))
    query = query.order_by(Pregnancy.due_date, Pregnancy.pregnancy_id).limit(_MAX_LISTED)
    if principal.kind == "patient":
        caller.require(transaction, Resource(patient_person_id=principal.subject), what="pregnancies")
        query = query.where(Pregnancy.patient_person_id == principal.subject)
        return [(row, person) for row, person in (await transaction.session.execute(query)).all()]
    caller.require(transaction, Resource(principal.provider_hsa_id, principal.unit_hsa_id), what="pregnancies")
    query = query.where(
        Pregnancy.provider_hsa_id == principal.provider_hsa_id, Pregnancy.unit_hsa_id == principal.unit_hsa_id
    )
    rows = [(row, person) for row, person in (await transaction.session.execute(query)).all()]
    for row, _ in rows:
        caller.require(transaction, resource_of(row), what=f"pregnancy:{row.pregnancy_id}")
    return rows
