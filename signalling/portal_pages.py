"""Pages of a clinician's way in from the record system: the one that enters, and those that say why not.

Plain HTML in Swedish and English. The page that enters has the ticket in its address's fragment, which no server and
no link preview ever gets; its script posts it. Looking at a link uses nothing up. The pages' referrer policy is
``same-origin``: with ``no-referrer`` browsers post a form with ``Origin: null``, which is nobody's own page.
"""

from collections.abc import Mapping
from html import escape
from typing import Final, Literal

from aiohttp import web

from auth.portal_links import PortalLinkCode
from signalling.plain_pages import plain_page

_Refusal = Literal[
    "other_person", "other_unit", "other_patient", "meeting_unknown", "launch_failed", "unavailable", "out_of_order"
]
PortalRefusal = PortalLinkCode | _Refusal
"""Why somebody does not come in; also the value of a counter's label."""

REFUSALS: Final[Mapping[PortalRefusal, tuple[int, str, str]]] = {
    "link_unknown": (
        404,
        "Länken är inte giltig. Öppna mötet på nytt från journalsystemet.",
        "The link is not valid. Open the meeting again from the record system.",
    ),
    "link_used": (
        410,
        "Länken har redan använts. Varje länk gäller en gång. Öppna mötet på nytt från journalsystemet.",
        "The link has been used already. Each link works once. Open the meeting again from the record system.",
    ),
    "link_late": (
        410,
        "Länken har gått ut. Den gäller i högst en minut. Öppna mötet på nytt från journalsystemet.",
        "The link has expired. It works for a minute at most. Open the meeting again from the record system.",
    ),
    "other_person": (
        403,
        "Någon annan är redan inloggad i den här webbläsaren. Logga ut först, och öppna sedan mötet på nytt.",
        "Somebody else is logged in in this browser. Log out first, then open the meeting again.",
    ),
    "other_unit": (
        403,
        "Mötet hör till en annan enhet än ditt uppdrag. Välj rätt uppdrag i journalsystemet.",
        "The meeting belongs to another unit than your commission. Choose the right commission in the record system.",
    ),
    "other_patient": (
        403,
        "Mötet gäller en annan patient än den som är öppen i journalsystemet.",
        "The meeting is about another patient than the one that is open in the record system.",
    ),
    "meeting_unknown": (
        404,
        "Mötet finns inte, eller är avslutat.",
        "There is no such meeting, or it is over.",
    ),
    "launch_failed": (
        400,
        "Starten från journalsystemet kunde inte kontrolleras. Försök igen därifrån.",
        "The launch from the record system could not be verified. Try again from there.",
    ),
    "unavailable": (
        503,
        "Journalsystemet svarar inte just nu. Försök igen om en stund.",
        "The record system does not answer right now. Try again in a while.",
    ),
    "out_of_order": (
        503,
        "Tjänsten kan inte släppa in någon just nu. Försök igen från journalsystemet om en stund.",
        "The service can let nobody in right now. Try again from the record system in a while.",
    ),
}
"""Code -> status, Swedish, English."""

TITLE: Final = "Du kom inte in i mötet"
TITLE_EN: Final = "You did not get into the meeting"

ENTER_SCRIPT: Final = """"use strict";
const form = document.getElementById("enter");
const ticket = new URLSearchParams(location.hash.slice(1)).get("ticket");
history.replaceState(null, "", location.pathname);
if (ticket) {
  form.elements.ticket.value = ticket;
  form.hidden = false;
  document.getElementById("missing").hidden = true;
  form.requestSubmit();
}
"""
"""Takes the ticket out of the address, so that it stays in no history, and posts it."""


def enter_page() -> web.Response:
    """The page that a portal link opens. Without a ticket, or without scripts, it says what to do."""
    _, swedish, english = REFUSALS["link_unknown"]
    return plain_page(
        200,
        "Öppnar mötet",
        f"""<h1>Öppnar mötet</h1><p lang="en">Opening the meeting</p>
<form id="enter" method="post" action="/portal/enter" hidden><input type="hidden" name="ticket" value="">
<button>Fortsätt <span lang="en">Continue</span></button></form>
<div id="missing"><p>{escape(swedish)}</p><p lang="en">{escape(english)}</p></div>
<noscript><p>Sidan behöver JavaScript.</p><p lang="en">This page needs JavaScript.</p></noscript>
<script src="/portal/enter.js"></script>""",
        referrer="same-origin",
    )


def refused_page(code: PortalRefusal) -> web.Response:
    """Why somebody did not come in, and what to do about it."""
    status, swedish, english = REFUSALS[code]
    body = f"""<h1>{TITLE}</h1><p>{escape(swedish)}</p>
<p lang="en"><strong>{TITLE_EN}.</strong> {escape(english)}</p>
<a class="button" href="/portal">Till Vårdportalen <span lang="en">To the staff portal</span></a>"""
    return plain_page(status, TITLE, body)
