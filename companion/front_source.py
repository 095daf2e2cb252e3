"""What the front keeps of a person beside the companion: open cases and how they are told. For extracts."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Protocol

import httpx2

from auth.tokens import TokenKeys

SCOPE: Final = "persons:data"
SERVICE_NAME: Final = "companion"
EVENTS_PATH: Final = "/events"
_TOKEN_LIFETIME_S: Final = 60


class FrontUnavailableError(Exception):
    """The front gave no answer that can be used. Says nothing of whom it was about."""


class FrontSource(Protocol):
    """Whoever asks the front."""

    async def of_person(self, person_id: str) -> Mapping[str, Any]:
        """``contact`` and ``cases``; ``FrontUnavailableError`` when the front cannot be asked."""


class HttpFrontSource:
    """Asks a front beside where events go (``.../api/companion/events``)."""

    def __init__(
        self, events_url: str, keys: TokenKeys, http: httpx2.AsyncClient, clock: Callable[[], datetime]
    ) -> None:
        self._url = f"{events_url.removesuffix(EVENTS_PATH)}/persons"
        self._keys = keys
        self._http = http
        self._clock = clock

    async def of_person(self, person_id: str) -> Mapping[str, Any]:
        """GET it."""
        token = self._keys.sign_service(
            service=SERVICE_NAME,
            scopes=frozenset({SCOPE}),
            now=self._clock().timestamp(),
            lifetime_s=_TOKEN_LIFETIME_S,
        )
        try:
            answer = await self._http.get(f"{self._url}/{person_id}", headers={"Authorization": f"Bearer {token}"})
            body: Any = answer.json() if answer.status_code == 200 else None
        except (httpx2.HTTPError, ValueError) as error:
            raise FrontUnavailableError(type(error).__name__) from None
        if not isinstance(body, dict) or not isinstance(body.get("cases"), list):
            raise FrontUnavailableError(f"status {answer.status_code}")
        return body
