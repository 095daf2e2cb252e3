"""FHIR R4 (4.0.1) at ``/fhir``: the table of all that is served, its CapabilityStatement, and who offers which times.

The other kinds of resources stand in ``fhir_*.py``. Errors are OperationOutcomes with our own codes
(``companion.fhir.outcome``).
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from companion.errors import Problem
from companion.fhir import scheduling
from companion.fhir.capability import capability_statement
from companion.fhir.codes import OURS, VALUE_SETS
from companion.fhir.scheduling import Provider
from companion.fhir.search import PARAMETER_VALUE, Asked, Parameter, Span
from companion.identity import public
from companion.routes.fhir_appointments import APPOINTMENT
from companion.routes.fhir_care import AUDIT_EVENT, COMMUNICATION, ENCOUNTER, QUESTIONNAIRE, QUESTIONNAIRE_RESPONSE
from companion.routes.fhir_people import CONSENT, PATIENT, PRACTITIONER, PRACTITIONER_ROLE, RELATED_PERSON
from companion.routes.fhir_table import Kind, answer, base_of, check_format
from companion.routes.shapes import HsaId, ObjectId
from companion.routes.slots import DEFAULT_DAYS, MAX_DAYS, WHY_PUBLIC
from companion.services import Services
from companion.store import fhir as store

PUBLISHED: Final = date(2026, 11, 28)
"""When what is served last changed (``CapabilityStatement.date``)."""
MAX_SLOTS: Final = 500

Anybody = Annotated[Services, public(WHY_PUBLIC)]

ORGANIZATION: Final = Kind("Organization", "Care providers and their units.")
HEALTHCARE_SERVICE: Final = Kind("HealthcareService", "What can be booked at a unit; its id is the unit's.")
SCHEDULE: Final = Kind("Schedule", "Time books, without whose they are.")
SLOT: Final = Kind(
    "Slot",
    "A search finds free slots that anybody can book. Days are those of Europe/Stockholm.",
    Parameter("service-type", "token", "Time type."),
    Parameter("schedule.actor", "reference", "The unit (HealthcareService)."),
    Parameter("start", "date", f"When it begins: {DEFAULT_DAYS} days from now unless it is said, at most {MAX_DAYS}."),
    Parameter("status", "token", "Only free ones are found."),
    max_count=MAX_SLOTS,
)


@ORGANIZATION.read("hsa_id")
async def read_organization(hsa_id: HsaId, services: Anybody) -> Response:
    """A care provider or a unit."""
    async with services.database.reading(services.clock()) as transaction:
        found = await store.organization(transaction, hsa_id)
    if isinstance(found, Provider):
        return answer(scheduling.organization_of_provider(found))
    return answer(scheduling.organization_of_unit(found))


@HEALTHCARE_SERVICE.read("hsa_id")
async def read_healthcare_service(hsa_id: HsaId, services: Anybody) -> Response:
    """What a unit offers."""
    async with services.database.reading(services.clock()) as transaction:
        return answer(scheduling.healthcare_service(*await store.unit_with_kinds(transaction, hsa_id)))


@SCHEDULE.read("schedule_id")
async def read_schedule(schedule_id: ObjectId, services: Anybody) -> Response:
    """A time book, without whose it is."""
    async with services.database.reading(services.clock()) as transaction:
        return answer(scheduling.schedule(await store.schedule(transaction, schedule_id)))


@SLOT.read("slot_id")
async def read_slot(slot_id: ObjectId, services: Anybody) -> Response:
    """A slot."""
    async with services.database.reading(services.clock()) as transaction:
        return answer(scheduling.slot(await store.slot(transaction, slot_id)))


@SLOT.search(is_public=True)
async def search_slots(request: Request, services: Anybody) -> Response:
    """Free slots."""
    question = await SLOT.asked(request)
    now = services.clock()
    begins, ends = _period(question.span("start"), now)
    unit = question.reference("schedule.actor", "HealthcareService")
    time_type_id = _time_type(question)
    states = question.codes("status", None, VALUE_SETS["Slot.status"])
    async with services.database.reading(now) as transaction:
        found = await store.find_free(
            transaction,
            begins=begins,
            ends=ends,
            time_type_id=time_type_id,
            unit_hsa_id=None if unit is None else unit[1],
            limit=question.count + 1,
            offset=question.offset,
        )
    if states and "free" not in states:
        found = []
    page = [scheduling.slot(one) for one in found[: question.count]]
    return SLOT.part(request, question, page, question.next_page if len(found) > question.count else None)


def _time_type(question: Asked) -> str | None:
    tokens = question.tokens("service-type")
    if not tokens:
        return None
    if len(tokens) > 1 or tokens[0].code is None:
        raise Problem(PARAMETER_VALUE, "service-type", "one time type")
    # Of another code system no slot is: no time type is called so.
    return tokens[0].code if tokens[0].system in (None, OURS + "time-type") else ""


def _period(wanted: Span, now: datetime) -> tuple[datetime, datetime]:
    """From now or later, some weeks unless it is said, and not half a year."""
    begins = max(wanted.begins or now, now)
    ends = wanted.ends or begins + timedelta(days=DEFAULT_DAYS)
    if ends - begins > timedelta(days=MAX_DAYS):
        raise Problem(PARAMETER_VALUE, "start", f"at most {MAX_DAYS} days")
    return begins, ends


KINDS: Final[Sequence[Kind]] = (
    ORGANIZATION,
    HEALTHCARE_SERVICE,
    SCHEDULE,
    SLOT,
    APPOINTMENT,
    PATIENT,
    RELATED_PERSON,
    CONSENT,
    PRACTITIONER,
    PRACTITIONER_ROLE,
    ENCOUNTER,
    COMMUNICATION,
    QUESTIONNAIRE,
    QUESTIONNAIRE_RESPONSE,
    AUDIT_EVENT,
)
"""All that is served."""

router = APIRouter(prefix="/fhir", tags=["fhir"], default_response_class=Response, dependencies=[Depends(check_format)])


@router.get("/metadata")
async def metadata(request: Request, _services: Anybody) -> Response:
    """The CapabilityStatement."""
    served = [kind.served for kind in KINDS]
    return answer(capability_statement(served, published=PUBLISHED, version="1", url=base_of(request)))


for _kind in KINDS:
    _kind.add_to(router)
