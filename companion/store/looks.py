"""Who looked at a patient's data, as the patient may read it (patientdatalagen 2008:355, chapter 8 section 5), in both
chains: bookings and records from the companion's, meetings and messages from the front's.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from auth.audit import AuditEntry
from auth.permissions import Resource
from companion.errors import INVALID_REQUEST, Problem
from companion.identity import Caller
from companion.rules.audit_review import EntryId
from companion.store.chains import Cursor, Found, Names, Wanted, names_of, page
from companion.transaction import Transaction

ActorKind = Literal["yourself", "proxy", "staff", "other"]


@dataclass(frozen=True)
class Look:
    """One use of a patient's data. ``repr`` shows nobody."""

    found: Found
    actor_kind: ActorKind
    actor_name: str | None = field(repr=False)
    """Of staff and of those who act for the patient; somebody else is not named: it could be another patient."""
    unit_name: str | None
    provider_name: str | None

    @property
    def place(self) -> EntryId:
        """Which entry."""
        return self.found.place

    @property
    def entry(self) -> AuditEntry:
        """What it says."""
        return self.found.entry

    @property
    def at(self) -> datetime:
        """When."""
        return self.found.at

    @property
    def what(self) -> str | None:
        """What kind of thing was touched: ``booking``, ``meeting``..."""
        return self.entry.resource.partition(":")[0] if self.entry.resource else None


async def of_own_data(
    transaction: Transaction, caller: Caller, *, before: Cursor | None, limit: int, own_too: bool
) -> list[Look]:
    """The latest uses of the caller's own data, before a place; to read them is one itself."""
    person_id = caller.principal.subject
    if person_id is None:
        raise Problem(INVALID_REQUEST)
    caller.require(transaction, Resource(patient_person_id=person_id), what="audit")
    wanted = Wanted(patient=person_id, not_actor=None if own_too else person_id)
    rows = await page(transaction, wanted, before, limit)
    names = await names_of(transaction, [found.entry for found in rows])
    return [_look(found, person_id, names) for found in rows]


async def of_patient(
    transaction: Transaction, person_id: str, *, before: Cursor | None, limit: int, provider_hsa_id: str | None
) -> list[Look]:
    """All uses of somebody's data before a place; of one care provider's people when it is named."""
    rows = await page(transaction, Wanted(patient=person_id, provider=provider_hsa_id), before, limit)
    names = await names_of(transaction, [found.entry for found in rows])
    return [_look(found, person_id, names) for found in rows]


def _look(found: Found, person_id: str, names: Names) -> Look:
    entry = found.entry
    kind: ActorKind = "other"
    name: str | None = None
    if entry.actor == person_id:
        kind = "yourself"
    elif entry.on_behalf_of == person_id:
        kind, name = "proxy", names.people.get(entry.actor)
    elif entry.unit is not None:
        kind, name = "staff", names.staff.get(entry.actor)
    return Look(
        found,
        kind,
        name,
        names.units.get(entry.unit or ""),
        names.providers.get(entry.provider or ""),
    )
