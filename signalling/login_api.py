"""Logins over HTTP: to the identity provider, back from it, and its word that a login has ended."""

import time
from collections.abc import Callable, Mapping
from typing import Final, cast

import structlog
from aiohttp import web

from auth.login import PENDING_S, Audience, Logins, is_binding, new_binding, safe_return_to
from auth.oidc import LoginError
from auth.session_store import SessionStore
from signalling.guard import Public, guarded
from signalling.http_errors import HttpError
from signalling.limits import Buckets
from signalling.login_pages import login_failed
from signalling.metrics import FrontMetrics
from signalling.requests import client_address, own_origin
from signalling.routes import Route
from signalling.session_cookies import LOGIN_COOKIE, set_cookie
from signalling.session_start import SessionStart
from signalling.settings import FrontSettings

_log = structlog.get_logger(__name__)

CALLBACK_PATH: Final = "/login/callback"
HOME: Final[Mapping[Audience, str]] = {"patient": "/", "staff": "/portal"}
"""Where a login leads that asked for nothing else."""
MAX_BURST_MINUTES: Final = 2

BEGIN: Final = Public("A login begins here; nothing is told and nothing is changed before the provider has answered.")
CALLBACK: Final = Public("Opened by the provider's answer; bound to the browser that asked, and used once.")
BACKCHANNEL: Final = Public("Called by the provider itself; its signed logout token is the credential.")

ROUTES: Final = (
    Route(
        "GET", "/login/{audience}", BEGIN,
        "Log in as `patient` or `staff`: redirects to the identity provider. `return_to` is the path to come back to.",
        statuses=(302, 404, 429, 503),
    ),
    Route(
        "GET", "/login/callback", CALLBACK,
        "The provider's answer (`code`, `state`, `iss`, or `error`): sets the session's cookie and redirects to "
        "`return_to`, or shows a page that says why not.",
        statuses=(302, 400, 403, 503),
    ),
    Route(
        "POST", "/login/backchannel", BACKCHANNEL,
        "OpenID Connect Back-Channel Logout 1.0: a form with `logout_token`. Ends the sessions of that login, and "
        "their places in running meetings, before it answers.",
        statuses=(200, 400, 503), auth="the provider's signed `logout_token`",
    ),
)  # fmt: skip


class LoginApi:
    """The handlers."""

    def __init__(
        self,
        settings: FrontSettings,
        logins: Logins,
        sessions: SessionStore,
        start: SessionStart,
        metrics: FrontMetrics,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._logins = logins
        self._sessions = sessions
        self._start = start
        self._metrics = metrics
        self._clock = clock
        per_minute = settings.logins_per_minute
        self._rates = Buckets(per_minute / 60, per_minute * MAX_BURST_MINUTES)

    def add_routes(self, app: web.Application) -> None:
        """All of this page."""
        app.router.add_get(CALLBACK_PATH, self.callback)
        app.router.add_post("/login/backchannel", self.backchannel)
        app.router.add_get("/login/{audience:patient|staff}", self.begin)

    @guarded(BEGIN)
    async def begin(self, request: web.Request) -> web.StreamResponse:
        """GET /login/{audience}."""
        if not self._rates.take(client_address(request, self._settings.proxy_hops), time.monotonic()):
            raise HttpError("too_many")
        audience = cast("Audience", request.match_info["audience"])
        given = request.cookies.get(LOGIN_COOKIE, "")
        binding = given if is_binding(given) else new_binding()
        try:
            url = await self._logins.begin(
                audience,
                binding=binding,
                redirect_uri=own_origin(request, self._settings.public_url) + CALLBACK_PATH,
                return_to=safe_return_to(request.query.get("return_to", ""), HOME[audience]),
                ui_locales="en" if request.headers.get("Accept-Language", "").lower().startswith("en") else "sv",
            )
        except LoginError as error:
            return self._failed(error, audience)
        response = _redirect(url)
        set_cookie(response, LOGIN_COOKIE, binding, max_age_s=PENDING_S)
        return response

    @guarded(CALLBACK)
    async def callback(self, request: web.Request) -> web.StreamResponse:
        """GET /login/callback."""
        audience: Audience | None = None
        try:
            pending = await self._logins.pending(request.query, request.cookies.get(LOGIN_COOKIE, ""))
            audience = pending.audience
            session = await self._logins.complete(pending, request.query, now=self._clock())
        except LoginError as error:
            return self._failed(error, audience)
        response = _redirect(pending.return_to)
        await self._start.begin(request, response, session, "login")
        self._metrics.logins.labels(audience, "ok").inc()
        return response

    @guarded(BACKCHANNEL, from_anywhere=True)
    async def backchannel(self, request: web.Request) -> web.Response:
        """POST /login/backchannel."""
        form = await request.post()
        token = form.get("logout_token")
        try:
            if not isinstance(token, str):
                raise LoginError("login_invalid", "logout_token")
            ended = await self._logins.logged_out(token, now=self._clock())
        except LoginError as error:
            self._metrics.login_refusals.labels(error.cause).inc()
            if error.code == "provider_unavailable":
                raise HttpError("unavailable") from None
            return web.json_response({"error": "invalid_request"}, status=400)
        count = await self._sessions.end_login(ended.issuer, ended.sub or None, ended.sid, "backchannel")
        _log.info("backchannel_logout", sessions=count)
        return web.Response()

    def _failed(self, error: LoginError, audience: Audience | None) -> web.Response:
        self._metrics.logins.labels(audience or "unknown", error.code).inc()
        self._metrics.login_refusals.labels(error.cause).inc()
        response = login_failed(error.code, HOME[audience or "patient"])
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


def _redirect(location: str) -> web.Response:
    """The address of this page holds a code or a state: it is not told to where it leads."""
    return web.Response(status=302, headers={"Location": location, "Referrer-Policy": "no-referrer"})
