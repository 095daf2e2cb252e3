"""The tables, one file per area. Importing this package knows all of them (``Base.metadata``)."""

from companion.models import audit, bookings, declarations, organisation, outbox, people, proxies, schedules, summons
from companion.models.base import Base

__all__ = [
    "Base",
    "audit",
    "bookings",
    "declarations",
    "organisation",
    "outbox",
    "people",
    "proxies",
    "schedules",
    "summons",
]
