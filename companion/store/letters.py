"""Use cases of letters: queued, printed together as a PDF, posted."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from auth.permissions import Resource
from companion.errors import NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.bookings import Booking
from companion.models.organisation import Unit
from companion.models.people import Person
from companion.models.summons import Letter, LetterBatch, Summons
from companion.rules.summons import LETTER_STATE, LetterEvent, LetterReason, LetterState, letter_after
from companion.services import new_id
from companion.transaction import Transaction

MAX_BATCH = 500


async def queue_letter(transaction: Transaction, summons: Summons, reason: LetterReason) -> None:
    """One letter per summons, however often there is a reason."""
    found = await _of_summons(transaction, summons.summons_id)
    if found is None:
        letter = Letter(
            letter_id=new_id("le"),
            summons_id=summons.summons_id,
            unit_hsa_id=summons.unit_hsa_id,
            reason=reason,
            state=LetterState.QUEUED,
            queued_at=transaction.now,
        )
        transaction.session.add(letter)
        await transaction.session.flush()


async def withdraw_letter(transaction: Transaction, summons_id: str) -> None:
    """It is not needed any more; one that is printed goes out all the same."""
    found = await _of_summons(transaction, summons_id)
    if found is not None and found.state == LetterState.QUEUED:
        _step(found, "withdraw")


async def print_batch(transaction: Transaction, caller: Caller, unit_hsa_id: str) -> LetterBatch:
    """Take all that is queued in a unit, oldest first. Two who print at once never print the same letter."""
    unit = await transaction.session.get(Unit, unit_hsa_id)
    resource = None if unit is None else Resource(unit.provider_hsa_id, unit.hsa_id)
    caller.require(transaction, resource, what=f"letters:{unit_hsa_id}")
    assert unit is not None
    query = (
        select(Letter)
        .where(Letter.unit_hsa_id == unit_hsa_id, Letter.state == LetterState.QUEUED.value)
        .order_by(Letter.queued_at, Letter.letter_id)
        .limit(MAX_BATCH)
        .with_for_update(skip_locked=True)
    )
    letters = (await transaction.session.scalars(query)).all()
    if not letters:
        raise Problem(NOT_FOUND, detail="no letter is queued")
    batch = LetterBatch(
        batch_id=new_id("lb"),
        provider_hsa_id=unit.provider_hsa_id,
        unit_hsa_id=unit_hsa_id,
        printed_by=caller.principal.actor,
        printed_at=transaction.now,
        posted_at=None,
    )
    transaction.session.add(batch)
    await transaction.session.flush()
    for letter in letters:
        _step(letter, "print")
        letter.batch_id = batch.batch_id
    return batch


async def batch_letters(
    transaction: Transaction, caller: Caller, batch_id: str
) -> tuple[LetterBatch, Unit, Sequence[tuple[Letter, Summons, Person]]]:
    """What is in a batch, with an entry of the audit log for each patient."""
    batch = await _own_batch(transaction, caller, batch_id)
    unit = await transaction.session.get_one(Unit, batch.unit_hsa_id)
    query = (
        select(Letter, Summons, Person)
        .join(Summons, Summons.summons_id == Letter.summons_id)
        .join(Person, Person.person_id == Summons.patient_person_id)
        .where(Letter.batch_id == batch_id)
        .order_by(Letter.queued_at, Letter.letter_id)
    )
    rows = [(letter, summons, person) for letter, summons, person in (await transaction.session.execute(query)).all()]
    for letter, summons, _ in rows:
        resource = Resource(summons.provider_hsa_id, summons.unit_hsa_id, summons.patient_person_id)
        caller.require(transaction, resource, what=f"letter:{letter.letter_id}")
    return batch, unit, rows


async def post_batch(transaction: Transaction, caller: Caller, batch_id: str) -> LetterBatch:
    """The letters are in the post."""
    batch = await _own_batch(transaction, caller, batch_id)
    if batch.posted_at is not None:
        raise Problem(LETTER_STATE)
    query = select(Letter).where(Letter.batch_id == batch_id, Letter.state == LetterState.PRINTED.value)
    for letter in (await transaction.session.scalars(query.with_for_update())).all():
        _step(letter, "post")
    batch.posted_at = transaction.now
    return batch


async def reprint(transaction: Transaction, caller: Caller, letter_id: str) -> Letter:
    """Something went wrong with the paper: back into the queue."""
    letter = await transaction.session.get(Letter, letter_id, with_for_update=True)
    resource = None
    if letter is not None:
        summons = await transaction.session.get_one(Summons, letter.summons_id)
        resource = Resource(summons.provider_hsa_id, summons.unit_hsa_id, summons.patient_person_id)
    caller.require(transaction, resource, what=f"letter:{letter_id}")
    assert letter is not None
    _step(letter, "reprint")
    letter.batch_id = None
    return letter


async def visit_of(transaction: Transaction, summons: Summons) -> datetime | None:
    """When the visit is; None while no time is picked."""
    if summons.booking_id is None:
        return None
    return (await transaction.session.get_one(Booking, summons.booking_id)).starts_at


async def _own_batch(transaction: Transaction, caller: Caller, batch_id: str) -> LetterBatch:
    batch = await transaction.session.get(LetterBatch, batch_id, with_for_update=True)
    resource = None if batch is None else Resource(batch.provider_hsa_id, batch.unit_hsa_id)
    caller.require(transaction, resource, what=f"letter_batch:{batch_id}")
    assert batch is not None
    return batch


async def _of_summons(transaction: Transaction, summons_id: str) -> Letter | None:
    query = select(Letter).where(Letter.summons_id == summons_id).with_for_update()
    return (await transaction.session.scalars(query)).one_or_none()


def _step(letter: Letter, event: LetterEvent) -> None:
    letter.state = letter_after(LetterState(letter.state), event)
