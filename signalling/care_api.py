"""``/api/care``: pages reach the companion through the front, by the routes of ``signalling/care_table.py`` alone.

The front checks the session, the page, the role and the login; it says who asks (``auth/principal_tokens.py``) and
hands on the request. The companion decides about what is asked for, and writes the audit log. Its answers pass as they
are: refusals are ``application/problem+json``, files are downloads.

What is public (units, time types, free slots) needs no login, and is answered from memory for a moment, so that a rush
of people hits neither the logins nor the companion.
"""

import re
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web

from auth.permissions import Action
from signalling.care_files import STREAMED, CareFiles
from signalling.care_table import CARE_BODIES, CARE_ROUTES
from signalling.companion_answers import CompanionRefusedError, CompanionUnavailableError, Forwarded
from signalling.companion_cache import Freshness
from signalling.companion_client import CompanionClient
from signalling.companion_settings import CompanionLinkSettings
from signalling.guard import Public, guarded, principal_of, session_of
from signalling.http_errors import HttpError
from signalling.limits import Buckets
from signalling.requests import client_address
from signalling.routes import Route

PREFIX: Final = "/api/care"
MAX_BODY_BYTES: Final = 256 * 1024
"""The longest questionnaire with all its texts. Files have limits of their own (``CARE_BODIES``)."""
JSON: Final = "application/json"
MAX_QUERY_CHARACTERS: Final = 2000
STALE_S: Final = 300.0
PROBLEM_JSON: Final = "application/problem+json"
PUBLIC: Final = Public("Units, what can be booked and free slots: public, so that a rush does not hit the login.")
_UNCACHED: Final = ("/calendar/",)
"""Public, but somebody's own: the address is the secret."""
_PARAMETER: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
"""Ids, days, numbers. Nothing that another program could read as more of a path."""
_PLACE: Final = re.compile(r"\{(\w+)\}")
_PASSED: Final = ("Content-Language", "Idempotency-Replayed", "Record-Withheld", "Retry-After", "X-Request-Id")
_FILES: Final = {
    "application/pdf": "dokument.pdf",
    "text/calendar": "kalender.ics",
    "text/csv": "tabell.csv",
    "application/zip": "filer.zip",
}
"""Types that are downloads, and what they are called when the companion does not say."""
_FILE_NAME: Final = re.compile(r'attachment; filename="([A-Za-z0-9._-]{1,100})"')
_KEY: Final = re.compile(r"[A-Za-z0-9._:-]{8,128}")
_LANGUAGES: Final = re.compile(r"[A-Za-z0-9*,;=.\s-]{1,200}")

ROUTES: Final = tuple(
    Route(
        method, f"{PREFIX}{path}", action or PUBLIC,
        "The companion's route of the same path without `/api/care`: see [companion.md](companion.md).",
    )
    for method, path, action in CARE_ROUTES
)  # fmt: skip

_log = structlog.get_logger(__name__)


