"""Where people can be told."""

import json
from typing import Any

import pytest
from redis.asyncio import Redis

from chat.contacts import MAX_SUBSCRIPTIONS, ContactError, Contacts
from chat.notices import Contact, ways_of


@pytest.fixture
def contacts(redis_client: Redis) -> Contacts:
    return Contacts(redis_client)


def subscription(number: int) -> str:
    return json.dumps({"endpoint": f"https://push.example/{number}"})


async def test_nobody_can_be_told_who_has_not_said_where(contacts: Contacts) -> None:
    assert await contacts.get("p-anna") == Contact()
    assert ways_of(Contact()) == []


async def test_a_contact_is_kept_and_replaced(contacts: Contacts) -> None:
    full = Contact(phone="+46701234567", email="anna@example.se", language="en", is_protected=True)
    await contacts.put("p-anna", full)
    assert await contacts.get("p-anna") == full
    await contacts.put("p-anna", Contact(email="anna@example.se"))
    assert await contacts.get("p-anna") == Contact(email="anna@example.se")
    assert await contacts.get("p-eva") == Contact()


@pytest.mark.attack
async def test_who_changes_their_number_does_not_undo_what_the_register_says_of_them(contacts: Contacts) -> None:
    await contacts.put("p-anna", Contact(phone="+46701234567"))
    seen = await contacts.get("p-anna")
    await contacts.protect("p-anna", is_protected=True)  # while they change it
    assert not seen.is_protected
    await contacts.change("p-anna", phone="", email="anna@example.se", language="en")
    assert await contacts.get("p-anna") == Contact(email="anna@example.se", language="en", is_protected=True)
    await contacts.change("p-anna")
    await contacts.change("p-anna", is_protected=False)
    assert await contacts.get("p-anna") == Contact(email="anna@example.se", language="en")


async def test_browsers_come_and_go_and_the_oldest_gives_way(contacts: Contacts) -> None:
    for number in range(MAX_SUBSCRIPTIONS + 1):
        await contacts.subscribe("p-anna", subscription(number))
    await contacts.subscribe("p-anna", subscription(2))
    kept = (await contacts.get("p-anna")).subscriptions
    assert kept == tuple(subscription(number) for number in (1, 3, 4, 5, 2))
    assert await contacts.unsubscribe("p-anna", "https://push.example/3")
    assert not await contacts.unsubscribe("p-anna", "https://push.example/3")
    await contacts.forget_subscription("p-anna", subscription(4))
    assert len((await contacts.get("p-anna")).subscriptions) == 3
    await contacts.erase("p-anna")
    assert await contacts.get("p-anna") == Contact()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"phone": "0701234567"}, "phone"),
        ({"phone": "+46701234567\n"}, "phone"),
        ({"phone": "+4670123456789012"}, "phone"),
        ({"email": "anna"}, "email"),
        ({"email": "anna@example.se\nBcc: eva@example.se"}, "email"),
        ({"email": "anna@example.se, eva@example.se"}, "email"),
        ({"email": f"a@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.{'f' * 20}"}, "email"),
        ({"language": "xx"}, "language"),
    ],
)
async def test_what_cannot_be_an_address_is_refused(contacts: Contacts, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ContactError) as caught:
        await contacts.put("p-anna", Contact(**changes))
    assert caught.value.field == field


async def test_a_subscription_that_is_too_long_is_refused(contacts: Contacts) -> None:
    with pytest.raises(ContactError):
        await contacts.subscribe("p-anna", "x" * 2001)


def test_push_goes_beside_sms_and_email_only_after_it() -> None:
    everything = Contact(phone="+46701234567", email="anna@example.se", subscriptions=("{}",))
    assert ways_of(everything) == [("push",), ("sms", "email")]
    assert ways_of(Contact(email="anna@example.se")) == [("email",)]


def test_repr_shows_no_address() -> None:
    assert "46701234567" not in repr(Contact(phone="+46701234567", email="anna@example.se"))
