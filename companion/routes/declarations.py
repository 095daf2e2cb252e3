"""Health declarations and their questionnaires; vaccines and doses."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from auth.permissions import Action
from companion.errors import NOT_FOUND, Problem
from companion.idempotency import Key, once
from companion.identity import Caller, asks, public
from companion.models.declarations import Declaration, QuestionnaireVersion
from companion.routes.organisation import WHY_PUBLIC
from companion.routes.shapes import HsaId, Input, Name, ObjectId, Output, PersonId
from companion.routes.slots import whom
from companion.rules.vaccination import Part
from companion.services import Services
from companion.store import declarations as store
from companion.store import questionnaires, vaccinations
from companion.transaction import Transaction

router = APIRouter(tags=["health declarations, vaccination"])

Admin = Annotated[Caller, asks(Action.QUESTIONNAIRE_ADMIN)]
Scheduler = Annotated[Caller, asks(Action.SCHEDULE_ADMIN)]
Patient = Annotated[Caller, asks(Action.DECLARATION_ANSWER)]
Reader = Annotated[Caller, asks(Action.DECLARATION_READ)]
Vaccinator = Annotated[Caller, asks(Action.DECLARATION_AMEND)]
DoseGiver = Annotated[Caller, asks(Action.DOSE_WRITE)]
DoseReader = Annotated[Caller, asks(Action.DOSE_READ)]
Version = Annotated[int, Path(ge=1, le=100_000)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Sentence = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
Answers = Annotated[dict[Word, bool | int | Annotated[str, Field(max_length=2000)]], Field(max_length=200)]


class ConditionIn(Input):
    """A comparison of one answer, or ``join`` of other conditions."""

    question_id: Word | None = None
    operator: Literal["equals", "at_least", "at_most", "answered"] = "equals"
    value: bool | Annotated[int, Field(ge=-(2**31), le=2**31 - 1)] | Annotated[str, Field(max_length=128)] | None = None
    join: Literal["all", "any", "none"] | None = None
    parts: list["ConditionIn"] = Field(default_factory=list, max_length=20)


class QuestionIn(Input):
    """A question."""

    question_id: Word
    kind: Literal["boolean", "choice", "integer", "date", "text"]
    text_sv: Sentence
    text_en: Sentence
    required: bool = True
    choices: list[Word] = Field(default_factory=list, max_length=50)
    asked_when: ConditionIn | None = None


class RuleIn(Input):
    """When the condition holds, the outcome is at least this."""

    rule_id: Word
    when: ConditionIn
    outcome: Literal["nurse_check", "stop"]


class ContentIn(Input):
    """Questions, rules, and for how many days answers count."""

    questions: Annotated[list[QuestionIn], Field(min_length=1, max_length=100)]
    rules: list[RuleIn] = Field(default_factory=list, max_length=100)
    valid_days: Annotated[int, Field(ge=1, le=366)]


class QuestionnaireIn(Input):
    """A version of a questionnaire."""

    title_sv: Name
    title_en: Name
    content: ContentIn


class VersionOut(Output):
    """A version, for those who administer it."""

    form_id: str
    version: int
    state: str
    title_sv: str
    title_en: str
    content: dict[str, Any]
    published_at: datetime | None


class VersionRow(Output):
    """A version in a list: without its content."""

    form_id: str
    version: int
    state: str
    title_sv: str
    title_en: str
    published_at: datetime | None


class FormOut(Output):
    """What is answered: no rules."""

    form_id: str
    version: int
    title_sv: str
    title_en: str
    questions: list[dict[str, Any]]


class DeclarationIn(Input):
    """Answers to the published version of a form."""

    form_id: ObjectId
    version: Annotated[int, Field(ge=1, le=100_000)]
    answers: Answers
    patient_person_id: PersonId | None = None


class AmendmentIn(Input):
    """Answers at the visit."""

    version: Annotated[int, Field(ge=1, le=100_000)]
    answers: Answers


class DeclarationOut(Output):
    """What was answered, and what it means."""

    declaration_id: str
    form_id: str
    version: int
    outcome: Literal["green", "nurse_check", "stop"]
    answered_at: datetime
    valid_until: datetime
    amends: str | None
    answers: dict[str, Any]


class DeclarationForStaff(DeclarationOut):
    """With the rules that led to the outcome."""

    rule_ids: list[str]
    answered_by: str


class VaccineIn(Input):
    """A vaccine that a visit gives."""

    vaccine: Word
    dose_number: Annotated[int, Field(ge=1, le=20)] | None = None
    min_interval_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class VaccinesIn(Input):
    """All of them."""

    vaccines: Annotated[list[VaccineIn], Field(max_length=5)]


class VaccineOut(Output):
    """A vaccine that a visit gives."""

    vaccine: str
    dose_number: int | None
    min_interval_days: int | None


class VaccinesOut(Output):
    """All of them."""

    vaccines: list[VaccineOut]


class DoseIn(Input):
    """A dose that was given."""

    vaccine: Word
    batch: Annotated[str, Field(pattern=r"^[A-Za-z0-9._/-]{1,32}$")]
    given_on: date | None = None


class DoseOut(Output):
    """A dose."""

    dose_id: str
    vaccine: str
    given_on: date
    batch: str


class GivenOut(DoseOut):
    """A dose that was written down."""

    misplaced_booking_ids: list[str]
    """Booked doses that now come too soon or out of turn: somebody is to move them."""


def shown(row: Declaration, version: int) -> DeclarationOut:
    """What was answered, for whoever answered it."""
    return DeclarationOut.model_validate({**_fields(row), "version": version})


def _shown_to_staff(row: Declaration, version: int) -> DeclarationForStaff:
    fields = {**_fields(row), "version": version, "rule_ids": row.rule_ids, "answered_by": row.answered_by}
    return DeclarationForStaff.model_validate(fields)


def _fields(row: Declaration) -> dict[str, Any]:
    names = ("declaration_id", "form_id", "outcome", "answered_at", "valid_until", "amends", "answers")
    return {name: getattr(row, name) for name in names}


def _version(row: QuestionnaireVersion) -> VersionOut:
    return VersionOut.model_validate(row)


# --- questionnaires ----------------------------------------------------------------------------------------------


@router.get("/units/{hsa_id}/questionnaires")
async def list_forms(hsa_id: HsaId, caller: Scheduler) -> list[VersionRow]:
    """A unit's questionnaires in all versions, for those who edit them or choose one for a time type."""
    async with caller.transaction() as transaction:
        rows = await questionnaires.of_unit(transaction, caller, hsa_id)
        return [VersionRow.model_validate(row) for row in rows]


