"""What people are told of their bookings and summonses, and what the companion is told of how that went."""

import asyncio
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import select

from auth.identity_numbers import parse
from auth.proxies import guardian
from chat.notices import Channel, Contact, Notice
from chat.sender_development import caught
from chat.unit_settings import UnitSettings
from companion.models.bookings import Booking
from companion.models.people import Person
from companion.models.summons import PersonReach, Summons
from companion.store.booking_reminders import sweep_reminders
from signalling.companion_reports import KEY, LOGINS
from signalling.front import Front
from tests.chat.test_unit_settings import SETTINGS
from tests.companion.people import ANNA, CHILD, PROVIDER, UNIT
from tests.companion.people import staff as planner
from tests.companion.world import ADMIN
from tests.patience import PATIENCE_S
from tests.signalling.browsing import browser_of
from tests.signalling.browsing import patient as session_of_patient
from tests.signalling.conftest import MakeFront
from tests.signalling.real_companion import TODAY, RealCompanion

pytestmark = pytest.mark.usefixtures("worker")
PHONE = "+46701740605"


@pytest.fixture
async def front(make_front: MakeFront, real_companion: RealCompanion) -> Front:
    front = await make_front(companion_url=real_companion.url, mode="development")
    await front.notices.contacts.put(ANNA, Contact(phone=PHONE))
    return front


def unit_settings(**changes: Any) -> UnitSettings:
    return replace(SETTINGS, provider_hsa_id=PROVIDER, unit_hsa_id=UNIT, **changes)


async def texts(redis: Redis, count: int) -> list[str]:
    """What the sink holds, once there is so much of it; oldest first."""
    async with asyncio.timeout(PATIENCE_S):
        while len(found := await caught(redis)) < count:
            await asyncio.sleep(0.05)
    return sorted(one.text for one in found)


async def test_each_change_of_a_booking_is_told_once_and_says_nothing_of_health(
    front: Front, real_companion: RealCompanion, redis_client: Redis
) -> None:
    await front.cases.units.put(unit_settings(notice_name="Björkens mottagning"))
    slots = await real_companion.slots(modality="physical")
    booking = await real_companion.book(slots[0])
    path = f"/bookings/{booking['booking_id']}"
    await real_companion.api.made(f"{path}/rebook", planner(), {"slot_id": slots[1]["slot_id"]})
    await real_companion.api.made(f"{path}/cancel", planner(), {})
    await real_companion.deliver(front)
    await real_companion.deliver(front)
    told = await texts(redis_client, 3)
    assert len(told) == 3
    assert [one.partition(". Logga")[0] for one in told] == [
        "Din tid hos Björkens mottagning 2027-01-15 09:40 är avbokad",
        "Din tid hos Björkens mottagning är nu 2027-01-15 09:40",
        "Du har en tid hos Björkens mottagning 2027-01-15 09:10",
    ]


async def test_a_reminder_names_the_time_and_nothing_of_what_it_is_about(
    front: Front, real_companion: RealCompanion, redis_client: Redis
) -> None:
    slots = await real_companion.slots(modality="physical")
    await real_companion.book(slots[0])
    async with real_companion.services.database.transaction(real_companion.clock()) as transaction:
        booking = (await transaction.session.scalars(select(Booking))).one()
        booking.reminded_at = None  # as if it had been made long ago
    async with real_companion.services.database.transaction(real_companion.clock()) as transaction:
        assert await sweep_reminders(transaction, real_companion.services.settings) == 1
    await real_companion.deliver(front)
    told = await texts(redis_client, 2)
    assert [text.partition(". Logga")[0] for text in told] == [
        "Du har en tid hos din vårdkontakt 2027-01-15 09:10",
        "Påminnelse: du har en tid hos din vårdkontakt 2027-01-15 09:10",
    ]


KINDS_OF_TEXTS = {
    "offer.notice": "Din vårdkontakt har ett erbjudande till dig",
    "maternity.opened": "Din vårdkontakt har en fråga till dig",
    "maternity.reminder": "Påminnelse: din vårdkontakt väntar på ditt svar",
    "maternity.allocated": "Du har ett besked från din vårdkontakt",
    "correction.decided": "Du har ett besked från din vårdkontakt",
    "extract.ready": "Det du har beställt är klart",
}


