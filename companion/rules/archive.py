"""The archive's rules: what a transcript must be, and when what comes again is the same. No I/O.

A conversation's events are numbered without a hole, and never change: an edit or a withdrawal is another event. So
the archive keeps each event once, under its number. A transcript that comes again, with more events at its end or none,
adds what is new; one that says something else about an event that is kept is a conflict, and changes nothing.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from companion.errors import INVALID_REQUEST, Problem, define

ARCHIVE_CONFLICT: Final = define(
    "archive_conflict",
    409,
    sv="Något annat är redan arkiverat under samma nummer.",
    en="Something else has been archived under this number.",
)
DIGEST_MISMATCH: Final = define(
    "digest_mismatch",
    422,
    sv="Filen kom inte fram som den skickades.",
    en="The file did not arrive as it was sent.",
)
FILE_TOO_LARGE: Final = define("file_too_large", 413, sv="Filen är för stor.", en="The file is too large.")
ARCHIVE_FULL: Final = define(
    "archive_full", 507, sv="Arkivet tar inte emot fler filer just nu.", en="The archive cannot take more files now."
)

WITHDRAWN_KINDS: Final = ("message", "edit")
"""Events whose text is gone once the message is withdrawn."""


@dataclass(frozen=True)
class KeptEvent:
    """One event as the archive keeps it. ``repr`` shows no text."""

    seq: int
    at: datetime
    kind: str
    target: int
    content: str = field(repr=False)
    """Canonical JSON of the whole event: the same event is the same text."""


def canonical(event: Mapping[str, Any]) -> str:
    """JSON with sorted keys and no blanks; in ASCII, which every database keeps as it is, whatever a text holds."""
    return json.dumps(event, sort_keys=True, separators=(",", ":"))


def kept(event: Mapping[str, Any]) -> KeptEvent:
    """An event of a transcript."""
    at = datetime.fromtimestamp(event["at_ms"] / 1000, UTC)
    return KeptEvent(event["seq"], at, event["kind"], event["target"], canonical(event))


def check_transcript(first_seq: int, through_seq: int, events: Sequence[KeptEvent]) -> None:
    """Every event from the first number through the last, each once, in order."""
    if [event.seq for event in events] != list(range(first_seq, through_seq + 1)):
        raise Problem(INVALID_REQUEST, "events", "numbers with a hole")


def new_events(events: Iterable[KeptEvent], there: Mapping[int, str]) -> list[KeptEvent]:
    """Those that are not kept yet; ``archive_conflict`` when a kept one is another."""
    fresh = []
    for event in events:
        if event.seq not in there:
            fresh.append(event)
        elif there[event.seq] != event.content:
            raise Problem(ARCHIVE_CONFLICT, "events")
    return fresh


def shown(event: Mapping[str, Any], withdrawn: frozenset[int], *, reader: str | None = None) -> dict[str, Any]:
    """The event as it is shown: a message that was withdrawn, and its edits, without text.

    ``reader``: in an extract, whoever wrote and withdrew something sees it still; what others took back is gone.
    """
    number = event["target"] if event["kind"] == "edit" else event["seq"]
    is_withdrawn = event["kind"] in WITHDRAWN_KINDS and number in withdrawn
    hides = is_withdrawn and (reader is None or event["author"] != reader)
    return {**event, "body": {} if hides else event["body"], "is_withdrawn": is_withdrawn}
