"""HTTP of the front: rooms and tokens for other services, health, metrics, and the web client's files."""

import functools
import hmac
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field, ValidationError
from redis.exceptions import RedisError

from auth.audit_store import AuditUnavailableError
from auth.permissions import Action
from auth.principal import Principal
from auth.tokens import MAX_DISPLAY_NAME_CHARACTERS, MAX_IDENTITY_CHARACTERS, Scope, TokenKeys
from sfu.bus import RpcError
from sfu.registry import MAX_PARTICIPANTS, ProcessWatch, Registry
from signalling.guard import PAGES, Public, guarded, service_principal
from signalling.http_errors import HttpError, HttpErrorCode
from signalling.logs import place_of
from signalling.meeting_chats import MeetingChats
from signalling.meeting_closing import MeetingCloser
from signalling.metrics import FrontMetrics
from signalling.plain_pages import plain_page
from signalling.protocol import PROTOCOL_VERSION, Identifier, Message, Role
from signalling.requests import bearer, is_loopback
from signalling.routes import Route
from signalling.security_headers import COMMON_HEADERS, harden, html_headers
from signalling.settings import FrontSettings

_log = structlog.get_logger(__name__)

SCOPE_ROOMS: Final = "rooms:write"
HEALTH: Final = Public("Load balancers ask; it tells nothing but whether this front is useful.")
VERSION: Final = Public("What runs here is no secret.")
MAX_BODY_BYTES: Final = 16 * 1024
MAX_TOKEN_LIFETIME_S: Final = 7 * 24 * 3600

_PAGE_OF: Final = (
    (re.compile(r"meeting/[A-Za-z0-9_-]{1,64}"), "meeting"),
    (re.compile(r"cases/(?:new|case-[a-z2-7]{26})"), "cases"),
    (re.compile(r"portal/channel"), "channel"),
    (re.compile(r"portal/unit"), "unit"),
    (re.compile(r"portal/cases(?:/(?:new|case-[a-z2-7]{26}))?"), "inbox"),
)
"""Path -> the page that shows it: one file for all meetings, or all cases."""
"""One page serves every meeting; the id in its path is for the page's own script."""
NOT_FOUND_HTML: Final = """<h1>Sidan finns inte</h1><p>Kontrollera länken, eller be om en ny.</p>
<p lang="en">This page does not exist. Check the link, or ask for a new one.</p>
<a class="button" href="/">Till startsidan <span lang="en">To the start page</span></a>"""


class CreateRoom(Message):
    """Create a room, or change the name and limit of one that exists."""

    room_id: Identifier | None = Field(default=None, description="Random when left out.")
    name: Annotated[str, Field(min_length=1, max_length=128)] = Field(description="Shown to participants.")
    max_participants: Annotated[int, Field(ge=1, le=MAX_PARTICIPANTS)] | None = Field(
        default=None, description="Left out: `ALLTID_MAX_PARTICIPANTS`."
    )


class RoomCreated(Message):
    """The room."""

    room_id: Identifier
    name: str
    max_participants: int


class CreateToken(Message):
    """Make a meeting token for one person and one room."""

    identity: Annotated[str, Field(min_length=1, max_length=MAX_IDENTITY_CHARACTERS)] = Field(
        description="Who it is (`sub`): one connected participant per identity and room."
    )
    display_name: Annotated[str, Field(min_length=1, max_length=MAX_DISPLAY_NAME_CHARACTERS)] = Field(
        description="The name others see."
    )
    role: Role
    lifetime_s: Annotated[int, Field(ge=1, le=MAX_TOKEN_LIFETIME_S)] = Field(
        default=3600, description="For how many seconds one can join with it."
    )
    admitted: bool = Field(default=True, description="False: the holder waits until a host lets them in.")
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=3)] = Field(
        default=["join"], description="What it is for: the socket, WHIP, WHEP."
    )


class TokenCreated(Message):
    """The token."""

    token: str
    expires_at: int = Field(description="Seconds since the epoch.")
    path: str = Field(description="Path and fragment of the meeting page with this token.")


