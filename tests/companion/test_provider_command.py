"""Care providers are made on the machine itself; what was done leaves a trace."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from companion import provider_command
from companion.database import Database
from companion.models.organisation import AdministrationEntry, CareProvider
from signalling.serve_companion import provider_command as from_the_front
from tests.companion.conftest import AUDIT_KEYS

HSA_ID = "SE2321000131-E000000000001"


def test_a_provider_is_added_renamed_and_listed(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALLTID_COMPANION_DATABASE_URL", database_url)
    assert provider_command.main(["add", HSA_ID.lower(), " Region Ett "]) == 0
    assert provider_command.main(["add", HSA_ID, "Regionen"]) == 0
    assert provider_command.main(["list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"care provider added: {HSA_ID} Region Ett",
        f"care provider renamed: {HSA_ID} Regionen",
        f"{HSA_ID} Regionen",
    ]


async def test_it_leaves_a_trace(database_url: str) -> None:
    await provider_command._add(database_url, HSA_ID, "Regionen")
    database = Database(database_url, AUDIT_KEYS)
    async with database.reading(datetime.now(UTC)) as transaction:
        assert (await transaction.session.get_one(CareProvider, HSA_ID)).name == "Regionen"
        entry = (await transaction.session.scalars(select(AdministrationEntry))).one()
        assert (entry.actor, entry.unit_hsa_id, entry.what) == ("operator", HSA_ID, "care provider added")
    await database.close()


@pytest.mark.parametrize("arguments", [["add", "x", "Namn"], ["add", HSA_ID, " "], ["add", HSA_ID, "a\nb"]])
def test_what_cannot_be_is_refused(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALLTID_COMPANION_DATABASE_URL", f"sqlite:///{tmp_path}/companion.db")
    assert provider_command.main(arguments) == 2
    assert capsys.readouterr().err


def test_the_whole_service_has_the_command_too(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    environment = {"PATH": "", "PYTHONPATH": str(Path(__file__).parents[2])}
    assert from_the_front(["add", HSA_ID, "Regionen"], environment, tmp_path) == 0
    assert from_the_front(["list"], environment, tmp_path) == 0
    assert capfd.readouterr().out.splitlines()[-1] == f"{HSA_ID} Regionen"
    assert (tmp_path / "companion" / "companion.db").is_file()
