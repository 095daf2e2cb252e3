"""Appointment: bookings as FHIR R4. Made and cancelled by the use cases of ``/bookings``, with their rules and fees."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

from fastapi import Header, Request, Response
from pydantic import RootModel

from companion.errors import Problem
from companion.fhir import appointments, scheduling
from companion.fhir.appointments import Concept
from companion.fhir.codes import APPOINTMENT_STATUS, MEETING, OURS, VALUE_SETS
from companion.fhir.elements import FHIR_JSON, Resource
from companion.fhir.json_patch import patched
from companion.fhir.outcome import RESOURCE_REFUSED
from companion.fhir.search import PARAMETER_VALUE, Asked, Parameter, asked
from companion.idempotency import Key, once
from companion.identity import Caller
from companion.models.bookings import Booking
from companion.routes.bookings import Canceller, Lister, Reader
from companion.routes.fhir_table import JSON_PATCH, Kind, answer, base_of, body_of
from companion.routes.shapes import ObjectId
from companion.routes.slots import Booker, whom
from companion.rules.bookings import BookingState
from companion.store import bookings
from companion.store import fhir as store
from companion.store import fhir_appointments as use_cases
from companion.transaction import Transaction

APPOINTMENT: Final = Kind(
    "Appointment",
    "Bookings: of the one who asks, or of the unit. To create one: status booked, one Slot, one Patient, the slot's "
    "start and end; a place that the caller holds in the slot is used. Nothing but status cancelled with a "
    "cancelationReason can be written (PUT, PATCH), with If-Match if it is known which version was read.",
    Parameter("_id", "token"),
    Parameter("patient", "reference", "Whose. Patients need not say it."),
    Parameter("actor", "reference", "The same (Patient), or the unit (HealthcareService)."),
    Parameter("date", "date", "When it starts. Staff who name no patient ask for at most seven days."),
    Parameter("status", "token"),
    Parameter("service-type", "token", "Time type or modality."),
    Parameter("slot", "reference"),
    Parameter("identifier", "token", "Of its video meeting."),
)
_VERSION: Final = re.compile(r'(?:W/)?"([A-Za-z0-9.-]{1,64})"')

IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=80)]
IfNoneExist = Annotated[str | None, Header(alias="If-None-Exist", max_length=256)]


class _Body(RootModel[dict[str, Any]]):
    """A resource, ready to be kept for the same request again."""


async def _shown(transaction: Transaction, booking: Booking) -> Resource:
    (visit,) = await store.visits(transaction, [booking])
    return scheduling.appointment(visit)


def _etag(resource: Resource) -> str:
    return f'W/"{resource["meta"]["versionId"]}"'


def _with_version(response: Response, request: Request | None = None) -> Response:
    """The headers that a resource's body implies, also when it is an answer that was given before."""
    resource = json.loads(bytes(response.body))
    response.headers["ETag"] = _etag(resource)
    if request is not None:
        version = resource["meta"]["versionId"]
        response.headers["Location"] = f"{base_of(request)}/Appointment/{resource['id']}/_history/{version}"
    return response


@APPOINTMENT.read("booking_id")
async def read_appointment(booking_id: ObjectId, caller: Reader) -> Response:
    """A booking."""
    async with caller.transaction() as transaction:
        booking = await bookings.own_booking(transaction, caller, booking_id, lock=False)
        resource = await _shown(transaction, booking)
    return answer(resource, ETag=_etag(resource))


@APPOINTMENT.search()
async def search_appointments(request: Request, caller: Lister) -> Response:
    """A patient's bookings; staff see those of their unit, of a patient or of some days."""
    question = await APPOINTMENT.asked(request)
    person_id = _patient(question)
    states = question.codes("status", None, VALUE_SETS["Appointment.status"])
    when, unit, slot = question.span("date"), _unit(question), question.reference("slot", "Slot")
    async with caller.transaction() as transaction:
        if person_id is None and caller.principal.kind != "patient":
            rows = await use_cases.of_unit(transaction, caller, when)
        else:
            rows = await bookings.of_patient(transaction, caller, whom(caller, person_id))
        visits = await store.visits(
            transaction,
            [
                row
                for row in rows
                if row.starts_at in when
                and unit in (None, row.unit_hsa_id)
                and (slot is None or slot[1] == row.slot_id)
                and (not states or APPOINTMENT_STATUS[BookingState(row.state)] in states)
                and _is_one_of(question, row)
            ],
        )
    wanted = [one for one in visits if _is_of_type(question, one)]
    return APPOINTMENT.page(request, question, [scheduling.appointment(one) for one in wanted])


def _patient(question: Asked) -> str | None:
    """Whose: as ``patient`` or ``actor`` says; both must mean the same."""
    found = {
        reference[1]
        for reference in (question.reference("patient", "Patient"), _actor(question))
        if reference is not None and reference[0] == "Patient"
    }
    if len(found) > 1:
        raise Problem(PARAMETER_VALUE, "actor", "another patient")
    return found.pop() if found else None


def _actor(question: Asked) -> tuple[str, str] | None:
    return question.reference("actor", "Patient", "HealthcareService")


