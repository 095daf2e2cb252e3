"""Media for standard clients: WHIP (RFC 9725) to publish, WHEP (draft-ietf-wish-whep) to watch.

The bearer token is a meeting token with the scope ``whip`` or ``whep``. Whoever comes this way is a participant like
any other, seen by all, admitted or not, removed and revoked the same way; only there is no socket.
"""

import secrets
import time
from collections.abc import Callable
from typing import Any, Final, Literal

from aiohttp import web

from auth.permissions import Action, Resource
from auth.principal import Principal
from auth.turn import TurnServer
from rtc.sdp import Offer, SdpError, parse_offer
from sfu.bus import RpcError
from sfu.client import JoinRequest, JoinResult, MediaClient, Seat
from signalling.entry import Entry, RefusedError, Ticket, principal_of, resource_of
from signalling.guard import Public, guarded
from signalling.http_errors import HttpError
from signalling.limits import Buckets
from signalling.protocol import MAX_OFFER_CHARACTERS, Source
from signalling.refusals import http_error
from signalling.requests import bearer, client_address
from signalling.routes import Route
from signalling.settings import FrontSettings
from signalling.turn_api import ice_servers
from signalling.whip_sessions import WhipSession, WhipSessions

Way = Literal["whip", "whep"]
ACTIONS: Final[dict[Way, Action]] = {"whip": Action.WHIP_PUBLISH, "whep": Action.WHEP_WATCH}
PREFLIGHT: Final = Public("Says which bodies are taken; browsers ask before they send credentials.")
SDP: Final = "application/sdp"
TRICKLE: Final = "application/trickle-ice-sdpfrag"
_TICKET: Final = web.RequestKey("meeting_ticket", Ticket)
_HOW: Final = "a meeting token with that scope as bearer token"


def _routes(way: Way, verb: str) -> tuple[Route, ...]:
    action, preflight = ACTIONS[way], f"`Accept-Post: {SDP}`, and CORS for `ALLTID_ALLOWED_ORIGINS`."
    path, session = f"/{way}/{{room_id}}", f"/{way}/{{room_id}}/{{session_id}}"
    return (
        Route("POST", path, action,
              f"{verb} with a standard client. Body: an SDP offer (`{SDP}`); reply: the answer, `Location`, `ETag`.",
              statuses=(201, 400, 403, 404, 409, 415, 429, 503), auth=_HOW),
        Route("DELETE", session, action, "End the media session.", statuses=(200, 404), auth=_HOW),
        Route("PATCH", session, action,
              "Trickle ICE (RFC 8840): taken and not needed. An ICE restart is not supported: make a new session.",
              statuses=(204, 404, 412, 415, 422), auth=_HOW),
        Route("OPTIONS", path, PREFLIGHT, preflight, statuses=(204,)),
        Route("OPTIONS", session, PREFLIGHT, preflight, statuses=(204,)),
    )  # fmt: skip


ROUTES: Final = (*_routes("whip", "Publish"), *_routes("whep", "Watch"))


