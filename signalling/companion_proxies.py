"""For whom people may act, as the companion knows it: asked for when it says that something has changed, and where
nothing is known, as after Redis lost what it had. The mark ``ao:proxies-asked:...`` is lost with it.
"""

from collections.abc import Callable
from typing import Any, Final, Literal

import structlog
from pydantic import ValidationError
from redis.asyncio import Redis

from auth.proxies import ProxyDirectory, ProxyError
from auth.session_store import SessionStore
from signalling.companion_answers import CompanionRefusedError, CompanionUnavailableError
from signalling.companion_caller import FRONT
from signalling.companion_client import CompanionClient
from signalling.companion_events import CompanionEvent, text_of
from signalling.proxy_api import ReplaceProxies, relation_of, replace_relations

ASKED_S: Final = 3600
"""So long nobody is asked for again of whom there is nothing; events keep what is known right meanwhile."""

_log = structlog.get_logger(__name__)


class CompanionProxies:
    """Keeps the directory of proxies as the companion has it."""

    def __init__(
        self,
        client: CompanionClient,
        redis: "Redis",
        proxies: ProxyDirectory,
        sessions: SessionStore,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._redis = redis
        self._proxies = proxies
        self._sessions = sessions
        self._clock = clock

    async def changed(self, event: CompanionEvent) -> None:
        """``proxies.changed``: the answer of now, so that the order in which such events arrive does not matter."""
        await self.refresh(text_of(event.payload, "person"))

    async def fill(self, side: Literal["proxy", "subject"], person_id: str) -> None:
        """Ask for what is missing, once in a while; when the companion cannot be asked, nothing is known."""
        mark = f"ao:proxies-asked:{side}:{person_id}"
        if await self._redis.exists(mark):
            return
        try:
            if side == "proxy":
                await self.refresh(person_id)
            else:
                answer: Any = (await self._client.get(f"/persons/{person_id}/guardians", FRONT)).body
                for guardian in answer["guardians"]:
                    await self.refresh(str(guardian))
        except CompanionUnavailableError as error:
            _log.warning("proxies_incomplete", cause=error.cause)
            return
        except CompanionRefusedError as error:
            _log.error("proxies_refused", code=error.code)
            return
        await self._redis.set(mark, b"1", ex=ASKED_S)

    async def refresh(self, person_id: str) -> None:
        """Ask for whom somebody may act, and keep it."""
        answer: Any = (await self._client.get(f"/persons/{person_id}/proxies", FRONT)).body
        try:
            body = ReplaceProxies.model_validate(answer)
            relations = [relation_of(item) for item in body.relations]
            await replace_relations(self._proxies, self._sessions, person_id, relations, self._clock())
        except (ValidationError, ProxyError) as error:  # two programs of different age: nothing is changed by half
            _log.error("companion_proxies_malformed", error=type(error).__name__)
            raise CompanionUnavailableError("malformed") from None
