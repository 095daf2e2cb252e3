"""A refusal of the wire protocol, or of a media worker, as one of HTTP."""

from collections.abc import Mapping
from typing import Final

from sfu.bus import RpcError
from signalling.entry import RefusedError
from signalling.http_errors import HttpError, HttpErrorCode

_HTTP_CODES: Final[Mapping[str, HttpErrorCode]] = {
    "token_invalid": "token_invalid",
    "token_expired": "token_expired",
    "revoked": "revoked",
    "removed": "removed",
    "not_admitted": "not_admitted",
    "forbidden": "forbidden",
    "unknown_room": "unknown_room",
    "room_full": "conflict",
    "identity_in_use": "conflict",
    "offer_invalid": "invalid_request",
    "offer_no_fingerprint": "invalid_request",
    "offer_too_large": "invalid_request",
    "too_many_media": "invalid_request",
    "no_worker": "unavailable",
    "worker_timeout": "unavailable",
}


def http_error(error: RefusedError | RpcError) -> HttpError:
    """The same refusal for a request; ``cause`` keeps the finer code."""
    return HttpError(_HTTP_CODES.get(error.code, "internal"), cause=error.code)
