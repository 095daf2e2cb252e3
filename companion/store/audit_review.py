"""Use cases of follow-up: administrators search the audit log of their units, draw samples and judge them."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sqlalchemy import select

from auth.permissions import Resource
from companion.identity import Caller
from companion.models.audit_review import AuditSample, AuditSampleEntry
from companion.rules.audit_review import EntryId, Judgement, check_judgement, check_period, draw
from companion.services import new_id
from companion.store.admin_scope import scope_of
from companion.store.chains import ROWS, Cursor, Found, Names, Wanted, entry_at, names_of, page
from companion.transaction import Transaction

_SEED_BYTES: Final = 16


async def search(
    transaction: Transaction, caller: Caller, wanted: Wanted, before: Cursor | None, limit: int
) -> tuple[list[Found], Names]:
    """What people of one's units have done, latest first. A search for a patient is a use of that patient's data."""
    scope = scope_of(caller)
    resource = Resource(scope.provider_hsa_id, scope.own_unit_hsa_id, wanted.patient)
    caller.require(transaction, resource, what="audit")
    unit = scope.unit_hsa_id or wanted.unit
    mine = replace(wanted, provider=scope.provider_hsa_id, unit=unit)
    if scope.unit_hsa_id is not None and wanted.unit not in (None, scope.unit_hsa_id):
        return [], await names_of(transaction, ())
    found = await page(transaction, mine, before, limit)
    return found, await names_of(transaction, [one.entry for one in found])


# --- samples -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sampled:
    """An entry of a sample, with what was said of it. ``repr`` shows nothing."""

    row: AuditSampleEntry = field(repr=False)
    found: Found | None = field(repr=False)
    """None: its time was over and it was erased."""


async def draw_sample(
    transaction: Transaction, caller: Caller, begins_at: datetime, ends_at: datetime, size: int
) -> AuditSample:
    """A random sample of one's units in a time that is over. Nobody chooses the seed, and it is kept."""
    scope = scope_of(caller)
    caller.require(transaction, Resource(scope.provider_hsa_id, scope.own_unit_hsa_id), what="audit_sample")
    check_period(begins_at, ends_at, transaction.now)
    wanted = Wanted(provider=scope.provider_hsa_id, unit=scope.unit_hsa_id, begins_at=begins_at, ends_at=ends_at)
    population = await _places(transaction, wanted)
    seed = secrets.token_hex(_SEED_BYTES)
    sample = AuditSample(
        sample_id=new_id("as"),
        provider_hsa_id=scope.provider_hsa_id,
        unit_hsa_id=scope.unit_hsa_id,
        seed=seed,
        begins_at=begins_at,
        ends_at=ends_at,
        population=len(population),
        drawn_by=caller.principal.actor,
        drawn_at=transaction.now,
    )
    transaction.session.add(sample)
    await transaction.session.flush()
    for place in draw(seed, population, size):
        transaction.session.add(
            AuditSampleEntry(sample_id=sample.sample_id, chain=place.chain, number=place.number, note="")
        )
    return sample


async def _places(transaction: Transaction, wanted: Wanted) -> list[EntryId]:
    found: list[EntryId] = []
    for chain, row in ROWS.items():
        query = wanted.query(chain).with_only_columns(row.number)
        found += [EntryId(chain, number) for number in (await transaction.session.scalars(query)).all()]
    return found


async def samples(transaction: Transaction, caller: Caller) -> Sequence[AuditSample]:
    """Those of one's units, newest first."""
    scope = scope_of(caller)
    caller.require(transaction, Resource(scope.provider_hsa_id, scope.own_unit_hsa_id), what="audit_samples")
    query = select(AuditSample).where(AuditSample.provider_hsa_id == scope.provider_hsa_id)
    if scope.unit_hsa_id is not None:
        query = query.where(AuditSample.unit_hsa_id == scope.unit_hsa_id)
    return (await transaction.session.scalars(query.order_by(AuditSample.drawn_at.desc()).limit(100))).all()


async def read_sample(
    transaction: Transaction, caller: Caller, sample_id: str
) -> tuple[AuditSample, list[Sampled], Names]:
    """A sample and its entries."""
    sample = await _own_sample(transaction, caller, sample_id)
    query = select(AuditSampleEntry).where(AuditSampleEntry.sample_id == sample_id)
    rows = (await transaction.session.scalars(query.order_by(AuditSampleEntry.chain, AuditSampleEntry.number))).all()
    found = [Sampled(row, await entry_at(transaction, _place_of(row))) for row in rows]
    names = await names_of(transaction, [one.found.entry for one in found if one.found is not None])
    return sample, found, names


async def judge(
    transaction: Transaction, caller: Caller, sample_id: str, place: EntryId, judgement: Judgement, note: str
) -> AuditSampleEntry:
    """Say of one sampled entry whether it was right."""
    await _own_sample(transaction, caller, sample_id)
    row = await transaction.session.get(AuditSampleEntry, (sample_id, place.chain, place.number), with_for_update=True)
    found = None if row is None else await entry_at(transaction, place)
    if row is None or found is None:
        caller.require(transaction, None)
    assert row is not None
    assert found is not None
    check_judgement(
        actor=found.entry.actor,
        judge=caller.principal.actor,
        judged_at=row.judged_at,
        judgement=judgement,
        note=note,
    )
    row.judgement, row.note = judgement, note.strip()
    row.judged_by, row.judged_at = caller.principal.actor, transaction.now
    return row


def counts(sampled: Sequence[Sampled]) -> Iterator[tuple[str, int]]:
    """How many were found right, questioned, and are still to be judged."""
    for name in ("ok", "questioned", None):
        yield name or "unjudged", sum(1 for one in sampled if one.row.judgement == name)


def _place_of(row: AuditSampleEntry) -> EntryId:
    return EntryId(row.chain, row.number)  # type: ignore[arg-type]  # written from an EntryId


async def _own_sample(transaction: Transaction, caller: Caller, sample_id: str) -> AuditSample:
    sample = await transaction.session.get(AuditSample, sample_id)
    resource = None if sample is None else Resource(sample.provider_hsa_id, sample.unit_hsa_id)
    caller.require(transaction, resource, what=f"audit_sample:{sample_id}")
    assert sample is not None
    return sample
