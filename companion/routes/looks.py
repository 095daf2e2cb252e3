"""Who looked at my data."""

from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query

from auth.permissions import Action
from companion.identity import Caller, asks
from companion.routes.shapes import Output
from companion.store import looks as store
from companion.store.chains import Cursor

router = APIRouter(tags=["audit"])

OwnReader = Annotated[Caller, asks(Action.AUDIT_READ_OWN)]
BEFORE: Final = r"^[0-9]{1,15}\.(companion|front)\.[0-9]{1,15}$"
Before = Annotated[str | None, Query(pattern=BEFORE, description="`next_before` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=200)]


def cursor(before: str | None) -> Cursor | None:
    """Where the page before ended."""
    return None if before is None else Cursor.parse(before)


class LookOut(Output):
    """One use of my data."""

    chain: Literal["companion", "front"]
    number: int
    """Its place in the audit log: which chain and where there; one asks about it with both."""
    at: datetime
    actor_kind: Literal["yourself", "proxy", "staff", "other"]
    actor_name: str | None
    unit_name: str | None
    provider_name: str | None
    action: str
    what: str | None
    outcome: Literal["allowed", "refused", "failed"]


class LooksOut(Output):
    """Latest first."""

    looks: list[LookOut]
    next_before: str | None
    """Ask with ``before`` for those before these; null: there are none."""


@router.get("/looks")
async def read_looks(caller: OwnReader, before: Before = None, limit: Limit = 50, own_too: bool = False) -> LooksOut:
    """Who has used my data, for what and where; my own uses only when asked for."""
    async with caller.transaction() as transaction:
        found = await store.of_own_data(transaction, caller, before=cursor(before), limit=limit, own_too=own_too)
    return LooksOut(
        looks=[
            LookOut(
                chain=one.place.chain,
                number=one.place.number,
                at=one.at,
                actor_kind=one.actor_kind,
                actor_name=one.actor_name,
                unit_name=one.unit_name,
                provider_name=one.provider_name,
                action=one.entry.action,
                what=one.what,
                outcome=one.entry.outcome,
            )
            for one in found
        ],
        next_before=str(found[-1].found.cursor) if len(found) == limit else None,
    )