async def test_news_of_other_kinds_is_told_neutrally(
    front: Front, real_companion: RealCompanion, redis_client: Redis
) -> None:
    clock = real_companion.clock
    async with real_companion.services.database.transaction(clock()) as transaction:
        for kind in KINDS_OF_TEXTS:
            unit = {} if kind == "extract.ready" else {"unit": UNIT}
            transaction.publish(kind, f"key-of-{kind}", patient=ANNA, **unit)
    await real_companion.deliver(front)
    told = await texts(redis_client, len(KINDS_OF_TEXTS))
    assert [text.partition(". Logga")[0] for text in told] == sorted(KINDS_OF_TEXTS.values())


async def test_a_childs_guardians_hear_of_bookings_and_not_of_what_is_the_childs_alone(
    front: Front, real_companion: RealCompanion, redis_client: Redis
) -> None:
    child = guardian(CHILD, "Bo", birth_date=date(2018, 8, 8))
    await front.identity.proxies.replace(ANNA, [child], front.companion._clock())
    async with real_companion.services.database.transaction(real_companion.clock()) as transaction:
        for kind in ("maternity.opened", "correction.decided", "offer.notice"):
            transaction.publish(kind, f"key-of-{kind}", patient=CHILD, unit=UNIT)
    await real_companion.deliver(front)
    (text,) = await texts(redis_client, 1)
    assert text.startswith("Din vårdkontakt har ett erbjudande")


async def summon(real_companion: RealCompanion) -> str:
    slot = (await real_companion.slots(modality="physical"))[3]
    booking = await real_companion.book(slot)
    summons = await real_companion.api.made(
        "/summons/timed", planner(), {"booking_id": booking["booking_id"], "title": "T"}
    )
    await real_companion.api.made(f"/summons/{summons['summons_id']}/send", planner(), {})
    return str(summons["summons_id"])


async def row(real_companion: RealCompanion, of: Any, key: str) -> Any:
    async with real_companion.services.database.reading(real_companion.clock()) as transaction:
        return await transaction.session.get(of, key)


async def test_a_summons_whose_notice_arrived_is_notified(front: Front, real_companion: RealCompanion) -> None:
    assert front.companion.reports is not None
    await front.companion.reports.logged_in(ANNA)  # else it would be a letter at once
    async with asyncio.timeout(PATIENCE_S):
        while (reach := await row(real_companion, PersonReach, ANNA)) is None or not reach.has_account:
            await asyncio.sleep(0.05)
    summons_id = await summon(real_companion)
    await real_companion.deliver(front)
    async with asyncio.timeout(PATIENCE_S):
        while (await row(real_companion, Summons, summons_id)).state != "notified":
            await asyncio.sleep(0.05)


async def test_who_can_be_told_nowhere_is_reported_also_when_the_companion_was_away(
    front: Front, real_companion: RealCompanion, redis_client: Redis
) -> None:
    assert front.companion.reports is not None
    await front.companion.reports.logged_in(ANNA)
    async with asyncio.timeout(PATIENCE_S):
        while (await row(real_companion, PersonReach, ANNA)) is None:
            await asyncio.sleep(0.05)
    await summon(real_companion)
    await front.notices.contacts.erase(ANNA)
    await real_companion.stop()
    await front.companion.reports.unreached(ANNA)
    assert await redis_client.hlen(KEY) == 1
    await real_companion.start()
    async with asyncio.timeout(PATIENCE_S):
        while not (await row(real_companion, PersonReach, ANNA)).has_bounced:
            await asyncio.sleep(0.05)
    async with asyncio.timeout(PATIENCE_S):
        while await redis_client.hlen(KEY):
            await asyncio.sleep(0.05)


def notice(template_id: str, key: str, channel: Channel = "sms", *then: Channel) -> Notice:
    now = 1_800_000_000
    return Notice("n-1", f"{key}/{channel}", channel, ANNA, template_id, {}, now, now + 60, then=then)


@pytest.mark.parametrize(
    ("told", "state", "is_unreached"),
    [
        (notice("offer", "offer.notice:of-1"), "bounced", True),
        (notice("offer", "offer.notice:of-1"), "sent", False),
        (notice("offer", "offer.notice:of-1", "sms", "email"), "bounced", False),
        (notice("offer", "offer.notice:of-1", "push"), "bounced", False),  # there is a telephone
        (notice("summons_reminder", "summons.reminder:su-" + "a" * 26 + ":ev-1"), "failed", True),
        (notice("booking_made", "booking.created:bo-1:0"), "bounced", False),
    ],
)
async def test_a_bounce_of_the_last_way_is_reported_of_what_can_be_a_letter(
    front: Front, real_companion: RealCompanion, redis_client: Redis, told: Notice, state: str, is_unreached: bool
) -> None:
    assert front.companion.reports is not None
    await real_companion.stop()
    await front.notices.delivery.tell_watchers(told, state)
    waiting = await redis_client.hgetall(KEY)
    assert (b'"has_bounced": true' in b"".join(waiting.values())) is is_unreached


