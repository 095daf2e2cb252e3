"""The sessions of people who logged in, in Redis. The time is an argument (``now``: seconds since the epoch).

The browser has a random secret in the cookie ``__Host-session``; Redis has its SHA-256, so that who reads Redis cannot
log in. A record never changes but for ``seen_at``: a login, a choice of commission and a change of proxy each make a
new secret and a new record, and the old ones are gone (rotation). What stays over rotations is ``grant_id``, which
meeting tokens name: ending a session revokes it, and with it the place in a running meeting.

==================================  ====================================================================================
``ao:session:<digest>``             the record; expires after the idle limit
``ao:session-grant:<grant_id>``     the digest of the newest record, or ``ended``
``ao:sessions-of:<digest of who>``  the grants of one person, and those of one login or subject at a provider
==================================  ====================================================================================

Each step is one command on one key, so any Redis does, clustered too. ``end`` and ``rotate`` may meet: whoever comes
second at the grant's key sees what the first one left there, and the session is gone.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from redis.asyncio import Redis

from auth.sessions import EndReason, Limits, Revoke, Session, pack, unpack

TOUCH_EVERY: Final = 0.05
"""``seen_at`` is written after this part of the idle limit, not at every request."""
SECRET_BYTES: Final = 32
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_ENDED: Final = b"ended"


class SessionGoneError(Exception):
    """The session ended meanwhile."""


class SessionStore:
    """The sessions. ``revoke`` is told of each that ends before the call returns."""

    def __init__(self, redis: "Redis", limits: Limits, revoke: Revoke) -> None:
        self._redis = redis
        self.limits = limits
        self._revoke = revoke

    async def start(self, session: Session, *, replaces: str | None = None) -> str:
        """Begin a session; the secret for the cookie. ``replaces``: the browser's cookie so far, which ends."""
        if replaces is not None:
            await self.end(replaces, "replaced")
        limit = self.limits.absolute_s
        for index in _indexes(session):
            await self._redis.sadd(index, session.grant_id)
            await self._redis.expire(index, limit)
        secret = secrets.token_urlsafe(SECRET_BYTES)
        await self._redis.set(_grant_key(session.grant_id), _digest(secret), ex=limit)
        await self._redis.set(_key(secret), pack(session), ex=self.limits.idle_s)
        return secret

    async def find(self, secret: str, now: float, *, is_use: bool = True) -> Session | None:
        """The session of a cookie, unless it ended; notes that it was used, unless a page asks by itself."""
        session = await self._read(secret)
        if session is None:
            return None
        if now >= session.expires_at(self.limits):
            is_idle = now < session.created_at + self.limits.absolute_s
            await self.end(secret, "idle" if is_idle else "absolute")
            return None
        return await self._touch(_key(secret), session, now) if is_use else session

    async def rotate(self, secret: str, changed: Session) -> str:
        """The same login with other contents, and a new secret; ``SessionGoneError`` if it ended meanwhile."""
        if await self._redis.getdel(_key(secret)) is None:
            raise SessionGoneError
        fresh = secrets.token_urlsafe(SECRET_BYTES)
        await self._redis.set(_key(fresh), pack(changed), ex=self.limits.idle_s)
        grant = _grant_key(changed.grant_id)
        before = await self._redis.set(grant, _digest(fresh), get=True, ex=self.limits.absolute_s)
        if before == _ENDED:
            await self._redis.delete(_key(fresh))
            await self._redis.set(grant, _ENDED, ex=self.limits.absolute_s)
            raise SessionGoneError
        return fresh

    async def end(self, secret: str, reason: EndReason) -> bool:
        """End the session of a cookie; whether there was one."""
        session = await self._read(secret)
        if session is None:
            return False
        await self.end_grant(session.grant_id, reason)
        return True

    async def end_grant(self, grant_id: str, reason: EndReason) -> None:
        """End a session by its grant. Its meetings end too, even when the session itself has expired already."""
        digest = await self._redis.set(_grant_key(grant_id), _ENDED, get=True, ex=self.limits.absolute_s)
        if isinstance(digest, bytes) and digest != _ENDED:
            await self._redis.delete(_key_of_digest(digest))
        await self._revoke(grant_id, reason)

    async def end_person(self, actor: str, reason: EndReason, *, but: str | None = None) -> int:
        """End all sessions of a person, except that of the grant ``but``; how many."""
        return await self._end_all(_person_index(actor), reason, but)

    async def end_login(self, issuer: str, sub: str | None, sid: str | None, reason: EndReason) -> int:
        """End the sessions of one login at a provider (``sid``), or all of a subject there; how many."""
        index = _login_index(issuer, "sid", sid) if sid is not None else _login_index(issuer, "sub", sub or "")
        return await self._end_all(index, reason, None)

    async def of_person(self, actor: str, now: float) -> list[Session]:
        """A person's sessions, the newest first."""
        found = []
        for grant_id in await self._grants(_person_index(actor)):
            session = await self.of_grant(grant_id)
            if session is not None and now < session.expires_at(self.limits):
                found.append(session)
        return sorted(found, key=lambda session: session.created_at, reverse=True)

    async def of_grant(self, grant_id: str) -> Session | None:
        """The session that a grant names."""
        digest = await self._get(_grant_key(grant_id))
        if digest is None or digest == _ENDED:
            return None
        packed = await self._get(_key_of_digest(digest))
        return None if packed is None else unpack(packed)

    async def touch_grant(self, grant_id: str, now: float) -> bool:
        """Note that the grant is in use (a meeting goes on); whether its session lives."""
        digest = await self._get(_grant_key(grant_id))
        if digest is None or digest == _ENDED:
            return False
        key = _key_of_digest(digest)
        packed = await self._get(key)
        if packed is None or now >= (session := unpack(packed)).expires_at(self.limits):
            return False
        return await self._touch(key, session, now) is not None

    async def _touch(self, key: str, session: Session, now: float) -> Session | None:
        """Write ``seen_at`` now and then. Only if the record is there still: an ended one does not come back."""
        if now - session.seen_at < self.limits.idle_s * TOUCH_EVERY:
            return session
        seen = replace(session, seen_at=int(now))
        written = await self._redis.set(key, pack(seen), xx=True, ex=self.limits.idle_s)
        return seen if written else None

    async def _read(self, secret: str) -> Session | None:
        if not _SECRET.fullmatch(secret):
            return None
        packed = await self._get(_key(secret))
        return None if packed is None else unpack(packed)

    async def _get(self, key: str) -> bytes | None:
        value = await self._redis.get(key)
        return value if isinstance(value, bytes) else None

    async def _end_all(self, index: str, reason: EndReason, but: str | None) -> int:
        grants = [grant_id for grant_id in await self._grants(index) if grant_id != but]
        for grant_id in grants:
            await self.end_grant(grant_id, reason)
            await self._redis.srem(index, grant_id)
        return len(grants)

    async def _grants(self, index: str) -> Sequence[str]:
        members = await self._redis.smembers(index)
        return sorted(member.decode() for member in members if isinstance(member, bytes))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(secret: str) -> str:
    return f"ao:session:{_digest(secret)}"


def _key_of_digest(digest: bytes) -> str:
    return f"ao:session:{digest.decode()}"


def _grant_key(grant_id: str) -> str:
    return f"ao:session-grant:{grant_id}"


def _person_index(actor: str) -> str:
    return f"ao:sessions-of:{_digest(f'person|{actor}')}"


def _login_index(issuer: str, what: str, value: str) -> str:
    return f"ao:sessions-of:{_digest(f'{what}|{issuer}|{value}')}"


def _indexes(session: Session) -> list[str]:
    found = [_person_index(session.actor)]
    if session.login is not None:
        found.append(_login_index(session.login.issuer, "sub", session.login.sub))
        if session.login.sid is not None:
            found.append(_login_index(session.login.issuer, "sid", session.login.sid))
    return found
