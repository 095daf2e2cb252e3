"""The custody register (vårdnadsregister): who the guardians of a child are, asked when somebody wants to act for one.

``HttpCustodyRegister`` asks an adapter over HTTP: ``POST`` of ``{"number": "201808082380"}`` to the configured address,
answered by ``{"guardians": ["198503142386", ...]}``, or 404 when the register does not know the child. Numbers are
twelve characters, and stand in bodies only: addresses end up in logs. The test bench has such a register of invented
persons (``auth/development/custody_register.py``).
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import httpx2

MAX_GUARDIANS: Final = 10
TIMEOUT_S: Final = 5.0


class RegisterUnavailableError(Exception):
    """The register gave no answer that can be used: ask again later. Says nothing of whom it was about."""


class CustodyRegister(Protocol):
    """Whoever knows."""

    async def guardians_of(self, child_number: str) -> Sequence[str]:
        """The identity numbers of a child's guardians, none when the child is not known there;
        ``RegisterUnavailableError`` when it cannot be asked.
        """


class HttpCustodyRegister:
    """An adapter in front of the register."""

    def __init__(self, url: str, token: str, http: httpx2.AsyncClient) -> None:
        self._url = url
        self._token = token
        self._http = http

    async def guardians_of(self, child_number: str) -> Sequence[str]:
        """Ask."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            answer = await self._http.post(self._url, json={"number": child_number}, headers=headers)
        except httpx2.HTTPError as error:
            raise RegisterUnavailableError(type(error).__name__) from None
        if answer.status_code == 404:
            return ()
        if answer.status_code != 200:
            raise RegisterUnavailableError(f"status {answer.status_code}")
        return _read(answer)


def _read(answer: httpx2.Response) -> Sequence[str]:
    try:
        body: Any = answer.json()
    except ValueError:
        raise RegisterUnavailableError("malformed") from None
    guardians = body.get("guardians") if isinstance(body, dict) else None
    if not isinstance(guardians, list) or len(guardians) > MAX_GUARDIANS:
        raise RegisterUnavailableError("malformed")
    if not all(isinstance(one, str) for one in guardians):
        raise RegisterUnavailableError("malformed")
    return guardians
