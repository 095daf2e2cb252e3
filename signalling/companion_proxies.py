"""For whom people may act, as the companion knows it: asked for when it says that something has changed."""

from collections.abc import Callable
from typing import Any

import structlog
from pydantic import ValidationError

from auth.proxies import ProxyDirectory, ProxyError
from auth.session_store import SessionStore
from signalling.companion_answers import CompanionUnavailableError
from signalling.companion_caller import FRONT
from signalling.companion_client import CompanionClient
from signalling.companion_events import CompanionEvent, text_of
from signalling.proxy_api import ReplaceProxies, relation_of, replace_relations

_log = structlog.get_logger(__name__)


class CompanionProxies:
    """Keeps the directory of proxies as the companion has it."""

    def __init__(
        self,
        client: CompanionClient,
        proxies: ProxyDirectory,
        sessions: SessionStore,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._proxies = proxies
        self._sessions = sessions
        self._clock = clock

    async def changed(self, event: CompanionEvent) -> None:
        """``proxies.changed``: the answer of now, so that the order in which such events arrive does not matter."""
        await self.refresh(text_of(event.payload, "person"))

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
