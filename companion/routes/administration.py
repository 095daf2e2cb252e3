"""What administrators have changed: for those who answer for a unit or a care provider."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from auth.permissions import Action
from companion.identity import Caller, asks
from companion.routes.shapes import HsaId, Instant, ObjectId, Output
from companion.store import administration as store

router = APIRouter(tags=["organisation"])

Reader = Annotated[Caller, asks(Action.ADMINISTRATION_READ)]


class AdministrationEntryOut(Output):
    """A change: no patient's data."""

    entry_id: str
    at: datetime
    actor: str
    actor_name: str | None
    unit_hsa_id: str
    what: str
    change: dict[str, Any]


class AdministrationEntriesOut(Output):
    """A page, the latest first."""

    entries: list[AdministrationEntryOut]
    next: str | None
    """`before` of the next page."""


@router.get("/administration-entries")
async def list_entries(
    caller: Reader,
    unit: Annotated[HsaId | None, Query()] = None,
    actor: Annotated[HsaId | None, Query()] = None,
    since: Annotated[Instant | None, Query()] = None,
    until: Annotated[Instant | None, Query()] = None,
    before: Annotated[ObjectId | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> AdministrationEntriesOut:
    """Who changed what in the own unit (unit administrators) or the whole care provider (region administrators)."""
    wanted = store.Wanted(unit, actor, since, until)
    async with caller.transaction() as transaction:
        rows = await store.entries(transaction, caller, wanted, before, limit)
        shown = [
            AdministrationEntryOut(
                entry_id=row.entry_id,
                at=row.at,
                actor=row.actor,
                actor_name=name,
                unit_hsa_id=row.unit_hsa_id,
                what=row.what,
                change=row.change,
            )
            for row, name in rows
        ]
        return AdministrationEntriesOut(entries=shown, next=shown[-1].entry_id if len(shown) == limit else None)