ROUTES: Final = (
    Route("GET", "/healthz", HEALTH, "200 while this front reaches Redis and a media worker lives, else 503.",
          statuses=(200, 503)),
    Route("GET", "/metrics", Action.STATS_READ,
          "Prometheus metrics, for this machine, or for `Bearer <ALLTID_METRICS_TOKEN>` when that is set."),
    Route("GET", "/api/version", VERSION, "Version of the service and of the wire protocol."),
    Route("POST", "/api/rooms", Action.ROOM_WRITE, CreateRoom.__doc__ or "", CreateRoom, RoomCreated, (200, 201, 400)),
    Route("POST", "/api/rooms/{room_id}/tokens", Action.ROOM_WRITE, CreateToken.__doc__ or "", CreateToken,
          TokenCreated, (201, 400, 404)),
    Route("DELETE", "/api/rooms/{room_id}", Action.ROOM_WRITE,
          "Close a room: everybody is told `closed`, its tokens lead nowhere.", statuses=(204, 404)),
    Route("GET", "/{path}", PAGES, "The web client's pages and files. A meeting token stands in the fragment of "
          "`/meeting#token=...` and is never sent here.", statuses=(200, 404)),
)  # fmt: skip

_Body = TypeVar("_Body", bound=Message)


class Http:
    """The handlers."""

    def __init__(
        self,
        settings: FrontSettings,
        keys: TokenKeys,
        registry: Registry,
        closer: MeetingCloser,
        chats: MeetingChats,
        watch: ProcessWatch,
        metrics: FrontMetrics,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._registry = registry
        self._closer = closer
        self._chats = chats
        self._watch = watch
        self._metrics = metrics
        self._clock = clock

    def add_routes(self, app: web.Application) -> None:
        """Everything but the socket's route."""
        app.router.add_get("/healthz", self.health)
        app.router.add_get("/metrics", self.metrics)
        app.router.add_get("/api/version", self.version)
        app.router.add_post("/api/rooms", self.create_room)
        app.router.add_post("/api/rooms/{room_id}/tokens", self.create_token)
        app.router.add_delete("/api/rooms/{room_id}", self.delete_room)
        app.router.add_get("/{path:.*}", self.static)

    # --- for people and machines that watch --------------------------------------------------------------------

    @guarded(HEALTH)
    async def health(self, _request: web.Request) -> web.Response:
        """Is this front useful now?"""
        try:
            workers = len(await self._registry.live("worker"))
        except (RedisError, OSError):
            return web.json_response({"ok": False, "redis": False, "workers": 0}, status=503)
        return web.json_response({"ok": workers > 0, "redis": True, "workers": workers}, status=200 if workers else 503)

    async def _who_watches(self, request: web.Request) -> Principal:
        token = self._settings.metrics_token
        if token is not None:
            allowed = hmac.compare_digest(bearer(request), token.get_secret_value())
        else:
            allowed = is_loopback(request.remote) and "X-Forwarded-For" not in request.headers
        if not allowed:
            raise HttpError("token_invalid")
        return service_principal("metrics", frozenset({"stats:read"}), "metrics")

    @guarded(Action.STATS_READ, authenticate=_who_watches)
    async def metrics(self, _request: web.Request) -> web.Response:
        """Prometheus metrics, for this machine or for who has the token."""
        self._metrics.workers_alive.set(len(self._watch.alive))
        body = generate_latest(self._metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    @guarded(VERSION)
    async def version(self, _request: web.Request) -> web.Response:
        """Versions."""
        return web.json_response({"version": package_version(), "protocol": PROTOCOL_VERSION})

    # --- for services ------------------------------------------------------------------------------------------

    @guarded(Action.ROOM_WRITE)
    async def create_room(self, request: web.Request) -> web.Response:
        """POST /api/rooms."""
        body = await read_body(request, CreateRoom)
        room_id = body.room_id or secrets.token_urlsafe(12)
        limit = body.max_participants or self._settings.max_participants
        is_new = await self._registry.create_room(room_id, body.name, limit)
        if is_new:
            await self._chats.open(room_id)
        reply = RoomCreated(room_id=room_id, name=body.name, max_participants=limit)
        return web.json_response(reply.model_dump(), status=201 if is_new else 200)

    @guarded(Action.ROOM_WRITE)
    async def create_token(self, request: web.Request) -> web.Response:
        """POST /api/rooms/{room_id}/tokens."""
        body = await read_body(request, CreateToken)
        room_id = request.match_info["room_id"]
        if await self._registry.room(room_id) is None:
            raise HttpError("unknown_room")
        now = self._clock()
        token = self._keys.sign_meeting(
            identity=body.identity,
            display_name=body.display_name,
            room_id=room_id,
            role=body.role,
            now=now,
            lifetime_s=body.lifetime_s,
            admitted=body.admitted,
            scopes=frozenset(body.scopes),
        )
        reply = TokenCreated(token=token, expires_at=int(now) + body.lifetime_s, path=f"/meeting#token={token}")
        return web.json_response(reply.model_dump(), status=201)

    @guarded(Action.ROOM_WRITE)
    async def delete_room(self, request: web.Request) -> web.Response:
        """DELETE /api/rooms/{room_id}: the people, the key, and the chat."""
        if not await self._closer.close_room(request.match_info["room_id"]):
            raise HttpError("unknown_room")
        return web.Response(status=204)

    # --- the web client ----------------------------------------------------------------------------------------

    @guarded(PAGES)
    async def static(self, request: web.Request) -> web.StreamResponse:
        """A file of the built web client, the page of a meeting or a case, or the 404 page."""
        root = self._settings.web_root.resolve()
        name = request.match_info["path"].rstrip("/") or "index"
        name = next((page for path, page in _PAGE_OF if path.fullmatch(name)), name)
        for candidate in (name, f"{name}.html", f"{name}/index.html"):
            path = _inside(root, candidate)
            if path is not None:
                return _file(path, request.host, is_hashed=candidate.startswith("assets/"))
        return plain_page(404, "Sidan finns inte", NOT_FOUND_HTML)


@functools.cache
def package_version() -> str:
    """The installed version of this service."""
    try:
        return version("alltid-oppet")
    except PackageNotFoundError:
        return "0"


@web.middleware
async def errors_and_headers(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Errors as JSON without traces, and the security headers on everything."""
    try:
        response = await handler(request)
    except HttpError as error:
        response = error.response()
    except web.HTTPException as error:
        code: HttpErrorCode = "not_found" if error.status == 404 else "invalid_request"
        response = HttpError(code).response()
        response.set_status(error.status)
    except (RpcError, RedisError, AuditUnavailableError, OSError) as error:
        _log.warning("http_unavailable", error=type(error).__name__)
        response = HttpError("unavailable").response()
    except Exception as error:  # no trace leaves the house
        _log.error("http_failed", exception=place_of(error))
        response = HttpError("internal").response()
    if response.prepared:
        return response
    harden(request, response)
    return response


def _file(path: Path, host: str, *, is_hashed: bool) -> web.FileResponse:
    """Files whose names carry a hash of their content never change; all others are asked for again."""
    cache = "public, max-age=31536000, immutable" if is_hashed else "no-cache"
    headers = {"Cache-Control": cache}
    if path.suffix == ".html":  # FileResponse finds its type only while sending: too late for the middleware
        headers |= {"Content-Type": "text/html; charset=utf-8", **html_headers(host)}
    return web.FileResponse(path, headers=headers | COMMON_HEADERS)


def _inside(root: Path, name: str) -> Path | None:
    """The regular file ``name`` below ``root``; None when there is none, or the name leads outside."""
    if not name or "\0" in name or any(part.startswith(".") for part in name.split("/")):
        return None
    try:
        path = (root / name).resolve()
        return path if path.is_relative_to(root) and path.is_file() else None
    except (OSError, ValueError):  # names that are too long
        return None


async def read_body(request: web.Request, model: type[_Body]) -> _Body:
    """The body as a strict model; ``HttpError`` names the first field that is wrong."""
    try:
        document: Any = json.loads(await request.read())
        return model.model_validate(document)
    except ValidationError as error:
        location = error.errors(include_url=False, include_input=False)[0]["loc"]
        field = str(location[0]) if location and location[0] in model.model_fields else None
        raise HttpError("invalid_request", field) from None
    except (ValueError, RecursionError):
        raise HttpError("invalid_request") from None
