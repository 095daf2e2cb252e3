"""The catalogue of problems."""

import pytest

from companion.errors import CATALOGUE, NOT_FOUND, Problem, define, language_of


def test_every_problem_has_texts_in_both_languages() -> None:
    assert all(kind.sv and kind.en and kind.sv != kind.en for kind in CATALOGUE.values())


def test_a_code_is_defined_once() -> None:
    with pytest.raises(ValueError, match="not_found"):
        define("not_found", 404, sv="a", en="b")


def test_extra_members_never_hide_the_code() -> None:
    body = Problem(NOT_FOUND, "a.b", extra={"code": "other", "more": 1}).body("en")
    assert (body["code"], body["field"], body["more"]) == ("not_found", "a.b", 1)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "sv"),
        ("en", "en"),
        ("sv", "sv"),
        ("EN-us, sv;q=0.5", "en"),
        ("en;q=0.5, sv", "sv"),
        ("de", "sv"),
        ("en;q=0", "sv"),
        (";;;,,,q=", "sv"),
        ("en;q=7", "en"),
    ],
)
def test_language_follows_the_header(header: str, language: str) -> None:
    assert language_of(header) == language
