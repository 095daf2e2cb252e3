"""Appointments that others send: what is to be booked, what is to be cancelled, and that nothing else is asked for.

An element that is not known here is refused, never dropped: whoever wrote it would believe that somebody reads it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    ValidationError,
)

from companion.errors import Problem
from companion.fhir.codes import CANCEL_REASON, CANCEL_REASONS, CANCELLATION_REASON, SYSTEM_CODES
from companion.fhir.elements import Resource
from companion.fhir.outcome import RESOURCE_INVALID, RESOURCE_REFUSED

# Of this service alone: the same id at another address is somebody else.
_PATIENT: Final = re.compile(r"Patient/(p-[a-z2-7]{26})")
_SERVICE: Final = re.compile(r"HealthcareService/([A-Z0-9-]{12,31})")
_SLOT: Final = re.compile(r"Slot/([a-z]{1,8}-[a-z2-7]{26})")
_UNCOMPARED: Final = frozenset({"id", "meta", "text", "language", "status", "cancelationReason"})
"""What a client need not send back as it was."""

_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)


def _text_of_instant(value: Any) -> Any:
    """No numbers of seconds, no days: an instant as FHIR writes it."""
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("not an instant")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_text_of_instant)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Status = Literal[
    "proposed",
    "pending",
    "booked",
    "arrived",
    "fulfilled",
    "cancelled",
    "noshow",
    "entered-in-error",
    "checked-in",
    "waitlist",
]


class _Element(BaseModel):
    model_config = ConfigDict(extra="forbid", str_max_length=4000)


class Coding(_Element):
    """A code of a system."""

    system: Words | None = None
    version: Words | None = None
    code: Words | None = None
    display: Words | None = None
    userSelected: StrictBool | None = None  # noqa: N815  # as FHIR spells it


class Concept(_Element):
    """CodeableConcept."""

    coding: Annotated[list[Coding], Field(max_length=10)] = Field(default_factory=list)
    text: Words | None = None


class Identifier(_Element):
    """An identifier."""

    use: Literal["usual", "official", "temp", "secondary", "old"] | None = None
    system: Words | None = None
    value: Words | None = None


class Reference(_Element):
    """To another resource."""

    reference: Words
    type: Words | None = None
    display: Words | None = None


class Participant(_Element):
    """Who takes part."""

    actor: Reference
    required: Literal["required", "optional", "information-only"] | None = None
    status: Literal["accepted", "declined", "tentative", "needs-action"]


class Appointment(_Element):
    """An Appointment (R4), as far as one can be asked for here."""

    resourceType: Literal["Appointment"]  # noqa: N815  # as FHIR spells it
    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9\-.]{1,64}$")] | None = None
    meta: dict[str, Any] | None = None
    language: Annotated[str, StringConstraints(max_length=16)] | None = None
    text: dict[str, Any] | None = None
    identifier: Annotated[list[Identifier], Field(max_length=10)] = Field(default_factory=list)
    status: Status
    cancelationReason: Concept | None = None  # noqa: N815  # as FHIR spells it
    serviceType: Annotated[list[Concept], Field(max_length=10)] = Field(default_factory=list)  # noqa: N815
    start: Instant | None = None
    end: Instant | None = None
    minutesDuration: Annotated[StrictInt, Field(ge=1)] | None = None  # noqa: N815  # as FHIR spells it
    slot: Annotated[list[Reference], Field(max_length=10)] = Field(default_factory=list)
    created: Instant | None = None
    participant: Annotated[list[Participant], Field(min_length=1, max_length=10)]


@dataclass(frozen=True)
class NewVisit:
    """What somebody wants to book."""

    slot_id: str
    patient_person_id: str


def read(body: Any) -> Appointment:
    """An Appointment that was sent; ``Problem`` (400) naming the element that is not valid."""
    try:
        return Appointment.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(part if isinstance(part, str) else f"[{part}]" for part in first["loc"]).replace(".[", "[")
        is_unknown = first["type"] == "extra_forbidden"
        # An unknown element's name is whatever was sent.
        path = place.rpartition(".")[0] if is_unknown else place
        raise Problem(RESOURCE_INVALID, f"Appointment.{path}".rstrip("."), first["type"]) from None


def wish(sent: Appointment) -> NewVisit:
    """What it asks to book: one patient, one slot."""
    if sent.status != "booked":
        raise Problem(RESOURCE_REFUSED, "Appointment.status", "only booked")
    if sent.cancelationReason is not None:  # app-4
        raise Problem(RESOURCE_INVALID, "Appointment.cancelationReason", "not cancelled")
    if sent.start is None or sent.end is None:  # app-3
        raise Problem(RESOURCE_INVALID, "Appointment.start", "missing")
    if len(sent.slot) != 1:
        raise Problem(RESOURCE_REFUSED, "Appointment.slot", "exactly one")
    if any(one.status == "declined" for one in sent.participant):
        raise Problem(RESOURCE_REFUSED, "Appointment.participant.status", "declined")
    slot = _SLOT.fullmatch(sent.slot[0].reference)
    if slot is None:
        raise Problem(RESOURCE_REFUSED, "Appointment.slot", "not a Slot")
    patients = {match[1] for one in sent.participant if (match := _PATIENT.fullmatch(one.actor.reference))}
    if len(patients) != 1:
        raise Problem(RESOURCE_REFUSED, "Appointment.participant", "exactly one Patient")
    return NewVisit(slot[1], patients.pop())


def check_made(sent: Appointment, made: Resource) -> None:
    """That what was booked is what was asked for, in everything that was said; ``Problem`` (422) undoes it."""
    for name, given in (("start", sent.start), ("end", sent.end)):
        if given is not None and given.astimezone(UTC) != datetime.fromisoformat(made[name]):
            raise Problem(RESOURCE_REFUSED, f"Appointment.{name}", "not the slot's")
    if sent.minutesDuration not in (None, made["minutesDuration"]):
        raise Problem(RESOURCE_REFUSED, "Appointment.minutesDuration", "not the slot's")
    if sent.identifier:
        raise Problem(RESOURCE_REFUSED, "Appointment.identifier", "given by the server")
    offered = {(one["system"], one["code"]) for kind in made["serviceType"] for one in kind["coding"]}
    asked = {(one.system, one.code) for kind in sent.serviceType for one in kind.coding}
    if not asked <= offered:
        raise Problem(RESOURCE_REFUSED, "Appointment.serviceType", "not the slot's")
    actors = {one["actor"]["reference"] for one in made["participant"]}
    for one in sent.participant:
        if (found := _local(one.actor.reference)) is None or found not in actors:
            raise Problem(RESOURCE_REFUSED, "Appointment.participant", "does not take part in this slot")


def _local(reference: str) -> str | None:
    for kind, pattern in (("Patient", _PATIENT), ("HealthcareService", _SERVICE)):
        if match := pattern.fullmatch(reference):
            return f"{kind}/{match[1]}"
    return None


def cancellation(current: Resource, sent: Mapping[str, Any]) -> Concept | Literal["unchanged", "no_reason"]:
    """Why it is cancelled; ``unchanged`` when it already is as it was sent. Nothing but the status can change."""
    wanted = read(sent)
    if wanted.id not in (None, current["id"]):
        raise Problem(RESOURCE_REFUSED, "Appointment.id", "another one")
    for name in sorted(set(sent) - _UNCOMPARED):
        if _bare(sent[name]) != _bare(current.get(name)):
            raise Problem(RESOURCE_REFUSED, f"Appointment.{name}", "cannot be changed here")
    is_same_reason = _bare(sent.get("cancelationReason")) == _bare(current.get("cancelationReason"))
    if wanted.status == current["status"] and is_same_reason:
        return "unchanged"
    if wanted.status != "cancelled":
        raise Problem(RESOURCE_REFUSED, "Appointment.status", "only to cancelled")
    return wanted.cancelationReason or "no_reason"


def _bare(value: Any) -> Any:
    """Without texts for people."""
    if isinstance(value, Mapping):
        return {name: _bare(part) for name, part in value.items() if name not in ("display", "text", "type")}
    return [_bare(part) for part in value] if isinstance(value, list) else value


_PREFIXES: Final[Mapping[str, str]] = MappingProxyType(
    {"pat": "patient_asked", "prov": "unit_closed", "maint": "unit_closed", "meds": "medical"}
)


def own_reason(given: Concept) -> str:
    """The companion's reason that a concept means: its own code if there is one, else what HL7's code comes down to."""
    codes = {one.system: one.code or "" for one in given.coding if one.system is not None}
    own, of_hl7 = codes.get(CANCEL_REASON), codes.get(CANCELLATION_REASON)
    if own is not None and own in CANCEL_REASONS:
        return own
    if own is None and of_hl7 is not None and of_hl7 in SYSTEM_CODES[CANCELLATION_REASON]:
        if of_hl7 == "prov-pers":  # the care giver's own reasons
            return "unit_illness"
        return _PREFIXES.get(of_hl7.partition("-")[0], "other")
    raise Problem(RESOURCE_REFUSED, "Appointment.cancelationReason", "not a known code")
