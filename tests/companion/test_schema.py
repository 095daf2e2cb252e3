"""Schemathesis over the whole OpenAPI document: whatever is asked, by whomever, the answer is one that is documented.

``ALLTID_SCHEMA_EXAMPLES=200 ALLTID_SCHEMA_SEED=7`` makes a longer run with other requests.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from itertools import count, zip_longest
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from auth.pseudonyms import Pseudonyms
from companion.app import create_app
from companion.database import Database
from companion.demo.fill import fill
from companion.openapi import Companion
from companion.routes import ROUTERS
from companion.search_cache import SearchCache
from companion.services import Services
from companion.settings import CompanionSettings
from loadtest.postgresql import Cluster
from tests.companion.conftest import AUDIT_KEYS
from tests.companion.people import TOKEN_KEYS, Api, VirtualClock
from tests.companion.schema_cases import Drawn, draw, draw_bodies, load, operations
from tests.companion.schema_world import SchemaWorld, enrich

EXAMPLES: Final = int(os.environ.get("ALLTID_SCHEMA_EXAMPLES", "6"))
SEED: Final = int(os.environ.get("ALLTID_SCHEMA_SEED", "1"))
TAGS: Final = list(dict.fromkeys(str(router.tags[0]) for router in ROUTERS))
_PATIENCE_S: Final = 60 + 20 * EXAMPLES
ENDS: Final = ("/end", "/cancel", "/withdraw", "/lift", "/close", "/calendar-feed", "/fulfil")
_NUMBERS: Final = count()


# --- a database of demo data, and copies of it -----------------------------------------------------------------------


@asynccontextmanager
async def _running(url: str, directory: Path) -> AsyncIterator[tuple[Services, Companion, Api]]:
    settings = CompanionSettings(companion_database_url=url, search_cache_s=0, companion_archive_dir=directory)
    clock = VirtualClock()
    database = Database(url, AUDIT_KEYS)
    services = Services(settings, database, TOKEN_KEYS, AUDIT_KEYS, Pseudonyms(b"p" * 32), clock)
    app = _application(services)
    try:
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app, raise_app_exceptions=False), base_url="http://companion"
        ) as http:
            yield services, app, Api(http, clock)
    finally:
        await database.close()


_APPLICATIONS: Final[list[Companion]] = []


def _application(services: Services) -> Companion:
    """One for the whole file: its routes and its document are worked out once."""
    if not _APPLICATIONS:
        _APPLICATIONS.append(create_app(services))
    _APPLICATIONS[0].state.services = services
    _APPLICATIONS[0].state.search_cache = SearchCache(0, services.database.slot_news)
    return _APPLICATIONS[0]


@dataclass
class Filled:
    """A database with demo data, and what is known of it."""

    url: str
    directory: Path
    world: SchemaWorld
    server: Cluster | None

    @asynccontextmanager
    async def copy(self, directory: Path) -> AsyncIterator[SchemaWorld]:
        """The world over a copy of the database, which is removed afterwards."""
        shutil.copytree(self.directory, directory / "archive")
        name = f"schema_{next(_NUMBERS)}"
        if self.server is None:
            url = f"sqlite:///{directory / 'copy.db'}"
            shutil.copy(self.url.removeprefix("sqlite:///"), directory / "copy.db")
        else:
            self.server.sql(f"CREATE DATABASE {name} TEMPLATE schema_demo")
            url = self.server.url(name)
        async with _running(url, directory / "archive") as (services, _, api):
            yield SchemaWorld(api, services, self.world.people, deepcopy(self.world.pool))
        if self.server is not None:
            self.server.sql(f"DROP DATABASE {name}")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """The demo data and more, once for each kind of database."""
    directory, server = tmp_path_factory.mktemp("schema"), None
    if request.param == "sqlite":
        url = f"sqlite:///{directory / 'demo.db'}"
        shutil.copy(request.getfixturevalue("sqlite_template"), directory / "demo.db")
    else:
        server = request.getfixturevalue("postgresql")
        server.sql("CALL begin_anew.run()", "companion")
        server.sql("CREATE DATABASE schema_demo TEMPLATE companion")
        url = server.url("schema_demo")

    async def made() -> SchemaWorld:
        async with _running(url, directory / "archive") as (services, _, api):
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("ALLTID_MODE", "development")
                assert await fill(services)
            return await enrich(api, services)

    yield Filled(url, directory / "archive", asyncio.run(made()), server)
    if server is not None:
        server.sql("DROP DATABASE schema_demo")


# --- what is asked ---------------------------------------------------------------------------------------------------


@cache
def _document() -> dict[str, Any]:
    return _APPLICATIONS[0].openapi()


@cache
def _drawn(tag: str) -> tuple[Drawn, ...]:
    """The requests for an area, in rounds: what makes something before what reads it and what ends it."""
    order = {"post": 0, "put": 1, "patch": 2, "get": 3, "delete": 4}
    found = [one for one in operations(load(_document())) if one.tags[0] == tag]
    found.sort(key=lambda one: (one.path.endswith(ENDS), order[one.method]))
    requests = [[*draw(one, EXAMPLES, SEED), *draw_bodies(one, 1 + EXAMPLES // 4, SEED)] for one in found]
    return tuple(drawn for one_round in zip_longest(*requests) for drawn in one_round if drawn is not None)


@pytest.mark.timeout(_PATIENCE_S)
@pytest.mark.parametrize("tag", TAGS)
async def test_whatever_is_asked_gets_a_documented_answer(filled: Filled, tag: str, tmp_path: Path) -> None:
    async with filled.copy(tmp_path) as world:
        faults = [fault for drawn in _drawn(tag) for fault in await world.ask(drawn)]
    kinds = {fault[:100]: fault for fault in reversed(faults)}  # one example of each
    assert not kinds, f"{len(faults)} faults:\n" + "\n".join(kinds.values())
