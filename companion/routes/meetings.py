"""Video meetings, as the front asks about them: it makes them of bookings, and again when it has lost them."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from auth.permissions import Action
from companion.errors import NOT_FOUND, Problem
from companion.identity import Caller, asks
from companion.models.bookings import Booking
from companion.routes.shapes import HsaId, Input, ObjectId, Output, PersonId
from companion.services import Services
from companion.store import meeting_course as course
from companion.store import meetings as store
from companion.store.bookings import own_booking
from companion.transaction import Transaction

router = APIRouter(tags=["meetings"])

Feed = Annotated[Caller, asks(Action.MEETING_FEED)]
Teller = Annotated[Caller, asks(Action.MEETING_COURSE)]
Reader = Annotated[Caller, asks(Action.BOOKING_READ)]


class AtIn(Input):
    """When."""

    at_ms: Annotated[int, Field(ge=0, le=4_102_444_800_000)]
    """Milliseconds since the epoch."""


class CourseOut(Output):
    """How far a meeting has come."""

    meeting_id: str
    state: str
    """`planned`, `open`, `in_progress`, `ended`, `no_show` or `aborted_technical`."""
    patient_joined_at: datetime | None
    host_joined_at: datetime | None
    meeting_ended_at: datetime | None
    booking_state: str


class MeetingOut(Output):
    """A meeting's booking: who, when, where, and no more."""

    meeting_id: str
    booking_id: str
    sequence: int
    state: str
    meeting_state: str
    is_video: bool
    provider_hsa_id: str
    unit_hsa_id: str
    unit_name: str
    unit_phone: str | None
    is_group: bool
    patient_person_id: str | None
    """None: a group, whose patients are all members."""
    host_ids: list[str]
    """Staff who hold it beside the unit's: whose schedule it is, clinicians of other units."""
    member_ids: list[str]
    is_protected: bool
    starts_at: int
    """Seconds since the epoch, as the front counts."""
    ends_at: int
    interpreter_language: str | None


class MeetingsOut(Output):
    """Several meetings, by start."""

    meetings: list[MeetingOut]


def _shown(transaction: Transaction, services: Services, row: store.MeetingRow) -> MeetingOut:
    booking = row.booking
    return MeetingOut(
        meeting_id=booking.meeting_id or booking.group_meeting_id or "",
        booking_id=booking.booking_id,
        sequence=row.sequence,
        state=row.state,
        meeting_state=course.state_of(transaction, services.settings, booking),
        is_video=row.is_video,
        provider_hsa_id=booking.provider_hsa_id,
        unit_hsa_id=booking.unit_hsa_id,
        unit_name=row.unit.name,
        unit_phone=row.unit.phone,
        is_group=row.is_group,
        patient_person_id=None if row.is_group else booking.patient_person_id,
        host_ids=sorted(row.hosts),
        member_ids=sorted(row.members),
        is_protected=row.person.is_protected and not row.is_group,
        starts_at=int(booking.starts_at.timestamp()),
        ends_at=int(booking.ends_at.timestamp()),
        interpreter_language=None if row.is_group else booking.interpreter_language,
    )


@router.get("/meetings/{meeting_id}")
async def read_meeting(meeting_id: ObjectId, caller: Feed) -> MeetingOut:
    """The booking behind a meeting (the front asks), cancelled ones too."""
    async with caller.transaction() as transaction:
        return _shown(transaction, caller.services, await store.meeting(transaction, caller, meeting_id))


@router.get("/persons/{person_id}/meetings")
async def meetings_of_patient(person_id: PersonId, caller: Feed) -> MeetingsOut:
    """A patient's meetings to come (the front asks)."""
    async with caller.transaction() as transaction:
        rows = await store.of_patient(transaction, caller, person_id)
        return MeetingsOut(meetings=[_shown(transaction, caller.services, row) for row in rows])


@router.get("/units/{hsa_id}/meetings")
async def meetings_of_unit(hsa_id: HsaId, caller: Feed) -> MeetingsOut:
    """A unit's meetings to come (the front asks)."""
    async with caller.transaction() as transaction:
        rows = await store.of_unit(transaction, caller, hsa_id)
        return MeetingsOut(meetings=[_shown(transaction, caller.services, row) for row in rows])


# --- how it goes ---------------------------------------------------------------------------------------------------


def _course(transaction: Transaction, services: Services, booking: Booking) -> CourseOut:
    return CourseOut(
        meeting_id=booking.meeting_id or "",
        state=course.state_of(transaction, services.settings, booking),
        patient_joined_at=booking.patient_joined_at,
        host_joined_at=booking.host_joined_at,
        meeting_ended_at=booking.meeting_ended_at,
        booking_state=booking.state,
    )


@router.put("/meetings/{meeting_id}/joined/{side}")
async def joined(meeting_id: ObjectId, side: course.Side, body: AtIn, caller: Teller) -> CourseOut:
    """The patient (`participant`) or staff (`host`) have come into the meeting (the front tells). The patient is noted
    as arrived, unless half of the time has passed.
    """
    async with caller.transaction() as transaction:
        booking = await course.joined(transaction, caller, meeting_id, side, _at(body))
        return _course(transaction, caller.services, booking)


@router.put("/meetings/{meeting_id}/ended")
async def ended(meeting_id: ObjectId, body: AtIn, caller: Teller) -> CourseOut:
    """Staff have ended the meeting for all (the front tells); if they met, the visit has taken place."""
    async with caller.transaction() as transaction:
        booking = await course.ended_for_all(transaction, caller, meeting_id, _at(body))
        return _course(transaction, caller.services, booking)


def _at(body: AtIn) -> datetime:
    return datetime.fromtimestamp(body.at_ms / 1000, UTC)


@router.get("/bookings/{booking_id}/meeting")
async def read_course(booking_id: ObjectId, caller: Reader) -> CourseOut:
    """How far the booking's video meeting has come; 404 when it has none."""
    async with caller.transaction() as transaction:
        booking = await own_booking(transaction, caller, booking_id, lock=False)
        if booking.meeting_id is None:
            raise Problem(NOT_FOUND)
        return _course(transaction, caller.services, booking)
