"""The process: it says what it lacks, and starts with what the environment says."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from auth.audit import AuditKeys
from auth.tokens import TokenKeys
from companion.__main__ import services_of
from companion.settings import CompanionSettings, MissingKeyError

ROOT = Path(__file__).parents[2]
PSEUDONYM_KEY = base64.b64encode(b"p" * 32).decode()


def test_without_keys_it_does_not_start() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ALLTID_")}
    command = [sys.executable, "-m", "companion"]
    result = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert "ALLTID_AUDIT_KEY" in result.stderr


async def test_keys_come_from_files_too(tmp_path: Path) -> None:
    texts = {
        "token_keys_file": TokenKeys.generate_text(),
        "audit_key_file": AuditKeys.generate_text(),
        "pseudonym_key_file": PSEUDONYM_KEY,
    }
    files = {}
    for name, text in texts.items():
        files[name] = tmp_path / name
        files[name].write_text(text)
    settings = CompanionSettings(companion_database_url=f"sqlite:///{tmp_path}/a/companion.db", **files)
    services = services_of(settings)
    assert not services.database.is_postgresql
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
    await services.database.close()
    with pytest.raises(MissingKeyError, match="ALLTID_AUDIT_KEY"):
        services_of(CompanionSettings())
