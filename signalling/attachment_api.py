"""Attachments over HTTP: signed addresses for who may, then the bytes, up and down.

Who asks for an address passes the guard, and a staff member's read stands in the audit log then. The address names
person, conversation, file, size and time; at the address itself the person is compared with the session or the meeting
token that comes along, so that an address that leaks opens nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

from aiohttp import web

from auth.permissions import Action, Resource
from auth.principal import Principal
from chat.attachment_addresses import AddressError, Claim
from chat.attachments import Address, AttachmentError, Attachments, is_inline
from chat.case_store import CaseStore
from chat.cases import CaseState
from signalling.attachment_views import AttachmentAddress, ReserveAttachment
from signalling.case_api import CASE, resource_of
from signalling.chat_protocol import ChatAttachment
from signalling.entry import Entry, RefusedError, principal_of
from signalling.guard import GUARD, Public, guarded
from signalling.guard import principal_of as principal_of_request
from signalling.http_api import read_body
from signalling.http_errors import HttpError, HttpErrorCode
from signalling.limits import Buckets
from signalling.metrics import FrontMetrics
from signalling.refusals import http_error
from signalling.requests import bearer
from signalling.routes import Route
from signalling.upload_places import NoPlaceError, SlowUploadError, UploadBody, UploadPlaces

NAME_HEADER: Final = "X-File-Name"
MAX_NAME_HEADER_CHARACTERS: Final = 2048
ADDRESS: Final = Public("The signed address names a person, who is compared with the session or meeting token.")

SAFE_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    # Whatever it is, a browser that shows it runs nothing of it, and no other site's page can embed it.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cache-Control": "private, no-store",
}

_OF_CASE: Final = "/api/cases/{case_id}/attachments"
_OF_NOTES: Final = "/api/cases/{case_id}/notes/attachments"
_OF_MEETING: Final = "/api/meeting-files"
_MEETING_TOKEN: Final = "a meeting token as bearer token"  # noqa: S105  # a description
_ASK: Final = "Ask where to send a file of a given size. PUT it there once, then name it in a message."
_DISCARD: Final = "Take one's own file back before a message carries it."
_FETCH: Final = "Ask where a file that a message carries can be fetched."
ROUTES: Final = (
    Route("POST", _OF_CASE, Action.CASE_FILE, _ASK, ReserveAttachment, AttachmentAddress,
          (201, 400, 404, 409, 413, 429)),
    Route("GET", f"{_OF_CASE}/{{attachment_id}}", Action.CASE_FILE, _FETCH, reply=AttachmentAddress,
          statuses=(200, 404)),
    Route("DELETE", f"{_OF_CASE}/{{attachment_id}}", Action.CASE_FILE, _DISCARD, statuses=(204, 404)),
    Route("DELETE", f"{_OF_NOTES}/{{attachment_id}}", Action.STAFF_CHAT, f"{_DISCARD} In internal notes.",
          statuses=(204, 404)),
    Route("DELETE", f"{_OF_MEETING}/{{attachment_id}}", Action.MEETING_FILE, f"{_DISCARD} In the token's meeting.",
          statuses=(204, 404), auth=_MEETING_TOKEN),
    Route("POST", _OF_NOTES, Action.STAFF_CHAT, f"{_ASK} For internal notes.", ReserveAttachment, AttachmentAddress,
          (201, 400, 404, 409, 413, 429)),
    Route("GET", f"{_OF_NOTES}/{{attachment_id}}", Action.STAFF_CHAT, f"{_FETCH} For internal notes.",
          reply=AttachmentAddress, statuses=(200, 404)),
    Route("POST", _OF_MEETING, Action.MEETING_FILE, f"{_ASK} For the meeting of the token.", ReserveAttachment,
          AttachmentAddress, (201, 400, 403, 409, 413, 429), auth=_MEETING_TOKEN),
    Route("GET", f"{_OF_MEETING}/{{attachment_id}}", Action.MEETING_FILE, f"{_FETCH} In the meeting of the token.",
          reply=AttachmentAddress, statuses=(200, 404), auth=_MEETING_TOKEN),
    Route("PUT", "/api/attachments/{address}", ADDRESS,
          "The file itself as the body, with its name (percent-encoded) in `X-File-Name`. Pictures are drawn anew, "
          "without place, camera and anything else.", reply=ChatAttachment,
          statuses=(201, 400, 404, 409, 410, 413, 415, 429, 503, 507), auth=f"a session, or {_MEETING_TOKEN}"),
    Route("GET", "/api/attachments/{address}", ADDRESS, "The file.", statuses=(200, 404, 410),
          auth=f"a session, or {_MEETING_TOKEN}"),
)  # fmt: skip

_CODES: Final[Mapping[str, HttpErrorCode]] = {
    "size_mismatch": "too_large",
    "too_many_pending": "too_many",
    "file_type_refused": "file_refused",
    "infected": "file_infected",
    "attachments_unavailable": "unavailable",
    "address_invalid": "unknown_attachment",
}


class AttachmentApi:
    """The handlers."""

    def __init__(
        self,
        attachments: Attachments,
        cases: CaseStore,
        entry: Entry,
        metrics: FrontMetrics,
        *,
        places: UploadPlaces,
        may_write: Callable[[Principal, str], Awaitable[bool]],
        per_minute: int,
        upload_timeout_s: float,
        min_bytes_per_s: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._attachments = attachments
        self._cases = cases
        self._entry = entry
        self._metrics = metrics
        self.places = places
        self._may_write = may_write
        self._rates = Buckets(per_minute / 60, per_minute)
        self._upload_timeout_s = upload_timeout_s
        self._min_bytes_per_s = min_bytes_per_s
        self._clock = clock

    def add_routes(self, app: web.Application) -> None:
        """All of this page."""
        app.router.add_post(_OF_CASE, self.reserve_in_case)
        app.router.add_get(f"{_OF_CASE}/{{attachment_id}}", self.address_in_case)
        app.router.add_post(_OF_NOTES, self.reserve_in_notes)
        app.router.add_get(f"{_OF_NOTES}/{{attachment_id}}", self.address_in_notes)
        app.router.add_post(_OF_MEETING, self.reserve_in_meeting)
        app.router.add_get(f"{_OF_MEETING}/{{attachment_id}}", self.address_in_meeting)
        app.router.add_delete(f"{_OF_CASE}/{{attachment_id}}", self.discard_in_case)
        app.router.add_delete(f"{_OF_NOTES}/{{attachment_id}}", self.discard_in_notes)
        app.router.add_delete(f"{_OF_MEETING}/{{attachment_id}}", self.discard_in_meeting)
        app.router.add_put("/api/attachments/{address}", self.upload)
        app.router.add_get("/api/attachments/{address}", self.download)

    # --- what requests are about -------------------------------------------------------------------------------

    async def _case(self, request: web.Request) -> Resource | None:
        case = await self._cases.get(request.match_info["case_id"])
        if case is None:
            return None
        request[CASE] = case
        return resource_of(case)

    async def _in_meeting(self, request: web.Request) -> Principal:
        """The holder of a meeting token who is admitted."""
        try:
            ticket = await self._entry.check(bearer(request), Action.MEETING_FILE)
        except RefusedError as error:
            raise http_error(error) from None
        if not ticket.is_admitted:
            raise HttpError("not_admitted")
        return principal_of(ticket.claims)

    async def _meeting(self, request: web.Request) -> Resource:
        return Resource(meeting_id=principal_of_request(request).meeting_id)

    # --- addresses ---------------------------------------------------------------------------------------------

    @guarded(Action.CASE_FILE, resource=_case)
    async def reserve_in_case(self, request: web.Request) -> web.Response:
        """POST /api/cases/{case_id}/attachments."""
        return await self._reserve(request, request[CASE].conversation_id)

    @guarded(Action.CASE_FILE, resource=_case)
    async def address_in_case(self, request: web.Request) -> web.Response:
        """GET /api/cases/{case_id}/attachments/{attachment_id}."""
        return await self._address(request, request[CASE].conversation_id)

    @guarded(Action.STAFF_CHAT, resource=_case)
    async def reserve_in_notes(self, request: web.Request) -> web.Response:
        """POST /api/cases/{case_id}/notes/attachments."""
        return await self._reserve(request, request[CASE].notes_id)

    @guarded(Action.STAFF_CHAT, resource=_case)
    async def address_in_notes(self, request: web.Request) -> web.Response:
        """GET /api/cases/{case_id}/notes/attachments/{attachment_id}."""
        return await self._address(request, request[CASE].notes_id)

    @guarded(Action.MEETING_FILE, resource=_meeting, authenticate=_in_meeting)
    async def reserve_in_meeting(self, request: web.Request) -> web.Response:
        """POST /api/meeting-files: for who may write there."""
        principal = principal_of_request(request)
        if not await self._may_write(principal, f"meeting-{principal.meeting_id}"):
            raise HttpError("forbidden", cause="hosts_only")
        return await self._reserve(request, f"meeting-{principal_of_request(request).meeting_id}")

    @guarded(Action.MEETING_FILE, resource=_meeting, authenticate=_in_meeting)
    async def address_in_meeting(self, request: web.Request) -> web.Response:
        """GET /api/meeting-files/{attachment_id}."""
        return await self._address(request, f"meeting-{principal_of_request(request).meeting_id}")

    @guarded(Action.CASE_FILE, resource=_case)
    async def discard_in_case(self, request: web.Request) -> web.Response:
        """DELETE /api/cases/{case_id}/attachments/{attachment_id}."""
        return await self._discard(request, request[CASE].conversation_id)

    @guarded(Action.STAFF_CHAT, resource=_case)
    async def discard_in_notes(self, request: web.Request) -> web.Response:
        """DELETE /api/cases/{case_id}/notes/attachments/{attachment_id}."""
        return await self._discard(request, request[CASE].notes_id)

    @guarded(Action.MEETING_FILE, resource=_meeting, authenticate=_in_meeting)
    async def discard_in_meeting(self, request: web.Request) -> web.Response:
        """DELETE /api/meeting-files/{attachment_id}."""
        return await self._discard(request, f"meeting-{principal_of_request(request).meeting_id}")

    async def _discard(self, request: web.Request, conversation_id: str) -> web.Response:
        person, attachment_id = principal_of_request(request).actor, request.match_info["attachment_id"]
        await self._refusals(self._attachments.discard(conversation_id, attachment_id, person))
        return web.Response(status=204)

    async def _reserve(self, request: web.Request, conversation_id: str) -> web.Response:
        body = await read_body(request, ReserveAttachment)
        if CASE in request and request[CASE].state is CaseState.CLOSED:
            raise HttpError("case_closed")
        person = principal_of_request(request).actor
        if not self._rates.take(person, time.monotonic()):
            raise HttpError("too_many", cause="attachments_per_minute")
        address = await self._refusals(
            self._attachments.reserve(conversation_id, person, size_bytes=body.size_bytes, now_s=self._clock())
        )
        return _reply(address, status=201)

    async def _address(self, request: web.Request, conversation_id: str) -> web.Response:
        person = principal_of_request(request).actor
        address = await self._refusals(
            self._attachments.download_address(
                conversation_id, request.match_info["attachment_id"], person, now_s=self._clock()
            )
        )
        return _reply(address, status=200)

    # --- at the address ----------------------------------------------------------------------------------------

    @guarded(ADDRESS)
    async def upload(self, request: web.Request) -> web.Response:
        """PUT /api/attachments/{address}."""
        claim = await self._claim(request, "upload")
        if request.content_length is not None and request.content_length != claim.size_bytes:
            raise HttpError("too_large", cause="size_mismatch")
        body = UploadBody(request, self._min_bytes_per_s)
        try:
            await body.begin()
            async with self.places.of(claim.person), asyncio.timeout(self._upload_timeout_s):
                view = await self._refusals(
                    self._attachments.receive(
                        claim,
                        body.rest(),
                        name=_name(request),
                        stated_type=request.headers.get("Content-Type", ""),
                        now_s=self._clock(),
                    )
                )
        except TimeoutError:
            raise HttpError("unavailable", cause="upload_timeout") from None
        except SlowUploadError:
            raise HttpError("unavailable", cause="upload_slow") from None
        except NoPlaceError as error:
            is_own = error.cause == "uploads_of_person"
            raise HttpError("too_many" if is_own else "unavailable", cause=error.cause) from None
        return web.json_response(ChatAttachment(**view).model_dump(), status=201)

    @guarded(ADDRESS)
    async def download(self, request: web.Request) -> web.StreamResponse:
        """GET /api/attachments/{address}."""
        claim = await self._claim(request, "download")
        record, chunks = await self._refusals(self._attachments.open(claim))
        first = await self._refusals(anext(chunks, b""))
        response = web.StreamResponse(headers=SAFE_HEADERS)
        response.content_type = record.media_type
        if record.media_type == "text/plain":
            response.charset = "utf-8"
        response.content_length = record.size_bytes
        response.headers["Content-Disposition"] = disposition(record.name, is_shown=is_inline(record.media_type))
        await response.prepare(request)
        try:
            await response.write(first)
            async for chunk in chunks:
                await response.write(chunk)
        except AttachmentError:
            # The head has gone out: cutting the connection is the only way to say that the rest will not come.
            if request.transport is not None:
                request.transport.abort()
            return response
        await response.write_eof()
        return response

    async def _claim(self, request: web.Request, purpose: Any) -> Claim:
        """What the address is for, if whoever comes with it is whom it was made for."""
        try:
            claim = self._attachments.signer.check(request.match_info["address"], purpose=purpose, now_s=self._clock())
        except AddressError as error:
            raise HttpError(_CODES.get(error.code, "address_expired"), cause=error.code) from None
        if await self._person(request) != claim.person:
            raise HttpError("unknown_attachment", cause="other_person")
        return claim

    async def _person(self, request: web.Request) -> str:
        if "Authorization" in request.headers:
            return (await self._in_meeting(request)).actor
        principal = await request.app[GUARD].find_principal(request)
        if principal is None:
            raise HttpError("not_logged_in")
        return principal.actor

    async def _refusals(self, awaited: Awaitable[Any]) -> Any:
        """Await it; its refusals become those of HTTP, and are counted by their finer cause."""
        try:
            return await awaited
        except AttachmentError as error:
            self._metrics.http_refusals.labels(error.cause).inc()
            code = _CODES.get(error.code, error.code)
            raise HttpError(code, cause=error.code, limit=error.limit) from None  # type: ignore[arg-type]  # tested for all


def _name(request: web.Request) -> str:
    """The file's name as the client gives it; whatever that is, it is cleaned before it is kept."""
    return unquote(request.headers.get(NAME_HEADER, "")[:MAX_NAME_HEADER_CHARACTERS], errors="replace")


def disposition(name: str, *, is_shown: bool) -> str:
    """Content-Disposition (RFC 6266): saved under its name, and shown in the page only if that is safe."""
    plain = "".join(character if character.isascii() and character not in '\\"%' else "_" for character in name)
    kind = "inline" if is_shown else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _reply(address: Address, *, status: int) -> web.Response:
    view = AttachmentAddress(
        attachment_id=address.attachment_id,
        url=f"/api/attachments/{address.address}",
        expires_at=address.expires_at_s,
    )
    return web.json_response(view.model_dump(), status=status)
