"""Client events at the door: waiting, letting in, taking out, and the renewal of meeting tokens."""

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from auth.audit import AuditEntry, entry_of
from auth.permissions import Action, Decision
from auth.tokens import MeetingClaims, TokenError, TokenKeys
from sfu.client import MediaClient, Seat, WaitRequest, WaitResult
from signalling import protocol
from signalling.admissions import Admissions
from signalling.entry import Entry, RefusedError, Ticket, principal_of, resource_of
from signalling.meetings import Meetings
from signalling.sessions import Session, Sessions, State

SESSION_GRANT_PREFIX: Final = "s-"
"""Grants of logins; those of links and of service-made tokens look otherwise."""

Record = Callable[[AuditEntry], Awaitable[None]]
KeepAlive = Callable[[str, float], Awaitable[bool]]
"""Notes that a login is in use and says whether it lives (``SessionStore.touch_grant``)."""


class Admission:
    """Handles ``admit``, ``remove`` and ``renew``, and what ``wait`` has to say."""

    def __init__(
        self,
        keys: TokenKeys,
        entry: Entry,
        admissions: Admissions,
        meetings: Meetings,
        media: MediaClient,
        sessions: Sessions,
        *,
        token_lifetime_s: int,
        record: Record,
        keep_alive: KeepAlive,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._entry = entry
        self._admissions = admissions
        self._meetings = meetings
        self._media = media
        self.on_removed: Callable[[str, str], Awaitable[None]] | None = None
        """Told of room and grant when a host removed somebody: what else that grant holds open ends, too."""
        self._sessions = sessions
        self._record = record
        self._token_lifetime_s = token_lifetime_s
        self._keep_alive = keep_alive
        self._clock = clock

    # --- who waits ---------------------------------------------------------------------------------------------

    def request(self, ticket: Ticket, proposed: Seat, resume_token: str | None, socket_id: str) -> WaitRequest:
        """What the worker needs to know of somebody who waits."""
        claims = ticket.claims
        return WaitRequest(
            participant_id=proposed.participant_id,
            identity=claims.identity,
            display_name=claims.display_name,
            role=claims.role,
            grant_id=claims.grant_id,
            resume_token=resume_token,
            socket_id=socket_id,
            since=int(self._clock()),
        )

    async def describe(self, ticket: Ticket, result: WaitResult) -> dict[str, Any]:
        """The reply to ``wait`` of somebody who stands in the queue now."""
        place = ("participant_id", "resume_token", "position", "people_before", "host_present", "estimated_wait_s")
        told = {name: result[name] for name in place}  # type: ignore[literal-required]  # the names above
        return told | await self._meeting(ticket) | {"admitted_token": None}

    async def let_through(self, ticket: Ticket) -> dict[str, Any]:
        """The reply to ``wait`` of somebody who need not wait (any more)."""
        token, expires_at = self._renewed(ticket.claims, admitted=True)
        return (
            {
                "participant_id": secrets.token_urlsafe(12),
                "resume_token": secrets.token_urlsafe(16),
                "position": 0,
                "people_before": 0,
                "host_present": True,
                "estimated_wait_s": None,
            }
            | await self._meeting(ticket)
            | {"admitted_token": token, "token_expires_at": expires_at}
        )

    async def _meeting(self, ticket: Ticket) -> dict[str, Any]:
        meeting = await self._meetings.get(ticket.room.room_id)
        return {
            "token_expires_at": ticket.claims.expires_at,
            "meeting_title": meeting.title if meeting else ticket.room.name,
            "starts_at": meeting.starts_at if meeting else None,
            "phone": meeting.phone if meeting else None,
        }

    async def on_admitted(self, room_id: str, participant_ids: list[str]) -> None:
        """The worker let somebody in who waits at this front: they get a token that says so."""
        for participant_id in participant_ids:
            session = self._sessions.find(room_id, participant_id)
            if session is None or session.claims is None or session.state is not State.WAITING:
                continue
            try:
                token, expires_at = self._renewed(session.claims, admitted=True)
            except RefusedError:
                self._sessions.close(session, "revoked")
                continue
            await self._sessions.let_in(session, {"token": token, "expires_at": expires_at})

    # --- what hosts do -----------------------------------------------------------------------------------------

    async def admit(self, session: Session, message: protocol.Admit) -> Mapping[str, Any]:
        """A host lets somebody in. It is remembered by grant: a reload, or another worker, need no second time."""
        seat, claims = _host(session)
        await self._audit(session, claims, Action.MEETING_ADMIT, message.participant_id)
        grant_id = await self._media.admit(seat, message.participant_id)
        if grant_id is not None:
            await self._admissions.admit(seat.room_id, grant_id)
        return {}

    async def remove(self, session: Session, message: protocol.Remove) -> Mapping[str, Any]:
        """A host turns somebody away, or takes somebody out."""
        seat, claims = _host(session)
        await self._audit(session, claims, Action.MEETING_REMOVE, message.participant_id)
        grant_id = await self._media.remove(seat, message.participant_id)
        if grant_id is not None:
            await self._admissions.remove(seat.room_id, grant_id)
            if self.on_removed is not None:
                await self.on_removed(seat.room_id, grant_id)
        return {}

    async def _audit(self, session: Session, claims: MeetingClaims, action: Action, participant_id: str) -> None:
        """Before it is done: what cannot be written down is not done."""
        meeting = await self._meetings.get(claims.room_id)
        await self._record(
            entry_of(
                principal_of(claims),
                action,
                Decision(True, "allowed"),
                meeting.resource() if meeting else resource_of(claims),
                at_ms=int(self._clock() * 1000),
                request_id=secrets.token_hex(8),
                address=session.connection.address,
                what=f"meeting:{claims.room_id}:{participant_id}",
            )
        )

    # --- renewal -----------------------------------------------------------------------------------------------

    async def renew(self, session: Session, _message: protocol.Renew) -> Mapping[str, Any]:
        """A fresh token for who is inside or waits, unless what let them in is gone."""
        claims = session.claims
        if claims is None:
            raise RefusedError("not_joined")
        decided = await self._entry.check_grant(claims)
        if not await self._lives(claims.grant_id):
            raise RefusedError("revoked")
        is_in = session.state is State.JOINED
        token, expires_at = self._renewed(claims, admitted=claims.admitted or is_in or decided == "admitted")
        return {"token": token, "expires_at": expires_at}

    async def _lives(self, grant_id: str) -> bool:
        """Whether the login behind a grant lives; being in a meeting counts as using it."""
        if not grant_id.startswith(SESSION_GRANT_PREFIX):
            return True
        return await self._keep_alive(grant_id, self._clock())

    def _renewed(self, claims: MeetingClaims, *, admitted: bool) -> tuple[str, int]:
        try:
            return self._keys.renew_meeting(
                claims, now=self._clock(), lifetime_s=self._token_lifetime_s, admitted=admitted
            )
        except TokenError as error:
            raise RefusedError(error.code, "token") from None


def _host(session: Session) -> tuple[Seat, MeetingClaims]:
    """Where the host sits. That the role may do this was checked with the event."""
    if session.state is not State.JOINED or session.seat is None or session.claims is None:
        raise RefusedError("not_joined")
    return session.seat, session.claims
