"""A real companion on a free port, with SQLite, which shares the tests' keys and clock."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from auth.audit import AuditKeys
from auth.pseudonyms import Pseudonyms
from companion.app import create_app
from companion.database import Database
from companion.migrate import migrate
from companion.services import Services
from companion.settings import CompanionSettings
from tests.signalling.conftest import KEYS

_AUDIT_KEYS = AuditKeys({"test": b"a" * 32})


@contextlib.asynccontextmanager
async def real_companion(folder: Path, clock: Callable[[], float]) -> AsyncIterator[tuple[str, Services]]:
    """Its address, and what it works with."""
    url = f"sqlite:///{folder / 'companion.db'}"
    await asyncio.to_thread(migrate, url)
    settings = CompanionSettings(companion_database_url=url, companion_archive_dir=folder / "companion-archive")
    services = Services(
        settings,
        Database(url, _AUDIT_KEYS),
        KEYS,
        _AUDIT_KEYS,
        Pseudonyms(b"p" * 32),
        lambda: datetime.fromtimestamp(clock(), UTC),
    )
    config = uvicorn.Config(create_app(services), port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        assert not serving.done()
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}", services
    server.should_exit = True
    await serving
