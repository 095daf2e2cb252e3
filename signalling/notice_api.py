"""Notices over HTTP: contacts and notices for other services, reports of gateways, web push, the development sink."""

import json
import time
from collections.abc import Callable, Sequence
from typing import Final, get_args

from aiohttp import web
from redis.asyncio import Redis

from auth.permissions import Action, Resource
from chat.contacts import ContactError, Contacts
from chat.notice_delivery import NoticeDelivery, Notices
from chat.notice_linter import NoticeRefusedError
from chat.notices import Channel
from chat.sender_development import caught
from chat.sender_webpush import is_known_endpoint
from chat.web_push import Subscription, SubscriptionError
from signalling.guard import Public, guarded, principal_of
from signalling.http_api import read_body
from signalling.http_errors import HttpError
from signalling.metrics import FrontMetrics
from signalling.notice_views import (
    NoticesQueued,
    NoticeStatus,
    PushKey,
    PutContact,
    ReportNotice,
    Subscribe,
    Unsubscribe,
    WriteNotice,
)
from signalling.requests import is_loopback
from signalling.routes import Route

PUSH_KEY: Final = Public("A public key.")
SINK: Final = Public("Invented notices of the test bench, for this machine only; elsewhere there is no such page.")

ROUTES: Final = (
    Route("PUT", "/api/contacts/{person_id}", Action.CONTACT_WRITE, PutContact.__doc__ or "", PutContact,
          statuses=(204, 400)),
    Route("POST", "/api/notices", Action.NOTICE_WRITE, WriteNotice.__doc__ or "", WriteNotice, NoticesQueued,
          (202, 400, 422)),
    Route("GET", "/api/notices/{notice_id}", Action.NOTICE_WRITE, NoticeStatus.__doc__ or "", reply=NoticeStatus,
          statuses=(200, 404)),
    Route("POST", "/api/notices/reports/{channel}", Action.NOTICE_REPORT, ReportNotice.__doc__ or "", ReportNotice,
          statuses=(204, 400, 404)),
    Route("GET", "/api/push-key", PUSH_KEY, PushKey.__doc__ or "", reply=PushKey),
    Route("POST", "/api/push-subscriptions", Action.NOTICE_SUBSCRIBE, Subscribe.__doc__ or "", Subscribe,
          statuses=(204, 400)),
    Route("DELETE", "/api/push-subscriptions", Action.NOTICE_SUBSCRIBE, Unsubscribe.__doc__ or "", Unsubscribe,
          statuses=(204, 400, 404)),
    Route("GET", "/development/notices", SINK, "What the sink of the test bench holds.", statuses=(200, 404)),
)  # fmt: skip


