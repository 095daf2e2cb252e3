"""The one way to what another unit or care provider has written: ``may_read`` for one thing, ``opened`` for many.

What is stored about a patient's wishes and care becomes a ``Situation``, which the rules judge
(``companion.rules.blocks``). The care relation follows from care: bookings, summonses, and whatever
``companion.store.record_sources`` knows; staff can register one beside it. Each place that is read, and each refusal,
is an entry of the audit log.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import select

from auth.permissions import Decision, Resource
from companion.errors import FORBIDDEN, NOT_FOUND, Problem, ProblemKind
from companion.identity import Caller, RefusedError
from companion.models.access import BlockLifting, EmergencyOpening, RecordBlock, RecordConsent, RegisteredRelation
from companion.models.people import Person
from companion.rules.blocks import (
    PROBLEMS,
    Access,
    Basis,
    Block,
    CareRelation,
    Consent,
    EmergencyAccess,
    Lifting,
    Period,
    Place,
    Reader,
    Situation,
    access,
)
from companion.store.record_sources import relations_from_care
from companion.transaction import Transaction

_ALLOWED = Decision(True, "allowed")
Item = TypeVar("Item")


class HinderedError(RefusedError):
    """Blocks, consent or care relation stand between; the attempt stays in the audit log."""

    def __init__(self, kind: ProblemKind, decision: Decision, entry: object) -> None:
        super().__init__(decision, entry)  # type: ignore[arg-type]  # an AuditEntry
        self.kind = kind


@dataclass(frozen=True)
class View:
    """What somebody who reads about a patient may see, decided on what is stored now."""

    reader: Reader
    patient: Person
    situation: Situation

    def access_to(self, transaction: Transaction, place: Place) -> Access:
        """Whether they may read what ``place`` has written."""
        return access(self.reader, place, self.situation, transaction.now)

    def is_emergency(self, transaction: Transaction, provider_hsa_id: str | None) -> bool:
        """Whether the reader has opened that care provider's data (None: any), be there something or not."""
        return any(
            one.opens(
                self.reader.hsa_id,
                self.reader.place,
                Place(provider_hsa_id or one.data_provider_hsa_id or "", ""),
                transaction.now,
            )
            for one in self.situation.emergencies
        )


def reader_of(caller: Caller) -> Reader:
    """The staff member who asks, in the chosen commission."""
    principal = caller.principal
    if principal.provider_hsa_id is None or principal.unit_hsa_id is None:
        raise Problem(FORBIDDEN)
    return Reader(principal.actor, Place(principal.provider_hsa_id, principal.unit_hsa_id))


async def view_of(transaction: Transaction, caller: Caller, patient_person_id: str) -> View:
    """The reader's view of a patient. Asks for the action's permission with the reader's own unit first."""
    reader = reader_of(caller)
    patient = await transaction.session.get(Person, patient_person_id)
    resource = None
    if patient is not None:
        resource = Resource(reader.place.provider_hsa_id, reader.place.unit_hsa_id, patient_person_id)
    caller.require(transaction, resource, what="record")
    if patient is None:
        raise Problem(NOT_FOUND)
    return View(reader, patient, await situation_of(transaction, caller, reader, patient_person_id))


async def may_read(transaction: Transaction, caller: Caller, patient_person_id: str, place: Place, what: str) -> Basis:
    """Let the caller read one thing that ``place`` has written, on the ground that is returned; ``HinderedError``
    otherwise.
    """
    reader = reader_of(caller)
    situation = await situation_of(transaction, caller, reader, patient_person_id)
    decided = access(reader, place, situation, transaction.now)
    if decided.hindrance is not None:
        raise hindered(transaction, caller, patient_person_id, PROBLEMS[decided.hindrance], what)
    assert decided.basis is not None
    note_read(transaction, caller, patient_person_id, place, decided.basis)
    return decided.basis


def opened(
    transaction: Transaction, view: View, items: Iterable[Item], place_of: Callable[[Item], Place]
) -> tuple[list[tuple[Item, Basis]], frozenset[str]]:
    """What of it may be read and on what ground; and what hinders the rest, without where or what it is."""
    seen: list[tuple[Item, Basis]] = []
    hindrances: set[str] = set()
    for item in items:
        decided = view.access_to(transaction, place_of(item))
        if decided.basis is not None:
            seen.append((item, decided.basis))
        elif decided.hindrance is not None:
            hindrances.add(decided.hindrance)
    return seen, frozenset(hindrances)


