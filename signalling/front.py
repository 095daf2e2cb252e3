"""The front process: Socket.IO and HTTP in front, media workers behind. ``python -m signalling.front``."""

import asyncio
import logging
import secrets
import signal
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
import uvloop
from aiohttp import web

from auth.audit import AuditKeyError
from auth.guest_links import GuestLinks
from auth.pseudonyms import PseudonymKeyError
from auth.record_systems import RecordSystemsError
from auth.revocations import REVOKE_EVENT, Revocations
from auth.tokens import TokenKeyError, TokenKeys
from auth.turn import TurnServer, TurnSettingsError
from sfu.bus import Bus, connect
from sfu.client import MediaClient
from sfu.registry import Heartbeat, ProcessRecord, ProcessWatch, Registry
from signalling import logs
from signalling.admission import Admission
from signalling.admissions import Admissions
from signalling.broadcast import Broadcaster
from signalling.case_part import CasePart
from signalling.chat_door import AuditedAccess, MeetingAndSessionDoor
from signalling.chat_durability import StoreNotDurableError
from signalling.chat_part import ChatPart
from signalling.companion_part import CompanionPart
from signalling.connection import SocketServer
from signalling.entry import Entry
from signalling.events import ClientEvents
from signalling.garbage import Garbage
from signalling.guard import Public, guarded, refuse_unguarded
from signalling.http_api import MAX_BODY_BYTES, Http, errors_and_headers
from signalling.identity import Identity
from signalling.meeting_chats import MEETING_OVER_EVENT, MeetingChats
from signalling.meeting_closing import MeetingCloser
from signalling.meeting_routes import MeetingRoutes
from signalling.meetings import Meetings
from signalling.message_settings import MessageSettingsError
from signalling.metrics import FrontMetrics
from signalling.notice_part import NoticePart
from signalling.person_data_api import PersonDataApi
from signalling.portal import Portal
from signalling.requests import client_address
from signalling.routes import Route
from signalling.sessions import Sessions
from signalling.settings import FrontSettings

_log = structlog.get_logger(__name__)

_REMOVED_EVENT = "removed_from_room"

SOCKETS: Final = Public("A socket's first message brings a meeting token, and each event has an action of its own.")
SOCKETS_ROUTE: Final = Route("GET", "/socket.io/", SOCKETS, "The wire protocol (docs/protocol.md), WebSocket only.")


