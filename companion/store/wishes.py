"""Use cases of a patient's wishes: blocks (spärr), their lifting for a time, consents. By the patient, or by staff on
the patient's behalf; and care relations that staff register.

Nobody acts for the patient by proxy here: a guardian cannot block a child's data, and a grant to another adult has no
such scope. Staff see what concerns their own unit and care provider, never where else something is blocked.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, select

from auth.permissions import Resource
from companion.errors import INVALID_REQUEST, NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.access import BlockLifting, RecordBlock, RecordConsent, RegisteredRelation
from companion.models.organisation import CareProvider, Unit
from companion.models.people import Person
from companion.rules.blocks import (
    Period,
    WishOf,
    check_block_wish,
    check_consent_period,
    check_lift,
    check_not_ended,
    check_reason,
    check_until,
)
from companion.rules.local_time import age_on, local_date
from companion.services import new_id
from companion.store.people import locked
from companion.transaction import Transaction

ADULT_AGE: Final = 18


def _is_staff(caller: Caller) -> bool:
    return caller.principal.kind == "staff"


def _resource(caller: Caller, provider: str | None, unit: str | None, patient: str) -> Resource:
    """What belongs to a whole care provider is handled in each of its units."""
    return Resource(provider, unit or caller.principal.unit_hsa_id, patient)


async def _patient(transaction: Transaction, caller: Caller, resource: Resource, what: str) -> Person:
    """The patient, with whom nobody else does anything of this kind; for whom may."""
    assert resource.patient_person_id is not None
    person = await locked(transaction, resource.patient_person_id)
    caller.require(transaction, None if person is None else resource, what=what)
    assert person is not None
    return person


async def _check_place(transaction: Transaction, provider_hsa_id: str, unit_hsa_id: str | None) -> None:
    if await transaction.session.get(CareProvider, provider_hsa_id) is None:
        raise Problem(NOT_FOUND, "provider_hsa_id")
    if unit_hsa_id is None:
        return
    unit = await transaction.session.get(Unit, unit_hsa_id)
    if unit is None or unit.provider_hsa_id != provider_hsa_id:
        raise Problem(NOT_FOUND, "unit_hsa_id")


# --- blocks ------------------------------------------------------------------------------------------------------


async def block(
    transaction: Transaction,
    caller: Caller,
    patient_person_id: str,
    provider_hsa_id: str,
    unit_hsa_id: str | None,
    *,
    wish_of: WishOf,
    reason_text: str,
) -> RecordBlock:
    """Set a block. One that stands already is not set twice."""
    where = unit_hsa_id or provider_hsa_id
    resource = _resource(caller, provider_hsa_id, unit_hsa_id, patient_person_id)
    await _patient(transaction, caller, resource, f"block:{where}")
    if _is_staff(caller):
        check_block_wish(wish_of)
        check_reason(reason_text)
    await _check_place(transaction, provider_hsa_id, unit_hsa_id)
    query = select(RecordBlock).where(
        RecordBlock.patient_person_id == patient_person_id,
        RecordBlock.provider_hsa_id == provider_hsa_id,
        RecordBlock.unit_hsa_id.is_(None) if unit_hsa_id is None else RecordBlock.unit_hsa_id == unit_hsa_id,
        RecordBlock.lifted_at.is_(None),
    )
    known = (await transaction.session.scalars(query)).first()
    if known is not None:
        return known
    row = RecordBlock(
        block_id=new_id("bl"),
        patient_person_id=patient_person_id,
        provider_hsa_id=provider_hsa_id,
        unit_hsa_id=unit_hsa_id,
        since=transaction.now,
        set_by=caller.principal.actor,
        reason_text=reason_text.strip() if _is_staff(caller) else "",
        lift_reason_text="",
    )
    transaction.session.add(row)
    return row


async def lift(transaction: Transaction, caller: Caller, block_id: str, reason_text: str) -> RecordBlock:
    """Lift a block for good."""
    row = await transaction.session.get(RecordBlock, block_id, with_for_update=True)
    resource = None
    if row is not None:
        resource = _resource(caller, row.provider_hsa_id, row.unit_hsa_id, row.patient_person_id)
    caller.require(transaction, resource, what=f"block:{block_id}")
    assert row is not None
    check_lift(row.lifted_at)
    if _is_staff(caller):
        check_reason(reason_text)
        row.lift_reason_text = reason_text.strip()
    row.lifted_at, row.lifted_by = transaction.now, caller.principal.actor
    return row


async def lift_for_a_time(
    transaction: Transaction, caller: Caller, patient_person_id: str, unit_hsa_id: str, ends_at: datetime
) -> BlockLifting:
    """One unit reads what is blocked, with the patient's consent and until an instant."""
    unit = await transaction.session.get(Unit, unit_hsa_id)
    provider = None if unit is None else unit.provider_hsa_id
    resource = Resource(provider, unit_hsa_id, patient_person_id)
    await _patient(transaction, caller, resource, f"block_lifting:{unit_hsa_id}")
    if unit is None:
        raise Problem(NOT_FOUND, "unit_hsa_id")
    check_until(ends_at, transaction.now, timedelta(hours=caller.services.settings.block_lifting_max_h))
    row = BlockLifting(
        lifting_id=new_id("li"),
        patient_person_id=patient_person_id,
        provider_hsa_id=unit.provider_hsa_id,
        unit_hsa_id=unit_hsa_id,
        begins_at=transaction.now,
        ends_at=ends_at,
        recorded_by=caller.principal.actor,
    )
    transaction.session.add(row)
    return row


