"""Notices of offers: under the rate whatever happens, each person at most once, resumed after a crash."""

from datetime import datetime, time, timedelta

import pytest
from sqlalchemy import select

from companion.models.summons import Letter
from companion.rules.local_time import local
from companion.services import Services
from companion.store import offer_releases
from companion.store.offer_releases import sweep_offers
from companion.store.summons import set_reach
from tests.companion.campaigns import AUTHOR, crowd, launched, notices, offers_of, sweep
from tests.companion.people import UNIT, Api, VirtualClock, patient, service, staff
from tests.companion.world import World

FRONT = service("contacts:write", name="front")
HOUR = timedelta(hours=1)


async def told(services: Services, campaign_id: str) -> list[datetime]:
    """When people were told, in order."""
    return sorted(one.noticed_at for one in await offers_of(services, campaign_id) if one.noticed_at is not None)


def rate_holds(instants: list[datetime], per_hour: int) -> None:
    """No hour that begins anywhere has more."""
    for first, beyond in zip(instants, instants[per_hour:], strict=False):
        assert beyond - first >= HOUR


async def go_on(services: Services, clock: VirtualClock, hours: float, step_minutes: float = 5) -> None:
    """Let time pass, and sweep."""
    until = clock.now + timedelta(hours=hours)
    while clock.now < until:
        clock.advance(minutes=step_minutes)
        await sweep(services)


async def test_everybody_is_told_once_in_their_turn(
    api: Api, world: World, services: Services, clock: VirtualClock
) -> None:
    await crowd(services, 40)
    campaign_id = await launched(api, world, notices_per_hour=30)
    planned = {one.offer_id: one.notice_at for one in await offers_of(services, campaign_id)}
    await go_on(services, clock, 2, step_minutes=2)
    offers = await offers_of(services, campaign_id)
    assert {one.state for one in offers} == {"shown"}
    for one in offers:
        assert one.noticed_at is not None
        assert timedelta() <= one.noticed_at - planned[one.offer_id] <= timedelta(minutes=2)
    rows = await notices(services)
    assert len({row.payload["offer"] for row in rows}) == len(rows) == 40
    assert all(set(row.payload) == {"offer", "patient", "unit", "is_protected"} for row in rows)
    rate_holds(await told(services, campaign_id), 30)


async def test_after_a_long_stop_nothing_goes_out_at_once(
    api: Api, world: World, services: Services, clock: VirtualClock
) -> None:
    """Nobody sweeps for three hours; then a pause; then night; and sweeps come seldom: the rate holds all the way."""
    await crowd(services, 40)
    campaign_id = await launched(api, world, notices_per_hour=12)
    await go_on(services, clock, 1, step_minutes=2)
    assert 11 <= len(await told(services, campaign_id)) <= 12
    clock.advance(hours=3)
    await sweep(services)
    assert len(await told(services, campaign_id)) <= 13
    await go_on(services, clock, 1)
    await api.made(f"/campaigns/{campaign_id}/pause", AUTHOR)
    before = len(await told(services, campaign_id))
    await go_on(services, clock, 1)
    assert len(await told(services, campaign_id)) == before
    await api.made(f"/campaigns/{campaign_id}/resume", AUTHOR)
    await go_on(services, clock, 3.5)
    clock.advance(hours=13)
    await go_on(services, clock, 2)
    instants = await told(services, campaign_id)
    assert len(instants) == 40
    rate_holds(instants, 12)
    assert all(time(8) <= local(at).time() < time(20) for at in instants)
    assert len(await notices(services)) == 40


