"""The security headers of every answer: pages, data, files."""

import re
from typing import Final

from aiohttp import web

HTML_HEADERS: Final = {
    # The page loads only its own files; camera pictures are blobs and streams.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "media-src 'self' blob: mediastream:; font-src 'self'; connect-src {connect}; worker-src 'self' blob:; "
        "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": (
        "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), picture-in-picture=(self), "
        "speaker-selection=(self), geolocation=(), payment=(), usb=()"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
COMMON_HEADERS: Final = {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"}
"""Of files too, whose content security policy would bind the workers that they start."""
DATA_POLICY: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Of what is no page: shown by itself it may do nothing."""
STRICT_TRANSPORT_S: Final = 365 * 24 * 3600
NEVER_STORED: Final = ("/api/", "/login", "/portal/enter")
"""Beginnings of paths whose answers no cache keeps, but for those that say themselves that they are public."""

STRICT_TRANSPORT: Final = web.AppKey("strict_transport", bool)
"""Set when browsers reach this service by HTTPS alone: then they are told never to try anything else."""


def harden(request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on an answer that has not been sent."""
    response.headers.update(COMMON_HEADERS)
    if response.content_type == "text/html":
        response.headers.update(html_headers(request.host))
    elif not isinstance(response, web.FileResponse):
        response.headers["Content-Security-Policy"] = DATA_POLICY
        response.headers.setdefault("Referrer-Policy", "no-referrer")
    is_public = response.headers.get("Cache-Control", "").startswith("public,")
    if request.path.startswith(NEVER_STORED) and not is_public:
        response.headers["Cache-Control"] = "no-store"
    if request.app.get(STRICT_TRANSPORT):
        response.headers["Strict-Transport-Security"] = f"max-age={STRICT_TRANSPORT_S}; includeSubDomains"


def html_headers(host: str) -> dict[str, str]:
    """The headers of a page. Its sockets may go to its own host only; older Safari wants that spelled out."""
    connect = f"'self' ws://{host} wss://{host}" if re.fullmatch(r"[A-Za-z0-9.:\[\]-]{1,255}", host) else "'self'"
    policy = HTML_HEADERS["Content-Security-Policy"].format(connect=connect)
    return {**HTML_HEADERS, "Content-Security-Policy": policy}
