"""People as FHIR R4: patients, who acts for them, what they have allowed; staff and their roles."""

from typing import Annotated, Final

from fastapi import Request, Response

from auth.permissions import Action
from companion.errors import FORBIDDEN, NOT_FOUND, Problem
from companion.fhir import people, scheduling
from companion.fhir.codes import OURS, VALUE_SETS
from companion.fhir.elements import Resource
from companion.fhir.search import PARAMETER_VALUE, Asked, Parameter
from companion.identity import Caller, asks
from companion.routes.access import Reader as AccessReader
from companion.routes.fhir_table import Kind, answer, whose
from companion.routes.organisation import UserAdmin
from companion.routes.proxies import Reader as ProxyReader
from companion.routes.shapes import HsaId, ObjectId, PersonId
from companion.rules.blocks import Block, Consent, Period
from companion.rules.local_time import local_date
from companion.store import fhir_people as store
from companion.store.organisation import GRANTABLE
from companion.transaction import Transaction

PatientReader = Annotated[Caller, asks(Action.PATIENT_READ)]

_ID: Final = Parameter("_id", "token")
PATIENT: Final = Kind(
    "Patient",
    "Oneself; whom one acts for (the name); for staff, patients whom their unit treats. Identity numbers are searched "
    "for by POST _search, so that they stand in no address.",
    _ID,
    Parameter("identifier", "token", "Identity number.", is_private=True),
)
RELATED_PERSON: Final = Kind(
    "RelatedPerson",
    "Who acts for the patient who asks, and for whom that patient acts.",
    _ID,
    Parameter("patient", "reference", "For whom they act."),
    Parameter("active", "token"),
)
CONSENT: Final = Kind(
    "Consent",
    "Blocks (spärr) that deny, consents and liftings that permit; for staff those that concern their unit.",
    _ID,
    Parameter("patient", "reference", "Whose. Patients need not say it."),
    Parameter("status", "token"),
)
PRACTITIONER: Final = Kind(
    "Practitioner",
    "Staff with roles in a unit that the one who asks administers.",
    _ID,
    Parameter("identifier", "token", "HSA-id."),
    Parameter("name", "string", "How it, or a part of it, begins."),
)
PRACTITIONER_ROLE: Final = Kind(
    "PractitionerRole",
    "Roles in a unit that the one who asks administers, today and later.",
    _ID,
    Parameter("organization", "reference", "The unit; one's own unless it is said."),
    Parameter("practitioner", "reference"),
    Parameter("role", "token"),
    Parameter("active", "token"),
)
MAX_PATIENTS: Final = 20
"""In one question: each is an entry of the audit log."""


# --- patients ----------------------------------------------------------------------------------------------------


@PATIENT.read("person_id")
async def read_patient(person_id: PersonId, caller: PatientReader) -> Response:
    """Who a patient is. A protected identity is shown to staff who treat the patient, marked (security label V)."""
    async with caller.transaction() as transaction:
        return answer(people.patient(await store.patient(transaction, caller, person_id)))


@PATIENT.search()
async def search_patients(request: Request, caller: PatientReader) -> Response:
    """Patients by id or number, of those whom one may see; patients find themselves or whom they act for."""
    question = await PATIENT.asked(request)
    ids, numbers = question.ids(), question.tokens("identifier")
    if len(ids) > MAX_PATIENTS or len(numbers) > MAX_PATIENTS:
        raise Problem(PARAMETER_VALUE, "_id", f"at most {MAX_PATIENTS}")
    async with caller.transaction() as transaction:
        wanted = ids
        if numbers:
            named = store.numbered(transaction, caller, numbers)
            wanted = named & ids if ids else named
        elif not ids:
            if caller.principal.subject is None:
                raise Problem(PARAMETER_VALUE, "_id", "missing, as is identifier")
            wanted = frozenset({caller.principal.subject})
        found = await store.patients(transaction, caller, wanted)
    return PATIENT.page(request, question, [people.patient(one) for one in found])


# --- who acts for whom -------------------------------------------------------------------------------------------


@RELATED_PERSON.read("relation_id")
async def read_related_person(relation_id: ObjectId, caller: ProxyReader) -> Response:
    """Somebody who acts for the patient who asks, or that patient as who acts for another."""
    async with caller.transaction() as transaction:
        found = [one for one in await store.related(transaction, caller) if one.relation_id == relation_id]
    if not found:
        raise Problem(NOT_FOUND)
    return answer(people.related_person(found[0]))


@RELATED_PERSON.search()
async def search_related_persons(request: Request, caller: ProxyReader) -> Response:
    """Who acts for the patient who asks, and for whom that patient acts."""
    question = await RELATED_PERSON.asked(request)
    ids, patient, active = question.ids(), question.reference("patient", "Patient"), _active(question)
    async with caller.transaction() as transaction:
        found = await store.related(transaction, caller)
    matches = [
        people.related_person(one)
        for one in found
        if (not ids or one.relation_id in ids)
        and (patient is None or patient[1] == one.patient_person_id)
        and active in (None, one.is_active)
    ]
    return RELATED_PERSON.page(request, question, matches)


