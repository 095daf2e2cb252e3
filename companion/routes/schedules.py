"""Time types and schedules (tidböcker)."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from auth.permissions import Action
from companion.identity import Caller, asks, public
from companion.routes.organisation import WHY_PUBLIC
from companion.routes.shapes import Age, BirthYear, Day, HsaId, Input, Minutes, Name, ObjectId, Output
from companion.services import Services
from companion.store import organisation
from companion.store import schedules as store
from companion.store import time_book_changes as changes

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
    is_group: bool = False
    """Over video: all bookings of a slot meet in one meeting."""
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
    """A time type: all that `PUT` sets, so that what is read can be sent back."""

    time_type_id: str
    unit_hsa_id: str | None
    for_all_units: bool
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
    first_dose_type_id: str | None
    min_days_since_dose: int | None
    max_days_since_dose: int | None
    is_group: bool
    form_id: str | None
    successor_id: str | None
    valid_from: Day | None
    valid_until: Day | None
    patient_may_book: bool
    patient_may_see: bool
    patient_may_rebook: bool
    patient_may_cancel: bool
    patient_may_message: bool
    cancel_before_h: int | None


class ScheduleIn(Input):
    """A new schedule."""

    name: Name
    staff_hsa_id: HsaId | None = None


class ScheduleChange(Input):
    """What is to be different; what is left out stays."""

    name: Name | None = None
    staff_hsa_id: HsaId | None = None
    """Whose it is; null: nobody's in particular."""
    is_active: bool | None = None
    """False: it gives no slots and takes no bookings until it is active again."""


class ScheduleOut(Output):
    """A schedule."""

    schedule_id: str
    unit_hsa_id: str
    name: str
    staff_hsa_id: str | None
    is_active: bool


class ScheduleChanged(ScheduleOut):
    """The schedule, and the bookings that somebody has to move."""

    booking_ids: list[str]


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


@router.patch("/schedules/{schedule_id}")
async def change_schedule(schedule_id: ObjectId, body: ScheduleChange, caller: Scheduler) -> ScheduleChanged:
    """Another name or owner, or rest."""
    given = body.model_dump(exclude_unset=True)
    fields = {name: value for name, value in given.items() if value is not None or name == "staff_hsa_id"}
    async with caller.transaction() as transaction:
        row, left = await changes.change_schedule(transaction, caller, schedule_id, fields)
        return ScheduleChanged(**ScheduleOut.model_validate(row).model_dump(), booking_ids=list(left))
