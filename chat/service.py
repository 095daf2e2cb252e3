"""The one door to conversations: permission, gates, store. Socket.IO events and REST routes both come through here.

Whoever may not read a conversation is answered as if there were none (``unknown_conversation``).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from redis.exceptions import RedisError

from auth.permissions import Action, decide
from auth.principal import Principal
from chat import history
from chat.conversation import Conversation, kind_of, may_write, read_action, write_action
from chat.errors import ChatError
from chat.events import (
    MAX_ATTACHMENTS,
    MAX_TEXT_CHARACTERS,
    Appended,
    AuthorRole,
    Draft,
    Event,
    EventKind,
    alias,
)
from chat.gates import AccessLog, AttachmentGate, ConversationGate, NoAccessLog, NoAttachments, OpenGate
from chat.keys import Keys
from chat.standing import Standing
from chat.store import MAX_PAGE, ChatStore, Page, Receipt

EDIT_WINDOW_MS: Final = 15 * 60 * 1000
"""How long an author may change or withdraw a message: typing errors, not history."""
TYPING_MS: Final = 6000
"""A client that goes on typing says so again within this time."""
RENEW_STANDING_S: Final = 0.5
"""After so long what is still in use is read again, so that nobody has to wait for it."""
STANDING_S: Final = 1.0
"""How old what is known of a conversation may be. State and order are checked in the store at each append."""
MAX_STANDING: Final = 50_000
RECEIPT_KINDS: Final = frozenset({"case", "notes", "staff"})
"""Where everybody sees how far the others have read. A meeting's chat has too many readers, and they can be seen."""
ENDLESS_KINDS: Final = frozenset({"staff", "meeting"})
"""What goes to no archive, and may lose its oldest messages rather than end."""
DIRECT_KINDS: Final = frozenset({"meeting"})
"""Where neither a workflow nor the audit log has a say before each message."""


@dataclass(frozen=True)
class Found:
    """Hits of a search."""

    events: tuple[Event, ...]
    before: int
    """Everything from here on was searched; 0 when that is all there is."""


