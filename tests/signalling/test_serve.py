"""``alltid-oppet serve`` as a whole: everything starts, the printed links lead in, a crash heals, all of it stops."""

import asyncio
import contextlib
import os
import re
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from auth.tokens import TokenKeys
from signalling.cli import main
from signalling.keys import load_vapid_key
from signalling.message_settings import MessageSettings
from signalling.serve import DataDirectoryInUseError, Serve, locked_directory
from signalling.settings import ServeSettings
from tests.patience import PATIENCE_S
from tests.signalling.conftest import Client


@dataclass
class Running:
    process: asyncio.subprocess.Process
    output: str
    directory: Path
    errors: Path

    def links(self) -> list[tuple[str, str]]:
        """Address and token of every printed link."""
        return re.findall(r"(https?://\S+)/meeting#token=(\S+)", self.output)


@pytest.fixture
async def serve(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    directory = tmp_path_factory.mktemp("v")
    errors = directory / "errors"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ALLTID_")}
    with errors.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "signalling.cli", "serve", "--http-port", "0", "--https-port", "0",
            "--workers", "1", "--data-dir", str(directory / "d"),
            stdout=asyncio.subprocess.PIPE, stderr=file, env=environment,
        )  # fmt: skip
    assert process.stdout is not None
    output = ""
    try:
        async with asyncio.timeout(110):
            while "another machine" not in output and "no network address\n" not in output:
                line = await process.stdout.readline()
                if not line:
                    pytest.fail(errors.read_text())
                output += line.decode()
            output += (await process.stdout.read(4096)).decode()
        yield Running(process, output, directory / "d", errors)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            await process.stdout.read()
            assert await process.wait() == 0


async def test_everything_starts_heals_and_stops(serve: Running) -> None:
    for name in ("record system", "identity provider"):
        address = re.search(rf"{name}: +(\S+)", serve.output)
        assert address is not None
        async with aiohttp.ClientSession() as session, session.get(address[1]) as response:
            assert "alla personer är påhittade" in await response.text()
    documents = re.search(r"http://127\.0\.0\.1:\d+/docs", serve.output)
    assert documents is not None
    companion_url = documents[0].removesuffix("/docs")
    async with aiohttp.ClientSession() as session, session.get(f"{companion_url}/healthz") as response:
        assert response.status == 200
    assert (serve.directory / "companion").stat().st_mode & 0o777 == 0o700
    async with aiohttp.ClientSession() as session, session.get(f"{serve.links()[0][0]}/api/push-key") as response:
        assert len((await response.json())["key"]) == 87, "pages offer web push"
    links = serve.links()
    base, token = links[0]
    first = await Client().connect(base)
    reply = await first.join(token=token)
    # The real worker reads the offer "v=0": the call went all the way.
    assert reply["error"]["code"] == "offer_invalid"
    await first.close()
    for address, _ in links:
        context = ssl.create_default_context(cafile=str(serve.directory / "https-certificate.pem"))
        connector = aiohttp.TCPConnector(ssl=context)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(f"{address}/healthz") as response,
        ):
            assert await response.json() == {"ok": True, "redis": True, "workers": 1}
    children = Path(f"/proc/{serve.process.pid}/task/{serve.process.pid}/children").read_text().split()
    commands = {Path(f"/proc/{child}/cmdline").read_text(): int(child) for child in children}
    front = next(child for command, child in commands.items() if "signalling.front" in command)
    os.kill(front, signal.SIGKILL)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if serve.errors.read_text().count("front_ready") == 2:
                break
            await asyncio.sleep(0.05)
    companion = next(child for command, child in commands.items() if "companion" in command)
    os.kill(companion, signal.SIGKILL)
    async with asyncio.timeout(60), aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{companion_url}/healthz") as response:
                    if response.status == 200:
                        break
            await asyncio.sleep(0.1)
    serve.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE_S):
        assert await serve.process.wait() == 0
    for child in commands.values():
        assert not Path(f"/proc/{child}").exists()
    log = serve.errors.read_text()
    assert "Traceback" not in log
    assert token not in log
    assert "Vera" not in log


async def test_production_has_neither_demo_room_nor_invented_persons(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("v")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ALLTID_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "signalling.cli", "serve", "--http-port", "0", "--workers", "1", "--no-https",
        "--mode", "production", "--data-dir", str(directory / "d"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(60):
        output = ""
        while "HTTPS is off" not in output:
            line = await process.stdout.readline()
            assert line, output
            output += line.decode()
        process.send_signal(signal.SIGTERM)
        output += (await process.stdout.read()).decode()
        assert await process.wait() == 0
    assert "token=" not in output
    assert "record system" not in output


def test_a_key_for_web_push_is_made_and_kept_in_development_and_never_in_production(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keys(**settings: Any) -> dict[str, str]:
        monkeypatch.setattr(os, "environ", dict(given))
        return Serve(ServeSettings(data_dir=tmp_path, **settings))._key_environment()

    given: dict[str, str] = {}
    made = keys()
    path = Path(made["ALLTID_VAPID_KEY_FILE"])
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    assert load_vapid_key(MessageSettings(vapid_key_file=path)) is not None
    assert keys() == made
    assert path.read_text() == text
    # In production not even the one that development has left there.
    assert not [name for name in keys(mode="production") if "VAPID" in name]
    path.unlink()
    assert not [name for name in keys(mode="production") if "VAPID" in name]
    given = {"ALLTID_VAPID_KEY": text, "ALLTID_VAPID_SUBJECT": "mailto:drift@alltid.example"}
    assert keys()["ALLTID_VAPID_SUBJECT"] == "mailto:drift@alltid.example"
    assert not path.exists()


def test_one_data_directory_serves_one(tmp_path: Path) -> None:
    with locked_directory(tmp_path / "d"):
        assert (tmp_path / "d").stat().st_mode & 0o777 == 0o700
        with pytest.raises(DataDirectoryInUseError), locked_directory(tmp_path / "d"):
            pass
    with locked_directory(tmp_path / "d"):
        pass


def test_a_service_token_is_signed_with_the_keys_of_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = TokenKeys.generate_text()
    monkeypatch.setenv("ALLTID_TOKEN_KEYS", text)
    assert main(["service-token", "companion"]) == 0
    token = capsys.readouterr().out.strip()
    assert TokenKeys.parse(text).check_service(token, now=time.time(), scope="rooms:write").service == "companion"


def test_a_service_token_has_the_scopes_that_were_named_and_no_others(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = TokenKeys.generate_text()
    monkeypatch.setenv("ALLTID_TOKEN_KEYS", text)
    assert main(["service-token", "companion", "--scope", "meetings:write", "--scope", "proxies:write"]) == 0
    claims = TokenKeys.parse(text).check_service(capsys.readouterr().out.strip(), now=time.time())
    assert claims.scopes == {"meetings:write", "proxies:write"}
    with pytest.raises(SystemExit):
        main(["service-token", "companion", "--scope", "everything"])


def test_without_keys_there_is_no_service_token(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ALLTID_TOKEN_KEYS", raising=False)
    monkeypatch.delenv("ALLTID_TOKEN_KEYS_FILE", raising=False)
    monkeypatch.setenv("ALLTID_DATA_DIR", str(tmp_path))
    assert main(["service-token", "companion"]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    assert capsys.readouterr().out.strip()
