"""Notices say nothing about anybody's health (spec section 10)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.notice_linter import ANYWHERE, AT_THE_START, WHOLE, Cause, NoticeRefusedError, check, lint

OWN = "https://alltid.example"

NEUTRAL = [
    "Du har ett nytt meddelande från Huddinge vårdcentral.",
    "Du har ett nytt meddelande från Stinas vårdcentral. Logga in på https://alltid.example.",
    "Kista husläkarmottagning",
    "Familjeläkarna Saltsjöbaden",
    "Påminnelse: du har ett möte 2026-11-23 14:30.",
    "Your code is 123456. The address is known. Walk toward the reception, going forward.",
    "Vårdcentralen Kronan, Lungnets väg 3, hjärtligt välkommen",
]


@pytest.mark.parametrize("text", NEUTRAL)
def test_neutral_texts_pass(text: str) -> None:
    assert lint(text, own_address=OWN) == ()
    check(text, own_address=OWN)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Gäller 19121212-1212", "identity_number"),
        ("Gäller 121212-1212", "identity_number"),
        ("Gäller 121212+1212", "identity_number"),
        ("Gäller 191212121212", "identity_number"),
        ("Gäller 20101272 1234", "identity_number"),  # samordningsnummer
        ("Gäller 19900101R12X", "identity_number"),  # reserve numbers of other regions
        ("Gäller 991234567890", "identity_number"),  # reserve number
        ("Gäller 1 9 1 2 1 2 1 2 1 2 1 2", "identity_number"),
        ("Ring SE2321000131-P000000123457", "hsa_id"),
        ("ring se2321000131-e000000000001", "hsa_id"),
        ("Om F32.1", "diagnosis_code"),
        ("Om J45", "diagnosis_code"),
        ("Ditt provsvar har kommit", "health_word"),
        ("Möte på Barn- och ungdomspsykiatrin", "health_word"),
        ("Möte på BUP Nacka", "health_word"),
        ("Från Hudkliniken", "health_word"),
        ("Från Södersjukhuset", "health_word"),
        ("Från kvinnokliniken", "health_word"),
        ("Dags att hämta sertralin", "health_word"),
        ("Ditt recept är klart", "health_word"),
        ("HIV", "health_word"),
        ("Your test results are here", "health_word"),
        ("Message from the Fertility Clinic, pregnancy team", "health_word"),
        ("Beroendecentrum Stockholm", "health_word"),
        ("Från Venhälsan", "health_word"),
        ("Bröstcentrum", "health_word"),
        ("Obesitascentrum", "health_word"),
        ("Minnesmottagningen", "health_word"),
        ("Könsmottagningen", "health_word"),
        ("Sexhälsan", "health_word"),
        ("Kvinnohälsan Nacka", "health_word"),
        ("Hudvården", "health_word"),
        ("Tarmcentrum", "health_word"),
        ("The Memory Clinic", "health_word"),
        ("Women's Health, Solna", "health_word"),
        ("can\u200bcer", "health_word"),
        ("can\u00adcer", "health_word"),
        ("ＣＡＮＣＥＲ", "health_word"),
        ("Logga in på https://alltid.example.evil.com", "address"),
        ("Logga in på https://alltid.example/?x=1", "address"),
        ("Se www.example.com", "address"),
        ("a\u202eb", "control_character"),
        ("a\tb", "control_character"),
        ("a" * 460, "too_long"),
    ],
)
def test_what_says_too_much_is_refused(text: str, cause: Cause) -> None:
    assert cause in {finding.cause for finding in lint(text, own_address=OWN)}
    with pytest.raises(NoticeRefusedError, match=cause):
        check(text, own_address=OWN)


def test_a_refusal_does_not_repeat_the_text() -> None:
    with pytest.raises(NoticeRefusedError) as caught:
        check("Du har cancer")
    assert str(caught.value) == "health_word"


@given(
    st.sampled_from(sorted(ANYWHERE)),
    st.sampled_from(["", "Barn", "Stockholms "]),
    st.sampled_from(["", "mottagningen", " AB"]),
)
def test_words_are_found_in_compounds_and_capitals(word: str, before: str, behind: str) -> None:
    assert lint(f"Från {before}{word}{behind}")
    assert lint(f"Från {before}{word}{behind}".upper())


@given(st.sampled_from(sorted(AT_THE_START)))
def test_words_are_found_at_the_beginning(word: str) -> None:
    assert lint(f"Från {word.capitalize()}ottagningen")


@given(st.sampled_from(sorted(WHOLE)))
def test_short_words_are_found_whole(word: str) -> None:
    assert lint(f"Från {word.upper()}, Nacka")
    assert lint(f"({word})")


def test_the_lists_hold_words_as_they_are_compared() -> None:
    for word in ANYWHERE | AT_THE_START | WHOLE:
        assert word == word.casefold()
    assert all(len(word) >= 4 for word in ANYWHERE)


@given(st.text(max_size=600))
def test_any_text_gets_an_answer(text: str) -> None:
    findings = lint(text)
    assert len(findings) == len(set(findings))
