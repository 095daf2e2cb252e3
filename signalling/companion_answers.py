"""What the companion's answers mean: a body, a refusal with its code, or that it cannot be asked now."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import aiohttp

MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
MAX_RETRY_AFTER_S: Final = 60.0
_READ_BYTES: Final = 64 * 1024
_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
"""A failure that another attempt may mend; 429 is no fault of the companion."""

Cause = Literal["timeout", "connection", "server_error", "malformed", "circuit_open", "busy", "closed"]


class CompanionError(Exception):
    """The companion gave no answer that can be used."""


class CompanionUnavailableError(CompanionError):
    """It cannot be asked now."""

    def __init__(self, cause: Cause, retry_after_s: float | None = None) -> None:
        super().__init__(cause)
        self.cause: Cause = cause
        self.retry_after_s = retry_after_s


class CompanionRefusedError(CompanionError):
    """It said no: problem+json (RFC 9457) with its stable code."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        code = problem.get("code")
        self.code = code if isinstance(code, str) else "unknown"
        self.problem = dict(problem)
        """What may be handed on to the one who asked: title in their language, field, alternatives."""
        super().__init__(f"{status} {self.code}")


@dataclass(frozen=True)
class Forwarded:
    """An answer as it came, to be handed on. ``repr`` shows none of it."""

    status: int
    content_type: str
    content: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


class NotSentError(CompanionUnavailableError):
    """No connection was made: nothing can have happened at the other end."""


async def bytes_of(response: aiohttp.ClientResponse) -> bytes:
    """The body, as long as it is not too large."""
    parts, size = [], 0
    async for part in response.content.iter_chunked(_READ_BYTES):
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise CompanionUnavailableError("malformed")
        parts.append(part)
    return b"".join(parts)


def forwarded(response: aiohttp.ClientResponse, content: bytes) -> Forwarded:
    """The answer as it came, refusals too."""
    if response.status != 429:  # who asked too often is told so
        _check_again(response)
    if not (200 <= response.status < 300 or 400 <= response.status < 500):
        raise CompanionUnavailableError("malformed")
    return Forwarded(response.status, response.content_type, content, dict(response.headers))


def _check_again(response: aiohttp.ClientResponse) -> None:
    if response.status in _AGAIN:
        cause: Cause = "busy" if response.status == 429 else "server_error"
        raise CompanionUnavailableError(cause, _retry_after_s(response.headers.get("Retry-After", "")))


def read(response: aiohttp.ClientResponse, content: bytes) -> Any:
    """The body of a success; the error of anything else."""
    status = response.status
    _check_again(response)
    if status == 204:
        return None
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    if 200 <= status < 300 and body is not None:
        return body
    if 400 <= status < 500:
        raise CompanionRefusedError(status, body if isinstance(body, dict) else {})
    raise CompanionUnavailableError("server_error" if status >= 500 else "malformed")


def _retry_after_s(text: str) -> float | None:
    """Seconds; the form with a date is not used between our processes."""
    return min(float(text), MAX_RETRY_AFTER_S) if text.isascii() and text.isdecimal() else None
