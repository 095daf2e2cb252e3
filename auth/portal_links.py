"""Portal links: single-use tickets of at most 60 s that a clinician's browser brings from the record system.

The ticket is a random value that only the link carries; Redis has its SHA-256. ``take`` reads and removes it with one
command (GETDEL), so that of two browsers one gets in. What was taken leaves a mark for an hour, and what expired stays
for ten minutes, so that the page can say which of the two it was, and the audit log whose link it was. Time (``now``:
seconds since the epoch) is an argument.

===============================  =======================================================================
``ao:portal-link:<digest>``      the link; expires ten minutes after it was made
``ao:portal-used:<digest>``      the same after it was taken, for an hour
``ao:portal-jti:<digest>``       a request of a record system that was used, until it has expired
===============================  =======================================================================
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgpack
from redis.asyncio import Redis

from auth.portal_requests import CLOCK_LEEWAY_S, MAX_LIFETIME_S, PortalRequest, PortalRequestError
from auth.principal import Commission

TICKET_BYTES: Final = 32
KEPT_S: Final = 600
"""How long a link that nobody took can still be told from one that never was."""
USED_KEPT_S: Final = 3600
_TICKET = re.compile(r"[A-Za-z0-9_-]{43}")

PortalLinkCode = Literal["link_unknown", "link_used", "link_late"]


@dataclass(frozen=True)
class PortalLink:
    """What a ticket opens. ``repr`` shows no personal data."""

    link_id: str
    """A name for the audit log, not a secret."""
    issuer: str
    staff_hsa_id: str
    display_name: str
    acr: str
    authenticated_at: int
    commission: Commission
    patient_person_id: str | None
    meeting_id: str | None
    expires_at: int

    def __repr__(self) -> str:
        return f"PortalLink({self.link_id!r}, unit={self.commission.unit_hsa_id!r})"


class PortalLinkError(Exception):
    """A ticket that opens nothing. ``link``: whose it was, if that is known."""

    def __init__(self, code: PortalLinkCode, link: PortalLink | None = None) -> None:
        super().__init__(code)
        self.code: PortalLinkCode = code
        self.link = link


class PortalLinks:
    """The links in Redis."""

    def __init__(self, redis: "Redis", *, lifetime_s: int = MAX_LIFETIME_S) -> None:
        self._redis = redis
        self._lifetime_s = min(lifetime_s, MAX_LIFETIME_S)

    async def use_request(self, request: PortalRequest, *, now: float) -> None:
        """Note that a request was used; ``PortalRequestError`` ("replayed") when it was before."""
        key = f"ao:portal-jti:{_digest(f'{request.issuer}|{request.jti}')}"
        keep_s = max(1, int(request.expires_at - now)) + 2 * CLOCK_LEEWAY_S
        if not await self._redis.set(key, b"1", nx=True, ex=keep_s):
            raise PortalRequestError("replayed", "jti")

    async def create(
        self, request: PortalRequest, patient_person_id: str | None, *, now: float
    ) -> tuple[str, PortalLink]:
        """A ticket and the link behind it."""
        ticket = secrets.token_urlsafe(TICKET_BYTES)
        link = PortalLink(
            link_id=f"pl-{secrets.token_hex(8)}",
            issuer=request.issuer,
            staff_hsa_id=request.staff_hsa_id,
            display_name=request.display_name,
            acr=request.acr,
            authenticated_at=request.authenticated_at,
            commission=request.commission,
            patient_person_id=patient_person_id,
            meeting_id=request.meeting_id,
            expires_at=int(now) + self._lifetime_s,
        )
        await self._redis.set(f"ao:portal-link:{_digest(ticket)}", _pack(link), ex=KEPT_S)
        return ticket, link

    async def take(self, ticket: str, *, now: float) -> PortalLink:
        """The link of a ticket, which is used up with this whatever comes of it; ``PortalLinkError`` otherwise."""
        if not _TICKET.fullmatch(ticket):
            raise PortalLinkError("link_unknown")
        digest = _digest(ticket)
        packed = await self._redis.getdel(f"ao:portal-link:{digest}")
        if not isinstance(packed, bytes):
            used = await self._redis.get(f"ao:portal-used:{digest}")
            if isinstance(used, bytes):
                raise PortalLinkError("link_used", _unpack(used))
            raise PortalLinkError("link_unknown")
        await self._redis.set(f"ao:portal-used:{digest}", packed, ex=USED_KEPT_S)
        link = _unpack(packed)
        if now >= link.expires_at:
            raise PortalLinkError("link_late", link)
        return link


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _pack(link: PortalLink) -> bytes:
    commission = link.commission
    document: dict[str, Any] = vars(link) | {
        "commission": vars(commission) | {"roles": sorted(commission.roles)},
    }
    packed: bytes = msgpack.packb(document)
    return packed


def _unpack(packed: bytes) -> PortalLink:
    document = msgpack.unpackb(packed)
    commission = document.pop("commission")
    roles = frozenset(commission.pop("roles"))
    return PortalLink(commission=Commission(roles=roles, **commission), **document)
