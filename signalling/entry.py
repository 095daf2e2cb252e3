"""The one check that every meeting token goes through: signature, scope, revocation, removal, role, room.

The socket's first message, WHIP, WHEP and TURN all ask ``Entry.check``.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from auth.permissions import ACR_TOKEN, Action, Resource, decide
from auth.principal import Kind, Principal, Role
from auth.revocations import Revocations
from auth.tokens import MeetingClaims, Scope, TokenError, TokenKeys
from sfu.registry import Registry, Room
from signalling.admissions import Admissions, Decided
from signalling.protocol import ErrorCode

_KINDS: Final[dict[str, tuple[Kind, Role]]] = {
    "host": ("staff", "staff"),
    "participant": ("patient", "patient"),
    "guest": ("guest", "guest"),
    "interpreter": ("interpreter", "interpreter"),
}


class RefusedError(Exception):
    """A client event or request that is answered with an error."""

    def __init__(self, code: ErrorCode, field: str | None = None) -> None:
        super().__init__(code)
        self.code: ErrorCode = code
        self.field = field


def principal_of(claims: MeetingClaims) -> Principal:
    """Who the holder of a checked meeting token is, for the table of permissions."""
    kind, role = _KINDS[claims.role]
    is_proxy = claims.subject != claims.identity
    return Principal(
        kind=kind,
        roles=frozenset({"proxy"}) if kind == "patient" and is_proxy else frozenset({role}),
        actor=claims.identity,
        subject=claims.subject if kind == "patient" else None,
        display_name=claims.display_name,
        proxy_scopes=frozenset({"meetings"}) if is_proxy else frozenset(),
        commission=None,
        meeting_id=claims.room_id,
        acr=ACR_TOKEN,
        authenticated_at=0,
        grant_id=claims.grant_id,
    )


def resource_of(claims: MeetingClaims) -> Resource:
    """The meeting of a checked token, as far as the token says how its holder stands to it."""
    hosts = frozenset({claims.identity}) if claims.role == "host" else frozenset()
    return Resource(meeting_id=claims.room_id, host_ids=hosts, unit_hsa_id=claims.unit)


def may(claims: MeetingClaims, action: Action) -> bool:
    """Whether the table of permissions lets the token's holder do it, in the token's meeting."""
    return decide(principal_of(claims), action, resource_of(claims)).allowed


@dataclass(frozen=True)
class Ticket:
    """A token that opens the door of a room, or of its waiting room."""

    claims: MeetingClaims
    room: Room
    decided: Decided | None

    @property
    def is_admitted(self) -> bool:
        """By the token, or by a host since it was made."""
        return self.claims.admitted or self.decided == "admitted"


class Entry:
    """Checks tokens. Raises ``RefusedError``, or what the Redis client raises: without it nobody is let in."""

    def __init__(
        self,
        keys: TokenKeys,
        registry: Registry,
        revocations: Revocations,
        admissions: Admissions,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._registry = registry
        self._revocations = revocations
        self._admissions = admissions
        self._clock = clock

    async def check(self, token: str, action: Action, *, scope: Scope = "join", grace_s: float = 0) -> Ticket:
        """What a token opens. Only the holder of a valid token learns whether its room exists."""
        try:
            claims = self._keys.check_meeting(token, now=self._clock(), expired_grace_s=grace_s)
        except TokenError as error:
            raise RefusedError(error.code, "token") from None
        if scope not in claims.scopes:
            raise RefusedError("token_invalid", "token")
        decided = await self.check_grant(claims)
        if not may(claims, action):
            raise RefusedError("forbidden")
        room = await self._registry.room(claims.room_id)
        if room is None:
            raise RefusedError("unknown_room")
        return Ticket(claims, room, decided)

    async def has_room(self, room_id: str) -> bool:
        """Whether a room is there that tokens could open."""
        return await self._registry.room(room_id) is not None

    async def rooms_there(self, room_ids: Collection[str]) -> set[str]:
        """Which of these rooms there are."""
        return await self._registry.rooms_there(room_ids)

    async def check_grant(self, claims: MeetingClaims) -> Decided | None:
        """Refuse a grant that was withdrawn or removed; what hosts decided about it otherwise."""
        if await self._revocations.is_revoked(claims.grant_id):
            raise RefusedError("revoked")
        decided = await self._admissions.of(claims.room_id, claims.grant_id)
        if decided == "removed":
            raise RefusedError("removed")
        return decided