async def end_lifting(transaction: Transaction, caller: Caller, lifting_id: str) -> BlockLifting:
    """The blocks hold for that unit again."""
    row = await transaction.session.get(BlockLifting, lifting_id, with_for_update=True)
    resource = None if row is None else Resource(row.provider_hsa_id, row.unit_hsa_id, row.patient_person_id)
    caller.require(transaction, resource, what=f"block_lifting:{lifting_id}")
    assert row is not None
    check_not_ended(row.ended_at)
    row.ended_at, row.ended_by = transaction.now, caller.principal.actor
    return row


# --- consents ----------------------------------------------------------------------------------------------------


async def consent(
    transaction: Transaction,
    caller: Caller,
    patient_person_id: str,
    provider_hsa_id: str,
    begins_at: datetime | None,
    ends_at: datetime,
    given_by: WishOf,
) -> RecordConsent:
    """A care provider may read what others have written, for a time. Staff record what was said to them."""
    resource = _resource(caller, provider_hsa_id, None, patient_person_id)
    person = await _patient(transaction, caller, resource, f"consent:{provider_hsa_id}")
    await _check_place(transaction, provider_hsa_id, None)
    period = Period(begins_at or transaction.now, ends_at)
    check_consent_period(period, transaction.now, caller.services.settings.consent_max_days)
    if given_by == "guardian" and not (_is_staff(caller) and _is_minor(transaction, person)):
        raise Problem(INVALID_REQUEST, "given_by")
    row = RecordConsent(
        consent_id=new_id("co"),
        patient_person_id=patient_person_id,
        provider_hsa_id=provider_hsa_id,
        begins_at=period.begins_at,
        ends_at=period.ends_at,
        given_by=given_by,
        recorded_by=caller.principal.actor,
        recorded_at=transaction.now,
    )
    transaction.session.add(row)
    return row


def _is_minor(transaction: Transaction, person: Person) -> bool:
    today = local_date(transaction.now)
    return person.birth_date is not None and age_on(person.birth_date, today) < ADULT_AGE