async def test_a_crash_in_the_middle_of_a_sweep_undoes_it_and_the_next_one_goes_on(
    api: Api, world: World, services: Services, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await crowd(services, 8)
    async with services.database.transaction(services.clock()) as transaction:  # all but one get notices
        reach = await transaction.session.get_one(offer_releases.PersonReach, ids[0])
        reach.has_account = False
    campaign_id = await launched(api, world, notices_per_hour=600)
    clock.advance(minutes=1)

    def crash(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(offer_releases, "queue_offer_letter", crash)
        with pytest.raises(RuntimeError, match="killed"):
            await sweep(services)
    assert await told(services, campaign_id) == []
    assert await notices(services) == []
    for _ in range(3):
        await sweep(services)
    assert len(await told(services, campaign_id)) == 8
    assert len(await notices(services)) == 7


async def test_two_sweeps_at_once_tell_nobody_twice(
    api: Api, world: World, services: Services, clock: VirtualClock
) -> None:
    await crowd(services, 10)
    await launched(api, world, notices_per_hour=600)
    clock.advance(minutes=1, seconds=30)
    if services.database.is_postgresql:
        async with (
            services.database.transaction(clock()) as first,
            services.database.transaction(clock()) as second,
        ):
            assert await sweep_offers(first) == 10
            assert await sweep_offers(second) == 0  # the campaign is the first one's
    else:  # writers queue
        assert [await sweep(services), await sweep(services)] == [10, 0]
    assert len(await notices(services)) == 10


async def test_letters_for_the_protected_and_whom_nothing_reaches(
    api: Api, world: World, services: Services, clock: VirtualClock
) -> None:
    await crowd(services, 1)
    await crowd(services, 1, prefix="secret", is_secret=True)
    await crowd(services, 1, prefix="offline", reach=False)
    campaign_id = await launched(api, world, notices_per_hour=600)
    clock.advance(minutes=1)
    await sweep(services)
    assert len(await notices(services)) == 1
    async with services.database.reading(clock()) as transaction:
        letters = (await transaction.session.scalars(select(Letter))).all()
    assert sorted(letter.reason for letter in letters) == ["no_account", "protected"]
    lettered = {one.offer_id for one in await offers_of(services, campaign_id) if one.by_letter}
    assert lettered == {letter.offer_id for letter in letters}
    batch = await api.made(f"/units/{UNIT}/letter-batches", staff("scheduler"))
    pdf = await api.get(f"/letter-batches/{batch['batch_id']}/pdf", staff("scheduler"))
    assert pdf.content.count(b"/Type /Page\n") == 2
    await api.made(f"/letters/{letters[0].letter_id}/reprint", staff("scheduler"))
    assert (await api.post(f"/letters/{letters[1].letter_id}/reprint", patient())).status_code == 403


async def reach(services: Services, person_id: str, *, bounced: bool) -> None:
    async with services.database.transaction(services.clock()) as transaction:
        await set_reach(transaction, services.settings, person_id, has_account=True, has_bounced=bounced)


async def letters_of(services: Services) -> list[tuple[str, str]]:
    async with services.database.reading(services.clock()) as transaction:
        rows = (await transaction.session.scalars(select(Letter).order_by(Letter.queued_at, Letter.letter_id))).all()
        return sorted((row.reason, row.state) for row in rows)


async def test_a_notice_that_bounces_later_becomes_a_letter_unless_the_offer_was_opened(
    api: Api, world: World, services: Services, clock: VirtualClock
) -> None:
    unread, opened, untold = await crowd(services, 3)
    campaign_id = await launched(api, world, notices_per_hour=600)
    clock.advance(minutes=1)
    await sweep(services)
    offers = {one.patient_person_id: one.offer_id for one in await offers_of(services, campaign_id)}
    await api.get(f"/offers/{offers[opened]}", patient(opened))
    clock.advance(hours=3)
    for person_id in (unread, opened):
        for _ in range(2):
            await reach(services, person_id, bounced=True)
    await reach(services, untold, bounced=False)
    assert await letters_of(services) == [("bounced", "queued")]
    lettered = [one.offer_id for one in await offers_of(services, campaign_id) if one.by_letter]
    assert lettered == [offers[unread]]


@pytest.mark.parametrize("how", ["open", "opt-out", "end"])
async def test_a_letter_that_waits_is_withdrawn_when_it_is_not_needed(
    api: Api, world: World, services: Services, clock: VirtualClock, how: str
) -> None:
    (person_id,) = await crowd(services, 1, reach=False)
    campaign_id = await launched(api, world, notices_per_hour=600)
    clock.advance(minutes=1)
    await sweep(services)
    assert await letters_of(services) == [("no_account", "queued")]
    (offer,) = await offers_of(services, campaign_id)
    path = f"/offers/{offer.offer_id}"
    if how == "open":
        assert (await api.get(path, patient(person_id))).status_code == 200
    elif how == "opt-out":
        assert (await api.ask("PUT", "/offer-opt-outs/vaccination", patient(person_id))).status_code == 200
    else:
        await api.made(f"/campaigns/{campaign_id}/end", AUTHOR)
        await sweep(services)
    assert await letters_of(services) == [("no_account", "withdrawn")]


async def test_a_letter_that_is_printed_goes_out_all_the_same(
    api: Api, world: World, services: Services, clock: VirtualClock
) -> None:
    (person_id,) = await crowd(services, 1, reach=False)
    campaign_id = await launched(api, world, notices_per_hour=600)
    clock.advance(minutes=1)
    await sweep(services)
    await api.made(f"/units/{UNIT}/letter-batches", staff("scheduler"))
    (offer,) = await offers_of(services, campaign_id)
    await api.get(f"/offers/{offer.offer_id}", patient(person_id))
    assert await letters_of(services) == [("no_account", "printed")]


async def test_no_notice_for_who_has_seen_it_opted_out_or_finds_no_place(
    api: Api, world: World, services: Services, clock: VirtualClock
) -> None:
    ids = await crowd(services, 5)
    campaign_id = await launched(api, world, notices_per_hour=600, quota=1)
    await api.get("/offers", patient(ids[0]))
    await api.ask("PUT", "/offer-opt-outs/vaccination", patient(ids[1]))
    offer = (await api.get("/offers", patient(ids[2]))).json()[0]["offer_id"]
    await api.get(f"/offers/{offer}", patient(ids[2]))
    await api.made(f"/offers/{offer}/accept", patient(ids[2]))
    clock.advance(minutes=1)
    await sweep(services)
    assert await notices(services) == []  # all places are taken
    await api.made(f"/offers/{offer}/decline", patient(ids[2]))
    await sweep(services)
    assert {row.payload["patient"] for row in await notices(services)} == set(ids[3:])
    await api.ask("DELETE", "/offer-opt-outs/vaccination", patient(ids[1]))
    await go_on(services, clock, 0.5)
    assert {row.payload["patient"] for row in await notices(services)} == {ids[1], *ids[3:]}
    assert len(await told(services, campaign_id)) == 3
