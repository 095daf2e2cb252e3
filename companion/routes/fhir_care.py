"""Care as FHIR R4: video visits, messages, health declarations, and who looked at it."""

import re
from dataclasses import replace
from typing import Annotated, Final

from fastapi import Path, Request, Response

from auth.permissions import Action
from companion.errors import NOT_FOUND, Problem
from companion.fhir import care
from companion.fhir.codes import CONVERSATION, VALUE_SETS
from companion.fhir.elements import Resource
from companion.fhir.search import PARAMETER_VALUE, Parameter
from companion.identity import Caller, asks, public
from companion.models.declarations import QuestionnaireVersion
from companion.routes.archive import Lister as CaseLister
from companion.routes.archive import Reader as CaseReader
from companion.routes.bookings import Lister, Reader
from companion.routes.fhir_table import Kind, answer, whose
from companion.routes.looks import BEFORE, OwnReader, cursor
from companion.routes.shapes import ObjectId
from companion.rules.questionnaires import Questionnaire, VersionState
from companion.services import Services
from companion.store import bookings, looks
from companion.store import fhir_appointments as appointments
from companion.store import fhir_care as store

Anybody = Annotated[Services, public("Questions are no secret; the rules are not shown.")]
DeclarationReader = Annotated[Caller, asks(Action.DECLARATION_LIST)]
MessageId = Annotated[str, Path(pattern=r"^case-[A-Za-z0-9.-]{1,80}\.[0-9]{1,9}$")]

_ID: Final = Parameter("_id", "token")
_PATIENT: Final = Parameter("patient", "reference", "Whose. Patients need not say it.")
ENCOUNTER: Final = Kind(
    "Encounter",
    "Video visits (class VR): of the one who asks, or of the unit. Its id is the meeting's.",
    _ID,
    _PATIENT,
    Parameter("date", "date", "When it begins. Staff who name no patient ask for at most seven days."),
    Parameter("status", "token"),
    Parameter("appointment", "reference"),
)
COMMUNICATION: Final = Kind(
    "Communication",
    "Messages of closed cases: the patient's own, or the unit's. Files are named; their bytes are at /cases/archived.",
    _ID,
    _PATIENT,
    Parameter("conversation", "token", f"Which case: {CONVERSATION}|case-... or case-..."),
    Parameter("sent", "date"),
    Parameter("status", "token"),
)
QUESTIONNAIRE: Final = Kind(
    "Questionnaire",
    "Health declarations: each version that is, or was, answered.",
    _ID,
    Parameter("url", "uri", "Of the form; with |version of one version."),
    Parameter("status", "token"),
)
QUESTIONNAIRE_RESPONSE: Final = Kind(
    "QuestionnaireResponse",
    "What one has answered; for staff what a patient has answered to the forms of bookings in their unit.",
    _ID,
    _PATIENT,
    Parameter("questionnaire", "reference", "Canonical URL, with or without |version."),
    Parameter("authored", "date"),
    Parameter("status", "token"),
)
AUDIT_EVENT: Final = Kind(
    "AuditEvent",
    "Uses of one's own data by others, latest first.",
    Parameter("before", "string", "Where the page before ended, as its link next says it."),
)


# --- video visits ------------------------------------------------------------------------------------------------


@ENCOUNTER.read("meeting_id")
async def read_encounter(meeting_id: ObjectId, caller: Reader) -> Response:
    """A video visit."""
    async with caller.transaction() as transaction:
        return answer(care.encounter(await store.video_visit(transaction, caller, meeting_id)))


@ENCOUNTER.search()
async def search_encounters(request: Request, caller: Lister) -> Response:
    """A patient's video visits; staff see those of their unit, of a patient or of some days."""
    question = await ENCOUNTER.asked(request)
    ids, patient, when = question.ids(), question.reference("patient", "Patient"), question.span("date")
    states = question.codes("status", None, VALUE_SETS["Encounter.status"])
    appointment = question.reference("appointment", "Appointment")
    async with caller.transaction() as transaction:
        if patient is None and caller.principal.kind != "patient":
            rows = await appointments.of_unit(transaction, caller, when)
        else:
            rows = await bookings.of_patient(transaction, caller, whose(caller, question))
        visits = await store.video_visits(transaction, caller, [row for row in rows if row.starts_at in when])
    matches = [
        care.encounter(one)
        for one in visits
        if (not ids or one.meeting_id in ids)
        and (not states or one.status in states)
        and (appointment is None or appointment[1] == one.booking_id)
    ]
    return ENCOUNTER.page(request, question, matches)


# --- messages ----------------------------------------------------------------------------------------------------


@COMMUNICATION.read("message_id")
async def read_communication(message_id: MessageId, caller: CaseReader) -> Response:
    """A message of a closed case."""
    async with caller.transaction() as transaction:
        return answer(care.communication(await store.message(transaction, caller, message_id)))


