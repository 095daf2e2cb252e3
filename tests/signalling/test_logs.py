"""Logs carry no personal data, whatever goes wrong."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from signalling import logs
from signalling.front import Front
from tests.signalling.conftest import MakeClient, meeting_token
from tests.signalling.fake_worker import FakeWorker


@pytest.fixture
def configured(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Set up after ``capsys``, whose stderr it writes to."""
    root = logging.getLogger()
    before = root.handlers, root.level
    logs.configure("debug", "json", "test")
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers, root.level = before[0], before[1]


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.usefixtures("configured")
def test_forbidden_keys_lose_their_values_and_exceptions_their_texts(capsys: pytest.CaptureFixture[str]) -> None:
    log = structlog.get_logger("x")
    log.info("joined", display_name="Anna", token="abc", room="r")
    try:
        raise ValueError("Anna's secret")
    except ValueError:
        log.exception("failed")
        logging.getLogger("asyncio").exception("Task failed\nfuture: ValueError('Anna')")
    logging.getLogger("engineio").warning("%s said", "Anna")
    written = lines(capsys)
    assert len(written) == 4
    assert "Anna" not in json.dumps(written)
    assert written[0]["display_name"] == "[removed]"
    assert written[1]["exception"].startswith("ValueError at test_logs.py:")
    assert all(line["process"] == "test" for line in written)


@pytest.mark.attack
@pytest.mark.usefixtures("configured")
async def test_a_whole_scenario_leaves_no_personal_data_in_the_logs_or_metrics(
    capsys: pytest.CaptureFixture[str],
    make_client: MakeClient,
    front: Front,
    worker: FakeWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    anna, bo = await make_client(), await make_client()
    joined = await anna.join("identity-of-anna", offer="v=0 secret-offer")
    await bo.join("identity-of-bo")
    await bo.join(token=meeting_token("identity-of-bo") + "x")
    await bo.ask("secret-event", {"text": "secret-text"})
    worker.refuse["set_source"] = "secret-code"
    await bo.ask("set_source", {"source": "camera", "active": True})

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("Name of anna")

    monkeypatch.setattr(front.media, "select", fail)
    assert (await bo.ask("select", {"wanted": []}))["error"]["code"] == "internal"
    await anna.cut()
    await bo.close()
    await front.events.finish()
    text = json.dumps(lines(capsys))
    assert "event_failed" in text
    assert "RuntimeError at test_logs.py:" in text
    metrics = str(list(front.metrics.registry.collect()))
    for private in ("Name of", "identity-of", "secret", joined["resume_token"], "127.0.0.1"):
        assert private not in text
        assert private not in metrics
