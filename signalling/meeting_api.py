"""Meetings over HTTP: planning, lists, and the way in for who has logged in."""

import secrets
import time
from collections.abc import Callable
from typing import Final

from aiohttp import web

from auth.permissions import Action, Resource, decide
from auth.principal import Principal
from sfu.bus import RpcError
from sfu.client import MediaClient
from sfu.registry import Registry
from signalling.guard import GUARD, MINE, guarded, principal_of
from signalling.http_api import read_body
from signalling.http_errors import HttpError
from signalling.meeting_chats import MeetingChats
from signalling.meeting_closing import MeetingCloser
from signalling.meeting_entry import MeetingEntry
from signalling.meeting_source import MeetingSource
from signalling.meeting_views import CreateMeeting, CreateMeetingToken, MeetingList, MeetingToken, MeetingView
from signalling.meetings import Meeting, Meetings, lists_of
from signalling.routes import Route

MEETING: Final = web.RequestKey("meeting", Meeting)
"""The meeting that a request's path names, once the guard has looked it up."""
MAX_LENGTH_S: Final = 24 * 3600

ROUTES: Final = (
    Route("POST", "/api/meetings", Action.MEETING_CREATE, CreateMeeting.__doc__ or "", CreateMeeting, MeetingView,
          (200, 201, 400, 409)),
    Route("GET", "/api/meetings", Action.MEETING_LIST, MeetingList.__doc__ or "", reply=MeetingList),
    Route("GET", "/api/meetings/{meeting_id}", Action.MEETING_READ, "One meeting.", reply=MeetingView,
          statuses=(200, 404)),
    Route("DELETE", "/api/meetings/{meeting_id}", Action.MEETING_CLOSE,
          "Cancel a meeting, or end it for all: everybody is told `closed`, its links open no more.",
          statuses=(204, 404)),
    Route("POST", "/api/meetings/{meeting_id}/token", Action.MEETING_JOIN, CreateMeetingToken.__doc__ or "",
          CreateMeetingToken, MeetingToken, (201, 400, 403, 404, 409, 410)),
)  # fmt: skip


