"""What the companion tells of proxies (ombud): for whom somebody may act, from the custody register and from grants."""

import time
from collections.abc import Callable, Iterable
from datetime import date
from typing import Annotated, Final, Literal

from aiohttp import web
from pydantic import Field

from auth.permissions import Action, Resource
from auth.principal import PROXY_SCOPES, ProxyScope
from auth.proxies import (
    MAX_NAME_CHARACTERS,
    MAX_RELATIONS,
    ProxyDirectory,
    ProxyError,
    ProxyRelation,
    grant,
    guardian,
)
from auth.session_store import SessionStore
from signalling.guard import guarded
from signalling.http_api import read_body
from signalling.http_errors import HttpError
from signalling.protocol import Message
from signalling.routes import Route


class ProxyInput(Message):
    """Somebody for whom the person may act."""

    subject: Annotated[str, Field(min_length=1, max_length=64)] = Field(description="Person id.")
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARACTERS)]
    kind: Literal["guardian", "grant"]
    scopes: Annotated[list[ProxyScope], Field(min_length=1, max_length=3)]
    valid_until: int | None = Field(
        default=None,
        description="Seconds since the epoch. A grant must have it; a guardian's relation ends at the child's 13th "
        "birthday at 00:00 in Stockholm, or here if that is earlier.",
    )
    birth_date: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None = Field(
        default=None, description="The child's, `YYYY-MM-DD`: a guardian's relation must have it."
    )


class ReplaceProxies(Message):
    """Everybody for whom the person may act, in the place of all who were there. Who is lost is left at once."""

    relations: Annotated[list[ProxyInput], Field(max_length=MAX_RELATIONS)]


ROUTES: Final = (
    Route(
        "PUT", "/api/proxies/{person_id}", Action.PROXY_WRITE, ReplaceProxies.__doc__ or "", ReplaceProxies,
        statuses=(204, 400),
    ),
)  # fmt: skip


async def _whose(_api: "ProxyApi", request: web.Request) -> Resource:
    return Resource(patient_person_id=request.match_info["person_id"])


class ProxyApi:
    """The handlers."""

    def __init__(
        self, proxies: ProxyDirectory, sessions: SessionStore, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._proxies = proxies
        self._sessions = sessions
        self._clock = clock

    def add_routes(self, app: web.Application) -> None:
        """All of this page."""
        app.router.add_put("/api/proxies/{person_id}", self.replace)

    @guarded(Action.PROXY_WRITE, resource=_whose)
    async def replace(self, request: web.Request) -> web.Response:
        """PUT /api/proxies/{person_id}."""
        body = await read_body(request, ReplaceProxies)
        person_id, now = request.match_info["person_id"], self._clock()
        try:
            relations = [relation_of(item) for item in body.relations]
            await replace_relations(self._proxies, self._sessions, person_id, relations, now)
        except ProxyError as error:
            raise HttpError("invalid_request", error.code) from None
        return web.Response(status=204)


async def replace_relations(
    proxies: ProxyDirectory, sessions: SessionStore, person_id: str, relations: Iterable[ProxyRelation], now: float
) -> None:
    """Put these in the place of all that were there; whoever acts for somebody they lose stops at once."""
    lost = await proxies.replace(person_id, relations, now)
    for session in await sessions.of_person(person_id, now) if lost else ():
        if session.acting_for is not None and session.acting_for.subject in lost:
            await sessions.end_grant(session.grant_id, "proxy_ended")


def relation_of(item: ProxyInput) -> ProxyRelation:
    """The relation that was told of; ``ProxyError`` when it cannot be. What a guardian may is not for others to say."""
    if item.kind == "grant":
        if item.birth_date is not None:
            raise ProxyError("birth_date")
        if item.valid_until is None:
            raise ProxyError("valid_until")
        return grant(item.subject, item.name, scopes=item.scopes, valid_until=item.valid_until)
    try:
        birth_date = date.fromisoformat(item.birth_date or "")
    except ValueError:
        raise ProxyError("birth_date") from None
    if frozenset(item.scopes) != PROXY_SCOPES:
        raise ProxyError("scopes")
    return guardian(item.subject, item.name, birth_date=birth_date, valid_until=item.valid_until)
