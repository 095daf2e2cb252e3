"""The client events: each is checked by its model, carried out by the media worker, and answered.

Nothing a client sends leads to anything but an acknowledgement, a typed error, or the end of its socket.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError

from auth.audit_store import AuditUnavailableError
from auth.permissions import Action
from auth.tokens import MeetingClaims
from auth.turn import TurnServer
from sfu.bus import Bus, RpcError
from sfu.client import JoinRequest, JoinResult, MediaClient, ResumeRequest, ResumeResult, Seat, WaitResult
from sfu.registry import Registry
from signalling import protocol
from signalling.admission import Admission
from signalling.connection import ENVIRON_KEY, SocketServer
from signalling.entry import Entry, RefusedError, may
from signalling.logs import place_of
from signalling.metrics import FrontMetrics
from signalling.protocol import CLIENT_EVENTS, ERROR_CODES, ErrorCode, acknowledge, refuse
from signalling.sessions import Session, Sessions, State
from signalling.settings import FrontSettings
from signalling.token_bucket import TokenBucket
from signalling.turn_api import ice_servers

_Result = TypeVar("_Result")
_log = structlog.get_logger(__name__)

_OFFER_EVENTS: Final = frozenset({"join", "resume", "negotiate", "wait"})
"""Events that cost much more than the others, and have a rate limit of their own."""
_ENTRANCES: Final = frozenset({"join", "resume", "wait"})
"""Events that bring a token: what it lets its holder do is checked with it."""
_WHILE_WAITING: Final = frozenset({*_ENTRANCES, "renew", "leave"})


class ClientEvents:
    """Handles everything that sockets do."""

    def __init__(
        self,
        settings: FrontSettings,
        entry: Entry,
        admission: Admission,
        bus: Bus,
        registry: Registry,
        media: MediaClient,
        sockets: SocketServer,
        sessions: Sessions,
        metrics: FrontMetrics,
        *,
        turn: TurnServer | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._entry = entry
        self._admission = admission
        self._turn = turn
        self._bus = bus
        self._registry = registry
        self._media = media
        self._sockets = sockets
        self._sessions = sessions
        self._metrics = metrics
        self._clock = clock
        self.on_joined: Callable[[MeetingClaims], Awaitable[None]] | None = None
        """Is told of each who comes into a meeting."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._handlers: Mapping[str, Callable[[Session, Any], Awaitable[Mapping[str, Any]]]] = {
            "join": self._join,
            "resume": self._resume,
            "negotiate": self._negotiate,
            "set_source": self._set_source,
            "select": self._select,
            "report": self._report,
            "wait": self._wait,
            "admit": admission.admit,
            "remove": admission.remove,
            "renew": admission.renew,
            "leave": self._leave,
        }
        sockets.on("connect", self.on_connect)
        sockets.on("disconnect", self.on_disconnect)
        sockets.on("*", self.on_event)

    async def finish(self) -> None:
        """Wait for what still runs in the background (detaching lost sockets)."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._settings.rpc_timeout_s)

    # --- what python-socketio calls ----------------------------------------------------------------------------

    async def on_connect(self, socket_id: str, environ: dict[str, Any], _auth: Any = None) -> None:
        """A socket opened; it has to join soon."""
        now = time.monotonic()
        settings = self._settings
        session = Session(
            socket_id=socket_id,
            engine_id=self._sockets.manager.eio_sid_from_sid(socket_id, "/"),
            connection=environ[ENVIRON_KEY],
            messages=TokenBucket(settings.messages_per_s, settings.messages_burst, now),
            offers=TokenBucket(settings.offers_per_s, settings.offers_burst, now),
        )
        self._sessions.add(session)

    async def on_disconnect(self, socket_id: str, reason: str = "") -> None:
        """A socket is gone: its participant is lost until another socket resumes."""
        session = self._sessions.remove(socket_id)
        if session is None:
            return
        session.connection.cut_soon()
        if session.seat is not None:
            in_order = session.connection.closed_in_order or reason == self._sockets.reason.CLIENT_DISCONNECT
            self._detach(session.seat, socket_id, in_order=in_order)

    async def on_event(self, event: str, socket_id: str, *payload: Any) -> dict[str, Any]:
        """One client event; the result is its acknowledgement. Never raises."""
        session = self._sessions.get(socket_id)
        known = event if event in CLIENT_EVENTS else "unknown"
        self._metrics.events_received.labels(known).inc()
        try:
            if session is None:
                raise RefusedError("not_joined")
            reply = await self._handle(session, event, payload[0] if payload and payload[0] is not None else {})
        except RefusedError as error:
            return self._refusal(known, error.code, error.field)
        except RpcError as error:
            code = error.code if error.code in ERROR_CODES else "internal"
            return self._refusal(known, code, None)
        except AuditUnavailableError:  # what cannot be written down is not done
            _log.warning("event_audit_unavailable", event_name=known)
            return self._refusal(known, "internal", None)
        except (RedisError, OSError) as error:
            _log.warning("event_redis_failed", event_name=known, error=type(error).__name__)
            return self._refusal(known, "worker_timeout", None)
        except Exception as error:  # a client gets a code, never a traceback
            _log.error("event_failed", event_name=known, exception=place_of(error))
            return self._refusal(known, "internal", None)
        if known in _ENTRANCES:
            self._result(known, "ok")
            # Runs after the acknowledgement was queued: nothing suspends between this return and that.
            asyncio.get_running_loop().call_soon(self._spawn, self._sessions.release, session)
        return acknowledge(reply)

    def _refusal(self, event: str, code: ErrorCode, field: str | None) -> dict[str, Any]:
        self._metrics.errors.labels(event, code).inc()
        self._result(event, code)
        return refuse(code, field=field)

    def _result(self, event: str, result: str) -> None:
        if event == "join":
            self._metrics.joins.labels(result).inc()
        elif event == "resume":
            self._metrics.resumes.labels(result).inc()

    # --- checks ------------------------------------------------------------------------------------------------

    async def _handle(self, session: Session, event: str, payload: Any) -> Mapping[str, Any]:
        now = time.monotonic()
        if not session.messages.take(now):
            raise RefusedError("rate_limited")
        if event not in CLIENT_EVENTS:
            raise RefusedError("invalid_message", "event")
        if event in _OFFER_EVENTS:
            if not session.offers.take(now):
                raise RefusedError("rate_limited")
        elif session.connection.last_frame_bytes > self._settings.max_small_message_bytes:
            raise RefusedError("message_too_large")
        try:
            message = CLIENT_EVENTS[event].payload.model_validate(payload)
        except ValidationError as error:
            raise _refused_by_model(error) from None
        if event not in _ENTRANCES:
            self._check_permission(session, event)
        return await self._handlers[event](session, message)

    def _check_permission(self, session: Session, event: str) -> None:
        """What a socket may do after it entered: by its state, then by the table of permissions."""
        if session.claims is None:
            raise RefusedError("not_joined")
        if session.state is State.WAITING and event not in _WHILE_WAITING:
            raise RefusedError("not_admitted")
        if not may(session.claims, CLIENT_EVENTS[event].action):
            raise RefusedError("forbidden")

    def _seat(self, session: Session) -> Seat:
        if session.state is not State.JOINED or session.seat is None:
            raise RefusedError("not_joined")
        return session.seat

    # --- the events --------------------------------------------------------------------------------------------

    async def _join(self, session: Session, message: protocol.Join) -> Mapping[str, Any]:
        before = session.seat
        is_back = before is not None and message.resume_token is not None
        if session.state not in (State.NEW, State.WAITING) and not is_back:
            raise RefusedError("already_joined")
        ticket = await self._entry.check(message.token, Action.MEETING_ENTER)
        claims, room = ticket.claims, ticket.room
        if not ticket.is_admitted:
            raise RefusedError("not_admitted")
        if session.state is State.WAITING and before is not None:
            self._sessions.unseat(session)
            await self._media.stop_waiting(before)
        worker_id = await self._media.home(room)
        proposed = Seat(worker_id, room.room_id, secrets.token_urlsafe(12))
        request = JoinRequest(
            participant_id=proposed.participant_id,
            identity=claims.identity,
            display_name=claims.display_name,
            role=claims.role,
            offer=message.offer,
            tracks=message.tracks,
            active=message.active,
            resume_token=message.resume_token,
            socket_id=session.socket_id,
            grant_id=claims.grant_id,
        )

        def seated(result: JoinResult) -> None:
            seat = Seat(worker_id, room.room_id, result["participant_id"])
            self._take_seat(session, seat, claims, result.get("replaced_front_id"))

        result = await self._ask(session, proposed, lambda: self._media.join(worker_id, room, request, seated))
        if self.on_joined is not None:
            await self.on_joined(claims)
        return {
            "participant_id": result["participant_id"],
            "resume_token": result["resume_token"],
            "room_id": room.room_id,
            "room_name": room.name,
            "answer": result["answer"],
            "participants": result["participants"],
            "slots": result["slots"],
            "slots_version": result["slots_version"],
            "lost_after_ms": result["lost_after_ms"],
            "token_expires_at": claims.expires_at,
            "waiting": result.get("waiting", []),
            "ice_servers": ice_servers(self._turn, self._clock())[0],
        }

    async def _resume(self, session: Session, message: protocol.Resume) -> Mapping[str, Any]:
        if session.state is not State.NEW:
            raise RefusedError("already_joined")
        grace_s = self._settings.resume_grace_s
        ticket = await self._entry.check(message.token, Action.MEETING_ENTER, grace_s=grace_s)
        claims, room = ticket.claims, ticket.room
        if not ticket.is_admitted:
            raise RefusedError("not_admitted")
        if not room.worker_id or room.worker_id not in await self._registry.live("worker"):
            raise RefusedError("resume_refused")
        seat = Seat(room.worker_id, room.room_id, message.participant_id)

        def seated(result: ResumeResult) -> None:
            self._take_seat(session, seat, claims, result.get("replaced_front_id"))

        request = ResumeRequest(message.resume_token, claims.identity, claims.grant_id, session.socket_id)
        result = await self._ask(session, seat, lambda: self._media.resume(seat, request, seated))
        state = {key: result[key] for key in ("participants", "slots", "slots_version")}
        return state | {"waiting": result.get("waiting", [])}

    async def _wait(self, session: Session, message: protocol.Wait) -> Mapping[str, Any]:
        before = session.seat
        if session.state is not State.NEW and (session.state is not State.WAITING or message.resume_token is None):
            raise RefusedError("already_joined")
        ticket = await self._entry.check(message.token, Action.MEETING_WAIT)
        if ticket.is_admitted:
            if before is not None:
                self._sessions.unseat(session)
                await self._media.stop_waiting(before)
            return await self._admission.let_through(ticket)
        worker_id = await self._media.home(ticket.room)
        proposed = Seat(worker_id, ticket.room.room_id, secrets.token_urlsafe(12))

        def queued(result: WaitResult) -> None:
            seat = Seat(worker_id, ticket.room.room_id, result["participant_id"])
            self._take_seat(session, seat, ticket.claims, result.get("replaced_front_id"), waiting=True)

        request = self._admission.request(ticket, proposed, message.resume_token, session.socket_id)
        result = await self._ask(session, proposed, lambda: self._media.wait(worker_id, ticket.room, request, queued))
        return await self._admission.describe(ticket, result)

    async def _ask(self, session: Session, seat: Seat, call: Callable[[], Awaitable[_Result]]) -> _Result:
        """Join or resume at the worker, such that whatever happens meanwhile, no participant is left behind."""
        session.state = State.JOINING
        session.connection.disarm_join_timer()
        try:
            result = await call()
        except RpcError as error:
            if error.code == "worker_timeout":
                # The worker may carry it out later; it handles a room's requests in order, so this comes after.
                self._detach(seat, session.socket_id)
            raise
        finally:
            if session.state is State.JOINING:
                before = session.seat
                self._sessions.unseat(session)
                if before is not None:
                    self._detach(before, session.socket_id)
        return result

    def _take_seat(
        self,
        session: Session,
        seat: Seat,
        claims: MeetingClaims,
        replaced_front_id: str | None,
        *,
        waiting: bool = False,
    ) -> None:
        """The worker said yes."""
        if session.state is State.GONE:  # the socket ended while the worker was asked
            self._detach(seat, session.socket_id)
            return
        if waiting:
            self._sessions.queue(session, seat, claims)
        else:
            self._sessions.seat(session, seat, claims)
        if replaced_front_id and replaced_front_id != self._bus.process_id:
            data = {"room_id": seat.room_id, "participant_id": seat.participant_id}
            self._spawn(self._bus.emit, replaced_front_id, "replaced", data)

    async def _negotiate(self, session: Session, message: protocol.Negotiate) -> Mapping[str, Any]:
        result = await self._media.negotiate(self._seat(session), message.offer, message.tracks)
        return {key: result[key] for key in ("answer", "slots", "slots_version")}

    async def _set_source(self, session: Session, message: protocol.SetSource) -> Mapping[str, Any]:
        await self._media.set_source(self._seat(session), message.source, active=message.active)
        return {}

    async def _select(self, session: Session, message: protocol.Select) -> Mapping[str, Any]:
        wanted = [one.model_dump() for one in message.wanted]
        await self._media.select(self._seat(session), wanted, hidden=message.hidden)
        return {}

    async def _report(self, session: Session, message: protocol.Report) -> Mapping[str, Any]:
        await self._media.report(self._seat(session), message.model_dump())
        return {}

    async def _leave(self, session: Session, _message: protocol.Leave) -> Mapping[str, Any]:
        seat, is_waiting = session.seat, session.state is State.WAITING
        if seat is None:
            raise RefusedError("not_joined")
        self._sessions.unseat(session)
        try:
            await (self._media.stop_waiting(seat) if is_waiting else self._media.leave(seat))
        except RpcError as error:
            # The request is in the worker's inbox, or the worker is gone: either way the participant is out.
            _log.info("leave_unanswered", code=error.code)
        return {}

    # --- background --------------------------------------------------------------------------------------------

    def _detach(self, seat: Seat, socket_id: str, *, in_order: bool = False) -> None:
        self._spawn(self._detach_now, seat, socket_id, in_order)

    async def _detach_now(self, seat: Seat, socket_id: str, in_order: bool) -> None:
        try:
            await self._media.detach(seat, socket_id, in_order=in_order)
        except RpcError as error:
            _log.info("detach_failed", code=error.code)

    def _spawn(self, function: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        async def run() -> None:
            await function(*arguments)

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _refused_by_model(error: ValidationError) -> RefusedError:
    """The error code that says best what the model found."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = str(first["loc"][0])[:32] if first["loc"] else None
    if field not in _FIELDS:
        field = None
    if field == "protocol" and first["type"] != "missing":
        return RefusedError("unsupported_protocol", field)
    if field == "offer" and first["type"] == "string_too_long":
        return RefusedError("offer_too_large", field)
    if field == "tracks" and first["type"] == "too_long":
        return RefusedError("too_many_media", field)
    if field == "token" and first["type"] != "missing":
        return RefusedError("token_invalid", field)
    return RefusedError("invalid_message", field)


_FIELDS: Final = frozenset(name for event in CLIENT_EVENTS.values() for name in event.payload.model_fields)
