"""Withdrawing what lets somebody in: one session, or all of a person's. Who is in a meeting with it is out at once."""

import re
from typing import Any, Final

from aiohttp import web

from auth.permissions import Action, Resource
from auth.session_store import SessionStore
from signalling.guard import guarded
from signalling.http_errors import HttpError
from signalling.routes import Route

_IDENTIFIER = re.compile(r"[A-Za-z0-9:_-]{1,128}")

ROUTES: Final = (
    Route(
        "DELETE", "/api/grants/{grant_id}", Action.REVOKE,
        "Withdraw a grant, as named in meeting tokens: a session, or what a guest came in with. Administrators "
        "withdraw those of staff who work in their unit.",
        statuses=(204, 404),
    ),
    Route(
        "DELETE", "/api/people/{actor}/sessions", Action.REVOKE,
        "End all sessions of a person (person id or HSA-id): an account that was closed, an e-ID that was stolen.",
        statuses=(204, 404),
    ),
)  # fmt: skip


async def _whose_grant(api: "GrantApi", request: web.Request) -> Resource | None:
    """The unit of a staff member's session; anything else belongs to no unit."""
    grant_id = request.match_info["grant_id"]
    if not _IDENTIFIER.fullmatch(grant_id):
        return None
    session = await api.sessions.of_grant(grant_id)
    if session is None or session.commission is None:
        return Resource()
    return Resource(provider_hsa_id=session.commission.provider_hsa_id, unit_hsa_id=session.commission.unit_hsa_id)


async def _nobodys(_api: Any, _request: web.Request) -> Resource | None:
    """A person works in many units: only services may."""
    return Resource()


class GrantApi:
    """The handlers."""

    def __init__(self, sessions: SessionStore) -> None:
        self.sessions = sessions

    def add_routes(self, app: web.Application) -> None:
        """All of this page."""
        app.router.add_delete("/api/grants/{grant_id}", self.withdraw)
        app.router.add_delete("/api/people/{actor}/sessions", self.end_person)

    @guarded(Action.REVOKE, resource=_whose_grant)
    async def withdraw(self, request: web.Request) -> web.Response:
        """DELETE /api/grants/{grant_id}."""
        await self.sessions.end_grant(request.match_info["grant_id"], "ended_elsewhere")
        return web.Response(status=204)

    @guarded(Action.REVOKE, resource=_nobodys)
    async def end_person(self, request: web.Request) -> web.Response:
        """DELETE /api/people/{actor}/sessions."""
        if not await self.sessions.end_person(request.match_info["actor"], "ended_elsewhere"):
            raise HttpError("not_found")
        return web.Response(status=204)
