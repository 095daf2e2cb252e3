"""What a SMART launch is about: patient and meeting, read out of the launch context and of FHIR R4 resources.

Pure; what is not as expected is left out, or is None, whatever shape it has.
"""

import re
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from auth import identity_numbers
from auth.identity_numbers import IdentityNumber, IdentityNumberError, IdentitySystem

MEETING_SYSTEM: Final = "urn:alltid-oppet:meeting"
"""``identifier.system`` with which a FHIR Appointment names its meeting."""
_FHIR_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_MEETING_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_STOCKHOLM: Final = ZoneInfo("Europe/Stockholm")


def is_fhir_id(value: Any) -> bool:
    """Whether that may stand in a path (FHIR R4, datatype id); dots alone would lead out of it."""
    return isinstance(value, str) and _FHIR_ID.fullmatch(value) is not None and bool(value.strip("."))


def meeting_id(appointment: Any) -> str | None:
    """The meeting that a FHIR Appointment names."""
    found = [value for system, value in identifiers(appointment) if system == MEETING_SYSTEM]
    return next((value for value in found if _MEETING_ID.fullmatch(value)), None)


def appointment_id(context: Any) -> str | None:
    """The Appointment of ``fhirContext`` (SMART App Launch 2, launch context)."""
    for item in context if isinstance(context, list) else ():
        reference = item.get("reference") if isinstance(item, dict) else None
        kind, _, found = reference.partition("/") if isinstance(reference, str) else ("", "", "")
        if kind == "Appointment" and is_fhir_id(found):
            return found
    return None


def identifiers(resource: Any) -> list[tuple[str, str]]:
    """System and value of each identifier of a FHIR resource."""
    listed = resource.get("identifier") if isinstance(resource, dict) else None
    found = []
    for item in listed if isinstance(listed, list) else ():
        system, value = (item.get("system"), item.get("value")) if isinstance(item, dict) else (None, None)
        if isinstance(system, str) and isinstance(value, str):
            found.append((system, value))
    return found


def identity_number(patient: Any, now: float) -> IdentityNumber | None:
    """The first identity number of a FHIR Patient in a system that we know (``now``: seconds since the epoch)."""
    known = {system.value: system for system in IdentitySystem}
    today = datetime.fromtimestamp(now, _STOCKHOLM).date()
    for system, value in identifiers(patient):
        if system in known:
            try:
                return identity_numbers.parse(value, today=today, system=known[system])
            except IdentityNumberError:
                continue
    return None
