"""Closing a meeting: first what opens doors, then its chat and the people, those who wait too."""

from collections.abc import Awaitable, Callable
from typing import Literal

from auth.guest_links import GuestLinks
from sfu.client import MediaClient
from sfu.registry import Registry
from signalling.meeting_chats import MeetingChats
from signalling.meetings import Meeting, Meetings

Reason = Literal["room_closed", "cancelled", "moved"]
"""What the people are told (``ClosedCode``)."""


class MeetingCloser:
    """Closes meetings, their links, their chats, and their rooms wherever these are."""

    def __init__(
        self, meetings: Meetings, links: GuestLinks, registry: Registry, media: MediaClient, chats: MeetingChats
    ) -> None:
        self._meetings = meetings
        self._links = links
        self._registry = registry
        self._media = media
        self.on_ended: Callable[[Meeting], Awaitable[None]] | None = None
        """Is told of each meeting that staff end for all."""
        self._chats = chats

    async def close(self, meeting: Meeting, now: float, reason: Reason = "room_closed") -> None:
        """The meeting is over, or will not be. Done twice it comes to the same."""
        await self._meetings.close(meeting, now)
        for link in await self._links.of_meeting(meeting.meeting_id):
            await self._links.revoke(link, now)
        await self.empty(meeting.meeting_id, reason)
        if reason == "room_closed" and self.on_ended is not None:
            await self.on_ended(meeting)

    async def empty(self, room_id: str, reason: Reason) -> bool:
        """Everybody out of the room, its waiting room and its chat; a token that was given before leads nowhere.

        False when there is no such room (any more). A worker that does not answer leaves the room's key behind: who
        asks again finds it. The chat ends even then. One that moves goes on at its new time.
        """
        if reason != "moved":
            await self._chats.close(room_id)
        try:
            return await self._empty_room(room_id, reason)
        finally:
            await self._chats.cut(room_id)

    async def close_room(self, room_id: str) -> bool:
        """A room that a service made is closed; False when there is none."""
        if await self._registry.room(room_id) is None:
            return False
        return await self.empty(room_id, "room_closed")

    async def _empty_room(self, room_id: str, reason: Reason) -> bool:
        """Twice, because somebody may have come in before the key was gone."""
        room = await self._registry.room(room_id)
        if room is None:
            return False
        is_there = room.worker_id in await self._registry.live("worker")
        if is_there:
            await self._media.close_room(room.worker_id, room_id, reason)
        was_there = await self._registry.delete_room(room_id)
        if is_there:
            await self._media.close_room(room.worker_id, room_id, reason)
        return was_there
