"""Everything that names somebody is erased in time, or it is said why not; the people themselves go last."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import String, Table, func, select

from companion.models import Base
from companion.models.audit_review import LookQuestion
from companion.models.base import HsaOrPersonId, PersonId
from companion.models.bookings import Booking, CalendarFeed
from companion.models.campaigns import OfferOptOut, RiskGroupMember
from companion.models.outbox import OutboxRow
from companion.models.people import Person
from companion.models.proxies import Custody, CustodyAnswer, Guardianship
from companion.models.records import Extract, LegalHoldRow
from companion.models.schedules import ReserveEntry
from companion.models.summons import PersonReach
from companion.retention.people import naming_columns
from companion.retention.registry import AREAS, EXPLAINED
from companion.rules.retention import DataKind, Keep, configured_times
from companion.services import Services
from companion.store.erasing import references_to
from companion.store.retention import erase_due
from tests.companion.people import ANNA, BO, CHILD, PROVIDER, UNIT, Api, VirtualClock, patient, service, staff
from tests.companion.world import ADMIN, World

REGISTER = service("persons:write", "proxies:write", "risk-groups:write", "contacts:write", name="register")
NUMBER = "199001012385"


def names_somebody(table: Table) -> bool:
    """Whether a column can hold somebody's id."""
    lengths = {PersonId.length, HsaOrPersonId.length}
    words = ("person", "_by", "actor", "patient", "holder", "approver")
    return any(
        isinstance(column.type, String) and column.type.length in lengths and any(word in column.name for word in words)
        for column in table.columns
    ) or any(key.column.table.name == "person" for column in table.columns for key in column.foreign_keys)


def test_every_table_that_names_somebody_is_erased_or_says_why_not() -> None:
    covered = {area.table.name for area in AREAS}
    waiting = [area.table for area in AREAS]
    while waiting:  # what cannot be without a row that is erased goes with it
        table = waiting.pop()
        for other, name in references_to(table):
            if not other.c[name].nullable and other.name not in covered and table.name != "person":
                covered.add(other.name)
                waiting.append(other)
    naming = {table.name for table in Base.metadata.sorted_tables if names_somebody(table)}
    assert naming - covered == set(EXPLAINED) - covered
    assert set(EXPLAINED) <= naming
    assert covered & set(EXPLAINED) <= {"slot_hold"}  # it would go with its slot, long after it has gone by itself


def test_every_column_that_keeps_somebody_is_asked() -> None:
    asked = {f"{column.table.name}.{column.name}" for column in naming_columns()}
    assert {"booking.patient_person_id", "archived_conversation.patient_person_id", "guardianship.guardian_person_id",
            "legal_hold.patient_person_id", "visit_quality.patient_person_id", "look_question.patient_person_id",
            "reserve_entry.patient_person_id", "slot_hold.patient_person_id"} <= asked  # fmt: skip
    assert not {name for name in asked if name.startswith(("person", "audit", "custody", "calendar_feed"))}


async def count(services: Services, model: Any) -> int:
    async with services.database.reading(services.clock()) as transaction:
        return await transaction.session.scalar(select(func.count()).select_from(model)) or 0


async def known(services: Services, person_id: str) -> bool:
    async with services.database.reading(services.clock()) as transaction:
        return await transaction.session.get(Person, person_id) is not None


async def erase(services: Services, times: str = "") -> dict[DataKind, int]:
    return await erase_due(services.database, services.clock, configured_times(times))


async def registered(api: Api, services: Services) -> str:
    """Somebody with all that hangs on a person and nothing that keeps one."""
    body = {"number": NUMBER, "given_name": "A", "family_name": "B", "birth_date": "2020-01-01"}
    person_id = str((await api.ask("PUT", "/persons", REGISTER, body)).json()["person_id"])
    reach = {"has_account": True, "has_bounced": False}
    await api.ask("PUT", f"/persons/{person_id}/reach", REGISTER, reach)
    await api.ask("PUT", "/offer-opt-outs/all", patient(person_id))
    groups = {"provider_hsa_id": PROVIDER, "risk_groups": ["heart"]}
    await api.ask("PUT", f"/persons/{person_id}/risk-groups", REGISTER, groups)
    await api.ask("PUT", f"/custody/{person_id}", REGISTER, {"guardians": [ANNA]})
    await api.made("/calendar-feed", patient(person_id))
    for model in (PersonReach, OfferOptOut, RiskGroupMember, Custody, CustodyAnswer, CalendarFeed):
        assert await count(services, model) == 1, model
    return person_id


async def test_somebody_of_whom_nothing_is_kept_goes_with_all_that_hangs_on_them(
    world: World, clock: VirtualClock
) -> None:
    services = world.services
    person_id = await registered(world.api, services)
    clock.advance(days=365)
    assert DataKind.PERSON not in await erase(services)
    clock.advance(days=3)
    done = await erase(services)
    assert (done[DataKind.PERSON], done[DataKind.CUSTODY]) == (1, 1)
    assert not await known(services, person_id)
    async with services.database.reading(services.clock()) as transaction:
        told = select(OutboxRow.payload).where(OutboxRow.kind == "person.erased")
        assert [one["patient"] for one in (await transaction.session.scalars(told)).all()] == [person_id]
    for model in (PersonReach, OfferOptOut, RiskGroupMember, Custody, CustodyAnswer, CalendarFeed):
        assert await count(services, model) == 0, model
    assert await known(services, ANNA)  # nobody has said when she was told of: her time has not begun


