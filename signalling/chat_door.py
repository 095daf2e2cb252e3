"""Who a chat socket is, and what of its reading and writing stands in the audit log."""

import secrets
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from aiohttp import web

from auth.audit import AuditEntry, entry_of
from auth.permissions import TABLE, Action, Decision
from auth.principal import Principal
from auth.tokens import CLOCK_LEEWAY_S
from chat.conversation import Conversation
from signalling.chat_sockets import Pass
from signalling.entry import Entry, RefusedError, principal_of
from signalling.requests import CALLER


class FindPrincipal(Protocol):
    """Who is logged in by a cookie; ``is_use`` keeps the login from ending for being idle."""

    async def __call__(self, request: web.Request, *, is_use: bool) -> Principal | None:
        """None when nobody is, or not any more."""


class MeetingAndSessionDoor:
    """Meeting tokens by ``Entry``, logins by the session that the handshake's cookie names."""

    def __init__(self, entry: Entry, find_principal: FindPrincipal, clock: Callable[[], float]) -> None:
        self._entry = entry
        self._find_principal = find_principal
        self._clock = clock

    async def by_token(self, token: str) -> tuple[Principal, Pass]:
        """The holder of a meeting token who is admitted; ``RefusedError`` otherwise."""
        ticket = await self._entry.check(token, Action.MEETING_CHAT)
        if not ticket.is_admitted:
            raise RefusedError("not_admitted")
        claims = ticket.claims
        return principal_of(claims), Pass(claims.room_id, claims.expires_at + CLOCK_LEEWAY_S)

    async def lapsed(self, passes: Collection[Pass]) -> set[Pass]:
        """Which of them are good for nothing any more; one look for all meetings, however many are inside."""
        now = self._clock()
        rooms = {one.meeting_id for one in passes if one.until_s > now}
        there = await self._entry.rooms_there(rooms)
        return {one for one in passes if one.until_s <= now or one.meeting_id not in there}

    async def by_request(self, request: web.Request, *, is_use: bool) -> Principal | None:
        """Who is logged in."""
        return await self._find_principal(request, is_use=is_use)


class AuditedAccess:
    """Writes each use of a patient's messages into the audit log, before anything is shown or stored."""

    def __init__(self, record: Callable[[AuditEntry], Awaitable[None]], clock: Callable[[], float]) -> None:
        self._record = record
        self._clock = clock

    async def record(self, principal: Principal, action: Action, conversation: Conversation) -> None:
        """Only what the table of permissions says is audited (a meeting's chat is not)."""
        await self._note(principal, action, conversation, Decision(True, "allowed"))

    async def refuse(self, principal: Principal, action: Action, conversation: Conversation) -> None:
        """As any other request that is refused."""
        await self._note(principal, action, conversation, Decision(False, "relation"))

    async def _note(self, principal: Principal, action: Action, conversation: Conversation, decision: Decision) -> None:
        if TABLE[action].is_audited:
            entry = entry_of(
                principal,
                action,
                decision,
                conversation.resource(),
                at_ms=int(self._clock() * 1000),
                request_id=secrets.token_hex(8),
                address=CALLER.get(),
                what=conversation.conversation_id,
            )
            await self._record(entry)
