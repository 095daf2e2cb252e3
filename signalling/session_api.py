"""The session over HTTP: who is logged in, as whom, with which commission; logging out here and everywhere."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Final, Literal

from aiohttp import web
from pydantic import Field

from auth.login import Logins
from auth.permissions import Action, Resource
from auth.principal import Commission, ProxyScope, Role
from auth.proxies import ProxyDirectory, ProxyRelation
from auth.session_store import SessionGoneError, SessionStore
from auth.sessions import ActingFor, Session, csrf_token
from auth.staff_roles import RolesUnknownError
from chat.events import alias
from signalling.guard import GUARD, guarded, session_of
from signalling.http_api import read_body
from signalling.http_errors import HttpError
from signalling.protocol import Message
from signalling.requests import own_origin
from signalling.routes import Route
from signalling.session_cookies import clear_session, session_secret, set_session
from signalling.settings import FrontSettings


class CommissionView(Message):
    """A commission (medarbetaruppdrag)."""

    commission_hsa_id: str
    unit_hsa_id: str = Field(description="The care unit.")
    provider_hsa_id: str = Field(description="The care provider that the unit belongs to.")
    name: str = Field(description="Unit and commission, to show.")
    roles: list[Role]


class ActingForView(Message):
    """For whom a proxy acts."""

    subject: str = Field(description="Person id.")
    name: str
    scopes: list[ProxyScope] = Field(description="Empty: the right to act has ended.")


class ProxyView(Message):
    """Somebody for whom the person may act."""

    subject: str = Field(description="Person id.")
    name: str
    kind: Literal["guardian", "grant"]
    scopes: list[ProxyScope]
    valid_until: int = Field(description="Seconds since the epoch.")


class SessionView(Message):
    """Who is logged in."""

    kind: Literal["patient", "staff"]
    person_key: str = Field(
        description="Opaque; the same at each login of the person: what a browser keeps for them alone stands under it."
    )
    display_name: str
    roles: list[Role]
    acting_for: ActingForView | None
    proxies: list[ProxyView] = Field(description="For whom a patient may act.")
    commission: CommissionView | None = Field(description="The chosen one; staff without one choose first.")
    commissions: list[CommissionView]
    csrf_token: str = Field(description="To be sent as `X-CSRF-Token` with everything but GET; new after each change.")
    authenticated_at: int = Field(description="Seconds since the epoch.")
    expires_at: int = Field(description="When the session ends if nothing is asked, in seconds since the epoch.")
    ends_at: int = Field(description="When it ends whatever is asked, in seconds since the epoch.")


class ChooseCommission(Message):
    """Choose one of one's commissions. The cookie and the CSRF token change."""

    commission_hsa_id: Annotated[str, Field(min_length=1, max_length=64)]


class ActAs(Message):
    """Begin to act for somebody (`subject`: a person id of `proxies`), or stop (`null`). Cookie and token change."""

    subject: Annotated[str, Field(min_length=1, max_length=64)] | None


class LoggedOut(Message):
    """The session has ended, here and in running meetings."""

    end_session_url: str | None = Field(description="Go there to end the identity provider's session too.")


class OneSession(Message):
    """One of the person's sessions."""

    grant_id: str
    is_this: bool = Field(description="The one that asks.")
    authenticated_at: int
    seen_at: int = Field(description="Seconds since the epoch, to a minute or so.")


class SessionList(Message):
    """The person's sessions, the newest first."""

    sessions: list[OneSession]


ROUTES: Final = (
    Route("GET", "/api/session", Action.SESSION_READ, "Who is logged in.", reply=SessionView),
    Route(
        "POST", "/api/session/commission", Action.SESSION_CHOOSE_COMMISSION, ChooseCommission.__doc__ or "",
        ChooseCommission, SessionView, (200, 400, 404, 503),
    ),
    Route(
        "POST", "/api/session/proxy", Action.SESSION_ACT_AS, ActAs.__doc__ or "", ActAs, SessionView, (200, 400, 404)
    ),
    Route("DELETE", "/api/session", Action.SESSION_END, "Log out.", reply=LoggedOut),
    Route("GET", "/api/sessions", Action.SESSION_READ, "All sessions of the person.", reply=SessionList),
    Route(
        "DELETE", "/api/sessions/{grant_id}", Action.SESSION_END,
        "End one of the person's sessions, or with `others` all but this one.", statuses=(204, 404),
    ),
)  # fmt: skip


