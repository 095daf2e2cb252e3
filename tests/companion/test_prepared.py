"""Statements by the driver: what they give, that they are one transaction with the session's, and how they fail."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from companion.database import Database
from companion.models.bookings import Booking
from companion.models.organisation import CareProvider
from companion.models.people import Person
from companion.models.schedules import Slot, TimeType
from companion.prepared import Prepared, all_columns, columns_of, given, plain, table
from companion.services import Services
from companion.transaction import Transaction
from tests.companion.people import ANNA, PROVIDER, START, patient
from tests.companion.world import World, found
from tests.patience import PATIENCE_S

_PROVIDERS = table(CareProvider)
ADD = Prepared(lambda _: _PROVIDERS.insert().values(all_columns(CareProvider)).inline())
NAME = Prepared(
    lambda _: select(_PROVIDERS.c.name).where(_PROVIDERS.c.hsa_id == given("of", _PROVIDERS.c.hsa_id)).limit(1)
)


async def name_of(database: Database, hsa_id: str) -> str | None:
    """What is stored."""
    async with database.reading(START) as transaction:
        row = await NAME.first(transaction, of=hsa_id)
        return None if row is None else str(row[0])


@pytest.mark.parametrize("model", [Slot, TimeType, Person, Booking])
async def test_a_plain_row_reads_as_the_session_reads_it(world: World, model: Any) -> None:
    await world.api.made("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    key = table(model).primary_key.columns[0]
    statement = Prepared(lambda _: select(*columns_of(model)).order_by(key))
    async with world.services.database.reading(START) as transaction:
        rows = [plain(model)(row) for row in await statement.rows(transaction)]
        known = (await transaction.session.scalars(select(model).order_by(key))).all()
        names = [column.name for column in columns_of(model)]
        assert rows
        assert [[getattr(one, name) for name in names] for one in rows] == [
            [getattr(one, name) for name in names] for one in known
        ]
    with pytest.raises(AttributeError):
        setattr(rows[0], names[0], "changed")
    assert "Test" not in repr(rows[0])


async def test_what_the_session_holds_is_written_before(services: Services) -> None:
    async with services.database.transaction(START) as transaction:
        transaction.session.add(CareProvider(hsa_id=PROVIDER, name="Region"))
        assert await NAME.first(transaction, of=PROVIDER) == ("Region",)
    assert await name_of(services.database, PROVIDER) == "Region"


async def test_a_transaction_that_fails_leaves_nothing_of_either(services: Services) -> None:
    async def write() -> None:
        async with services.database.transaction(START) as transaction:
            await ADD.rows(transaction, hsa_id=PROVIDER, name="Region")
            transaction.session.add(CareProvider(hsa_id="SE5566778899-0001", name="AB"))
            await transaction.session.flush()
            raise ValueError("afterwards")

    with pytest.raises(ValueError, match="afterwards"):
        await write()
    assert await name_of(services.database, PROVIDER) is None
    assert await name_of(services.database, "SE5566778899-0001") is None


async def test_nobody_sees_what_is_not_committed(services: Services) -> None:
    async with services.database.transaction(START) as transaction:
        await ADD.rows(transaction, hsa_id=PROVIDER, name="Region")
        assert await name_of(services.database, PROVIDER) is None
    assert await name_of(services.database, PROVIDER) == "Region"


async def test_whoever_is_cancelled_leaves_nothing_and_holds_nobody_up(services: Services) -> None:
    has_written = asyncio.Event()

    async def write() -> None:
        async with services.database.transaction(START) as transaction:
            await ADD.rows(transaction, hsa_id=PROVIDER, name="Region")
            has_written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await has_written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await name_of(services.database, PROVIDER) is None
    async with asyncio.timeout(PATIENCE_S), services.database.transaction(START) as transaction:
        await ADD.rows(transaction, hsa_id=PROVIDER, name="Another")
    assert await name_of(services.database, PROVIDER) == "Another"


async def test_whoever_is_cancelled_within_a_statement_hears_of_nothing_else(services: Services) -> None:
    async def read(reads: asyncio.Event) -> None:
        async with services.database.transaction(START) as transaction:
            while True:
                await transaction.session.execute(select(func.count()).select_from(CareProvider))
                reads.set()

    for turns in range(20):  # wherever it happens to be by then
        reads = asyncio.Event()
        task = asyncio.create_task(read(reads))
        async with asyncio.timeout(PATIENCE_S):
            await reads.wait()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with asyncio.timeout(PATIENCE_S), services.database.transaction(START) as transaction:
        await ADD.rows(transaction, hsa_id=PROVIDER, name="Region")
    assert await name_of(services.database, PROVIDER) == "Region"


async def test_errors_are_sqlalchemys_and_carry_no_values(services: Services) -> None:
    async def twice(transaction: Transaction) -> None:
        for _ in range(2):
            await ADD.rows(transaction, hsa_id=PROVIDER, name="A name that is told to nobody")

    with pytest.raises(IntegrityError) as caught:
        async with services.database.transaction(START) as transaction:
            await twice(transaction)
    assert caught.value.params is None
    assert "told to nobody" not in str(caught.value)
    assert await name_of(services.database, PROVIDER) is None


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_postgresql_commits_nothing_behind_an_error_that_somebody_swallowed(services: Services) -> None:
    async def write() -> None:
        async with services.database.transaction(START) as transaction:
            await ADD.rows(transaction, hsa_id=PROVIDER, name="Region")
            with pytest.raises(IntegrityError):
                await ADD.rows(transaction, hsa_id=PROVIDER, name="Region")

    with pytest.raises(DBAPIError):
        await write()
    assert await name_of(services.database, PROVIDER) is None


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_connections_that_the_server_closed_are_replaced(services: Services) -> None:
    database = services.database
    await found(services)
    async with database.transaction(START) as transaction:
        (own,) = (await transaction.session.execute(select(func.pg_backend_pid()))).one()
    other = Database(services.settings.companion_database_url, services.audit_keys)
    async with other.reading(START) as transaction:
        await transaction.session.execute(select(func.pg_terminate_backend(own)))
        driver: Any = None
        async with database.engine.connect() as connection:  # until the connection has noticed
            driver = (await connection.get_raw_connection()).driver_connection
            for _ in range(200):
                if driver.is_closed():
                    break
                await asyncio.sleep(0.01)
    await other.close()
    async with database.reading(START) as transaction:
        assert await transaction.session.get(Person, ANNA) is not None
