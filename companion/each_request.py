"""What happens to every request: an id, a limit of size, headers; and no failure without an answer.

Plain ASGI rather than Starlette's ``BaseHTTPMiddleware``, which runs each request in a task group of its own.
"""

import re
from typing import Any, Final

import structlog
from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from companion.errors import INTERNAL, PROBLEM_JSON, TOO_LARGE, Problem, language_of
from companion.fhir.elements import FHIR_JSON
from companion.fhir.outcome import operation_outcome
from companion.identity import bind_request
from sfu.logs import place_of

MAX_BODY_BYTES: Final = 1024 * 1024
_STREAMED: Final = re.compile(r"/archive/conversations/[^/]+/files/[^/]+")
"""Here the route reads the body piece by piece and has a limit of its own (``archive_file_max_bytes``)."""

_NO_STORE: Final = ((b"cache-control", b"no-store"),)

_log = structlog.get_logger(__name__)


def answer_of(request: Request, problem: Problem) -> JSONResponse:
    """The problem as an answer, in the language that the request prefers; of ``/fhir`` an OperationOutcome."""
    language = language_of(request.headers.get("accept-language", ""))
    headers = {"Content-Language": language, "Vary": "Accept-Language"}
    if problem.kind.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if request.url.path.startswith("/fhir/"):
        outcome = operation_outcome(problem, language)
        return JSONResponse(outcome, problem.kind.status, headers=headers, media_type=FHIR_JSON)
    return JSONResponse(problem.body(language), problem.kind.status, headers=headers, media_type=PROBLEM_JSON)


class EachRequest:
    """The middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or something else that is none of ours."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = bind_request(scope)
        marks = [(b"x-content-type-options", b"nosniff"), (b"x-request-id", request_id.encode())]
        has_started, size = False, 0
        is_streamed = scope["method"] == "PUT" and _STREAMED.fullmatch(scope["path"]) is not None

        async def receive_bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > MAX_BODY_BYTES and not is_streamed:  # a body that does not say its length
                raise Problem(TOO_LARGE)
            return message

        async def send_with_headers(message: Any) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                headers = message["headers"]
                is_said = any(name == b"cache-control" for name, _ in headers)
                # A new list: an answer that is kept is sent again.
                message = {**message, "headers": [*headers, *marks, *(() if is_said else _NO_STORE)]}
            await send(message)

        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not length.isdigit() or (int(length) > MAX_BODY_BYTES and not is_streamed):
            await answer_of(Request(scope), Problem(TOO_LARGE))(scope, receive, send_with_headers)
            return
        try:
            await self._app(scope, receive_bounded, send_with_headers)
        except Exception as error:
            _log.error("request_failed", error=place_of(error))
            if has_started:
                raise
            await answer_of(Request(scope), Problem(INTERNAL))(scope, receive, send_with_headers)
