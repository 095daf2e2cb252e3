"""Önskemål om förlossningsklinik: the clinics, their places, and the allocations of a region."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import StringConstraints

from auth.permissions import Action
from companion.identity import Caller, asks
from companion.models.maternity import MaternityRun
from companion.routes.maternity_shapes import (
    AllotmentOut,
    AllotmentsOut,
    PlacesIn,
    PositionIn,
    ReplayOut,
    RunIn,
    RunOut,
    RunsOut,
    Week,
    WeekOut,
    WishOut,
    language_for,
    person_out,
    wish_fields,
)
from companion.routes.shapes import HsaId, ObjectId
from companion.rules.local_time import local_date
from companion.rules.masking import Surface
from companion.rules.maternity import due_week
from companion.store import maternity_allocation as allocation
from companion.store import maternity_clinics as clinics

router = APIRouter(tags=["maternity clinics"])

ClinicStaff = Annotated[Caller, asks(Action.MATERNITY_CLINIC)]
Allocator = Annotated[Caller, asks(Action.MATERNITY_ALLOCATE)]
Planner = Annotated[Caller, asks(Action.MATERNITY_CAPACITY)]
Overrider = Annotated[Caller, asks(Action.MATERNITY_OVERRIDE)]
AreaCode = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,32}$")]
Limit = Annotated[int, Query(ge=1, le=200)]


def _run_fields(run: MaternityRun) -> dict[str, object]:
    placed = sum(one["clinic"] is not None for one in run.places)
    return {
        "run_id": run.run_id,
        "ran_at": run.ran_at,
        "ran_by": run.ran_by,
        "seed": run.seed,
        "record_digest": run.record_digest,
        "placed": placed,
        "waiting": len(run.places) - placed,
    }


# --- the clinic --------------------------------------------------------------------------------------------------


@router.get("/units/{hsa_id}/maternity-allotments")
async def list_allotments(hsa_id: HsaId, week: Week, caller: ClinicStaff, request: Request) -> AllotmentsOut:
    """Who is to give birth at the clinic in a due week, and how many places there are."""
    language = language_for(request)
    async with caller.transaction() as transaction:
        count, rows = await clinics.allotments(transaction, caller, hsa_id, week)
        people = [
            AllotmentOut(
                pregnancy_id=row.pregnancy_id,
                patient=person_out(person, Surface.QUEUE, language),
                due_date=row.due_date,
                midwife_unit_hsa_id=row.unit_hsa_id,
            )
            for row, person in rows
        ]
        return AllotmentsOut(week=count.week, places=count.places, allotted=count.allotted, allotments=people)


@router.get("/units/{hsa_id}/maternity-weeks")
async def list_weeks(hsa_id: HsaId, caller: Planner, first: Week | None = None) -> list[WeekOut]:
    """The clinic's places by due week and how many are given, from this week or another one on."""
    async with caller.transaction() as transaction:
        since = first or due_week(local_date(transaction.now))
        return [WeekOut.model_validate(one) for one in await clinics.weeks_of(transaction, caller, hsa_id, since)]


@router.put("/units/{hsa_id}/maternity-weeks/{week}")
async def set_places(hsa_id: HsaId, week: Week, body: PlacesIn, caller: Planner) -> WeekOut:
    """Other places in a week."""
    async with caller.transaction() as transaction:
        return WeekOut.model_validate(await clinics.set_places(transaction, caller, hsa_id, week, body.places))


@router.put("/units/{hsa_id}/position", status_code=204)
async def place_unit(hsa_id: HsaId, body: PositionIn, caller: Planner) -> None:
    """Where a clinic or a midwife's unit is."""
    async with caller.transaction() as transaction:
        await clinics.place_unit(transaction, caller, hsa_id, body.position())


# --- the region --------------------------------------------------------------------------------------------------


@router.put("/maternity/areas/{area}/position", status_code=204)
async def place_area(area: AreaCode, body: PositionIn, caller: Planner) -> None:
    """Where the middle of an area is; the nearest clinics of those who live there are measured from it."""
    async with caller.transaction() as transaction:
        await clinics.place_area(transaction, caller, area, body.position())


@router.get("/maternity/waiting")
async def list_waiting(caller: Overrider, request: Request) -> list[WishOut]:
    """Those for whom there was no room anywhere: somebody must decide."""
    language = language_for(request)
    async with caller.transaction() as transaction:
        rows = await allocation.waiting(transaction, caller)
        return [WishOut(**wish_fields(row, person, Surface.QUEUE, transaction.now, language)) for row, person in rows]


@router.post("/maternity/runs")
async def run(body: RunIn, caller: Allocator) -> RunsOut:
    """Allocate all who have reached 22+0 by a day. Again: nobody is left, and nothing happens."""
    async with caller.transaction() as transaction:
        made = await allocation.run_for_day(transaction, caller, body.day)
        return RunsOut(run=None if made is None else RunOut.model_validate(_run_fields(made)))


@router.get("/maternity/runs")
async def list_runs(caller: Allocator, limit: Limit = 50) -> list[RunOut]:
    """The region's allocations, the latest first."""
    async with caller.transaction() as transaction:
        return [RunOut.model_validate(_run_fields(one)) for one in await allocation.runs_of(transaction, caller, limit)]


@router.get("/maternity/runs/{run_id}/replay")
async def replay(run_id: ObjectId, caller: Allocator) -> ReplayOut:
    """Make an allocation again from its stored input and seed, and compare."""
    async with caller.transaction() as transaction:
        found = await allocation.replay(transaction, caller, run_id)
        return ReplayOut.model_validate(
            _run_fields(found.run) | {"is_input_intact": found.is_input_intact, "is_identical": found.is_identical}
        )
