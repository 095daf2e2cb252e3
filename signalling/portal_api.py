"""Portal links over HTTP: a record system asks for one, a clinician's browser uses it. docs/portal-links.md."""

import time
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web
from pydantic import Field

from auth.jwks import SignatureError
from auth.permissions import Action, Resource
from auth.portal_links import PortalLinkError, PortalLinks
from auth.portal_requests import PortalRequest, PortalRequestCode, PortalRequestError, check_request
from auth.principal import Principal
from auth.pseudonyms import Pseudonyms
from auth.record_keys import KeysUnavailableError, RecordSystemKeys
from signalling.guard import Public, guarded, service_principal
from signalling.http_errors import HttpError, HttpErrorCode
from signalling.limits import Buckets
from signalling.metrics import FrontMetrics
from signalling.portal_entry import OUT_OF_ORDER, FindMeeting, PortalEntry, staff_session, why_not
from signalling.portal_pages import ENTER_SCRIPT, enter_page
from signalling.protocol import Message
from signalling.requests import bearer, client_address, own_origin
from signalling.routes import Route
from signalling.settings import FrontSettings

ENTER: Final = Public("A page without data; its script posts the ticket that only the address has.")
TAKE: Final = Public("The single-use ticket is the credential; it is used up whatever comes of it.")

_CODES: Final[dict[PortalRequestCode, HttpErrorCode]] = {
    "token_invalid": "token_invalid",
    "token_expired": "token_expired",
    "unit_not_allowed": "forbidden",
    "login_too_weak": "login_too_weak",
    "replayed": "conflict",
}
_REQUEST: Final = web.RequestKey("portal_request", PortalRequest)


class PortalLinkCreated(Message):
    """The link, for one use by that clinician's browser."""

    url: str = Field(description="Open it in the clinician's browser. The ticket stands in its fragment.")
    expires_at: int = Field(description="Seconds since the epoch; at most 60 s from now.")


ROUTES: Final = (
    Route(
        "POST", "/api/portal/links", Action.PORTAL_LINK_CREATE,
        "Ask for a portal link (docs/portal-links.md). No body: all of it stands in the signed request.",
        None, PortalLinkCreated, (201, 401, 403, 404, 409, 429, 503),
        auth="a JWT that a configured record system signed, valid for 60 s at most, as bearer token",
    ),
    Route("GET", "/portal/enter", ENTER, "What a portal link opens; its script posts the ticket in the fragment."),
    Route("GET", "/portal/enter.js", ENTER, "That script."),
    Route(
        "POST", "/portal/enter", TAKE,
        "A form with `ticket`: sets the session's cookie and redirects to the meeting or to the staff portal, or shows "
        "a page that says why not.",
        statuses=(303, 403, 404, 410),
    ),
)  # fmt: skip


class PortalApi:
    """The handlers."""

    def __init__(
        self,
        settings: FrontSettings,
        keys: RecordSystemKeys,
        links: PortalLinks,
        pseudonyms: Pseudonyms | None,
        find_meeting: FindMeeting,
        entry: PortalEntry,
        metrics: FrontMetrics,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._links = links
        self._pseudonyms = pseudonyms
        self._find_meeting = find_meeting
        self._entry = entry
        self._metrics = metrics
        self._clock = clock
        self._rates = Buckets(settings.portal_links_per_minute / 60, settings.portal_links_per_minute)

    def add_routes(self, app: web.Application) -> None:
        """All of this page."""
        app.router.add_post("/api/portal/links", self.create)
        app.router.add_get("/portal/enter", self.enter)
        app.router.add_get("/portal/enter.js", self.script)
        app.router.add_post("/portal/enter", self.take)

    # --- for record systems ------------------------------------------------------------------------------------

    async def _record_system(self, request: web.Request) -> Principal:
        """Who signed the request; what it says is kept for the handler."""
        if not self._rates.take(client_address(request, self._settings.proxy_hops), time.monotonic()):
            raise HttpError("too_many")
        now = self._clock()
        try:
            system, signed = await self._keys.check(bearer(request))
            asked = check_request(signed.claims, system, audience=self._settings.portal_audience, now=now)
            await self._links.use_request(asked, now=now)
        except SignatureError as error:
            raise self._refused("token_invalid", error.cause) from None
        except KeysUnavailableError:
            raise self._refused("unavailable", "jwks") from None
        except PortalRequestError as error:
            raise self._refused(_CODES[error.code], error.claim) from None
        request[_REQUEST] = asked
        return service_principal(asked.issuer, frozenset({"portal:write"}), asked.jti)

    async def _what(self, request: web.Request) -> Resource | None:
        """What the link will open: a meeting of that unit and patient, or the unit."""
        asked = request[_REQUEST]
        person_id = self._person_id(asked)
        if asked.meeting_id is not None:
            meeting = await self._find_meeting(asked.meeting_id)
            if meeting is None:
                raise self._refused("not_found", "meeting")
            why = why_not(staff_session(asked, self._clock()).principal(), meeting, person_id)
            if why is not None:
                raise self._refused("not_found", "meeting" if why == "other_unit" else "patient")
            return meeting
        return Resource(
            provider_hsa_id=asked.commission.provider_hsa_id,
            unit_hsa_id=asked.commission.unit_hsa_id,
            patient_person_id=person_id,
        )

    @guarded(Action.PORTAL_LINK_CREATE, authenticate=_record_system, resource=_what)
    async def create(self, request: web.Request) -> web.Response:
        """POST /api/portal/links."""
        asked = request[_REQUEST]
        ticket, link = await self._links.create(asked, self._person_id(asked), now=self._clock())
        self._metrics.portal_links.labels("ok").inc()
        origin = own_origin(request, self._settings.public_url)
        reply = PortalLinkCreated(url=f"{origin}/portal/enter#ticket={ticket}", expires_at=link.expires_at)
        return web.json_response(reply.model_dump(), status=201)

    def _person_id(self, asked: PortalRequest) -> str | None:
        if asked.patient is None:
            return None
        if self._pseudonyms is None:
            raise self._refused("unavailable", "patient")
        return self._pseudonyms.person_id(asked.patient)

    def _refused(self, code: HttpErrorCode, field: str) -> HttpError:
        self._metrics.portal_links.labels(field).inc()
        return HttpError(code, field, cause=code)

    # --- for clinicians ----------------------------------------------------------------------------------------

    @guarded(ENTER)
    async def enter(self, _request: web.Request) -> web.Response:
        """GET /portal/enter: looking at a link uses nothing up."""
        return enter_page()

    @guarded(ENTER)
    async def script(self, _request: web.Request) -> web.Response:
        """GET /portal/enter.js."""
        return web.Response(text=ENTER_SCRIPT, content_type="text/javascript", headers={"Cache-Control": "no-cache"})

    @guarded(TAKE)
    async def take(self, request: web.Request) -> web.StreamResponse:
        """POST /portal/enter."""
        form: Any = await request.post()
        ticket = form.get("ticket")
        try:
            try:
                link = await self._links.take(ticket if isinstance(ticket, str) else "", now=self._clock())
            except PortalLinkError as error:
                return await self._entry.refuse(request, error.code, error.link, "portal_link")
            return await self._entry.admit(request, link, "portal_link")
        except OUT_OF_ORDER:
            return self._entry.out_of_order("portal_link")
