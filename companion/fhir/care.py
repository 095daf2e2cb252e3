"""Health declarations, video visits and the audit log in FHIR R4."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from auth.audit import AuditEntry
from auth.hsa import HsaIdError, parse
from auth.permissions import TABLE, Action
from companion.fhir.codes import (
    ACT_CODE,
    AUDIT_OUTCOME,
    CONVERSATION,
    DCM,
    ENCOUNTER_STATUS,
    ENCOUNTER_STATUS_BY_BOOKING,
    OURS,
    QUESTIONNAIRE,
    QUESTIONNAIRE_STATUS,
    coding,
)
from companion.fhir.elements import Resource, hsa_identifier, instant, period, reference, resource
from companion.rules.bookings import BookingState
from companion.rules.meeting_course import MeetingState
from companion.rules.questionnaires import Answers, Condition, Question, QuestionKind, Questionnaire, VersionState

_ITEM_TYPES: Final[Mapping[QuestionKind, str]] = {
    "boolean": "boolean",
    "choice": "choice",
    "integer": "integer",
    "date": "date",
    "text": "text",
}
_OPERATORS: Final = {"equals": "=", "at_least": ">=", "at_most": "<=", "answered": "exists"}
_VALUES: Final[Mapping[QuestionKind, str]] = {
    "boolean": "Boolean",
    "choice": "Coding",
    "integer": "Integer",
    "date": "Date",
    "text": "String",
}


def questionnaire(
    version_id: str, form_id: str, version: int, title: str, state: VersionState, form: Questionnaire
) -> Resource:
    """Questionnaire: one version. The rules to an outcome are ours and stay here."""
    kinds = {question.question_id: question.kind for question in form.questions}
    return resource(
        "Questionnaire",
        version_id,
        url=QUESTIONNAIRE + form_id,
        version=str(version),
        title=title,
        status=QUESTIONNAIRE_STATUS[state],
        subjectType=["Patient"],
        item=[_item(question, kinds) for question in form.questions],
    )


def _item(question: Question, kinds: Mapping[str, QuestionKind]) -> dict[str, Any]:
    enabling = enable_when(question.asked_when, kinds)
    item: dict[str, Any] = {
        "linkId": question.question_id,
        "text": question.text_sv,
        "type": _ITEM_TYPES[question.kind],
        # What FHIR cannot say when to ask is shown always, and then nobody must answer it.
        "required": question.required and enabling is not None,
        "answerOption": [{"valueCoding": coding(OURS + "answer", choice)} for choice in question.choices],
    }
    if enabling:
        item["enableWhen"] = enabling
        if len(enabling) > 1:
            assert question.asked_when is not None
            item["enableBehavior"] = question.asked_when.join
    return item


def enable_when(condition: Condition | None, kinds: Mapping[str, QuestionKind]) -> list[dict[str, Any]] | None:
    """``enableWhen`` of a question; empty when it is always asked, None when FHIR cannot say it: R4 knows neither
    conditions in conditions nor "none of them".
    """
    if condition is None:
        return []
    parts = (condition,) if condition.join is None else condition.parts
    if condition.join == "none" or any(part.join is not None for part in parts):
        return None
    return [
        {
            "question": part.question_id,
            "operator": _OPERATORS[part.operator],
            **(
                {"answerBoolean": True}
                if part.operator == "answered"
                else _value("answer", kinds[part.question_id or ""], part.value)
            ),
        }
        for part in parts
    ]


def _value(prefix: str, kind: QuestionKind, value: Any) -> dict[str, Any]:
    return {prefix + _VALUES[kind]: coding(OURS + "answer", value) if kind == "choice" else value}


@dataclass(frozen=True)
class Declaration:
    """Answers to a version, the last amendment."""

    declaration_id: str
    form_id: str
    version: int
    patient_person_id: str
    answered_at: datetime
    answers: Answers = field(repr=False)
    is_amended: bool = False


def questionnaire_response(form: Questionnaire, declaration: Declaration) -> Resource:
    """QuestionnaireResponse; what was not answered does not appear."""
    return resource(
        "QuestionnaireResponse",
        declaration.declaration_id,
        questionnaire=f"{QUESTIONNAIRE}{declaration.form_id}|{declaration.version}",
        status="amended" if declaration.is_amended else "completed",
        subject=reference("Patient", declaration.patient_person_id),
        authored=instant(declaration.answered_at),
        item=[
            {
                "linkId": question.question_id,
                "answer": [_value("value", question.kind, declaration.answers[question.question_id])],
            }
            for question in form.questions
            if question.question_id in declaration.answers
        ],
    )


@dataclass(frozen=True)
class VideoVisit:
    """A video meeting that was or will be."""

    meeting_id: str
    unit_hsa_id: str
    patient_person_id: str
    booking_state: BookingState
    meeting_state: MeetingState
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    booking_id: str | None = None
    staff_hsa_ids: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """Of the Encounter: what happened to the meeting, and as long as that is nothing, to the booking."""
        is_untouched = self.meeting_state in (MeetingState.PLANNED, MeetingState.OPEN)
        if is_untouched or self.booking_state is BookingState.CANCELLED:
            return ENCOUNTER_STATUS_BY_BOOKING[self.booking_state]
        return ENCOUNTER_STATUS[self.meeting_state]


def encounter(visit: VideoVisit) -> Resource:
    """Encounter of class VR."""
    return resource(
        "Encounter",
        visit.meeting_id,
        status=visit.status,
        **{"class": coding(ACT_CODE, "VR", "virtual")},
        subject=reference("Patient", visit.patient_person_id),
        participant=[{"individual": reference("Practitioner", hsa_id)} for hsa_id in visit.staff_hsa_ids],
        appointment=[reference("Appointment", visit.booking_id)] if visit.booking_id else [],
        period=period(visit.begins_at, visit.ends_at),
        serviceProvider=reference("Organization", visit.unit_hsa_id),
    )


@dataclass(frozen=True)
class Message:
    """A message of a closed case, as it is shown. ``repr`` shows none of it."""

    conversation_id: str
    number: int
    """Its place in the conversation."""
    title: str = field(repr=False)
    patient_person_id: str
    unit_hsa_id: str
    sent_at: datetime
    is_patients: bool
    """Whether the patient wrote it; else ``author_name`` says who did."""
    author_name: str = field(repr=False)
    text: str = field(repr=False)
    files: tuple[tuple[str, str, int], ...] = field(default=(), repr=False)
    """Name, media type and size in bytes of what it carries."""
    is_withdrawn: bool = False
    notes: tuple[tuple[datetime, str], ...] = field(default=(), repr=False)
    """What holds instead of it or beside it, and since when (corrections)."""

    @property
    def message_id(self) -> str:
        """Its id in FHIR, which knows no underscores."""
        return f"{self.conversation_id.replace('_', '.')}.{self.number}"


def communication(message: Message) -> Resource:
    """Communication: a message between a patient and a unit."""
    patient = reference("Patient", message.patient_person_id)
    unit = reference("Organization", message.unit_hsa_id)
    payload: list[dict[str, Any]] = [{"contentString": message.text}] if message.text else []
    payload += [
        {"contentAttachment": {"title": name, "contentType": media_type, "size": size_bytes}}
        for name, media_type, size_bytes in message.files
    ]
    return resource(
        "Communication",
        message.message_id,
        partOf=[{"identifier": {"system": CONVERSATION, "value": message.conversation_id}}],
        status="entered-in-error" if message.is_withdrawn else "completed",
        subject=patient,
        topic={"text": message.title},
        sent=instant(message.sent_at),
        recipient=[unit if message.is_patients else patient],
        sender=patient if message.is_patients else {**unit, "display": message.author_name},
        payload=[] if message.is_withdrawn else payload,
        note=[{"time": instant(since), "text": text} for since, text in message.notes],
    )


def audit_event(number: int, entry: AuditEntry, *, chain: Literal["companion", "front"] = "companion") -> Resource:
    """AuditEvent: an entry of the audit log, under its number in its chain."""
    agent: dict[str, Any] = {
        "who": _who(entry.actor),
        "requestor": True,
        "network": {"address": entry.address, "type": "2"} if entry.address else None,
    }
    agents = [agent]
    if entry.on_behalf_of:
        agents.append({"who": reference("Patient", entry.on_behalf_of), "requestor": False})
    entities: list[dict[str, Any]] = []
    if entry.patient:
        entities.append({"what": reference("Patient", entry.patient)})
    if entry.resource:
        entities.append({"what": {"identifier": {"system": OURS + "object", "value": entry.resource}}})
    observer = hsa_identifier(entry.unit) if entry.unit else {"system": OURS + "service", "value": chain}
    return resource(
        "AuditEvent",
        str(number) if chain == "companion" else f"{chain}-{number}",
        type=coding(DCM, "110110"),
        subtype=[coding(OURS + "action", entry.action)],
        action=_action_code(entry.action),
        recorded=instant(datetime.fromtimestamp(entry.at_ms / 1000, UTC)),
        outcome=AUDIT_OUTCOME[entry.outcome],
        agent=agents,
        source={"observer": {"identifier": observer}},
        entity=entities,
    )


def _who(actor: str) -> dict[str, Any]:
    """A patient, an employee, or something else that has a name."""
    if actor.startswith("p-"):
        return reference("Patient", actor)
    try:
        return {"identifier": hsa_identifier(parse(actor))}
    except HsaIdError:
        return {"identifier": {"system": OURS + "actor", "value": actor}}


def _action_code(action: str) -> Literal["C", "R", "U", "E"]:
    if action not in {known.value for known in Action}:
        return "E"
    rule = TABLE[Action(action)]
    if not rule.writes_patient_data:
        return "R" if rule.reads_patient_data else "E"
    return "C" if action.endswith("_create") else "U"
