"""The audit log in SQL: appended in the transaction that it tells of, linked by ``auth.audit``.

The chain's head is one row, locked until the commit: on PostgreSQL by ``FOR UPDATE``, on SQLite by the only writer
there is. Two transactions can therefore never link to the same end.
"""

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

from sqlalchemy import literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from auth.audit import (
    GENESIS,
    AuditEntry,
    AuditKeys,
    Fault,
    Head,
    LinkedEntry,
    SignedHead,
    Verification,
    Verifier,
    is_begin,
    link,
    sign_head,
)
from companion.models.audit import AuditHead, AuditRow, ChainHead, ChainRow, FrontAuditHead, FrontAuditRow
from companion.prepared import Prepared, all_columns, given, table
from companion.transaction import Transaction

_HEAD_ID: Final = 1
_PAGE: Final = 1000
_HEAD_TABLE: Final = table(AuditHead)
_HEAD: Final = Prepared(
    lambda _: (
        select(_HEAD_TABLE.c.number, _HEAD_TABLE.c.hash).where(_HEAD_TABLE.c.id == literal(_HEAD_ID)).with_for_update()
    )
)
_BEGIN: Final = Prepared(lambda insert: insert(_HEAD_TABLE).values(all_columns(AuditHead)).on_conflict_do_nothing())
_APPEND: Final = Prepared(lambda _: table(AuditRow).insert().values(all_columns(AuditRow)).inline())


def _move(prefix: str = "") -> Any:
    values = {name: given(prefix + name, _HEAD_TABLE.c[name]) for name in ("number", "hash", "signed")}
    return _HEAD_TABLE.update().where(_HEAD_TABLE.c.id == literal(_HEAD_ID)).values(values)


_MOVE: Final = Prepared(lambda _: _move())
_APPEND_AND_MOVE: Final = Prepared(
    lambda _: table(AuditRow).insert().values(all_columns(AuditRow)).inline().add_cte(_move("head_").cte("moved"))
)
"""Both at once, where the database can (PostgreSQL): all writers wait for whoever holds the head."""
HEADS: Final[dict[type[ChainRow], type[ChainHead]]] = {AuditRow: AuditHead, FrontAuditRow: FrontAuditHead}


def begin_of(stored: ChainHead, keys: AuditKeys) -> Head | None:
    """Where a chain begins: at the first entry of all, or after what was pruned; None when that is forged."""
    if stored.begin is None:
        return GENESIS
    try:
        signed = SignedHead.parse(stored.begin)
    except ValueError:
        return None
    return signed.head if is_begin(signed, keys) else None


async def append_audit(transaction: Transaction, keys: AuditKeys) -> None:
    """Link the transaction's entries to the chain's end. The last thing before the commit."""
    if not transaction.audit:
        return
    stored = await _HEAD.first(transaction)
    if stored is None:  # the first entry of all; others who come first too wait for the row
        await _BEGIN.rows(transaction, id=_HEAD_ID, number=GENESIS.number, hash=GENESIS.hash, signed="", begin=None)
        stored = await _HEAD.first(transaction)
        assert stored is not None
    head = Head(*stored)
    *before, last = transaction.audit
    for entry in before:
        linked = link(head, entry, keys)
        head = linked.head
        await _APPEND.rows(transaction, **_columns(linked, entry))
    linked = link(head, last, keys)
    head, signed = linked.head, sign_head(linked.head, keys).to_text()
    if transaction.is_postgresql:
        moved = {"head_number": head.number, "head_hash": head.hash, "head_signed": signed}
        await _APPEND_AND_MOVE.rows(transaction, **_columns(linked, last), **moved)
    else:
        await _APPEND.rows(transaction, **_columns(linked, last))
        await _MOVE.rows(transaction, number=head.number, hash=head.hash, signed=signed)
    transaction.audit.clear()


def _columns(linked: LinkedEntry, entry: AuditEntry) -> dict[str, Any]:
    return {
        "number": linked.number,
        "body": linked.body,
        "hash": linked.hash,
        "at_ms": entry.at_ms,
        "actor": entry.actor,
        "patient": entry.patient,
        "provider": entry.provider,
        "unit": entry.unit,
        "action": entry.action,
    }


async def linked_entries(
    session: AsyncSession, *, after: int = 0, of: type[ChainRow] = AuditRow
) -> AsyncIterator[LinkedEntry]:
    """A stored chain, in order."""
    while True:
        query = select(of).where(of.number > after).order_by(of.number).limit(_PAGE)
        rows = (await session.scalars(query)).all()
        for row in rows:
            yield LinkedEntry(row.number, row.body, row.hash)
        if len(rows) < _PAGE:
            return
        after = rows[-1].number


async def stored_head(session: AsyncSession, *, of: type[ChainRow] = AuditRow) -> SignedHead | None:
    """The signed head of a chain; None when there is none or it cannot be read."""
    stored = await session.get(HEADS[of], _HEAD_ID)
    try:
        return None if stored is None else SignedHead.parse(stored.signed)
    except ValueError:
        return None


async def verify_stored(
    session: AsyncSession, keys: AuditKeys, *, known: Iterable[SignedHead] = (), of: type[ChainRow] = AuditRow
) -> Verification:
    """Check a chain from where it begins against its signed head; the columns beside the bodies too. Heads in ``known``
    count as far as they are not before the beginning.
    """
    stored = await session.get(HEADS[of], _HEAD_ID)
    begin = GENESIS if stored is None else begin_of(stored, keys)
    if begin is None:
        return Verification(GENESIS, Fault(0, "head_forged"))
    heads = list(known)
    if stored is not None:
        try:
            heads.append(SignedHead.parse(stored.signed))
        except ValueError:
            return Verification(GENESIS, Fault(0, "head_forged"))
    verifier, count = Verifier(keys, after=begin, known=heads), 0
    async for entry in linked_entries(session, of=of, after=begin.number):
        count += 1
        if not verifier.feed(entry):
            break
    result = verifier.finish()
    if result.fault is None and stored is None and count:
        return Verification(result.head, Fault(result.head.number, "head_missing"))
    if result.fault is None and (number := await _first_mismatch(session, of)):
        return Verification(result.head, Fault(number, "changed"))
    return result


async def _first_mismatch(session: AsyncSession, of: type[ChainRow]) -> int | None:
    """The first entry whose searchable columns do not say what its body says."""
    after = 0
    widths = {name: getattr(of, name).type.length for name in ("actor", "patient", "provider", "unit", "action")}
    while True:
        query = select(of).where(of.number > after).order_by(of.number).limit(_PAGE)
        rows = (await session.scalars(query)).all()
        for row in rows:
            fields = json.loads(row.body)
            shown = {
                "at_ms": row.at_ms,
                "actor": row.actor,
                "patient": row.patient,
                "provider": row.provider,
                "unit": row.unit,
                "action": row.action,
            }
            if any(_cut(fields.get(name), widths.get(name)) != value for name, value in shown.items()):
                return row.number
        if len(rows) < _PAGE:
            return None
        after = rows[-1].number


def _cut(value: Any, width: int | None) -> Any:
    """As it was cut to the column's width when the front's entries were taken over."""
    return value[:width] if isinstance(value, str) and width is not None else value
