"""Looking back: the words of a search against the events of a conversation. Pure functions."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from chat.events import Event

MIN_QUERY_CHARACTERS: Final = 2
MAX_QUERY_CHARACTERS: Final = 100
MAX_HITS: Final = 20
"""Of one answer; a client asks on from where it ended."""
MAX_SCANNED_PAGES: Final = 5
"""Pages that one search reads: a long conversation is searched in several answers, each of bounded cost."""


def folded(text: str) -> str:
    """Text for comparison: neither case nor the form in which letters were composed matters, å, ä and ö do."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())


def words_of(query: str) -> tuple[str, ...]:
    """The words that must all be found; empty when there are none."""
    return tuple(folded(query).split())


def matches(words: tuple[str, ...], event: Event) -> bool:
    """Whether a message or an edit has all the words; withdrawn text is not found."""
    if event.kind not in ("message", "edit") or event.is_withdrawn or not words:
        return False
    names = " ".join(str(view.get("name", "")) for view in event.body.get("attachments", ()) if isinstance(view, dict))
    text = folded(f"{event.body.get('text', '')} {names}")
    return all(word in text for word in words)


def without_attachments(event: Event) -> Event:
    """The event for who sees no files."""
    return replace(event, body={name: value for name, value in event.body.items() if name != "attachments"})


def newest_edits(events: Iterable[Event], known: dict[int, Event] | None = None) -> dict[int, Event]:
    """Number of a message -> its last edit. ``known`` is added to, and wins where it is newer."""
    edits = {} if known is None else known
    for event in events:
        if event.kind == "edit" and (event.target not in edits or edits[event.target].seq < event.seq):
            edits[event.target] = event
    return edits


def as_edited(event: Event, edits: Mapping[int, Event]) -> Event:
    """A message with the text that it has by now."""
    edit = edits.get(event.seq) if event.kind == "message" and not event.is_withdrawn else None
    return event if edit is None else replace(event, body={**event.body, "text": edit.body.get("text", "")})


def hits(words: tuple[str, ...], events: Iterable[Event], edits: Mapping[int, Event] | None = None) -> list[Event]:
    """The events that match, the newest first: messages as they read now, and last edits. What was edited away is not
    found. ``edits``: the last ones of these messages (``newest_edits``).
    """
    now = edits if edits is not None else newest_edits(events := list(events))
    current = [as_edited(event, now) for event in events if event.kind != "edit" or now.get(event.target) == event]
    return sorted((event for event in current if matches(words, event)), key=lambda event: -event.seq)
