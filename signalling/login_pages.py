"""The page that says why a login led nowhere. Plain HTML without scripts, in Swedish and English."""

from collections.abc import Mapping
from html import escape
from typing import Final

from aiohttp import web

from auth.oidc import LoginErrorCode
from signalling.plain_pages import plain_page

_TEXTS: Final[Mapping[LoginErrorCode, tuple[int, str, str]]] = {
    "login_cancelled": (403, "Inloggningen avbröts.", "The login was cancelled."),
    "login_invalid": (
        400,
        "Inloggningen kunde inte kontrolleras. Försök igen från början.",
        "The login could not be verified. Please begin again.",
    ),
    "login_expired": (
        400,
        "Inloggningen tog för lång tid, eller så är sidan redan använd. Försök igen från början.",
        "The login took too long, or this page was used already. Please begin again.",
    ),
    "login_too_weak": (
        403,
        "Det här sättet att logga in är inte tillräckligt säkert. Använd en annan e-legitimation.",
        "This way of logging in is not secure enough. Use another e-ID.",
    ),
    "login_no_access": (
        403,
        "Inloggningen lyckades, men det finns inget här för dig. Personal behöver ett medarbetaruppdrag.",
        "You were logged in, but there is nothing here for you. Staff need a commission.",
    ),
    "provider_unavailable": (
        503,
        "Tjänsten för inloggning svarar inte just nu. Försök igen om en stund.",
        "The login service does not answer right now. Please try again in a while.",
    ),
}
"""Code -> status, Swedish, English."""


def login_failed(code: LoginErrorCode, try_again: str) -> web.Response:
    """The page for a refused login; ``try_again`` is a path of ours."""
    status, swedish, english = _TEXTS[code]
    return page(status, "Inloggningen gick inte igenom", swedish, english, try_again, "Till startsidan / Start page")


def page(status: int, title: str, swedish: str, english: str, link: str, link_text: str) -> web.Response:
    """A page that says one thing, and where to go from it."""
    body = f"""<h1>{escape(title)}</h1><p>{escape(swedish)}</p><p lang="en">{escape(english)}</p>
<a class="button" href="{escape(link, quote=True)}">{escape(link_text)}</a>"""
    return plain_page(status, title, body)