@COMMUNICATION.search()
async def search_communications(request: Request, caller: CaseLister) -> Response:
    """A patient's messages in closed cases, case by case, the last written in first; staff see those of their unit."""
    question = await COMMUNICATION.asked(request)
    ids, person_id, when = question.ids(), whose(caller, question), question.span("sent")
    states = question.codes("status", None, VALUE_SETS["Communication.status"])
    cases = question.tokens("conversation")
    if len(cases) > 1 or any(one.system not in (None, CONVERSATION) or one.code is None for one in cases):
        raise Problem(PARAMETER_VALUE, "conversation", "one case")
    is_narrow = bool(ids or states or question.values.get("sent"))
    async with caller.transaction() as transaction:
        conversation_id = cases[0].code if cases else None
        wanted = None if is_narrow else question.offset + question.count + 1
        found = await store.messages(transaction, caller, person_id, conversation_id, wanted)
    matches = [
        one
        for one in (care.communication(one) for one in found if one.sent_at in when)
        if (not ids or one["id"] in ids) and (not states or one["status"] in states)
    ]
    return COMMUNICATION.page(request, question, matches, is_all=is_narrow)


# --- health declarations -----------------------------------------------------------------------------------------


@QUESTIONNAIRE.read("version_id")
async def read_questionnaire(version_id: ObjectId, services: Anybody) -> Response:
    """A version of a questionnaire that is, or was, answered."""
    async with services.database.reading(services.clock()) as transaction:
        found = await store.questionnaires(transaction, version_ids=frozenset({version_id}), url=None)
    if not found:
        raise Problem(NOT_FOUND)
    return answer(_questionnaire(*found[0]))


@QUESTIONNAIRE.search(is_public=True)
async def search_questionnaires(request: Request, services: Anybody) -> Response:
    """Questionnaires that are, or were, answered."""
    question = await QUESTIONNAIRE.asked(request)
    states = question.codes("status", None, VALUE_SETS["Questionnaire.status"])
    async with services.database.reading(services.clock()) as transaction:
        found = await store.questionnaires(transaction, version_ids=question.ids(), url=question.one("url"))
    resources = [_questionnaire(row, form) for row, form in found]
    return QUESTIONNAIRE.page(request, question, [one for one in resources if not states or one["status"] in states])


def _questionnaire(row: QuestionnaireVersion, form: Questionnaire) -> Resource:
    state: VersionState = "published" if row.state == "published" else "retired"
    return care.questionnaire(row.version_id, row.form_id, row.version, row.title_sv, state, form)


@QUESTIONNAIRE_RESPONSE.read("declaration_id")
async def read_questionnaire_response(declaration_id: ObjectId, caller: DeclarationReader) -> Response:
    """What somebody answered."""
    async with caller.transaction() as transaction:
        return answer(care.questionnaire_response(*await store.response(transaction, caller, declaration_id)))


@QUESTIONNAIRE_RESPONSE.search()
async def search_questionnaire_responses(request: Request, caller: DeclarationReader) -> Response:
    """What one has answered, newest first; for staff what a patient answered to the forms of bookings in their unit."""
    question = await QUESTIONNAIRE_RESPONSE.asked(request)
    ids, person_id, when = question.ids(), whose(caller, question), question.span("authored")
    states = question.codes("status", None, VALUE_SETS["QuestionnaireResponse.status"])
    url = question.one("questionnaire")
    async with caller.transaction() as transaction:
        found = await store.responses(transaction, caller, person_id)
    matches = [
        one
        for one in (care.questionnaire_response(form, row) for form, row in found if row.answered_at in when)
        if (not ids or one["id"] in ids)
        and (not states or one["status"] in states)
        and (url is None or url in (one["questionnaire"], one["questionnaire"].partition("|")[0]))
    ]
    return QUESTIONNAIRE_RESPONSE.page(request, question, matches)


# --- the audit log -----------------------------------------------------------------------------------------------


@AUDIT_EVENT.search()
async def search_audit_events(request: Request, caller: OwnReader) -> Response:
    """Uses of one's own data by others. No other patient is named, no address told."""
    question = await AUDIT_EVENT.asked(request)
    if question.offset:
        raise Problem(PARAMETER_VALUE, "_offset", "ask for the page that link next names")
    before = question.one("before")
    if before is not None and not re.fullmatch(BEFORE, before):
        raise Problem(PARAMETER_VALUE, "before")
    async with caller.transaction() as transaction:
        found = await looks.of_own_data(
            transaction,
            caller,
            before=cursor(before),
            limit=question.count,
            own_too=False,
        )
    page = [_event(look) for look in found]
    following = None
    if len(found) == question.count:
        following = replace(question, values={**question.values, "before": (str(found[-1].found.cursor),)})
    return AUDIT_EVENT.part(request, question, page, following)


def _event(look: looks.Look) -> Resource:
    entry = replace(look.entry, address=None)
    if look.actor_kind == "proxy":
        entry = replace(entry, actor="proxy")
    elif look.actor_kind == "other":
        entry = replace(entry, actor="other", on_behalf_of=None)
    return care.audit_event(look.place.number, entry, chain=look.place.chain)