def load_keys(settings: FrontSettings) -> TokenKeys:
    """The token keys from the settings; ``TokenKeyError`` when there are none or they are unusable."""
    if settings.token_keys is not None:
        return TokenKeys.parse(settings.token_keys.get_secret_value())
    if settings.token_keys_file is None:
        raise TokenKeyError("set ALLTID_TOKEN_KEYS or ALLTID_TOKEN_KEYS_FILE")
    try:
        return TokenKeys.parse(settings.token_keys_file.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        raise TokenKeyError("ALLTID_TOKEN_KEYS_FILE cannot be read") from None


def turn_server(settings: FrontSettings) -> TurnServer | None:
    """The TURN servers of the settings; ``TurnSettingsError`` when they are unusable."""
    secret = settings.turn_secret.get_secret_value() if settings.turn_secret is not None else ""
    return TurnServer.parse(settings.turn_urls, secret, settings.turn_lifetime_s)


class Front:
    """One front. ``start`` to ``stop``; many can run in one test."""

    def __init__(self, settings: FrontSettings, keys: TokenKeys, *, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.front_id = settings.front_id or f"front-{secrets.token_hex(6)}"
        self.metrics = FrontMetrics()
        self.http_url = ""
        self.https_url = ""
        self._redis = connect(settings.redis_url)
        self.registry = Registry(self._redis)
        self.bus = Bus(self._redis, self.front_id, on_event=self._on_bus_event)
        self.media = MediaClient(
            self.bus, self.registry, timeout_s=settings.rpc_timeout_s, observe=self.metrics.observe_rpc
        )
        self.watch = ProcessWatch(self.registry, "worker", self._on_worker_lost)
        self.sockets = SocketServer(settings, self.metrics, logging.getLogger("alltid.sockets"))
        self.sessions = Sessions(self.sockets, self.metrics)
        self._broadcaster = Broadcaster(self.bus, self.registry)
        self.revocations = Revocations(self._redis, self._broadcaster)
        self.admissions = Admissions(self._redis)
        self.meetings = Meetings(self._redis)
        self.turn = turn_server(settings)
        self.entry = Entry(keys, self.registry, self.revocations, self.admissions, clock=clock)
        self.identity = Identity(settings, keys, self._redis, self.revocations.revoke, self.metrics, clock=clock)
        self.admission = Admission(
            keys,
            self.entry,
            self.admissions,
            self.meetings,
            self.media,
            self.sessions,
            token_lifetime_s=settings.meeting_token_lifetime_s,
            record=self.identity.record,
            keep_alive=self.identity.keep_alive,
            clock=clock,
        )
        self.events = ClientEvents(
            settings,
            self.entry,
            self.admission,
            self.bus,
            self.registry,
            self.media,
            self.sockets,
            self.sessions,
            self.metrics,
            turn=self.turn,
            clock=clock,
        )
        self.chat = ChatPart(
            settings,
            self.front_id,
            self._redis,
            self.sockets,
            MeetingAndSessionDoor(self.entry, self.identity.guard.find_principal, clock),
            AuditedAccess(self.identity.record, clock),
            self.metrics,
            clock=clock,
        )
        chats = MeetingChats(
            self.chat.store,
            self.chat.due,
            self._broadcaster.to_fronts,
            kept_s=self.chat.limits().meeting_kept_s,
            clock=clock,
        )
        links = GuestLinks(self._redis)
        self.closer = closer = MeetingCloser(self.meetings, links, self.registry, self.media, chats)
        http = Http(settings, keys, self.registry, closer, chats, self.watch, self.metrics, clock=clock)
        self.companion = CompanionPart(
            settings,
            keys,
            self.front_id,
            self._redis,
            self.registry,
            self.identity,
            self.meetings,
            closer,
            self.metrics,
            opens_at=lambda meeting: meeting.starts_at - settings.meeting_open_before_s,
            clock=clock,
        )
        self.meeting_routes = MeetingRoutes(
            settings,
            keys,
            self._redis,
            self.registry,
            self.media,
            self.meetings,
            self.companion.source,
            closer,
            chats,
            links,
            self.admissions,
            self.revocations,
            self.entry,
            self.turn,
            clock=clock,
        )
        self.companion.link_by(
            keys, links, self.revocations, lambda meeting: meeting.ends_at + settings.meeting_open_after_s
        )
        self.app = web.Application(
            middlewares=[self._count_requests, errors_and_headers, refuse_unguarded, self._guard_sockets],
            client_max_size=MAX_BODY_BYTES,
        )
        self.app.router.add_get("/socket.io/", guarded(SOCKETS)(self.sockets.eio.handle_request))
        self.identity.attach(self.app)
        self.meeting_routes.attach(self.app)
        self.portal = Portal(settings, self._redis, self.companion.source, self.identity, self.metrics, clock=clock)
        self.portal.attach(self.app)
        self.admission.on_removed = self.tell_removed
        self.notices = NoticePart(
            settings,
            keys,
            settings.public_url,
            self.front_id,
            self._redis,
            self.identity.proxies,
            self.metrics,
            clock=clock,
        )
        self.notices.attach(self.app)
        self.companion.tell_by(self.notices)
        self.companion.follow(self.events, closer)
        self.cases = CasePart(
            settings,
            keys,
            self._redis,
            self.chat,
            self.entry,
            self.notices,
            self.metrics,
            clock=clock,
            is_to_come=lambda meeting_id: self.meetings.is_ahead(meeting_id, clock() - settings.meeting_open_after_s),
            companion=self.companion.client,
            protections=self.companion.protections,
        )
        self.cases.attach(self.app)
        PersonDataApi(self.notices.contacts, self.cases.service.cases, self.chat.service.store).add_routes(self.app)
        self.companion.attach(self.app)
        http.add_routes(self.app)
        self._runner: web.AppRunner | None = None
        self._started_at = time.time()
        self._incarnation = secrets.token_hex(8)
        self._heartbeat = Heartbeat(self.registry, "front", self._record)

    async def start(self) -> None:
        """Listen, then announce: whoever finds this front in the registry can use it."""
        await self.bus.start()
        await self.watch.start()
        await self.chat.start()
        await self.cases.start()
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=2.0)
        await self._runner.setup()
        settings = self.settings
        self.http_url = await self._listen("http", settings.http_host, settings.http_port, None)
        if settings.certificate_file is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(settings.certificate_file, settings.certificate_key_file)
            self.https_url = await self._listen("https", settings.https_host, settings.https_port, context)
        await self.notices.start(self.http_url)
        await self.companion.start()
        await self._heartbeat.start()
        _log.info("front_ready", front_id=self.front_id)

    async def close_unstarted(self) -> None:
        """It will not start: give back what it has opened so far."""
        await self._redis.aclose()

    async def stop(self) -> None:
        """Close the sockets (their clients go to another front and resume), then leave."""
        await self._heartbeat.stop()
        await self.watch.stop()
        for connection in list(self.sockets.eio.connections.values()):
            connection.cut()
        if self._runner is not None:
            await self._runner.cleanup()
        await self.sockets.shutdown()
        await self.events.finish()
        await self.cases.stop()
        await self.notices.stop()
        await self.chat.stop()
        await self.portal.close()
        await self.companion.close()
        await self.identity.close()
        await self.bus.stop()
        await self._redis.aclose()

    async def _listen(self, scheme: str, host: str, port: int, context: ssl.SSLContext | None) -> str:
        assert self._runner is not None
        site = web.TCPSite(self._runner, host, port, ssl_context=context)
        await site.start()
        actual = self._runner.addresses[-1][1]
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{actual}"

    def _record(self) -> ProcessRecord:
        return ProcessRecord(
            process_id=self.front_id,
            incarnation=self._incarnation,
            started_at=self._started_at,
            addresses=tuple(url for url in (self.http_url, self.https_url) if url),
            participants=len(self.sessions),
        )

    # --- from the media workers --------------------------------------------------------------------------------

    async def _on_bus_event(self, event: str, data: dict[str, Any]) -> None:
        if event == "to_clients" and data.get("waiting"):
            if data["event"] == "admitted":
                await self.admission.on_admitted(data["room_id"], data["participant_ids"])
            else:
                await self.sessions.deliver_waiting(
                    data["room_id"], data["participant_ids"], data["event"], data["payload"]
                )
        elif event == "to_clients":
            await self.sessions.deliver(
                data["room_id"], data.get("participant_ids"), data.get("except"), data["event"], data["payload"]
            )
        elif event == "replaced":
            session = self.sessions.find(data["room_id"], data["participant_id"])
            if session is not None:
                self.sessions.close(session, "replaced")
        elif event == _REMOVED_EVENT:
            self.chat.events.cut_grant(data["grant_id"], meeting_id=data["room_id"])
        elif event == MEETING_OVER_EVENT:
            self.chat.events.cut_meeting(data["meeting_id"])
        elif event == REVOKE_EVENT:
            self.chat.events.cut_grant(data["grant_id"])
            for session in self.sessions.of_grant(data["grant_id"]):
                self.sessions.close(session, "revoked")

    async def tell_removed(self, room_id: str, grant_id: str) -> None:
        """A host removed somebody: sockets that only read the meeting's chat end at every front."""
        await self._broadcaster.to_fronts(_REMOVED_EVENT, {"room_id": room_id, "grant_id": grant_id})

    async def _on_worker_lost(self, worker_id: str) -> None:
        """Tell the people of its rooms at once; the next join finds the room a new home."""
        self.metrics.workers_lost.inc()
        for session in self.sessions.at_worker(worker_id):
            self.sessions.unseat(session)
            await self.sessions.tell(session, "reconnect", {"reason": "worker_lost"})
        await self.companion.worker_lost(worker_id)

    # --- around every request ----------------------------------------------------------------------------------

    @property
    def _count_requests(self) -> Any:
        @web.middleware
        async def count(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            response = await handler(request)
            resource = request.match_info.route.resource
            route = resource.canonical if resource is not None else "unknown"
            self.metrics.http_requests.labels(route, str(response.status)).inc()
            return response

        return count

    @property
    def _guard_sockets(self) -> Any:
        @web.middleware
        async def guard(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            """Only proper WebSocket handshakes reach engineio, and no more than it may hold."""
            if request.path == "/socket.io/":
                if request.method != "GET" or not web.WebSocketResponse().can_prepare(request):
                    raise web.HTTPBadRequest
                if "sid" in request.query:  # only long polling would name a session
                    raise web.HTTPBadRequest
                if len(self.sockets.eio.sockets) >= self.settings.max_sockets:
                    self.metrics.sockets_closed.labels("too_many").inc()
                    raise web.HTTPServiceUnavailable
                if not self.sockets.may_open(client_address(request, self.settings.proxy_hops)):
                    self.metrics.sockets_closed.labels("too_many_of_address").inc()
                    raise web.HTTPTooManyRequests
            return await handler(request)

        return guard


async def run(settings: FrontSettings) -> None:
    """Run a front until SIGTERM or SIGINT."""
    front = Front(settings, load_keys(settings))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    garbage = Garbage(front.metrics.registry)
    try:
        await front.chat.check_durable(settings.mode)
    except StoreNotDurableError:
        await front.close_unstarted()
        raise
    await front.start()
    garbage.start()
    await stop.wait()
    await garbage.stop()
    await front.stop()


def main() -> int:
    """Entry point of the process."""
    settings = FrontSettings()
    logs.configure(settings.log_level, settings.log_format, "front")
    try:
        uvloop.run(run(settings))
    except TokenKeyError as error:
        _log.error("token_keys_unusable", reason=str(error))
        return 2
    except (AuditKeyError, PseudonymKeyError) as error:
        _log.error("keys_unusable", reason=str(error))
        return 2
    except RecordSystemsError as error:
        _log.error("record_systems_unusable", reason=str(error))
        return 2
    except MessageSettingsError as error:
        _log.error("message_settings_unusable", reason=str(error))
        return 2
    except StoreNotDurableError as error:
        _log.error("chat_store_not_durable", mode=error.mode, reason=str(error))
        return 2
    except TurnSettingsError as error:
        _log.error("turn_settings_unusable", reason=str(error))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
