"""The chat events of sockets: each is checked by its model, carried out, and acknowledged.

They do not pass through python-socketio: a frame is parsed once, and its acknowledgement is written in the same turn
in which the store confirmed. What a socket sends is handled in its order, one after the other.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any, Final, Protocol

import structlog
from aiohttp import web
from pydantic import ValidationError
from redis.exceptions import RedisError

from auth.principal import Principal
from chat.conversation import Conversation, kind_of, may_read, state_for
from chat.errors import ChatError
from chat.events import Event, alias, to_wire, unit_channel
from chat.expiry import LOOK_AGAIN_S, DueList
from chat.fanout import FanOut
from chat.history import matches, without_attachments, words_of
from chat.presence import PRESENCE_KINDS, RENEW_S, Presence
from chat.service import TYPING_MS, ChatService
from signalling import chat_files
from signalling import chat_protocol as wire
from signalling.chat_metrics import ChatMetrics
from signalling.chat_packets import acknowledgement_frame, event_frame
from signalling.chat_sends import ChatSends
from signalling.chat_settings import ChatSettings
from signalling.chat_sockets import ChatSocket, Pass
from signalling.connection import Connection, Frame
from signalling.logs import place_of
from signalling.meeting_chats import chat_of
from signalling.requests import CALLER
from signalling.settings import FrontSettings
from signalling.socket_gate import SocketGate
from signalling.token_bucket import TokenBucket

_log = structlog.get_logger(__name__)

NEWEST_EVENTS: Final = 50
"""What a client gets that has nothing yet; older ones by ``chat_history``."""
_CHECKED_AT_ONCE: Final = 100
MAX_ATTACHED: Final = 200
"""Conversations that one socket may read at the same time."""
_APPENDS: Final = frozenset({"chat_send", "chat_edit", "chat_withdraw"})
_USES: Final = _APPENDS | {"chat_type", "chat_live", "chat_history", "chat_search"}
"""Events that a person causes; everything else a page sends by itself."""


class Door(Protocol):
    """Tells who somebody is. Refusals are exceptions with a ``code`` of ``ChatCode``."""

    async def by_token(self, token: str) -> tuple[Principal, Pass]:
        """The holder of a meeting token who is admitted, and what the token is good for."""

    async def lapsed(self, passes: Collection[Pass]) -> set[Pass]:
        """Which of them are good for nothing any more."""

    async def by_request(self, request: web.Request, *, is_use: bool) -> Principal | None:
        """Who is logged in, by the cookie of the socket's handshake; ``is_use``: a person does something."""


class RefusedChatError(Exception):
    """A client event that is answered with an error."""

    def __init__(self, code: wire.ChatCode, field: str | None = None) -> None:
        super().__init__(code)
        self.code: wire.ChatCode = code
        self.field = field


