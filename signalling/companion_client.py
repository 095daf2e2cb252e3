"""The real-time server's client of the companion: bookings and records over HTTP, on behalf of a principal.

Media and meetings in progress need none of it. What does need it waits a bounded time: few attempts within one
deadline (``RetryPolicy``), none at all while the circuit is open (``CircuitBreaker``), and what was asked lately is
answered from memory (``AnswerCache``), for a while also when the companion is away.

Only what can be repeated is: GET, PUT and DELETE (RFC 9110 section 9.2.2), and POST with an idempotency key. Any other
POST is tried once, unless no connection could be made at all. Beside that, aiohttp itself sends a GET, PUT or DELETE
once more when the connection that it had kept open turns out to have been closed.
"""

import asyncio
import base64
import copy
import hashlib
import io
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Literal
from urllib.parse import urlencode

import aiohttp

from auth.principal import Principal
from auth.principal_tokens import sign_principal
from auth.tokens import TokenKeys
from signalling.companion_answers import (
    CompanionRefusedError,
    CompanionUnavailableError,
    Forwarded,
    NotSentError,
    bytes_of,
    forwarded,
    read,
)
from signalling.companion_cache import AnswerCache, Freshness, Key, owner
from signalling.companion_metrics import CompanionMetrics
from signalling.companion_policy import BreakerPolicy, BreakerState, CircuitBreaker, Permit, RetryPolicy

_REPEATABLE: Final = frozenset({"GET", "PUT", "DELETE"})
JSON: Final = "application/json"
RETRIES: Final = RetryPolicy()
FILE_RETRIES: Final = RetryPolicy(attempts=2, attempt_s=60.0, total_s=90.0)
"""Files take longer, and nobody waits for them in front of a screen."""
_PIECE_BYTES: Final = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """What the companion said; ``repr`` shows none of it."""

    body: Any = field(repr=False)
    age_s: float = 0.0
    is_stale: bool = False
    """Kept from before a fault: show it as such."""


@dataclass(frozen=True)
class _Raw:
    """A body that is handed on as it is."""

    content: bytes = field(repr=False)
    address: str = field(repr=False)
    content_type: str = JSON


@dataclass(frozen=True)
class FileAnswer:
    """A file on its way; ``status`` 206 when it is a part of one."""

    status: int
    content_type: str
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True)
class Octets:
    """A body of bytes, sent with its digest (``Content-Digest``, RFC 9530)."""

    data: bytes = field(repr=False)

    def headers(self) -> dict[str, str]:
        """What is said of it."""
        digest = base64.b64encode(hashlib.sha256(self.data).digest()).decode()
        return {"Content-Type": "application/octet-stream", "Content-Digest": f"sha-256=:{digest}:"}


