"""Corrections: a patient asks, the unit that wrote the entry decides, and both see both."""

from collections.abc import Sequence

from sqlalchemy import select

from auth.permissions import Resource
from companion.errors import INVALID_REQUEST, NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.archive import ArchivedEvent
from companion.models.records import Correction
from companion.rules.corrections import CorrectionState, Decision, after, check_decision
from companion.services import new_id
from companion.store.listing import own_or_units
from companion.store.record_sources import SOURCES
from companion.transaction import Transaction


def resource_of(row: Correction) -> Resource:
    """For permissions: a patient's wish at a unit."""
    return Resource(row.provider_hsa_id, row.unit_hsa_id, row.patient_person_id)


async def ask(
    transaction: Transaction, caller: Caller, entry_kind: str, entry_id: str, entry_part: int | None, wish: str
) -> Correction:
    """Ask that an entry of one's own records be corrected."""
    patient = caller.principal.subject
    caller.require(transaction, Resource(patient_person_id=patient), what=f"correction:{entry_kind}:{entry_id}")
    load = SOURCES.get(entry_kind)
    if load is None:
        raise Problem(INVALID_REQUEST, "entry_kind", "unknown")
    assert patient is not None
    found = next((one for one in await load(transaction, patient) if one.item_id == entry_id), None)
    if found is None:
        raise Problem(NOT_FOUND)
    if entry_part is not None:
        if entry_kind != "case":
            raise Problem(INVALID_REQUEST, "entry_part", "not used")
        if await transaction.session.get(ArchivedEvent, (entry_id, entry_part)) is None:
            raise Problem(NOT_FOUND, "entry_part")
    row = Correction(
        correction_id=new_id("corr"),
        provider_hsa_id=found.place.provider_hsa_id,
        unit_hsa_id=found.place.unit_hsa_id,
        patient_person_id=patient,
        entry_kind=entry_kind,
        entry_id=entry_id,
        entry_part=entry_part,
        wish=wish,
        asked_by=caller.principal.actor,
        asked_at=transaction.now,
        state=CorrectionState.ASKED,
    )
    transaction.session.add(row)
    await transaction.session.flush()
    return row


async def own_correction(transaction: Transaction, caller: Caller, correction_id: str) -> Correction:
    """One that the caller may see or act on; locked."""
    row = await transaction.session.get(Correction, correction_id, with_for_update=True)
    resource = None if row is None else resource_of(row)
    caller.require(transaction, resource, what=f"correction:{correction_id}")
    assert row is not None
    return row


async def decide(
    transaction: Transaction,
    caller: Caller,
    correction_id: str,
    decision: Decision,
    text: str | None,
    reason: str | None,
) -> Correction:
    """The unit's decision."""
    row = await own_correction(transaction, caller, correction_id)
    check_decision(decision, text, reason)
    row.state = after(CorrectionState(row.state), decision)
    row.text, row.reason = text, reason
    row.decided_by, row.decided_at = caller.principal.actor, transaction.now
    transaction.publish(
        "correction.decided",
        f"correction:{correction_id}",
        correction=correction_id,
        patient=row.patient_person_id,
        unit=row.unit_hsa_id,
    )
    return row


async def withdraw(transaction: Transaction, caller: Caller, correction_id: str) -> Correction:
    """The patient takes it back."""
    row = await own_correction(transaction, caller, correction_id)
    row.state = after(CorrectionState(row.state), "withdraw")
    row.decided_by, row.decided_at = caller.principal.actor, transaction.now
    return row


async def listed(transaction: Transaction, caller: Caller) -> Sequence[Correction]:
    """One's own, or the unit's: what is to be decided first."""
    query = select(Correction).order_by(Correction.state != "asked", Correction.asked_at.desc()).limit(500)
    return await own_or_units(
        transaction,
        caller,
        query,
        Correction,
        what="corrections",
        resource_of=resource_of,
        name_of=lambda row: f"correction:{row.correction_id}",
    )


async def of_entry(transaction: Transaction, entry_kind: str, entry_id: str) -> Sequence[Correction]:
    """What holds beside an entry, for whoever may read the entry."""
    query = select(Correction).where(
        Correction.entry_kind == entry_kind,
        Correction.entry_id == entry_id,
        Correction.state.in_([CorrectionState.CORRECTED.value, CorrectionState.NOTED.value]),
    )
    return (await transaction.session.scalars(query.order_by(Correction.decided_at))).all()