async def withdraw(transaction: Transaction, caller: Caller, consent_id: str) -> RecordConsent:
    """It counts no more."""
    row = await transaction.session.get(RecordConsent, consent_id, with_for_update=True)
    resource = None if row is None else _resource(caller, row.provider_hsa_id, None, row.patient_person_id)
    caller.require(transaction, resource, what=f"consent:{consent_id}")
    assert row is not None
    check_not_ended(row.withdrawn_at)
    row.withdrawn_at, row.withdrawn_by = transaction.now, caller.principal.actor
    return row


# --- care relations ----------------------------------------------------------------------------------------------


async def register_relation(
    transaction: Transaction, caller: Caller, patient_person_id: str, ends_at: datetime, reason_text: str
) -> RegisteredRelation:
    """The caller's unit treats the patient although nothing that is stored says so (acute care, a referral by
    telephone).
    """
    principal = caller.principal
    resource = Resource(principal.provider_hsa_id, principal.unit_hsa_id, patient_person_id)
    await _patient(transaction, caller, resource, "care_relation")
    check_reason(reason_text)
    check_until(ends_at, transaction.now, timedelta(days=caller.services.settings.care_relation_max_days))
    row = RegisteredRelation(
        relation_id=new_id("cr"),
        patient_person_id=patient_person_id,
        provider_hsa_id=principal.provider_hsa_id,
        unit_hsa_id=principal.unit_hsa_id,
        begins_at=transaction.now,
        ends_at=ends_at,
        reason_text=reason_text.strip(),
        registered_by=principal.actor,
    )
    transaction.session.add(row)
    return row


async def end_relation(transaction: Transaction, caller: Caller, relation_id: str) -> RegisteredRelation:
    """The unit treats the patient no more."""
    row = await transaction.session.get(RegisteredRelation, relation_id, with_for_update=True)
    resource = None if row is None else Resource(row.provider_hsa_id, row.unit_hsa_id, row.patient_person_id)
    caller.require(transaction, resource, what=f"care_relation:{relation_id}")
    assert row is not None
    check_not_ended(row.ended_at)
    row.ended_at, row.ended_by = transaction.now, caller.principal.actor
    return row


# --- what there is -----------------------------------------------------------------------------------------------


async def listed(
    transaction: Transaction, caller: Caller, patient_person_id: str
) -> tuple[list[RecordBlock], list[BlockLifting], list[RecordConsent], list[RegisteredRelation]]:
    """All of one's own, newest first; for staff what concerns their unit and care provider."""
    principal, session = caller.principal, transaction.session
    provider, unit = principal.provider_hsa_id, principal.unit_hsa_id
    person = await session.get(Person, patient_person_id)
    resource = None if person is None else Resource(provider, unit, patient_person_id)
    caller.require(transaction, resource, what="record_access")
    blocks = select(RecordBlock).where(RecordBlock.patient_person_id == patient_person_id)
    liftings = select(BlockLifting).where(BlockLifting.patient_person_id == patient_person_id)
    consents = select(RecordConsent).where(RecordConsent.patient_person_id == patient_person_id)
    relations = select(RegisteredRelation).where(RegisteredRelation.patient_person_id == patient_person_id)
    if _is_staff(caller):
        of_unit = or_(RecordBlock.unit_hsa_id.is_(None), RecordBlock.unit_hsa_id == unit)
        blocks = blocks.where(RecordBlock.provider_hsa_id == provider, of_unit)
        liftings = liftings.where(BlockLifting.unit_hsa_id == unit)
        consents = consents.where(RecordConsent.provider_hsa_id == provider)
        relations = relations.where(RegisteredRelation.unit_hsa_id == unit)
    return (
        list((await session.scalars(blocks.order_by(RecordBlock.since.desc()))).all()),
        list((await session.scalars(liftings.order_by(BlockLifting.begins_at.desc()))).all()),
        list((await session.scalars(consents.order_by(RecordConsent.recorded_at.desc()))).all()),
        list((await session.scalars(relations.order_by(RegisteredRelation.begins_at.desc()))).all()),
    )
