"""Bookings become meetings: a video booking opens one, a move moves it, a cancellation closes it at once."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from signalling.companion_client import CompanionClient
from signalling.companion_events import CompanionEvent, EventPayloadError, text_of
from signalling.meeting_closing import MeetingCloser
from signalling.meeting_source import TITLE, BookedMeeting, MeetingSource
from signalling.meetings import KEPT_S, Meeting, Meetings

KINDS: Final = (
    "booking.created",
    "booking.rebooked",
    "booking.cancelled",
    "booking.booked",
    "booking.arrived",
    "booking.fulfilled",
    "booking.no_show",
    "meeting.changed",
)
_REOPENS: Final = frozenset({"booking.created", "booking.rebooked"})
"""A meeting that was ended for all stays so when somebody marks the visit as done; a new time opens it again."""


class BookingMeetings:
    """Acts on ``booking.*``. In whatever order they come, what the companion says now counts, and the sequence number
    of the booking decides what is newer.
    """

    def __init__(
        self,
        client: CompanionClient,
        source: MeetingSource,
        meetings: Meetings,
        closer: MeetingCloser,
        *,
        opens_at: Callable[[Meeting], int],
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._source = source
        self._meetings = meetings
        self._closer = closer
        self._opens_at = opens_at
        self._clock = clock

    async def changed(self, event: CompanionEvent) -> None:
        """The handler of all ``KINDS``."""
        if event.payload.get("meeting") is None:
            return
        meeting_id, sequence = text_of(event.payload, "meeting"), event.payload.get("sequence")
        if not isinstance(sequence, int):
            raise EventPayloadError("sequence")
        self._client.forget(f"/meetings/{meeting_id}")
        if event.payload.get("state") == "cancelled":  # all is known: nobody waits for another answer
            await self._cancelled(meeting_id, sequence)
            return
        booked = await self._source.ask(self._client, meeting_id)
        is_filled_again = booked.is_group and event.kind == "meeting.changed"  # nobody was left, now somebody comes
        await self._apply(booked, reopens=is_filled_again or event.kind in _REOPENS)

    async def _cancelled(self, meeting_id: str, sequence: int) -> None:
        known = await self._meetings.get(meeting_id)
        if known is None:
            now = int(self._clock())
            known = Meeting(meeting_id, TITLE, "one_to_one", "", "", "", now, now + KEPT_S)
        await self._close(known, sequence)

    async def _close(self, meeting: Meeting, sequence: int) -> None:
        await self._closer.close(replace(meeting, sequence=sequence), self._clock(), "cancelled")

    async def _apply(self, booked: BookedMeeting, *, reopens: bool) -> None:
        meeting, now = booked.meeting(), self._clock()
        if booked.becomes == "closed":
            await self._close(meeting, booked.sequence)
            return
        before = await self._meetings.get(meeting.meeting_id)
        if not await self._meetings.put_newer(meeting, now, reopens=reopens and booked.becomes == "open"):
            return
        has_moved = before is not None and before.starts_at != meeting.starts_at
        if has_moved and now < self._opens_at(meeting):
            await self._closer.empty(meeting.meeting_id, "moved")
