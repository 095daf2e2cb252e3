"""The audit logs lose what is older than they are kept: from their beginning, so that the rest stays one chain.

Where a log begins then stands beside its head: the last entry that is gone, signed as a beginning (``sign_begin``), in
the same transaction. A check starts there; entries that somebody else removed leave no such signature. What is not
whole is left for whoever looks into it, and a legal hold keeps all that comes after the first entry that it covers. The
last entry stays always: the next one is linked to it.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy import delete, select

from auth.audit import AuditKeys, LinkedEntry, Verifier, entry_of, sign_begin
from auth.permissions import NOTHING, Action, Decision
from companion.database import Database
from companion.models.audit import AuditRow, ChainRow, FrontAuditRow
from companion.rules.retention import DataKind, Keep, Kept, LegalHold, due_before, is_due
from companion.store.audit import HEADS, begin_of
from companion.store.retention import COMPANION, holds
from companion.transaction import Transaction

CHAINS: Final[dict[type[ChainRow], str]] = {AuditRow: "companion", FrontAuditRow: "front"}
BATCH: Final = 1000
"""Entries of one transaction."""

_log = structlog.get_logger(__name__)


async def prune(database: Database, keys: AuditKeys, clock: Callable[[], datetime], kept_years: int) -> int:
    """Take out what is due of both logs; how many entries."""
    done = 0
    for chain in CHAINS:
        while True:
            async with database.transaction(clock()) as transaction:
                count = await _prune_some(transaction, keys, chain, Keep(years=kept_years))
            done += count
            if count < BATCH:
                break
    return done


async def _prune_some(transaction: Transaction, keys: AuditKeys, chain: type[ChainRow], keep: Keep) -> int:
    session = transaction.session
    head = await session.get(HEADS[chain], 1, with_for_update=True)
    begin = None if head is None else begin_of(head, keys)
    if head is None or begin is None:
        return 0
    before_ms = int(due_before(DataKind.AUDIT_ENTRY, transaction.now, keep).timestamp() * 1000)
    query = select(chain).where(chain.number > begin.number, chain.number < head.number)
    rows: Sequence[ChainRow] = (await session.scalars(query.order_by(chain.number).limit(BATCH))).all()
    standing = await holds(transaction)
    verifier = Verifier(keys, after=begin)
    for row in rows:
        if row.at_ms >= before_ms or not _is_due(row, transaction.now, standing, keep):
            break
        if not verifier.feed(LinkedEntry(row.number, row.body, row.hash)):
            _log.error("audit_not_pruned", chain=CHAINS[chain], cause=str(verifier.finish().fault))
            break
    new_begin = verifier.head
    count = new_begin.number - begin.number
    if count:
        await session.execute(delete(chain).where(chain.number <= new_begin.number))
        head.begin = sign_begin(new_begin, keys).to_text()
        _note(transaction, CHAINS[chain], begin.number + 1, new_begin.number)
    return count


def _is_due(row: ChainRow, now: datetime, standing: Sequence[LegalHold], keep: Keep) -> bool:
    at = datetime.fromtimestamp(row.at_ms / 1000, UTC)
    return is_due(Kept(DataKind.AUDIT_ENTRY, at, row.patient, row.provider), now, standing, keep)


def _note(transaction: Transaction, chain: str, first: int, last: int) -> None:
    entry = entry_of(
        COMPANION,
        Action.RETENTION_ERASE,
        Decision(True, "allowed"),
        NOTHING,
        at_ms=int(transaction.now.timestamp() * 1000),
        request_id="retention",
        what=f"{DataKind.AUDIT_ENTRY}:{chain}:{first}-{last}",
    )
    transaction.audit.append(entry)