class WhipApi:
    """The handlers. One class for both ways: they differ in scope, action and which directions make sense."""

    def __init__(
        self,
        settings: FrontSettings,
        entry: Entry,
        media: MediaClient,
        sessions: WhipSessions,
        turn: TurnServer | None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._entry = entry
        self._media = media
        self._sessions = sessions
        self._turn = turn
        self._clock = clock
        self._origins = frozenset(origin for origin in settings.allowed_origins.split(",") if origin)
        self._rates = Buckets(settings.offers_per_s, settings.offers_burst)

    def add_routes(self, app: web.Application) -> None:
        """All of this page."""
        app.router.add_post("/whip/{room_id}", self.publish)
        app.router.add_post("/whep/{room_id}", self.watch)
        app.router.add_delete("/whip/{room_id}/{session_id}", self.end_publishing)
        app.router.add_delete("/whep/{room_id}/{session_id}", self.end_watching)
        app.router.add_patch("/whip/{room_id}/{session_id}", self.trickle_publishing)
        app.router.add_patch("/whep/{room_id}/{session_id}", self.trickle_watching)
        for way in ACTIONS:
            app.router.add_options(f"/{way}/{{room_id}}", self.preflight)
            app.router.add_options(f"/{way}/{{room_id}}/{{session_id}}", self.preflight)

    # --- who ---------------------------------------------------------------------------------------------------

    async def _who_publishes(self, request: web.Request) -> Principal:
        return await self._who(request, "whip")

    async def _who_watches(self, request: web.Request) -> Principal:
        return await self._who(request, "whep")

    async def _who(self, request: web.Request, way: Way) -> Principal:
        """The token's holder. Who only ends a session may do so with a token that has expired meanwhile."""
        is_new = request.method == "POST"
        if is_new and not self._rates.take(client_address(request, self._settings.proxy_hops), time.monotonic()):
            raise HttpError("too_many")
        try:
            ticket = await self._entry.check(
                bearer(request), ACTIONS[way], scope=way, grace_s=0 if is_new else self._settings.resume_grace_s
            )
        except RefusedError as error:
            raise http_error(error) from None
        if ticket.room.room_id != request.match_info["room_id"]:
            raise HttpError("unknown_room")  # as if it were not there
        request[_TICKET] = ticket
        return principal_of(ticket.claims)

    async def _meeting(self, request: web.Request) -> Resource:
        return resource_of(request[_TICKET].claims)

    # --- the two ways ------------------------------------------------------------------------------------------

    @guarded(Action.WHIP_PUBLISH, resource=_meeting, authenticate=_who_publishes)
    async def publish(self, request: web.Request) -> web.Response:
        """POST /whip/{room_id}."""
        return await self._start(request, "whip")

    @guarded(Action.WHEP_WATCH, resource=_meeting, authenticate=_who_watches)
    async def watch(self, request: web.Request) -> web.Response:
        """POST /whep/{room_id}."""
        return await self._start(request, "whep")

    @guarded(Action.WHIP_PUBLISH, resource=_meeting, authenticate=_who_publishes)
    async def end_publishing(self, request: web.Request) -> web.Response:
        """DELETE /whip/{room_id}/{session_id}."""
        return await self._end(request)

    @guarded(Action.WHEP_WATCH, resource=_meeting, authenticate=_who_watches)
    async def end_watching(self, request: web.Request) -> web.Response:
        """DELETE /whep/{room_id}/{session_id}."""
        return await self._end(request)

    @guarded(Action.WHIP_PUBLISH, resource=_meeting, authenticate=_who_publishes)
    async def trickle_publishing(self, request: web.Request) -> web.Response:
        """PATCH /whip/{room_id}/{session_id}."""
        return await self._trickle(request)

    @guarded(Action.WHEP_WATCH, resource=_meeting, authenticate=_who_watches)
    async def trickle_watching(self, request: web.Request) -> web.Response:
        """PATCH /whep/{room_id}/{session_id}."""
        return await self._trickle(request)

    @guarded(PREFLIGHT, from_anywhere=True)
    async def preflight(self, request: web.Request) -> web.Response:
        """OPTIONS of all of them."""
        headers = {"Accept-Post": SDP, "Accept-Patch": TRICKLE}
        return web.Response(status=204, headers=headers | self._cors(request))

    # --- what they do ------------------------------------------------------------------------------------------

    async def _start(self, request: web.Request, way: Way) -> web.Response:
        ticket = request[_TICKET]
        if not ticket.is_admitted:
            raise HttpError("not_admitted")
        offer = await _read_offer(request)
        tracks = _tracks(offer, way)
        try:
            worker_id = await self._media.home(ticket.room)
            seat = Seat(worker_id, ticket.room.room_id, secrets.token_urlsafe(12))
            result = await self._join(ticket, way, seat, offer, tracks)
        except RpcError as error:
            raise http_error(error) from None
        session = WhipSession(
            session_id=secrets.token_urlsafe(16),
            worker_id=worker_id,
            room_id=seat.room_id,
            participant_id=result["participant_id"],
            grant_id=ticket.claims.grant_id,
            etag=f'"{secrets.token_hex(8)}"',
        )
        await self._sessions.put(session)
        headers = {"Location": f"/{way}/{session.room_id}/{session.session_id}", "ETag": session.etag}
        headers |= self._cors(request)
        response = web.Response(status=201, text=result["answer"], content_type=SDP, headers=headers)
        for link in _ice_links(self._turn, self._clock()):
            response.headers.add("Link", link)
        return response

    async def _join(self, ticket: Ticket, way: Way, seat: Seat, offer: str, tracks: dict[str, Source]) -> JoinResult:
        claims = ticket.claims
        request = JoinRequest(
            participant_id=seat.participant_id,
            identity=f"{claims.identity}~{way}",
            display_name=claims.display_name,
            # A player or an encoder is nobody who could let others in.
            role="participant" if claims.role == "host" else claims.role,
            offer=offer,
            tracks=tracks,
            active=dict.fromkeys(tracks.values(), True),
            resume_token=None,
            socket_id="",
            grant_id=claims.grant_id,
        )
        try:
            return await self._media.join(seat.worker_id, ticket.room, request, lambda _result: None)
        except RpcError as error:
            if error.code == "worker_timeout":  # it may be carried out later; what comes after it undoes it
                await self._media.leave(seat)
            raise

    async def _end(self, request: web.Request) -> web.Response:
        session = await self._session(request)
        await self._sessions.delete(session)
        await self._media.leave(session.seat)
        return web.Response(status=200, headers=self._cors(request))

    async def _trickle(self, request: web.Request) -> web.Response:
        """The server learns the client's addresses from its checks. ``If-Match: *`` asks for a restart."""
        session = await self._session(request)
        if request.content_type != TRICKLE:
            raise HttpError("unsupported_media_type")
        wanted = request.headers.get("If-Match", session.etag)
        if wanted == "*":
            raise HttpError("unprocessable")
        if wanted != session.etag:
            raise HttpError("precondition_failed")
        return web.Response(status=204, headers=self._cors(request))

    async def _session(self, request: web.Request) -> WhipSession:
        """The path's session, if the token's grant made it."""
        session = await self._sessions.get(request.match_info["session_id"])
        claims = request[_TICKET].claims
        if session is None or session.room_id != claims.room_id or session.grant_id != claims.grant_id:
            raise HttpError("not_found")
        return session

    def _cors(self, request: web.Request) -> dict[str, str]:
        origin = request.headers.get("Origin", "")
        if origin not in self._origins:
            return {}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": "POST, PATCH, DELETE, OPTIONS",
            "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
            "Access-Control-Expose-Headers": "Location, ETag, Link",
            "Vary": "Origin",
        }


