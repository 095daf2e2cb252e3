"""Care over FHIR: video visits, messages of closed cases, health declarations. Each by the access rules of the routes
that show the same otherwise.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, select

from auth.permissions import Resource
from companion.errors import NOT_FOUND, Problem
from companion.fhir.care import Declaration as ShownDeclaration
from companion.fhir.care import Message, VideoVisit
from companion.fhir.codes import QUESTIONNAIRE
from companion.identity import Caller
from companion.models.archive import ArchivedConversation
from companion.models.bookings import Booking
from companion.models.declarations import Declaration, QuestionnaireVersion
from companion.models.records import Correction
from companion.models.schedules import TimeType
from companion.rules.bookings import BookingState
from companion.rules.meeting_course import MeetingState
from companion.rules.questionnaires import Questionnaire
from companion.settings import CompanionSettings
from companion.store import archive, bookings, corrections, declarations
from companion.store.meeting_course import state_of
from companion.store.questionnaires import questionnaire_of
from companion.transaction import Transaction

MAX_CASES: Final = 200
"""Of one patient, the last written in first."""

# --- video visits ------------------------------------------------------------------------------------------------


def _visit(transaction: Transaction, settings: CompanionSettings, row: Booking) -> VideoVisit:
    """Its period is the one that it had, as far as it has begun and ended; else the one that is booked."""
    assert row.meeting_id is not None
    state = state_of(transaction, settings, row)
    joined = [at for at in (row.patient_joined_at, row.host_joined_at) if at is not None]
    begun = max(joined) if len(joined) == 2 else None
    is_going_on = state is MeetingState.IN_PROGRESS
    return VideoVisit(
        row.meeting_id,
        row.unit_hsa_id,
        row.patient_person_id,
        BookingState(row.state),
        state,
        begun or row.starts_at,
        row.meeting_ended_at or (None if is_going_on else row.ends_at),
        row.booking_id,
    )


async def video_visits(transaction: Transaction, caller: Caller, rows: Sequence[Booking]) -> list[VideoVisit]:
    """Those of the bookings that are video visits; one that was moved to another kind is none any more."""
    query = select(TimeType.time_type_id).where(
        TimeType.time_type_id.in_({row.time_type_id for row in rows}), TimeType.modality == "video"
    )
    video = frozenset((await transaction.session.scalars(query)).all())
    settings = caller.services.settings
    return [
        _visit(transaction, settings, row) for row in rows if row.meeting_id is not None and row.time_type_id in video
    ]


async def video_visit(transaction: Transaction, caller: Caller, meeting_id: str) -> VideoVisit:
    """The visit of a meeting."""
    query = select(Booking.booking_id).where(Booking.meeting_id == meeting_id)
    booking_id = await transaction.session.scalar(query)
    if booking_id is None:
        raise Problem(NOT_FOUND)
    booking = await bookings.own_booking(transaction, caller, booking_id, lock=False)
    found = await video_visits(transaction, caller, [booking])
    if not found:
        raise Problem(NOT_FOUND)
    return found[0]


# --- messages ----------------------------------------------------------------------------------------------------


async def messages(
    transaction: Transaction, caller: Caller, person_id: str, conversation_id: str | None, wanted: int | None
) -> list[Message]:
    """A patient's messages in archived cases, the last written in first; staff see those of their unit. One entry of
    the audit log for each case that is read. ``wanted``: so many are enough; None: all.
    """
    principal = caller.principal
    query = select(ArchivedConversation).where(
        ArchivedConversation.kind == "case", ArchivedConversation.patient_person_id == person_id
    )
    if principal.kind == "staff":
        resource = Resource(principal.provider_hsa_id, principal.unit_hsa_id, person_id)
        query = query.where(
            ArchivedConversation.provider_hsa_id == principal.provider_hsa_id,
            ArchivedConversation.unit_hsa_id == principal.unit_hsa_id,
        )
    else:
        resource = Resource(patient_person_id=person_id)
    caller.require(transaction, resource, what="archived cases")
    if conversation_id is not None:
        query = query.where(ArchivedConversation.conversation_id == conversation_id)
    query = query.order_by(ArchivedConversation.last_at.desc(), ArchivedConversation.conversation_id).limit(MAX_CASES)
    found: list[Message] = []
    for row in (await transaction.session.scalars(query)).all():
        if wanted is not None and len(found) >= wanted:
            break
        caller.require(transaction, archive.resource_of(row), what=f"archive:{row.conversation_id}")
        found += await _messages_of(transaction, row)
    return found


async def message(transaction: Transaction, caller: Caller, message_id: str) -> Message:
    """One message; never of a unit's internal notes."""
    place, _, number = message_id.rpartition(".")
    conversation_id = place.replace(".", "_")
    if not conversation_id.startswith("case-"):
        raise Problem(NOT_FOUND)
    row = await archive.readable(transaction, caller, conversation_id)
    for one in await _messages_of(transaction, row):
        if str(one.number) == number:
            return one
    raise Problem(NOT_FOUND)


