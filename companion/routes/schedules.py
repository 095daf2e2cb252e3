"""Time types and schedules (tidböcker)."""

from datetime import datetime, time
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from auth.permissions import Action
from companion.identity import Caller, asks, public
from companion.routes.organisation import WHY_PUBLIC
from companion.routes.shapes import Age, BirthYear, Day, HsaId, Input, Instant, Minutes, Name, ObjectId, Output
from companion.rules.slots import Purpose, state_of
from companion.services import Services
from companion.store import organisation
from companion.store import schedules as store

router = APIRouter(tags=["schedules"])

Scheduler = Annotated[Caller, asks(Action.SCHEDULE_ADMIN)]


class TimeTypeIn(Input):
    """A time type (tidstyp)."""

    name_sv: Name
    name_en: Name
    length_minutes: Minutes
    modality: Literal["video", "physical", "phone", "chat"]
    audience: Literal["public", "invited"] = "public"
    min_age: Age | None = None
    max_age: Age | None = None
    born_from_year: BirthYear | None = None
    born_until_year: BirthYear | None = None
    dose: Annotated[int, Field(ge=1, le=9)] | None = None
    first_dose_type_id: ObjectId | None = None
    min_days_since_dose: Annotated[int, Field(ge=1, le=3650)] | None = None
    max_days_since_dose: Annotated[int, Field(ge=1, le=3650)] | None = None
    form_id: ObjectId | None = None
    successor_id: ObjectId | None = None
    valid_from: Day | None = None
    valid_until: Day | None = None
    patient_may_book: bool = True
    patient_may_see: bool = True
    patient_may_rebook: bool = True
    patient_may_cancel: bool = True
    patient_may_message: bool = True
    cancel_before_h: Annotated[int, Field(ge=0, le=8760)] | None = None
    for_all_units: bool = False
    """The care provider's, not one unit's."""


class TimeTypeOut(Output):
    """A time type."""

    time_type_id: str
    unit_hsa_id: str | None
    name_sv: str
    name_en: str
    length_minutes: int
    modality: str
    audience: str
    min_age: int | None
    max_age: int | None
    born_from_year: int | None
    born_until_year: int | None
    dose: int | None
    min_days_since_dose: int | None
    form_id: str | None
    successor_id: str | None
    valid_from: Day | None
    valid_until: Day | None
    patient_may_book: bool
    patient_may_rebook: bool
    patient_may_cancel: bool


class ScheduleIn(Input):
    """A new schedule."""

    name: Name
    staff_hsa_id: HsaId | None = None


class ScheduleOut(Output):
    """A schedule."""

    schedule_id: str
    unit_hsa_id: str
    name: str
    staff_hsa_id: str | None
    is_active: bool


class TemplateIn(Input):
    """A line of a schedule's week, in local time."""

    time_type_id: ObjectId
    weekdays: Annotated[str, Field(pattern=r"^0?1?2?3?4?5?6?$", min_length=1)]
    """Digits, 0 is Monday: `01234`."""
    begins: time
    ends: time
    slot_minutes: Minutes
    capacity: Annotated[int, Field(ge=1, le=1000)] = 1
    purpose: Purpose = "ordinary"
    valid_from: Day
    valid_until: Day | None = None
    on_holidays: bool = False


class TemplateOut(Output):
    """A template that was made."""

    template_id: str
    schedule_id: str


class Days(Input):
    """From a day to another, both included."""

    first: Day
    last: Day


class Made(Output):
    """How many slots are new."""

    count: int


class ClosureIn(Input):
    """A time in which nothing is held."""

    starts_at: Instant
    ends_at: Instant
    reason: Annotated[str, Field(max_length=256)] = ""


class ClosureOut(Output):
    """A closure, and the bookings in it that somebody has to move."""

    closure_id: str
    booking_ids: list[str]


class DaySlot(Output):
    """A slot as staff see it."""

    slot_id: str
    time_type_id: str
    starts_at: datetime
    ends_at: datetime
    purpose: str
    capacity: int
    taken: int
    state: str


