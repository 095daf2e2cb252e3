"""docs/http.md: every route of a front, with who may, from the routes' own descriptions and the permissions' table."""

import typing
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any, Final

from auth.permissions import TABLE
from chat.errors import LIMITS
from signalling import (
    care_api,
    case_part,
    companion_part,
    contact_api,
    front,
    grant_api,
    http_api,
    login_api,
    meeting_routes,
    notice_api,
    person_data_api,
    portal_api,
    proxy_api,
    session_api,
    smart_api,
)
from signalling.guard import Public
from signalling.http_errors import HTTP_ERRORS
from signalling.protocol import Message
from signalling.reference import NOTICE, fields_table, table
from signalling.routes import Route
from signalling.session_cookies import BACKGROUND_HEADER, CSRF_HEADER, SESSION_COOKIE

_INTRODUCTION: Final = f"""
# HTTP of the front

Bodies are JSON; unknown fields are refused. A refusal is `{{"error": {{"code", "field"?, "limit"?}}}}`;
[`limit`](#limits) is `{{"of", "most"}}`: what there was too much of, and how much of it there may be.

- **Sessions** are for people: the cookie `{SESSION_COOKIE}`, got by a login or a portal link. With it, everything but
  GET needs the header `{CSRF_HEADER}` (from `GET /api/session`) and must come from a page of ours. What a page asks
  by itself, again and again, carries `{BACKGROUND_HEADER}`: it does not keep the session alive.
- **Service tokens** are for programs: JWTs (HS256) with audience `alltid-oppet:service`, signed with one of
  `ALLTID_TOKEN_KEYS`, as `Authorization: Bearer`. `alltid-oppet service-token NAME` prints one.

Who may what stands in [permissions](permissions.md). Who may not gets 401 without a session or token, 403 when the role
never may, and 404 when the thing exists and is not theirs. These refusals are not repeated below.
"""

_CARE: Final = """\
The companion's routes for people, asked through the front: [companion.md](companion.md) has them with what they take
and give, `signalling/care_table.py` the list of those that pages reach (all but what only programs do). They are asked
with the session, without the companion's tokens. `Idempotency-Key` and `Accept-Language` are passed on. What the
companion refuses is `application/problem+json`; what the front refuses looks as above. PDF and iCalendar are downloads.
Public routes need no login; their answers may be a few seconds old (`Age`), or older while the companion is away.
"""


def http_document() -> str:
    """docs/http.md."""
    parts = [NOTICE, _INTRODUCTION]
    routes = documented_routes()
    for route in (one for one in routes if one not in care_api.ROUTES):
        parts.append(f"\n## {route.method} {route.path}\n\n{' '.join(route.summary.split())}\n")
        parts.append(f"\nWho may: {_who_may(route)}.\n")
        if route.body is not None:
            parts.append(f"\nBody:\n\n{fields_table(route.body)}")
        if route.reply is not None:
            parts.append(f"\nReply:\n\n{fields_table(route.reply)}")
        statuses = ", ".join(f"{status} {HTTPStatus(status).phrase}" for status in route.statuses)
        parts.append(f"\nStatuses: {statuses}.\n")
    parts.append(f"\n## Below {care_api.PREFIX}\n\n{_CARE}\n")
    parts.append("\n## Parts of bodies and replies\n")
    for model in _parts(routes):
        text = " ".join((model.__doc__ or "").split())
        parts.append(f"\n### `{model.__name__}`\n\n{text}\n\n{fields_table(model)}")
    parts.append("\n## Error codes\n\n")
    rows = ((f"`{code}`", str(status), text) for code, (status, text) in HTTP_ERRORS.items())
    parts.append(table(("Code", "Status", "Meaning"), rows))
    parts.append("\n## Limits\n\n")
    parts.append(table(("`of`", "What `most` counts"), ((f"`{of}`", text) for of, text in LIMITS.items())))
    return "".join(parts)


def documented_routes() -> tuple[Route, ...]:
    """Every route of a front."""
    return (
        *login_api.ROUTES,
        *session_api.ROUTES,
        *proxy_api.ROUTES,
        *grant_api.ROUTES,
        *meeting_routes.ROUTES,
        *portal_api.ROUTES,
        *case_part.ROUTES,
        *notice_api.ROUTES,
        *contact_api.ROUTES,
        *person_data_api.ROUTES,
        *smart_api.ROUTES,
        *companion_part.ROUTES,
        front.SOCKETS_ROUTE,
        *http_api.ROUTES,
    )


def _who_may(route: Route) -> str:
    if isinstance(route.action, Public):
        text = f"everybody. {route.action.why.removesuffix('.')}"
        return f"{text}; {route.auth}" if route.auth else text
    rule = TABLE[route.action]
    pairs = []
    for role, relation in rule.allowed:
        scope = f" `{rule.service_scope}`" if role == "service" and rule.service_scope else ""
        how = "" if relation == "anyone" else f" ({relation.replace('_', ' ')}{scope})"
        pairs.append(f"{role}{how}")
    credentials = f"; credentials: {route.auth}" if route.auth else ""
    audited = "; audited" if rule.is_audited else ""
    return f"action `{route.action}`: {', '.join(pairs)}{audited}{credentials}"


def _parts(routes: Iterable[Route]) -> list[type[Message]]:
    """The models inside bodies and replies, each once."""
    shown = [model for route in routes for model in (route.body, route.reply) if model is not None]
    found: dict[type[Message], None] = {}
    for model in shown:
        for inner in _inside(model):
            if inner not in shown:
                found[inner] = None
    return list(found)


def _inside(model: type[Message]) -> Iterator[type[Message]]:
    for field in model.model_fields.values():
        for inner in _models(field.annotation):
            yield inner
            yield from _inside(inner)


def _models(annotation: Any) -> Iterator[type[Message]]:
    if isinstance(annotation, type) and issubclass(annotation, Message):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)
