"""The invented data: it passes the companion's own checks, is put in once, and stays out of production."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from auth.development.mode import NotDevelopmentError
from auth.development.persons import Patient, patients
from auth.identity_numbers import parse
from companion.demo.fill import fill
from companion.demo.offers import RISK_GROUP
from companion.models.access import RecordBlock
from companion.models.bookings import Booking
from companion.models.campaigns import Campaign, Offer, RiskGroupMember
from companion.models.declarations import GivenDose
from companion.models.maternity import Pregnancy
from companion.models.outbox import OutboxRow
from companion.models.people import Person
from companion.models.proxies import Guardianship, ProxyGrant
from companion.models.schedules import Slot, TimeType
from companion.models.summons import Summons
from companion.rules.local_time import local_date
from companion.services import Services
from companion.sweeper import sweep_once
from tests.companion.people import Api, VirtualClock


@pytest.mark.parametrize(
    "now", [datetime(2026, 11, 28, 6, 0, tzinfo=UTC), datetime(2027, 12, 31, 18, 50, tzinfo=UTC)], ids=["day", "eve"]
)
async def test_an_empty_database_is_filled_once(
    services: Services, api: Api, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    monkeypatch.setenv("ALLTID_MODE", "development")
    clock.now = now
    assert await fill(services)
    assert not await fill(services)
    known = patients(local_date(now))
    async with services.database.reading(clock()) as transaction:
        session = transaction.session

        async def count(of: type) -> int:
            return int((await session.execute(select(func.count()).select_from(of))).scalar_one())

        for person in known:
            person_id = services.pseudonyms.person_id(parse(person.number, today=local_date(now)))
            row = await session.get_one(Person, person_id)  # as whom they log in
            assert (row.given_name, row.is_secret, row.birth_date) == (person.given_name, person.protected, person.born)
        assert await count(Person) == len(known) + 4
        assert await count(Guardianship) >= 2
        assert await count(ProxyGrant) == 1
        assert await count(Summons) == 2
        assert set((await session.scalars(select(TimeType.modality))).all()) == {"video", "physical", "phone", "chat"}
        assert await count(Slot) > 1500
        bookings = (await session.scalars(select(Booking))).all()
        assert len(bookings) >= 7
        assert any(one.meeting_id for one in bookings)
        told = (await session.scalars(select(OutboxRow.kind))).all()
        assert {"booking.created", "proxies.changed", "summons.sent"} <= set(told)
    units = (await api.get("/units")).json()
    assert {unit["kind"] for unit in units} == {"clinic", "vaccination", "maternity"}
    assert len(units) == 7
    await what_the_first_sweep_makes_of_it(services, known)


async def what_the_first_sweep_makes_of_it(services: Services, known: Sequence[Patient]) -> None:
    """Places at clinics by wish and by distance, offers on their way, a second dose, a block."""
    await sweep_once(services.database, services.clock, services.settings)

    def person_id(key: str) -> str:
        one = next(one for one in known if one.key == key)
        return services.pseudonyms.person_id(parse(one.number, today=local_date(services.clock())))

    async with services.database.reading(services.clock()) as transaction:
        session = transaction.session
        pregnancies = (await session.scalars(select(Pregnancy))).all()
        assert sorted(one.state for one in pregnancies) == ["allocated"] * 4 + ["open"]
        assert {one.clinic_hsa_id in one.choices[:1] for one in pregnancies if one.choices} == {True, False}
        assert all(one.clinic_hsa_id for one in pregnancies if one.state == "allocated")
        campaigns = (await session.scalars(select(Campaign))).all()
        assert sorted(one.state for one in campaigns) == ["draft", "live", "live"]
        offered = (await session.scalars(select(Offer.patient_person_id))).all()
        assert {person_id("bengt"), person_id("tomas")} <= set(offered)
        assert set((await session.scalars(select(RiskGroupMember.risk_group))).all()) == {RISK_GROUP}
        doses = (await session.scalars(select(GivenDose))).all()
        assert [one.patient_person_id for one in doses] == [person_id("tomas")]
        second = select(Booking.starts_at).join(TimeType, TimeType.time_type_id == Booking.time_type_id)
        (at,) = (await session.scalars(second.where(TimeType.dose == 2))).all()
        assert (local_date(at) - doses[0].given_on).days >= 21
        assert (await session.scalars(select(RecordBlock.patient_person_id))).all() == [person_id("ivan")]


async def test_outside_development_nothing_is_invented(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLTID_MODE", raising=False)
    with pytest.raises(NotDevelopmentError):
        await fill(services)
