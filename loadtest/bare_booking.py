"""The least that a booking can cost: its one conditional UPDATE and its one INSERT in a transaction, by the driver.

No HTTP, no identity, no rules, no audit, no outbox, no idempotency key. The databases keep what they promise: what is
committed is on the disk.
"""

import asyncio
import secrets
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from loadtest.companion_data import PROVIDER, UNIT, identifier

_COLUMNS = (
    "booking_id, slot_id, provider_hsa_id, unit_hsa_id, time_type_id, patient_person_id, booked_by, state, "
    "starts_at, ends_at, sequence, created_at, changed_at"
)


def _values(number: int, slots: int, now: object) -> tuple[object, ...]:
    person = identifier("p", number)
    slot = identifier("sl", number % slots)
    booking = f"bk-{secrets.token_hex(13)}"
    time_type = identifier("tt", 1)
    return booking, slot, PROVIDER, UNIT, time_type, person, person, "booked", now, now, 0, now, now


async def postgresql(directory: Path, user: str, database: str, *, count: int, slots: int, clients: int) -> float:
    """Bookings per second over so many connections; undone afterwards."""
    pool = await asyncpg.create_pool(
        host=str(directory), user=user, database=database, min_size=clients, max_size=clients
    )
    numbers = iter(range(count))
    places = ", ".join(f"${place}" for place in range(1, 14))
    insert = f"INSERT INTO booking ({_COLUMNS}) VALUES ({places})"  # noqa: S608  # our own names

    async def client() -> None:
        async with pool.acquire() as connection:
            for number in numbers:
                values = _values(number, slots, datetime.now(UTC))
                async with connection.transaction():
                    await connection.fetchval(
                        "UPDATE slot SET taken = taken + 1 WHERE slot_id = $1 AND taken < capacity RETURNING taken",
                        values[1],
                    )
                    await connection.execute(insert, *values)

    begin = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    seconds = time.perf_counter() - begin
    await pool.execute("DELETE FROM booking")
    await pool.execute("UPDATE slot SET taken = 0")
    await pool.close()
    return count / seconds


def sqlite(path: Path, *, count: int, slots: int) -> float:
    """Bookings per second; SQLite has one writer, so one connection. Undone afterwards."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    insert = f"INSERT INTO booking ({_COLUMNS}) VALUES ({', '.join('?' * 13)})"  # noqa: S608  # our own names
    begin = time.perf_counter()
    for number in range(count):
        values = _values(number, slots, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "UPDATE slot SET taken = taken + 1 WHERE slot_id = ? AND taken < capacity RETURNING taken", (values[1],)
        ).fetchall()
        connection.execute(insert, values)
        connection.execute("COMMIT")
    seconds = time.perf_counter() - begin
    connection.execute("DELETE FROM booking")
    connection.execute("UPDATE slot SET taken = 0")
    connection.close()
    return count / seconds
