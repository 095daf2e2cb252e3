"""Use cases of the trace that administration leaves: who changed what."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, or_, select

from auth.permissions import Resource
from companion.errors import INVALID_REQUEST, Problem
from companion.identity import Caller
from companion.models.organisation import AdministrationEntry, StaffMember, Unit
from companion.store.admin_scope import scope_of
from companion.transaction import Transaction


@dataclass(frozen=True)
class Wanted:
    """Which changes. What is left out is not asked about."""

    unit_hsa_id: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def entries(
    transaction: Transaction, caller: Caller, wanted: Wanted, before: str | None, limit: int
) -> Sequence[tuple[AdministrationEntry, str | None]]:
    """What was changed, the latest first, with the name of who did it: in the units that the caller answers for."""
    scope = scope_of(caller)
    caller.require(transaction, Resource(scope.provider_hsa_id, scope.own_unit_hsa_id))
    units = select(Unit.hsa_id).where(Unit.provider_hsa_id == scope.provider_hsa_id)
    if scope.unit_hsa_id is not None:
        units = units.where(Unit.hsa_id == scope.unit_hsa_id)
    # Of the care provider as a whole only those read who answer for all of it.
    whole = scope.provider_hsa_id if scope.unit_hsa_id is None else None
    theirs = or_(AdministrationEntry.unit_hsa_id.in_(units), AdministrationEntry.unit_hsa_id == whole)
    query = (
        select(AdministrationEntry, StaffMember.name)
        .outerjoin(StaffMember, StaffMember.hsa_id == AdministrationEntry.actor)
        .where(theirs)
        .order_by(AdministrationEntry.at.desc(), AdministrationEntry.entry_id.desc())
        .limit(limit)
    )
    if wanted.unit_hsa_id is not None:
        query = query.where(AdministrationEntry.unit_hsa_id == wanted.unit_hsa_id)
    if wanted.actor is not None:
        query = query.where(AdministrationEntry.actor == wanted.actor)
    if wanted.since is not None:
        query = query.where(AdministrationEntry.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(AdministrationEntry.at < wanted.until)
    if before is not None:
        place = await transaction.session.get(AdministrationEntry, before)
        if place is None:
            raise Problem(INVALID_REQUEST, "before")
        at, entry_id = AdministrationEntry.at, AdministrationEntry.entry_id
        query = query.where(or_(at < place.at, and_(at == place.at, entry_id < place.entry_id)))
    return [(row, name) for row, name in (await transaction.session.execute(query)).all()]