@router.post("/units/{hsa_id}/questionnaires", status_code=201)
async def add_form(hsa_id: HsaId, body: QuestionnaireIn, caller: Admin) -> VersionOut:
    """A new questionnaire of a unit, as a draft."""
    async with caller.transaction() as transaction:
        return _version(await questionnaires.add_form(transaction, caller, hsa_id, body.model_dump()))


@router.post("/questionnaires/{form_id}/versions", status_code=201)
async def add_version(form_id: ObjectId, body: QuestionnaireIn, caller: Admin) -> VersionOut:
    """The next version, as a draft."""
    async with caller.transaction() as transaction:
        return _version(await questionnaires.add_version(transaction, caller, form_id, body.model_dump()))


@router.get("/questionnaires/{form_id}/versions/{version}")
async def read_version(form_id: ObjectId, version: Version, caller: Admin) -> VersionOut:
    """A version with its rules."""
    async with caller.transaction() as transaction:
        return _version(await questionnaires.own_version(transaction, caller, form_id, version))


@router.put("/questionnaires/{form_id}/versions/{version}")
async def change_draft(form_id: ObjectId, version: Version, body: QuestionnaireIn, caller: Admin) -> VersionOut:
    """Other content; only while it is a draft."""
    async with caller.transaction() as transaction:
        row = await questionnaires.change_draft(transaction, caller, form_id, version, body.model_dump())
        return _version(row)


@router.post("/questionnaires/{form_id}/versions/{version}/publish")
async def publish_version(form_id: ObjectId, version: Version, caller: Admin) -> VersionOut:
    """Let it be answered, in the place of the one before."""
    async with caller.transaction() as transaction:
        return _version(await questionnaires.publish_version(transaction, caller, form_id, version))


@router.get("/questionnaires/{form_id}")
async def read_form(
    form_id: ObjectId, services: Annotated[Services, public("Questions are no secret; the rules are not shown.")]
) -> FormOut:
    """The questions that are asked now."""
    async with services.database.reading(services.clock()) as transaction:
        row = await questionnaires.published(transaction, form_id)
        if row is None:
            raise Problem(NOT_FOUND)
        return FormOut(
            form_id=row.form_id,
            version=row.version,
            title_sv=row.title_sv,
            title_en=row.title_en,
            questions=row.content["questions"],
        )