def _unit(question: Asked) -> str | None:
    reference = _actor(question)
    return reference[1] if reference is not None and reference[0] == "HealthcareService" else None


def _is_one_of(question: Asked, row: Booking) -> bool:
    ids, meetings = question.ids(), question.tokens("identifier")
    is_meeting = any(one.system in (None, MEETING) and one.code in (None, row.meeting_id) for one in meetings)
    return (not ids or row.booking_id in ids) and (not meetings or (row.meeting_id is not None and is_meeting))


def _is_of_type(question: Asked, visit: scheduling.Visit) -> bool:
    kinds = question.tokens("service-type")
    own = ((OURS + "time-type", visit.kind.time_type_id), (OURS + "modality", visit.kind.modality))
    return not kinds or any(
        one.system in (None, system) and one.code in (None, code) for one in kinds for system, code in own
    )


# --- writing -----------------------------------------------------------------------------------------------------


@APPOINTMENT.create()
async def create_appointment(
    request: Request, caller: Booker, key: Key = None, if_none_exist: IfNoneExist = None
) -> Response:
    """Book a slot; what was booked is what the resource says, or nothing is.

    `If-None-Exist: slot=Slot/...&patient=Patient/...` gives the booking that is there already (200), as
    `Idempotency-Key` gives the same answer again.
    """
    sent = appointments.read(await body_of(request))
    wish = appointments.wish(sent)
    if if_none_exist is not None:
        _check_condition(if_none_exist, wish)
        async with caller.transaction() as transaction:
            there = await use_cases.booked_before(transaction, caller, wish)
            if there is not None:
                return _with_version(answer(await _shown(transaction, there)), request)

    async def act(transaction: Transaction) -> _Body:
        made = await _shown(transaction, await use_cases.book(transaction, caller, wish))
        appointments.check_made(sent, made)
        return _Body(made)

    return _with_version(await once(caller, request, key, 201, act, FHIR_JSON), request)


def _check_condition(text: str, wish: appointments.NewVisit) -> None:
    """The only condition that is understood is the one that says of the same slot and patient."""
    parameters = (Parameter("slot", "reference"), Parameter("patient", "reference"))
    pairs = [tuple(part.partition("=")[::2]) for part in text.lstrip("?").split("&")]
    condition = asked(parameters, [(name, value) for name, value in pairs])
    named = (condition.reference("slot", "Slot"), condition.reference("patient", "Patient"))
    if named != (("Slot", wish.slot_id), ("Patient", wish.patient_person_id)):
        raise Problem(PARAMETER_VALUE, "If-None-Exist", "the slot and the patient of the resource")


@APPOINTMENT.update("booking_id")
async def update_appointment(
    request: Request, booking_id: ObjectId, caller: Canceller, key: Key = None, if_match: IfMatch = None
) -> Response:
    """Cancel a booking: the resource as it was read, with status cancelled and a reason. What is left out stays."""
    sent = await body_of(request)
    if isinstance(sent, dict) and sent.get("id") != booking_id:  # http.html, 3.1.0.7
        raise Problem(RESOURCE_REFUSED, "Appointment.id", "not the one of the address")
    return await _cancel(request, booking_id, caller, key, if_match, lambda _: sent)


@APPOINTMENT.patch("booking_id")
async def patch_appointment(
    request: Request, booking_id: ObjectId, caller: Canceller, key: Key = None, if_match: IfMatch = None
) -> Response:
    """Cancel a booking by JSON Patch (RFC 6902): replace `/status`, add `/cancelationReason`."""
    operations = await body_of(request, JSON_PATCH)
    return await _cancel(request, booking_id, caller, key, if_match, lambda current: patched(current, operations))


async def _cancel(
    request: Request,
    booking_id: str,
    caller: Caller,
    key: str | None,
    if_match: str | None,
    wanted: Callable[[Resource], Mapping[str, Any]],
) -> Response:
    version = None if if_match is None else _VERSION.fullmatch(if_match)
    if if_match is not None and version is None:
        raise Problem(PARAMETER_VALUE, "If-Match")

    async def act(transaction: Transaction) -> _Body:
        booking = await use_cases.cancel(transaction, caller, booking_id, None if version is None else version[1], why)
        await transaction.session.flush()
        return _Body(await _shown(transaction, booking))

    async def why(transaction: Transaction, booking: Booking) -> str | None:
        current = await _shown(transaction, booking)
        return _reason(caller, appointments.cancellation(current, wanted(current)))

    return _with_version(await once(caller, request, key, 200, act, FHIR_JSON))


def _reason(caller: Caller, found: Concept | Literal["unchanged", "no_reason"]) -> str | None:
    """None: nothing is to be done. Patients are never asked why, staff are: it decides whether it costs."""
    if found == "unchanged":
        return None
    if caller.principal.kind == "patient":
        return bookings.PATIENT_ASKED
    if found == "no_reason":
        raise Problem(RESOURCE_REFUSED, "Appointment.cancelationReason", "missing")
    return appointments.own_reason(found)
