"""Use cases of the allocation: run by the sweep or by a region's administrator, by hand, explained, replayed.

Whoever gives places locks the region first (``lock_region``), then the pregnancies. So two runs, or a run and a place
given by hand, never count on the same place; the second run finds nobody left.
"""

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import select

from auth.audit import AuditEntry
from auth.permissions import Action, Resource
from companion.errors import NOT_FOUND, Problem
from companion.identity import Caller
from companion.models.maternity import MaternityExclusion, MaternityOverride, MaternityRun, Pregnancy
from companion.models.people import Person
from companion.rules.allocation import Applicant, Place, Refused, allocate
from companion.rules.allocation_record import RecordError, digest, places_record, record_of, replayed
from companion.rules.distances import nearest_first
from companion.rules.local_time import midnight
from companion.rules.maternity import (
    WISH_CHOICES,
    PregnancyState,
    after,
    check_allocation_day,
    check_override,
    check_place,
    due_week,
)
from companion.services import new_id
from companion.settings import CompanionSettings
from companion.store.maternity import exclusions_of, own, resource_of, step, tell
from companion.store.maternity_clinics import clinics_of, home_of, lock_region, places_left, sites_of
from companion.transaction import Transaction

SEED_BYTES: Final = 32
ITSELF: Final = "companion"
"""Who acts when the sweep allocates."""

Note = Callable[[Pregnancy], None]


@dataclass(frozen=True)
class Replay:
    """A run that was made again."""

    run: MaternityRun
    is_input_intact: bool
    """The stored input has the digest that was stored with it."""
    is_identical: bool
    """The same seed and input gave the same places."""


# --- runs --------------------------------------------------------------------------------------------------------


async def run_for_day(transaction: Transaction, caller: Caller, day: date) -> MaternityRun | None:
    """Allocate all of the caller's region who have reached 22+0 by a day; None: nobody is left to allocate."""
    provider = caller.principal.provider_hsa_id
    caller.require(transaction, Resource(provider_hsa_id=provider), what=f"maternity-run:{day}")
    assert provider is not None
    check_allocation_day(day, transaction.now)

    def note(row: Pregnancy) -> None:
        caller.require(transaction, resource_of(row), what=f"pregnancy:{row.pregnancy_id}")

    return await _run(transaction, provider, midnight(day), caller.principal.actor, note)


async def sweep_maternity(transaction: Transaction, settings: CompanionSettings) -> int:
    """Allocate everybody who has reached 22+0, and remind who has not wished yet. Returns how many changed."""
    now = transaction.now
    is_open = Pregnancy.state == PregnancyState.OPEN.value
    due = select(Pregnancy.provider_hsa_id).where(is_open, Pregnancy.closes_at <= now).distinct()
    changed = 0
    for provider in sorted((await transaction.session.scalars(due)).all()):
        run = await _run(transaction, provider, now, ITSELF, lambda row: _note_itself(transaction, row))
        changed += 0 if run is None else len(run.places)
    return changed + await _remind(transaction, timedelta(days=settings.maternity_reminder_before_days))


def _note_itself(transaction: Transaction, row: Pregnancy) -> None:
    entry = AuditEntry(
        at_ms=int(transaction.now.timestamp() * 1000),
        actor=ITSELF,
        on_behalf_of=None,
        commission=None,
        unit=row.unit_hsa_id,
        provider=row.provider_hsa_id,
        patient=row.patient_person_id,
        action=Action.MATERNITY_ALLOCATE.value,
        outcome="allowed",
        resource=f"pregnancy:{row.pregnancy_id}",
        address=None,
        request_id="",
    )
    transaction.audit.append(entry)


async def _remind(transaction: Transaction, before: timedelta) -> int:
    """Once, and only who has not wished for anything."""
    now = transaction.now
    query = (
        select(Pregnancy, Person)
        .join(Person)
        .where(
            Pregnancy.state == PregnancyState.OPEN.value,
            Pregnancy.closes_at > now,
            Pregnancy.closes_at <= now + before,
            Pregnancy.wished_at.is_(None),
            Pregnancy.reminded_at.is_(None),
        )
        .order_by(Pregnancy.closes_at)
        .limit(200)
        .with_for_update(skip_locked=True, of=Pregnancy)
    )
    rows = (await transaction.session.execute(query)).all()
    for row, person in rows:
        row.reminded_at = now
        if now - row.registered_at > timedelta(days=1):  # else what told of the wish was reminder enough
            tell(transaction, row, person, "reminder")
    return len(rows)


