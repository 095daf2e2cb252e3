"""Campaigns for tests: a crowd in the register, drafts, two who approve, sweeps."""

import base64
import hashlib
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from companion.models.campaigns import Offer
from companion.models.outbox import OutboxRow
from companion.models.people import Person
from companion.models.summons import PersonReach
from companion.services import Services
from companion.store.offer_releases import sweep_offers
from tests.companion.people import OTHER_UNIT, START, UNIT, Api, staff
from tests.companion.world import World

AUTHOR = staff("unit_admin", actor="SE5555555555-KA")
SECOND = staff("unit_admin", unit=OTHER_UNIT, actor="SE5555555555-KB")
"""Another person of the same care provider, in another unit."""


def crowd_id(name: str) -> str:
    """A person's id, made of a name."""
    return "p-" + base64.b32encode(hashlib.sha256(name.encode()).digest()[:16]).decode().rstrip("=").lower()


async def crowd(
    services: Services, count: int, *, prefix: str = "crowd", reach: bool = True, **fields: Any
) -> list[str]:
    """So many people in the register, born in 1950."""
    ids = [crowd_id(f"{prefix}{number}") for number in range(count)]
    told = {"has_account": True, "has_bounced": False, "told_at": services.clock()}
    async with services.database.transaction(services.clock()) as transaction:
        for number, person_id in enumerate(ids):
            values = {"birth_date": date(1950, 1 + number % 12, 1), "sex": "female", "area": "0180"} | fields
            digits = hashlib.sha256(f"{prefix}{number}".encode()).hexdigest()[:12]
            person = Person(
                person_id=person_id,
                identity_system="test",
                identity_number=digits,
                given_name="Test",
                family_name="Crowd",
                **values,
            )
            transaction.session.add(person)
        await transaction.session.flush()
        if reach:
            transaction.session.add_all(PersonReach(person_id=person_id, **told) for person_id in ids)
    return ids


def content(world: World, **fields: Any) -> dict[str, Any]:
    """A campaign for those born in 1950, from now on for twelve days."""
    return {
        "kind": "vaccination",
        "title": "Erbjudande",
        "information": "Välkommen.",
        "audience": {"born_from_year": 1950, "born_until_year": 1950},
        "begins_at": START.isoformat(),
        "ends_at": (START + timedelta(days=12)).isoformat(),
        "steps": [{"time_type_id": world.time_type_id}],
        "notices_per_hour": 60,
    } | fields


async def drafted(api: Api, world: World, **fields: Any) -> str:
    """A draft's id."""
    return str((await api.made(f"/units/{UNIT}/campaigns", AUTHOR, content(world, **fields)))["campaign_id"])


async def reviewed(api: Api, world: World, **fields: Any) -> str:
    """The id of one that two people have approved."""
    campaign_id = await drafted(api, world, **fields)
    for who in (AUTHOR, SECOND):
        await api.made(f"/campaigns/{campaign_id}/approve", who, {"version": 1})
    return campaign_id


async def launched(api: Api, world: World, **fields: Any) -> str:
    """The id of one that is live."""
    campaign_id = await reviewed(api, world, **fields)
    assert (await api.made(f"/campaigns/{campaign_id}/launch", AUTHOR))["state"] == "live"
    return campaign_id


async def sweep(services: Services) -> int:
    """Let happen what is due."""
    async with services.database.transaction(services.clock()) as transaction:
        return await sweep_offers(transaction)


async def offers_of(services: Services, campaign_id: str) -> list[Offer]:
    """All offers of a campaign, by the instant of their notice."""
    async with services.database.reading(services.clock()) as transaction:
        query = select(Offer).where(Offer.campaign_id == campaign_id).order_by(Offer.notice_at)
        return list((await transaction.session.scalars(query)).all())


async def notices(services: Services) -> list[OutboxRow]:
    """The notices of offers in the outbox."""
    async with services.database.reading(services.clock()) as transaction:
        query = select(OutboxRow).where(OutboxRow.kind == "offer.notice").order_by(OutboxRow.id)
        return list((await transaction.session.scalars(query)).all())