# --- declarations ------------------------------------------------------------------------------------------------


@router.post("/declarations", status_code=201, response_model=DeclarationOut)
async def declare(body: DeclarationIn, caller: Patient, request: Request, key: Key = None) -> Response:
    """Answer a form before the visit. Answers never change: answering again amends them."""

    async def act(transaction: Transaction) -> DeclarationOut:
        person_id = whom(caller, body.patient_person_id)
        row = await store.declare(transaction, caller, person_id, body.form_id, body.version, body.answers)
        return shown(row, body.version)

    return await once(caller, request, key, 201, act)


@router.get("/declarations")
async def list_declarations(caller: Patient) -> list[DeclarationOut]:
    """What one has answered, newest first."""
    async with caller.transaction() as transaction:
        rows = await store.own_declarations(transaction, caller, whom(caller, None))
        return [shown(row, version.version) for row, version in rows]


@router.get("/bookings/{booking_id}/declarations")
async def read_at_visit(booking_id: ObjectId, caller: Reader) -> list[DeclarationForStaff]:
    """What the patient of a booking has answered to its form, newest first."""
    async with caller.transaction() as transaction:
        rows = await store.at_visit(transaction, caller, booking_id)
        return [_shown_to_staff(row, version.version) for row, version in rows]


@router.post("/bookings/{booking_id}/declarations", status_code=201)
async def amend_at_visit(booking_id: ObjectId, body: AmendmentIn, caller: Vaccinator) -> DeclarationForStaff:
    """Answers that the vaccinator takes down; those before stay."""
    async with caller.transaction() as transaction:
        row = await store.amend_at_visit(transaction, caller, booking_id, body.version, body.answers)
        return _shown_to_staff(row, body.version)


# --- vaccination -------------------------------------------------------------------------------------------------


@router.get("/time-types/{time_type_id}/vaccines")
async def read_vaccines(time_type_id: ObjectId, services: Annotated[Services, public(WHY_PUBLIC)]) -> VaccinesOut:
    """Which vaccines a visit gives."""
    async with services.database.reading(services.clock()) as transaction:
        parts = await vaccinations.known_parts(transaction, time_type_id)
        return VaccinesOut(vaccines=[VaccineOut.model_validate(part) for part in parts])


@router.put("/time-types/{time_type_id}/vaccines", status_code=204)
async def set_vaccines(time_type_id: ObjectId, body: VaccinesIn, caller: Scheduler) -> None:
    """Which vaccines a visit gives."""
    async with caller.transaction() as transaction:
        parts = [Part(**one.model_dump()) for one in body.vaccines]
        await vaccinations.set_parts(transaction, caller, time_type_id, parts)


@router.post("/bookings/{booking_id}/doses", status_code=201)
async def give_dose(booking_id: ObjectId, body: DoseIn, caller: DoseGiver) -> GivenOut:
    """A dose was given: in its turn, after its interval, at the right age. One from before the day of the visit was
    given elsewhere and is only noted.
    """
    async with caller.transaction() as transaction:
        row, misplaced = await vaccinations.give_dose(
            transaction, caller, booking_id, body.vaccine, body.batch, body.given_on
        )
        return GivenOut(**DoseOut.model_validate(row).model_dump(), misplaced_booking_ids=misplaced)


@router.get("/bookings/{booking_id}/doses")
async def read_doses(booking_id: ObjectId, caller: DoseGiver, response: Response) -> list[DoseOut]:
    """Doses of a booking's patient; `Record-Withheld: true` when some given elsewhere are not open."""
    async with caller.transaction() as transaction:
        rows, is_withheld = await vaccinations.doses_at_visit(transaction, caller, booking_id)
        if is_withheld:
            response.headers["Record-Withheld"] = "true"
        return [DoseOut.model_validate(row) for row in rows]


@router.get("/doses")
async def list_doses(caller: DoseReader) -> list[DoseOut]:
    """One's own vaccinations."""
    async with caller.transaction() as transaction:
        rows = await vaccinations.own_doses(transaction, caller, whom(caller, None))
        return [DoseOut.model_validate(row) for row in rows]
