"""Bookings as iCalendar: other programs read them, and they tell only when."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from companion.rules.calendars import Entry, calendar, invitation

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
        assert not {"LOCATION", "ORGANIZER", "ATTENDEE", "URL", "CATEGORIES", "GEO"} & set(event)
