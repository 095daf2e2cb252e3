"""HTML of the test bench: Swedish first, English beside it, marked on every page as a place of invented persons."""

from collections.abc import Iterable
from html import escape
from typing import Final

HEADERS: Final = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}

STYLE: Final = """
:root { color-scheme: light; --ink: #1b1b1f; --soft: #4a4a55; --line: #8a8a99; --paper: #fff; --shade: #f3f4f8;
  --act: #00508f; --act-dark: #003a69; --mark: #ffd54a; --bad: #9d1c1c; }
* { box-sizing: border-box; }
html { font: 100%/1.5 system-ui, sans-serif; color: var(--ink); background: var(--shade); }
body { margin: 0; overflow-wrap: break-word; }
.bench { background: var(--mark); color: #1b1b1f; padding: .5rem 1rem; text-align: center; font-weight: 600; }
.bench [lang=en] { font-weight: 400; color: inherit; }
main { max-width: 46rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 1rem 0 .5rem; }
h2 { font-size: 1.2rem; margin: 1.5rem 0 .5rem; }
p { margin: .4rem 0; }
[lang=en] { color: var(--soft); }
ul.cards { list-style: none; margin: 0; padding: 0; display: grid; gap: .6rem; }
.card, button.card { display: block; width: 100%; text-align: left; background: var(--paper); color: var(--ink);
  border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; }
button, select, a.button { font: inherit; min-height: 2.75rem; border-radius: .5rem; }
button, a.button { cursor: pointer; border: 1px solid var(--act); background: var(--act); color: #fff;
  padding: .5rem 1rem; text-decoration: none; display: inline-block; }
button [lang=en], a.button [lang=en] { color: inherit; }
button.card [lang=en] { color: var(--soft); }
button:hover, a.button:hover { background: var(--act-dark); }
button.quiet { background: var(--paper); color: var(--act-dark); }
button.card:hover, button.quiet:hover { background: #e4eefa; }
button:focus-visible, a:focus-visible, select:focus-visible, summary:focus-visible { outline: 3px solid var(--ink);
  outline-offset: 2px; }
a { color: var(--act); }
select { border: 1px solid var(--line); background: var(--paper); padding: .25rem .5rem; max-width: 100%; }
label { display: block; font-weight: 600; margin-top: .8rem; }
.name { font-weight: 600; font-size: 1rem; display: block; margin: 0; }
a.card { text-decoration: none; }
a.card .name { text-decoration: underline; }
.card [lang=en], button [lang=en], label [lang=en], h2 [lang=en] { display: block; font-weight: 400; font-size: .875rem;
  line-height: 1.3; }
.tag [lang=en] { display: inline; color: inherit; }
.tag { display: inline-block; border: 1px solid var(--bad); color: var(--bad); border-radius: 1rem; padding: 0 .6rem;
  font-size: .9rem; }
.row { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin-top: .6rem; }
.row form { margin: 0; }
"""

_BENCH: Final = (
    '<div class="bench" role="note">Testbänk: alla personer är påhittade. '
    '<span lang="en">Test bench: everybody here is invented.</span></div>'
)


def document(title: str, body: str) -> str:
    """A whole page. ``title`` is text, ``body`` is HTML."""
    return (
        '<!doctype html>\n<html lang="sv"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} - testbänk</title><style>{STYLE}</style></head>"
        f"<body>{_BENCH}<main>{body}</main></body></html>\n"
    )


def both(swedish: str, english: str) -> str:
    """A text in both languages, on one line."""
    return f'{escape(swedish)} <span lang="en">{escape(english)}</span>'


def paragraph(swedish: str, english: str) -> str:
    """A paragraph in both languages."""
    return f"<p>{escape(swedish)}</p><p lang=en>{escape(english)}</p>"


def heading(swedish: str, english: str) -> str:
    """The page's heading."""
    return f"<h1>{escape(swedish)}</h1><p lang=en>{escape(english)}</p>"


def hidden(name: str, value: str) -> str:
    """A form field that is not shown."""
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'


def cards(items: Iterable[str]) -> str:
    """A list of cards, each given as HTML."""
    return '<ul class="cards">' + "".join(f"<li>{item}</li>" for item in items) + "</ul>"


def content_policy(form_targets: Iterable[str] = ()) -> str:
    """Content-Security-Policy of a page. ``form_targets``: origins that its forms lead to by way of a redirect."""
    targets = " ".join(("'self'", *form_targets))
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; form-action {targets}"
    )
