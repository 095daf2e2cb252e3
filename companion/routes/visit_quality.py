"""How visits went, technically: told by the front, read by the unit."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from auth.hsa import HsaIdError, parse
from auth.permissions import Action
from auth.pseudonyms import is_person_id
from companion.errors import INVALID_REQUEST, Problem
from companion.identity import Caller, asks
from companion.models.quality import VisitQuality
from companion.routes.shapes import Day, HsaId, Input, Output, PersonId
from companion.rules.bookings import BookingState
from companion.store import meeting_course, visits
from companion.store import visit_quality as store
from companion.store.visit_changes import change

router = APIRouter(tags=["visit quality"])

Front = Annotated[Caller, asks(Action.QUALITY_WRITE)]
Reader = Annotated[Caller, asks(Action.QUALITY_READ)]
Viewer = Annotated[Caller, asks(Action.QUALITY_FIGURES)]

MAX_STAYS: Final = 50
MAX_DAYS: Final = 366
MeetingId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,16}$")]
Milliseconds = Annotated[int, Field(ge=0, le=4_102_444_800_000)]
"""Since the epoch, through the year 2099."""
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]


def _person(text: str) -> str | None:
    """A guest's link id is nobody's."""
    if is_person_id(text):
        return text
    try:
        return parse(text)
    except HsaIdError:
        return None


class StayIn(Input):
    """One stay, as a media worker counted it."""

    stay_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    person: Annotated[str, StringConstraints(max_length=256), AfterValidator(_person)]
    role: Word
    joined_at_ms: Milliseconds
    connected_at_ms: Milliseconds | None
    left_at_ms: Milliseconds
    end_cause: Word
    is_technical_abort: bool
    path: Annotated[str, StringConstraints(pattern=r"^[a-z_]{0,16}$")]
    reconnects: Count
    ice_restarts: Count
    lost_ms: Count
    freezes: Count
    frozen_ms: Count
    packets_received: Count
    packets_lost: Count
    packets_sent: Count
    received_bps: Count
    sent_bps: Count
    worst_fraction_lost: Annotated[float, Field(ge=0, le=1)]
    round_trip_ms: Count | None
    jitter_ms: Count
    log: Annotated[list[tuple[Milliseconds, Word]], Field(max_length=200)]

    @model_validator(mode="after")
    def _in_order(self) -> "StayIn":
        if not self.joined_at_ms <= (self.connected_at_ms or self.joined_at_ms) <= self.left_at_ms:
            raise ValueError("a stay ends after it began")
        return self

    def row(self) -> dict[str, Any]:
        """The columns."""
        fields = self.model_dump(exclude={"joined_at_ms", "connected_at_ms", "left_at_ms", "lost_ms"})
        return fields | {
            "joined_at": _at(self.joined_at_ms),
            "connected_at": None if self.connected_at_ms is None else _at(self.connected_at_ms),
            "left_at": _at(self.left_at_ms),
            "lost_s": self.lost_ms / 1000,
            "log": [[at_ms, what] for at_ms, what in self.log],
        }


class PlaceIn(Input):
    """Whose meeting it was. It counts for meetings without a booking here."""

    provider_hsa_id: HsaId
    unit_hsa_id: HsaId
    patient_person_id: PersonId | None = None


class StaysIn(Input):
    """Stays that are over."""

    place: PlaceIn | None = None
    stays: Annotated[list[StayIn], Field(min_length=1, max_length=MAX_STAYS)]


class TakenOut(Output):
    """They are kept."""

    stays: int
    absence: Literal["taken_back", "as_it_was"]
    """``taken_back``: the patient had been noted as absent, and was cut off."""


class StayOut(Output):
    """One stay. Who it was is said by the role alone."""

    stay_id: str
    role: str
    joined_at: datetime
    connected_at: datetime | None
    left_at: datetime
    end_cause: str
    is_technical_abort: bool
    path: str
    reconnects: int
    ice_restarts: int
    lost_s: float
    freezes: int
    frozen_ms: int
    packets_received: int
    packets_lost: int
    packets_sent: int
    received_bps: int
    sent_bps: int
    worst_fraction_lost: float
    round_trip_ms: int | None
    jitter_ms: int
    log: list[tuple[int, str]]


class VisitOut(Output):
    """How a visit went."""

    meeting_id: str
    was_cut_off: bool
    """Somebody was ended by a fault and did not come back."""
    stays: list[StayOut]


class FiguresOut(Output):
    """How a unit's visits went together; null: of few visits nothing is told."""

    visits: int | None
    stays: int | None
    cut_off_visits: int | None
    stays_by_path: dict[str, int] | None
    mean_minutes: float | None
    reconnects_per_stay: float | None
    freezes_per_hour: float | None
    loss_percent: float | None
    round_trip_ms: int | None


def _at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _shown(row: VisitQuality) -> StayOut:
    return StayOut.model_validate(row)


@router.post("/visits/{meeting_id}/quality")
async def tell(meeting_id: MeetingId, body: StaysIn, caller: Front) -> TakenOut:
    """Keep how stays in a meeting went (the front tells): each once, however often it is told."""
    place = None if body.place is None else store.Place(**body.place.model_dump())
    async with caller.transaction() as transaction:
        absent = await store.keep(transaction, caller, meeting_id, place, [stay.row() for stay in body.stays])
        if absent is not None:
            await visits.forget_absence(transaction, absent)
            change(transaction, absent, BookingState.BOOKED)
        await meeting_course.review_stays(transaction, caller.services.settings, meeting_id)
    return TakenOut(stays=len(body.stays), absence="as_it_was" if absent is None else "taken_back")


@router.get("/visits/{meeting_id}/quality")
async def read_visit(meeting_id: MeetingId, caller: Reader) -> VisitOut:
    """How one of the unit's visits went, and who came and went when."""
    async with caller.transaction() as transaction:
        rows = await store.of_visit(transaction, caller, meeting_id)
        is_cut_off = await store.cut_off(transaction, meeting_id)
        return VisitOut(meeting_id=meeting_id, was_cut_off=is_cut_off, stays=[_shown(row) for row in rows])


@router.get("/units/{hsa_id}/visit-quality")
async def read_unit(
    hsa_id: HsaId, caller: Viewer, first: Annotated[Day, Query()], last: Annotated[Day, Query()]
) -> FiguresOut:
    """How a unit's visits of some days (local dates, a year at most) went together."""
    if not 0 <= _days(first, last) < MAX_DAYS:
        raise Problem(INVALID_REQUEST, "last", "not a period")
    async with caller.transaction() as transaction:
        return FiguresOut.model_validate(await store.of_unit(transaction, caller, hsa_id, first, last))


def _days(first: date, last: date) -> int:
    return (last - first).days
