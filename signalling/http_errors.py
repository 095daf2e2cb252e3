"""Refusals of HTTP requests: ``{"error": {"code", "field"?, "limit"?}}``. docs/http.md shows the codes."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final, Literal

from aiohttp import web

from chat.errors import Limit

HttpErrorCode = Literal[
    "invalid_request",
    "token_invalid",
    "token_expired",
    "not_logged_in",
    "csrf",
    "forbidden",
    "login_too_weak",
    "not_admitted",
    "removed",
    "revoked",
    "unknown_room",
    "not_found",
    "link_invalid",
    "unknown_attachment",
    "conflict",
    "case_closed",
    "not_assigned",
    "already_assigned",
    "not_closed",
    "reopen_too_late",
    "invalid_assignee",
    "changed_meanwhile",
    "unit_takes_no_cases",
    "already_uploaded",
    "quota_exceeded",
    "not_open",
    "link_used",
    "meeting_over",
    "link_expired",
    "address_expired",
    "too_large",
    "file_refused",
    "file_infected",
    "picture_refused",
    "precondition_failed",
    "unsupported_media_type",
    "unprocessable",
    "notice_refused",
    "too_many",
    "unavailable",
    "store_full",
    "internal",
]
HTTP_ERRORS: Final[Mapping[HttpErrorCode, tuple[int, str]]] = {
    "invalid_request": (400, "The body or a parameter is not what the route takes; `field` names it."),
    "token_invalid": (401, "The bearer token is not valid here."),
    "token_expired": (401, "The bearer token has expired."),
    "not_logged_in": (401, "There is no session, or it has ended."),
    "csrf": (403, "The request lacks the session's `X-CSRF-Token`, or another site's page made it."),
    "forbidden": (403, "Whoever this is may not do it."),
    "login_too_weak": (403, "The login's level of assurance is too low for this."),
    "not_admitted": (403, "A host has to let this person in first."),
    "removed": (403, "A host took this person out of the meeting, or did not let them in."),
    "revoked": (403, "The login or link was withdrawn."),
    "unknown_room": (404, "No such room."),
    "not_found": (404, "There is no such thing, or not for whoever asks."),
    "link_invalid": (404, "There is no such link."),
    "unknown_attachment": (404, "There is no such file, or not for whoever asks, or not by this address."),
    "conflict": (409, "Not in the state it is in now."),
    "not_open": (409, "The meeting has not opened yet."),
    "link_used": (409, "The link was used already, in another browser."),
    "case_closed": (409, "The case is closed; it can be reopened for a while."),
    "not_assigned": (409, "Somebody of the unit has to take the case first."),
    "already_assigned": (409, "Somebody has the case: hand it over instead."),
    "not_closed": (409, "Only a closed case can be reopened."),
    "reopen_too_late": (409, "The case was closed too long ago: open a new one."),
    "invalid_assignee": (409, "Nobody of the unit, or no unit of the care provider, to give the case to."),
    "changed_meanwhile": (409, "Somebody else has changed it: look again."),
    "unit_takes_no_cases": (409, "The unit takes no messages."),
    "already_uploaded": (409, "This address has taken its file, or its time is over."),
    "quota_exceeded": (409, "The conversation holds as many or as large files as it may."),
    "meeting_over": (410, "The meeting is over."),
    "link_expired": (410, "The link's time is over."),
    "address_expired": (410, "The signed address is too old: ask for another."),
    "precondition_failed": (412, "`If-Match` names another ICE session."),
    "too_large": (413, "The file is larger than it may be, or than was announced."),
    "file_refused": (415, "The file is of no accepted type, or is not what its name says."),
    "file_infected": (415, "The file holds a virus."),
    "picture_refused": (415, "The picture is damaged, or has more pixels than it may."),
    "unsupported_media_type": (415, "The body is of another type than the route takes."),
    "unprocessable": (422, "Understood, and not supported."),
    "notice_refused": (422, "A notice says nothing but what its template says, and nothing of health."),
    "too_many": (429, "Too many requests; try again later."),
    "unavailable": (503, "Something that is needed does not answer; try again."),
    "store_full": (507, "There is no room for files now."),
    "internal": (500, "A fault of ours."),
}
"""Code -> status and meaning."""


class HttpError(Exception):
    """A request that is answered with ``{"error": {"code", "field"?, "limit"?}}``.

    ``cause`` is for counters; few values.
    """

    def __init__(
        self, code: HttpErrorCode, field: str | None = None, *, cause: str | None = None, limit: Limit | None = None
    ) -> None:
        super().__init__(code)
        self.code: HttpErrorCode = code
        self.field = field
        self.cause = cause or code
        self.limit = limit

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return HTTP_ERRORS[self.code][0]

    def response(self) -> web.Response:
        """The error as JSON."""
        body: dict[str, Any] = {"code": self.code}
        if self.field:
            body["field"] = self.field
        if self.limit is not None:
            body["limit"] = asdict(self.limit)
        headers = {"WWW-Authenticate": "Bearer"} if self.status == 401 else None
        return web.json_response({"error": body}, status=self.status, headers=headers)
