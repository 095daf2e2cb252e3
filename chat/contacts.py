"""Where people can be told: telephone, e-mail, web push. Written by the companion service and by people's browsers."""

import json
import re
from collections.abc import Awaitable, Collection
from typing import Any, Final, cast

from redis.asyncio import Redis

from chat.notice_templates import LANGUAGES
from chat.notices import Contact

MAX_SUBSCRIPTIONS: Final = 5
"""Browsers of one person; the oldest gives way."""
MAX_SUBSCRIPTION_CHARACTERS: Final = 2000
PHONE: Final = re.compile(r"\+[1-9]\d{6,14}")
EMAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")


class ContactError(ValueError):
    """An address that cannot be; ``field`` names it."""

    def __init__(self, wrong: str) -> None:
        super().__init__(wrong)
        self.field = wrong


class Contacts:
    """The contacts of one Redis."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def get(self, person: str) -> Contact:
        """Where somebody can be told; nowhere, if nobody has said."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hgetall(_key(person))
            pipeline.lrange(_push_key(person), 0, -1)
            values, subscriptions = await pipeline.execute()
        text = {name.decode(): value.decode() for name, value in values.items()}
        return Contact(
            phone=text.get("phone", ""),
            email=text.get("email", ""),
            language="en" if text.get("language") == "en" else "sv",
            is_protected=text.get("is_protected") == "1",
            subscriptions=tuple(item.decode() for item in subscriptions),
        )

    async def put(self, person: str, contact: Contact) -> None:
        """Replace everything but the subscriptions; ``ContactError`` when something cannot be."""
        await self.change(
            person,
            phone=contact.phone,
            email=contact.email,
            language=contact.language,
            is_protected=contact.is_protected,
        )

    async def change(
        self,
        person: str,
        *,
        phone: str | None = None,
        email: str | None = None,
        language: str | None = None,
        is_protected: bool | None = None,
    ) -> None:
        """Change what is given, and nothing else: the register may protect somebody while they change their number.

        ``ContactError`` when something cannot be; empty: no such place any more.
        """
        if phone and not PHONE.fullmatch(phone):
            raise ContactError("phone")
        if email and (len(email) > 254 or not EMAIL.fullmatch(email)):
            raise ContactError("email")
        if language is not None and language not in LANGUAGES:
            raise ContactError("language")
        values = {"phone": phone, "email": email, "language": language}
        changes = {name: value for name, value in values.items() if value is not None}
        if is_protected is not None:
            changes["is_protected"] = "1" if is_protected else "0"
        if changes:
            await self._redis.hset(_key(person), mapping=cast(Any, changes))

    async def protect(self, person: str, *, is_protected: bool) -> None:
        """Note whether the identity is protected. Of somebody of whom nothing is known, only that it is."""
        if is_protected or await self._redis.exists(_key(person)):
            await self._redis.hset(_key(person), "is_protected", "1" if is_protected else "0")

    async def protection(self, person: str) -> bool | None:
        """Whether somebody's identity is protected; None when nobody has said."""
        said = await cast(Awaitable[bytes | None], self._redis.hget(_key(person), "is_protected"))
        return None if said is None else said == b"1"

    async def protected(self, people: Collection[str]) -> frozenset[str]:
        """Who of them has a protected identity, as far as is known here; in one round trip."""
        ids = sorted(set(people))
        async with self._redis.pipeline(transaction=False) as pipeline:
            for person in ids:
                pipeline.hget(_key(person), "is_protected")
            found = await pipeline.execute() if ids else []
        return frozenset(person for person, value in zip(ids, found, strict=True) if value == b"1")

    async def subscribe(self, person: str, subscription: str) -> None:
        """A browser of theirs wants to be told."""
        if len(subscription) > MAX_SUBSCRIPTION_CHARACTERS:
            raise ContactError("endpoint")
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.lrem(_push_key(person), 0, subscription)
            pipeline.rpush(_push_key(person), subscription)
            pipeline.ltrim(_push_key(person), -MAX_SUBSCRIPTIONS, -1)
            await pipeline.execute()

    async def unsubscribe(self, person: str, endpoint: str) -> bool:
        """The browser with this endpoint is to be told no more; False when there was none."""
        found = await cast(Awaitable[list[bytes]], self._redis.lrange(_push_key(person), 0, -1))
        gone = [item for item in found if json.loads(item).get("endpoint") == endpoint]
        for item in gone:
            await self._redis.lrem(_push_key(person), 0, item.decode())
        return bool(gone)

    async def forget_subscription(self, person: str, subscription: str) -> None:
        """The push service says that this browser is gone."""
        await self._redis.lrem(_push_key(person), 0, subscription)

    async def erase(self, person: str) -> None:
        """Forget everything."""
        await self._redis.delete(_key(person), _push_key(person))


def _key(person: str) -> str:
    return f"ao:contact:{person}"


def _push_key(person: str) -> str:
    return f"ao:contact-push:{person}"
