"""Bookings as iCalendar (RFC 5545, RFC 5546): invitations, cancellations, and a feed to subscribe to.

A calendar is shown on screens, shared with families and employers, and kept by others. So it says when, and nothing
else: one neutral title for every kind of visit, no unit, no place, no link. Whoever wants more logs in.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from icalendar import Calendar, Event, vCalAddress, vText

from companion.errors import Language

TITLES: Final[dict[Language, str]] = {"sv": "Bokad tid", "en": "Booked time"}
DESCRIPTIONS: Final[dict[Language, str]] = {"sv": "Logga in för att se mer.", "en": "Log in to see more."}
PRODUCT_NAME: Final = "Alltid öppet"
PRODUCT: Final = "-//Alltid oppet//companion//SV"
ORGANIZER: Final = "mailto:no-reply@alltid-oppet.invalid"
"""RFC 5546 section 3.2 wants one with every method. It names nobody and takes no replies."""
ATTENDEE: Final = "mailto:attendee@alltid-oppet.invalid"
"""Whoever the calendar belongs to: who that is stands nowhere in it."""
UID_DOMAIN: Final = "alltid-oppet.invalid"
"""Behind the booking's id; a UID is a name and leads nowhere."""

Method = Literal["REQUEST", "CANCEL", "PUBLISH"]


@dataclass(frozen=True)
class Entry:
    """A booking as a calendar keeps it."""

    booking_id: str
    sequence: int
    """Grows with each change, so that calendars know which one is newer."""
    starts_at: datetime
    ends_at: datetime
    changed_at: datetime
    is_cancelled: bool


def calendar(entries: Iterable[Entry], method: Method, language: Language, now: datetime) -> bytes:
    """The calendar as text, with CRLF and folded lines."""
    made = Calendar()
    made.add("prodid", PRODUCT)
    made.add("version", "2.0")
    made.add("method", method)
    for entry in entries:
        made.add_component(_event(entry, language, now, is_scheduling=method != "PUBLISH"))
    text: bytes = made.to_ical()
    return text


def invitation(entry: Entry, language: Language, now: datetime) -> bytes:
    """One booking: a REQUEST, or a CANCEL when it has been cancelled."""
    return calendar([entry], "CANCEL" if entry.is_cancelled else "REQUEST", language, now)


def _event(entry: Entry, language: Language, now: datetime, *, is_scheduling: bool) -> Event:
    event = Event()
    event.add("uid", f"{entry.booking_id}@{UID_DOMAIN}")
    event.add("sequence", entry.sequence)
    event.add("dtstamp", now.astimezone(UTC))
    event.add("dtstart", entry.starts_at.astimezone(UTC))
    event.add("dtend", entry.ends_at.astimezone(UTC))
    event.add("last-modified", entry.changed_at.astimezone(UTC))
    event.add("summary", vText(TITLES[language]))
    event.add("description", vText(DESCRIPTIONS[language]))
    event.add("status", "CANCELLED" if entry.is_cancelled else "CONFIRMED")
    event.add("class", "PRIVATE")
    organizer = vCalAddress(ORGANIZER)
    organizer.params["CN"] = vText(PRODUCT_NAME)
    event["organizer"] = organizer
    if is_scheduling:  # in what is published there is no attendee (section 3.2.1)
        attendee = vCalAddress(ATTENDEE)
        attendee.params.update(
            CN=vText(TITLES[language]), ROLE="REQ-PARTICIPANT", PARTSTAT="NEEDS-ACTION", RSVP="FALSE"
        )
        if entry.is_cancelled:
            del attendee.params["PARTSTAT"], attendee.params["RSVP"]
        event["attendee"] = attendee
    return event
