"""TURN credentials over HTTP, for who has logged in and for who has a meeting token."""

import secrets
import time
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from auth.permissions import Action
from auth.principal import Principal
from auth.turn import TurnServer
from signalling.entry import Entry, RefusedError, principal_of
from signalling.guard import GUARD, guarded
from signalling.http_errors import HttpError
from signalling.meeting_views import TurnReply, TurnServerView
from signalling.refusals import http_error
from signalling.requests import bearer
from signalling.routes import Route

ROUTES: Final = (
    Route("GET", "/api/turn", Action.TURN_CREDENTIALS, "TURN servers and credentials that end by themselves.",
          reply=TurnReply, auth="a session, or a meeting token as bearer token"),
)  # fmt: skip


def ice_servers(turn: TurnServer | None, now: float) -> tuple[list[dict[str, Any]], int | None]:
    """The servers for one client with fresh credentials that name nobody, and when those end."""
    if turn is None:
        return [], None
    fresh = turn.credentials(secrets.token_hex(8), now)
    view = {"urls": list(fresh.urls), "username": fresh.username, "credential": fresh.credential}
    return [view], fresh.expires_at


class TurnApi:
    """The handler."""

    def __init__(self, turn: TurnServer | None, entry: Entry, *, clock: Callable[[], float] = time.time) -> None:
        self._turn = turn
        self._entry = entry
        self._clock = clock

    def add_routes(self, app: web.Application) -> None:
        """All of this page."""
        app.router.add_get("/api/turn", self.credentials)

    async def _who(self, request: web.Request) -> Principal:
        if "Authorization" in request.headers:
            try:
                ticket = await self._entry.check(bearer(request), Action.TURN_CREDENTIALS)
            except RefusedError as error:
                raise http_error(error) from None
            return principal_of(ticket.claims)
        session = await request.app[GUARD].find_session(request)
        if session is None:
            raise HttpError("not_logged_in")
        return session.principal()

    @guarded(Action.TURN_CREDENTIALS, authenticate=_who)
    async def credentials(self, _request: web.Request) -> web.Response:
        """GET /api/turn."""
        servers, expires_at = ice_servers(self._turn, self._clock())
        views = [TurnServerView(**server) for server in servers]
        return web.json_response(TurnReply(ice_servers=views, expires_at=expires_at).model_dump())
