"""Who looked at a patient's data, as the patient may read it (patientdatalagen 2008:355, chapter 8 section 5)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import select

from auth.audit import AuditEntry, read_body
from auth.permissions import Resource
from companion.errors import INVALID_REQUEST, Problem
from companion.identity import Caller
from companion.models.audit import AuditRow
from companion.models.organisation import CareProvider, StaffMember, Unit
from companion.models.people import Person
from companion.rules.masking import Identity, Surface, shown
from companion.transaction import Transaction

ActorKind = Literal["yourself", "proxy", "staff", "other"]
_FIELDS = tuple(AuditEntry.__dataclass_fields__)


@dataclass(frozen=True)
class Look:
    """One use of a patient's data. ``repr`` shows nobody."""

    number: int
    entry: AuditEntry
    actor_kind: ActorKind
    actor_name: str | None = field(repr=False)
    """Of staff and of those who act for the patient; somebody else is not named: it could be another patient."""
    unit_name: str | None
    provider_name: str | None

    @property
    def at(self) -> datetime:
        """When."""
        return datetime.fromtimestamp(self.entry.at_ms / 1000, UTC)

    @property
    def what(self) -> str | None:
        """What kind of thing was touched: ``booking``, ``meeting``..."""
        return self.entry.resource.partition(":")[0] if self.entry.resource else None


async def of_own_data(
    transaction: Transaction, caller: Caller, *, before: int | None, limit: int, own_too: bool
) -> list[Look]:
    """The latest uses of the caller's own data, before a number; to read them is one itself."""
    person_id = caller.principal.subject
    if person_id is None:
        raise Problem(INVALID_REQUEST)
    caller.require(transaction, Resource(patient_person_id=person_id), what="audit")
    query = select(AuditRow).where(AuditRow.patient == person_id).order_by(AuditRow.number.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditRow.number < before)
    if not own_too:
        query = query.where(AuditRow.actor != person_id)
    rows = [(row.number, _entry(row)) for row in (await transaction.session.scalars(query)).all()]
    names = await _names(transaction, [entry for _, entry in rows])
    return [_look(number, entry, person_id, names) for number, entry in rows]


def _entry(row: AuditRow) -> AuditEntry:
    fields: dict[str, Any] = read_body(row.body)
    return AuditEntry(**{name: fields[name] for name in _FIELDS})


@dataclass(frozen=True)
class _Names:
    staff: dict[str, str]
    people: dict[str, str]
    units: dict[str, str]
    providers: dict[str, str]


async def _names(transaction: Transaction, entries: Iterable[AuditEntry]) -> _Names:
    """What those who appear are called, asked for at once."""
    session = transaction.session
    kept = list(entries)
    actors = {entry.actor for entry in kept}
    units = {entry.unit for entry in kept if entry.unit}
    providers = {entry.provider for entry in kept if entry.provider}
    staff = await session.execute(select(StaffMember.hsa_id, StaffMember.name).where(StaffMember.hsa_id.in_(actors)))
    people = (await session.scalars(select(Person).where(Person.person_id.in_(actors)))).all()
    unit_rows = await session.execute(select(Unit.hsa_id, Unit.name).where(Unit.hsa_id.in_(units)))
    provider_rows = await session.execute(
        select(CareProvider.hsa_id, CareProvider.name).where(CareProvider.hsa_id.in_(providers))
    )
    return _Names(
        {row.hsa_id: row.name for row in staff.all()},
        {person.person_id: shown(identity_of(person), Surface.GUEST).name for person in people},
        {row.hsa_id: row.name for row in unit_rows.all()},
        {row.hsa_id: row.name for row in provider_rows.all()},
    )


def identity_of(person: Person) -> Identity:
    """A stored person, for masking."""
    return Identity(
        given_name=person.given_name,
        family_name=person.family_name,
        number=person.identity_number,
        birth_date=person.birth_date,
        sex=person.sex,
        area=person.area,
        is_protected=person.is_protected,
    )


def _look(number: int, entry: AuditEntry, person_id: str, names: _Names) -> Look:
    kind: ActorKind = "other"
    name: str | None = None
    if entry.actor == person_id:
        kind = "yourself"
    elif entry.on_behalf_of == person_id:
        kind, name = "proxy", names.people.get(entry.actor)
    elif entry.unit is not None:
        kind, name = "staff", names.staff.get(entry.actor)
    return Look(
        number,
        entry,
        kind,
        name,
        names.units.get(entry.unit or ""),
        names.providers.get(entry.provider or ""),
    )
