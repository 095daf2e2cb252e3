"""Looking back: the words of a search against the events of a conversation. Pure functions."""

import unicodedata
from collections.abc import Iterable
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


def hits(words: tuple[str, ...], events: Iterable[Event]) -> list[Event]:
    """The events that match, the newest first."""
    found = [event for event in events if matches(words, event)]
    return sorted(found, key=lambda event: -event.seq)
