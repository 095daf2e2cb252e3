"""Audit logs lose their oldest entries when they are old enough, and stay chains that can be checked."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from auth.audit import AuditKeys, SignedHead
from companion.models.audit import AuditRow, ChainRow, FrontAuditRow
from companion.models.records import LegalHoldRow
from companion.services import Services
from companion.store import audit_pruning
from companion.store.audit import stored_head, verify_stored
from companion.store.audit_pruning import prune
from tests.companion.conftest import AUDIT_KEYS
from tests.companion.front_chain import chain, hand_over
from tests.companion.people import ANNA, BO, PROVIDER, Api, VirtualClock
from tests.companion.store.test_audit import entry

DAY = timedelta(days=1)


def at(when: datetime, patient: str = ANNA) -> Any:
    made = entry(int(when.timestamp() * 1000))
    return type(made)(**(vars(made) | {"patient": patient, "provider": PROVIDER}))


async def append(services: Services, *entries: Any) -> None:
    async with services.database.transaction(services.clock()) as transaction:
        transaction.audit.extend(entries)


async def run(services: Services, years: int = 5) -> int:
    return await prune(services.database, AUDIT_KEYS, services.clock, years)


async def numbers(services: Services, of: type[ChainRow] = AuditRow) -> list[int]:
    async with services.database.reading(services.clock()) as transaction:
        return list((await transaction.session.scalars(select(of.number).order_by(of.number))).all())


async def fault(services: Services, *known: SignedHead, of: type[ChainRow] = AuditRow) -> tuple[int, str] | None:
    async with services.database.reading(services.clock()) as transaction:
        found = (await verify_stored(transaction.session, AUDIT_KEYS, known=known, of=of)).fault
    return (found.number, found.cause) if found else None


async def lived(services: Services, clock: VirtualClock) -> SignedHead:
    """Three entries of today, two of a year later; then it is five years and some days from today."""
    start = clock.now
    await append(services, *(at(start) for _ in range(3)))
    async with services.database.reading(clock()) as transaction:
        early = await stored_head(transaction.session)
    await append(services, *(at(start + 365 * DAY) for _ in range(2)))
    clock.now = start.replace(year=start.year + 5) + 3 * DAY
    assert early is not None
    return early


async def test_what_is_old_enough_goes_and_the_rest_is_one_chain(services: Services, clock: VirtualClock) -> None:
    early = await lived(services, clock)
    clock.advance(days=-3)
    assert await run(services) == 0  # the fifth year ends with the day
    clock.advance(days=3)
    assert await run(services, 6) == 0  # the setting says longer
    assert await run(services) == 3
    assert await numbers(services) == [4, 5, 6]  # the last tells of it
    assert await fault(services) is None
    assert await fault(services, early) is None  # a head of then is before the beginning
    await append(services, at(clock.now))
    assert await fault(services) is None
    assert await run(services) == 0


async def test_the_last_entry_stays(services: Services, clock: VirtualClock) -> None:
    await append(services, at(clock.now), at(clock.now))
    clock.advance(days=3000)
    assert await run(services) == 1
    await append(services, at(clock.now))
    assert await fault(services) is None


async def test_large_logs_go_in_parts(services: Services, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_pruning, "BATCH", 4)
    await append(services, *(at(clock.now) for _ in range(10)))
    clock.advance(days=3000)
    assert await run(services) == 10  # each part tells of itself, so the last of the old ones is not the last of all
    assert await fault(services) is None


async def test_a_legal_hold_keeps_what_comes_after_it_too(services: Services, clock: VirtualClock) -> None:
    await append(services, at(clock.now), at(clock.now, BO), at(clock.now))
    held = {"provider_hsa_id": PROVIDER, "patient_person_id": BO, "kind": None, "reason": "x", "placed_by": "y"}
    async with services.database.transaction(clock()) as transaction:
        await transaction.session.execute(
            text("INSERT INTO care_provider (hsa_id, name) VALUES (:id, 'P')"), {"id": PROVIDER}
        )
        transaction.session.add(LegalHoldRow(hold_id="hold-1", placed_at=clock.now, **held))
    clock.advance(days=3000)
    assert await run(services) == 1
    assert await numbers(services) == [2, 3, 4]


async def test_the_fronts_log_is_pruned_as_well_and_goes_on(api: Api, services: Services, clock: VirtualClock) -> None:
    entries = chain(5)
    assert (await hand_over(api, entries[:4])).json()["number"] == 4
    clock.advance(days=3000)
    assert await run(services) >= 3
    assert await numbers(services, FrontAuditRow) == [4]
    assert (await hand_over(api, entries)).json()["number"] == 5  # what comes again is known, or was
    assert await fault(services, of=FrontAuditRow) is None


@pytest.mark.attack
@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DELETE FROM audit_entry WHERE number = 4", (4, "missing")),
        ("UPDATE audit_head SET begin = NULL", (1, "missing")),
        ("UPDATE audit_head SET begin = signed", (0, "head_forged")),
        ("UPDATE audit_head SET begin = 'x'", (0, "head_forged")),
    ],
)
async def test_who_removes_entries_cannot_pass_it_off_as_pruning(
    services: Services, clock: VirtualClock, statement: str, found: tuple[int, str]
) -> None:
    await lived(services, clock)
    assert await run(services) == 3
    async with services.database.transaction(clock()) as transaction:
        await transaction.session.execute(text(statement))
    assert await fault(services) == found


@pytest.mark.attack
async def test_a_log_that_is_not_whole_is_left_for_whoever_looks_into_it(
    services: Services, clock: VirtualClock
) -> None:
    await lived(services, clock)
    async with services.database.transaction(clock()) as transaction:
        await transaction.session.execute(text("UPDATE audit_entry SET actor = 'x' WHERE number = 5"))
        await transaction.session.execute(text("UPDATE audit_entry SET hash = body WHERE number = 2"))
    assert await run(services) == 1
    assert (await numbers(services))[0] == 2
    assert await fault(services) == (2, "changed")
    stranger = AuditKeys({"test": b"z" * 32})
    assert await prune(services.database, stranger, clock, 5) == 0