class SessionApi:
    """The handlers."""

    def __init__(
        self,
        settings: FrontSettings,
        sessions: SessionStore,
        logins: Logins,
        proxies: ProxyDirectory,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._logins = logins
        self._proxies = proxies
        self._clock = clock

    def add_routes(self, app: web.Application) -> None:
        """All of this page."""
        app.router.add_get("/api/session", self.read)
        app.router.add_post("/api/session/commission", self.choose_commission)
        app.router.add_post("/api/session/proxy", self.act_as)
        app.router.add_delete("/api/session", self.end)
        app.router.add_get("/api/sessions", self.list_all)
        app.router.add_delete("/api/sessions/{grant_id}", self.end_one)

    @guarded(Action.SESSION_READ)
    async def read(self, request: web.Request) -> web.Response:
        """GET /api/session."""
        return web.json_response(await self._view(session_of(request), session_secret(request) or ""))

    @guarded(Action.SESSION_CHOOSE_COMMISSION)
    async def choose_commission(self, request: web.Request) -> web.Response:
        """POST /api/session/commission."""
        body = await read_body(request, ChooseCommission)
        session = session_of(request)
        chosen = [item for item in session.commissions if item.commission_hsa_id == body.commission_hsa_id]
        if not chosen:
            raise HttpError("not_found", "commission_hsa_id")
        try:
            commission = await self._logins.chosen(session, chosen[0])
        except RolesUnknownError:
            raise HttpError("unavailable", cause="roles_unknown") from None
        if not commission.roles:
            raise HttpError("not_found", "commission_hsa_id")
        commissions = tuple(commission if item == chosen[0] else item for item in session.commissions)
        return await self._rotated(request, replace(session, commissions=commissions, commission=commission))

    @guarded(Action.SESSION_ACT_AS)
    async def act_as(self, request: web.Request) -> web.Response:
        """POST /api/session/proxy."""
        body = await read_body(request, ActAs)
        session = session_of(request)
        acting = None
        if body.subject is not None:
            relation = await self._proxies.relation(session.actor, body.subject, self._clock())
            if relation is None:
                raise HttpError("not_found", "subject")
            acting = ActingFor(relation.subject_person_id, relation.subject_name, relation.scopes)
            about = Resource(patient_person_id=relation.subject_person_id)
            await request.app[GUARD].note(request, Action.SESSION_ACT_AS, about)
        return await self._rotated(request, replace(session, acting_for=acting))

    @guarded(Action.SESSION_END)
    async def end(self, request: web.Request) -> web.Response:
        """DELETE /api/session."""
        session = session_of(request)
        await self._sessions.end_grant(session.grant_id, "logout")
        home = own_origin(request, self._settings.public_url) + ("/portal" if session.kind == "staff" else "/")
        reply = LoggedOut(end_session_url=await self._logins.end_session_url(session, home))
        response = web.json_response(reply.model_dump())
        clear_session(response)
        return response

    @guarded(Action.SESSION_READ)
    async def list_all(self, request: web.Request) -> web.Response:
        """GET /api/sessions."""
        own = session_of(request)
        found = [
            OneSession(
                grant_id=session.grant_id,
                is_this=session.grant_id == own.grant_id,
                authenticated_at=session.authenticated_at,
                seen_at=session.seen_at,
            )
            for session in await self._sessions.of_person(own.actor, self._clock())
        ]
        return web.json_response(SessionList(sessions=found).model_dump())

    @guarded(Action.SESSION_END)
    async def end_one(self, request: web.Request) -> web.Response:
        """DELETE /api/sessions/{grant_id}."""
        own = session_of(request)
        grant_id = request.match_info["grant_id"]
        if grant_id == "others":
            await self._sessions.end_person(own.actor, "ended_elsewhere", but=own.grant_id)
            return web.Response(status=204)
        session = await self._sessions.of_grant(grant_id)
        if session is None or session.actor != own.actor:
            raise HttpError("not_found")
        await self._sessions.end_grant(grant_id, "ended_elsewhere")
        return web.Response(status=204)

    async def _rotated(self, request: web.Request, changed: Session) -> web.Response:
        try:
            secret = await self._sessions.rotate(session_secret(request) or "", changed)
        except SessionGoneError:
            raise HttpError("not_logged_in", cause="session_ended") from None
        response = web.json_response(await self._view(changed, secret))
        set_session(response, secret)
        return response

    async def _view(self, session: Session, secret: str) -> dict[str, object]:
        relations: Sequence[ProxyRelation] = ()
        if session.kind == "patient":
            relations = await self._proxies.relations(session.actor, self._clock())
        acting, limits = session.acting_for, self._sessions.limits
        in_force = {relation.subject_person_id: relation.scopes for relation in relations}
        acting_for = None
        if acting is not None:
            scopes = sorted(in_force.get(acting.subject, frozenset()))
            acting_for = ActingForView(subject=acting.subject, name=acting.name, scopes=scopes)
        view = SessionView(
            kind=session.kind,
            person_key=alias("person", session.actor),
            display_name=session.display_name,
            roles=sorted(session.principal().roles),
            acting_for=acting_for,
            proxies=[_proxy(relation) for relation in relations],
            commission=_commission(session.commission) if session.commission else None,
            commissions=[_commission(item) for item in session.commissions],
            csrf_token=csrf_token(secret),
            authenticated_at=session.authenticated_at,
            expires_at=session.expires_at(limits),
            ends_at=session.created_at + limits.absolute_s,
        )
        return view.model_dump()


def _commission(item: Commission) -> CommissionView:
    return CommissionView(
        commission_hsa_id=item.commission_hsa_id,
        unit_hsa_id=item.unit_hsa_id,
        provider_hsa_id=item.provider_hsa_id,
        name=item.name,
        roles=sorted(item.roles),
    )


def _proxy(relation: ProxyRelation) -> ProxyView:
    return ProxyView(
        subject=relation.subject_person_id,
        name=relation.subject_name,
        kind=relation.kind,
        scopes=sorted(relation.scopes),
        valid_until=relation.valid_until,
    )
