"""Extracts as PDF: words for people in both languages, nothing internal, every letter in some form."""

import io
from typing import Any

import pytest
from pypdf import PdfReader

from companion.extract_pdf import Language, render
from companion.extract_words import LABELS, LOOKED_AT, NOTES_LEFT_OUT, TITLES, VALUES
from companion.store.extract_parts import PARTS


def text_of(parts: dict[str, Any], language: Language = "sv", **more: Any) -> str:
    content = {"made_at": "2027-03-01T07:00:00+00:00", "care_provider": None, "names": {}, "parts": parts} | more
    pages = PdfReader(io.BytesIO(render(content, language))).pages
    return "\n".join(page.extract_text() for page in pages)


PERSON = {"name": "Łucja Škoda", "identity_number": "199005172382", "sex": "female", "is_protected": False}


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("sv", ("Registerutdrag", "Personuppgifter", "kvinna", "Avgifter", "200,00 kr", "uteblivet besök", "sida 1/1")),
        ("en", ("Extract of your data", "Personal data", "female", "Fees", "200.00 kr", "absence", "page 1/1")),
    ],
)
def test_codes_and_amounts_are_words(language: Language, expected: tuple[str, ...]) -> None:
    fee = {
        "booking_id": "bk-internal",
        "kind": "absence",
        "amount_ore": 20000,
        "charged_at": "2027-03-01T07:00:00+00:00",
    }
    text = text_of({"person": [PERSON], "fees": [fee], "blocks": []}, language)
    for words in (*expected, "2027-03-01 08:00", "199005172382"):
        assert words in text
    assert "internal" not in text
    assert ("Spärrar" if language == "sv" else "Blocks") in text.partition(TITLES["empty"][language == "en"])[2]


def test_units_have_names_and_what_people_wrote_stays_as_it_is() -> None:
    message = {"case": "sent", "at": 1_800_000_000_000, "from": "staff", "text": "read", "is_withdrawn": False}
    letter = {"unit_hsa_id": "SE5555555555-1001", "state": "posted", "reason": "no_account"}
    names = {"SE5555555555-1001": "Vårdcentralen Eken", "SE5555555555-0001": "Regionen"}
    text = text_of({"messages": [message], "letters": [letter]}, names=names, care_provider="SE5555555555-0001")
    assert "Uppgifter hos Regionen" in text
    assert "Vårdcentralen Eken" in text
    assert "har aldrig loggat in" in text
    for written in ("sent", "read", "vården", "2027-01-15 09:00"):
        assert written in text


def test_who_has_used_the_data_is_one_line_each() -> None:
    looks = [
        {"at": "2027-03-01T07:00:00+00:00", "who": "Eva Läkare", "unit": "Eken", "action": action, "what": what,
         "outcome": outcome}
        for action, what, outcome in (
            ("booking_read", "booking", "allowed"), ("booking_create", "slot", "allowed"),
            ("case_read", "archive", "refused"), ("long_gone", "thing_of_old", "allowed"),
        )
    ]  # fmt: skip
    text = text_of({"looks": looks})
    for line in ("läste bokning", "ändrade tid", "läste ärende, nekad", "läste thing of old"):
        assert f"2027-03-01 08:00   Eva Läkare, Eken, {line}" in text


def test_letters_that_the_font_lacks_lose_their_marks_and_no_more() -> None:
    text = text_of({"person": [PERSON | {"name": "Žofie Ōta – “Ė”…"}]})
    assert 'Zofie Ota - "E"...' in text
    assert "?" in text_of({"person": [PERSON | {"name": "日本"}]})


def test_long_texts_and_many_things_go_over_pages_with_their_headings() -> None:
    long = {"at": 1_800_000_000_000, "text": "ord " * 3000}
    many = [{"at": 1_800_000_000_000, "kind": "message", "text": f"nummer {number}"} for number in range(200)]
    text = text_of({"messages": [long, *many]})
    assert all(f"nummer {number}" in text for number in range(200))
    assert text.count("ord") >= 3000


def test_what_is_left_out_is_said_in_the_language_of_the_document() -> None:
    languages: tuple[tuple[Language, Language], ...] = (("sv", "en"), ("en", "sv"))
    for language, other in languages:
        text = " ".join(text_of({"person": [PERSON]}, language, left_out=NOTES_LEFT_OUT).split())
        assert NOTES_LEFT_OUT[language] in text
        assert NOTES_LEFT_OUT[other] not in text
    assert NOTES_LEFT_OUT["sv"][:20] not in text_of({"person": [PERSON]})


def test_every_part_has_a_heading_and_every_word_two_languages() -> None:
    assert set(PARTS) <= set(TITLES)
    for words in (TITLES, LABELS, VALUES, LOOKED_AT):
        assert all(len(pair) == 2 for pair in words.values())
        assert all(all(pair) for code, pair in words.items() if code != "allowed")
