"""Free slots for everybody, and holding one."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, TypeAdapter

from auth.permissions import Action
from companion.errors import INVALID_REQUEST, NOT_FOUND, Problem
from companion.idempotency import Key, once
from companion.identity import Caller, asks, public
from companion.models.schedules import Slot
from companion.routes.shapes import Day, HsaId, Input, ObjectId, Output, PersonId
from companion.rules.local_time import day_bounds, local, local_date
from companion.search_cache import Question, SearchCache
from companion.services import Services
from companion.store import slots as store
from companion.transaction import Transaction

router = APIRouter(tags=["slots"])

SEARCH_PATH = "/slots"
WHY_PUBLIC = "Free slots are public and cached, so that a rush does not hit the login."
DEFAULT_DAYS = 28
MAX_DAYS = 92
Booker = Annotated[Caller, asks(Action.BOOKING_CREATE)]


class FreeSlot(Output):
    """A slot with room."""

    slot_id: str
    unit_hsa_id: str
    time_type_id: str
    starts_at: datetime
    ends_at: datetime
    local_start: str
    """On the clocks of Stockholm, with the offset from UTC."""
    free: int


class Alternative(Output):
    """A slot to take instead."""

    slot_id: str
    unit_hsa_id: str
    starts_at: datetime


class HoldIn(Input):
    """Which slot, and for whom (staff); patients hold for themselves or whom they act for."""

    slot_id: ObjectId
    patient_person_id: PersonId | None = None


class HoldOut(Output):
    """A place that is held."""

    hold_id: str
    slot_id: str
    expires_at: datetime
    starts_at: datetime


BookablePurpose = Annotated[Literal["ordinary", "dose_2"], Query()]
_FREE_SLOTS: TypeAdapter[list[FreeSlot]] = TypeAdapter(list[FreeSlot])


def whom(caller: Caller, given: str | None) -> str:
    """The patient concerned: who asks or whom they act for; staff say it."""
    person_id = given or caller.principal.subject
    if person_id is None:
        raise Problem(INVALID_REQUEST, "patient_person_id", "missing")
    return person_id


def free_rows(slots: Sequence[Slot]) -> list[FreeSlot]:
    """Slots as they are offered."""
    return [
        FreeSlot(
            slot_id=slot.slot_id,
            unit_hsa_id=slot.unit_hsa_id,
            time_type_id=slot.time_type_id,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            local_start=local(slot.starts_at).isoformat(),
            free=slot.capacity - slot.taken,
        )
        for slot in slots
    ]


def _days(first: date | None, last: date | None, today: date) -> tuple[date, date]:
    """From today or later, four weeks unless they are given, and not half a year."""
    begin = max(first or today, today)
    end = last or begin + timedelta(days=DEFAULT_DAYS)
    if (end - begin).days > MAX_DAYS:
        raise Problem(INVALID_REQUEST, "last", f"at most {MAX_DAYS} days")
    return begin, end


@router.get(SEARCH_PATH, response_model=list[FreeSlot])
async def search(
    request: Request,
    services: Annotated[Services, public(WHY_PUBLIC)],
    time_type_id: Annotated[ObjectId | None, Query()] = None,
    unit: Annotated[HsaId | None, Query()] = None,
    first: Annotated[Day | None, Query()] = None,
    last: Annotated[Day | None, Query()] = None,
    purpose: BookablePurpose = "ordinary",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """Free slots from one local day to another. Those for second doses are asked for by `purpose`. The answer has an
    `ETag`: `If-None-Match` with it is answered with 304 as long as nothing has changed.
    """
    now = services.clock()
    begin, end = _days(first, last, local_date(now))
    cache: SearchCache = request.app.state.search_cache

    async def look_up() -> bytes:
        async with services.database.reading(now) as transaction:
            found = await store.free_slots(
                transaction,
                begins=day_bounds(begin)[0],
                ends=day_bounds(end)[1],
                time_type_id=time_type_id,
                unit_hsa_id=unit,
                purpose=purpose,
                limit=limit,
            )
        return _FREE_SLOTS.dump_json(free_rows(found))

    question = Question(unit, time_type_id, (begin, end, purpose, limit))
    answer = await cache.get(question, request.scope["query_string"], now, look_up)
    return answer.to(request.scope["headers"])


@router.get("/units/{hsa_id}/free-slots")
async def search_for_staff(
    hsa_id: HsaId,
    caller: Annotated[Caller, asks(Action.BOOKING_LIST)],
    time_type_id: Annotated[ObjectId | None, Query()] = None,
    first: Annotated[Day | None, Query()] = None,
    last: Annotated[Day | None, Query()] = None,
    purpose: BookablePurpose = "ordinary",
) -> list[FreeSlot]:
    """What staff may book somebody into in their unit, time types for the invited included."""
    async with caller.transaction() as transaction:
        begin, end = _days(first, last, local_date(transaction.now))
        found = await store.free_slots_of_unit(
            transaction,
            caller,
            hsa_id,
            begins=day_bounds(begin)[0],
            ends=day_bounds(end)[1],
            time_type_id=time_type_id,
            purpose=purpose,
        )
        return free_rows(found)


@router.get("/slots/{slot_id}/alternatives")
async def read_alternatives(
    slot_id: ObjectId, services: Annotated[Services, public(WHY_PUBLIC)]
) -> Annotated[list[Alternative], Field(max_length=3)]:
    """The three free slots nearest to one."""
    async with services.database.reading(services.clock()) as transaction:
        slot = await transaction.session.get(Slot, slot_id)
        if slot is None:
            raise Problem(NOT_FOUND)
        return [Alternative.model_validate(one) for one in await store.alternatives(transaction, slot)]


@router.post("/holds", status_code=201, response_model=HoldOut)
async def hold(request: Request, body: HoldIn, caller: Booker, key: Key = None) -> Any:
    """Hold a place while booking it; 409 `slot_taken` with the three nearest alternatives."""
    lifetime = timedelta(seconds=caller.services.settings.hold_s)

    async def act(transaction: Transaction) -> HoldOut:
        person_id = whom(caller, body.patient_person_id)
        made, slot = await store.hold(transaction, caller, body.slot_id, person_id, lifetime)
        return HoldOut(hold_id=made.hold_id, slot_id=made.slot_id, expires_at=made.expires_at, starts_at=slot.starts_at)

    return await once(caller, request, key, 201, act)


@router.delete("/holds/{hold_id}", status_code=204)
async def let_go(hold_id: ObjectId, caller: Booker) -> None:
    """Give a held place up."""
    async with caller.transaction() as transaction:
        await store.let_go(transaction, caller, hold_id)