class NoticeApi:
    """The handlers."""

    def __init__(
        self,
        notices: Notices,
        contacts: Contacts,
        delivery: NoticeDelivery,
        redis: "Redis",
        metrics: FrontMetrics,
        *,
        push_key: str | None,
        push_hosts: Sequence[str],
        has_sink: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._notices = notices
        self._contacts = contacts
        self._delivery = delivery
        self._redis = redis
        self._metrics = metrics
        self._push_key = push_key
        self._push_hosts = push_hosts
        self._has_sink = has_sink
        self._clock = clock

    def add_routes(self, app: web.Application) -> None:
        """All of this page."""
        app.router.add_put("/api/contacts/{person_id}", self.put_contact)
        app.router.add_post("/api/notices", self.write)
        app.router.add_get("/api/notices/{notice_id}", self.status)
        app.router.add_post("/api/notices/reports/{channel}", self.report)
        app.router.add_get("/api/push-key", self.push_key)
        app.router.add_post("/api/push-subscriptions", self.subscribe)
        app.router.add_delete("/api/push-subscriptions", self.unsubscribe)
        app.router.add_get("/development/notices", self.sink)

    # --- for services ------------------------------------------------------------------------------------------

    async def _person(self, request: web.Request) -> Resource:
        return Resource(patient_person_id=request.match_info["person_id"])

    @guarded(Action.CONTACT_WRITE, resource=_person)
    async def put_contact(self, request: web.Request) -> web.Response:
        """PUT /api/contacts/{person_id}."""
        body = await read_body(request, PutContact)
        try:
            await self._contacts.change(
                request.match_info["person_id"],
                phone=body.phone,
                email=body.email,
                language=body.language,
                is_protected=body.is_protected,
            )
        except ContactError as error:
            raise HttpError("invalid_request", error.field) from None
        return web.Response(status=204)

    @guarded(Action.NOTICE_WRITE)
    async def write(self, request: web.Request) -> web.Response:
        """POST /api/notices."""
        body = await read_body(request, WriteNotice)
        parameters = {parameter.name: parameter.value for parameter in body.parameters}
        key = f"service:{principal_of(request).actor}:{body.key}"
        try:
            notice_ids = await self._notices.tell(body.person, body.template, parameters, key=key)
        except NoticeRefusedError as error:
            raise HttpError("notice_refused", "parameters", cause=f"notice_{error.causes[0]}") from None
        return web.json_response(NoticesQueued(notice_ids=notice_ids).model_dump(), status=202)

    @guarded(Action.NOTICE_WRITE)
    async def status(self, request: web.Request) -> web.Response:
        """GET /api/notices/{notice_id}."""
        status = await self._notices.outbox.status(request.match_info["notice_id"])
        if status is None:
            raise HttpError("not_found")
        view = NoticeStatus(
            channel=status.notice.channel,
            state=status.state.value,
            attempts=status.attempts,
            cause=status.cause,
        )
        return web.json_response(view.model_dump())

    @guarded(Action.NOTICE_REPORT)
    async def report(self, request: web.Request) -> web.Response:
        """POST /api/notices/reports/{channel}."""
        body, name = await read_body(request, ReportNotice), request.match_info["channel"]
        if name not in get_args(Channel):
            raise HttpError("not_found")
        channel: Channel = name  # type: ignore[assignment]  # just checked
        reported = await self._notices.outbox.report(channel, body.reference, body.state, now_s=self._clock())
        if reported is None:
            raise HttpError("not_found")
        notice, is_news = reported
        if is_news:
            self._metrics.notices.labels(channel, body.state).inc()
        await self._delivery.tell_watchers(notice, body.state)
        if body.state != "delivered":
            await self._delivery.fall_back(notice)
        return web.Response(status=204)

    # --- web push ----------------------------------------------------------------------------------------------

    @guarded(PUSH_KEY)
    async def push_key(self, _request: web.Request) -> web.Response:
        """GET /api/push-key."""
        return web.json_response(PushKey(key=self._push_key).model_dump())

    @guarded(Action.NOTICE_SUBSCRIBE)
    async def subscribe(self, request: web.Request) -> web.Response:
        """POST /api/push-subscriptions."""
        text = json.dumps((await read_body(request, Subscribe)).model_dump())
        try:
            endpoint = Subscription.parse(text).endpoint
            if not is_known_endpoint(endpoint, self._push_hosts):
                raise HttpError("invalid_request", "endpoint", cause="push_service")
            await self._contacts.subscribe(principal_of(request).actor, text)
        except (SubscriptionError, ContactError):
            raise HttpError("invalid_request", "keys") from None
        return web.Response(status=204)

    @guarded(Action.NOTICE_SUBSCRIBE)
    async def unsubscribe(self, request: web.Request) -> web.Response:
        """DELETE /api/push-subscriptions."""
        body = await read_body(request, Unsubscribe)
        if not await self._contacts.unsubscribe(principal_of(request).actor, body.endpoint):
            raise HttpError("not_found")
        return web.Response(status=204)

    # --- the test bench ----------------------------------------------------------------------------------------

    @guarded(SINK)
    async def sink(self, request: web.Request) -> web.Response:
        """GET /development/notices: for somebody at this machine, in development mode."""
        if not self._has_sink or not is_loopback(request.remote) or "X-Forwarded-For" in request.headers:
            raise HttpError("not_found")
        from signalling.development_notices import sink_page  # nothing of the test bench is loaded in production

        return sink_page(await caught(self._redis))
