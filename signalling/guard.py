"""The guard before every HTTP route: who asks, may they, was it their own page that asked, and the audit log.

``guarded`` marks a handler with what it is for. An action of the table of permissions is decided by ``decide``; what is
``PUBLIC`` says why. The middleware ``refuse_unguarded`` lets no handler run that has no mark, and
``tests/signalling/test_permission_walk.py`` goes through all routes with every role.

Credentials, the first that is there: what the route's own ``authenticate`` makes of the request, a service token
(``Authorization: Bearer``), the session cookie. A request with the cookie that may change something needs the session's
``X-CSRF-Token``, and must not come from another site's page.
"""

import functools
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar, cast

import structlog
from aiohttp import web

from auth.audit import AuditEntry, entry_of
from auth.permissions import NOTHING, TABLE, Action, Decision, Resource, decide, own_resource
from auth.principal import Principal
from auth.proxies import ProxyDirectory
from auth.session_store import SessionStore
from auth.sessions import Session
from auth.tokens import TokenError, TokenKeys
from signalling.http_errors import HttpError, HttpErrorCode
from signalling.metrics import FrontMetrics
from signalling.requests import CALLER, bearer, client_address, is_from_own_page
from signalling.session_cookies import BACKGROUND_HEADER, CSRF_HEADER, is_csrf_token_right, session_secret

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Public:
    """A route that anybody may ask, and why that is right."""

    why: str


PAGES: Final = Public("Pages and files of the web client; they hold no data.")

PRINCIPAL: Final = web.RequestKey("principal", Principal)
SESSION: Final = web.RequestKey("session", Session)
REQUEST_ID: Final = web.RequestKey("request_id", str)
"""Ties an entry of the audit log to the lines of the application's log."""

Authenticate = Callable[[Any, web.Request], Awaitable[Principal]]
"""Makes a principal of credentials that only one route takes; gets the handler's object; raises ``HttpError``."""
ResourceOf = Callable[[Any, web.Request], Awaitable[Resource | None]]
"""What a request is about, from stored data; gets the handler's object. None: there is no such thing."""


async def _mine(_api: Any, request: web.Request) -> Resource | None:
    return own_resource(principal_of(request))


MINE: Final[ResourceOf] = _mine
"""For lists: the patient concerned, the chosen unit."""


@dataclass(frozen=True)
class GuardSpec:
    """What a route is for."""

    action: Action | Public
    resource: ResourceOf | None = None
    authenticate: Authenticate | None = None
    is_decided_elsewhere: bool = False
    """Another of our processes knows what the request is about: it decides about that, and writes the audit log. Here
    stays what can be told without: the session, our own page, the role, the login's strength, a proxy's scope."""
    from_anywhere: bool = False
    """Unsafe methods of a public route that other machines or other sites' pages may call."""


_Handler = TypeVar("_Handler", bound=Callable[..., Awaitable[web.StreamResponse]])
_SPEC: Final = "guard_spec"


def guarded(
    action: Action | Public,
    *,
    resource: ResourceOf | None = None,
    authenticate: Authenticate | None = None,
    is_decided_elsewhere: bool = False,
    from_anywhere: bool = False,
) -> Callable[[_Handler], _Handler]:
    """Put the guard before a handler: a function of the request, or a method.

    ``resource`` finds what the request is about; without it the action concerns nothing in particular. It gets the
    method's object and the request, whose ``principal_of`` is known by then.
    """
    spec = GuardSpec(action, resource, authenticate, is_decided_elsewhere, from_anywhere)

    def decorate(handler: _Handler) -> _Handler:
        @functools.wraps(handler)
        async def guarded_handler(*arguments: Any) -> web.StreamResponse:
            request: web.Request = arguments[-1]
            await request.app[GUARD].admit(spec, request, arguments[0] if len(arguments) > 1 else None)
            return await handler(*arguments)

        setattr(guarded_handler, _SPEC, spec)
        return cast("_Handler", guarded_handler)

    return decorate


def spec_of(handler: object) -> GuardSpec | None:
    """What a handler was marked with."""
    spec = getattr(handler, _SPEC, None)
    return spec if isinstance(spec, GuardSpec) else None


def principal_of(request: web.Request) -> Principal:
    """Who asks, on a route with an action."""
    return request[PRINCIPAL]


def session_of(request: web.Request) -> Session:
    """The session that the request came with; ``HttpError`` when it came with something else."""
    if SESSION not in request:
        raise HttpError("not_logged_in")
    return request[SESSION]


