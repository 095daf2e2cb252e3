"""SMART App Launch over HTTP: from the record system, to its login, and back into the meeting."""

import time
from collections.abc import Callable
from typing import Final

from aiohttp import web

from auth.login import PENDING_S, is_binding, new_binding
from auth.smart import SmartError, SmartLaunches
from signalling.guard import Public, guarded
from signalling.http_errors import HttpError
from signalling.limits import Buckets
from signalling.portal_entry import OUT_OF_ORDER, PortalEntry
from signalling.requests import client_address, own_origin
from signalling.routes import Route
from signalling.session_cookies import LOGIN_COOKIE, set_cookie
from signalling.settings import FrontSettings

CALLBACK_PATH: Final = "/smart/callback"
LAUNCH: Final = Public("A launch begins here; only configured record systems are asked, and nothing is told.")
CALLBACK: Final = Public("Opened by the record system's answer; bound to the browser that was launched, used once.")

ROUTES: Final = (
    Route(
        "GET", "/smart/launch", LAUNCH,
        "SMART App Launch 2: `iss` is the record system's FHIR service, `launch` its opaque context. Redirects to the "
        "record system's authorization.",
        statuses=(302, 400, 429, 503),
    ),
    Route(
        "GET", CALLBACK_PATH, CALLBACK,
        "The record system's answer (`code`, `state`): sets the session's cookie and redirects to the meeting or to "
        "the staff portal, or shows a page that says why not.",
        statuses=(303, 400, 403, 404, 503),
    ),
)  # fmt: skip


class SmartApi:
    """The handlers."""

    def __init__(
        self,
        settings: FrontSettings,
        launches: SmartLaunches,
        entry: PortalEntry,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._launches = launches
        self._entry = entry
        self._clock = clock
        per_minute = settings.portal_links_per_minute
        self._rates = Buckets(per_minute / 60, per_minute)

    def add_routes(self, app: web.Application) -> None:
        """All of this page."""
        app.router.add_get("/smart/launch", self.launch)
        app.router.add_get(CALLBACK_PATH, self.callback)

    @guarded(LAUNCH)
    async def launch(self, request: web.Request) -> web.StreamResponse:
        """GET /smart/launch."""
        if not self._rates.take(client_address(request, self._settings.proxy_hops), time.monotonic()):
            raise HttpError("too_many")
        given = request.cookies.get(LOGIN_COOKIE, "")
        binding = given if is_binding(given) else new_binding()
        try:
            url = await self._launches.begin(
                request.query.get("iss", ""),
                request.query.get("launch", ""),
                binding=binding,
                redirect_uri=own_origin(request, self._settings.public_url) + CALLBACK_PATH,
            )
        except SmartError as error:
            return await self._entry.refuse(request, error.code, None, "smart_launch")
        response = web.Response(status=302, headers={"Location": url, "Cache-Control": "no-store"})
        set_cookie(response, LOGIN_COOKIE, binding, max_age_s=PENDING_S)
        return response

    @guarded(CALLBACK)
    async def callback(self, request: web.Request) -> web.StreamResponse:
        """GET /smart/callback."""
        try:
            try:
                link = await self._launches.complete(
                    request.query, binding=request.cookies.get(LOGIN_COOKIE, ""), now=self._clock()
                )
            except SmartError as error:
                return await self._entry.refuse(request, error.code, None, "smart_launch")
            return await self._entry.admit(request, link, "smart_launch")
        except OUT_OF_ORDER:
            return self._entry.out_of_order("smart_launch")
