"""The audit log as its readers want it: the companion's own chain and the front's, one beside the other, by time."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, get_args

from sqlalchemy import Select, and_, or_, select

from auth.audit import AuditEntry, read_body
from companion.errors import INVALID_REQUEST, Problem
from companion.models.audit import AuditRow, ChainRow, FrontAuditRow
from companion.models.organisation import CareProvider, StaffMember, Unit
from companion.models.people import Person
from companion.rules.audit_review import Chain, EntryId
from companion.rules.masking import Identity, Surface, shown
from companion.transaction import Transaction

ROWS: Final[dict[Chain, type[ChainRow]]] = {"companion": AuditRow, "front": FrontAuditRow}
_FIELDS: Final = tuple(AuditEntry.__dataclass_fields__)


@dataclass(frozen=True)
class Cursor:
    """A place in the merged log: what comes before it was earlier, or at the same instant and lower."""

    at_ms: int
    chain: Chain
    number: int

    def __str__(self) -> str:
        return f"{self.at_ms}.{self.chain}.{self.number}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """What ``str`` made; 422 when it is something else."""
        parts = text.split(".")
        if len(parts) != 3 or parts[1] not in get_args(Chain) or not (parts[0].isdecimal() and parts[2].isdecimal()):
            raise Problem(INVALID_REQUEST, "before")
        return cls(int(parts[0]), parts[1], int(parts[2]))  # type: ignore[arg-type]  # one of the chains


@dataclass(frozen=True)
class Found:
    """An entry in its place."""

    place: EntryId
    entry: AuditEntry

    @property
    def cursor(self) -> Cursor:
        """Its place in the merged log."""
        return Cursor(self.entry.at_ms, self.place.chain, self.place.number)

    @property
    def at(self) -> datetime:
        """When."""
        return datetime.fromtimestamp(self.entry.at_ms / 1000, UTC)


@dataclass(frozen=True)
class Wanted:
    """Which entries. What is left out is not asked about."""

    patient: str | None = None
    provider: str | None = None
    unit: str | None = None
    actor: str | None = None
    not_actor: str | None = None
    action: str | None = None
    begins_at: datetime | None = None
    ends_at: datetime | None = None

    def query(self, chain: Chain) -> Select[Any]:
        """The question to one chain, unordered."""
        row = ROWS[chain]
        query = select(row)
        for column, value in (
            (row.patient, self.patient),
            (row.provider, self.provider),
            (row.unit, self.unit),
            (row.actor, self.actor),
            (row.action, self.action),
        ):
            if value is not None:
                query = query.where(column == value)
        if self.not_actor is not None:
            query = query.where(row.actor != self.not_actor)
        if self.begins_at is not None:
            query = query.where(row.at_ms >= int(self.begins_at.timestamp() * 1000))
        if self.ends_at is not None:
            query = query.where(row.at_ms < int(self.ends_at.timestamp() * 1000))
        return query


async def page(transaction: Transaction, wanted: Wanted, before: Cursor | None, limit: int) -> list[Found]:
    """The latest entries of both chains before a place, latest first."""
    parts: list[list[Found]] = []
    for chain, row in ROWS.items():
        query = wanted.query(chain)
        if before is not None:
            query = query.where(_before(row, chain, before))
        query = query.order_by(row.at_ms.desc(), row.number.desc()).limit(limit)
        rows = (await transaction.session.scalars(query)).all()
        parts.append([Found(EntryId(chain, one.number), entry_of_row(one)) for one in rows])
    merged = heapq.merge(*parts, key=_order, reverse=True)
    return [found for found, _ in zip(merged, range(limit), strict=False)]


def _order(found: Found) -> tuple[int, str, int]:
    return found.entry.at_ms, found.place.chain, found.place.number


def _before(row: type[ChainRow], chain: Chain, place: Cursor) -> Any:
    """Equal instants are ordered by chain, then by number."""
    if chain < place.chain:
        return row.at_ms <= place.at_ms
    if chain > place.chain:
        return row.at_ms < place.at_ms
    return or_(row.at_ms < place.at_ms, and_(row.at_ms == place.at_ms, row.number < place.number))


async def entry_at(transaction: Transaction, place: EntryId) -> Found | None:
    """One entry."""
    row = await transaction.session.get(ROWS[place.chain], place.number)
    return None if row is None else Found(place, entry_of_row(row))


def entry_of_row(row: ChainRow) -> AuditEntry:
    """What the body says."""
    fields: dict[str, Any] = read_body(row.body)
    return AuditEntry(**{name: fields[name] for name in _FIELDS})


@dataclass(frozen=True)
class Names:
    """What those who appear in entries are called. ``repr`` shows nobody."""

    staff: dict[str, str] = field(repr=False)
    people: dict[str, str] = field(repr=False)
    units: dict[str, str]
    providers: dict[str, str]


async def names_of(transaction: Transaction, entries: Iterable[AuditEntry]) -> Names:
    """Their names, asked for at once."""
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
    return Names(
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
