"""What case and unit routes take and answer."""

from typing import Annotated, Final, Literal

from pydantic import Field

from chat.cases import MAX_SUBJECT_CHARACTERS, CaseState
from chat.events import MAX_TEXT_CHARACTERS
from signalling.protocol import Message

HsaId = Annotated[str, Field(pattern=r"^SE[A-Za-z0-9]{10}-[A-Za-z0-9]{1,30}$")]
ClientId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
PersonId = Annotated[str, Field(pattern=r"^p-[a-z2-7]{26}$")]
BookingId = Annotated[str, Field(pattern=r"^bk-[a-z2-7]{26}$")]
StateName = Literal["new", "assigned", "awaiting_staff", "awaiting_patient", "closed", "reopened"]
assert set(CaseState) == set(StateName.__args__)  # type: ignore[attr-defined]

_VERSION: Final = "The version that the sender has seen; left out: whatever it is."


class OpenCase(Message):
    """Open a case (ärende) at a unit. Patients open their own; staff name the patient, and have the case at once."""

    provider_hsa_id: HsaId = Field(description="Care provider; of staff: their own.")
    unit_hsa_id: HsaId = Field(description="Unit; of staff: their own.")
    subject: Annotated[str, Field(min_length=1, max_length=MAX_SUBJECT_CHARACTERS)]
    client_id: ClientId = Field(description="Chosen by the sender: sent again, it opens no second case.")
    patient: PersonId | None = Field(default=None, description="Staff: person id of the patient.")
    booking_id: BookingId | None = Field(
        default=None,
        description="The booking it is about: of that patient at that unit, and one about which patients may write "
        "(the companion says so).",
    )


class CaseView(Message):
    """A case. What names people of the unit, and the notes, only staff are shown."""

    case_id: str = Field(description="Also the id of its conversation.")
    provider_hsa_id: str
    unit_hsa_id: str
    subject: str
    booking_id: str | None = Field(description="The booking that it was opened about.")
    state: StateName
    opened_at: int = Field(description="Seconds since the epoch, as all times here.")
    changed_at: int
    answer_by: int | None = Field(description="By when the unit has promised an answer, while it owes one.")
    reopen_until: int | None = Field(description="Until when a closed case can be reopened.")
    reopen_within_s: int = Field(description="So long a case can be reopened after it is closed; 0: it cannot.")
    version: int
    is_unread: bool = Field(description="The other side has written something that whoever asks has not read.")
    is_archived: bool = Field(description="Its words are in the archive alone: subject and messages are read there.")
    patient: str | None = Field(description="Staff: person id.")
    patient_name: str | None = Field(
        description="Staff: name; in lists not that of somebody whose identity is protected."
    )
    is_protected: bool | None = Field(description="Staff: the patient's identity is protected (skyddad identitet).")
    assignee: str | None = Field(description="Staff: HSA-id of who has it.")
    is_mine: bool | None = Field(description="Staff: whether whoever asks has it.")
    assignee_name: str | None
    notes_id: str | None = Field(description="Staff: the conversation of its internal notes.")


class CaseList(Message):
    """Cases: a patient's newest first, a unit's longest waiting first."""

    cases: list[CaseView]
    next_offset: int | None = Field(description="Of the next page; null: that is all.")


class GiveCase(Message):
    """Give a case to a colleague of the unit."""

    assignee: HsaId | None = Field(default=None, description="Left out: to oneself.")
    version: int | None = Field(default=None, description=_VERSION)


class ReturnCase(Message):
    """Put a case back into the unit's queue, or into that of another unit of the same care provider."""

    unit_hsa_id: HsaId | None = Field(default=None, description="Left out: the unit that has it.")
    version: int | None = Field(default=None, description=_VERSION)


class ChangeCase(Message):
    """Close a case, or open it again."""

    version: int | None = Field(default=None, description=_VERSION)


class WriteNote(Message):
    """Write an internal note, which the patient never sees."""

    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARACTERS)]
    client_id: ClientId = Field(description="Chosen by the sender: sent again, it makes no second note.")


class NoteWritten(Message):
    """Where the note stands."""

    seq: int
    at_ms: int = Field(description="Milliseconds since the epoch.")


class NoteView(Message):
    """An internal note."""

    seq: int
    at_ms: int
    author_name: str
    text: str


class NoteList(Message):
    """The case's internal notes, the oldest first."""

    notes: list[NoteView]


class Colleague(Message):
    """Somebody who works with the unit's cases."""

    hsa_id: str
    name: str


class ColleagueList(Message):
    """To whom the unit's cases can be given."""

    colleagues: list[Colleague]


ClockTime = Annotated[str, Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]


class OpenPeriod(Message):
    """Open from one clock time up to another of the same day."""

    opens: ClockTime
    closes: ClockTime = Field(description="`24:00`: midnight.")


DayHours = Annotated[list[OpenPeriod], Field(max_length=8)]


class SpecialDay(Message):
    """A day that differs from the week and from the calendar of holidays."""

    day: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    hours: DayHours = Field(description="None: closed.")


class UnitHours(Message):
    """Opening hours, Europe/Stockholm."""

    weekly: Annotated[list[DayHours], Field(min_length=7, max_length=7)] = Field(description="Monday first.")
    special: Annotated[list[SpecialDay], Field(max_length=400)] = Field(default=[])
    is_closed_on_holidays: bool = True
    is_closed_on_eves: bool = Field(default=True, description="Midsummer's, Christmas and New Year's Eve.")


class PutUnit(Message):
    """What a unit has decided about messages."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    hours: UnitHours
    promised_answer_open_s: Annotated[int, Field(ge=60, le=400 * 24 * 3600)] = Field(
        description="Promised answer time in seconds during which the unit is open."
    )
    takes_cases: bool = True
    notice_name: Annotated[str, Field(max_length=60)] = Field(
        default="", description="What SMS and e-mail call the unit; says nothing about care. Empty: a neutral phrase."
    )
    phone: Annotated[str, Field(max_length=24)] = ""
    emergency_sv: Annotated[str, Field(max_length=400)] | None = Field(
        default=None, description="Emergency text; names 112. Left out: the service's own."
    )
    emergency_en: Annotated[str, Field(max_length=400)] | None = None


class UnitView(Message):
    """A unit, and the board that stands before the send button."""

    provider_hsa_id: str
    unit_hsa_id: str
    name: str
    takes_cases: bool
    phone: str
    is_open: bool
    opens_at: int | None = Field(description="When it opens next; null while it is open, or if it never does.")
    answer_by: int | None = Field(description="By when an answer to a message of this moment is promised.")
    promised_answer_open_s: int
    hours: UnitHours
    emergency_sv: str = Field(description="To be shown before the send button.")
    emergency_en: str


class UnitList(Message):
    """All units, by name."""

    units: list[UnitView]
