"""How every session begins, whichever door somebody came through: the old one ends, it is audited, cookies are set."""

from collections.abc import Awaitable, Callable
from typing import Literal

from aiohttp import web

from auth.audit import AuditEntry, entry_of
from auth.permissions import Decision
from auth.session_store import SessionStore
from auth.sessions import Session
from signalling.guard import REQUEST_ID
from signalling.requests import client_address
from signalling.session_cookies import session_secret, set_session

Door = Literal["login", "portal_link", "smart_launch"]


class SessionStart:
    """Begins sessions. ``record`` writes the audit log; when it cannot, nobody is let in."""

    def __init__(
        self,
        sessions: SessionStore,
        record: Callable[[AuditEntry], Awaitable[None]],
        *,
        clock: Callable[[], float],
        proxy_hops: int = 0,
    ) -> None:
        self._sessions = sessions
        self._record = record
        self._clock = clock
        self._proxy_hops = proxy_hops
        self.on_patient: Callable[[str], Awaitable[None]] | None = None
        """Is told of each patient who comes in, by person id."""

    async def begin(self, request: web.Request, response: web.StreamResponse, session: Session, door: Door) -> str:
        """Give the browser a session of its own, with a secret that nobody has seen before; returns that secret.

        The session that the browser had ends: two people at one computer never share one.
        """
        entry = entry_of(
            session.principal(),
            door,
            Decision(True, "allowed"),
            at_ms=int(self._clock() * 1000),
            request_id=request[REQUEST_ID],
            address=client_address(request, self._proxy_hops),
            what=f"session:{session.grant_id}",
        )
        await self._record(entry)
        secret = await self._sessions.start(session, replaces=session_secret(request))
        set_session(response, secret)
        if session.kind == "patient" and self.on_patient is not None:
            await self.on_patient(session.actor)
        return secret
