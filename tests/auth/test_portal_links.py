"""Tickets in Redis: used once, late, unknown, replayed."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from auth.portal_links import PortalLink, PortalLinkError, PortalLinks
from auth.portal_requests import PortalRequest, PortalRequestError, check_request
from tests.auth.portal_claims import AUDIENCE, NOW, STAFF, SYSTEM, claims


def request(**changes: Any) -> PortalRequest:
    return check_request(claims(**changes), SYSTEM, audience=AUDIENCE, now=NOW)


@pytest.fixture
def links(redis_client: Redis) -> PortalLinks:
    return PortalLinks(redis_client)


async def test_a_ticket_opens_what_was_asked_for(links: PortalLinks) -> None:
    ticket, made = await links.create(request(meeting="m-1"), "p-patient", now=NOW)
    taken = await links.take(ticket, now=NOW + 59)
    assert taken == made
    assert (taken.staff_hsa_id, taken.meeting_id, taken.patient_person_id) == (STAFF, "m-1", "p-patient")
    assert taken.commission.roles == {"staff"}
    assert taken.expires_at == NOW + 60


@pytest.mark.attack
async def test_a_ticket_opens_once(links: PortalLinks) -> None:
    ticket, made = await links.create(request(), None, now=NOW)
    await links.take(ticket, now=NOW)
    with pytest.raises(PortalLinkError) as refused:
        await links.take(ticket, now=NOW)
    assert (refused.value.code, refused.value.link) == ("link_used", made)


@pytest.mark.attack
async def test_of_many_at_once_one_gets_in(links: PortalLinks) -> None:
    ticket, _ = await links.create(request(), None, now=NOW)
    answers = await asyncio.gather(*(links.take(ticket, now=NOW) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(answer, PortalLink) for answer in answers) == 1


@pytest.mark.attack
async def test_a_late_ticket_opens_nothing_and_is_used_up(links: PortalLinks) -> None:
    ticket, made = await links.create(request(), None, now=NOW)
    with pytest.raises(PortalLinkError) as late:
        await links.take(ticket, now=NOW + 60)
    assert (late.value.code, late.value.link) == ("link_late", made)
    with pytest.raises(PortalLinkError) as again:
        await links.take(ticket, now=NOW)
    assert again.value.code == "link_used"


@pytest.mark.attack
@pytest.mark.parametrize("ticket", ["", "x", "x" * 43, "x" * 44, "ä" * 43, "*", "a" * 42 + "\n"])
async def test_an_invented_ticket_is_unknown(links: PortalLinks, ticket: str) -> None:
    with pytest.raises(PortalLinkError) as refused:
        await links.take(ticket, now=NOW)
    assert (refused.value.code, refused.value.link) == ("link_unknown", None)


@pytest.mark.attack
async def test_no_link_lives_longer_than_a_minute_whatever_is_configured(redis_client: Redis) -> None:
    _, link = await PortalLinks(redis_client, lifetime_s=3600).create(request(), None, now=NOW)
    assert link.expires_at == NOW + 60


@pytest.mark.attack
async def test_a_request_counts_once_and_only_for_its_issuer(links: PortalLinks) -> None:
    await links.use_request(request(), now=NOW)
    with pytest.raises(PortalRequestError) as refused:
        await links.use_request(request(), now=NOW + 30)
    assert (refused.value.code, refused.value.claim) == ("replayed", "jti")
    await links.use_request(request(jti="another-request"), now=NOW)


@pytest.mark.attack
async def test_redis_has_neither_the_ticket_nor_an_identity_number(links: PortalLinks, redis_client: Redis) -> None:
    patient = {"system": "http://electronichealth.se/identifier/personnummer", "value": "198112289874"}
    asked = request(patient=patient)
    ticket, _ = await links.create(asked, "p-pseudonym", now=NOW)
    await links.use_request(asked, now=NOW)
    for key in await redis_client.keys("*"):
        value = await redis_client.get(key) or b""
        assert ticket.encode() not in key + value
        assert b"9874" not in key + value
        assert await redis_client.ttl(key) <= 600