class CompanionClient:
    """One per front; ``close`` it. ``clock`` is monotonic, ``wall_clock`` dates the tokens."""

    def __init__(
        self,
        url: str,
        keys: TokenKeys,
        *,
        retries: RetryPolicy | None = None,
        breaker: BreakerPolicy | None = None,
        metrics: CompanionMetrics | None = None,
        rng: Random | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._url = url.rstrip("/")
        self._keys = keys
        self._retries = retries or RETRIES
        self._rng = rng or Random()  # noqa: S311  # jitter
        self._breaker = CircuitBreaker(breaker or BreakerPolicy(), self._rng)
        self._cache = AnswerCache()
        self._flights: dict[tuple[Key, int], asyncio.Task[Any]] = {}
        self._clock, self._wall_clock, self._sleep = clock, wall_clock, sleep
        self.metrics = metrics or CompanionMetrics()
        self._http: aiohttp.ClientSession | None = None
        self._is_closed = False

    async def close(self) -> None:
        """End what is under way; those who wait get ``CompanionUnavailableError``."""
        self._is_closed = True
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    def forget(self, path_prefix: str) -> None:
        """Something below that path has changed (an event said so): ask anew."""
        self._cache.forget(path_prefix)

    async def get(
        self,
        path: str,
        principal: Principal | None,
        *,
        query: Mapping[str, str] | None = None,
        freshness: Freshness | None = None,
        language: str = "sv",
    ) -> Answer:
        """Read; with ``freshness`` from memory when that will do. ``principal`` None: what is public."""
        target = f"{path}?{urlencode(sorted(query.items()))}" if query else path
        key = Key(owner(principal), f"{target} {language}")
        if freshness is None:
            body = await self._counted(self._request("GET", target, principal, language))
            return Answer(body)
        known = self._cache.get(key, freshness.fresh_s, self._clock())
        if known is not None:
            self.metrics.answers.labels("fresh").inc()
            return Answer(copy.deepcopy(known.body), known.age_s)
        try:
            return Answer(copy.deepcopy(await self._counted(self._shared(key, target, principal, language))))
        except CompanionUnavailableError:
            kept = self._cache.get(key, freshness.stale_s, self._clock())
            if kept is None:
                raise
            self.metrics.answers.labels("stale").inc()
            return Answer(copy.deepcopy(kept.body), kept.age_s, is_stale=True)

    async def send(
        self,
        method: Literal["POST", "PUT", "PATCH", "DELETE"],
        path: str,
        principal: Principal,
        *,
        body: Any = None,
        idempotency_key: str | None = None,
        language: str = "sv",
    ) -> Any:
        """Change something; the answer's body. With a key a POST can be tried again and still happens once."""
        return await self._counted(self._request(method, path, principal, language, body, idempotency_key))

    async def forward(
        self,
        method: str,
        target: str,
        principal: Principal | None,
        *,
        content: bytes = b"",
        content_type: str = JSON,
        address: str = "",
        idempotency_key: str | None = None,
        language: str = "sv",
    ) -> Forwarded:
        """Hand a person's request on as it is, and what is said to it, refusals too. ``target`` is ours to vouch for;
        ``address``: where the person is, for the audit log. What is no JSON is a file, and may take as long as one.
        """
        body = _Raw(content, address, content_type)
        answer: Forwarded = await self._counted(
            self._request(
                method,
                target,
                principal,
                language,
                body,
                idempotency_key,
                retries=None if content_type == JSON else FILE_RETRIES,
            )
        )
        return answer

    async def put_file(self, path: str, principal: Principal, data: bytes) -> None:
        """Hand over a file, whole or not at all."""
        octets = Octets(data)
        await self._counted(self._request("PUT", path, principal, "sv", octets, retries=FILE_RETRIES))

    @asynccontextmanager
    async def fetch_file(
        self,
        path: str,
        principal: Principal,
        language: str = "sv",
        *,
        address: str = "",
        part: Mapping[str, str] | None = None,
    ) -> AsyncIterator[FileAnswer]:
        """A file, piece by piece as it comes: once it has begun there is no second attempt.

        ``address``: where the person is, for the audit log. ``part``: ``Range`` and ``If-Range`` headers.
        """
        headers = {"Accept-Language": language, "Accept-Encoding": "identity"} | self._authorization(principal)
        headers |= ({"X-Client-Address": address} if address else {}) | dict(part or {})
        limit = aiohttp.ClientTimeout(total=None, connect=self._retries.attempt_s, sock_read=self._retries.attempt_s)
        permit = self._permit()
        began, result = self._clock(), "abandoned"
        try:
            async with self._session().get(
                self._url + path, headers=headers, timeout=limit, allow_redirects=False
            ) as response:
                if response.status not in (200, 206):
                    result = "refused" if response.status < 500 else "server_error"
                    read(response, await bytes_of(response))
                    raise CompanionUnavailableError("malformed")
                result = "ok"
                yield FileAnswer(response.status, response.content_type, response.headers.copy(), _pieces(response))
        except (aiohttp.ClientError, TimeoutError) as error:
            if result == "ok":  # whoever reads the file has gone
                raise
            result = "timeout" if isinstance(error, TimeoutError) else "connection"
            raise CompanionUnavailableError("timeout" if isinstance(error, TimeoutError) else "connection") from None
        finally:
            self._report(permit, result, began)

    async def _counted(self, request: Awaitable[Any]) -> Any:
        try:
            answer = await request
        except CompanionRefusedError:
            self.metrics.answers.labels("refused").inc()
            raise
        except CompanionUnavailableError:
            self.metrics.answers.labels("unavailable").inc()
            raise
        self.metrics.answers.labels("fetched").inc()
        return answer

    async def _shared(self, key: Key, target: str, principal: Principal | None, language: str) -> Any:
        """Many who want the same at once make one request; it goes on when one of them leaves."""
        place = (key, self._cache.epoch)
        flight = self._flights.get(place)
        if flight is None:
            flight = asyncio.create_task(self._fetch(key, target, principal, language))
            self._flights[place] = flight
            flight.add_done_callback(lambda task: self._landed(place, task))
        try:
            return await asyncio.shield(flight)
        except asyncio.CancelledError:
            if flight.cancelled() and self._is_closed:
                raise CompanionUnavailableError("closed") from None
            raise

    def _landed(self, place: tuple[Key, int], flight: "asyncio.Task[Any]") -> None:
        self._flights.pop(place, None)
        if not flight.cancelled():
            flight.exception()  # seen, also when nobody waits any more

    async def _fetch(self, key: Key, target: str, principal: Principal | None, language: str) -> Any:
        epoch = self._cache.epoch
        try:
            body = await self._request("GET", target, principal, language)
        except CompanionRefusedError:
            self._cache.drop(key)
            raise
        self._cache.put(key, body, self._clock(), epoch=epoch)
        return body

    async def _request(
        self,
        method: str,
        target: str,
        principal: Principal | None,
        language: str,
        body: Any = None,
        idempotency_key: str | None = None,
        retries: RetryPolicy | None = None,
    ) -> Any:
        retries = retries or self._retries
        headers = {"Accept": "application/json", "Accept-Language": language}
        if isinstance(body, _Raw):
            headers |= {"Accept": "*/*"} | ({"X-Client-Address": body.address} if body.address else {})
            headers |= {"Content-Type": body.content_type} if body.content else {}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        is_repeatable = method in _REPEATABLE or idempotency_key is not None
        began, attempt = self._clock(), 1
        while True:
            if principal is not None:  # anew each time: it lives shorter than some pauses
                headers |= self._authorization(principal)
            left_s = retries.total_s - (self._clock() - began)
            try:
                return await self._attempt(method, target, headers, body, min(retries.attempt_s, left_s))
            except NotSentError as error:
                failure: CompanionUnavailableError = error
            except CompanionUnavailableError as error:
                if not is_repeatable:
                    raise
                failure = error
            if failure.cause in ("circuit_open", "closed", "malformed"):
                raise failure
            pause_s = retries.pause_s(attempt, self._rng, failure.retry_after_s)
            if not retries.may_retry(attempt, pause_s, self._clock() - began):
                raise failure
            attempt += 1
            self.metrics.retries.inc()
            await self._sleep(pause_s)

    async def _attempt(self, method: str, target: str, headers: Mapping[str, str], body: Any, limit_s: float) -> Any:
        """One request under the breaker's eyes."""
        permit = self._permit()
        began, result = self._clock(), "ok"
        try:
            return await self._exchange(method, target, headers, body, limit_s)
        except CompanionRefusedError:
            result = "refused"
            raise
        except CompanionUnavailableError as error:
            result = "refused" if error.cause == "busy" else error.cause
            raise
        except BaseException:  # whoever asked went away
            result = "abandoned"
            raise
        finally:
            self._report(permit, result, began)

    def _permit(self) -> Permit:
        """The breaker's leave to ask."""
        if self._is_closed:
            raise CompanionUnavailableError("closed")
        permit = self._breaker.acquire(self._clock())
        if permit is None:
            self.metrics.turned_away.inc()
            raise CompanionUnavailableError("circuit_open")
        return permit

    def _authorization(self, principal: Principal) -> dict[str, str]:
        return {"Authorization": f"Bearer {sign_principal(self._keys, principal, now=self._wall_clock())}"}

    def _report(self, permit: Permit, result: str, began: float) -> None:
        now = self._clock()
        if result == "abandoned":
            self._breaker.abandon(permit)
        else:
            self._breaker.record(permit, result in ("ok", "refused"), now)
            self.metrics.attempts.labels(result).observe(now - began)
        self.metrics.is_open.set(self._breaker.state(now) is not BreakerState.CLOSED)

    async def _exchange(self, method: str, target: str, headers: Mapping[str, str], body: Any, limit_s: float) -> Any:
        """One request and its answer's body."""
        is_raw = isinstance(body, _Raw)
        sent: dict[str, Any] = {"json": None if is_raw else body, "headers": headers}
        if is_raw:
            sent["data"] = body.content or None
        elif isinstance(body, Octets):
            sent = {"data": io.BytesIO(body.data), "headers": {**headers, **body.headers()}}
        try:
            async with self._session().request(
                method,
                self._url + target,
                **sent,
                timeout=aiohttp.ClientTimeout(total=limit_s),
                allow_redirects=False,
            ) as response:
                return (forwarded if is_raw else read)(response, await bytes_of(response))
        except aiohttp.ClientConnectorError:
            raise NotSentError("connection") from None
        except TimeoutError:
            raise CompanionUnavailableError("timeout") from None
        except aiohttp.ClientError:
            raise CompanionUnavailableError("connection") from None

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        return self._http


async def _pieces(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for piece in response.content.iter_chunked(_PIECE_BYTES):
            yield piece
    except TimeoutError:
        raise CompanionUnavailableError("timeout") from None
    except aiohttp.ClientError:
        raise CompanionUnavailableError("connection") from None