async def test_a_unit_is_named_only_by_the_name_that_it_chose_for_notices(
    front: Front, real_companion: RealCompanion, redis_client: Redis
) -> None:
    changed = await real_companion.api.ask("PATCH", f"/units/{UNIT}", ADMIN, {"name": "Venhälsan"})
    assert changed.status_code == 200
    await front.cases.units.put(unit_settings(name="Venhälsan"))
    await real_companion.book((await real_companion.slots(modality="physical"))[0])
    await real_companion.deliver(front)
    (text,) = await texts(redis_client, 1)
    assert text.startswith("Du har en tid hos din vårdkontakt")


@pytest.mark.attack
@pytest.mark.parametrize("protection", ["is_secret", "is_protected_registration"])
async def test_somebody_protected_gets_no_notice_of_a_booking_whatever_the_contact_said(
    front: Front, real_companion: RealCompanion, redis_client: Redis, protection: str
) -> None:
    async with real_companion.services.database.transaction(real_companion.clock()) as transaction:
        setattr(await transaction.session.get_one(Person, ANNA), protection, True)
    slots = await real_companion.slots(modality="physical")
    booking = await real_companion.book(slots[0])
    await real_companion.deliver(front)
    contact = await front.notices.contacts.get(ANNA)
    assert (contact.is_protected, contact.phone) == (True, PHONE)
    assert await caught(redis_client) == []
    async with real_companion.services.database.transaction(real_companion.clock()) as transaction:
        setattr(await transaction.session.get_one(Person, ANNA), protection, False)
    await real_companion.api.made(f"/bookings/{booking['booking_id']}/cancel", planner(), {})
    await real_companion.deliver(front)
    (text,) = await texts(redis_client, 1)  # of what was told before, nothing came either
    assert text.startswith("Din tid hos din vårdkontakt")
    assert not (await front.notices.contacts.get(ANNA)).is_protected


async def test_the_companions_word_on_an_identity_counts_in_lists_and_notices(front: Front) -> None:
    protections, contacts = front.companion.protections, front.notices.contacts
    assert protections is not None
    for said, expected in (({"is_protected": True}, True), (None, True), ({}, True), ({"is_protected": False}, False)):
        await protections.note(ANNA, said)
        assert (await contacts.get(ANNA)).is_protected is expected


async def test_nothing_is_kept_of_somebody_unknown_but_that_they_are_protected(front: Front) -> None:
    contacts = front.notices.contacts
    await contacts.protect(CHILD, is_protected=False)
    assert await front._redis.keys(f"*{CHILD}*") == []
    await contacts.protect(CHILD, is_protected=True)
    assert (await contacts.get(CHILD)).is_protected


async def test_a_patient_who_is_new_is_known_once_logged_in(
    front: Front, real_companion: RealCompanion, redis_client: Redis
) -> None:
    assert front.companion.reports is not None
    number = "197410102383"
    new = real_companion.services.pseudonyms.person_id(parse(number, today=TODAY))
    browser = await browser_of(front, session_of_patient(new, number=number, display_name="Karl Ny"))
    await real_companion.stop()
    await front.companion.reports.logged_in(new)  # as SessionStart tells it
    assert await redis_client.smembers(LOGINS) == {new.encode()}
    kept = str(await redis_client.hgetall(KEY)) + str(await redis_client.smembers(LOGINS))
    assert number not in kept
    await real_companion.start()
    async with asyncio.timeout(PATIENCE_S):
        while (await row(real_companion, PersonReach, new)) is None or await redis_client.scard(LOGINS):
            await asyncio.sleep(0.05)
    person = await row(real_companion, Person, new)
    assert (person.given_name, person.family_name) == ("Karl", "Ny")
    slot = (await real_companion.slots(modality="physical"))[0]
    status, body = await browser.send("POST", "/api/care/bookings", {"slot_id": slot["slot_id"]})
    assert (status, body["patient_person_id"]) == (201, new)
    await browser.close()