async def sifted(
    transaction: Transaction,
    caller: Caller,
    patient_person_id: str,
    items: Iterable[Item],
    place_of: Callable[[Item], Place],
) -> tuple[list[Item], bool]:
    """Of a list for which the permission was asked: what is open to the reader; and whether something is withheld."""
    reader = reader_of(caller)
    patient = await transaction.session.get_one(Person, patient_person_id)
    view = View(reader, patient, await situation_of(transaction, caller, reader, patient_person_id))
    seen, hindrances = opened(transaction, view, items, place_of)
    for place, basis in dict.fromkeys((place_of(item), basis) for item, basis in seen):
        if place != reader.place:
            note_read(transaction, caller, patient_person_id, place, basis)
    return [item for item, _ in seen], bool(hindrances)


def note_read(transaction: Transaction, caller: Caller, patient_person_id: str, place: Place, basis: Basis) -> None:
    """Say in the audit log whose data were read, and on what ground."""
    reader = reader_of(caller)
    resource = Resource(reader.place.provider_hsa_id, reader.place.unit_hsa_id, patient_person_id)
    what = f"record_of:{place.unit_hsa_id}:{basis}"
    transaction.audit.append(caller.entry(transaction, _ALLOWED, resource, what))


def hindered(
    transaction: Transaction, caller: Caller, patient_person_id: str, kind: ProblemKind, what: str
) -> HinderedError:
    """The refusal, with its entry of the audit log."""
    reader = reader_of(caller)
    resource = Resource(reader.place.provider_hsa_id, reader.place.unit_hsa_id, patient_person_id)
    decision = Decision(False, "relation")
    return HinderedError(kind, decision, caller.entry(transaction, decision, resource, what))


async def has_care_relation(transaction: Transaction, caller: Caller, patient_person_id: str) -> bool:
    """Whether the caller's unit cares for the patient now."""
    relations = await _relations(transaction, caller, reader_of(caller).place, patient_person_id)
    return any(relation.period.contains(transaction.now) for relation in relations)


async def situation_of(transaction: Transaction, caller: Caller, reader: Reader, patient_person_id: str) -> Situation:
    """All that is stored about the patient's wishes, and about the reader's unit's care for them."""
    session = transaction.session
    blocks = (
        await session.scalars(select(RecordBlock).where(RecordBlock.patient_person_id == patient_person_id))
    ).all()
    consents = (
        await session.scalars(
            select(RecordConsent).where(
                RecordConsent.patient_person_id == patient_person_id,
                RecordConsent.provider_hsa_id == reader.place.provider_hsa_id,
            )
        )
    ).all()
    liftings = (
        await session.scalars(
            select(BlockLifting).where(
                BlockLifting.patient_person_id == patient_person_id,
                BlockLifting.unit_hsa_id == reader.place.unit_hsa_id,
            )
        )
    ).all()
    emergencies = (
        await session.scalars(
            select(EmergencyOpening).where(
                EmergencyOpening.patient_person_id == patient_person_id,
                EmergencyOpening.staff_hsa_id == reader.hsa_id,
                EmergencyOpening.ends_at > transaction.now,
            )
        )
    ).all()
    return Situation(
        blocks=tuple(Block(row.provider_hsa_id, row.unit_hsa_id, row.since, row.lifted_at) for row in blocks),
        consents=tuple(
            Consent(row.provider_hsa_id, Period(row.begins_at, row.ends_at), row.withdrawn_at) for row in consents
        ),
        relations=tuple(await _relations(transaction, caller, reader.place, patient_person_id)),
        emergencies=tuple(
            EmergencyAccess(
                row.staff_hsa_id,
                Place(row.provider_hsa_id, row.unit_hsa_id),
                row.data_provider_hsa_id,
                Period(row.begins_at, row.ends_at),
                row.closed_at,
            )
            for row in emergencies
        ),
        liftings=tuple(
            Lifting(Place(row.provider_hsa_id, row.unit_hsa_id), Period(row.begins_at, row.ends_at), row.ended_at)
            for row in liftings
        ),
    )


async def _relations(
    transaction: Transaction, caller: Caller, unit: Place, patient_person_id: str
) -> Sequence[CareRelation]:
    query = select(RegisteredRelation).where(
        RegisteredRelation.patient_person_id == patient_person_id,
        RegisteredRelation.unit_hsa_id == unit.unit_hsa_id,
        RegisteredRelation.provider_hsa_id == unit.provider_hsa_id,
    )
    registered = [
        Period(row.begins_at, min(row.ends_at, row.ended_at or row.ends_at))
        for row in (await transaction.session.scalars(query)).all()
    ]
    days = caller.services.settings.care_relation_after_days
    periods = [*registered, *await relations_from_care(transaction, patient_person_id, unit, days)]
    return [CareRelation(unit, period) for period in periods]
