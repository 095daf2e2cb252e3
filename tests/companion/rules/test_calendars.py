"""Bookings as iCalendar: other programs read them, and they tell only when."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from companion.rules.calendars import ATTENDEE, ORGANIZER, Entry, Method, calendar, invitation

AT = datetime(2027, 3, 8, 7, tzinfo=UTC)
ENTRIES = st.builds(
    Entry,
    booking_id=st.from_regex(r"bk-[a-z2-7]{26}", fullmatch=True),
    sequence=st.integers(0, 1000),
    starts_at=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    ends_at=st.just(AT + timedelta(minutes=30)),
    changed_at=st.just(AT),
    is_cancelled=st.booleans(),
)


@given(ENTRIES)
def test_an_invitation_comes_back_as_it_was(entry: Entry) -> None:
    text = invitation(entry, "sv", AT)
    read = Calendar.from_ical(text)
    event = read.walk("VEVENT")[0]
    assert str(read["METHOD"]) == ("CANCEL" if entry.is_cancelled else "REQUEST")
    assert str(event["STATUS"]) == ("CANCELLED" if entry.is_cancelled else "CONFIRMED")
    assert (str(event["UID"]).partition("@")[0], event["SEQUENCE"]) == (entry.booking_id, entry.sequence)
    assert event["DTSTART"].dt == entry.starts_at.replace(microsecond=0)
    assert all(len(line) <= 75 and b"\n" not in line for line in text.split(b"\r\n"))


@given(st.lists(ENTRIES, max_size=5))
def test_a_feed_says_when_and_nothing_else(entries: list[Entry]) -> None:
    read = Calendar.from_ical(calendar(entries, "PUBLISH", "en", AT))
    events = read.walk("VEVENT")
    assert len(events) == len(entries)
    for event in events:
        assert str(event["SUMMARY"]) == "Booked time"
        assert not {"LOCATION", "ATTENDEE", "URL", "CATEGORIES", "GEO"} & set(event)


ONCE = {
    "PUBLISH": {"DTSTAMP", "DTSTART", "ORGANIZER", "SUMMARY", "UID"},
    "REQUEST": {"DTSTAMP", "DTSTART", "ORGANIZER", "ATTENDEE", "SUMMARY", "UID", "SEQUENCE"},
    "CANCEL": {"DTSTAMP", "ORGANIZER", "UID", "SEQUENCE"},
}
"""RFC 5546 sections 3.2.1, 3.2.2 and 3.2.5: what must be in the event."""
NEVER = {"PUBLISH": {"ATTENDEE", "REQUEST-STATUS"}, "REQUEST": {"REQUEST-STATUS"}, "CANCEL": {"REQUEST-STATUS"}}
STATUSES = {"PUBLISH": {"TENTATIVE", "CONFIRMED", "CANCELLED"}, "REQUEST": {"TENTATIVE", "CONFIRMED"}}


@given(ENTRIES, st.sampled_from(["PUBLISH", "REQUEST"]))
def test_every_method_has_what_its_rfc_wants_and_names_nobody(entry: Entry, method: Method) -> None:
    text = calendar([entry], method, "sv", AT) if method == "PUBLISH" else invitation(entry, "sv", AT)
    read = Calendar.from_ical(text)
    told = str(read["METHOD"])
    event = read.walk("VEVENT")[0]
    assert set(event) >= ONCE[told]
    assert not set(event) & NEVER[told]
    assert str(event["STATUS"]) in STATUSES.get(told, {"CANCELLED"})
    assert str(event["ORGANIZER"]) == ORGANIZER
    assert event.get("ATTENDEE") in (None, ATTENDEE)
