"""The whole service as its own processes, on free ports, in a folder that goes away."""

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import aiohttp
from redis.exceptions import ConnectionError as RedisConnectionError

from auth.tokens import Role, TokenKeys
from sfu.bus import connect
from sfu.registry import ProcessRecord, Registry
from tests.browser.polling import until
from tests.patience import PATIENCE_S


class Service:
    """``async with Service() as service``; then rooms, links and tokens for them."""

    def __init__(self, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ao-"))
        text = TokenKeys.generate_text()
        self.keys = TokenKeys.parse(text)
        self.url = ""
        self.site = ""
        """The front as people on this machine open it: what logins and cookies are bound to."""
        self.record_system = ""
        self.provider = ""
        """The development identity provider."""
        self._log = (self.folder / "log").open("wb")
        self._environment = os.environ | {
            "ALLTID_TOKEN_KEYS": text,
            "ALLTID_HTTP_PORT": "0",
            "ALLTID_LOG_FORMAT": "text",
            "ALLTID_DATA_DIR": str(self.folder),
            # A browser takes http://127.0.0.1 for a secure origin, as it does https.
            "ALLTID_HTTPS": "false",
            "ALLTID_MEDIA_ADDRESSES": "127.0.0.1",
            "ALLTID_WORKERS": "1",
            "ALLTID_MODE": "development",
            "ALLTID_PROVIDER_PORT": "0",
            "ALLTID_RECORD_SYSTEM_PORT": "0",
            "ALLTID_RPC_TIMEOUT_S": str(PATIENCE_S),
            "ALLTID_LOGIN_TIMEOUT_S": str(PATIENCE_S),
            **settings,
        }

    async def __aenter__(self) -> Self:
        """Starts everything, as ``make run`` does, and waits until a front and a worker are in the registry."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "signalling.cli", "serve", env=self._environment, stdout=self._log, stderr=self._log
        )
        try:
            socket = await until(self._valkey_socket, "Valkey is up")
            self._redis = connect(f"unix://{socket}")
            self._registry = Registry(self._redis)
            self.url = (await self._live("front")).addresses[0]
            await self._live("worker")
            await until(self._summary, "everything is started")
        except BaseException:
            print(self.log())
            with contextlib.suppress(ProcessLookupError):  # it may be what failed
                self._process.terminate()
            await self._process.wait()
            self._log.close()
            raise
        self._http = aiohttp.ClientSession(self.url)
        return self

    async def _summary(self) -> bool:
        """Whether the addresses for people are printed; the test bench is the last to start."""
        found = dict(re.findall(r"^  ([a-z ]+): +(http://localhost:\d+)", self.log(), re.MULTILINE))
        self.site = found.get("on this machine", "")
        self.record_system = found.get("record system", "")
        self.provider = found.get("identity provider", "")
        return bool(self.site and self.record_system and self.provider)

    async def _valkey_socket(self) -> Path | None:
        return next(self.folder.rglob("*.sock"), None)

    async def __aexit__(self, *_: object) -> None:
        """Stops everything; what it wrote stands in the test's output."""
        await self._http.close()
        await self._redis.aclose()
        self._process.terminate()
        status = await asyncio.wait_for(self._process.wait(), PATIENCE_S)
        self._log.close()
        print(self.log())
        shutil.rmtree(self.folder)
        assert status == 0, "the service did not stop cleanly"

    async def _live(self, kind: Any) -> ProcessRecord:
        async def found() -> ProcessRecord | None:
            try:
                records = await self._registry.live(kind)
            except (RedisConnectionError, OSError):
                return None
            return next(iter(records.values()), None)

        record = await until(found, f"a {kind} is ready")
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
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        (worker,) = (int(pid) for pid in children if b"sfu.worker" in Path(f"/proc/{pid}/cmdline").read_bytes())
        os.kill(worker, signal.SIGKILL)

    async def metrics(self) -> str:
        """The front's metrics as text."""
        async with self._http.get("/metrics") as response:
            assert response.status == 200
            return await response.text()

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

    def link(self, name: str, *, role: Role = "participant") -> str:
        """The address that somebody of that name opens."""
        return f"{self.service.url}/meeting#token={self.token(name, role=role)}"
