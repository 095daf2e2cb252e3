"""A real companion beside a real front: a database, HTTP between the two, events delivered when a test says so."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from auth.audit import AuditKeys
from auth.pseudonyms import Pseudonyms
from companion.app import create_app
from companion.database import Database
from companion.migrate import migrate
from companion.outbox import Dispatcher, HttpReceiver
from companion.services import Services
from companion.settings import CompanionSettings
from loadtest.ports import HeldPort
from signalling.front import Front
from tests.companion.people import UNIT, Api, VirtualClock, patient
from tests.companion.world import ADMIN, TIME_TYPE, found
from tests.patience import PATIENCE_S
from tests.signalling.conftest import KEYS, NOW

TODAY = datetime.fromtimestamp(NOW, UTC).date()
AUDIT_KEYS = AuditKeys({"test": b"a" * 32})


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class RealCompanion:
    """One companion; ``stop`` and ``start`` it again with the same address and database."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self._held = HeldPort()
        self.port = self._held.number
        self.url = f"http://127.0.0.1:{self.port}"
        self.clock = VirtualClock(datetime.fromtimestamp(NOW, UTC))
        self.http = httpx2.AsyncClient(base_url=self.url, timeout=PATIENCE_S)
        self.api = Api(self.http, self.clock, keys=KEYS)
        self.api.headers["Connection"] = "close"

    async def start(self) -> "RealCompanion":
        settings = CompanionSettings(companion_database_url=f"sqlite:///{self.database}", search_cache_s=0)
        database = Database(settings.companion_database_url, AUDIT_KEYS)
        self.services = Services(settings, database, KEYS, AUDIT_KEYS, Pseudonyms(b"p" * 32), self.clock)
        config = uvicorn.Config(
            create_app(self.services), host="127.0.0.1", port=self.port, log_config=None, timeout_graceful_shutdown=1
        )
        self.server = _Server(config)
        self.task = asyncio.create_task(self.server.serve())
        async with asyncio.timeout(PATIENCE_S):
            while not self.server.started:
                await asyncio.sleep(0.01)
        await self.http.get("/healthz")  # the first request works out the routes, and keeps the loop busy for that long
        return self

    async def stop(self) -> None:
        self.server.should_exit = True
        await self.task

    async def close(self) -> None:
        await self.http.aclose()
        if not self.task.done():
            await self.stop()

    async def deliver(self, front: Front) -> int:
        """What stands in the outbox, to a front; how many were tried."""
        async with httpx2.AsyncClient(timeout=PATIENCE_S) as http:
            receiver = HttpReceiver(f"{front.http_url}/api/companion/events", KEYS, http, self.clock)
            return await Dispatcher(self.services.database, receiver, self.clock).deliver_due()

    async def slots(self, *, modality: str = "video", begins: str = "09:10", **time_type: Any) -> list[dict[str, Any]]:
        """Today's slots of a new time type, from ``begins`` local time (it is nine o'clock) to noon."""
        kind = await self.api.made(f"/units/{UNIT}/time-types", ADMIN, TIME_TYPE | {"modality": modality, **time_type})
        schedule = await self.api.made(f"/units/{UNIT}/schedules", ADMIN, {"name": "Tidbok"})
        line = {
            "time_type_id": kind["time_type_id"], "weekdays": "0123456", "begins": begins, "ends": "12:00",
            "slot_minutes": 30, "capacity": 1, "valid_from": "2027-01-01",
        }  # fmt: skip
        await self.api.made(f"/schedules/{schedule['schedule_id']}/templates", ADMIN, line)
        days = {"first": TODAY.isoformat(), "last": TODAY.isoformat()}
        await self.api.made(f"/schedules/{schedule['schedule_id']}/slots", ADMIN, days)
        return list((await self.api.get(f"/schedules/{schedule['schedule_id']}/days/{TODAY}", ADMIN)).json())

    async def book(self, slot: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Anna books."""
        return dict(await self.api.made("/bookings", patient(), {"slot_id": slot["slot_id"], **fields}))


@pytest.fixture(scope="session")
def companion_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("companion") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
async def real_companion(companion_template: Path, tmp_path: Path) -> AsyncIterator[RealCompanion]:
    """A companion with the organisation and the people of ``tests/companion/world.py``."""
    path = tmp_path / "companion.db"
    shutil.copy(companion_template, path)
    companion = await RealCompanion(path).start()
    await found(companion.services)
    yield companion
    await companion.close()
