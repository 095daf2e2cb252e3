"""Templates: complete, neutral, and nothing else can be said."""

import pytest

from chat.notice_linter import NoticeRefusedError, lint
from chat.notice_templates import (
    KINDS,
    LANGUAGES,
    NEUTRAL_UNIT,
    TEMPLATE_IDS,
    TEMPLATES,
    Language,
    TemplateId,
    is_neutral_unit,
    parameters_of,
    render,
)

VALUES = {
    "unit": "Huddinge vårdcentral",
    "address": "https://alltid.example",
    "when": "2026-11-23 14:30",
    "code": "042815",
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template_id", TEMPLATE_IDS)
def test_each_template_renders_neutrally_in_each_language(template_id: TemplateId, language: Language) -> None:
    values = {name: VALUES[name] for name in parameters_of(template_id)}
    rendered = render(template_id, language, values)
    assert all(value in rendered.text for value in values.values())
    assert not set("{}") & set(rendered.text + rendered.subject)
    assert lint(rendered.subject) == ()
    assert len(rendered.text) <= 160 or "address" in values


def test_languages_take_the_same_parameters() -> None:
    for template_id, wordings in TEMPLATES.items():
        assert set(wordings) == set(LANGUAGES)
        for wording in wordings.values():
            assert {name for name in KINDS if f"{{{name}}}" in wording.text} == parameters_of(template_id)


def test_swedish_says_what_it_should() -> None:
    values = {name: VALUES[name] for name in ("unit", "address")}
    expected = "Du har ett nytt meddelande från Huddinge vårdcentral. Logga in på https://alltid.example och läs det."
    assert render("new_message", "sv", values).text == expected


def test_a_notice_may_lead_to_a_case_and_nowhere_else() -> None:
    values = {"unit": VALUES["unit"], "address": f"https://alltid.example/cases/case-{'a2' * 13}"}
    assert values["address"] in render("new_message", "sv", values).text
    for path in ("/cases", "/cases/case-a", "/cases/new", f"/cases/case-{'a' * 26}?x", f"/cases/case-{'a' * 26}/x"):
        with pytest.raises(NoticeRefusedError, match="parameter_address"):
            render("new_message", "sv", values | {"address": f"https://alltid.example{path}"})


def test_a_sentence_begins_with_a_capital_whatever_the_unit_is_called() -> None:
    text = render("case_closed", "sv", {"unit": NEUTRAL_UNIT["sv"], "address": VALUES["address"]}).text
    assert text.startswith("Din vårdkontakt har")


@pytest.mark.parametrize(
    ("template_id", "changes", "cause"),
    [
        ("free_text", {}, "unknown_template"),
        ("new_message", {"text": "hello"}, "parameters"),
        ("new_message", {"unit": None}, "parameters"),
        ("new_message", {"unit": "Psykiatriska mottagningen"}, "health_word"),
        ("new_message", {"unit": "x" * 61}, "parameter_unit"),
        ("new_message", {"unit": "Se https://evil.example"}, "parameter_unit"),
        ("new_message", {"unit": "A\nB"}, "parameter_unit"),
        ("new_message", {"unit": "{address}"}, "parameter_unit"),
        ("new_message", {"unit": ""}, "parameter_unit"),
        ("new_message", {"unit": "191212121212"}, "parameter_unit"),
        ("new_message", {"address": "https://alltid.example/path"}, "parameter_address"),
        ("new_message", {"address": "javascript:alert(1)"}, "parameter_address"),
        ("meeting_reminder", {"when": "imorgon, ta med proverna"}, "parameter_when"),
        ("meeting_reminder", {"when": "2026-02-30 10:00"}, "parameter_when"),
        ("confirm_code", {"code": "12345"}, "parameter_code"),
    ],
)
def test_nothing_but_a_template_and_its_parameters_is_said(
    template_id: str, changes: dict[str, str | None], cause: str
) -> None:
    names = parameters_of(template_id) if template_id in TEMPLATES else frozenset[str]()  # type: ignore[arg-type]
    values = {name: VALUES[name] for name in names} | changes
    with pytest.raises(NoticeRefusedError) as caught:
        render(template_id, "sv", {name: value for name, value in values.items() if value is not None})
    assert caught.value.causes == (cause,)


def test_which_unit_names_may_be_told() -> None:
    assert is_neutral_unit("Kista husläkarmottagning")
    assert not is_neutral_unit("Onkologiska kliniken")
    assert not is_neutral_unit("")
    assert all(is_neutral_unit(name) for name in NEUTRAL_UNIT.values())


def test_repr_shows_no_text() -> None:
    assert "123456" not in repr(render("confirm_code", "sv", {"code": "123456"}))
