"""Search: the words of a query against messages."""

import pytest

from chat.events import Event
from chat.history import as_edited, hits, matches, newest_edits, words_of


def message(text: str, seq: int = 1, **changes: object) -> Event:
    values = {"kind": "message", "target": 0, "body": {"text": text}, "is_withdrawn": False} | changes
    return Event(
        seq,
        0,
        values["kind"],
        "a",
        "A",
        "staff",
        "c",
        values["target"],
        values["body"],
        values["is_withdrawn"],  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("äpple", "Ät ett ÄPPLE", True),
        ("apple", "Ät ett äpple", False),
        ("ÅSA öl", "öl till Åsa", True),
        ("asa", "Åsa", False),
        ("a\u030asa", "\u00c5sa", True),
        ("två ord", "bara två", False),
        ("straße", "STRASSE", True),
        ("ﬁn", "fin", True),
        ("", "något", False),
        ("  ", "något", False),
    ],
)
def test_words_are_found_whatever_their_case_and_composition(query: str, text: str, found: bool) -> None:
    assert matches(words_of(query), message(text)) is found


def test_names_of_attachments_and_edits_are_found_and_withdrawn_texts_are_not() -> None:
    attached = message("", 1, body={"text": "", "attachments": [{"name": "Remiss.pdf"}]})
    edit = message("remiss", 2, kind="edit", target=1)
    withdrawn = message("remiss", 3, is_withdrawn=True)
    system = message("remiss", 4, kind="system")
    assert [event.seq for event in hits(words_of("remiss"), [attached, edit, withdrawn, system])] == [2, 1]


def test_what_was_edited_away_is_not_found_and_a_message_is_shown_as_it_reads_now() -> None:
    first = message("remiss till hud", 1)
    edits = [message("remiss till ortopeden", 2, kind="edit", target=1), message("tid bokad", 3, kind="edit", target=1)]
    events = [first, *edits, message("en annan remiss", 4)]
    assert [event.seq for event in hits(words_of("remiss"), events)] == [4]
    found = hits(words_of("bokad"), events)
    assert [(event.seq, event.body["text"]) for event in found] == [(3, "tid bokad"), (1, "tid bokad")]
    assert hits(words_of("remiss"), [first], newest_edits(edits)) == []
    assert as_edited(first, newest_edits(edits)).body == {"text": "tid bokad"}
    assert newest_edits(edits[:1], newest_edits(edits)) == {1: edits[1]}