def _active(question: Asked) -> bool | None:
    codes = question.codes("active", None, ("true", "false"))
    return codes == {"true"} if len(codes) == 1 else None


# --- consents ----------------------------------------------------------------------------------------------------


def _consents(transaction: Transaction, found: store.Wishes) -> list[Resource]:
    now, person_id = transaction.now, found.patient_person_id
    return [
        *(
            people.block(
                row.block_id,
                person_id,
                Block(row.provider_hsa_id, row.unit_hsa_id, row.since, row.lifted_at),
                now,
            )
            for row in found.blocks
        ),
        *(
            people.lifting(
                row.lifting_id, person_id, row.unit_hsa_id, Period(row.begins_at, row.ends_at), row.ended_at, now
            )
            for row in found.liftings
        ),
        *(
            people.consent(
                row.consent_id,
                person_id,
                Consent(row.provider_hsa_id, Period(row.begins_at, row.ends_at), row.withdrawn_at),
                now,
            )
            for row in found.consents
        ),
    ]


@CONSENT.read("consent_id")
async def read_consent(consent_id: ObjectId, caller: AccessReader) -> Response:
    """A block, a lifting of blocks, or a consent."""
    async with caller.transaction() as transaction:
        found = _consents(transaction, await store.wishes_with(transaction, caller, consent_id))
    for one in found:
        if one["id"] == consent_id:
            return answer(one)
    raise Problem(NOT_FOUND)


@CONSENT.search()
async def search_consents(request: Request, caller: AccessReader) -> Response:
    """What a patient has blocked and allowed; for staff what concerns their unit and care provider."""
    question = await CONSENT.asked(request)
    ids, person_id = question.ids(), whose(caller, question)
    states = question.codes("status", None, VALUE_SETS["Consent.status"])
    async with caller.transaction() as transaction:
        found = _consents(transaction, await store.wishes_of(transaction, caller, person_id))
    matches = [one for one in found if (not ids or one["id"] in ids) and (not states or one["status"] in states)]
    return CONSENT.page(request, question, matches)


# --- staff -------------------------------------------------------------------------------------------------------


@PRACTITIONER.read("hsa_id")
async def read_practitioner(hsa_id: HsaId, caller: UserAdmin) -> Response:
    """An employee."""
    async with caller.transaction() as transaction:
        return answer(scheduling.practitioner(await store.employee(transaction, caller, hsa_id)))


@PRACTITIONER.search()
async def search_practitioners(request: Request, caller: UserAdmin) -> Response:
    """Employees with roles in one's own unit."""
    question = await PRACTITIONER.asked(request)
    ids, numbers = question.ids(), question.tokens("identifier")
    name = (question.one("name") or "").casefold()
    async with caller.transaction() as transaction:
        rows = await store.roles_in(transaction, caller, _own_unit(caller))
    employees = {employee.hsa_id: employee for _, employee in rows}
    matches = [
        found
        for found in (scheduling.practitioner(one) for one in employees.values())
        if (not ids or found["id"] in ids)
        and (not numbers or any(_is_identified(found, one.system, one.code) for one in numbers))
        and _begins(found, name)
    ]
    return PRACTITIONER.page(request, question, matches)


def _is_identified(found: Resource, system: str | None, code: str | None) -> bool:
    return any(system in (None, one["system"]) and code in (None, one["value"]) for one in found["identifier"])


def _begins(found: Resource, name: str) -> bool:
    texts = [one["text"].casefold() for one in found.get("name", [])]
    return not name or any(part.startswith(name) for text in texts for part in (text, *text.split()))


@PRACTITIONER_ROLE.read("role_id")
async def read_practitioner_role(role_id: ObjectId, caller: UserAdmin) -> Response:
    """A role that somebody has in a unit."""
    async with caller.transaction() as transaction:
        found = await store.role(transaction, caller, role_id)
        return answer(scheduling.practitioner_role(found, local_date(transaction.now)))


@PRACTITIONER_ROLE.search()
async def search_practitioner_roles(request: Request, caller: UserAdmin) -> Response:
    """Who has which role in a unit."""
    question = await PRACTITIONER_ROLE.asked(request)
    ids, active = question.ids(), _active(question)
    organization = question.reference("organization", "Organization")
    practitioner = question.reference("practitioner", "Practitioner")
    kinds = question.codes("role", OURS + "role", GRANTABLE)
    async with caller.transaction() as transaction:
        unit = _own_unit(caller) if organization is None else organization[1]
        rows = [role for role, _ in await store.roles_in(transaction, caller, unit)]
        today = local_date(transaction.now)
    found = [
        scheduling.practitioner_role(row, today)
        for row in rows
        if (not ids or row.role_id in ids)
        and (practitioner is None or practitioner[1] == row.staff_hsa_id)
        and (not kinds or row.role in kinds)
    ]
    return PRACTITIONER_ROLE.page(request, question, [one for one in found if active in (None, one["active"])])


def _own_unit(caller: Caller) -> str:
    if caller.principal.unit_hsa_id is None:
        raise Problem(FORBIDDEN)
    return caller.principal.unit_hsa_id
