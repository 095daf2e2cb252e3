"""Video meetings, as the front asks about them: it makes them of bookings, and again when it has lost them."""

from typing import Annotated

from fastapi import APIRouter

from auth.permissions import Action
from companion.identity import Caller, asks
from companion.routes.shapes import HsaId, ObjectId, Output, PersonId
from companion.store import meetings as store

router = APIRouter(tags=["meetings"])

Feed = Annotated[Caller, asks(Action.MEETING_FEED)]


class MeetingOut(Output):
    """A meeting's booking: who, when, where, and no more."""

    meeting_id: str
    booking_id: str
    sequence: int
    state: str
    is_video: bool
    provider_hsa_id: str
    unit_hsa_id: str
    unit_name: str
    unit_phone: str | None
    patient_person_id: str
    is_protected: bool
    starts_at: int
    """Seconds since the epoch, as the front counts."""
    ends_at: int
    interpreter_language: str | None


class MeetingsOut(Output):
    """Several meetings, by start."""

    meetings: list[MeetingOut]


def _shown(row: store.MeetingRow) -> MeetingOut:
    booking = row.booking
    return MeetingOut(
        meeting_id=booking.meeting_id or "",
        booking_id=booking.booking_id,
        sequence=booking.sequence,
        state=booking.state,
        is_video=row.is_video,
        provider_hsa_id=booking.provider_hsa_id,
        unit_hsa_id=booking.unit_hsa_id,
        unit_name=row.unit.name,
        unit_phone=row.unit.phone,
        patient_person_id=booking.patient_person_id,
        is_protected=row.person.is_protected,
        starts_at=int(booking.starts_at.timestamp()),
        ends_at=int(booking.ends_at.timestamp()),
        interpreter_language=booking.interpreter_language,
    )


@router.get("/meetings/{meeting_id}")
async def read_meeting(meeting_id: ObjectId, caller: Feed) -> MeetingOut:
    """The booking behind a meeting (the front asks), cancelled ones too."""
    async with caller.transaction() as transaction:
        return _shown(await store.meeting(transaction, caller, meeting_id))


@router.get("/persons/{person_id}/meetings")
async def meetings_of_patient(person_id: PersonId, caller: Feed) -> MeetingsOut:
    """A patient's meetings to come (the front asks)."""
    async with caller.transaction() as transaction:
        rows = await store.of_patient(transaction, caller, person_id)
        return MeetingsOut(meetings=[_shown(row) for row in rows])


@router.get("/units/{hsa_id}/meetings")
async def meetings_of_unit(hsa_id: HsaId, caller: Feed) -> MeetingsOut:
    """A unit's meetings to come (the front asks)."""
    async with caller.transaction() as transaction:
        rows = await store.of_unit(transaction, caller, hsa_id)
        return MeetingsOut(meetings=[_shown(row) for row in rows])
