"""The whole service as its own processes, on free ports, in a folder that goes away."""

import asyncio
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import aiohttp

from auth.tokens import Role, TokenKeys
from sfu.bus import connect
from sfu.registry import ProcessRecord, Registry
from signalling import valkey
from tests.browser.polling import until

READY_S = 30.0


class Service:
    """``async with Service() as service``; then rooms, links and tokens for them."""

    def __init__(self, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ao-"))
        text = TokenKeys.generate_text()
        self.keys = TokenKeys.parse(text)
        self.url = ""
        self._log = (self.folder / "log").open("wb")
        self._environment = os.environ | {
            "ALLTID_TOKEN_KEYS": text,
            "ALLTID_HTTP_PORT": "0",
            "ALLTID_LOG_FORMAT": "text",
            "ALLTID_REDIS_URL": valkey.url(self.folder),
            **settings,
        }
        self._processes: dict[str, asyncio.subprocess.Process] = {}

    async def __aenter__(self) -> Self:
        """Starts everything and waits until a front and a worker are in the registry."""
        await self._spawn("valkey", *valkey.command(self.folder, durable=False))
        await self._spawn("worker", sys.executable, "-m", "sfu.worker")
        await self._spawn("front", sys.executable, "-m", "signalling.front")
        self._redis = connect(valkey.url(self.folder))
        self._registry = Registry(self._redis)
        self.url = (await self._live("front")).addresses[0]
        await self._live("worker")
        self._http = aiohttp.ClientSession(self.url)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stops everything; what it wrote stands in the test's output."""
        await self._http.close()
        await self._redis.aclose()
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            await asyncio.wait_for(process.wait(), 20)
        self._log.close()
        shutil.rmtree(self.folder)

    async def _spawn(self, name: str, *command: str) -> None:
        self._processes[name] = await asyncio.create_subprocess_exec(
            *command, env=self._environment, stdout=self._log, stderr=self._log
        )

    async def _live(self, kind: Any) -> ProcessRecord:
        async def found() -> ProcessRecord | None:
            try:
                records = await self._registry.live(kind)
            except ConnectionError:
                return None
            return next(iter(records.values()), None)

        record = await until(found, f"a {kind} is ready ({self.log()[-2000:]})", READY_S)
        assert record is not None
        return record

    def log(self) -> str:
        """What the processes have written so far."""
        return (self.folder / "log").read_text(errors="replace")

    async def media_port(self) -> int:
        """The UDP port of the worker."""
        return (await self._live("worker")).port

    async def kill_worker(self) -> None:
        """Ends the worker without warning; its supervisor starts another."""
        process = self._processes["worker"]
        process.kill()
        await process.wait()
        await self._spawn("worker", sys.executable, "-m", "sfu.worker")

    async def room(self, **limits: int) -> "Room":
        """A new room, made over HTTP as the companion does it."""
        token = self.keys.sign_service(
            service="tests", scopes=frozenset({"rooms:write"}), now=time.time(), lifetime_s=60
        )
        headers = {"Authorization": f"Bearer {token}"}
        room_id = f"test-{secrets.token_hex(4)}"
        body = {"room_id": room_id, "name": "A test", **limits}
        async with self._http.post("/api/rooms", json=body, headers=headers) as response:
            assert response.status == 201, await response.text()
        return Room(self, room_id)


class Room:
    """A room to be invited to."""

    def __init__(self, service: Service, room_id: str) -> None:
        self.service = service
        self.room_id = room_id

    def token(self, name: str, *, role: Role = "participant", lifetime_s: int = 3600, now: float | None = None) -> str:
        """A meeting token for somebody of that name."""
        return self.service.keys.sign_meeting(
            identity=name.lower(),
            display_name=name,
            room_id=self.room_id,
            role=role,
            now=time.time() if now is None else now,
            lifetime_s=lifetime_s,
        )

    def link(self, name: str) -> str:
        """The address that somebody of that name opens."""
        return f"{self.service.url}/meeting#token={self.token(name)}"
