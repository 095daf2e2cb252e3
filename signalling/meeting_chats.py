"""A meeting's chat lives as long as its room: opened with it, closed with it, at every front."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from chat.conversation import Conversation
from chat.expiry import DueList
from chat.store import ChatStore

MEETING_OVER_EVENT: Final = "meeting_over"

TellFronts = Callable[[str, Mapping[str, Any]], Awaitable[None]]


class MeetingChats:
    """Opens and closes the chats of meetings. Each step may be done again."""

    def __init__(
        self, store: ChatStore, due: DueList, tell_fronts: TellFronts, *, kept_s: int, clock: Callable[[], float]
    ) -> None:
        """``kept_s``: so long after its meeting a chat is kept."""
        self._store = store
        self._due = due
        self._kept_s = kept_s
        self._clock = clock
        self._tell_fronts = tell_fronts

    async def open(self, meeting_id: str, *, is_hosts_only: bool = False) -> None:
        """The meeting has a new room: a chat that was closed with the last one takes messages again.

        ``is_hosts_only``: as it was planned, those who do not hold the meeting read and do not write. In a chat that
        is open (the room was lost, not the meeting) what holds goes on: hosts may have said otherwise since.
        """
        if is_hosts_only and await self._make_hosts_only(meeting_id):
            return
        known = await self._store.conversation(chat_of(meeting_id))
        if known is not None and known.state == "closed":
            is_hosts_only = is_hosts_only or known.is_hosts_only
            await self._store.update(replace(known, state="open", is_hosts_only=is_hosts_only))

    async def rule(self, meeting_id: str, *, is_hosts_only: bool) -> None:
        """Who may write was planned anew, while the meeting goes on or before."""
        if is_hosts_only and await self._make_hosts_only(meeting_id):
            return
        known = await self._store.conversation(chat_of(meeting_id))
        if known is not None and known.is_hosts_only != is_hosts_only:
            await self._store.rule(known.conversation_id, is_hosts_only=is_hosts_only)

    async def _make_hosts_only(self, meeting_id: str) -> bool:
        """Before anybody can say that they are there; False when there is a chat already."""
        chat = Conversation(chat_of(meeting_id), meeting_id=meeting_id, is_hosts_only=True)
        await self._due.note(chat.conversation_id, self._clock() + self._kept_s)
        return await self._store.create(chat)

    async def close(self, meeting_id: str) -> None:
        """Nobody writes any more, not even who says who they are at this moment: what is not there is made closed.

        What hosts said of this meeting does not hold for another one in a room of that name.
        """
        await self._due.put(chat_of(meeting_id), self._clock() + self._kept_s)
        closed = Conversation(chat_of(meeting_id), meeting_id=meeting_id, state="closed")
        if await self._store.create(closed):
            return
        known = await self._store.conversation(closed.conversation_id)
        if known is not None and known.state == "open":
            await self._store.update(replace(known, state="closed", is_hosts_only=False))

    async def cut(self, meeting_id: str) -> None:
        """Whoever reads it is let go, at every front: their tokens open nothing any more."""
        await self._tell_fronts(MEETING_OVER_EVENT, {"meeting_id": meeting_id})


def chat_of(meeting_id: str) -> str:
    """The id of a meeting's conversation."""
    return f"meeting-{meeting_id}"
