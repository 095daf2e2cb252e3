"""The retention job on stored data: what is due goes with all that belongs to it, what is held stays."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from companion.models import Base
from companion.models.archive import ArchivedConversation, ArchivedEvent, ArchivedFile
from companion.models.audit import AuditRow
from companion.models.bookings import Booking
from companion.models.organisation import AdministrationEntry
from companion.models.outbox import IdempotencyKey, OutboxRow
from companion.models.quality import VisitQuality
from companion.models.records import Correction
from companion.models.schedules import Slot
from companion.models.summons import Letter, Summons
from companion.retention.registry import AREAS, PRUNED
from companion.rules.retention import DataKind, FrontKind
from companion.services import Services
from companion.store.retention import BATCH, erase_due
from companion.sweeper import sweep_once
from tests.companion.archived import message, put_file, put_transcript, with_file
from tests.companion.people import ANNA, BO, OTHER_PROVIDER, PROVIDER, UNIT, Api, VirtualClock, patient, staff
from tests.companion.world import World, build

ADMIN = staff("region_admin")
TABLES = {
    DataKind.BOOKING: "booking",
    DataKind.ARCHIVED_CASE: "archived_conversation",
    DataKind.QUALITY_RECORD: "visit_quality",
    DataKind.HEALTH_DECLARATION: "declaration",
    DataKind.SUMMONS: "summons",
    DataKind.CAMPAIGN_PERSON: "offer",
    DataKind.MATERNITY_WISH: "pregnancy",
    DataKind.PROXY_RELATION: "proxy_grant",
    DataKind.BLOCK: "record_block",
    DataKind.CONSENT: "record_consent",
    DataKind.EMERGENCY_ACCESS: "emergency_access",
    DataKind.CORRECTION: "correction",
    DataKind.AUDIT_ENTRY: "audit_entry",
    DataKind.ADMINISTRATION_ENTRY: "administration_entry",
    DataKind.RESERVE_ENTRY: "reserve_entry",
    DataKind.RISK_GROUP: "risk_group_member",
    DataKind.CUSTODY: "custody_answer",
    DataKind.LOOK_QUESTION: "look_question",
    DataKind.EXTRACT: "extract",
    DataKind.LEGAL_HOLD: "legal_hold",
    DataKind.PERSON: "person",
    DataKind.FREE_SLOT: "slot",
    DataKind.OUTBOX_MESSAGE: "outbox",
    DataKind.IDEMPOTENCY_KEY: "idempotency_key",
}


def test_every_kind_that_has_a_table_is_seen_to() -> None:
    assert set(TABLES) == set(DataKind)
    handled = {area.kind: area.table.name for area in AREAS} | {kind: TABLES[kind] for kind in PRUNED}
    for kind, table in TABLES.items():
        assert (kind in handled) == (table in Base.metadata.tables), kind


async def count(services: Services, model: Any) -> int:
    async with services.database.reading(services.clock()) as transaction:
        return int(await transaction.session.scalar(select(func.count()).select_from(model)) or 0)


async def erase(services: Services) -> dict[DataKind, int]:
    return await erase_due(services.database, services.clock)


def visit(number: int = 0, **changes: Any) -> VisitQuality:
    at = datetime(2027, 3, 1, 8, 0, tzinfo=UTC)
    values: dict[str, Any] = {
        "meeting_id": "meeting-1",
        "stay_id": f"stay-{number}",
        "provider_hsa_id": PROVIDER,
        "unit_hsa_id": UNIT,
        "patient_person_id": ANNA,
        "person": ANNA,
        "role": "patient",
        "joined_at": at,
        "connected_at": at,
        "left_at": at + timedelta(minutes=20),
        "end_cause": "left",
        "is_technical_abort": False,
        "path": "udp",
        "reconnects": 1,
        "ice_restarts": 0,
        "lost_s": 3.5,
        "freezes": 2,
        "frozen_ms": 700,
        "packets_received": 1000,
        "packets_lost": 3,
        "packets_sent": 900,
        "received_bps": 1_000_000,
        "sent_bps": 900_000,
        "worst_fraction_lost": 0.1,
        "round_trip_ms": 30,
        "jitter_ms": 5,
        "log": [[1, "joined"]],
        "told_at": at,
        "anonymised_at": None,
    }
    return VisitQuality(**(values | changes))


async def summoned(api: Api, services: Services, clock: VirtualClock) -> World:
    """A booking with a summons that became a letter."""
    world = await build(api, services, capacity=3, time_type={"audience": "invited"})
    wish = {"slot_id": world.slots[0]["slot_id"], "patient_person_id": ANNA}
    booking = await api.made("/bookings", staff("scheduler"), wish, Idempotency_Key="key-12345")
    body = {"booking_id": booking["booking_id"], "title": "Kallelse"}
    made = await api.made("/summons/timed", staff("scheduler"), body)
    await api.made(f"/summons/{made['summons_id']}/send", staff("scheduler"))
    assert await count(services, Letter) == 1
    clock.now = datetime(2037, 3, 8, 22, 59, tzinfo=UTC)
    return world


async def test_a_booking_goes_after_ten_years_with_all_that_belongs_to_it(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    await summoned(api, services, clock)
    first = await erase(services)  # a minute too early for the visit itself
    assert DataKind.BOOKING not in first
    assert first[DataKind.IDEMPOTENCY_KEY] == 1
    assert (await count(services, Booking), await count(services, Summons)) == (1, 1)
    clock.advance(minutes=1)
    done = await erase(services)
    assert (done[DataKind.BOOKING], done[DataKind.SUMMONS], done[DataKind.FREE_SLOT]) == (1, 1, 1)
    for model in (Booking, Summons, Letter, Slot, IdempotencyKey, AdministrationEntry):
        assert await count(services, model) == 0, model
    async with services.database.reading(clock.now) as transaction:
        query = select(AuditRow).where(AuditRow.action == "retention_erase").order_by(AuditRow.number)
        rows = (await transaction.session.scalars(query)).all()
    assert [(row.actor, row.patient, row.provider) for row in rows] == [("companion", ANNA, None)] * 2
    assert await erase(services) == {}


async def test_free_slots_go_earlier_and_those_with_bookings_stay(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    world = await summoned(api, services, clock)
    clock.now = datetime(2027, 7, 1, tzinfo=UTC)
    done = await erase(services)
    assert done[DataKind.FREE_SLOT] == len(world.slots) - 1
    assert await count(services, Slot) == 1


async def test_a_hold_keeps_what_it_names_and_nothing_else(api: Api, services: Services, clock: VirtualClock) -> None:
    await build(api, services)
    async with services.database.transaction(clock.now) as transaction:
        transaction.session.add_all([visit(1), visit(2, person=BO, patient_person_id=BO)])
    hold = await api.made("/legal-holds", ADMIN, {"patient_person_id": ANNA, "reason": "IVO 2027/1"})
    clock.advance(days=400)
    report = {row["kind"]: row for row in (await api.get("/retention/report", ADMIN)).json()}
    assert (report["quality_record"]["due"], report["quality_record"]["held"]) == (1, 1)
    assert (await erase(services))[DataKind.QUALITY_RECORD] == 1
    async with services.database.reading(clock.now) as transaction:
        query = select(VisitQuality.person).order_by(VisitQuality.stay_id)
        assert (await transaction.session.scalars(query)).all() == [ANNA, None]
    await api.made(f"/legal-holds/{hold['hold_id']}/lift", ADMIN, {"reason": "avslutat"})
    assert (await erase(services))[DataKind.QUALITY_RECORD] == 1
    async with services.database.reading(clock.now) as transaction:
        row = (await transaction.session.scalars(select(VisitQuality).where(VisitQuality.stay_id == "stay-1"))).one()
    assert (row.person, row.patient_person_id, row.log, row.freezes) == (None, None, [], 2)
    assert await erase(services) == {}


async def test_many_that_are_held_do_not_stand_in_the_way_of_others(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    await build(api, services)
    async with services.database.transaction(clock.now) as transaction:
        transaction.session.add_all([visit(number) for number in range(1000, 1000 + BATCH + 5)])
        later = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
        transaction.session.add_all([visit(n, patient_person_id=BO, left_at=later) for n in range(BATCH + 7)])
    await api.made("/legal-holds", ADMIN, {"patient_person_id": ANNA, "kind": "quality_record", "reason": "IVO"})
    clock.advance(days=400)
    assert (await erase(services))[DataKind.QUALITY_RECORD] == BATCH + 7


async def test_an_archived_case_goes_with_its_files(api: Api, services: Services, clock: VirtualClock) -> None:
    await build(api, services)
    await put_file(api, b"data")
    await put_transcript(api, [with_file(1), message(2)])
    clock.advance(days=3 * 365)
    await erase(services)
    assert await count(services, ArchivedEvent) == 2
    clock.advance(days=8 * 365)
    assert (await erase(services))[DataKind.ARCHIVED_CASE] == 1
    for model in (ArchivedConversation, ArchivedEvent, ArchivedFile):
        assert await count(services, model) == 0
    root = services.settings.companion_archive_dir
    assert [path.read_bytes() for path in root.rglob("file-*")] == [b"data"]  # the process died here
    await sweep_once(services.database, clock, services.settings)
    assert list(root.rglob("file-*")) == []


async def test_a_job_that_dies_goes_on_where_it_was(
    api: Api, services: Services, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await build(api, services)
    async with services.database.transaction(clock.now) as transaction:
        transaction.session.add_all([visit(number) for number in range(BATCH * 2)])
    clock.advance(days=400)
    calls = 0
    begin = services.database.transaction

    def dying(now: datetime) -> Any:
        nonlocal calls
        calls += 1
        if calls == 7:  # in the middle of some area
            raise RuntimeError("killed")
        return begin(now)

    monkeypatch.setattr(services.database, "transaction", dying)
    with pytest.raises(RuntimeError, match="killed"):
        await erase(services)
    monkeypatch.undo()
    await erase(services)
    async with services.database.reading(clock.now) as transaction:
        left = select(func.count()).where(VisitQuality.anonymised_at.is_(None))
        assert await transaction.session.scalar(left) == 0
        noted = select(func.count()).where(AuditRow.action == "retention_erase")
        assert await transaction.session.scalar(noted) == BATCH * 2  # each once


async def test_what_has_not_ended_is_never_due(api: Api, services: Services, clock: VirtualClock) -> None:
    await build(api, services)
    async with services.database.transaction(clock.now) as transaction:
        correction = {
            "correction_id": "corr-1",
            "provider_hsa_id": PROVIDER,
            "unit_hsa_id": UNIT,
            "patient_person_id": ANNA,
            "entry_kind": "case",
            "entry_id": "case-1",
            "wish": "x",
            "asked_by": ANNA,
            "asked_at": clock.now,
            "state": "asked",
        }
        transaction.session.add(Correction(**correction))
        event = OutboxRow(
            key="k", kind="x", payload={}, created_at=clock.now, due_at=clock.now, attempts=1, delivered_at=None
        )
        transaction.session.add(event)
    clock.advance(days=100 * 365)
    await erase(services)
    assert (await count(services, Correction), await count(services, OutboxRow)) == (1, 1)


# --- routes ------------------------------------------------------------------------------------------------------


async def test_the_table_is_public(api: Api) -> None:
    table = {row["kind"]: row for row in (await api.get("/retention")).json()}
    assert set(table) == {*DataKind, *FrontKind}
    assert (table["booking"]["years"], table["quality_record"]["fate"]) == (10, "anonymised")


@pytest.mark.attack
async def test_holds_are_the_care_providers_own(api: Api, services: Services) -> None:
    await build(api, services)
    hold = await api.made("/legal-holds", ADMIN, {"kind": "booking", "reason": "IVO"})
    foreign = staff("region_admin", provider=OTHER_PROVIDER)
    assert (await api.get("/legal-holds", foreign)).json() == []
    lift = f"/legal-holds/{hold['hold_id']}/lift"
    assert (await api.post(lift, foreign, {"reason": "x"})).status_code == 404
    for other in (staff(), staff("unit_admin"), staff("scheduler"), patient()):
        assert (await api.get("/legal-holds", other)).status_code == 403
        assert (await api.get("/retention/report", other)).status_code == 403
        assert (await api.post(lift, other, {"reason": "x"})).status_code == 403
    assert (await api.post("/legal-holds", ADMIN, {"reason": " "})).status_code == 422
    await api.made(lift, ADMIN, {"reason": "klart"})
    again = await api.post(lift, ADMIN, {"reason": "klart"})
    assert (again.status_code, again.json()["code"]) == (409, "hold_state")
    (shown,) = (await api.get("/legal-holds", ADMIN)).json()
    assert (shown["lift_reason"], shown["lifted_by"]) == ("klart", ADMIN.actor)
