"""The page of the test bench that shows which SMS, e-mails and push notices would have gone out."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Final

from aiohttp import web

from auth.development.pages import cards, content_policy, document, heading, paragraph
from chat.opening_hours import STOCKHOLM
from chat.sender_development import Caught

_CHANNELS: Final = {"sms": "SMS", "email": "E-post", "push": "Push"}


def sink_page(notices: Sequence[Caught]) -> web.Response:
    """Every notice as a card, the newest first."""
    body = heading("Aviseringar", "Notices")
    if not notices:
        body += paragraph("Ingenting har skickats än.", "Nothing has been sent yet.")
    text = document("Aviseringar", body + cards(_card(notice) for notice in notices))
    headers = {"Content-Security-Policy": content_policy(), "Cache-Control": "no-store"}
    return web.Response(text=text, content_type="text/html", headers=headers)


def _card(notice: Caught) -> str:
    at = datetime.fromtimestamp(notice.at_s, STOCKHOLM)
    place = "webbläsare" if notice.channel == "push" else notice.to  # a subscription says nothing to people
    subject = "" if notice.channel == "sms" else f"<p><strong>{escape(notice.subject)}</strong></p>"
    return (
        f'<article class="card"><span class="name">{_CHANNELS[notice.channel]} till {escape(place)}</span>'
        f'<time datetime="{at.isoformat()}">{at:%Y-%m-%d %H:%M:%S}</time>'
        f"{subject}<p>{escape(notice.text)}</p></article>"
    )
