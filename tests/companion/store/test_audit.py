"""The audit log in SQL: whole, tamper-evident, in the transaction that it tells of."""

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy import text

from auth.audit import AuditEntry
from companion.models.audit import AuditRow
from companion.services import Services
from companion.store.audit import verify_stored
from tests.companion.conftest import AUDIT_KEYS


def entry(number: int) -> AuditEntry:
    return AuditEntry(
        at_ms=number,
        actor="SE1-K",
        on_behalf_of=None,
        commission=None,
        unit=None,
        provider="SE1-P",
        patient="p-" + "a" * 26,
        action="booking_read",
        outcome="allowed",
        resource=f"booking:{number}",
        address=None,
        request_id="r",
    )


async def append(services: Services, *numbers: int) -> None:
    async with services.database.transaction(services.clock()) as transaction:
        transaction.audit.extend(entry(number) for number in numbers)


async def fault(services: Services) -> tuple[int, str] | None:
    async with services.database.reading(services.clock()) as transaction:
        found = (await verify_stored(transaction.session, AUDIT_KEYS)).fault
    return (found.number, found.cause) if found else None


async def test_writers_at_the_same_time_make_one_whole_chain(services: Services) -> None:
    await asyncio.gather(*(append(services, number, number + 100) for number in range(15)))
    async with services.database.reading(services.clock()) as transaction:
        result = await verify_stored(transaction.session, AUDIT_KEYS)
    assert (result.head.number, result.fault) == (30, None)


async def test_an_entry_goes_with_its_transaction(services: Services) -> None:
    await append(services, 1)
    with suppress(ZeroDivisionError):
        async with services.database.transaction(services.clock()) as transaction:
            transaction.audit.append(entry(2))
            1 / 0  # noqa: B018
    async with services.database.reading(services.clock()) as transaction:
        assert await transaction.session.get(AuditRow, 2) is None
    assert await fault(services) is None


@pytest.mark.attack
@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DELETE FROM audit_entry WHERE number = 2", (2, "missing")),
        ("DELETE FROM audit_entry WHERE number = 3", (3, "truncated")),
        ("UPDATE audit_entry SET hash = (SELECT hash FROM audit_head) WHERE number = 1", (1, "changed")),
        ("UPDATE audit_entry SET patient = NULL WHERE number = 2", (2, "changed")),
        ("DELETE FROM audit_head", (3, "head_missing")),
        ("UPDATE audit_head SET signed = 'x'", (0, "head_forged")),
    ],
)
async def test_tampering_is_found(services: Services, statement: str, found: tuple[int, str]) -> None:
    await append(services, 1, 2, 3)
    async with services.database.transaction(services.clock()) as transaction:
        await transaction.session.execute(text(statement))
    assert await fault(services) == found


async def test_a_reading_transaction_cannot_write(services: Services) -> None:
    with pytest.raises(RuntimeError, match="reading"):
        async with services.database.reading(services.clock()) as transaction:
            transaction.audit.append(entry(1))
