"""``python -m companion.audit_verify`` on both databases, and as a part of ``alltid-oppet audit verify``."""

import asyncio
import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from companion.audit_verify import main
from companion.database import Database
from signalling.cli import main as alltid_oppet
from tests.companion.conftest import AUDIT_KEYS
from tests.companion.front_chain import entry


def run(url: str, *statements: str, entries: int = 0) -> None:
    """Write entries, or tamper."""

    async def act() -> None:
        database = Database(url, AUDIT_KEYS)
        now = datetime.now(UTC)
        async with database.transaction(now) as transaction:
            transaction.audit.extend(entry(number) for number in range(entries))
            for statement in statements:
                await transaction.session.execute(text(statement))
        await database.close()

    asyncio.run(act())


@pytest.fixture
def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ALLTID_COMPANION_DATABASE_URL", database_url)
    monkeypatch.setenv("ALLTID_AUDIT_KEY", f"test:{base64.b64encode(b'a' * 32).decode()}")
    return database_url


def test_whole_logs_are_told_with_their_lengths(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(database, entries=3)
    assert main([]) == 0
    out = capsys.readouterr().out
    assert out == (
        "The companion's audit log is whole: 3 entries.\nThe front's audit log in the companion is whole: 0 entries.\n"
    )


@pytest.mark.attack
def test_a_tampered_log_fails_and_says_where(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(database, entries=3)
    run(database, "DELETE FROM audit_entry WHERE number = 2")
    assert main([]) == 1
    assert "entry 2 is missing" in capsys.readouterr().err


@pytest.mark.attack
def test_an_old_database_in_the_place_of_the_new_one_is_found_by_kept_heads(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heads = tmp_path / "heads"
    run(database, entries=3)
    assert main(["--heads", str(heads)]) == 0
    run(database, "DELETE FROM audit_entry", "DELETE FROM audit_head")
    run(database, entries=2)
    assert main([]) == 0
    assert main(["--heads", str(heads)]) == 1
    assert "is missing: a signed head tells" in capsys.readouterr().err


def test_what_cannot_be_checked_is_said(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLTID_AUDIT_KEY")
    assert main([]) == 2


@pytest.mark.attack
def test_the_command_of_the_whole_service_checks_them_too(
    database: str, redis_url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALLTID_REDIS_URL", redis_url)
    run(database, entries=3)
    assert alltid_oppet(["audit", "verify"]) == 0
    out = capfd.readouterr().out
    assert out.splitlines()[:2] == [
        "The audit log is whole: 0 entries.",
        "The companion's audit log is whole: 3 entries.",
    ]
    run(database, "UPDATE audit_entry SET actor = 'x' WHERE number = 1")
    assert alltid_oppet(["audit", "verify"]) == 1
    assert "companion's audit log is broken: entry 1" in capfd.readouterr().err
