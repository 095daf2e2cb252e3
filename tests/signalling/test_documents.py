"""The generated documents and types say what the code says."""

import asyncio
import shutil
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from signalling import documents
from signalling.metrics import FrontMetrics
from signalling.protocol import CLIENT_EVENTS, ERROR_CODES, ERROR_MESSAGES, SERVER_EVENTS, acknowledge, refuse
from signalling.settings import FrontSettings, ServeSettings
from signalling.typescript import models, type_name, typescript


def test_no_generated_file_is_out_of_date() -> None:
    assert documents.outdated() == [], "run: make docs"


def test_writing_repairs_what_is_out_of_date(tmp_path: Path) -> None:
    assert set(documents.write(tmp_path)) == set(documents.GENERATED)
    assert documents.outdated(tmp_path) == []
    (tmp_path / "docs" / "http.md").write_text("drift")
    assert documents.outdated(tmp_path) == ["docs/http.md"]
    shutil.rmtree(tmp_path / "docs")
    assert set(documents.write(tmp_path)) == {name for name in documents.GENERATED if name.startswith("docs/")}


def test_every_event_model_code_and_setting_is_documented() -> None:
    protocol = documents.GENERATED["docs/protocol.md"]()
    types = typescript()
    for name in (*CLIENT_EVENTS, *SERVER_EVENTS, *ERROR_CODES):
        assert f"`{name}`" in protocol
        assert name in types
    for model in models():
        assert f"export interface {model.__name__} " in types
        assert model.__doc__
    settings = documents.GENERATED["docs/settings.md"]()
    for group in (FrontSettings, ServeSettings):
        for name, field in group.model_fields.items():
            assert f"`ALLTID_{name.upper()}`" in settings
            assert field.description, name


def test_every_metric_has_a_help_text_and_a_prefix() -> None:
    registry: CollectorRegistry = FrontMetrics().registry
    for metric in registry.collect():
        assert metric.name.startswith("ao_front_")
        assert metric.documentation.endswith(".")


def test_a_type_without_translation_is_an_error() -> None:
    with pytest.raises(TypeError):
        type_name(asyncio.Event)


def test_every_error_code_has_a_text() -> None:
    assert set(ERROR_MESSAGES) == set(ERROR_CODES)
    assert refuse("room_full", field="token") == {
        "ok": False,
        "error": {"code": "room_full", "message": "The room is full.", "field": "token"},
    }
    assert acknowledge({"a": 1}) == {"ok": True, "a": 1}


def test_the_check_fails_on_drift_and_says_where(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert documents.main(["--check"]) == 0
    monkeypatch.setattr(documents, "outdated", lambda: ["docs/http.md"])
    assert documents.main(["--check"]) == 1
    assert capsys.readouterr().out == "out of date: docs/http.md\n"
