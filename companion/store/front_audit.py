"""Taking the front's audit log over: word for word, link by link, as a chain of its own.

The front appends to Redis and hands over what has come since, at least once. Here each entry has one place, its number:
what comes again must say the same, what is new must be linked to the end that is held. So whatever is changed, left out
or moved on the way or in Redis is found when it is handed over, and is refused.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from auth.audit import GENESIS, AuditKeys, Head, LinkedEntry, Verifier, read_body, sign_head
from auth.permissions import NOTHING
from companion.errors import Problem, define
from companion.identity import Caller
from companion.models.audit import FrontAuditHead, FrontAuditRow
from companion.store.audit import begin_of
from companion.transaction import Transaction

CHAIN_BROKEN: Final = define(
    "audit_chain_broken",
    409,
    sv="Åtkomstloggens kedja hänger inte ihop.",
    en="The audit log's chain does not hold together.",
)
_HEAD_ID: Final = 1


async def held(transaction: Transaction, caller: Caller) -> Head:
    """How far the front's chain is held."""
    caller.require(transaction, NOTHING)
    stored = await transaction.session.get(FrontAuditHead, _HEAD_ID)
    return GENESIS if stored is None else Head(stored.number, stored.hash)


async def take_over(transaction: Transaction, caller: Caller, entries: Sequence[LinkedEntry]) -> Head:
    """Keep what is new; returns how far the chain is held now."""
    caller.require(transaction, NOTHING)
    stored = await _locked_head(transaction)
    head = Head(stored.number, stored.hash)
    begin = begin_of(stored, caller.services.audit_keys)
    if begin is None:
        raise Problem(CHAIN_BROKEN, "entries", "head_forged")
    await _check_known(transaction, [one for one in entries if begin.number < one.number <= head.number])
    verifier = Verifier(caller.services.audit_keys, after=head)
    for entry in entries:
        if entry.number <= head.number:
            continue
        if not verifier.feed(entry):
            fault = verifier.finish().fault
            assert fault is not None
            raise Problem(CHAIN_BROKEN, "entries", fault.cause, {"number": fault.number})
        transaction.session.add(_row(entry))
    _move(stored, verifier.head, caller.services.audit_keys)
    return verifier.head


async def _locked_head(transaction: Transaction) -> FrontAuditHead:
    """Two who hand over at once come one after the other."""
    session = transaction.session
    stored = await session.get(FrontAuditHead, _HEAD_ID, with_for_update=True)
    if stored is None:
        insert = (postgresql if transaction.is_postgresql else sqlite).insert(FrontAuditHead)
        first = insert.values(id=_HEAD_ID, number=GENESIS.number, hash=GENESIS.hash, signed="")
        await session.execute(first.on_conflict_do_nothing())
        stored = await session.get_one(FrontAuditHead, _HEAD_ID, with_for_update=True, populate_existing=True)
    return stored


async def _check_known(transaction: Transaction, entries: Sequence[LinkedEntry]) -> None:
    if not entries:
        return
    query = select(FrontAuditRow).where(FrontAuditRow.number.in_([one.number for one in entries]))
    known = {row.number: row for row in (await transaction.session.scalars(query)).all()}
    for entry in entries:
        row = known.get(entry.number)
        if row is None or (row.body, row.hash) != (entry.body, entry.hash):
            raise Problem(CHAIN_BROKEN, "entries", "changed", {"number": entry.number})


def _row(entry: LinkedEntry) -> FrontAuditRow:
    """The columns that are searched are cut to their width; the body is whole. It was checked by its link."""
    fields = read_body(entry.body)
    return FrontAuditRow(
        number=entry.number,
        body=entry.body,
        hash=entry.hash,
        at_ms=int(fields["at_ms"]),
        actor=str(fields["actor"])[:256],
        **{name: _cut(fields.get(name), width) for name, width in (("patient", 28), ("provider", 31), ("unit", 31))},
        action=str(fields["action"])[:64],
    )


def _cut(value: Any, width: int) -> str | None:
    return None if value is None else str(value)[:width]


def _move(stored: FrontAuditHead, head: Head, keys: AuditKeys) -> None:
    stored.number, stored.hash, stored.signed = head.number, head.hash, sign_head(head, keys).to_text()
