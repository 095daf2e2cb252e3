"""Places in slots: free ones, holds, and giving them back. No place is ever given twice.

``taken`` of a slot counts every place that somebody has. It is raised by one conditional UPDATE, which the database
carries out one at a time per slot, and lowered by whoever deletes the hold or cancels the booking: a row is deleted
once. Locks are taken in this order: bookings by slot, person, holds, slots by id, the audit log's head.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select, update

from auth.permissions import Resource
from companion.errors import NOT_FOUND, Problem, define
from companion.identity import Caller
from companion.models.organisation import Unit
from companion.models.people import Person
from companion.models.schedules import Slot, SlotHold, TimeType
from companion.prepared import Prepared, columns_of, given, plain, table
from companion.rules.bookings import NOT_PERMITTED, SLOT_PAST, SLOT_RESERVED, SLOT_TAKEN
from companion.rules.slots import Candidate, Purpose, nearest
from companion.services import new_id
from companion.store.gates import check_gates
from companion.store.offered import check_offered, is_open, is_valid
from companion.transaction import Transaction

ALTERNATIVES_WITHIN: Final = timedelta(days=60)
_CANDIDATES: Final = 10
"""Free slots before and after, of which the nearest are chosen."""
MAX_HOLDS: Final = 3
"""Places that one person may hold at a time."""

_SLOTS: Final = table(Slot)
_PERSONS: Final = table(Person)
_TYPES: Final = table(TimeType)
_READ_SLOT: Final = plain(Slot)
_READ_TYPE: Final = plain(TimeType)
_READ_PERSON: Final = plain(Person)
_WIDTH: Final = len(columns_of(Slot))
_SLOT: Final = Prepared(
    lambda _: (
        select(*columns_of(Slot), *columns_of(TimeType))
        .join_from(_SLOTS, _TYPES, _TYPES.c.time_type_id == _SLOTS.c.time_type_id)
        .where(_SLOTS.c.slot_id == given("of_slot", _SLOTS.c.slot_id))
    )
)
_LOCK_PERSON: Final = Prepared(
    lambda _: (
        select(*columns_of(Person))
        .where(_PERSONS.c.person_id == given("of_person", _PERSONS.c.person_id))
        .with_for_update(key_share=True)
    )
)
_RAISE_TAKEN: Final = Prepared(
    lambda _: (
        _SLOTS.update()
        .where(
            _SLOTS.c.slot_id == given("of_slot", _SLOTS.c.slot_id),
            _SLOTS.c.taken < _SLOTS.c.capacity,
            _SLOTS.c.is_closed.is_(False),
            is_open(),
        )
        .values(taken=_SLOTS.c.taken + 1)
        .returning(_SLOTS.c.taken)
    )
)

TOO_MANY_HOLDS: Final = define("too_many_holds", 409, sv="Släpp en annan tid först.", en="Let another time go first.")


def resource_of(slot: Slot, patient_person_id: str | None) -> Resource:
    """For permissions: somebody's place in a unit's slot."""
    return Resource(
        provider_hsa_id=slot.provider_hsa_id, unit_hsa_id=slot.unit_hsa_id, patient_person_id=patient_person_id
    )


async def free_slots(
    transaction: Transaction,
    *,
    begins: datetime,
    ends: datetime,
    time_type_id: str | None = None,
    unit_hsa_id: str | None = None,
    purpose: Purpose = "ordinary",
    for_staff: bool = False,
    limit: int = 200,
) -> Sequence[Slot]:
    """Slots with room, in order of time. Without ``for_staff`` only of time types that patients book by themselves."""
    query = (
        select(Slot)
        .where(
            Slot.starts_at >= max(begins, transaction.now),
            Slot.starts_at < ends,
            Slot.taken < Slot.capacity,
            Slot.is_closed.is_(False),
            Slot.purpose == purpose,
            is_open(),
            *await is_valid(transaction, begins, ends, time_type_id),
        )
        .order_by(Slot.starts_at, Slot.slot_id)
        .limit(limit)
    )
    if not for_staff:
        query = query.join(TimeType, TimeType.time_type_id == Slot.time_type_id).where(
            TimeType.audience == "public", TimeType.patient_may_book.is_(True)
        )
    if time_type_id is not None:
        query = query.where(Slot.time_type_id == time_type_id)
    if unit_hsa_id is not None:
        query = query.where(Slot.unit_hsa_id == unit_hsa_id)
    return (await transaction.session.scalars(query)).all()


async def free_slots_of_unit(
    transaction: Transaction,
    caller: Caller,
    unit_hsa_id: str,
    *,
    begins: datetime,
    ends: datetime,
    time_type_id: str | None,
    purpose: Purpose,
) -> Sequence[Slot]:
    """What staff of a unit may book somebody into, time types for the invited included."""
    unit = await transaction.session.get(Unit, unit_hsa_id)
    resource = None if unit is None else Resource(provider_hsa_id=unit.provider_hsa_id, unit_hsa_id=unit.hsa_id)
    caller.require(transaction, resource, what="free-slots")
    return await free_slots(
        transaction,
        begins=begins,
        ends=ends,
        time_type_id=time_type_id,
        unit_hsa_id=unit_hsa_id,
        purpose=purpose,
        for_staff=True,
    )


async def alternatives(transaction: Transaction, slot: Slot) -> list[dict[str, str]]:
    """The three nearest free slots of the same kind, as a problem or an answer shows them."""
    free = (
        Slot.time_type_id == slot.time_type_id,
        Slot.purpose == slot.purpose,
        Slot.taken < Slot.capacity,
        Slot.is_closed.is_(False),
        Slot.slot_id != slot.slot_id,
        Slot.starts_at > transaction.now,
        is_open(),
        *await is_valid(
            transaction, slot.starts_at - ALTERNATIVES_WITHIN, slot.starts_at + ALTERNATIVES_WITHIN, slot.time_type_id
        ),
    )
    columns = (Slot.slot_id, Slot.unit_hsa_id, Slot.starts_at)
    later = select(*columns).where(
        *free, Slot.starts_at >= slot.starts_at, Slot.starts_at < slot.starts_at + ALTERNATIVES_WITHIN
    )
    earlier = select(*columns).where(
        *free, Slot.starts_at < slot.starts_at, Slot.starts_at > slot.starts_at - ALTERNATIVES_WITHIN
    )
    found: list[Candidate] = []
    for query in (
        later.order_by(Slot.starts_at, Slot.slot_id).limit(_CANDIDATES),
        earlier.order_by(Slot.starts_at.desc(), Slot.slot_id).limit(_CANDIDATES),
    ):
        found += [Candidate(*row) for row in (await transaction.session.execute(query)).all()]
    chosen = nearest(slot.starts_at, slot.unit_hsa_id, found)
    return [
        {"slot_id": one.slot_id, "unit_hsa_id": one.unit_hsa_id, "starts_at": one.starts_at.isoformat()}
        for one in chosen
    ]


async def slot_to_book(transaction: Transaction, slot_id: str | None) -> tuple[Slot, TimeType] | None:
    """A slot and its time type, to be read only; None when there is no such slot."""
    row = await _SLOT.first(transaction, of_slot=slot_id)
    return None if row is None else (_READ_SLOT(row[:_WIDTH]), _READ_TYPE(row[_WIDTH:]))


async def lock_person(transaction: Transaction, person_id: str) -> Person:
    """The person, to be read only, with whom nobody else does anything before the commit."""
    row = await _LOCK_PERSON.first(transaction, of_person=person_id)
    if row is None:
        raise Problem(NOT_FOUND, "patient_person_id")
    person = _READ_PERSON(row)
    transaction.protected[person_id] = person.is_secret or person.is_protected_registration
    return person


async def lock_slots(transaction: Transaction, slot_ids: Iterable[str]) -> dict[str, Slot]:
    """The slots, locked in the order of their ids, by id."""
    query = select(Slot).where(Slot.slot_id.in_(set(slot_ids))).order_by(Slot.slot_id).with_for_update(key_share=True)
    slots = (await transaction.session.scalars(query.execution_options(populate_existing=True))).all()
    return {slot.slot_id: slot for slot in slots}


async def take_place(transaction: Transaction, slot: Slot) -> None:
    """Take one place; ``Problem`` with alternatives when there is none. Holds that have expired make room."""
    if slot.starts_at <= transaction.now:
        raise Problem(SLOT_PAST)
    if slot.purpose == "drop_in":
        raise Problem(SLOT_RESERVED)
    transaction.places_change(slot.unit_hsa_id, slot.time_type_id)
    if await _raise_taken(transaction, slot.slot_id):
        return
    if await release_expired(transaction, slot.slot_id) and await _raise_taken(transaction, slot.slot_id):
        return
    await check_offered(transaction, slot)
    raise Problem(SLOT_TAKEN, extra={"alternatives": await alternatives(transaction, slot)})


async def _raise_taken(transaction: Transaction, slot_id: str) -> bool:
    return await _RAISE_TAKEN.first(transaction, of_slot=slot_id) is not None


async def take_drop_in_place(transaction: Transaction, slot_id: str) -> bool:
    """Take a place of the drop-in reception, for somebody who is there; False when there is none."""
    return await _raise_taken(transaction, slot_id)


async def give_back(transaction: Transaction, slot_id: str, count: int = 1) -> None:
    """Places that somebody had are free again."""
    statement = (
        update(Slot)
        .where(Slot.slot_id == slot_id)
        .values(taken=Slot.taken - count)
        .returning(Slot.unit_hsa_id, Slot.time_type_id)
        .execution_options(synchronize_session=False)
    )
    for unit_hsa_id, time_type_id in (await transaction.session.execute(statement)).all():
        transaction.places_change(unit_hsa_id, time_type_id)


async def release_expired(transaction: Transaction, slot_id: str | None = None) -> int:
    """Give back what holds that have expired still have: of one slot or of all."""
    statement = delete(SlotHold).where(SlotHold.expires_at <= transaction.now).returning(SlotHold.slot_id)
    if slot_id is not None:
        statement = statement.where(SlotHold.slot_id == slot_id)
    freed = (await transaction.session.scalars(statement)).all()
    for one in sorted(set(freed)):
        await give_back(transaction, one, freed.count(one))
    return len(freed)


async def hold(
    transaction: Transaction, caller: Caller, slot_id: str, patient_person_id: str, lifetime: timedelta
) -> tuple[SlotHold, Slot]:
    """Hold a place while somebody books it."""
    slot = await transaction.session.get(Slot, slot_id)
    caller.require(transaction, None if slot is None else resource_of(slot, patient_person_id), what=f"slot:{slot_id}")
    assert slot is not None
    if caller.principal.kind == "patient":
        time_type = await transaction.session.get_one(TimeType, slot.time_type_id)
        if not time_type.patient_may_book or time_type.audience != "public":
            raise Problem(NOT_PERMITTED)
    person = await lock_person(transaction, patient_person_id)
    await check_gates(transaction, person, slot, await transaction.session.get_one(TimeType, slot.time_type_id))
    count = select(func.count()).where(
        SlotHold.patient_person_id == patient_person_id, SlotHold.expires_at > transaction.now
    )
    if (await transaction.session.scalar(count) or 0) >= MAX_HOLDS:
        raise Problem(TOO_MANY_HOLDS)
    await take_place(transaction, slot)
    made = SlotHold(
        hold_id=new_id("ho"),
        slot_id=slot_id,
        holder=caller.principal.actor,
        patient_person_id=patient_person_id,
        expires_at=transaction.now + lifetime,
    )
    transaction.session.add(made)
    return made, slot


async def held_slot(transaction: Transaction, hold_id: str) -> str | None:
    """Which slot a hold is in; None when there is no such hold any more."""
    return await transaction.session.scalar(select(SlotHold.slot_id).where(SlotHold.hold_id == hold_id))


async def use_hold(transaction: Transaction, caller: Caller, hold_id: str, patient_person_id: str) -> bool:
    """Turn a hold into a place of a booking: it is gone, its place is not. False when it has expired.

    Holds of a patient, offered from the reserve list, are used by whoever may book for the patient.
    """
    statement = (
        delete(SlotHold)
        .where(
            SlotHold.hold_id == hold_id,
            SlotHold.holder.in_((caller.principal.actor, patient_person_id)),
            SlotHold.patient_person_id == patient_person_id,
            SlotHold.expires_at > transaction.now,
        )
        .returning(SlotHold.slot_id)
    )
    return await transaction.session.scalar(statement) is not None


async def let_go(transaction: Transaction, caller: Caller, hold_id: str) -> None:
    """Give a hold up. Only its holder may."""
    found = await transaction.session.get(SlotHold, hold_id)
    resource = None
    if found is not None and found.holder == caller.principal.actor:
        slot = await transaction.session.get_one(Slot, found.slot_id)
        resource = resource_of(slot, found.patient_person_id)
    caller.require(transaction, resource, what=f"hold:{hold_id}")
    statement = delete(SlotHold).where(SlotHold.hold_id == hold_id).returning(SlotHold.slot_id)
    slot_id = await transaction.session.scalar(statement)
    if slot_id is not None:
        await give_back(transaction, slot_id)