async def _messages_of(transaction: Transaction, row: ArchivedConversation) -> list[Message]:
    """A case's messages as they were edited last; what happened to the case is none."""
    events: list[dict[str, Any]] = []
    while page := await archive.events_of(
        transaction, row.conversation_id, after=events[-1]["seq"] if events else 0, limit=archive.PAGE
    ):
        events += page
    bodies = {event["target"]: event["body"] for event in events if event["kind"] == "edit"}
    held = await corrections.of_entry(transaction, "case", row.conversation_id)
    found = []
    for event in events:
        if event["kind"] != "message":
            continue
        body = event["body"] if event["is_withdrawn"] else bodies.get(event["seq"], event["body"])
        # An edit says the text anew; what the message carries stays.
        files = event["body"].get("attachments", [])
        found.append(
            Message(
                conversation_id=row.conversation_id,
                number=event["seq"],
                title=row.title,
                patient_person_id=row.patient_person_id,
                unit_hsa_id=row.unit_hsa_id,
                sent_at=datetime.fromtimestamp(event["at_ms"] / 1000, UTC),
                is_patients=event["author"] == row.patient_person_id,
                author_name=event["author_name"],
                text=str(body.get("text", "")),
                files=tuple((str(one["name"]), str(one["media_type"]), int(one["size_bytes"])) for one in files),
                is_withdrawn=event["is_withdrawn"],
                notes=_notes(held, event["seq"]),
            )
        )
    return found


def _notes(held: Sequence[Correction], number: int) -> tuple[tuple[datetime, str], ...]:
    return tuple(
        (one.decided_at, one.text)
        for one in held
        if one.entry_part == number and one.decided_at is not None and one.text is not None
    )


# --- health declarations -----------------------------------------------------------------------------------------


async def questionnaires(
    transaction: Transaction, *, version_ids: frozenset[str], url: str | None
) -> list[tuple[QuestionnaireVersion, Questionnaire]]:
    """Questionnaires that are, or were, answered; drafts are nobody's to see."""
    query = select(QuestionnaireVersion).where(QuestionnaireVersion.state != "draft")
    if version_ids:
        query = query.where(QuestionnaireVersion.version_id.in_(version_ids))
    if url is not None:
        canonical, bar, version = url.partition("|")
        query = query.where(QuestionnaireVersion.form_id == canonical.removeprefix(QUESTIONNAIRE))
        if not canonical.startswith(QUESTIONNAIRE) or (bar and not (version.isdecimal() and len(version) < 7)):
            return []
        if bar:
            query = query.where(QuestionnaireVersion.version == int(version))
    query = query.order_by(QuestionnaireVersion.form_id, QuestionnaireVersion.version.desc())
    return [(row, questionnaire_of(row.content)) for row in (await transaction.session.scalars(query)).all()]


async def responses(
    transaction: Transaction, caller: Caller, person_id: str
) -> list[tuple[Questionnaire, ShownDeclaration]]:
    """All that one has answered; for staff, what the patient answered to the forms of their bookings in the unit."""
    if caller.principal.kind == "patient":
        return [_response(*row) for row in await declarations.own_declarations(transaction, caller, person_id)]
    principal = caller.principal
    unit = Resource(principal.provider_hsa_id, principal.unit_hsa_id, person_id)
    caller.require(transaction, unit, what="declarations")
    forms = (
        select(TimeType.form_id)
        .join(Booking, Booking.time_type_id == TimeType.time_type_id)
        .where(
            Booking.patient_person_id == person_id,
            Booking.provider_hsa_id == unit.provider_hsa_id,
            Booking.unit_hsa_id == unit.unit_hsa_id,
            TimeType.form_id.is_not(None),
        )
    )
    of_patient: ColumnElement[bool] = Declaration.patient_person_id == person_id
    rows = await declarations.rows_where(transaction, of_patient & Declaration.form_id.in_(forms))
    return [_response(*row) for row in rows]


async def response(
    transaction: Transaction, caller: Caller, declaration_id: str
) -> tuple[Questionnaire, ShownDeclaration]:
    """One declaration, for whoever finds it among those they may list."""
    row = await transaction.session.get(Declaration, declaration_id)
    if row is None:
        raise Problem(NOT_FOUND)
    for form, one in await responses(transaction, caller, row.patient_person_id):
        if one.declaration_id == declaration_id:
            return form, one
    raise Problem(NOT_FOUND)


def _response(row: Declaration, version: QuestionnaireVersion) -> tuple[Questionnaire, ShownDeclaration]:
    declaration = ShownDeclaration(
        row.declaration_id,
        row.form_id,
        version.version,
        row.patient_person_id,
        row.answered_at,
        row.answers,
        row.amends is not None,
    )
    return questionnaire_of(version.content), declaration
