"""The invented data: it passes the companion's own checks, is put in once, and stays out of production."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from auth.development.mode import NotDevelopmentError
from auth.development.persons import patients
from auth.identity_numbers import parse
from companion.demo.fill import fill
from companion.models.bookings import Booking
from companion.models.outbox import OutboxRow
from companion.models.people import Person
from companion.models.proxies import Guardianship, ProxyGrant
from companion.models.schedules import Slot, TimeType
from companion.models.summons import Summons
from companion.rules.local_time import local_date
from companion.services import Services
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
        assert await count(Person) == len(known)
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


async def test_outside_development_nothing_is_invented(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLTID_MODE", raising=False)
    with pytest.raises(NotDevelopmentError):
        await fill(services)
