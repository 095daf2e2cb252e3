"""Who asks, may they, and what the audit log says about it.

Each route asks for a ``Caller`` with ``asks(action)``; what anybody may ask says ``public(why)``. So every route has an
action of the table of permissions (``auth.permissions``), and ``tests/companion/test_permission_walk.py`` goes through
all of them. The guard refuses roles that may never do it before anything is looked up. Whoever loads the thing that is
asked about then calls ``Caller.require`` with its resource; what is not theirs is told from what does not exist by
nobody: both are 404.
"""

import ipaddress
import secrets
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, cast

import structlog
from fastapi import Depends, Request

from auth.audit import AuditEntry, entry_of
from auth.permissions import NOTHING, TABLE, Action, Decision, Resource, decide
from auth.principal import Principal
from auth.principal_tokens import check_principal
from auth.tokens import TokenError
from companion.errors import FORBIDDEN, NOT_FOUND, NOT_LOGGED_IN, Problem, ProblemKind
from companion.services import Services
from companion.transaction import Transaction

_SCHEME: Final = "bearer "


@dataclass(frozen=True)
class Caller:
    """Somebody who asks for something on a route with an action."""

    principal: Principal
    action: Action
    services: Services
    request_id: str
    address: str | None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A transaction that writes."""
        async with self.services.database.transaction(self.services.clock()) as transaction:
            yield transaction

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """A transaction that reads what needs no audit entry."""
        async with self.services.database.reading(self.services.clock()) as transaction:
            yield transaction

    def doing(self, action: Action) -> "Caller":
        """The same caller, about to do something else on the way."""
        return replace(self, action=action)

    def require(self, transaction: Transaction, resource: Resource | None, *, what: str | None = None) -> None:
        """Let them, and note it in the audit log when the rule says so; ``RefusedError`` or 404 otherwise.

        ``resource`` is filled from what is stored; None: there is no such thing. ``what`` names it in the audit log.
        """
        if resource is None:
            raise Problem(NOT_FOUND)
        decision = decide(self.principal, self.action, resource)
        if not decision:
            raise RefusedError(decision, self.entry(transaction, decision, resource, what))
        if TABLE[self.action].is_audited:
            transaction.audit.append(self.entry(transaction, decision, resource, what))

    def may(self, resource: Resource, action: Action | None = None) -> bool:
        """Whether they might, without a trace: for what is shown beside something else."""
        return bool(decide(self.principal, action or self.action, resource))

    def entry(
        self, transaction: Transaction, decision: Decision, resource: Resource, what: str | None = None
    ) -> AuditEntry:
        """An entry of the audit log about this request."""
        return entry_of(
            self.principal,
            self.action,
            decision,
            resource,
            at_ms=int(transaction.now.timestamp() * 1000),
            request_id=self.request_id,
            address=self.address,
            what=what,
        )


_CAUSES: Final[dict[str, ProblemKind]] = {"relation": NOT_FOUND, "not_logged_in": NOT_LOGGED_IN}


class RefusedError(Problem):
    """A decision against the caller. Its entry is written in a transaction of its own: the request's is undone."""

    def __init__(self, decision: Decision, entry: AuditEntry | None) -> None:
        super().__init__(_CAUSES.get(decision.cause, FORBIDDEN))
        self.decision = decision
        self.entry = entry


@dataclass(frozen=True)
class Guard:
    """The dependency that makes a ``Caller``. FastAPI finds it in each route; so does the test that walks them."""

    action: Action

    async def __call__(self, request: Request) -> Caller:
        """Who asks; roles that may never do this are refused before anything is looked up."""
        services: Services = request.app.state.services
        principal = identify(services, request.headers.get("authorization", ""))
        request_id = request.state.request_id
        caller = Caller(principal, self.action, services, request_id, address_of(request))
        if not any(role in principal.roles for role, _ in TABLE[self.action].allowed):
            decision = Decision(False, "role")
            async with caller.reading() as transaction:
                entry = caller.entry(transaction, decision, NOTHING) if TABLE[self.action].is_audited else None
            raise RefusedError(decision, entry)
        return caller


def identify(services: Services, authorization: str) -> Principal:
    """The principal of an ``Authorization`` header; 401 when there is none that holds."""
    if not authorization.lower().startswith(_SCHEME):
        raise Problem(NOT_LOGGED_IN)
    try:
        token = authorization[len(_SCHEME) :].strip()
        return check_principal(services.token_keys, token, now=services.clock().timestamp())
    except TokenError:
        raise Problem(NOT_LOGGED_IN) from None


def address_of(request: Request) -> str | None:
    """Where the request comes from: as the front says, which alone can sign a principal; else who is connected."""
    try:
        return str(ipaddress.ip_address(request.headers.get("x-client-address", "")))
    except ValueError:
        return request.client.host if request.client else None


def asks(action: Action) -> Any:
    """The dependency of a route that does ``action``."""
    return Depends(Guard(action))


@dataclass(frozen=True)
class Public:
    """A route that anybody may ask, and why that is right."""

    why: str

    async def __call__(self, request: Request) -> Services:
        """The services."""
        return cast("Services", request.app.state.services)


def public(why: str) -> Any:
    """The dependency of a route that anybody may ask."""
    return Depends(Public(why))


def guards_of(route: Any) -> list[Guard | Public]:
    """The guards of a route of the application."""
    found: list[Guard | Public] = []
    waiting: list[Any] = [route.dependant] if hasattr(route, "dependant") else []
    while waiting:
        dependant = waiting.pop()
        if isinstance(dependant.call, Guard | Public):
            found.append(dependant.call)
        waiting.extend(dependant.dependencies)
    return found


def bind_request(scope: MutableMapping[str, Any], random: Callable[[int], str] = secrets.token_hex) -> str:
    """Give a request its id, which ties the audit log to the application's log; ``request.state.request_id``."""
    request_id = random(8)
    scope.setdefault("state", {})["request_id"] = request_id
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return request_id
