"""What the test bench fills in for messages: the units' hours, and where the invented persons can be told."""

from collections.abc import Iterable, Mapping
from typing import Final

from redis.asyncio import Redis

from auth.development.persons import EMPLOYEES, ORGANISATION_NAMES, Patient
from chat.contacts import Contacts
from chat.notices import Contact
from chat.opening_hours import OpeningHours
from chat.unit_settings import UnitSettings, UnitStore

_WEEKDAY: Final = ((8 * 60, 17 * 60),)
HOURS: Final = OpeningHours((_WEEKDAY,) * 5 + ((),) * 2)
ANSWER_WITHIN_OPEN_S: Final = 9 * 3600
"""One working day."""
PHONE: Final = "08-120 100 00"
INVENTED_NUMBERS: Final = "+467017406{:02}"
"""Numbers that are set apart for film and fiction (070-1740605 to 070-1740699)."""


async def fill_messages(redis: "Redis", people: Iterable[Patient], ids: Mapping[str, str]) -> None:
    """Settings of each unit that has none yet, and a contact of each person who can log in."""
    units, contacts = UnitStore(redis), Contacts(redis)
    places = {commission.unit: commission.provider for one in EMPLOYEES for commission in one.commissions}
    for unit, provider in places.items():
        if await units.get(provider, unit) is None:
            name = ORGANISATION_NAMES[unit]
            await units.put(UnitSettings(provider, unit, name, HOURS, ANSWER_WITHIN_OPEN_S, phone=PHONE))
    for number, person in enumerate(people, 5):
        if not person.has_eid:
            continue  # small children have no telephone of their own
        contact = Contact(
            phone=INVENTED_NUMBERS.format(number), email=f"{person.key}@example.com", is_protected=person.protected
        )
        await contacts.put(ids[person.key], contact)
