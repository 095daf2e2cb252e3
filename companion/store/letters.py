"""Use cases of letters: queued, printed together as a PDF, posted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from auth.permissions import Resource
from companion.errors import NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.bookings import Booking
from companion.models.campaigns import Campaign, Offer
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


def queue_offer_letter(transaction: Transaction, offer_id: str, unit_hsa_id: str, reason: LetterReason) -> None:
    """Tell of an offer by letter."""
    letter = Letter(
        letter_id=new_id("le"),
        summons_id=None,
        offer_id=offer_id,
        unit_hsa_id=unit_hsa_id,
        reason=reason,
        state=LetterState.QUEUED,
        queued_at=transaction.now,
    )
    transaction.session.add(letter)


async def withdraw_letter(transaction: Transaction, summons_id: str) -> None:
    """It is not needed any more; one that is printed goes out all the same."""
    found = await _of_summons(transaction, summons_id)
    if found is not None and found.state == LetterState.QUEUED:
        _step(found, "withdraw")


async def withdraw_offer_letters(transaction: Transaction, offer_ids: Sequence[str]) -> None:
    """Letters of offers are not needed any more; those that are printed go out all the same."""
    query = select(Letter).where(Letter.offer_id.in_(offer_ids), Letter.state == LetterState.QUEUED.value)
    for letter in (await transaction.session.scalars(query.order_by(Letter.letter_id).with_for_update())).all():
        _step(letter, "withdraw")


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


async def listed(
    transaction: Transaction, caller: Caller, unit_hsa_id: str, state: LetterState | None, batch_id: str | None
) -> list[tuple[Letter, Person]]:
    """A unit's letters, latest first; an entry of the audit log for each."""
    unit = await transaction.session.get(Unit, unit_hsa_id)
    resource = None if unit is None else Resource(unit.provider_hsa_id, unit.hsa_id)
    caller.require(transaction, resource, what=f"letters:{unit_hsa_id}")
    assert unit is not None
    whose = func.coalesce(Summons.patient_person_id, Offer.patient_person_id)
    query = (
        select(Letter, Person)
        .outerjoin(Summons, Summons.summons_id == Letter.summons_id)
        .outerjoin(Offer, Offer.offer_id == Letter.offer_id)
        .join(Person, Person.person_id == whose)
        .where(Letter.unit_hsa_id == unit_hsa_id)
        .order_by(Letter.queued_at.desc(), Letter.letter_id)
        .limit(MAX_BATCH)
    )
    if state is not None:
        query = query.where(Letter.state == state.value)
    if batch_id is not None:
        query = query.where(Letter.batch_id == batch_id)
    rows = [(letter, person) for letter, person in (await transaction.session.execute(query)).all()]
    for letter, person in rows:
        about = Resource(unit.provider_hsa_id, unit.hsa_id, person.person_id)
        caller.require(transaction, about, what=f"letter:{letter.letter_id}")
    return rows


async def batches(transaction: Transaction, caller: Caller, unit_hsa_id: str) -> Sequence[LetterBatch]:
    """What a unit has printed, latest first."""
    unit = await transaction.session.get(Unit, unit_hsa_id)
    resource = None if unit is None else Resource(unit.provider_hsa_id, unit.hsa_id)
    caller.require(transaction, resource, what=f"letters:{unit_hsa_id}")
    query = select(LetterBatch).where(LetterBatch.unit_hsa_id == unit_hsa_id)
    query = query.order_by(LetterBatch.printed_at.desc(), LetterBatch.batch_id).limit(200)
    return (await transaction.session.scalars(query)).all()


@dataclass(frozen=True)
class Addressed:
    """A letter with what it says and to whom. ``repr`` is not to be logged."""

    letter: Letter
    person: Person
    reference: str
    title: str
    text: str
    answer_until: datetime
    starts_at: datetime | None
    """None: the patient picks a time."""


async def batch_letters(
    transaction: Transaction, caller: Caller, batch_id: str
) -> tuple[LetterBatch, Unit, Sequence[Addressed]]:
    """What is in a batch, with an entry of the audit log for each patient."""
    batch = await _own_batch(transaction, caller, batch_id)
    unit = await transaction.session.get_one(Unit, batch.unit_hsa_id)
    query = select(Letter).where(Letter.batch_id == batch_id).order_by(Letter.queued_at, Letter.letter_id)
    found = []
    for letter in (await transaction.session.scalars(query)).all():
        addressed = await _addressed(transaction, letter)
        resource = Resource(unit.provider_hsa_id, unit.hsa_id, addressed.person.person_id)
        caller.require(transaction, resource, what=f"letter:{letter.letter_id}")
        found.append(addressed)
    return batch, unit, found


async def _addressed(transaction: Transaction, letter: Letter) -> Addressed:
    session = transaction.session
    if letter.offer_id is not None:
        offer = await session.get_one(Offer, letter.offer_id)
        campaign = await session.get_one(Campaign, offer.campaign_id)
        person = await session.get_one(Person, offer.patient_person_id)
        return Addressed(letter, person, offer.offer_id, campaign.title, campaign.information, campaign.ends_at, None)
    summons = await session.get_one(Summons, letter.summons_id)
    person = await session.get_one(Person, summons.patient_person_id)
    starts_at = await _visit_of(transaction, summons)
    return Addressed(
        letter, person, summons.summons_id, summons.title, summons.preparation, summons.answer_until, starts_at
    )


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
        unit = await transaction.session.get_one(Unit, letter.unit_hsa_id)
        person = (await _addressed(transaction, letter)).person
        resource = Resource(unit.provider_hsa_id, unit.hsa_id, person.person_id)
    caller.require(transaction, resource, what=f"letter:{letter_id}")
    assert letter is not None
    _step(letter, "reprint")
    letter.batch_id = None
    return letter


async def _visit_of(transaction: Transaction, summons: Summons) -> datetime | None:
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
