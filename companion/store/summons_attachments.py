"""Use cases of a summons's attachments: put to a draft by the unit, read by the patient, printed with the letter."""

import asyncio
from collections.abc import Iterable, Sequence

from sqlalchemy import select

from companion.attached_pdf import rebuilt
from companion.errors import NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.summons import Summons, SummonsAttachment
from companion.rules.summons import MAX_ATTACHMENTS, SUMMONS_STATE, TOO_MANY_ATTACHMENTS, SummonsState
from companion.services import new_id
from companion.store.summons import own_summons
from companion.transaction import Transaction


async def attach(caller: Caller, summons_id: str, name: str, content: bytes) -> SummonsAttachment:
    """Put a PDF to a draft. Once it is sent, what the patient was told stays as it is."""
    pages = await asyncio.to_thread(rebuilt, content)  # before the transaction: nobody waits for it
    async with caller.transaction() as transaction:
        await _draft(transaction, caller, summons_id)
        if len(await of_summons(transaction, summons_id)) >= MAX_ATTACHMENTS:
            raise Problem(TOO_MANY_ATTACHMENTS)
        row = SummonsAttachment(
            attachment_id=new_id("sa"),
            summons_id=summons_id,
            name=name,
            size_bytes=len(pages),
            added_by=caller.principal.actor,
            added_at=transaction.now,
            content=pages,
        )
        transaction.session.add(row)
        return row


async def detach(transaction: Transaction, caller: Caller, summons_id: str, attachment_id: str) -> None:
    """Take it away from a draft."""
    await _draft(transaction, caller, summons_id)
    await transaction.session.delete(await _of(transaction, summons_id, attachment_id))


async def attached(transaction: Transaction, caller: Caller, summons_id: str) -> Sequence[SummonsAttachment]:
    """What goes with a summons, without the contents."""
    await own_summons(transaction, caller, summons_id)
    return await of_summons(transaction, summons_id)


async def content_of(transaction: Transaction, caller: Caller, summons_id: str, attachment_id: str) -> bytes:
    """One of them, to be read."""
    await own_summons(transaction, caller, summons_id)
    row = await _of(transaction, summons_id, attachment_id)
    await transaction.session.refresh(row, ["content"])
    return row.content


async def of_summons(transaction: Transaction, summons_id: str) -> Sequence[SummonsAttachment]:
    """In the order in which they were put there."""
    query = (
        select(SummonsAttachment)
        .where(SummonsAttachment.summons_id == summons_id)
        .order_by(SummonsAttachment.added_at, SummonsAttachment.attachment_id)
    )
    return (await transaction.session.scalars(query)).all()


async def contents(transaction: Transaction, summons_ids: Iterable[str]) -> dict[str, tuple[bytes, ...]]:
    """By summons, for a batch of letters: one question for all of them."""
    query = (
        select(SummonsAttachment.summons_id, SummonsAttachment.content)
        .where(SummonsAttachment.summons_id.in_(list(summons_ids)))
        .order_by(SummonsAttachment.added_at, SummonsAttachment.attachment_id)
    )
    found: dict[str, tuple[bytes, ...]] = {}
    for summons_id, content in (await transaction.session.execute(query)).all():
        found[summons_id] = (*found.get(summons_id, ()), content)
    return found


async def _draft(transaction: Transaction, caller: Caller, summons_id: str) -> Summons:
    row = await own_summons(transaction, caller, summons_id)
    if row.state != SummonsState.DRAFT:
        raise Problem(SUMMONS_STATE)
    return row


async def _of(transaction: Transaction, summons_id: str, attachment_id: str) -> SummonsAttachment:
    row = await transaction.session.get(SummonsAttachment, attachment_id)
    if row is None or row.summons_id != summons_id:
        raise Problem(NOT_FOUND)
    return row