async def test_a_login_or_a_register_begins_the_time_anew_and_a_booking_keeps(
    world: World, clock: VirtualClock
) -> None:
    services, api = world.services, world.api
    person_id = await registered(api, services)
    await api.made("/bookings", ADMIN, {"slot_id": world.slots[0]["slot_id"], "patient_person_id": person_id})
    clock.advance(days=500)
    assert DataKind.PERSON not in await erase(services)  # the visit is a record for ten years
    clock.advance(days=3800)
    login = {"number": NUMBER, "name": "A B"}
    await api.made("/persons/login", service("persons:login", name="front"), login)
    assert (await erase(services))[DataKind.BOOKING] == 1
    assert await known(services, person_id)
    clock.advance(days=370)
    assert (await erase(services))[DataKind.PERSON] == 1
    assert await count(services, Booking) == 0


async def test_custody_of_a_child_for_whom_somebody_acts_is_kept(world: World, clock: VirtualClock) -> None:
    services, api = world.services, world.api
    await api.ask("PUT", f"/custody/{CHILD}", REGISTER, {"guardians": [ANNA]})
    async with services.database.transaction(clock.now) as transaction:
        row = Guardianship(
            guardianship_id="gu-1", child_person_id=CHILD, guardian_person_id=ANNA, state="active",
            requested_at=clock.now, valid_until=clock.now + timedelta(days=2000),
        )  # fmt: skip
        transaction.session.add(row)
    clock.advance(days=400)
    assert DataKind.CUSTODY not in await erase(services)
    async with services.database.transaction(clock.now) as transaction:
        for one in (await transaction.session.scalars(select(Guardianship))).all():
            one.ended_at, one.end_cause = clock.now, "revoked"
    assert (await erase(services))[DataKind.CUSTODY] == 1


async def test_lists_questions_extracts_and_holds_end_too(world: World, clock: VirtualClock) -> None:
    services = world.services
    place = {"provider_hsa_id": PROVIDER, "unit_hsa_id": UNIT}
    async with services.database.transaction(clock.now) as transaction:
        transaction.session.add_all([
            ReserveEntry(entry_id="re-1", time_type_id=world.time_type_id, patient_person_id=BO, state="left",
                         joined_at=clock.now, **place),
            LookQuestion(question_id="lq-1", patient_person_id=BO, chain="companion", number=1, actor="S", text="?",
                         asked_at=clock.now, answered_at=clock.now, answer="!", **place),
            LookQuestion(question_id="lq-2", patient_person_id=BO, chain="companion", number=2, actor="S", text="?",
                         asked_at=clock.now, **place),
            Extract(extract_id="ex-1", patient_person_id=BO, requested_by=BO, language="sv", state="expired",
                    parts=1, requested_at=clock.now),
            LegalHoldRow(hold_id="ho-1", provider_hsa_id=PROVIDER, reason="x", placed_by="S", placed_at=clock.now,
                         lifted_at=clock.now, patient_person_id=ANNA),
            LegalHoldRow(hold_id="ho-2", provider_hsa_id=PROVIDER, reason="x", placed_by="S", placed_at=clock.now,
                         patient_person_id=CHILD),
        ])  # fmt: skip
    clock.advance(days=370)
    done = await erase(services)
    assert (done[DataKind.RESERVE_ENTRY], done[DataKind.EXTRACT]) == (1, 1)
    clock.advance(days=5 * 366)
    done = await erase(services)
    assert (done[DataKind.LOOK_QUESTION], done[DataKind.LEGAL_HOLD]) == (1, 1)
    assert (await count(services, LookQuestion), await count(services, LegalHoldRow)) == (1, 1)  # not answered, stands


# --- other times ---------------------------------------------------------------------------------------------------


async def test_times_are_settings_and_published(world: World, clock: VirtualClock) -> None:
    services = world.services
    waits = {"time_type_id": world.time_type_id, "patient_person_id": BO}
    await world.api.made(f"/units/{UNIT}/reserve", staff("scheduler"), waits)
    clock.advance(days=31)
    assert DataKind.RESERVE_ENTRY not in await erase(services)
    assert (await erase(services, "reserve_entry=30d, booking=12y"))[DataKind.RESERVE_ENTRY] == 1
    services.settings.__dict__["retention"] = "reserve_entry=30d"  # a frozen model of this test alone
    table = {row["kind"]: row for row in (await world.api.get("/retention")).json()}
    assert (table["reserve_entry"]["years"], table["reserve_entry"]["days"]) == (0, 30)
    assert (table["booking"]["years"], table["audit_entry"]["years"]) == (10, services.settings.audit_kept_years)


@pytest.mark.parametrize(
    "text",
    ["booking", "booking=9y", "booking=0y", "weather=3d", "audit_entry=9y", "person=1y,person=2y", "person=1 y",
     "person=1w", "person=-1d"],
)  # fmt: skip
def test_times_that_cannot_be_are_refused_at_the_start(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be used|must be kept longer"):
        configured_times(text)


def test_times_are_read() -> None:
    assert configured_times("") == {}
    read = configured_times(" quality_record=30d ,booking=12y,idempotency_key=72h,")
    assert read == {
        DataKind.QUALITY_RECORD: Keep(days=30),
        DataKind.BOOKING: Keep(years=12),
        DataKind.IDEMPOTENCY_KEY: Keep(hours=72),
    }
