"""The front hands its audit log over."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from auth.audit import Head, LinkedEntry
from auth.permissions import Action
from companion.identity import Caller, asks
from companion.routes.shapes import Input, Output
from companion.store import front_audit as store

router = APIRouter(tags=["audit"])

Front = Annotated[Caller, asks(Action.AUDIT_TAKE_OVER)]
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Body = Annotated[str, StringConstraints(min_length=2, max_length=10_000, pattern=r"^[\x20-\x7e]+$")]


class FrontEntryIn(Input):
    """An entry in its place, as it stands in the stream."""

    number: Annotated[int, Field(ge=1, le=2**53)]
    body: Body
    hash: Hash


class FrontEntriesIn(Input):
    """Entries in their order."""

    entries: Annotated[list[FrontEntryIn], Field(min_length=1, max_length=256)]


class HeadOut(Output):
    """How far the chain is held."""

    number: int
    hash: str


def _shown(head: Head) -> HeadOut:
    return HeadOut(number=head.number, hash=head.hash.hex())


@router.get("/front-audit/head")
async def read_head(caller: Front) -> HeadOut:
    """How far the front's audit log is held here."""
    async with caller.reading() as transaction:
        return _shown(await store.held(transaction, caller))


@router.post("/front-audit/entries")
async def take_over(body: FrontEntriesIn, caller: Front) -> HeadOut:
    """Take entries over: each once, however often they come; 409 `audit_chain_broken` when they are not linked."""
    entries = [LinkedEntry(one.number, one.body.encode("ascii"), bytes.fromhex(one.hash)) for one in body.entries]
    async with caller.transaction() as transaction:
        return _shown(await store.take_over(transaction, caller, entries))
