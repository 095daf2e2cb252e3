"""What the front tells the companion of its own accord: who can be told, whether a summons' notice arrived.

Each report says how things are, so the last one for a path counts and one that arrives twice does no harm. They wait
in Redis until the companion has taken them: a companion or front that is away loses none.

===========================  =========================================================================================
``ao:companion-reports``     hash: method and path -> body as JSON
``ao:companion-logins``      set: person ids of patients who have logged in
===========================  =========================================================================================

Who logs in is known to the companion from then on. Identity numbers wait nowhere: the one that the person's session has
is told when the companion can be.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from auth.session_store import SessionStore
from chat.contacts import Contacts
from chat.notices import Notice
from signalling.companion_answers import CompanionRefusedError, CompanionUnavailableError
from signalling.companion_caller import FRONT
from signalling.companion_client import CompanionClient
from signalling.companion_protection import LOGINS, Protections

KEY: Final = "ao:companion-reports"
IDLE_S: Final = 5.0
SUMMONS_TEMPLATES: Final = frozenset({"summons", "summons_reminder"})
LETTER_TEMPLATES: Final = SUMMONS_TEMPLATES | {"offer"}
"""What is told by letter when no notice arrives."""
_SUMMONS: Final = re.compile(r"summons\.(?:sent|reminder):(su-[a-z2-7]{26})")

_log = structlog.get_logger(__name__)


class CompanionReports:
    """Reports of one front; ``run`` delivers those of all."""

    def __init__(
        self,
        redis: "Redis",
        client: CompanionClient,
        sessions: SessionStore,
        protections: Protections,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._redis = redis
        self._client = client
        self._sessions = sessions
        self._protections = protections
        self._clock = clock
        self._news = asyncio.Event()
        self.contacts: Contacts | None = None
        """Where people can be told; None: not known yet."""

    async def logged_in(self, person_id: str) -> None:
        """Somebody has logged in: they can be booked, and a summons reaches them here."""
        await self._redis.sadd(LOGINS, person_id)
        await self.add("PUT", f"/persons/{person_id}/reach", {"has_account": True, "has_bounced": False})

    async def ended(self, notice: Notice, state: str) -> None:
        """How a notice fared, or ended, also long after it was sent. The companion knows of summonses and offers."""
        if notice.template_id not in LETTER_TEMPLATES:
            return
        summons = _SUMMONS.search(notice.key)
        if state in ("sent", "delivered"):
            if summons is not None and notice.template_id in SUMMONS_TEMPLATES:
                await self.add("POST", f"/summons/{summons[1]}/notified", None)
        elif state in ("bounced", "failed") and not notice.then and await self._is_last_way(notice):
            await self.unreached(notice.person)

    async def _is_last_way(self, notice: Notice) -> bool:
        """A browser that wants no push any more says nothing of the telephone."""
        if notice.channel != "push" or self.contacts is None:
            return True
        contact = await self.contacts.get(notice.person)
        return not contact.phone and not contact.email

    async def unreached(self, person_id: str) -> None:
        """No way of telling them led anywhere: what waits for them becomes a letter."""
        await self.add("PUT", f"/persons/{person_id}/reach", {"has_account": True, "has_bounced": True})

    async def add(self, method: Literal["PUT", "POST"], path: str, body: Any, *, keeps_first: bool = False) -> None:
        """Let the companion know, as soon as it can be told. ``keeps_first``: what waits already counts."""
        put = self._redis.hsetnx if keeps_first else self._redis.hset
        await put(KEY, f"{method} {path}", json.dumps(body))
        self._news.set()

    async def deliver(self) -> int:
        """Tell what waits; how many are told. ``CompanionUnavailableError`` when the rest has to wait."""
        await self._tell_logins()
        await self._protections.ask_again()
        waiting = await cast(Awaitable[dict[bytes, bytes]], self._redis.hgetall(KEY))
        for place, text in waiting.items():
            method, _, path = place.decode().partition(" ")
            try:
                await self._client.send(cast(Literal["PUT", "POST"], method), path, FRONT, body=json.loads(text))
            except CompanionRefusedError as error:
                if error.status != 404:  # 404: the companion does not know the person, or the summons is gone
                    _log.error("companion_report_refused", code=error.code)
            if await cast(Awaitable[Any], self._redis.hget(KEY, place.decode())) == text:
                await self._redis.hdel(KEY, place.decode())
        return len(waiting)

    async def _tell_logins(self) -> None:
        """Before anything else that is told of them. Whose session has ended meanwhile comes again with the next."""
        for name in await cast(Awaitable[set[bytes]], self._redis.smembers(LOGINS)):
            sessions = await self._sessions.of_person(name.decode(), self._clock())
            session = next((one for one in sessions if one.number is not None), None)
            if session is not None:
                body = {"number": session.number, "name": session.display_name}
                try:
                    said = await self._client.send("POST", "/persons/login", FRONT, body=body)
                    await self._protections.note(name.decode(), said)
                except CompanionRefusedError as error:
                    _log.error("companion_report_refused", code=error.code)
            await self._redis.srem(LOGINS, name.decode())

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._news.clear()
            try:
                await self.deliver()
            except (CompanionUnavailableError, RedisError, OSError) as error:
                _log.warning("companion_reports_wait", error=type(error).__name__)
            try:
                await asyncio.wait_for(self._news.wait(), IDLE_S)
            except TimeoutError:
                continue
