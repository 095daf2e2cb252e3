"""HTTP routes, one file per area: they read the request, call one use case, and show what it gives."""

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter
from fastapi.routing import APIRoute

from companion.routes import (
    access,
    administration,
    archive,
    audit_review,
    bookings,
    calendars,
    campaigns,
    corrections,
    declarations,
    extracts,
    fees,
    fhir,
    front_audit,
    health,
    looks,
    maternity,
    maternity_region,
    meetings,
    offers,
    organisation,
    participants,
    patients,
    proxies,
    record,
    reserve,
    retention,
    schedules,
    slots,
    summons,
    summons_attachments,
    time_books,
    visit_quality,
)

ROUTERS: Final[Sequence[APIRouter]] = (
    health.router,
    organisation.router,
    administration.router,
    schedules.router,
    time_books.router,
    slots.router,
    bookings.router,
    participants.router,
    calendars.router,
    reserve.router,
    fees.router,
    meetings.router,
    patients.router,
    proxies.router,
    declarations.router,
    summons.router,
    summons_attachments.router,
    campaigns.router,
    offers.router,
    access.router,
    record.router,
    maternity.router,
    maternity_region.router,
    archive.router,
    visit_quality.router,
    retention.router,
    corrections.router,
    extracts.router,
    looks.router,
    audit_review.router,
    front_audit.router,
    fhir.router,
)
"""All of them, in the order of the document."""


def methods_at(path: str) -> set[str]:
    """All methods that an address has, whichever route each of them is (``Allow``, RFC 9110 section 15.5.6)."""
    found: set[str] = set()
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.path_regex.match(path):
                found |= route.methods or set()
    return found
