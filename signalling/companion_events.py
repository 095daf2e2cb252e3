"""What the companion tells: bookings that were made, moved and cancelled, who may act for whom, what to tell people.

``POST /api/companion/events`` takes one event. Its key makes it happen once, however often and at whichever fronts it
arrives (``signalling/companion_event_keys.py``). What is done about a kind of event stands in one table of handlers; a
kind that nobody handles is taken and counted, so that a newer companion is not held up by an older front.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, Literal, get_args

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter
from pydantic import Field

from auth.permissions import NOTHING, Action, Resource
from signalling.companion_answers import CompanionRefusedError, CompanionUnavailableError
from signalling.companion_event_keys import EventKeys
from signalling.companion_event_kinds import IGNORED
from signalling.guard import guarded
from signalling.http_api import read_body
from signalling.http_errors import HttpError
from signalling.protocol import Message
from signalling.routes import Route

Result = Literal["done", "repeated", "unknown", "malformed"]
RESULTS: Final = (*get_args(Result), "ignored", "busy", "unavailable", "failed")

_log = structlog.get_logger(__name__)


class CompanionEvent(Message):
    """An event of the companion's outbox. The same `key` acts once; a kind that is not known is taken and counted."""

    key: Annotated[str, Field(min_length=1, max_length=128)]
    kind: Annotated[str, Field(pattern=r"^[a-z_]{1,32}(\.[a-z_]{1,32}){1,2}$")] = Field(
        description="`booking.created`..."
    )
    created_at: Annotated[str, Field(max_length=40)] = Field(description="ISO 8601.")
    payload: dict[str, Any] = Field(description="Ids and instants: no names, no health information.")


class EventTaken(Message):
    """What became of it."""

    result: Result = Field(
        description="`done`; `repeated`: acted on before; `unknown`: nobody handles the kind; `malformed`: the payload "
        "of a known kind lacks something."
    )


class EventPayloadError(Exception):
    """A payload that lacks something; ``field`` names it."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


def text_of(payload: Mapping[str, Any], name: str) -> str:
    """A text of the payload; ``EventPayloadError`` when there is none."""
    value = payload.get(name)
    if not isinstance(value, str) or not value:
        raise EventPayloadError(name)
    return value


Handler = Callable[[CompanionEvent], Awaitable[None]]
"""Acts on an event; again and again comes to the same. Raises ``EventPayloadError``, ``CompanionUnavailableError``, or
what Redis raises; then the companion delivers the event again later."""

ROUTES: Final = (
    Route(
        "POST", "/api/companion/events", Action.COMPANION_EVENT, CompanionEvent.__doc__ or "", CompanionEvent,
        EventTaken, (200, 400, 409, 503),
    ),
)  # fmt: skip


class CompanionEventMetrics:
    """What a front counts of the companion's events."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.events = Counter(
            "ao_companion_events",
            "Events of the companion by kind ('other' for those that are not known) and result: done, ignored (nothing "
            "is to be done), repeated, unknown, malformed, busy (another front acts on it), unavailable and failed "
            "(delivered again later).",
            ["kind", "result"],
            registry=registry,
        )


class CompanionEventApi:
    """The handler of the route, over ``handlers`` by kind."""

    def __init__(
        self,
        keys: EventKeys,
        metrics: CompanionEventMetrics,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._metrics = metrics
        self._clock = clock
        self.handlers: dict[str, tuple[Handler, ...]] = {}

    def on(self, kind: str, *handlers: Handler) -> None:
        """Let these act on events of a kind, in this order, after those that are there."""
        self.handlers[kind] = (*self.handlers.get(kind, ()), *handlers)

    def add_routes(self, app: web.Application) -> None:
        """All of this page."""
        app.router.add_post("/api/companion/events", self.take)

    async def _about(self, request: web.Request) -> Resource:
        """Whom the event is about, for the audit log. A body that is none is refused by the handler."""
        try:
            payload = (await read_body(request, CompanionEvent)).payload
        except HttpError:
            return NOTHING
        named = {name: value for name, value in payload.items() if isinstance(value, str) and len(value) <= 64}
        return Resource(
            provider_hsa_id=named.get("provider"),
            unit_hsa_id=named.get("unit"),
            patient_person_id=named.get("patient") or named.get("person"),
            meeting_id=named.get("meeting"),
        )

    @guarded(Action.COMPANION_EVENT, resource=_about)
    async def take(self, request: web.Request) -> web.Response:
        """POST /api/companion/events."""
        event = await read_body(request, CompanionEvent)
        result = await self._act(event)
        return web.json_response(EventTaken(result=result).model_dump())

    async def _act(self, event: CompanionEvent) -> Result:
        handlers = self.handlers.get(event.kind)
        if event.kind in IGNORED:
            self._metrics.events.labels(event.kind, "ignored").inc()
            return "done"
        if handlers is None:
            self._metrics.events.labels("other", "unknown").inc()
            return "unknown"
        count = self._metrics.events
        claimed = await self._keys.claim(event.key)
        if claimed != "new":
            count.labels(event.kind, "repeated" if claimed == "done" else "busy").inc()
            if claimed == "busy":
                raise HttpError("conflict", "key")
            return "repeated"
        result: Result = "done"
        try:
            for handle in handlers:
                await handle(event)
        except EventPayloadError as error:  # never gets better: delivered again and again it would help nobody
            _log.error("companion_event_malformed", kind=event.kind, field=error.field)
            result = "malformed"
        except CompanionUnavailableError as error:
            count.labels(event.kind, "unavailable").inc()
            await self._keys.release(event.key)
            _log.warning("companion_event_postponed", kind=event.kind, cause=error.cause)
            raise HttpError("unavailable") from None
        except CompanionRefusedError as error:
            if error.status != 404:  # keys or versions that do not fit: mended by people, and then it comes again
                count.labels(event.kind, "failed").inc()
                await self._keys.release(event.key)
                _log.error("companion_event_refused", kind=event.kind, code=error.code)
                raise HttpError("unavailable") from None
            _log.info("companion_event_late", kind=event.kind)  # what it tells of is gone by now
        except BaseException:
            count.labels(event.kind, "failed").inc()
            await self._keys.release(event.key)
            raise
        await self._keys.done(event.key)
        count.labels(event.kind, result).inc()
        return result
