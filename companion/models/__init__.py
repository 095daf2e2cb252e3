"""The tables, one file per area. Importing this package knows all of them (``Base.metadata``)."""

from companion.models import (
    access,
    archive,
    audit,
    audit_review,
    bookings,
    campaigns,
    declarations,
    maternity,
    organisation,
    outbox,
    people,
    proxies,
    quality,
    records,
    schedules,
    summons,
)
from companion.models.base import Base

__all__ = [
    "Base",
    "access",
    "archive",
    "audit",
    "audit_review",
    "bookings",
    "campaigns",
    "declarations",
    "maternity",
    "organisation",
    "outbox",
    "people",
    "proxies",
    "quality",
    "records",
    "schedules",
    "summons",
]
