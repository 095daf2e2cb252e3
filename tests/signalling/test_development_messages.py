"""What the test bench fills in for messages."""

from dataclasses import replace

from redis.asyncio import Redis

from auth.development.persons import PROVIDER_REGION, UNIT_HEALTH_CENTRE, UNIT_REHAB, patients
from chat.contacts import Contacts
from chat.unit_settings import UnitStore, board
from signalling.development_messages import fill_messages
from tests.chat.test_opening_hours import local
from tests.signalling.test_development import TODAY


async def test_units_take_messages_and_people_can_be_told(redis_client: Redis) -> None:
    people = patients(TODAY)
    ids = {person.key: f"p-{person.key}" for person in people}
    await fill_messages(redis_client, people, ids)
    units = {unit.unit_hsa_id: unit for unit in await UnitStore(redis_client).all()}
    assert {UNIT_HEALTH_CENTRE, UNIT_REHAB} <= set(units)
    assert board(units[UNIT_HEALTH_CENTRE], local("2026-11-23 10:00")).is_open
    contacts = Contacts(redis_client)
    assert (await contacts.get("p-maria")).phone.startswith("+4670174060")
    assert (await contacts.get("p-petra")).is_protected
    assert not (await contacts.get("p-alva")).phone
    phones = [(await contacts.get(person_id)).phone for person_id in ids.values()]
    told = [phone for phone in phones if phone]  # children have none
    assert len(set(told)) == len(told) >= len(people) / 2


async def test_what_a_unit_has_decided_stays(redis_client: Redis) -> None:
    store = UnitStore(redis_client)
    await fill_messages(redis_client, [], {})
    unit = await store.get(PROVIDER_REGION, UNIT_HEALTH_CENTRE)
    assert unit is not None
    decided = replace(unit, takes_cases=False)
    await store.put(decided)
    await fill_messages(redis_client, [], {})
    assert await store.get(PROVIDER_REGION, UNIT_HEALTH_CENTRE) == decided
