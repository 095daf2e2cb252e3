"""Search: the words of a query against messages."""

import pytest

from chat.events import Event
from chat.history import hits, matches, words_of


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
    assert hits(words_of("remiss"), [attached, edit, withdrawn, system]) == [edit, attached]
