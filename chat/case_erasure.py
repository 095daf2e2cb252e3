"""Erasing what the archive has: messages, files and the case's own words, once nobody may reopen it.

Every step can be repeated, and nothing goes before the archive has said that it has all of it. The case's record comes
first: from then on nobody reopens it, whatever the unit's settings become. What stays of it is that it was there.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from chat.archive import Archive, ArchiveError, Transcript
from chat.case_store import CaseStore
from chat.cases import Case, CaseError, CaseState
from chat.conversation import Conversation
from chat.errors import ChatError
from chat.events import Event
from chat.store import MAX_PAGE, ChatStore


class ReadableArchive(Archive, Protocol):
    """An archive that can be asked what it has, and from which people can read."""

    async def has_through(self, conversation_id: str) -> int:
        """Every event from the first through this number is kept; ``ArchiveError`` when it cannot be asked."""


class CaseEraser:
    """Erases closed cases from the store of one service."""

    def __init__(
        self,
        store: ChatStore,
        cases: CaseStore,
        archive: ReadableArchive,
        *,
        archive_files: Callable[[str], Awaitable[None]],
        erase_files: Callable[[str], Awaitable[None]],
    ) -> None:
        """``archive_files`` gives the archive what it lacks of a conversation's files; ``erase_files`` erases ours."""
        self._store = store
        self._cases = cases
        self._archive = archive
        self._archive_files = archive_files
        self._erase_files = erase_files

    async def erase(self, case: Case) -> None:
        """Erase a case that nobody may reopen. ``ArchiveError`` while the archive lacks something of it, ``CaseError``
        when somebody has reopened it after all.
        """
        conversation_ids = (case.conversation_id, case.notes_id)
        for conversation_id in conversation_ids:
            await self._complete(conversation_id)
        await self._cases.change(case.case_id, _tombstone)
        for conversation_id in conversation_ids:
            await self._erase_files(conversation_id)
            await self._store.erase(conversation_id)

    async def _complete(self, conversation_id: str) -> None:
        """See to it that the archive has everything."""
        conversation = await self._store.conversation(conversation_id)
        if conversation is None:
            return  # erased already, before somebody died who did this
        if conversation.state == "open":
            raise ChatError("invalid", "state")
        await self._archive_files(conversation_id)
        page = await self._store.read_after(conversation_id, 0, 1)
        if await self._archive.has_through(conversation_id) >= page.last_seq:
            return
        if page.trimmed_through:
            raise ArchiveError("incomplete")  # the older part is in another archive: what is here stays
        await self._hand_over(conversation)
        if await self._archive.has_through(conversation_id) < page.last_seq:
            raise ArchiveError("incomplete")

    async def _hand_over(self, conversation: Conversation) -> None:
        """Another archive was used when it was closed: this one gets all of it."""
        events: list[Event] = []
        while True:
            through = events[-1].seq if events else 0
            page = await self._store.read_after(conversation.conversation_id, through, MAX_PAGE, mask=False)
            if not page.events:
                break
            events += page.events
        await self._archive.store(Transcript(conversation, 1, events[-1].seq, tuple(events)))


def _tombstone(case: Case) -> Case:
    if case.is_erased:
        return case
    if case.state is not CaseState.CLOSED:
        raise CaseError("not_closed")  # reopened at the last moment, by a front whose clock is behind ours
    return replace(case, subject="", patient_name="", is_erased=True, version=case.version + 1)
