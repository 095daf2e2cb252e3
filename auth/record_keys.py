"""The keys of the record systems: read from a file or fetched from their address, and who signed a token.

A token's ``iss`` only chooses among the configured systems; what it says is believed once that system's key fits.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import httpx2
from joserfc import jws
from joserfc.errors import JoseError

from auth.jwks import RemoteKeys, SignatureError, Signed, read_header
from auth.record_systems import RecordSystem

TIMEOUT_S: Final = 5.0
MAX_DOCUMENT_BYTES: Final = 256 * 1024


class KeysUnavailableError(Exception):
    """A record system's keys cannot be had now. ``cause``: the kind of failure, for counters."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class RecordSystemKeys:
    """Checks signatures of record systems. ``monotonic``: seconds, for what is kept."""

    def __init__(
        self, systems: Mapping[str, RecordSystem], http: httpx2.AsyncClient, monotonic: Callable[[], float]
    ) -> None:
        self._systems = systems
        self._keys = {
            issuer: RemoteKeys(_source(system, http), monotonic)
            for issuer, system in systems.items()
        }  # fmt: skip

    async def check(self, token: str) -> tuple[RecordSystem, Signed]:
        """Who signed a token, and its contents. ``SignatureError`` (``issuer``: nobody we know) or
        ``KeysUnavailableError`` otherwise.
        """
        issuer = unverified_issuer(token)
        system = self._systems.get(issuer)
        if system is None:
            raise SignatureError("issuer")
        return system, await self._keys[issuer].check(token)


def unverified_issuer(token: str) -> str:
    """What a token says of its issuer; empty when it says nothing. Not to be believed."""
    read_header(token)
    try:
        claims = json.loads(jws.extract_compact(token.encode()).payload)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise SignatureError("form") from None
    issuer = claims.get("iss") if isinstance(claims, dict) else None
    return issuer if isinstance(issuer, str) else ""


def _source(system: RecordSystem, http: httpx2.AsyncClient) -> Callable[[], Awaitable[Any]]:
    url, file = system.jwks_url, system.jwks_file
    if url is not None:
        return lambda: fetch_json(http, url)
    assert file is not None  # one of the two: checked when the configuration was read
    return lambda: asyncio.to_thread(_read_file, file)


def _read_file(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise KeysUnavailableError("file") from None


async def fetch_json(http: httpx2.AsyncClient, url: str, headers: Mapping[str, str] | None = None) -> Any:
    """A JSON document of another party, without following redirects; ``KeysUnavailableError`` otherwise."""
    try:
        async with asyncio.timeout(TIMEOUT_S), http.stream("GET", url, headers=dict(headers or {})) as response:
            if response.status_code != 200:
                raise KeysUnavailableError("status")
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MAX_DOCUMENT_BYTES:
                    raise KeysUnavailableError("size")
        return json.loads(body)
    except (httpx2.HTTPError, TimeoutError) as error:
        raise KeysUnavailableError(type(error).__name__) from None
    except (ValueError, RecursionError):
        raise KeysUnavailableError("json") from None
