"""A small organisation to book in: two care providers, three units, three people."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select

from companion.models.bookings import Booking
from companion.models.organisation import CareProvider, Unit
from companion.models.people import Person
from companion.models.schedules import Slot, SlotHold
from companion.rules.bookings import HOLDS_PLACE
from companion.services import Services
from tests.companion.people import (
    ANNA,
    BO,
    CHILD,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    OTHER_UNIT,
    PROVIDER,
    UNIT,
    Api,
    staff,
)

ADMIN = staff("region_admin", "scheduler", "unit_admin", "staff")
NEXT_WEEK = (date(2027, 3, 8), date(2027, 3, 12))
TIME_TYPE = {"name_sv": "Besök", "name_en": "Visit", "length_minutes": 30, "modality": "physical"}


def person(person_id: str, birth_date: date | None, *, number: str, is_secret: bool = False) -> Person:
    """An invented person."""
    return Person(
        person_id=person_id,
        identity_system="http://electronichealth.se/identifier/personnummer",
        identity_number=number,
        given_name="Test",
        family_name=person_id[-4:],
        birth_date=birth_date,
        sex="female",
        area="0180",
        is_secret=is_secret,
        is_protected_registration=False,
    )


async def found(services: Services) -> None:
    """Put the organisation and the people into the database."""
    async with services.database.transaction(services.clock()) as transaction:
        session = transaction.session
        session.add_all([CareProvider(hsa_id=PROVIDER, name="Region"), CareProvider(hsa_id=OTHER_PROVIDER, name="AB")])
        await session.flush()
        for hsa_id, provider in ((UNIT, PROVIDER), (OTHER_UNIT, PROVIDER), (FOREIGN_UNIT, OTHER_PROVIDER)):
            unit = Unit(
                hsa_id=hsa_id,
                provider_hsa_id=provider,
                name=f"Unit {hsa_id[-4:]}",
                kind="clinic",
                phone="08-123 45",
                address=None,
                area=None,
                information="",
                is_active=True,
            )
            session.add(unit)
        session.add(person(ANNA, date(1990, 5, 17), number="199005172382"))
        session.add(person(BO, date(1940, 1, 2), number="194001022396", is_secret=True))
        session.add(person(CHILD, date(2018, 8, 8), number="201808082380"))


@dataclass
class World:
    """The organisation with one time type and a week of slots."""

    api: Api
    services: Services
    time_type_id: str
    schedule_id: str
    slots: list[dict[str, Any]]

    async def counters_hold(self) -> None:
        """What every slot counts is what bookings and holds there are; never more than its capacity."""
        async with self.services.database.reading(self.services.clock()) as transaction:
            session = transaction.session
            states = [state.value for state in HOLDS_PLACE]
            bookings = select(Booking.slot_id, func.count()).where(Booking.state.in_(states)).group_by(Booking.slot_id)
            holds = select(SlotHold.slot_id, func.count()).group_by(SlotHold.slot_id)
            booked = dict((await session.execute(bookings)).all())
            held = dict((await session.execute(holds)).all())
            for slot in (await session.scalars(select(Slot))).all():
                assert slot.taken == booked.get(slot.slot_id, 0) + held.get(slot.slot_id, 0)
                assert 0 <= slot.taken <= slot.capacity

    async def free(self, **query: Any) -> list[dict[str, Any]]:
        """What the public search finds."""
        parts = "&".join(f"{name}={value}" for name, value in query.items())
        answer = await self.api.get(f"/slots?{parts}")
        assert answer.status_code == 200, answer.text
        return list(answer.json())


async def add_slots(
    api: Api, *, unit: str = UNIT, capacity: int = 1, time_type: dict[str, Any] | None = None, **template: Any
) -> tuple[str, str, list[dict[str, Any]]]:
    """A time type, a schedule, a template, and its slots of next week."""
    kind = await api.made(f"/units/{unit}/time-types", ADMIN_OF[unit], TIME_TYPE | (time_type or {}))
    schedule = await api.made(f"/units/{unit}/schedules", ADMIN_OF[unit], {"name": "Tidbok"})
    line = {
        "time_type_id": kind["time_type_id"],
        "weekdays": "01234",
        "begins": "08:00",
        "ends": "10:00",
        "slot_minutes": 30,
        "capacity": capacity,
        "valid_from": "2027-01-01",
    } | template
    await api.made(f"/schedules/{schedule['schedule_id']}/templates", ADMIN_OF[unit], line)
    days = {"first": NEXT_WEEK[0].isoformat(), "last": NEXT_WEEK[1].isoformat()}
    await api.made(f"/schedules/{schedule['schedule_id']}/slots", ADMIN_OF[unit], days)
    found_slots: list[dict[str, Any]] = []
    for day in ("08", "09", "10", "11", "12"):
        answer = await api.get(f"/schedules/{schedule['schedule_id']}/days/2027-03-{day}", ADMIN_OF[unit])
        found_slots += answer.json()
    return kind["time_type_id"], schedule["schedule_id"], found_slots


ADMIN_OF = {
    UNIT: ADMIN,
    OTHER_UNIT: staff("scheduler", "unit_admin", unit=OTHER_UNIT),
    FOREIGN_UNIT: staff("scheduler", "unit_admin", unit=FOREIGN_UNIT, provider=OTHER_PROVIDER),
}


async def build(api: Api, services: Services, **options: Any) -> World:
    """The organisation, and slots by ``add_slots``."""
    await found(services)
    time_type_id, schedule_id, slots = await add_slots(api, **options)
    return World(api, services, time_type_id, schedule_id, slots)
