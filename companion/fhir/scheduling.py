"""Time books and bookings in FHIR R4: Schedule, Slot, Appointment, HealthcareService, and who offers them.

A unit is an Organization (part of its care provider) and, as what can be booked, a HealthcareService with the same id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from companion.fhir.codes import (
    APPOINTMENT_STATUS,
    CANCEL_REASON,
    CANCEL_REASONS,
    CANCELLATION_REASON,
    MEETING,
    ORGANIZATION_TYPE,
    OURS,
    SLOT_STATUS,
    coding,
    concept,
)
from companion.fhir.elements import Resource, hsa_identifier, instant, reference, resource
from companion.rules.bookings import BookingState
from companion.rules.slots import SlotState


@dataclass(frozen=True)
class Provider:
    """A care provider (vårdgivare)."""

    hsa_id: str
    name: str


@dataclass(frozen=True)
class CareUnit:
    """A care unit (vårdenhet)."""

    hsa_id: str
    provider_hsa_id: str
    name: str
    phone: str | None = None
    address: str | None = None
    is_active: bool = True


@dataclass(frozen=True)
class TimeKind:
    """A time type (tidstyp)."""

    time_type_id: str
    name: str
    modality: str


@dataclass(frozen=True)
class TimeBook:
    """A schedule (tidbok)."""

    schedule_id: str
    unit_hsa_id: str
    name: str
    staff_hsa_id: str | None = None
    is_active: bool = True
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    """Between which instants there are slots."""


@dataclass(frozen=True)
class TimeSlot:
    """A slot (tid)."""

    slot_id: str
    schedule_id: str
    state: SlotState
    starts_at: datetime
    ends_at: datetime
    kind: TimeKind


@dataclass(frozen=True)
class Visit:
    """A booking (bokning), with whom it is about as they may be shown to the reader."""

    booking_id: str
    slot_id: str
    unit_hsa_id: str
    unit_name: str
    patient_person_id: str
    patient_name: str | None
    """None: nothing is shown (a protected identity in a list)."""
    state: BookingState
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    kind: TimeKind
    cancel_reason: str | None = None
    staff_hsa_id: str | None = None
    version: int = 0
    """Grows with each change."""
    changed_at: datetime | None = None
    meeting_id: str | None = None


@dataclass(frozen=True)
class Employee:
    """A staff member."""

    hsa_id: str
    name: str
    title: str = ""


@dataclass(frozen=True)
class Employment:
    """A role of a staff member in a unit."""

    role_id: str
    staff_hsa_id: str
    unit_hsa_id: str
    role: str
    valid_from: date
    valid_until: date | None = None


def organization_of_provider(provider: Provider) -> Resource:
    """Organization."""
    return resource(
        "Organization",
        provider.hsa_id,
        identifier=[hsa_identifier(provider.hsa_id)],
        active=True,
        type=[concept(ORGANIZATION_TYPE, "prov")],
        name=provider.name,
    )


def organization_of_unit(unit: CareUnit) -> Resource:
    """Organization."""
    return resource(
        "Organization",
        unit.hsa_id,
        identifier=[hsa_identifier(unit.hsa_id)],
        active=unit.is_active,
        type=[concept(ORGANIZATION_TYPE, "dept")],
        name=unit.name,
        telecom=[{"system": "phone", "value": unit.phone}] if unit.phone else [],
        address=[{"text": unit.address}] if unit.address else [],
        partOf=reference("Organization", unit.provider_hsa_id),
    )


def healthcare_service(unit: CareUnit, kinds: Sequence[TimeKind]) -> Resource:
    """HealthcareService: what a unit offers."""
    return resource(
        "HealthcareService",
        unit.hsa_id,
        identifier=[hsa_identifier(unit.hsa_id)],
        active=unit.is_active,
        providedBy=reference("Organization", unit.hsa_id, unit.name),
        type=[_service_type(kind) for kind in kinds],
        name=unit.name,
        telecom=[{"system": "phone", "value": unit.phone}] if unit.phone else [],
        appointmentRequired=True,
    )


def _service_type(kind: TimeKind) -> dict[str, object]:
    return {
        "coding": [
            coding(OURS + "time-type", kind.time_type_id, kind.name),
            coding(OURS + "modality", kind.modality),
        ],
        "text": kind.name,
    }


def schedule(book: TimeBook) -> Resource:
    """Schedule."""
    actors = [reference("HealthcareService", book.unit_hsa_id)]
    if book.staff_hsa_id:
        actors.append(reference("Practitioner", book.staff_hsa_id))
    return resource(
        "Schedule",
        book.schedule_id,
        active=book.is_active,
        actor=actors,
        planningHorizon={"start": instant(book.begins_at), "end": instant(book.ends_at)},
        comment=book.name,
    )


def slot(one: TimeSlot) -> Resource:
    """Slot."""
    return resource(
        "Slot",
        one.slot_id,
        serviceType=[_service_type(one.kind)],
        schedule=reference("Schedule", one.schedule_id),
        status=SLOT_STATUS[one.state],
        start=instant(one.starts_at),
        end=instant(one.ends_at),
    )


def appointment(visit: Visit) -> Resource:
    """Appointment. Its participants have accepted: a booking is made by all of them or not at all."""
    is_off = visit.state in (BookingState.CANCELLED, BookingState.NO_SHOW)
    reason = visit.cancel_reason if visit.cancel_reason in CANCEL_REASONS else None
    participants = [
        _participant(reference("Patient", visit.patient_person_id, visit.patient_name)),
        _participant(reference("HealthcareService", visit.unit_hsa_id, visit.unit_name)),
    ]
    if visit.staff_hsa_id:
        participants.append(_participant(reference("Practitioner", visit.staff_hsa_id)))
    return resource(
        "Appointment",
        visit.booking_id,
        meta={"versionId": str(visit.version), "lastUpdated": instant(visit.changed_at)},
        # What a SMART launch finds its meeting by.
        identifier=[{"system": MEETING, "value": visit.meeting_id}] if visit.meeting_id else [],
        status=APPOINTMENT_STATUS[visit.state],
        # Only what was cancelled or missed has a reason (invariant app-4).
        cancelationReason={
            "coding": [coding(CANCELLATION_REASON, CANCEL_REASONS[reason]), coding(CANCEL_REASON, reason)]
        }
        if is_off and reason is not None
        else None,
        serviceType=[_service_type(visit.kind)],
        start=instant(visit.starts_at),
        end=instant(visit.ends_at),
        minutesDuration=int((visit.ends_at - visit.starts_at).total_seconds() // 60),
        slot=[reference("Slot", visit.slot_id)],
        created=instant(visit.created_at),
        participant=participants,
    )


def _participant(
    actor: dict[str, str | None], status: Literal["accepted", "declined", "tentative", "needs-action"] = "accepted"
) -> dict[str, object]:
    return {"actor": actor, "required": "required", "status": status}


def practitioner(employee: Employee) -> Resource:
    """Practitioner."""
    return resource(
        "Practitioner",
        employee.hsa_id,
        identifier=[hsa_identifier(employee.hsa_id)],
        active=True,
        name=[{"text": employee.name}] if employee.name else [],
        qualification=[{"code": {"text": employee.title}}] if employee.title else [],
    )


def practitioner_role(role: Employment, today: date) -> Resource:
    """PractitionerRole; its period ends with the last day."""
    is_over = role.valid_until is not None and role.valid_until < today
    return resource(
        "PractitionerRole",
        role.role_id,
        active=role.valid_from <= today and not is_over,
        period={
            "start": role.valid_from.isoformat(),
            "end": role.valid_until.isoformat() if role.valid_until is not None else None,
        },
        practitioner=reference("Practitioner", role.staff_hsa_id),
        organization=reference("Organization", role.unit_hsa_id),
        code=[concept(OURS + "role", role.role)],
        healthcareService=[reference("HealthcareService", role.unit_hsa_id)],
    )
