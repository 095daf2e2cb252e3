"""The retention job, its report, and legal holds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import select

from auth.audit import entry_of
from auth.permissions import ACR_TOKEN, Action, Decision, Resource
from auth.principal import Principal
from companion.database import Database
from companion.identity import Caller
from companion.models.records import LegalHoldRow
from companion.retention.area import Area, Stored
from companion.retention.registry import AREAS
from companion.rules.retention import (
    DataKind,
    Keep,
    LegalHold,
    check_hold,
    check_lift,
    configured_times,
    due_before,
    is_due,
)
from companion.services import new_id
from companion.transaction import Transaction

_AS_IN_THE_TABLE: Final[Mapping[DataKind, Keep]] = MappingProxyType({})
BATCH: Final = 50
"""Things erased in one transaction: nobody waits long for it."""

COMPANION: Final = Principal(
    "service",
    frozenset({"service"}),
    "companion",
    None,
    "companion",
    frozenset(),
    None,
    None,
    ACR_TOKEN,
    0,
    "companion",
    frozenset({"retention:erase"}),
)
"""Who erases."""


async def holds(transaction: Transaction) -> list[LegalHold]:
    """Those that are in force."""
    rows = (await transaction.session.scalars(select(LegalHoldRow).where(LegalHoldRow.lifted_at.is_(None)))).all()
    return [_hold(row) for row in rows]


def _hold(row: LegalHoldRow) -> LegalHold:
    kind = DataKind(row.kind) if row.kind is not None else None
    return LegalHold(row.patient_person_id, row.provider_hsa_id, kind, row.placed_at, row.lifted_at)


# --- the job -----------------------------------------------------------------------------------------------------


async def erase_due(
    database: Database, clock: Callable[[], datetime], times: Mapping[DataKind, Keep] = _AS_IN_THE_TABLE
) -> dict[DataKind, int]:
    """Do with everything that is due what the table says, in small transactions; how much of each kind.

    ``times``: other times than the table's. What is held is passed over. Whoever dies in between has done the
    transactions that are done; the next run goes on.
    """
    done: dict[DataKind, int] = {}
    for area in AREAS:
        held = 0
        while True:
            async with database.transaction(clock()) as transaction:
                page, due = await _page(transaction, area, held, times.get(area.kind))
                if due:
                    await area.erase(transaction, [one.item_id for one in due])
                for one in due:
                    _note(transaction, area.kind, one)
            done[area.kind] = done.get(area.kind, 0) + len(due)
            held += len(page) - len(due)
            if len(page) < BATCH:
                break
    return {kind: count for kind, count in done.items() if count}


async def _page(
    transaction: Transaction, area: Area, offset: int, configured: Keep | None
) -> tuple[list[Stored], list[Stored]]:
    """The next things whose time is over, and which of them nothing holds."""
    before = due_before(area.kind, transaction.now, configured)
    page = await area.older_than(transaction, before, BATCH, offset)
    standing = await holds(transaction)
    return page, [one for one in page if is_due(one.kept, transaction.now, standing, configured)]


def _note(transaction: Transaction, kind: DataKind, one: Stored) -> None:
    """What was a patient's stands in the audit log."""
    if one.kept.patient_person_id is None:
        return
    entry = entry_of(
        COMPANION,
        Action.RETENTION_ERASE,
        Decision(True, "allowed"),
        Resource(one.kept.provider_hsa_id, None, one.kept.patient_person_id),
        at_ms=int(transaction.now.timestamp() * 1000),
        request_id="retention",
        what=f"{kind}:{one.item_id}",
    )
    transaction.audit.append(entry)


# --- the report --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reported:
    """How much of a kind is due, and how much of it is held."""

    kind: DataKind
    due: int
    held: int


async def report(transaction: Transaction, caller: Caller) -> list[Reported]:
    """What the job would do now with the care provider's data. Nothing is done."""
    provider = caller.principal.provider_hsa_id
    caller.require(transaction, Resource(provider_hsa_id=provider))
    standing, times = await holds(transaction), configured_times(caller.services.settings.retention)
    counts: dict[DataKind, list[int]] = {}
    for area in AREAS:
        offset, count, configured = 0, counts.setdefault(area.kind, [0, 0]), times.get(area.kind)
        before = due_before(area.kind, transaction.now, configured)
        while page := await area.older_than(transaction, before, 1000, offset):
            offset += len(page)
            own = [one.kept for one in page if one.kept.provider_hsa_id == provider]
            for kept in own:
                is_over = is_due(kept, transaction.now, (), configured)
                count[not is_due(kept, transaction.now, standing, configured)] += is_over
    return [Reported(kind, due, held) for kind, (due, held) in counts.items()]


# --- legal holds -------------------------------------------------------------------------------------------------


async def place_hold(
    transaction: Transaction, caller: Caller, patient_person_id: str | None, kind: DataKind | None, reason: str
) -> LegalHoldRow:
    """Keep what is named of the care provider's data; naming nothing keeps all of it."""
    provider = caller.principal.provider_hsa_id
    caller.require(transaction, Resource(provider_hsa_id=provider, patient_person_id=patient_person_id), what="hold")
    check_hold(LegalHold(patient_person_id, provider, kind, transaction.now))
    assert provider is not None
    row = LegalHoldRow(
        hold_id=new_id("hold"),
        provider_hsa_id=provider,
        patient_person_id=patient_person_id,
        kind=kind,
        reason=reason,
        placed_by=caller.principal.actor,
        placed_at=transaction.now,
    )
    transaction.session.add(row)
    await transaction.session.flush()
    return row


async def lift_hold(transaction: Transaction, caller: Caller, hold_id: str, reason: str) -> LegalHoldRow:
    """It is kept no longer than others."""
    row = await transaction.session.get(LegalHoldRow, hold_id, with_for_update=True)
    resource = None if row is None else Resource(row.provider_hsa_id, None, row.patient_person_id)
    caller.require(transaction, resource, what=f"hold:{hold_id}")
    assert row is not None
    check_lift(row.lifted_at)
    row.lifted_at, row.lifted_by, row.lift_reason = transaction.now, caller.principal.actor, reason
    return row


async def list_holds(transaction: Transaction, caller: Caller) -> Sequence[LegalHoldRow]:
    """The care provider's, the last placed first."""
    provider = caller.principal.provider_hsa_id
    caller.require(transaction, Resource(provider_hsa_id=provider), what="holds")
    query = select(LegalHoldRow).where(LegalHoldRow.provider_hsa_id == provider)
    rows = (await transaction.session.scalars(query.order_by(LegalHoldRow.placed_at.desc()).limit(500))).all()
    for row in rows:
        if row.patient_person_id is not None:
            caller.require(transaction, Resource(provider, None, row.patient_person_id), what=f"hold:{row.hold_id}")
    return rows
