"""Pages that the front renders itself: plain HTML without the web client's scripts, in the web client's colours."""

from html import escape
from typing import Final

from aiohttp import web

_STYLE: Final = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; font: 1.0625rem/1.5 system-ui, sans-serif; color: #1e2b2f; background: #eff3f4; }
header { padding: .75rem 1rem; border-bottom: 1px solid #d3dadd; background: #fff; }
header a { display: flex; align-items: center; gap: .5rem; max-width: 64rem; min-height: 2.75rem; margin: 0 auto;
  font-weight: 600; color: #0b5160; text-decoration: none; }
header img { width: 2.25rem; height: 2.25rem; }
main { max-width: 36rem; margin: clamp(1rem, 10vh, 6rem) auto 1rem; padding: clamp(1.25rem, 5vw, 2.5rem);
  border: 1px solid #d3dadd; border-radius: .75rem; background: #fff; overflow-wrap: break-word; }
@media (max-width: 38rem) { main { margin-inline: 1rem; } }
h1 { font-size: 1.6rem; font-weight: 600; line-height: 1.25; margin: 0 0 .75rem; }
p { margin: .75rem 0; }
[lang=en] { color: #4a585c; }
button, a.button { font: inherit; display: inline-block; min-height: 2.75rem; padding: .5rem 1.25rem; margin-top: 1rem;
  border: 1px solid #0b5160; border-radius: .5rem; background: #0b5160; color: #fff; text-decoration: none;
  cursor: pointer; }
button [lang=en], a.button [lang=en] { display: block; font-size: .875rem; line-height: 1.3; color: inherit; }
button:hover, a.button:hover { background: #063842; }
button:focus-visible, a:focus-visible { outline: 3px solid #1e2b2f; outline-offset: 2px; }
"""


def plain_page(status: int, title: str, body: str, *, referrer: str = "no-referrer") -> web.Response:
    """A page that is kept nowhere. ``title`` is text; ``body``, what stands in its ``main``, is HTML.

    ``referrer``: the referrer policy. A page whose form must count as our own needs ``same-origin``.
    """
    html = f"""<!doctype html>
<html lang="sv"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><meta name="referrer" content="{referrer}">
<link rel="icon" href="/icon.svg"><title>{escape(title)}</title><style>{_STYLE}</style></head>
<body><header><a href="/"><img src="/icon.svg" alt="">Alltid öppet</a></header><main>{body}</main></body></html>
"""
    return web.Response(text=html, status=status, content_type="text/html", headers={"Cache-Control": "no-store"})
