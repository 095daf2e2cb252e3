"""Who gets a meeting token, as what, and when. Pure but for what it reads of the door."""

from typing import Final

from auth.permissions import Action, decide
from auth.principal import Principal
from auth.tokens import Role, Scope, TokenKeys
from sfu.registry import Registry
from signalling.admissions import Admissions
from signalling.http_errors import HttpError
from signalling.meeting_chats import MeetingChats
from signalling.meeting_settings import MeetingSettings
from signalling.meeting_views import MeetingToken
from signalling.meetings import Meeting

MASKED_NAMES: Final = ("Patient", "Ombud")
"""What others see of a patient with a protected identity, and of who acts for them."""


def shown_name(principal: Principal, meeting: Meeting) -> str:
    """The name that others in the meeting see. Staff know from the booking whom they meet."""
    if principal.kind == "patient" and meeting.is_protected:
        return MASKED_NAMES[principal.is_proxy]
    return principal.display_name


class MeetingEntry:
    """Signs meeting tokens. Raises ``HttpError``."""

    def __init__(
        self,
        settings: MeetingSettings,
        keys: TokenKeys,
        registry: Registry,
        admissions: Admissions,
        chats: MeetingChats,
        *,
        max_participants: int,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._registry = registry
        self._admissions = admissions
        self._chats = chats
        self._max_participants = max_participants

    def opens_at(self, meeting: Meeting) -> int:
        """From when those who are not staff may come."""
        return meeting.starts_at - self._settings.meeting_open_before_s

    def closes_at(self, meeting: Meeting) -> int:
        """Until when one may come, or have one's token renewed."""
        return meeting.ends_at + self._settings.meeting_open_after_s

    def check_open(self, meeting: Meeting, now: float, *, is_staff: bool) -> None:
        """Refuse who comes too early or too late."""
        if now >= self.closes_at(meeting):
            raise HttpError("meeting_over")
        if now < self.opens_at(meeting) and not is_staff:
            raise HttpError("not_open")

    async def for_principal(
        self, principal: Principal, meeting: Meeting, scopes: frozenset[Scope], now: float
    ) -> MeetingToken:
        """The token of somebody who logged in. Staff need not wait; whoever may hold the meeting is its host."""
        is_staff = principal.kind == "staff"
        self.check_open(meeting, now, is_staff=is_staff)
        is_host = decide(principal, Action.MEETING_JOIN_AS_HOST, meeting.resource()).allowed
        until = self.closes_at(meeting)
        if principal.proxy_until is not None:  # a token outlives the right to act for somebody by no renewal
            until = min(until, principal.proxy_until)
        return await self.sign(
            meeting,
            identity=principal.actor,
            subject=principal.subject or principal.actor,
            display_name=shown_name(principal, meeting),
            role="host" if is_host else "participant",
            grant_id=principal.grant_id,
            admitted=is_staff,
            until=until,
            scopes=scopes,
            now=now,
        )

    async def sign(
        self,
        meeting: Meeting,
        *,
        identity: str,
        subject: str,
        display_name: str,
        role: Role,
        grant_id: str,
        admitted: bool,
        until: int,
        scopes: frozenset[Scope],
        now: float,
    ) -> MeetingToken:
        """A token for the meeting's room, which this makes if it is not there; not for whom a host has removed."""
        decided = await self._admissions.of(meeting.meeting_id, grant_id)
        if decided == "removed":
            raise HttpError("removed")
        limit = meeting.max_participants or self._max_participants
        if await self._registry.create_room(meeting.meeting_id, meeting.title, limit):
            await self._chats.open(meeting.meeting_id, is_hosts_only=not meeting.participants_chat)
        lifetime_s = max(1, min(self._settings.meeting_token_lifetime_s, until - int(now)))
        is_admitted = admitted or decided == "admitted"
        token = self._keys.sign_meeting(
            identity=identity,
            display_name=display_name,
            room_id=meeting.meeting_id,
            role=role,
            now=now,
            lifetime_s=lifetime_s,
            subject=subject,
            grant_id=grant_id,
            admitted=is_admitted,
            unit=meeting.unit_hsa_id,
            until=until,
            scopes=scopes,
        )
        return MeetingToken(token=token, expires_at=int(now) + lifetime_s, role=role, admitted=is_admitted)
