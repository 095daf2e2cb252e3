"""Fixtures of the companion's tests: whatever asks for ``services``, ``app`` or ``api`` runs on both databases."""

import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from auth.audit import AuditKeys
from auth.pseudonyms import Pseudonyms
from companion.app import create_app
from companion.database import Database
from companion.migrate import migrate
from companion.services import Services
from companion.settings import CompanionSettings
from loadtest.postgresql import Cluster, cluster
from tests.companion.people import TOKEN_KEYS, Api, VirtualClock
from tests.companion.world import World, build

AUDIT_KEYS = AuditKeys({"test": b"a" * 32})
_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A running PostgreSQL with an empty, migrated database ``template_companion``."""
    with cluster() as server:
        server.sql("CREATE DATABASE template_companion")
        migrate(server.url("template_companion"))
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty, migrated SQLite database."""
    path = tmp_path_factory.mktemp("companion") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of this test alone."""
    if request.param == "sqlite":
        path = tmp_path / "companion.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: Cluster = request.getfixturevalue("postgresql")
    name = f"test_{next(_NUMBERS)}"
    server.sql(f"CREATE DATABASE {name} TEMPLATE template_companion")
    yield server.url(name)
    server.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def clock() -> VirtualClock:
    """Time that the test moves."""
    return VirtualClock()


@pytest.fixture
async def services(database_url: str, clock: VirtualClock) -> AsyncIterator[Services]:
    """The services over that database."""
    database = Database(database_url, AUDIT_KEYS)
    settings = CompanionSettings(companion_database_url=database_url, search_cache_s=0)
    yield Services(settings, database, TOKEN_KEYS, AUDIT_KEYS, Pseudonyms(b"p" * 32), clock)
    await database.close()


@pytest.fixture
def app(services: Services) -> FastAPI:
    """The application, without anything in the background."""
    return create_app(services)


@pytest.fixture
async def api(app: FastAPI, clock: VirtualClock) -> AsyncIterator[Api]:
    """A client of the application."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=True)
    async with httpx2.AsyncClient(transport=transport, base_url="http://companion") as http:
        yield Api(http, clock)


@pytest.fixture
async def world(api: Api, services: Services) -> World:
    """An organisation with a week of slots for one person each."""
    return await build(api, services)
