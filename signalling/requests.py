"""What a request says about where it comes from: address, page, bearer token."""

import ipaddress
from contextvars import ContextVar
from typing import Final

from aiohttp import web

CALLER: Final[ContextVar[str | None]] = ContextVar("caller", default=None)
"""The network address of whoever causes what is being done: set where a request or a socket's event comes in."""


def bearer(request: web.Request) -> str:
    """The bearer token; empty when there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" and token.isascii() else ""


def is_loopback(address: str | None) -> bool:
    """Whether an address is this machine's own."""
    try:
        return address is not None and ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def client_address(request: web.Request, proxy_hops: int) -> str:
    """The client's network address.

    ``proxy_hops``: how many proxies of ours stand in front; each adds the address it was called from at the end of
    ``X-Forwarded-For``. What stands further left a client may have written itself.
    """
    if proxy_hops > 0:
        given = [part for header in request.headers.getall("X-Forwarded-For", []) for part in header.split(",")]
        if len(given) >= proxy_hops:
            try:
                return str(ipaddress.ip_address(given[-proxy_hops].strip()))
            except ValueError:
                return ""
    return request.remote or ""


def own_origin(request: web.Request, public_origin: str) -> str:
    """Scheme, host and port under which the browser knows us: from the settings, else as the request says."""
    return public_origin or f"{request.scheme}://{request.host}"


def is_from_own_page(request: web.Request, public_origin: str) -> bool:
    """Whether a page of ours made the request, as far as its headers tell.

    Browsers send ``Origin`` with every unsafe method, and ``Sec-Fetch-Site`` where they know it; programs send neither.
    The scheme is not compared: a proxy may speak TLS for us.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site != "same-origin":
        return False
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    return origin.partition("://")[2] in (request.host, public_origin.partition("://")[2] or request.host)