class MeetingApi:
    """The handlers."""

    def __init__(
        self,
        meetings: Meetings,
        source: MeetingSource,
        entry: MeetingEntry,
        closer: MeetingCloser,
        chats: MeetingChats,
        registry: Registry,
        media: MediaClient,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.meetings = meetings
        self._source = source
        self._entry = entry
        self._closer = closer
        self._chats = chats
        self._registry = registry
        self._media = media
        self._clock = clock

    def add_routes(self, app: web.Application) -> None:
        """All of this page."""
        app.router.add_post("/api/meetings", self.create)
        app.router.add_get("/api/meetings", self.list_mine)
        app.router.add_get("/api/meetings/{meeting_id}", self.read)
        app.router.add_delete("/api/meetings/{meeting_id}", self.close)
        app.router.add_post("/api/meetings/{meeting_id}/token", self.create_token)

    async def find(self, request: web.Request) -> Resource | None:
        """What the path names."""
        meeting = await self._source.find(request.match_info["meeting_id"])
        if meeting is None:
            return None
        request[MEETING] = meeting
        return meeting.resource()

    # --- planning ----------------------------------------------------------------------------------------------

    @guarded(Action.MEETING_CREATE, resource=MINE)
    async def create(self, request: web.Request) -> web.Response:
        """POST /api/meetings."""
        body, principal, now = await read_body(request, CreateMeeting), principal_of(request), self._clock()
        if not body.starts_at < body.ends_at <= body.starts_at + MAX_LENGTH_S or body.ends_at <= now:
            raise HttpError("invalid_request", "ends_at")
        meeting = _planned(body, principal)
        before = await self.meetings.get(meeting.meeting_id)
        if before is not None and before.provider_hsa_id != meeting.provider_hsa_id:
            raise HttpError("conflict", "meeting_id")
        await request.app[GUARD].note(request, Action.MEETING_CREATE, meeting.resource())
        if before is None or before.participants_chat != meeting.participants_chat:  # else what hosts said holds
            await self._chats.rule(meeting.meeting_id, is_hosts_only=not meeting.participants_chat)
        is_new = await self.meetings.put(meeting, now)
        return web.json_response(self._view(meeting).model_dump(), status=201 if is_new else 200)

    @guarded(Action.MEETING_CLOSE, resource=find)
    async def close(self, request: web.Request) -> web.Response:
        """DELETE /api/meetings/{meeting_id}: first what opens doors, then the people."""
        await self._closer.close(request[MEETING], self._clock())
        return web.Response(status=204)

    # --- for who takes part ------------------------------------------------------------------------------------

    @guarded(Action.MEETING_LIST, resource=MINE)
    async def list_mine(self, request: web.Request) -> web.Response:
        """GET /api/meetings."""
        principal, now = principal_of(request), self._clock()
        found = await self._source.listed(lists_of(principal), now)
        mine = [one for one in found if decide(principal, Action.MEETING_READ, one.resource())]
        waiting = await self._waiting(mine, now) if principal.kind == "staff" else {}
        views = [self._view(meeting, waiting.get(meeting.meeting_id, 0)) for meeting in mine]
        return web.json_response(MeetingList(meetings=views).model_dump())

    @guarded(Action.MEETING_READ, resource=find)
    async def read(self, request: web.Request) -> web.Response:
        """GET /api/meetings/{meeting_id}."""
        return web.json_response(self._view(request[MEETING]).model_dump())

    @guarded(Action.MEETING_JOIN, resource=find)
    async def create_token(self, request: web.Request) -> web.Response:
        """POST /api/meetings/{meeting_id}/token."""
        body = await read_body(request, CreateMeetingToken)
        principal, scopes = principal_of(request), frozenset(body.scopes)
        token = await self._entry.for_principal(principal, request[MEETING], scopes, self._clock())
        return web.json_response(token.model_dump(), status=201)

    # --- parts -------------------------------------------------------------------------------------------------

    def _view(self, meeting: Meeting, waiting: int = 0) -> MeetingView:
        return MeetingView(
            meeting_id=meeting.meeting_id,
            title=meeting.title,
            kind=meeting.kind,
            starts_at=meeting.starts_at,
            ends_at=meeting.ends_at,
            opens_at=self._entry.opens_at(meeting),
            closes_at=self._entry.closes_at(meeting),
            unit_name=meeting.unit_name,
            phone=meeting.phone,
            waiting=waiting,
            interpreter_language=meeting.interpreter_language,
        )

    async def _waiting(self, meetings: list[Meeting], now: float) -> dict[str, int]:
        """How many wait outside each meeting that is open now, as far as its media worker answers."""
        by_worker: dict[str, list[str]] = {}
        for meeting in meetings:
            if self._entry.opens_at(meeting) <= now < self._entry.closes_at(meeting):
                room = await self._registry.room(meeting.meeting_id)
                if room is not None and room.worker_id:
                    by_worker.setdefault(room.worker_id, []).append(room.room_id)
        alive = await self._registry.live("worker") if by_worker else {}
        found: dict[str, int] = {}
        for worker_id, room_ids in by_worker.items():
            if worker_id in alive:
                try:
                    found |= await self._media.waiting_counts(worker_id, room_ids)
                except RpcError:
                    continue  # the list is worth showing without
        return found


def _planned(body: CreateMeeting, principal: Principal) -> Meeting:
    """The meeting that a body describes; ``HttpError`` where it asks for what is not the asker's to say."""
    commission = principal.commission
    if commission is not None:
        for name, own in (("unit_hsa_id", commission.unit_hsa_id), ("provider_hsa_id", commission.provider_hsa_id)):
            if getattr(body, name) not in (None, own):
                raise HttpError("forbidden", name)
        if body.meeting_id is not None:
            raise HttpError("forbidden", "meeting_id")
    unit = commission.unit_hsa_id if commission else body.unit_hsa_id
    provider = commission.provider_hsa_id if commission else body.provider_hsa_id
    if unit is None or provider is None:
        raise HttpError("invalid_request", "unit_hsa_id" if unit is None else "provider_hsa_id")
    return Meeting(
        meeting_id=body.meeting_id or secrets.token_urlsafe(12),
        title=body.title,
        kind=body.kind,
        provider_hsa_id=provider,
        unit_hsa_id=unit,
        unit_name=body.unit_name or (commission.name if commission else unit),
        starts_at=body.starts_at,
        ends_at=body.ends_at,
        patient=body.patient,
        host_ids=frozenset(body.hosts) | ({principal.actor} if commission else frozenset()),
        member_ids=frozenset(body.members),
        phone=body.phone,
        max_participants=body.max_participants,
        participants_chat=body.participants_chat,
    )
