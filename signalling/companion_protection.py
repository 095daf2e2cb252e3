"""Whose identity is protected, as the companion knows it, before they stand in a unit's list of cases.

Of most patients it is known here already: their login told of it, or news of a booking. Of somebody who never logged
in, and about whom staff or a guardian write, nothing has told. Then the companion is asked; until it has answered they
count as protected, so that a fault names nobody.

=============================  =======================================================================================
``ao:companion-protections``   set: person ids who count as protected until the companion can be asked
=============================  =======================================================================================
"""

from collections.abc import Awaitable
from typing import Any, Final, cast

import structlog
from redis.asyncio import Redis

from auth.principal import Principal
from chat.contacts import Contacts
from signalling.companion_answers import CompanionRefusedError, CompanionUnavailableError
from signalling.companion_caller import FRONT
from signalling.companion_client import CompanionClient

PENDING: Final = "ao:companion-protections"
LOGINS: Final = "ao:companion-logins"
"""Person ids of patients who have logged in, of whom the companion has not been told yet."""

_log = structlog.get_logger(__name__)


class Protections:
    """Learns of protected identities, and notes them where lists and notices look (``Contacts``)."""

    def __init__(self, redis: "Redis", client: CompanionClient, contacts: Contacts) -> None:
        self._redis = redis
        self._client = client
        self._contacts = contacts

    async def learn(self, principal: Principal, person_id: str) -> None:
        """``principal`` is about to put somebody on a unit's list. Waits for the companion when nothing told of them;
        a patient who writes for themselves waits for nothing.
        """
        is_own = principal.kind == "patient" and not principal.is_proxy
        if is_own and not await cast(Awaitable[int], self._redis.sismember(LOGINS, person_id)):
            return  # their login has told of it
        await self._redis.sadd(PENDING, person_id)
        if is_own:  # the login will be told of at any moment, and says it too
            await self._be_careful(person_id)
            return
        try:
            await self._ask(person_id)
        except CompanionUnavailableError as error:
            _log.warning("protection_unknown", cause=error.cause)
            await self._be_careful(person_id)

    async def ask_again(self) -> None:
        """About all of whom it could not be asked. ``CompanionUnavailableError`` when the rest has to wait."""
        for name in await cast(Awaitable[set[bytes]], self._redis.smembers(PENDING)):
            await self._ask(name.decode())

    async def note(self, person_id: str, said: Any) -> None:
        """What the companion knows of the identity counts here, too; an answer that does not say changes nothing."""
        is_protected = said.get("is_protected") if isinstance(said, dict) else None
        if isinstance(is_protected, bool):
            await self._contacts.protect(person_id, is_protected=is_protected)

    async def _ask(self, person_id: str) -> None:
        try:
            await self.note(person_id, (await self._client.get(f"/persons/{person_id}/protection", FRONT)).body)
        except CompanionRefusedError as error:
            if error.status != 404:  # 404: nobody whom any register has told of
                _log.error("protection_refused", code=error.code)
                await self._be_careful(person_id)
        await self._redis.srem(PENDING, person_id)

    async def _be_careful(self, person_id: str) -> None:
        """What was told of them before still counts; of whom nothing was, counts as protected."""
        if await self._contacts.protection(person_id) is None:
            await self._contacts.protect(person_id, is_protected=True)
