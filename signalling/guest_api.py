"""Guest and interpreter links over HTTP: made by staff, used without a login."""

import time
from collections.abc import Callable
from typing import Final

from aiohttp import web

from auth.guest_links import GuestLink, GuestLinkError, GuestLinks, TooManyLinksError
from auth.permissions import Action, Resource
from auth.revocations import Revocations
from signalling.guard import Public, guarded, principal_of
from signalling.guardian_links import GuardianSecrets
from signalling.http_api import read_body
from signalling.http_errors import HttpError
from signalling.limits import Buckets
from signalling.meeting_api import MEETING
from signalling.meeting_entry import MeetingEntry
from signalling.meeting_source import MeetingSource
from signalling.meeting_views import (
    CreateLink,
    LinkCreated,
    LinkList,
    LinkView,
    ListedLink,
    MeetingToken,
    UseLink,
)
from signalling.requests import client_address, own_origin
from signalling.routes import Route
from signalling.session_cookies import set_cookie
from signalling.settings import FrontSettings

USE: Final = Public("The link's secret is the credential, bound to the first browser; rate limited by address.")
GUEST_COOKIE: Final = "__Host-guest"
_LINK: Final = web.RequestKey("guest_link", GuestLink)

ROUTES: Final = (
    Route("POST", "/api/meetings/{meeting_id}/links", Action.GUEST_LINK_CREATE, CreateLink.__doc__ or "", CreateLink,
          LinkCreated, (201, 400, 404, 409, 410)),
    Route("GET", "/api/meetings/{meeting_id}/links", Action.GUEST_LINK_LIST, LinkList.__doc__ or "", reply=LinkList,
          statuses=(200, 404)),
    Route("DELETE", "/api/meetings/{meeting_id}/links/{link_id}", Action.GUEST_LINK_REVOKE,
          "The link opens no more, and who came in by it is out of the meeting.", statuses=(204, 404)),
    Route("POST", "/api/guest", USE, UseLink.__doc__ or "", UseLink, MeetingToken, (201, 400, 403, 404, 409, 410, 429),
          auth="the link's secret, and the cookie `__Host-guest` after the first use"),
)  # fmt: skip


class GuestApi:
    """The handlers."""

    def __init__(
        self,
        settings: FrontSettings,
        source: MeetingSource,
        entry: MeetingEntry,
        links: GuestLinks,
        revocations: Revocations,
        guardian_secrets: GuardianSecrets,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._guardian_secrets = guardian_secrets
        self._settings = settings
        self._source = source
        self._entry = entry
        self._links = links
        self._revocations = revocations
        self._clock = clock
        per_minute = settings.guest_attempts_per_minute
        self._rates = Buckets(per_minute / 60, per_minute)

    def add_routes(self, app: web.Application) -> None:
        """All of this page."""
        app.router.add_post("/api/meetings/{meeting_id}/links", self.create)
        app.router.add_get("/api/meetings/{meeting_id}/links", self.list_links)
        app.router.add_delete("/api/meetings/{meeting_id}/links/{link_id}", self.revoke)
        app.router.add_post("/api/guest", self.use)

    async def _meeting(self, request: web.Request) -> Resource | None:
        meeting = await self._source.find(request.match_info["meeting_id"])
        if meeting is None:
            return None
        request[MEETING] = meeting
        return meeting.resource()

    async def _link(self, request: web.Request) -> Resource | None:
        """The link and its meeting: a link of another meeting is not there."""
        resource = await self._meeting(request)
        link = await self._links.get(request.match_info["meeting_id"], request.match_info["link_id"])
        if resource is None or link is None:
            return None
        request[_LINK] = link
        return resource

    # --- for staff ---------------------------------------------------------------------------------------------

    @guarded(Action.GUEST_LINK_CREATE, resource=_meeting)
    async def create(self, request: web.Request) -> web.Response:
        """POST /api/meetings/{meeting_id}/links."""
        body, meeting, now = await read_body(request, CreateLink), request[MEETING], self._clock()
        self._entry.check_open(meeting, now, is_staff=True)
        expires_at = min(int(now) + self._settings.guest_link_lifetime_s, self._entry.closes_at(meeting))
        created_by = principal_of(request).actor
        try:
            link, secret = await self._links.create(
                meeting.meeting_id, body.role, body.label, created_by=created_by, now=now, expires_at=expires_at
            )
        except TooManyLinksError:
            raise HttpError("conflict", "links") from None
        view = _view(link, now).model_dump() | {"url": self._url(request, secret)}
        return web.json_response(LinkCreated(**view).model_dump(), status=201)

    def _url(self, request: web.Request, secret: str) -> str:
        return f"{own_origin(request, self._settings.public_url)}/guest#link={secret}"

    @guarded(Action.GUEST_LINK_LIST, resource=_meeting)
    async def list_links(self, request: web.Request) -> web.Response:
        """GET /api/meetings/{meeting_id}/links."""
        links, now = await self._links.of_meeting(request[MEETING].meeting_id), self._clock()
        views = []
        for link in links:
            secret = self._guardian_secrets.known(link) if link.state(now) == "unused" else None
            url = None if secret is None else self._url(request, secret)
            views.append(ListedLink(**_view(link, now).model_dump(), url=url))
        return web.json_response(LinkList(links=views).model_dump())

    @guarded(Action.GUEST_LINK_REVOKE, resource=_link)
    async def revoke(self, request: web.Request) -> web.Response:
        """DELETE /api/meetings/{meeting_id}/links/{link_id}: the link first, then who came in by it."""
        link = request[_LINK]
        await self._links.revoke(link, self._clock())
        await self._revocations.revoke(link.link_id, "link")
        return web.Response(status=204)

    # --- for guests --------------------------------------------------------------------------------------------

    @guarded(USE)
    async def use(self, request: web.Request) -> web.Response:
        """POST /api/guest."""
        if not self._rates.take(client_address(request, self._settings.proxy_hops), time.monotonic()):
            raise HttpError("too_many")
        body, now = await read_body(request, UseLink), self._clock()
        try:
            link = await self._links.find(body.link, now)
            meeting = await self._source.find(link.meeting_id)
            if meeting is None:
                raise HttpError("meeting_over")
            # Before the link is used up: who comes too early may try again from another browser.
            self._entry.check_open(meeting, now, is_staff=False)
            entered = await self._links.enter(link, request.cookies.get(GUEST_COOKIE), now)
        except GuestLinkError as error:
            raise HttpError(error.code) from None
        if await self._revocations.is_revoked(link.link_id):
            raise HttpError("revoked")
        token = await self._entry.sign(
            meeting,
            identity=link.link_id,
            subject=link.link_id,
            display_name=body.display_name.rstrip(),
            role=link.role,
            grant_id=link.link_id,
            admitted=False,
            until=min(link.expires_at, self._entry.closes_at(meeting)),
            scopes=frozenset({"join"}),
            now=now,
        )
        response = web.json_response(token.model_dump(), status=201)
        if entered.browser_secret is not None:
            set_cookie(response, GUEST_COOKIE, entered.browser_secret, max_age_s=max(1, link.expires_at - int(now)))
        return response


def _view(link: GuestLink, now: float) -> LinkView:
    return LinkView(
        link_id=link.link_id, role=link.role, label=link.label, state=link.state(now), expires_at=link.expires_at
    )