class ChatEvents:
    """The lane of chat events (``signalling.connection.Lane``)."""

    def __init__(
        self,
        settings: FrontSettings,
        limits: ChatSettings,
        service: ChatService,
        fanout: FanOut,
        presence: Presence,
        door: Door,
        due: DueList,
        metrics: ChatMetrics,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._limits = limits
        self._service = service
        self._fanout = fanout
        self._presence = presence
        self._door = door
        self._due = due
        self._clock = clock
        self._metrics = metrics
        self._monotonic = monotonic
        self._counters = {name: metrics.events.labels(name) for name in (*wire.CHAT_CLIENT_EVENTS, "unknown")}
        self._sockets: dict[Connection, ChatSocket] = {}
        self._sends = ChatSends(
            limits,
            service,
            monotonic=monotonic,
            counted=self._counters["chat_send"].inc,
            refuse=self._refuse_send,
        )
        self._renewing: asyncio.Task[None] | None = None
        self._handlers: Mapping[str, Callable[[ChatSocket, Any], Awaitable[Mapping[str, Any]]]] = {
            "chat_open": self._open,
            "chat_resume": self._resume,
            "chat_close": self._close,
            "chat_send": self._send,
            "chat_edit": self._edit,
            "chat_withdraw": self._withdraw,
            "chat_receipt": self._receipt,
            "chat_type": self._type,
            "chat_live": self._live,
            "chat_rule": self._rule,
            "chat_history": self._history,
            "chat_search": self._search,
        }

    async def start(self) -> None:
        """Begin to renew who is present."""
        self._renewing = asyncio.create_task(self._renew())

    async def stop(self) -> None:
        """Stop doing so."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait([self._renewing])

    def __len__(self) -> int:
        return len(self._sockets)

    # --- the lane ----------------------------------------------------------------------------------------------

    def takes(self, event: str) -> bool:
        """All events that begin with ``chat_``."""
        return event.startswith("chat_")

    async def take(self, connection: Connection, frame: Frame) -> None:
        """Handle one event and acknowledge it. Never raises (but for cancellation)."""
        event = frame.event or ""
        known = event if event in wire.CHAT_CLIENT_EVENTS else "unknown"
        self._counters[known].inc()
        CALLER.set(connection.address)
        try:
            reply: Mapping[str, Any] = {"ok": True, **await self._handle(connection, known, frame.payload or {})}
        except RefusedChatError as error:
            reply = self._refusal(known, error.code, error.field)
        except (RedisError, OSError) as error:
            _log.warning("chat_event_redis_failed", event_name=known, error=type(error).__name__)
            reply = self._refusal(known, "chat_unavailable", None)
        except Exception as error:  # a client gets a code, never a traceback
            reply = self._refusal(known, _code_of(error, known), getattr(error, "field", None))
        if frame.message_id is not None:
            connection.write(acknowledgement_frame(frame.message_id, reply))

    def forget(self, connection: Connection) -> None:
        """The socket is gone."""
        socket = self._sockets.pop(connection, None)
        if connection.gate is not None:
            connection.gate.disarm()
        if socket is not None:
            for conversation_id in list(socket.attached):
                self._detach(socket, conversation_id)

    def may_write(self, actor: str) -> bool:
        """Whether somebody may write one more message now; counted with what they write on their sockets."""
        return self._sends.writer(actor).take(self._monotonic())

    def cut_grant(self, grant_id: str, *, meeting_id: str | None = None) -> None:
        """What let somebody in was withdrawn, or (``meeting_id``) does not let them into that meeting any more."""
        for socket in list(self._sockets.values()):
            principal = socket.principal
            if principal.grant_id == grant_id and meeting_id in (None, principal.meeting_id):
                socket.connection.abort("ended")

    def cut_meeting(self, meeting_id: str) -> None:
        """The meeting is over: who came with a token of it is told, and let go."""
        for socket in list(self._sockets.values()):
            if socket.admitted is None or socket.admitted.meeting_id != meeting_id:
                continue
            for conversation_id in list(socket.attached):
                socket.hint(event_frame("chat_ended", {"conversation_id": conversation_id}))
            self.forget(socket.connection)
            socket.connection.cut_soon()

    def _refusal(self, event: str, code: wire.ChatCode, field: str | None) -> dict[str, Any]:
        self._metrics.errors.labels(event, code).inc()
        error = {"code": code, "message": wire.CHAT_MESSAGES[code]}
        return {"ok": False, "error": error | ({"field": field} if field else {})}

    def _refuse_send(self, gate: SocketGate, message_id: int, code: wire.ChatCode, field: str | None) -> None:
        gate.push(acknowledgement_frame(message_id, self._refusal("chat_send", code, field)))

    # --- checks ------------------------------------------------------------------------------------------------

    async def _handle(self, connection: Connection, event: str, payload: Any) -> Mapping[str, Any]:
        spec = wire.CHAT_CLIENT_EVENTS.get(event)
        if spec is None:
            raise RefusedChatError("invalid_message", "event")
        if connection.last_frame_bytes > self._settings.max_small_message_bytes:
            raise RefusedChatError("message_too_large")
        try:
            message = spec.payload.model_validate(payload)
        except ValidationError as error:
            raise _refused_by_model(error) from None
        if isinstance(message, wire.ChatHello):
            return await self._hello(connection, message)
        socket = self._sockets.get(connection)
        if socket is None:
            raise RefusedChatError("not_logged_in")
        now = self._monotonic()
        if not socket.events.take(now) or (
            event in _APPENDS and not self._sends.writer(socket.principal.actor).take(now)
        ):
            raise RefusedChatError("rate_limited")
        socket.was_used = socket.was_used or event in _USES
        return await self._handlers[event](socket, message)

    # --- who ---------------------------------------------------------------------------------------------------

    async def _hello(self, connection: Connection, message: wire.ChatHello) -> Mapping[str, Any]:
        principal: Principal | None
        admitted: Pass | None = None
        if message.token is not None:
            principal, admitted = await self._door.by_token(message.token)
        else:
            principal = await self._door.by_request(connection.request, is_use=False)
        if principal is None:
            raise RefusedChatError("not_logged_in")
        before = self._sockets.get(connection)
        if before is not None and admitted is not None and before.principal == principal:
            before.admitted = admitted  # a token that was renewed: it goes on reading what it reads
            return self._greeting(meeting=chat_of(admitted.meeting_id))
        self.forget(connection)
        settings = self._settings
        socket = self._sockets[connection] = ChatSocket(
            connection,
            principal,
            TokenBucket(settings.messages_per_s, settings.messages_burst, self._monotonic()),
            self._limits.max_unsent_bytes,
            admitted,
        )
        if connection.gate is not None:
            connection.gate.arm(socket, self._sends, settings.max_small_message_bytes)
        connection.keep()
        if principal.meeting_id is not None:
            meeting = Conversation(chat_of(principal.meeting_id), meeting_id=principal.meeting_id)
            await self._begin(meeting)
            return self._greeting(meeting=meeting.conversation_id)
        if principal.kind == "staff" and principal.provider_hsa_id and principal.unit_hsa_id:
            unit = Conversation(
                unit_channel(principal.provider_hsa_id, principal.unit_hsa_id),
                provider_hsa_id=principal.provider_hsa_id,
                unit_hsa_id=principal.unit_hsa_id,
            )
            await self._begin(unit)
            return self._greeting(channel=unit.conversation_id)
        return self._greeting()

    async def _begin(self, conversation: Conversation) -> None:
        """It is there from now on, and on the list of what is erased or trimmed some day before that."""
        await self._due.note(conversation.conversation_id, self._clock() + LOOK_AGAIN_S)
        await self._service.store.create(conversation)

    def _greeting(self, *, meeting: str | None = None, channel: str | None = None) -> dict[str, Any]:
        edit_window_ms = self._limits.edit_window_s * 1000
        return {"meeting": meeting, "channel": channel, "typing_ms": TYPING_MS, "edit_window_ms": edit_window_ms}

    # --- reading -----------------------------------------------------------------------------------------------

    async def _open(self, socket: ChatSocket, message: wire.ChatOpen) -> Mapping[str, Any]:
        return await self._attach(socket, message)

    async def _resume(self, socket: ChatSocket, message: wire.ChatResume) -> Mapping[str, Any]:
        opened: list[Mapping[str, Any]] = []
        for place, position in enumerate(message.positions):
            try:
                if place and not socket.events.take(self._monotonic()):  # each is read, and stands in the audit log
                    raise ChatError("rate_limited", "positions")
                opened.append(await self._attach(socket, position))
            except ChatError as error:
                opened.append(_refused(position.conversation_id, error))
        return {"conversations": opened}

    async def _attach(self, socket: ChatSocket, position: wire.ChatPosition) -> Mapping[str, Any]:
        conversation_id = position.conversation_id
        if conversation_id not in socket.attached and len(socket.attached) >= MAX_ATTACHED:
            raise ChatError("rate_limited", "conversation_id")
        conversation = await self._service.shown(socket.principal, conversation_id)
        store = self._service.store
        receipts = await store.receipts(conversation_id) if conversation.kind != "meeting" else {}
        after = position.last_seq
        if after is None:
            newest = await store.read_before(conversation_id, 2**53, 1)
            after = max(newest.last_seq - NEWEST_EVENTS, newest.trimmed_through)
        me = alias(conversation_id, socket.principal.actor)
        # From here to the acknowledgement nothing suspends once the socket is attached.
        resumed = await self._fanout.resume(socket, conversation_id, after, wire.MAX_EVENTS_PER_REPLY)
        if resumed.is_live and self._sockets.get(socket.connection) is not socket:  # it went meanwhile
            self._fanout.detach(socket, conversation_id)
        elif resumed.is_live and conversation_id not in socket.attached:
            socket.attached[conversation_id] = me
            if conversation.kind in PRESENCE_KINDS:
                self._presence.enter(conversation_id, me)
        if resumed.is_live:
            self._fanout.shown(conversation)
        return {
            "conversation_id": conversation_id,
            "error": None,
            "title": conversation.title,
            "state": state_for(socket.principal, conversation),
            "hosts_only": conversation.is_hosts_only,
            "me": me,
            "events": _wire(socket.principal, conversation_id, resumed.events),
            "last_seq": resumed.last_seq,
            "trimmed_through": resumed.trimmed_through,
            "live": resumed.is_live,
            "receipts": [
                {"reader": reader, "delivered": receipt.delivered, "read": receipt.read}
                for reader, receipt in receipts.items()
            ],
        }

    async def _close(self, socket: ChatSocket, message: wire.ChatClose) -> Mapping[str, Any]:
        self._detach(socket, message.conversation_id)
        return {}

    def _detach(self, socket: ChatSocket, conversation_id: str) -> None:
        self._fanout.detach(socket, conversation_id)
        me = socket.attached.pop(conversation_id, None)
        if me is not None and kind_of(conversation_id) in PRESENCE_KINDS:
            self._presence.leave(conversation_id, me)

    async def _history(self, socket: ChatSocket, message: wire.ChatHistory) -> Mapping[str, Any]:
        conversation_id = message.conversation_id
        page = await self._service.history(socket.principal, conversation_id, message.before, message.limit)
        return {
            "events": _wire(socket.principal, conversation_id, page.events),
            "last_seq": page.last_seq,
            "trimmed_through": page.trimmed_through,
        }

    async def _search(self, socket: ChatSocket, message: wire.ChatSearch) -> Mapping[str, Any]:
        before = 2**53 - 1 if message.before is None else message.before
        conversation_id, principal = message.conversation_id, socket.principal
        found = await self._service.search(principal, conversation_id, message.query, before)
        hits = found.events
        if not chat_files.sees_files(principal):  # nor do they learn what a file is called by searching for it
            words = words_of(message.query)
            hits = tuple(event for event in hits if matches(words, without_attachments(event)))
        return {"events": _wire(principal, conversation_id, hits), "before": found.before}

    # --- writing -----------------------------------------------------------------------------------------------

    async def _send(self, socket: ChatSocket, message: wire.ChatSend) -> Mapping[str, Any]:
        appended = await self._service.send(
            socket.principal, message.conversation_id, message.client_id, message.text, message.attachments
        )
        return {"seq": appended.seq, "at_ms": appended.at_ms, "repeated": appended.is_repeat}

    async def _edit(self, socket: ChatSocket, message: wire.ChatEdit) -> Mapping[str, Any]:
        appended = await self._service.edit(
            socket.principal, message.conversation_id, message.client_id, message.target, message.text
        )
        return {"seq": appended.seq, "at_ms": appended.at_ms, "repeated": appended.is_repeat}

    async def _withdraw(self, socket: ChatSocket, message: wire.ChatWithdraw) -> Mapping[str, Any]:
        appended = await self._service.withdraw(
            socket.principal, message.conversation_id, message.client_id, message.target
        )
        return {"seq": appended.seq, "at_ms": appended.at_ms, "repeated": appended.is_repeat}

    async def _receipt(self, socket: ChatSocket, message: wire.ChatReceived) -> Mapping[str, Any]:
        receipt = await self._service.receipt(
            socket.principal, message.conversation_id, message.delivered, message.read
        )
        return {"delivered": receipt.delivered, "read": receipt.read}

    async def _type(self, socket: ChatSocket, message: wire.ChatType) -> Mapping[str, Any]:
        await self._service.typing(socket.principal, message.conversation_id, is_typing=message.typing)
        return {}

    async def _live(self, socket: ChatSocket, message: wire.ChatLive) -> Mapping[str, Any]:
        values = message.model_dump(exclude={"conversation_id"})
        await self._service.live_text(socket.principal, message.conversation_id, values)
        return {}

    async def _rule(self, socket: ChatSocket, message: wire.ChatRule) -> Mapping[str, Any]:
        await self._service.rule(socket.principal, message.conversation_id, is_hosts_only=message.hosts_only)
        return {}

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            self._presence.renew()
            try:
                await self.check_logins()
            except Exception as error:  # the loop outlives any fault; what it could not look at it will next time
                _log.warning("chat_logins_unchecked", exception=place_of(error))

    async def check_logins(self) -> None:
        """End sockets whose login or meeting token has ended, and what people may no longer read."""
        lapsed = await self._door.lapsed({socket.admitted for socket in self._sockets.values() if socket.admitted})
        for socket in [socket for socket in self._sockets.values() if socket.admitted in lapsed]:
            socket.connection.abort("ended")  # who is still inside comes back with the next token
        for socket in [socket for socket in self._sockets.values() if socket.admitted is None]:
            was_used, socket.was_used = socket.was_used, False
            principal = await self._door.by_request(socket.connection.request, is_use=was_used)
            if principal is None or principal.actor != socket.principal.actor:
                socket.connection.abort("ended")
            else:
                socket.principal = principal
        await self._check_rights()

    async def _check_rights(self) -> None:
        """Let go of whoever reads what they may not any more, or have been let go of already; tell of other changes.

        Fronts are told of changes, but what they are told may be lost with a connection; and who somebody is changes
        too. A meeting's chat is its token's to open.
        """
        reading: dict[str, list[ChatSocket]] = {}
        for socket in self._sockets.values():
            for conversation_id in socket.attached:
                readers = reading.setdefault(conversation_id, [])
                if socket.admitted is None:
                    readers.append(socket)
        ids = list(reading)
        for start in range(0, len(ids), _CHECKED_AT_ONCE):
            some = ids[start : start + _CHECKED_AT_ONCE]
            for conversation_id, conversation in zip(some, await self._service.store.conversations(some), strict=True):
                for socket in reading[conversation_id]:
                    if conversation is None or not may_read(socket.principal, conversation):
                        self._let_go(socket, conversation_id)
                self._fanout.look_again(conversation_id, conversation)

    def _let_go(self, socket: ChatSocket, conversation_id: str) -> None:
        was_told = not self._fanout.is_attached(socket, conversation_id)
        self._detach(socket, conversation_id)
        if not was_told:
            socket.hint(event_frame("chat_ended", {"conversation_id": conversation_id}))


def _wire(principal: Principal, conversation_id: str, events: Iterable[Event]) -> list[dict[str, Any]]:
    """Events of an answer to somebody."""
    return chat_files.shown_to(principal, [to_wire(conversation_id, event) for event in events])


def _code_of(error: Exception, event: str) -> wire.ChatCode:
    """The code of a typed error of ours; anything else is a fault of the server's."""
    code = getattr(error, "code", None)
    if code == "invalid":
        return "invalid_message"
    for known in wire.CHAT_CODES:
        if code == known:
            return known
    _log.error("chat_event_failed", event_name=event, exception=place_of(error))
    return "internal"


def _refused(conversation_id: str, error: ChatError) -> dict[str, Any]:
    """A conversation of ``chat_resume`` that cannot be read; those beside it can."""
    code = error.code if error.code in wire.CHAT_CODES else "internal"
    empty: dict[str, Any] = {"title": "", "me": "", "events": [], "last_seq": 0, "trimmed_through": 0, "receipts": []}
    state = {"state": "closed", "hosts_only": False}
    return {"conversation_id": conversation_id, "error": code, "live": False, **state, **empty}


_FIELDS: Final = frozenset(name for event in wire.CHAT_CLIENT_EVENTS.values() for name in event.payload.model_fields)


def _refused_by_model(error: ValidationError) -> RefusedChatError:
    """The error code that says best what the model found."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = str(first["loc"][0])[:32] if first["loc"] else None
    if field not in _FIELDS:
        field = None
    if field == "protocol" and first["type"] != "missing":
        return RefusedChatError("unsupported_protocol", field)
    if field == "text" and first["type"] == "string_too_long":
        return RefusedChatError("message_too_large", field)
    if field == "conversation_id" and first["type"] == "string_pattern_mismatch":
        return RefusedChatError("unknown_conversation", field)
    return RefusedChatError("invalid_message", field)