class ChatService:
    """Everything that people do with conversations. ``clock``: seconds since the epoch; ``monotonic``: seconds."""

    def __init__(
        self,
        store: ChatStore,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        gate: ConversationGate | None = None,
        attachments: AttachmentGate | None = None,
        access_log: AccessLog | None = None,
        edit_window_ms: int = EDIT_WINDOW_MS,
    ) -> None:
        self.store = store
        self.gate: ConversationGate = gate or OpenGate()
        self.attachments: AttachmentGate = attachments or NoAttachments()
        self.access_log: AccessLog = access_log or NoAccessLog()
        self._clock = clock
        self._monotonic = monotonic
        self._edit_window_ms = edit_window_ms
        self._standing: dict[str, Standing] = {}
        self._changes = 0
        """How often something was found to have changed."""
        self._renewing: set[asyncio.Task[None]] = set()
        self.make_room: Callable[[str], Awaitable[None]] | None = None
        """Forgets the oldest events of a conversation of ``ENDLESS_KINDS`` that is full."""
        self._making_room: dict[str, asyncio.Task[None]] = {}

    # --- who may -----------------------------------------------------------------------------------------------

    async def _known(self, conversation_id: str) -> Standing:
        """What is known of a conversation, at most ``STANDING_S`` old."""
        found = self._standing.get(conversation_id)
        if found is not None and self._monotonic() < found.until:
            return found
        return await self._look(conversation_id)

    async def _look(self, conversation_id: str) -> Standing:
        kind_of(conversation_id)
        now, changes = self._monotonic(), self._changes
        conversation = await self.store.conversation(conversation_id)
        if conversation is None:
            self.forget_standing(conversation_id)
            raise ChatError("unknown_conversation", "conversation_id")
        found = Standing(conversation, now + RENEW_STANDING_S, now + STANDING_S)
        if changes == self._changes:  # else it may have been read before it changed
            if len(self._standing) >= MAX_STANDING:
                for other in self._standing.values():  # whoever kept one would not hear that it changed
                    other.end()
                self._standing.clear()
            before = self._standing.get(conversation_id)
            if before is not None:
                before.end()
            self._standing[conversation_id] = found
        return found

    def renew(self, conversation_id: str) -> None:
        """Look again soon: who writes now will do so when what is known does not hold any more."""
        task = asyncio.get_running_loop().create_task(self._renew(conversation_id))
        self._renewing.add(task)
        task.add_done_callback(self._renewing.discard)

    async def _renew(self, conversation_id: str) -> None:
        with suppress(ChatError):  # the next message finds out
            await self._look(conversation_id)

    def direct(self, principal: Principal, conversation_id: str) -> Standing | None:
        """What is known of it, if they may write there with nothing to be asked before: text may go to the store.

        That holds while it stands (``until``). None when they may not, or when it is not known: ``send`` finds out.
        """
        found = self._standing.get(conversation_id)
        if found is None or kind_of(conversation_id) not in DIRECT_KINDS or not found.may_write(principal):
            return None
        return found

    async def readable(self, principal: Principal, conversation_id: str) -> Conversation:
        """The conversation, if they may read it; use ``shown`` before showing anything of it."""
        known = await self._known(conversation_id)
        if not known.may_read(principal):
            raise ChatError("unknown_conversation", "conversation_id")
        return known.conversation

    async def shown(self, principal: Principal, conversation_id: str) -> Conversation:
        """``readable``, and noted in the access log, as is who may not."""
        action, known = read_action(conversation_id), await self._known(conversation_id)
        if not known.may_read(principal):
            await self.access_log.refuse(principal, action, known.conversation)
            raise ChatError("unknown_conversation", "conversation_id")
        await self.access_log.record(principal, action, known.conversation)
        return known.conversation

    async def _writable(self, principal: Principal, conversation_id: str, *, is_noted: bool = True) -> Conversation:
        known = await self._known(conversation_id)
        reads, writes = known.may_read(principal), known.may_write(principal)
        if reads and not writes and known.conversation.is_hosts_only:
            raise ChatError("conversation_closed", "conversation_id")
        if not writes:
            if is_noted:
                await self.access_log.refuse(principal, write_action(conversation_id), known.conversation)
            raise ChatError("unknown_conversation", "conversation_id")
        return known.conversation

    def forget_standing(self, conversation_id: str) -> None:
        """It changed: what was known of it is not looked at again."""
        self._changes += 1
        found = self._standing.pop(conversation_id, None)
        if found is not None:
            found.end()

    async def rule(self, principal: Principal, conversation_id: str, *, is_hosts_only: bool) -> None:
        """Say whether all write in a meeting's chat, or only who holds the meeting. Everybody who reads is told."""
        conversation = await self.readable(principal, conversation_id)
        if not decide(principal, Action.MEETING_RULE_CHAT, conversation.resource()):
            raise ChatError("forbidden")
        await self.store.rule(conversation_id, is_hosts_only=is_hosts_only)
        self.forget_standing(conversation_id)

    async def may_write(self, principal: Principal, conversation_id: str) -> bool:
        """Whether they may; also where there is no conversation yet."""
        conversation = await self.store.conversation(conversation_id)
        return conversation is None or may_write(principal, conversation)

    # --- writing -----------------------------------------------------------------------------------------------

    async def send(
        self, principal: Principal, conversation_id: str, client_id: str, text: str, attachments: Sequence[str] = ()
    ) -> Appended:
        """Append a message; a second one with the same client id is the first."""
        conversation = await self._writable(principal, conversation_id)
        _check_text(text, may_be_empty=bool(attachments))
        if len(attachments) > MAX_ATTACHMENTS:
            raise ChatError("invalid", "attachments")
        if conversation.state == "open":
            await self.gate.before_append(conversation, principal, self._clock())
        await self.access_log.record(principal, write_action(conversation_id), conversation)
        if attachments:
            appended = await self._send_files(principal, conversation_id, client_id, text, attachments)
        else:
            appended = await self._append(principal, conversation_id, "message", client_id, {"text": text})
        if appended.seq:  # 0: it was there long ago
            await self.gate.after_append(conversation, principal, appended.seq, self._clock())
        return appended

    async def _send_files(
        self, principal: Principal, conversation_id: str, client_id: str, text: str, attachments: Sequence[str]
    ) -> Appended:
        """A message with files: they are its own from before it is stored, and nobody's again when it is refused."""
        now_s = self._clock()
        try:
            views = await self.attachments.check_usable(
                conversation_id, principal.actor, attachments, client_id=client_id, now_s=now_s
            )
        except ChatError:
            if not await self.store.has_draft(conversation_id, principal.actor, client_id):
                raise
            views = ()  # sent again, after it was withdrawn: the store has the first one
        body = {"text": text, "attachments": [dict(view) for view in views]}
        try:
            appended = await self._append(principal, conversation_id, "message", client_id, body)
        except ChatError as error:
            if error.code != "chat_unavailable":  # then nobody knows: the sweeper finds out
                with suppress(RedisError, OSError):  # the sweeper does it, later
                    await self.attachments.give_back(conversation_id, attachments, client_id=client_id, now_s=now_s)
            raise
        with suppress(RedisError, OSError):
            await self.attachments.carried(conversation_id, attachments)
        return appended

    async def edit(
        self, principal: Principal, conversation_id: str, client_id: str, target: int, text: str
    ) -> Appended:
        """Change the text of one's own message."""
        conversation = await self._writable(principal, conversation_id)
        _check_text(text)
        await self.access_log.record(principal, write_action(conversation_id), conversation)
        return await self._append(principal, conversation_id, "edit", client_id, {"text": text}, target)

    async def withdraw(self, principal: Principal, conversation_id: str, client_id: str, target: int) -> Appended:
        """Take one's own message back. It stays in the archive; nobody is shown it any more."""
        conversation = await self._writable(principal, conversation_id)
        await self.access_log.record(principal, write_action(conversation_id), conversation)
        page = await self.store.read_after(conversation_id, target - 1, 1, mask=False)
        own = [event for event in page.events if event.seq == target and event.author == principal.actor]
        files = [str(view["attachment_id"]) for event in own for view in event.body.get("attachments", ())]
        # Said before: should we die after the next step, the files are hidden all the same.
        await self.attachments.hide_with(conversation_id, files, target)
        appended = await self._append(principal, conversation_id, "withdrawal", client_id, {}, target)
        with suppress(RedisError, OSError):
            await self.attachments.hide(conversation_id, files)
        return appended

    async def system(self, conversation_id: str, client_id: str, what: str, values: Mapping[str, Any]) -> Appended:
        """Append what the service itself has to say (a case changed its state). Names nobody."""
        body = {**values, "what": what}
        return await self.store.append(Draft(conversation_id, "system", "", "", "system", client_id, body))

    async def _append(
        self,
        principal: Principal,
        conversation_id: str,
        kind: EventKind,
        client_id: str,
        body: Mapping[str, Any],
        target: int = 0,
    ) -> Appended:
        draft = Draft(
            conversation_id,
            kind,
            principal.actor,
            principal.display_name,
            role_of(principal),
            client_id,
            body,
            target,
            self._edit_window_ms if target else 0,
        )
        try:
            return await self.store.append(draft)
        except ChatError as error:
            if error.code != "conversation_full" or not self.make_room_soon(conversation_id):
                raise
        await asyncio.wait([self._making_room[conversation_id]])  # should we go meanwhile, it goes on for the others
        return await self.store.append(draft)

    def make_room_soon(self, conversation_id: str) -> bool:
        """Whether a conversation that is full will have room again soon: once for all who found it so."""
        if self.make_room is None or kind_of(conversation_id) not in ENDLESS_KINDS:
            return False
        if conversation_id not in self._making_room:
            task = asyncio.get_running_loop().create_task(self._make_room(conversation_id))
            self._making_room[conversation_id] = task
            task.add_done_callback(lambda _: self._making_room.pop(conversation_id, None))
        return True

    async def _make_room(self, conversation_id: str) -> None:
        if self.make_room is not None:
            with suppress(ChatError, RedisError, OSError):  # whoever tries again sets it going again
                await self.make_room(conversation_id)

    # --- how far, who types, who is there ----------------------------------------------------------------------

    async def receipt(self, principal: Principal, conversation_id: str, delivered: int, read: int) -> Receipt:
        """Note what reached somebody, and what they have read."""
        conversation = await self.readable(principal, conversation_id)
        reader = alias(conversation_id, principal.actor)
        tell = conversation.kind in RECEIPT_KINDS
        return await self.store.move_receipt(conversation_id, reader, Receipt(delivered, read), tell=tell)

    async def typing(self, principal: Principal, conversation_id: str, *, is_typing: bool) -> None:
        """Tell the others that somebody types, for ``TYPING_MS``, or has stopped."""
        await self._writable(principal, conversation_id, is_noted=False)
        keys = Keys(conversation_id)
        person = f"{alias(conversation_id, principal.actor)}\t{principal.display_name}"
        await self.store.committer.touch(keys.typing, keys.channel, "T", person, TYPING_MS if is_typing else 0)

    async def live_text(self, principal: Principal, conversation_id: str, values: Mapping[str, Any]) -> None:
        """Pass on what is being written, character by character. Kept nowhere: the message follows."""
        conversation = await self._writable(principal, conversation_id, is_noted=False)
        if conversation.state != "open":
            raise ChatError("conversation_closed", "conversation_id")
        author = {"author": alias(conversation_id, principal.actor), "author_name": principal.display_name}
        await self.store.committer.tell(Keys(conversation_id).channel, "X", {**author, **values})

    # --- looking back ------------------------------------------------------------------------------------------

    async def history(self, principal: Principal, conversation_id: str, before: int, limit: int) -> Page:
        """The events before a number, the oldest first."""
        await self.shown(principal, conversation_id)
        return await self.store.read_before(conversation_id, before, limit)

    async def search(self, principal: Principal, conversation_id: str, query: str, before: int) -> Found:
        """Messages with all the words, the newest first; ask again with ``before`` for older ones."""
        words = history.words_of(query)
        if not words:
            raise ChatError("invalid", "query")
        await self.shown(principal, conversation_id)
        found: list[Event] = []
        edits = await self._edits_behind(conversation_id, before)
        for _ in range(history.MAX_SCANNED_PAGES):
            page = await self.store.read_before(conversation_id, before, MAX_PAGE)
            if not page.events:
                return Found(tuple(found), 0)
            history.newest_edits(page.events, edits)
            for event in history.hits(words, page.events, edits):
                found.append(event)
                if len(found) == history.MAX_HITS:
                    return Found(tuple(found), event.seq)
            before = page.events[0].seq
        return Found(tuple(found), before)

    async def _edits_behind(self, conversation_id: str, before: int) -> dict[int, Event]:
        """Edits that stand where an earlier answer has searched already; they may be of messages before that."""
        edits: dict[int, Event] = {}
        after = before - 1
        for _ in range(history.MAX_SCANNED_PAGES):
            events = (await self.store.read_after(conversation_id, after, MAX_PAGE)).events
            history.newest_edits(events, edits)
            if len(events) < MAX_PAGE:
                break
            after = events[-1].seq
        return edits


def role_of(principal: Principal) -> AuthorRole:
    """What others see of an author's role."""
    if principal.kind == "patient":
        return "proxy" if principal.is_proxy else "patient"
    return "system" if principal.kind == "service" else principal.kind


def _check_text(text: str, *, may_be_empty: bool = False) -> None:
    if len(text) > MAX_TEXT_CHARACTERS or (not text.strip() and not may_be_empty):
        raise ChatError("invalid", "text")
