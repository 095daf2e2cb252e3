"""docs/fhir.md: what ``/fhir`` serves, made of the table of its routes. ``companion.documents`` writes it."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from companion.fhir.appointments import Coding, Concept, own_reason
from companion.fhir.capability import ORDER, Served
from companion.fhir.codes import (
    APPOINTMENT_STATUS,
    CANCEL_REASONS,
    CANCELLATION_REASON,
    ENCOUNTER_STATUS,
    ENCOUNTER_STATUS_BY_BOOKING,
    SLOT_STATUS,
    SYSTEM_CODES,
)
from companion.routes.fhir import KINDS

PATH: Final = Path(__file__).resolve().parent.parent / "docs" / "fhir.md"

_INTRODUCTION: Final = """\
# FHIR R4

The companion serves FHIR R4 (4.0.1) in JSON below `/fhir`, for record systems that ask it themselves.
`GET /fhir/metadata` is its CapabilityStatement. Who asks, and what they may see, is the same as on every other route:
[companion.md](companion.md) says how a token is sent, [permissions.md](permissions.md) what a role may do. Care
providers never see each other's data here; blocks (spärr), consents and care relations hold for what they hold for
elsewhere; a protected identity is told to nobody but staff who treat the patient, and marked (`meta.security`, code V).
Each use of a patient's data is an entry of the audit log.

Generated from the code by `make docs`.
"""

_RULES: Final = """\
## Searching

`GET [kind]?...`, or `POST [kind]/_search` with the same in a form body, which keeps what is personal out of addresses.
Parameters marked *body* are taken in a body alone.

- A parameter that is not in the table is refused (400), unless `Prefer: handling=lenient`; link `self` says what was
  understood. A modifier is always refused.
- Dates take the prefixes eq, gt, ge, sa, lt, le, eb, and may come twice. Days are those of Europe/Stockholm.
- Commas in tokens and ids mean "any of these". Elsewhere a parameter is given once.
- Pages: `_count` (50, at most 200; Slot 500) and link `next`.
- `_format` and `Accept`: FHIR JSON or plain JSON; all else is 406.

## Booking and cancelling

`POST /fhir/Appointment` books: status `booked`, exactly one `slot`, exactly one Patient among the participants, `start`
and `end` of the slot. A place that the caller holds in the slot (`POST /holds`) is used. What is booked is what the
resource says, or nothing is. `Idempotency-Key` makes a request that is sent twice count once;
`If-None-Exist: slot=Slot/...&patient=Patient/...` gives the booking that is there already (200).

`PUT` with the resource as it was read, or `PATCH` with JSON Patch (`application/json-patch+json`), cancels: status
`cancelled` and, for staff, a `cancelationReason`. Nothing else can be changed here. `ETag` and `If-Match` carry the
version; another one than the present is 412. Both go the way of `/bookings`: the same gates, fees, events and audit.

An element that is not known here is refused (400), never dropped.

## Errors

An OperationOutcome: `issue.code` of FHIR's IssueType, `details.coding` our own code (`urn:alltid-oppet:problem`) as
[companion.md](companion.md#problems) lists it, `details.text` in the language of `Accept-Language`, `expression` the
element or parameter at fault. `slot_taken` has a second issue (`informational`) whose `diagnostics` names the nearest
free slots.
"""


_REASONS: Final = """\
Reasons of a cancellation stand in two codings: HL7's, and the companion's own (`urn:alltid-oppet:cancel-reason`), which
wins when both are sent.
"""


def _served_lines(served: Served) -> Iterator[str]:
    yield f"### {served.kind}\n"
    yield f"{served.documentation}\n"
    yield "Interactions: " + ", ".join(f"`{code}`" for code in ORDER if code in served.interactions) + "."
    if served.search:
        yield ""
        yield "| Parameter | Type | |"
        yield "|---|---|---|"
        for one in served.search:
            said = " ".join(filter(None, (one.documentation, "*body*" if one.is_private else "")))
            yield f"| `{one.name}` | {one.kind} | {said} |"
    yield ""


def _table(ours: str, theirs: str, table: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f"| {ours} | {theirs} |"
    yield "|---|---|"
    for name, code in table:
        yield f"| `{name}` | `{code}` |"
    yield ""


def _reasons() -> dict[str, str]:
    """What HL7's codes come down to when they are sent."""
    return {
        code: own_reason(Concept(coding=[Coding(system=CANCELLATION_REASON, code=code)]))
        for code in sorted(SYSTEM_CODES[CANCELLATION_REASON])
    }


def document() -> str:
    """The whole text."""
    parts = [_INTRODUCTION, _RULES, "## What is served\n"]
    parts += ["\n".join(_served_lines(kind.served)) for kind in KINDS]
    parts += [
        "## Codes\n",
        "\n".join(_table("Booking", "Appointment.status", APPOINTMENT_STATUS.items())),
        "\n".join(_table("Video meeting", "Encounter.status", ENCOUNTER_STATUS.items())),
        "\n".join(
            _table(
                "Its booking, before anything has happened to it",
                "Encounter.status",
                ENCOUNTER_STATUS_BY_BOOKING.items(),
            )
        ),
        "\n".join(_table("Slot", "Slot.status", SLOT_STATUS.items())),
        _REASONS,
        "\n".join(_table("Own reason", "HL7, as it is shown", CANCEL_REASONS.items())),
        "\n".join(_table("HL7, as it is sent", "Own reason", _reasons().items())),
    ]
    return "\n".join(parts).rstrip() + "\n"
