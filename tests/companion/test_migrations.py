"""The migrations make what the models say, on both databases."""

import asyncio
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from companion.database import Database
from companion.migrate import configuration
from companion.models import Base
from tests.companion.conftest import AUDIT_KEYS


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, Base.metadata))


def test_migrations_and_models_agree(database_url: str) -> None:
    async def compare() -> list[Any]:
        database = Database(database_url, AUDIT_KEYS)
        async with database.engine.connect() as connection:
            found = await connection.run_sync(differences)
        await database.close()
        return found

    assert asyncio.run(compare()) == []


def test_the_migrations_are_one_chain() -> None:
    assert len(ScriptDirectory.from_config(configuration("sqlite://")).get_heads()) == 1
