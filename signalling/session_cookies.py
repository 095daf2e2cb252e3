"""The session's cookie and its CSRF token.

``__Host-``: the browser takes the cookie only with ``Secure``, for the whole host and from that host itself, so that
neither a neighbouring domain nor plain HTTP can plant one. No ``Max-Age``: it goes with the browser's session, and the
server's limits hold whatever the browser keeps.
"""

import hmac
from typing import Final

from aiohttp import web

from auth.sessions import csrf_token

SESSION_COOKIE: Final = "__Host-session"
LOGIN_COOKIE: Final = "__Host-login"
CSRF_HEADER: Final = "X-CSRF-Token"
BACKGROUND_HEADER: Final = "X-Background"
"""With any value: a page asks by itself, so the request does not count as use of the session."""


def session_secret(request: web.Request) -> str | None:
    """The value of the session cookie."""
    return request.cookies.get(SESSION_COOKIE)


def set_session(response: web.StreamResponse, secret: str) -> None:
    """Give the browser a session."""
    set_cookie(response, SESSION_COOKIE, secret)


def clear_session(response: web.StreamResponse) -> None:
    """Take the session from the browser."""
    response.del_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="Lax")


def set_cookie(response: web.StreamResponse, name: str, value: str, *, max_age_s: int | None = None) -> None:
    """A cookie that scripts cannot read, and that other sites' forms and frames do not send."""
    response.set_cookie(name, value, max_age=max_age_s, path="/", secure=True, httponly=True, samesite="Lax")


def is_csrf_token_right(secret: str, given: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(csrf_token(secret).encode(), given.encode(errors="surrogateescape"))
