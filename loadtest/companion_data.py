"""What the bookings' bench books in: rows for the companion's tables, put there by plain SQL.

The bench knows the companion from outside: its HTTP interface, and the tables that its migrations make.
"""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg

PROVIDER, UNIT = "SE5555555555-0001", "SE5555555555-1001"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def identifier(prefix: str, number: int) -> str:
    """An id of the companion's form: a prefix and 26 letters."""
    text = ""
    while number:
        number, rest = divmod(number, 26)
        text = _LETTERS[rest] + text
    return f"{prefix}-{text.rjust(26, 'a')}"


def rows(people: int, slots: int, capacity: int, now: datetime) -> list[tuple[str, list[dict[str, Any]]]]:
    """Table by table, in the order in which they refer to each other."""
    time_type, schedule = identifier("tt", 1), identifier("sc", 1)
    first = (now + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    allowed = {f"patient_may_{what}": True for what in ("book", "see", "rebook", "cancel", "message")}
    owner = {"provider_hsa_id": PROVIDER, "unit_hsa_id": UNIT}
    return [
        ("care_provider", [{"hsa_id": PROVIDER, "name": "Region"}]),
        (
            "unit",
            [
                {
                    "hsa_id": UNIT,
                    "provider_hsa_id": PROVIDER,
                    "name": "Unit",
                    "kind": "clinic",
                    "information": "",
                    "is_active": True,
                }
            ],
        ),
        (
            "person",
            [
                {
                    "person_id": identifier("p", number),
                    "identity_system": "bench",
                    "identity_number": f"{number:012}",
                    "given_name": "Test",
                    "family_name": "Test",
                    "sex": "unknown",
                    "is_secret": False,
                    "is_protected_registration": False,
                }
                for number in range(people)
            ],
        ),
        (
            "time_type",
            [
                {
                    "time_type_id": time_type,
                    "name_sv": "Besök",
                    "name_en": "Visit",
                    "length_minutes": 10,
                    "modality": "physical",
                    "audience": "public",
                    **owner,
                    **allowed,
                }
            ],
        ),
        ("schedule", [{"schedule_id": schedule, "name": "Bench", "is_active": True, **owner}]),
        (
            "slot",
            [
                {
                    "slot_id": identifier("sl", number),
                    "schedule_id": schedule,
                    "time_type_id": time_type,
                    "starts_at": first + timedelta(minutes=10 * number),
                    "ends_at": first + timedelta(minutes=10 * number + 10),
                    "purpose": "ordinary",
                    "capacity": capacity,
                    "taken": 0,
                    "is_closed": False,
                    **owner,
                }
                for number in range(slots)
            ],
        ),
    ]


def fill_sqlite(path: Path, tables: Sequence[tuple[str, list[dict[str, Any]]]]) -> None:
    """Into a migrated SQLite database."""
    connection = sqlite3.connect(path)
    with connection:
        for table, content in tables:
            names = list(content[0])
            places = ", ".join("?" for _ in names)
            statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608  # our own names
            connection.executemany(statement, [[_plain(row[name]) for name in names] for row in content])
    connection.close()


def _plain(value: Any) -> Any:
    """SQLite keeps instants as text in UTC, without a zone."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else value


async def fill_postgresql(directory: Path, user: str, database: str, tables: Sequence[tuple[str, Any]]) -> None:
    """Into a migrated PostgreSQL database."""
    connection = await asyncpg.connect(host=str(directory), user=user, database=database)
    for table, content in tables:
        names = list(content[0])
        await connection.copy_records_to_table(
            table, records=[tuple(row[name] for name in names) for row in content], columns=names
        )
    await connection.close()
