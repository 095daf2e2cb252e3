"""Links by which somebody without a login joins one meeting: guests (relatives, others) and interpreters.

A link's secret stands in the address's fragment and nowhere else; Redis has its SHA-256. The first browser that uses a
link is given a secret of its own in a cookie, and the link opens for that browser only: a reload works, a forwarded or
copied address does not. The link's id is the grant of whoever comes in by it: revoking it ends the visit too.

==============================  ======================================================================================
``ao:link:<digest>``            the link's meeting and id; gone when the link expires
``ao:links:<meeting_id>``       hash: link id -> the link, MessagePack; ``<id>:used`` -> when; ``<id>:revoked``
``ao:link-browser:<link_id>``   the digest of the first browser's secret
==============================  ======================================================================================
"""

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal, get_args

import msgpack
from redis.asyncio import Redis

SECRET_BYTES: Final = 24
"""192 bits: nobody finds a link by trying, whatever the rate limit."""
MAX_LINKS: Final = 100
"""Links of one meeting that are kept."""
MAX_LABEL_CHARACTERS: Final = 64
KEPT_S: Final = 24 * 3600
"""How long after a link has expired its makers still see it."""

LinkRole = Literal["guest", "interpreter"]
LINK_ROLES: Final[tuple[LinkRole, ...]] = get_args(LinkRole)
LinkState = Literal["unused", "used", "revoked", "expired"]
LinkRefusal = Literal["link_invalid", "link_expired", "link_used", "revoked"]
_SECRET = re.compile(r"[A-Za-z0-9_-]{32}")


class GuestLinkError(Exception):
    """A link that does not open. ``code`` goes to whoever holds it."""

    def __init__(self, code: LinkRefusal) -> None:
        super().__init__(code)
        self.code: LinkRefusal = code


class TooManyLinksError(Exception):
    """The meeting has as many links as are kept."""


@dataclass(frozen=True)
class GuestLink:
    """A link as its makers see it: never its secret. ``repr`` shows no personal data."""

    link_id: str
    meeting_id: str
    role: LinkRole
    label: str
    """What its maker called it, so as to know it again."""
    created_by: str
    expires_at: int
    """Seconds since the epoch."""
    digest: str
    used_at: int | None = None
    is_revoked: bool = False

    def __repr__(self) -> str:
        return f"GuestLink(link_id={self.link_id!r}, role={self.role!r})"

    def state(self, now: float) -> LinkState:
        """What has become of it."""
        if self.is_revoked:
            return "revoked"
        if now >= self.expires_at:
            return "expired"
        return "unused" if self.used_at is None else "used"


@dataclass(frozen=True)
class Entered:
    """A link that opened, and the secret for the browser's cookie when it is the first time."""

    link: GuestLink
    browser_secret: str | None

    def __repr__(self) -> str:
        return f"Entered(link={self.link!r})"


class GuestLinks:
    """Reads and writes the keys above. The time is an argument (``now``: seconds since the epoch)."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def create(
        self,
        meeting_id: str,
        role: LinkRole,
        label: str,
        *,
        created_by: str,
        now: float,
        expires_at: int,
        chosen: tuple[str, str] | None = None,
    ) -> tuple[GuestLink, str]:
        """A new link and its secret, which is seen this once; ``TooManyLinksError`` when there are enough.

        ``chosen``: id and secret of a link that can be made again by whoever makes it.
        """
        if len(await self.of_meeting(meeting_id)) >= MAX_LINKS:
            raise TooManyLinksError
        link_id, secret = chosen or (f"l-{secrets.token_hex(12)}", secrets.token_urlsafe(SECRET_BYTES))
        link = GuestLink(link_id, meeting_id, role, label, created_by, expires_at, _digest(secret))
        lifetime_s = max(1, expires_at - int(now))
        await self._write(link, link_id, msgpack.packb(asdict(link)), now)
        await self._redis.set(_secret_key(link.digest), f"{meeting_id}:{link_id}", ex=lifetime_s + KEPT_S)
        return link, secret

    async def of_meeting(self, meeting_id: str) -> Sequence[GuestLink]:
        """A meeting's links, in no order that means anything but is always the same."""
        fields: Any = await self._redis.hgetall(_links_key(meeting_id))
        found: dict[str, bytes] = {str(name, "ascii"): value for name, value in fields.items()}
        return [_unpack(name, found) for name in sorted(found) if ":" not in name]

    async def get(self, meeting_id: str, link_id: str) -> GuestLink | None:
        """One link of a meeting."""
        names = (link_id, f"{link_id}:used", f"{link_id}:revoked")
        values: Sequence[Any] = await self._redis.hmget(_links_key(meeting_id), names)
        found: dict[str, bytes] = {name: value for name, value in zip(names, values, strict=True) if value is not None}
        return _unpack(link_id, found) if link_id in found and ":" not in link_id else None

    async def revoke(self, link: GuestLink, now: float) -> None:
        """The link opens no more. Who came in by it is the caller's to take out: the grant is ``link_id``."""
        await self._write(link, f"{link.link_id}:revoked", b"1", now)

    async def find(self, secret: str, now: float) -> GuestLink:
        """The link of a secret; ``GuestLinkError`` when it opens nothing now. Uses nothing up."""
        place = await self._redis.get(_secret_key(_digest(secret))) if _SECRET.fullmatch(secret) else None
        if not isinstance(place, bytes):
            raise GuestLinkError("link_invalid")
        meeting_id, _, link_id = place.decode().partition(":")
        link = await self.get(meeting_id, link_id)
        if link is None:
            raise GuestLinkError("link_invalid")
        if link.is_revoked:
            raise GuestLinkError("revoked")
        if now >= link.expires_at:
            raise GuestLinkError("link_expired")
        return link

    async def enter(self, link: GuestLink, browser_secret: str | None, now: float) -> Entered:
        """Use a link, from the browser whose cookie that is; ``link_used`` when another browser was first.

        A browser that has a cookie of an earlier link keeps it.
        """
        known = browser_secret if browser_secret is not None and _SECRET.fullmatch(browser_secret) else None
        mine = known or secrets.token_urlsafe(SECRET_BYTES)
        key = f"ao:link-browser:{link.link_id}"
        lifetime_s = max(1, link.expires_at - int(now)) + KEPT_S
        before: Any = await self._redis.set(key, _digest(mine), nx=True, get=True, ex=lifetime_s)
        if before is not None and str(before, "ascii") != _digest(mine):
            raise GuestLinkError("link_used")
        if before is None:
            await self._write(link, f"{link.link_id}:used", str(int(now)).encode(), now)
        return Entered(link, None if known else mine)

    async def _write(self, link: GuestLink, name: str, value: bytes, now: float) -> None:
        """One field, so that use and revocation at the same time lose nothing of each other."""
        key = _links_key(link.meeting_id)
        await self._redis.hset(key, name, value)
        lifetime_s = max(1, link.expires_at - int(now)) + KEPT_S
        await self._redis.expire(key, lifetime_s, nx=True)
        await self._redis.expire(key, lifetime_s, gt=True)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()


def _secret_key(digest: str) -> str:
    return f"ao:link:{digest}"


def _links_key(meeting_id: str) -> str:
    return f"ao:links:{meeting_id}"


def _unpack(link_id: str, found: Mapping[str, bytes]) -> GuestLink:
    link = GuestLink(**msgpack.unpackb(found[link_id]))
    used_at = found.get(f"{link_id}:used")
    return replace(link, used_at=int(used_at) if used_at else None, is_revoked=f"{link_id}:revoked" in found)
