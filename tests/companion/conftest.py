"""Fixtures of the companion's tests: whatever asks for ``services``, ``app`` or ``api`` runs on both databases."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest
from fastapi import FastAPI

from auth.audit import AuditKeys
from auth.pseudonyms import Pseudonyms
from companion.app import create_app
from companion.database import Database
from companion.migrate import migrate
from companion.search_cache import SearchCache
from companion.services import Services
from companion.settings import CompanionSettings
from loadtest.postgresql import Cluster, cluster
from tests.companion.people import TOKEN_KEYS, Api, VirtualClock
from tests.companion.world import World, build

AUDIT_KEYS = AuditKeys({"test": b"a" * 32})
_DATABASE: Final = "companion"
_BEGIN_ANEW: Final = """
CREATE SCHEMA begin_anew;
DO $$
DECLARE one record;
BEGIN
    FOR one IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('CREATE TABLE begin_anew.%I AS TABLE public.%I', one.name, one.name);
    END LOOP;
END $$;
CREATE PROCEDURE begin_anew.run() LANGUAGE plpgsql AS $$
DECLARE one record; has_rows boolean;
BEGIN
    -- Connections that a test left open would hold locks.
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET LOCAL session_replication_role = replica;  -- no foreign keys while rows go and come
    FOR one IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format(
            'SELECT EXISTS (SELECT FROM public.%I) OR EXISTS (SELECT FROM begin_anew.%I)', one.name, one.name
        ) INTO has_rows;
        IF has_rows THEN
            EXECUTE format('DELETE FROM public.%I', one.name);
            EXECUTE format('INSERT INTO public.%I SELECT * FROM begin_anew.%I', one.name, one.name);
        END IF;
    END LOOP;
    FOR one IN SELECT sequencename AS name FROM pg_sequences WHERE schemaname = 'public' LOOP
        EXECUTE format('ALTER SEQUENCE public.%I RESTART', one.name);
    END LOOP;
END $$;
"""
"""A database for each test would cost more than most tests: hundreds of files made and removed."""


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A running PostgreSQL with a migrated database, which ``begin_anew`` puts back to how migrations left it."""
    with cluster() as server:
        server.sql(f"CREATE DATABASE {_DATABASE}")
        migrate(server.url(_DATABASE))
        server.sql(_BEGIN_ANEW, _DATABASE)
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
    server.sql("CALL begin_anew.run()", _DATABASE)
    yield server.url(_DATABASE)


@pytest.fixture
def clock() -> VirtualClock:
    """Time that the test moves."""
    return VirtualClock()


@pytest.fixture
async def services(database_url: str, clock: VirtualClock, tmp_path: Path) -> AsyncIterator[Services]:
    """The services over that database."""
    database = Database(database_url, AUDIT_KEYS)
    settings = CompanionSettings(
        companion_database_url=database_url, search_cache_s=0, companion_archive_dir=tmp_path / "archive"
    )
    yield Services(settings, database, TOKEN_KEYS, AUDIT_KEYS, Pseudonyms(b"p" * 32), clock)
    await database.close()


_APPLICATION: Final[list[FastAPI]] = []
"""One for all tests: its routes are worked out at its first request, which costs more than most tests."""


@pytest.fixture
def app(services: Services) -> FastAPI:
    """The application over this test's services, without anything in the background."""
    if not _APPLICATION:
        _APPLICATION.append(create_app(services))
    application = _APPLICATION[0]
    application.state.services = services
    application.state.search_cache = SearchCache(services.settings.search_cache_s, services.database.slot_news)
    return application


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