async def _run(
    transaction: Transaction, provider: str, reached: datetime, ran_by: str, note: Note
) -> MaternityRun | None:
    """Everybody of a region who is open and closed by ``reached``, in one draw."""
    await lock_region(transaction, provider)
    query = (
        select(Pregnancy)
        .where(
            Pregnancy.provider_hsa_id == provider,
            Pregnancy.state == PregnancyState.OPEN.value,
            Pregnancy.closes_at <= reached,
        )
        .order_by(Pregnancy.pregnancy_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    rows = {row.pregnancy_id: row for row in (await transaction.session.scalars(query)).all()}
    if not rows:
        return None
    people = await _people(transaction, rows.values())
    applicants = await _applicants(transaction, provider, rows, people)
    capacity = await places_left(transaction, [unit.hsa_id for unit in await clinics_of(transaction, provider)])
    weeks = {one.week for one in applicants}
    capacity = {key: number for key, number in capacity.items() if key[1] in weeks}
    seed = secrets.token_bytes(SEED_BYTES)
    found = allocate(applicants, capacity, seed)
    record = record_of(applicants, capacity)
    run = MaternityRun(
        run_id=new_id("mr"),
        provider_hsa_id=provider,
        ran_at=transaction.now,
        ran_by=ran_by,
        seed=seed.hex(),
        record=record,
        record_digest=digest(record),
        places=places_record(found),
    )
    transaction.session.add(run)
    await transaction.session.flush()
    for place in found:
        row = rows[place.pregnancy_id]
        note(row)
        step(row, "fail" if place.clinic is None else "allocate")
        _write(transaction, row, place, run.run_id)
        if place.clinic is not None:
            tell(transaction, row, people[row.patient_person_id], "allocated", run.run_id)
    return run


async def _people(transaction: Transaction, rows: Iterable[Pregnancy]) -> dict[str, Person]:
    query = select(Person).where(Person.person_id.in_([row.patient_person_id for row in rows]))
    return {person.person_id: person for person in (await transaction.session.scalars(query)).all()}


async def _applicants(
    transaction: Transaction, provider: str, rows: dict[str, Pregnancy], people: dict[str, Person]
) -> list[Applicant]:
    sites = await sites_of(transaction, provider)
    excluded: defaultdict[str, set[str]] = defaultdict(set)
    query = select(MaternityExclusion).where(MaternityExclusion.pregnancy_id.in_(rows))
    for one in (await transaction.session.scalars(query)).all():
        excluded[one.pregnancy_id].add(one.clinic_hsa_id)
    found = []
    for row in rows.values():
        home = await home_of(transaction, row, people[row.patient_person_id])
        applicant = Applicant(
            pregnancy_id=row.pregnancy_id,
            week=due_week(row.due_date),
            choices=tuple(row.choices),
            nearest=tuple(site.clinic for site in nearest_first(sites, home)),
            excluded=frozenset(excluded[row.pregnancy_id]),
        )
        found.append(applicant)
    return found


def _write(transaction: Transaction, row: Pregnancy, place: Place, run_id: str | None) -> None:
    row.week, row.clinic_hsa_id, row.placed_by, row.rank = place.week, place.clinic, place.by, place.rank
    row.refused = [{"clinic": one.clinic, "why": one.why} for one in place.refused]
    row.run_id = run_id or row.run_id
    row.allocated_at = transaction.now if place.clinic is not None else None


def place_of(row: Pregnancy) -> Place | None:
    """What was found for a pregnancy, to be explained; None: nothing yet."""
    if row.week is None:
        return None
    return Place(
        pregnancy_id=row.pregnancy_id,
        week=row.week,
        clinic=row.clinic_hsa_id,
        by=row.placed_by,  # type: ignore[arg-type]  # written from a Place
        rank=row.rank,
        refused=tuple(Refused(one["clinic"], one["why"]) for one in row.refused),
    )


# --- by hand -----------------------------------------------------------------------------------------------------


async def override(
    transaction: Transaction, caller: Caller, pregnancy_id: str, clinic: str, reason: str, *, may_exceed: bool
) -> Pregnancy:
    """A place by hand. Beyond the capacity only by the region, and only when it says that it means it."""
    known = await transaction.session.get(Pregnancy, pregnancy_id)
    if known is not None:
        await lock_region(transaction, known.provider_hsa_id)
    row = await own(transaction, caller, pregnancy_id)
    check_override(reason)
    previous, following = row.clinic_hsa_id, after(PregnancyState(row.state), "override")
    if clinic not in {unit.hsa_id for unit in await clinics_of(transaction, row.provider_hsa_id)}:
        raise Problem(WISH_CHOICES, "clinic_hsa_id")
    week = due_week(row.due_date)
    left = await _left_without(transaction, row, clinic, week)
    is_excluded = clinic in {one.clinic_hsa_id for one in await exclusions_of(transaction, pregnancy_id)}
    is_region = "region_admin" in caller.principal.roles
    check_place(left=left, is_excluded=is_excluded, may_exceed=may_exceed and is_region)
    rank = row.choices.index(clinic) + 1 if clinic in row.choices else None
    row.state = following
    _write(transaction, row, Place(pregnancy_id, week, clinic, "override", rank, ()), None)
    decision = MaternityOverride(
        override_id=new_id("mo"),
        pregnancy_id=pregnancy_id,
        clinic_hsa_id=clinic,
        previous_clinic_hsa_id=previous,
        is_beyond_capacity=left <= 0,
        reason=reason.strip(),
        decided_by=caller.principal.actor,
        decided_at=transaction.now,
    )
    transaction.session.add(decision)
    if clinic != previous:
        person = await transaction.session.get_one(Person, row.patient_person_id)
        tell(transaction, row, person, "allocated", decision.override_id)
    return row


async def _left_without(transaction: Transaction, row: Pregnancy, clinic: str, week: str) -> int:
    """Places left when the one that this pregnancy has itself is not counted."""
    left = (await places_left(transaction, [clinic])).get((clinic, week), 0)
    return left + (1 if (row.clinic_hsa_id, row.week) == (clinic, week) else 0)


async def overrides_of(transaction: Transaction, pregnancy_id: str) -> Sequence[MaternityOverride]:
    """What was decided by hand, the latest first."""
    query = select(MaternityOverride).where(MaternityOverride.pregnancy_id == pregnancy_id)
    return (await transaction.session.scalars(query.order_by(MaternityOverride.decided_at.desc()))).all()


async def waiting(transaction: Transaction, caller: Caller) -> Sequence[tuple[Pregnancy, Person]]:
    """Those of the region for whom there was no room anywhere: somebody must decide."""
    provider = caller.principal.provider_hsa_id
    caller.require(transaction, Resource(provider_hsa_id=provider), what="pregnancies-waiting")
    query = (
        select(Pregnancy, Person)
        .join(Person)
        .where(Pregnancy.provider_hsa_id == provider, Pregnancy.state == PregnancyState.WAITING.value)
        .order_by(Pregnancy.due_date, Pregnancy.pregnancy_id)
        .limit(500)
    )
    rows = [(row, person) for row, person in (await transaction.session.execute(query)).all()]
    for row, _ in rows:
        caller.require(transaction, resource_of(row), what=f"pregnancy:{row.pregnancy_id}")
    return rows


# --- afterwards --------------------------------------------------------------------------------------------------


async def runs_of(transaction: Transaction, caller: Caller, limit: int) -> Sequence[MaternityRun]:
    """The region's latest runs."""
    provider = caller.principal.provider_hsa_id
    caller.require(transaction, Resource(provider_hsa_id=provider), what="maternity-runs")
    query = select(MaternityRun).where(MaternityRun.provider_hsa_id == provider)
    query = query.order_by(MaternityRun.ran_at.desc(), MaternityRun.run_id).limit(limit)
    return (await transaction.session.scalars(query)).all()


async def replay(transaction: Transaction, caller: Caller, run_id: str) -> Replay:
    """Make a run again from what is stored, and compare."""
    run = await transaction.session.get(MaternityRun, run_id)
    resource = None if run is None else Resource(provider_hsa_id=run.provider_hsa_id)
    caller.require(transaction, resource, what=f"maternity-run:{run_id}")
    if run is None:
        raise Problem(NOT_FOUND)
    is_intact = digest(run.record) == run.record_digest
    try:
        found = replayed(run.record, bytes.fromhex(run.seed))
    except RecordError:
        return Replay(run, is_intact, is_identical=False)
    return Replay(run, is_intact, is_identical=list(found) == list(run.places))