class CareApi:
    """The handlers. Without a companion (``client`` None) there is no such service, which is told from a fault."""

    def __init__(
        self,
        settings: CompanionLinkSettings,
        client: CompanionClient | None,
        *,
        proxy_hops: int,
    ) -> None:
        self._client = client
        self._proxy_hops = proxy_hops
        self._files = CareFiles()
        self._fresh = Freshness(settings.care_public_fresh_s, STALE_S)
        own, public = settings.care_requests_per_minute, settings.care_public_per_minute
        self._own_rates = Buckets(own / 60, own)
        self._public_rates = Buckets(public / 60, public)

    def add_routes(self, app: web.Application) -> None:
        """All of the table."""
        for method, path, action in CARE_ROUTES:
            app.router.add_route(method, f"{PREFIX}{path}", self._handler(path, action))

    def _handler(self, path: str, action: Action | None) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        if action is None:

            @guarded(PUBLIC)
            async def handle(request: web.Request) -> web.StreamResponse:
                return await self._public(request, path)
        else:

            @guarded(action, is_decided_elsewhere=True)
            async def handle(request: web.Request) -> web.StreamResponse:
                return await self._own(request, path)

        return handle

    # --- with a login ------------------------------------------------------------------------------------------

    async def _own(self, request: web.Request, path: str) -> web.StreamResponse:
        session = session_of(request)
        if not self._own_rates.take(session.grant_id, time.monotonic()):
            raise HttpError("too_many")
        client, target = self._companion(), _target(request, path)
        if path in STREAMED and request.method == "GET":
            address, language = client_address(request, self._proxy_hops), _language(request)
            return await self._files.send(
                request, client, target, principal_of(request), address=address, language=language
            )
        key = request.headers.get("Idempotency-Key")
        if key is not None and not _KEY.fullmatch(key):
            raise HttpError("invalid_request", "Idempotency-Key")
        media_type, max_bytes = CARE_BODIES.get((request.method, path), (JSON, MAX_BODY_BYTES))
        answer = await _asked(
            client.forward(
                request.method,
                target,
                principal_of(request),
                content=await _body(request, media_type, max_bytes),
                content_type=media_type,
                address=client_address(request, self._proxy_hops),
                idempotency_key=key,
                language=_language(request),
            )
        )
        if answer.status == 401:  # our own signature: nothing that logging in again would mend
            _log.error("care_signature_refused")
            raise HttpError("unavailable", cause="signature")
        return _response(answer)

    # --- without -----------------------------------------------------------------------------------------------

    async def _public(self, request: web.Request, path: str) -> web.StreamResponse:
        address = client_address(request, self._proxy_hops)
        if not self._public_rates.take(address, time.monotonic()):
            raise HttpError("too_many")
        client, target, language = self._companion(), _target(request, path), _language(request)
        if path.startswith(_UNCACHED):
            return _response(await _asked(client.forward("GET", target, None, language=language)))
        try:
            answer = await client.get(target, None, freshness=self._fresh, language=language)
        except CompanionRefusedError as error:
            return web.json_response(error.problem, status=error.status, content_type=PROBLEM_JSON)
        except CompanionUnavailableError as error:
            raise _unavailable(error) from None
        fresh_s = int(self._fresh.fresh_s)
        headers = {"Vary": "Accept-Language", "Age": str(int(answer.age_s))}
        if fresh_s and not answer.is_stale:
            headers["Cache-Control"] = f"public, max-age={fresh_s}"
        return web.json_response(answer.body, headers=headers)

    def _companion(self) -> CompanionClient:
        if self._client is None:
            raise HttpError("unavailable", cause="no_companion")
        return self._client


def _target(request: web.Request, path: str) -> str:
    """Path and query at the companion: the route's own path with the parameters of this request in their places."""
    values = dict(request.match_info)
    if not all(_PARAMETER.fullmatch(value) for value in values.values()):
        raise HttpError("not_found")
    query = request.rel_url.raw_query_string
    if len(query) > MAX_QUERY_CHARACTERS:
        raise HttpError("invalid_request", "query")
    filled = _PLACE.sub(lambda match: values[match[1]], path)
    return f"{filled}?{query}" if query else filled


async def _body(request: web.Request, media_type: str, max_bytes: int) -> bytes:
    if request.method in ("GET", "DELETE"):
        return b""
    content = await request.clone(client_max_size=max_bytes).read()
    if content and request.content_type != media_type:
        raise HttpError("unsupported_media_type")
    return content


def _language(request: web.Request) -> str:
    wanted = request.headers.get("Accept-Language", "sv")
    return wanted if _LANGUAGES.fullmatch(wanted) else "sv"


async def _asked(request: Awaitable[Forwarded]) -> Forwarded:
    try:
        return await request
    except CompanionUnavailableError as error:
        raise _unavailable(error) from None


def _unavailable(error: CompanionUnavailableError) -> HttpError:
    return HttpError("unavailable", cause=f"companion_{error.cause}")


def _response(answer: Forwarded) -> web.Response:
    headers = {name: answer.headers[name] for name in _PASSED if name in answer.headers}
    if answer.status == 204:
        return web.Response(status=204, headers=headers)
    kind = answer.content_type
    if kind not in ("application/json", PROBLEM_JSON):
        named = _FILE_NAME.fullmatch(answer.headers.get("Content-Disposition", ""))
        name = named[1] if named else _FILES.get(kind, "fil.bin")
        kind = kind if kind in _FILES else "application/octet-stream"
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    charset = "utf-8" if kind.startswith("text/") else None
    return web.Response(body=answer.content, status=answer.status, content_type=kind, charset=charset, headers=headers)
