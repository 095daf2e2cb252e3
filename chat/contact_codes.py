"""A telephone number or mailbox is a person's once they have read a code there.

Codes are short, so they live for minutes, few may be tried, and few are sent: to one person, and to one place whoever
asks (nobody can be pestered, and nobody earns from calls to a number of their own). Times are seconds since the epoch.
"""

import hashlib
import hmac
from collections.abc import Awaitable
from typing import Any, Final, Literal, cast

from redis.asyncio import Redis

from chat.contacts import EMAIL, PHONE, ContactError, Contacts
from chat.notice_delivery import Notices

CODE_LIFETIME_S: Final = 600
MAX_TRIES: Final = 5
MAX_CODES_PER_HOUR: Final = 5

CodeChannel = Literal["sms", "email"]
CodeErrorCode = Literal["too_many_codes", "no_code", "wrong_code"]


class CodeError(Exception):
    """``too_many_codes``: wait an hour. ``no_code``: none is awaited any more. ``wrong_code``: it was another one."""

    def __init__(self, code: CodeErrorCode) -> None:
        super().__init__(code)
        self.code: CodeErrorCode = code


class ContactCodes:
    """Sends codes and checks them. ``key`` seals the codes that are kept."""

    def __init__(self, redis: "Redis", contacts: Contacts, notices: Notices, key: bytes) -> None:
        self._redis = redis
        self._contacts = contacts
        self._notices = notices
        self._key = key

    async def send(self, person: str, channel: CodeChannel, to: str, code: str) -> None:
        """Send a code (six random digits) to a place that somebody says is theirs; the last one sent is awaited."""
        if not (PHONE if channel == "sms" else EMAIL).fullmatch(to):
            raise ContactError("to")
        for counted in (person, to):
            await self._count(counted)
        awaited = _awaited(person)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(awaited)
            pipeline.hset(awaited, mapping={"channel": channel, "to": to, "seal": self._seal(person, to, code)})
            pipeline.expire(awaited, CODE_LIFETIME_S)
            await pipeline.execute()
        await self._notices.tell_at(person, channel, to, "confirm_code", {"code": code}, lifetime_s=CODE_LIFETIME_S)

    async def confirm(self, person: str, code: str) -> None:
        """The place is theirs if this is the code; it replaces the one they had."""
        awaited = _awaited(person)
        tries = await self._redis.hincrby(awaited, "tries", 1)
        values = await cast(Awaitable[dict[bytes, bytes]], self._redis.hgetall(awaited))
        if b"seal" not in values or tries > MAX_TRIES:
            await self._redis.delete(awaited)
            raise CodeError("no_code")
        to = values[b"to"].decode()
        if not hmac.compare_digest(values[b"seal"].decode(), self._seal(person, to, code)):
            raise CodeError("wrong_code")
        if values[b"channel"] == b"sms":
            await self._contacts.change(person, phone=to)
        else:
            await self._contacts.change(person, email=to)
        await self._redis.delete(awaited)

    async def _count(self, counted: str) -> None:
        """``CodeError`` when this person or place has had enough codes within the hour."""
        name = f"ao:contact-codes:{hashlib.sha256(counted.encode()).hexdigest()}"
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.incr(name)
            pipeline.expire(name, 3600, nx=True)
            count, _ = cast(Any, await pipeline.execute())
        if count > MAX_CODES_PER_HOUR:
            raise CodeError("too_many_codes")

    def _seal(self, person: str, to: str, code: str) -> str:
        return hmac.new(self._key, f"{person}\0{to}\0{code}".encode(), hashlib.sha256).hexdigest()


def _awaited(person: str) -> str:
    return f"ao:contact-code:{person}"