class Guard:
    """Admits requests. ``record`` writes the audit log, and raises when it cannot."""

    def __init__(
        self,
        keys: TokenKeys,
        sessions: SessionStore,
        proxies: ProxyDirectory,
        record: Callable[[AuditEntry], Awaitable[None]],
        metrics: FrontMetrics,
        *,
        clock: Callable[[], float],
        public_origin: str = "",
        proxy_hops: int = 0,
    ) -> None:
        self._keys = keys
        self._sessions = sessions
        self._proxies = proxies
        self._record = record
        self._metrics = metrics
        self._clock = clock
        self._public_origin = public_origin
        self._proxy_hops = proxy_hops

    async def admit(self, spec: GuardSpec, request: web.Request, api: Any) -> None:
        """Let the request through to its handler, or raise ``HttpError``."""
        request[REQUEST_ID] = secrets.token_hex(8)
        structlog.contextvars.bind_contextvars(request_id=request[REQUEST_ID])
        CALLER.set(client_address(request, self._proxy_hops))
        try:
            if isinstance(spec.action, Public):
                if request.method not in SAFE_METHODS and not spec.from_anywhere:
                    self._require_own_page(request)
                return
            await self._admit(spec, spec.action, request, api)
        except HttpError as error:
            self._metrics.http_refusals.labels(error.cause).inc()
            raise

    async def find_session(self, request: web.Request) -> Session | None:
        """The session of the request's cookie, if it has one that lives. Safe methods of public routes may ask."""
        secret = session_secret(request)
        return None if secret is None else await self._sessions.find(secret, self._clock())

    async def find_principal(self, request: web.Request, *, is_use: bool = True) -> Principal | None:
        """Who is logged in; ``is_use``: somebody does something there just now (sockets live on by themselves)."""
        secret = session_secret(request)
        session = None if secret is None else await self._sessions.find(secret, self._clock(), is_use=is_use)
        return None if session is None else await self._current(session)

    async def note(self, request: web.Request, action: Action, resource: Resource, *, what: str | None = None) -> None:
        """Write one more use of patient data into the audit log: for handlers whose answer is about several."""
        await self._audit(request, action, Decision(True, "allowed"), resource, what)

    async def _admit(self, spec: GuardSpec, action: Action, request: web.Request, api: Any) -> None:
        request[PRINCIPAL] = principal = await self._identify(spec, request, api)
        if not any(role in principal.roles for role, _ in TABLE[action].allowed):
            # Before anything is looked up: who may never do this learns of nothing whether it exists.
            await self._refuse(request, action, Decision(False, "role"), NOTHING, is_named=False)
        resource: Resource | None = NOTHING
        if spec.is_decided_elsewhere:  # who may not do it with what is their own may do it with nothing
            resource = own_resource(principal)
        if spec.resource is not None:
            resource = await spec.resource(api, request)
        if resource is None:
            raise HttpError("not_found", cause="not_found")
        decision = decide(principal, action, resource)
        if not decision:
            await self._refuse(request, action, decision, resource, is_named=spec.resource is not None)
        if TABLE[action].is_audited and not spec.is_decided_elsewhere:
            await self._audit(request, action, decision, resource)

    async def _identify(self, spec: GuardSpec, request: web.Request, api: Any) -> Principal:
        if spec.authenticate is not None:
            return await spec.authenticate(api, request)
        if "Authorization" in request.headers:
            return self._service(request)
        secret = session_secret(request)
        is_use = BACKGROUND_HEADER not in request.headers
        session = None if secret is None else await self._sessions.find(secret, self._clock(), is_use=is_use)
        if secret is None or session is None:
            raise HttpError("not_logged_in", cause="not_logged_in" if secret is None else "session_ended")
        if request.method not in SAFE_METHODS:
            self._require_own_page(request)
            if not is_csrf_token_right(secret, request.headers.get(CSRF_HEADER, "")):
                raise HttpError("csrf", cause="csrf")
        request[SESSION] = session
        return await self._current(session)

    async def _current(self, session: Session) -> Principal:
        """The session's principal. A proxy's right is looked up each time: it can end in the middle of a session."""
        principal, acting = session.principal(), session.acting_for
        if acting is None:
            return principal
        relation = await self._proxies.relation(session.actor, acting.subject, self._clock())
        if relation is None:
            return replace(principal, proxy_scopes=frozenset())
        return replace(principal, proxy_scopes=relation.scopes, proxy_until=relation.valid_until)

    def _service(self, request: web.Request) -> Principal:
        try:
            claims = self._keys.check_service(bearer(request), now=self._clock())
        except TokenError as error:
            raise HttpError(error.code, cause=error.code) from None
        return service_principal(claims.service, claims.scopes, claims.token_id)

    def _require_own_page(self, request: web.Request) -> None:
        if not is_from_own_page(request, self._public_origin):
            raise HttpError("csrf", cause="other_site")

    async def _refuse(
        self, request: web.Request, action: Action, decision: Decision, resource: Resource, *, is_named: bool
    ) -> None:
        """What exists and is not theirs is not there for them; what their role may never do is forbidden."""
        if TABLE[action].is_audited:
            await self._audit(request, action, decision, resource)
        code: HttpErrorCode = "forbidden"
        if decision.cause == "acr":
            code = "login_too_weak"
        elif decision.cause == "relation" and is_named:
            code = "not_found"
        raise HttpError(code, cause=decision.cause)

    async def _audit(
        self,
        request: web.Request,
        action: Action,
        decision: Decision,
        resource: Resource,
        what: str | None = None,
    ) -> None:
        entry = entry_of(
            principal_of(request),
            action,
            decision,
            resource,
            at_ms=int(self._clock() * 1000),
            request_id=request[REQUEST_ID],
            address=client_address(request, self._proxy_hops),
            what=what,
        )
        await self._record(entry)


GUARD: Final = web.AppKey("guard", Guard)


def service_principal(name: str, scopes: frozenset[str], grant_id: str) -> Principal:
    """A program that showed a credential."""
    return Principal(
        kind="service",
        roles=frozenset({"service"}),
        actor=name,
        subject=None,
        display_name=name,
        proxy_scopes=frozenset(),
        commission=None,
        meeting_id=None,
        acr="",
        authenticated_at=0,
        grant_id=grant_id,
        service_scopes=scopes,
    )


@web.middleware
async def refuse_unguarded(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """No handler runs that nobody has decided about. That there is no such route needs no decision."""
    match = request.match_info
    if match.http_exception is None and spec_of(match.handler) is None:
        raise RuntimeError("a route without a guard")
    return await handler(request)