@router.get("/units/{hsa_id}/time-types")
async def list_time_types(hsa_id: HsaId, services: Annotated[Services, public(WHY_PUBLIC)]) -> list[TimeTypeOut]:
    """What can be booked at a unit."""
    async with services.database.reading(services.clock()) as transaction:
        unit = await organisation.unit(transaction, hsa_id)
        return [TimeTypeOut.model_validate(one) for one in await store.time_types(transaction, unit)]


@router.post("/units/{hsa_id}/time-types", status_code=201)
async def add_time_type(hsa_id: HsaId, body: TimeTypeIn, caller: Scheduler) -> TimeTypeOut:
    """A new time type."""
    async with caller.transaction() as transaction:
        made = await store.save_time_type(transaction, caller, hsa_id, None, body.model_dump())
        return TimeTypeOut.model_validate(made)


@router.put("/units/{hsa_id}/time-types/{time_type_id}")
async def change_time_type(hsa_id: HsaId, time_type_id: ObjectId, body: TimeTypeIn, caller: Scheduler) -> TimeTypeOut:
    """Other rules of a time type. Bookings that were made before stay."""
    async with caller.transaction() as transaction:
        made = await store.save_time_type(transaction, caller, hsa_id, time_type_id, body.model_dump())
        return TimeTypeOut.model_validate(made)


@router.get("/units/{hsa_id}/schedules")
async def list_schedules(hsa_id: HsaId, caller: Scheduler) -> list[ScheduleOut]:
    """A unit's schedules."""
    async with caller.transaction() as transaction:
        return [ScheduleOut.model_validate(one) for one in await store.schedules(transaction, caller, hsa_id)]


@router.post("/units/{hsa_id}/schedules", status_code=201)
async def add_schedule(hsa_id: HsaId, body: ScheduleIn, caller: Scheduler) -> ScheduleOut:
    """A new schedule."""
    async with caller.transaction() as transaction:
        return ScheduleOut.model_validate(await store.add_schedule(transaction, caller, hsa_id, body.model_dump()))


@router.post("/schedules/{schedule_id}/templates", status_code=201)
async def add_template(schedule_id: ObjectId, body: TemplateIn, caller: Scheduler) -> TemplateOut:
    """A new line of a schedule's week."""
    async with caller.transaction() as transaction:
        return TemplateOut.model_validate(await store.add_template(transaction, caller, schedule_id, body.model_dump()))


@router.post("/schedules/{schedule_id}/slots")
async def make_slots(schedule_id: ObjectId, body: Days, caller: Scheduler) -> Made:
    """Make the slots of some days. May be asked again: what is there stays."""
    async with caller.transaction() as transaction:
        return Made(count=await store.make_slots(transaction, caller, schedule_id, body.first, body.last))


@router.get("/schedules/{schedule_id}/days/{day}")
async def read_day(schedule_id: ObjectId, day: Day, caller: Scheduler) -> list[DaySlot]:
    """A schedule's slots on a day, without the patients."""
    async with caller.transaction() as transaction:
        found = []
        for slot, held in await store.day_of(transaction, caller, schedule_id, day):
            state = state_of(capacity=slot.capacity, booked=slot.taken - held, held=held, is_closed=slot.is_closed)
            fields = {name: getattr(slot, name) for name in DaySlot.model_fields if name != "state"}
            found.append(DaySlot(**fields, state=state))
        return found


@router.post("/schedules/{schedule_id}/closures", status_code=201)
async def close(schedule_id: ObjectId, body: ClosureIn, caller: Scheduler) -> ClosureOut:
    """Close a schedule for a time."""
    async with caller.transaction() as transaction:
        closure, left = await store.close(transaction, caller, schedule_id, body.starts_at, body.ends_at, body.reason)
        return ClosureOut(closure_id=closure.closure_id, booking_ids=list(left))


@router.delete("/closures/{closure_id}", status_code=204)
async def reopen(closure_id: ObjectId, caller: Scheduler) -> None:
    """Take a closure back."""
    async with caller.transaction() as transaction:
        await store.reopen(transaction, caller, closure_id)
