"""From a closed conversation to the archive, and then out of the store: in this order, each step repeatable."""

from dataclasses import replace

from chat.archive import Archive, Transcript
from chat.errors import ChatError
from chat.events import Event
from chat.store import MAX_PAGE, ChatStore


async def archive_conversation(store: ChatStore, archive: Archive, conversation_id: str) -> int:
    """Give the archive what it lacks of a closed conversation; through which number it has everything.

    ``ChatError`` (invalid) for a conversation that is open; ``ArchiveError`` when the archive did not take it.
    """
    conversation = await store.conversation(conversation_id)
    if conversation is None:
        raise ChatError("unknown_conversation", "conversation_id")
    if conversation.state == "open":
        raise ChatError("invalid", "state")
    after = await store.archived_through(conversation_id)
    events: list[Event] = []
    through = after
    while page := (await store.read_after(conversation_id, through, MAX_PAGE, mask=False)).events:
        events += page
        through = page[-1].seq
    if not events:
        return after
    reference = await archive.store(Transcript(conversation, events[0].seq, through, tuple(events)))
    await store.mark_archived(conversation_id, through, reference)
    return through


async def trim_conversation(store: ChatStore, conversation_id: str) -> int:
    """Forget what the archive has, once nobody may reopen it; through which number it is forgotten now.

    When to call it is the case's business (``ALLTID_CASE_REOPEN_DAYS``). Readers are told that the older part is
    in the archive (``trimmed_through``).
    """
    conversation = await store.conversation(conversation_id)
    if conversation is None:
        raise ChatError("unknown_conversation", "conversation_id")
    if conversation.state == "open":
        raise ChatError("invalid", "state")
    through = await store.trim(conversation_id, await store.archived_through(conversation_id))
    if conversation.state != "archived":
        await store.update(replace(conversation, state="archived"))
    return through
