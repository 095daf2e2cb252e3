"""FHIR R4 (4.0.1) at ``/fhir``: free times for everybody; bookings and the audit log for whom they concern.

Errors are OperationOutcomes with our own codes (``companion.each_request``).
"""

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import StringConstraints

from companion.errors import INVALID_REQUEST, Problem
from companion.fhir import care, scheduling
from companion.fhir.capability import Served, capability_statement
from companion.fhir.elements import FHIR_JSON, Resource, searchset
from companion.fhir.scheduling import Provider
from companion.identity import public
from companion.routes.bookings import Lister, Reader
from companion.routes.looks import Before, OwnReader, cursor
from companion.routes.shapes import HsaId, ObjectId
from companion.routes.slots import DEFAULT_DAYS, MAX_DAYS, WHY_PUBLIC, whom
from companion.rules.local_time import local_date, midnight
from companion.services import Services
from companion.store import bookings, looks
from companion.store import fhir as store

router = APIRouter(prefix="/fhir", tags=["fhir"], default_response_class=Response)

PUBLISHED: Final = date(2026, 11, 23)
"""When what is served last changed (``CapabilityStatement.date``)."""
SERVED: Final = (
    Served("Organization", ("read",), {}, "Care providers and their units."),
    Served("HealthcareService", ("read",), {}, "What can be booked at a unit; its id is the unit's."),
    Served("Schedule", ("read",), {}),
    Served(
        "Slot",
        ("read", "search-type"),
        {"service-type": "token", "schedule.actor": "reference", "start": "date"},
        "A search finds free slots. Days are those of Europe/Stockholm.",
    ),
    Served("Appointment", ("read", "search-type"), {"patient": "reference"}, "Bookings of the one who asks."),
    Served("AuditEvent", ("search-type",), {}, "Uses of one's own data, latest first."),
)

Anybody = Annotated[Services, public(WHY_PUBLIC)]
TypeToken = Annotated[str, StringConstraints(pattern=r"^(urn:alltid-oppet:time-type\|)?[a-z]{1,8}-[a-z2-7]{26}$")]
ServiceReference = Annotated[str, StringConstraints(pattern=r"^(HealthcareService/)?[A-Z0-9-]{12,31}$")]
PatientReference = Annotated[str, StringConstraints(pattern=r"^(Patient/)?p-[a-z2-7]{26}$")]
Start = Annotated[str, StringConstraints(pattern=r"^(eq|ge|lt)?20[0-9]{2}-[0-9]{2}-[0-9]{2}$")]


def _answer(resource: Resource) -> Response:
    return Response(json.dumps(resource, ensure_ascii=False), media_type=FHIR_JSON)


def _base(request: Request) -> str:
    return f"{request.base_url}fhir"


@router.get("/metadata")
async def metadata(request: Request, _services: Anybody) -> Response:
    """The CapabilityStatement."""
    return _answer(capability_statement(SERVED, published=PUBLISHED, version="1", url=_base(request)))


@router.get("/Organization/{hsa_id}")
async def read_organization(hsa_id: HsaId, services: Anybody) -> Response:
    """A care provider or a unit."""
    async with services.database.reading(services.clock()) as transaction:
        found = await store.organization(transaction, hsa_id)
    if isinstance(found, Provider):
        return _answer(scheduling.organization_of_provider(found))
    return _answer(scheduling.organization_of_unit(found))


@router.get("/HealthcareService/{hsa_id}")
async def read_healthcare_service(hsa_id: HsaId, services: Anybody) -> Response:
    """What a unit offers."""
    async with services.database.reading(services.clock()) as transaction:
        return _answer(scheduling.healthcare_service(*await store.unit_with_kinds(transaction, hsa_id)))


@router.get("/Schedule/{schedule_id}")
async def read_schedule(schedule_id: ObjectId, services: Anybody) -> Response:
    """A time book, without whose it is."""
    async with services.database.reading(services.clock()) as transaction:
        return _answer(scheduling.schedule(await store.schedule(transaction, schedule_id)))


@router.get("/Slot/{slot_id}")
async def read_slot(slot_id: ObjectId, services: Anybody) -> Response:
    """A slot."""
    async with services.database.reading(services.clock()) as transaction:
        return _answer(scheduling.slot(await store.slot(transaction, slot_id)))


@router.get("/Slot")
async def search_slots(
    request: Request,
    services: Anybody,
    service_type: Annotated[TypeToken | None, Query(alias="service-type")] = None,
    actor: Annotated[ServiceReference | None, Query(alias="schedule.actor")] = None,
    start: Annotated[list[Start] | None, Query(max_length=2)] = None,
    count: Annotated[int, Query(alias="_count", ge=1, le=500)] = 100,
) -> Response:
    """Free slots."""
    now = services.clock()
    first, before = _days(start or [], local_date(now))
    async with services.database.reading(now) as transaction:
        found = await store.find_free(
            transaction,
            begins=midnight(first),
            ends=midnight(before),
            time_type_id=service_type.rpartition("|")[2] if service_type else None,
            unit_hsa_id=actor.rpartition("/")[2] if actor else None,
            limit=count,
        )
    return _answer(searchset(_base(request), str(request.url), map(scheduling.slot, found)))


def _days(start: list[str], today: date) -> tuple[date, date]:
    """The first day, and the day after the last one, of a search's ``start`` parameters."""
    first, before = today, None
    for text in start:
        try:
            day = date.fromisoformat(text[-10:])
        except ValueError:
            raise Problem(INVALID_REQUEST, "start") from None
        if text.startswith("lt"):
            before = day
        else:
            first = max(day, today)
            if not text.startswith("ge"):
                before = day + timedelta(days=1)
    before = before or first + timedelta(days=DEFAULT_DAYS)
    if (before - first).days > MAX_DAYS:
        raise Problem(INVALID_REQUEST, "start", f"at most {MAX_DAYS} days")
    return first, before


@router.get("/Appointment/{booking_id}")
async def read_appointment(booking_id: ObjectId, caller: Reader) -> Response:
    """A booking."""
    async with caller.transaction() as transaction:
        booking = await bookings.own_booking(transaction, caller, booking_id, lock=False)
        (visit,) = await store.visits(transaction, [booking])
    return _answer(scheduling.appointment(visit))


@router.get("/Appointment")
async def search_appointments(
    request: Request, caller: Lister, patient: Annotated[PatientReference | None, Query()] = None
) -> Response:
    """A patient's bookings; staff see those of their unit."""
    person_id = whom(caller, patient.rpartition("/")[2] if patient else None)
    async with caller.transaction() as transaction:
        found = await store.visits(transaction, await bookings.of_patient(transaction, caller, person_id))
    return _answer(searchset(_base(request), str(request.url), map(scheduling.appointment, found)))


@router.get("/AuditEvent")
async def search_audit_events(
    request: Request,
    caller: OwnReader,
    before: Before = None,
    count: Annotated[int, Query(alias="_count", ge=1, le=200)] = 50,
) -> Response:
    """Uses of one's own data by others. No other patient is named, no address told."""
    async with caller.transaction() as transaction:
        found = await looks.of_own_data(transaction, caller, before=cursor(before), limit=count, own_too=False)
    return _answer(searchset(_base(request), str(request.url), map(_event, found)))


def _event(look: looks.Look) -> Resource:
    entry = replace(look.entry, address=None)
    if look.actor_kind == "proxy":
        entry = replace(entry, actor="proxy")
    elif look.actor_kind == "other":
        entry = replace(entry, actor="other", on_behalf_of=None)
    return care.audit_event(look.place.number, entry, chain=look.place.chain)
