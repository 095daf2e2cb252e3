"""The least that a booking can cost: the same rows, written by hand with the driver in one transaction.

The place is taken by one conditional UPDATE; the booking, its idempotency key with an answer, its event and its entry
of the audit log are INSERTs, and the log's one head is moved. No HTTP, no identity, no rules, no checks, no hashes.
The databases keep what they promise: what is committed is on the disk.
"""

import asyncio
import json
import secrets
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg

from loadtest.companion_data import PROVIDER, UNIT, identifier

_TAKE: Final = "UPDATE slot SET taken = taken + 1 WHERE slot_id = {0} AND taken < capacity RETURNING taken"
_MOVE_HEAD: Final = "UPDATE audit_head SET number = number + 1 WHERE id = 1 RETURNING number"
_HEAD: Final = "INSERT INTO audit_head (id, number, hash, signed) VALUES (1, 0, {0}, '')"
_UNDO: Final = (
    *(f"DELETE FROM {table}" for table in ("booking", "idempotency_key", "outbox", "audit_entry", "audit_head")),  # noqa: S608
    "UPDATE slot SET taken = 0",
)
_ROWS: Final = {
    "booking": "booking_id slot_id provider_hsa_id unit_hsa_id time_type_id patient_person_id booked_by state "
    "starts_at ends_at sequence created_at changed_at",
    "idempotency_key": "actor key fingerprint status body created_at",
    "outbox": "key kind payload created_at due_at attempts",
    "audit_entry": "number body hash at_ms actor patient provider unit action",
}
_HASH: Final = bytes(32)


def _inserts(place: Callable[[int], str]) -> dict[str, str]:
    made = {}
    for table, text in _ROWS.items():
        names = text.split()
        places = ", ".join(place(index) for index in range(len(names)))
        made[table] = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608  # our own names
    return made


def _values(number: int, slots: int, now: Any) -> dict[str, tuple[Any, ...]]:
    """As wide as the companion's."""
    person, slot, booking = identifier("p", number), identifier("sl", number % slots), f"bk-{secrets.token_hex(13)}"
    at_ms = int(time.time() * 1000)
    body = json.dumps({"booking_id": booking, "slot_id": slot, "state": "booked", "rest": "x" * 300})
    return {
        "booking": (
            *(booking, slot, PROVIDER, UNIT, identifier("tt", 1), person, person, "booked"),
            *(now, now, 0, now, now),
        ),
        "idempotency_key": (secrets.token_hex(32), f"bench-{number:08}", secrets.token_hex(32), 201, body, now),
        "outbox": (f"booking.created:{booking}:0", "booking.created", body, now, now, 0),
        "audit_entry": (
            body.encode(),
            _HASH,
            at_ms,
            person,
            person,
            PROVIDER,
            UNIT,
            "booking_create",
        ),
    }


async def postgresql(directory: Path, user: str, database: str, *, count: int, slots: int, clients: int) -> float:
    """Bookings per second over so many connections; undone afterwards."""
    pool = await asyncpg.create_pool(
        host=str(directory), user=user, database=database, min_size=clients, max_size=clients
    )
    numbers, inserts = iter(range(count)), _inserts(lambda index: f"${index + 1}")
    await pool.execute(_HEAD.format("$1"), _HASH)

    async def client() -> None:
        async with pool.acquire() as connection:
            for number in numbers:
                values = _values(number, slots, datetime.now(UTC))
                async with connection.transaction():
                    await connection.execute(inserts["idempotency_key"], *values["idempotency_key"])
                    await connection.fetchval(_TAKE.format("$1"), values["booking"][1])
                    await connection.execute(inserts["booking"], *values["booking"])
                    await connection.execute(inserts["outbox"], *values["outbox"])
                    place = await connection.fetchval(_MOVE_HEAD)
                    await connection.execute(inserts["audit_entry"], place, *values["audit_entry"])

    begin = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    seconds = time.perf_counter() - begin
    for statement in _UNDO:
        await pool.execute(statement)
    await pool.close()
    return count / seconds


def sqlite(path: Path, *, count: int, slots: int) -> float:
    """Bookings per second; SQLite has one writer, so one connection. Undone afterwards."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    inserts = _inserts(lambda _: "?")
    connection.execute(_HEAD.format("?"), (_HASH,))
    begin = time.perf_counter()
    for number in range(count):
        values = _values(number, slots, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(inserts["idempotency_key"], values["idempotency_key"])
        connection.execute(_TAKE.format("?"), (values["booking"][1],)).fetchall()
        connection.execute(inserts["booking"], values["booking"])
        connection.execute(inserts["outbox"], values["outbox"])
        ((place,),) = connection.execute(_MOVE_HEAD).fetchall()
        connection.execute(inserts["audit_entry"], (place, *values["audit_entry"]))
        connection.execute("COMMIT")
    seconds = time.perf_counter() - begin
    for statement in _UNDO:
        connection.execute(statement)
    connection.close()
    return count / seconds