async def _read_offer(request: web.Request) -> str:
    """The body, which may be larger than other routes' bodies."""
    if request.content_type != SDP:
        raise HttpError("unsupported_media_type")
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > MAX_OFFER_CHARACTERS:
            raise HttpError("invalid_request", cause="offer_too_large")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise HttpError("invalid_request", cause="offer_invalid") from None


def _tracks(text: str, way: Way) -> dict[str, Source]:
    """Which m-line is which source: of a publisher the first sound, the first and the second picture.

    A watcher sends nothing, and has something to receive.
    """
    try:
        offer: Offer = parse_offer(text)
    except SdpError as error:
        raise HttpError("invalid_request", cause=error.code) from None
    used = [media for media in offer.media if not media.rejected]
    sending = [media for media in used if media.direction in ("sendonly", "sendrecv")]
    receiving = [media for media in used if media.direction == "recvonly"]
    if bool(sending) is (way == "whep") or (way == "whep" and not receiving):
        raise HttpError("invalid_request", cause="offer_invalid")
    sources: dict[str, list[Source]] = {"audio": ["microphone"], "video": ["camera", "screen"]}
    return {media.mid: sources[media.kind].pop(0) for media in sending if sources.get(media.kind)}


def _ice_links(turn: TurnServer | None, now: float) -> list[str]:
    """TURN servers as Link headers (RFC 9725 section 4.6)."""
    servers: list[dict[str, Any]] = ice_servers(turn, now)[0]
    return [
        f'<{url}>; rel="ice-server"; username="{server["username"]}"; credential="{server["credential"]}"; '
        'credential-type="password"'
        for server in servers
        for url in server["urls"]
    ]
