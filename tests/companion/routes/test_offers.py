"""Offers through the API: seen, opened, answered, booked; the quota under a rush; opting out; who may not."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from companion.models.campaigns import Campaign, Offer
from companion.rules.campaigns import TAKES_QUOTA
from companion.services import Services
from tests.companion.campaigns import AUTHOR, crowd, launched, sweep
from tests.companion.people import (
    ANNA,
    BO,
    CHILD,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    START,
    UNIT,
    Api,
    VirtualClock,
    patient,
    proxy,
    staff,
)
from tests.companion.world import ADMIN, World, add_slots, build

EVERYBODY = {"born_from_year": 1900, "born_until_year": 2030}
QUESTIONNAIRE = {
    "title_sv": "Frågor",
    "title_en": "Questions",
    "content": {
        "questions": [{"question_id": "fever", "kind": "boolean", "text_sv": "Feber?", "text_en": "Fever?"}],
        "rules": [
            {
                "rule_id": "ill",
                "when": {"question_id": "fever", "operator": "equals", "value": True},
                "outcome": "stop",
            }
        ],
        "valid_days": 30,
    },
}


async def invited(api: Api, services: Services, **options: Any) -> World:
    return await build(api, services, time_type={"audience": "invited"}, **({"capacity": 3} | options))


async def offer_of(api: Api, who: Any = None, number: int = 0) -> dict[str, Any]:
    found: list[dict[str, Any]] = (await api.get("/offers", who or patient())).json()
    return found[number]


async def opened(api: Api, who: Any = None) -> str:
    """The path of one's only offer, opened."""
    path = f"/offers/{(await offer_of(api, who))['offer_id']}"
    assert (await api.get(path, who or patient())).json()["state"] == "opened"
    return path


async def code(api: Api, path: str, who: Any = None, body: Any = None) -> str:
    return str((await api.post(path, who or patient(), body)).json()["code"])


async def quota_holds(services: Services, campaign_id: str) -> int:
    """What the campaign counts is what offers there are; never more than the quota."""
    async with services.database.reading(services.clock()) as transaction:
        states = [state.value for state in TAKES_QUOTA]
        query = select(func.count()).where(Offer.campaign_id == campaign_id, Offer.state.in_(states))
        taken = await transaction.session.scalar(query) or 0
        campaign = await transaction.session.get_one(Campaign, campaign_id)
        assert campaign.taken == taken
        assert campaign.quota is None or taken <= campaign.quota
        return taken


# --- from eligible to booked -------------------------------------------------------------------------------------


async def test_an_offer_is_shown_opened_accepted_and_booked(api: Api, services: Services) -> None:
    world = await invited(api, services)
    campaign_id = await launched(api, world, audience=EVERYBODY)
    offer = await offer_of(api)
    path = f"/offers/{offer['offer_id']}"
    assert (offer["state"], offer["is_open"], offer["title"]) == ("shown", True, "Erbjudande")
    assert await code(api, f"{path}/accept") == "offer_state"  # nobody answers what they have not opened
    assert (await api.get(path, patient())).json()["state"] == "opened"
    free = (await api.get(f"{path}/slots", patient())).json()
    assert [one["slot_id"] for one in free] == [one["slot_id"] for one in world.slots]
    assert await world.free(time_type_id=world.time_type_id) == []  # not for the public
    assert (await api.made(f"{path}/accept", patient()))["state"] == "accepted"
    booked = await api.made(f"{path}/bookings", patient(), {"slot_id": free[0]["slot_id"]})
    assert (booked["state"], booked["steps"][0]["booking_id"] is not None) == ("booked", True)
    assert await code(api, f"{path}/bookings", None, {"slot_id": free[1]["slot_id"]}) == "offer_state"
    assert await quota_holds(services, campaign_id) == 1
    await world.counters_hold()


async def test_what_is_booked_is_cancelled_and_booked_again(api: Api, services: Services) -> None:
    world = await invited(api, services)
    campaign_id = await launched(api, world, audience=EVERYBODY, quota=1)
    path = await opened(api)
    slot = {"slot_id": world.slots[5]["slot_id"]}
    booked = await api.made(f"{path}/bookings", patient(), slot)
    assert await code(api, f"{path}/decline") == "offer_booked"
    await api.made(f"/bookings/{booked['steps'][0]['booking_id']}/cancel", patient())
    assert (await api.get(path, patient())).json()["state"] == "accepted"
    assert await quota_holds(services, campaign_id) == 1
    assert (await api.made(f"{path}/bookings", patient(), slot))["state"] == "booked"
    assert await quota_holds(services, campaign_id) == 1
    await world.counters_hold()


async def test_declining_gives_the_place_back(api: Api, services: Services) -> None:
    world = await invited(api, services)
    campaign_id = await launched(api, world, audience=EVERYBODY, quota=1)
    mine, childs = await opened(api), await opened(api, proxy())
    await api.made(f"{mine}/accept", patient())
    assert await code(api, f"{childs}/accept", proxy()) == "quota_full"
    assert (await offer_of(api, proxy()))["is_full"]
    assert await code(api, f"{childs}/bookings", proxy(), {"slot_id": world.slots[0]["slot_id"]}) == "quota_full"
    await world.counters_hold()
    assert (await api.made(f"{mine}/decline", patient()))["state"] == "declined"
    assert (await api.made(f"{childs}/accept", proxy()))["state"] == "accepted"
    assert await quota_holds(services, campaign_id) == 1


async def test_steps_go_in_order_each_with_its_form(api: Api, services: Services) -> None:
    world = await invited(api, services)
    second_type, _, second_slots = await add_slots(api, time_type={"audience": "invited"}, begins="13:00", ends="14:00")
    form = await api.made(f"/units/{UNIT}/questionnaires", ADMIN, QUESTIONNAIRE)
    await api.made(f"/questionnaires/{form['form_id']}/versions/1/publish", ADMIN)
    steps = [{"time_type_id": world.time_type_id, "form_id": form["form_id"]}, {"time_type_id": second_type}]
    campaign_id = await launched(api, world, audience=EVERYBODY, steps=steps, quota=5)
    path = await opened(api)
    first, second = {"slot_id": world.slots[0]["slot_id"]}, {"slot_id": second_slots[4]["slot_id"]}
    wrong = await api.post(f"{path}/bookings", patient(), second)
    assert (wrong.status_code, wrong.json()["field"]) == (422, "slot_id")
    assert await code(api, f"{path}/bookings", None, first) == "declaration_missing"
    ill = {"version": 1, "answers": {"fever": True}}
    assert (await api.made(f"{path}/declarations", patient(), ill))["outcome"] == "stop"
    assert await code(api, f"{path}/bookings", None, first) == "declaration_stop"
    assert (await api.made(f"{path}/declarations", patient(), ill | {"answers": {"fever": False}}))[
        "outcome"
    ] == "green"
    assert (await api.made(f"{path}/bookings", patient(), first))["state"] == "accepted"
    assert (await api.post(f"{path}/declarations", patient(), ill)).status_code == 404  # the second step has no form
    assert (await api.made(f"{path}/bookings", patient(), second))["state"] == "booked"
    assert (await api.get(f"{path}/slots", patient())).json() == []
    assert await quota_holds(services, campaign_id) == 1


async def test_nothing_is_taken_up_while_it_is_paused_or_over(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    world = await invited(api, services)
    campaign_id = await launched(api, world, audience=EVERYBODY)
    path = await opened(api)
    await api.made(f"/campaigns/{campaign_id}/pause", AUTHOR)
    slot = {"slot_id": world.slots[0]["slot_id"]}
    assert await code(api, f"{path}/accept") == await code(api, f"{path}/bookings", None, slot) == "offer_paused"
    assert not (await api.get(path, patient())).json()["is_open"]
    await api.made(f"/campaigns/{campaign_id}/resume", AUTHOR)
    await api.made(f"{path}/accept", patient())
    clock.advance(days=12)
    assert await code(api, f"{path}/bookings", None, slot) == "offer_state"  # before the sweep, too
    await sweep(services)
    assert (await api.get(path, patient())).json()["state"] == "expired"
    assert (await offer_of(api, proxy()))["state"] == "expired"
    assert await quota_holds(services, campaign_id) == 0


async def test_what_was_booked_stays_when_the_campaign_ends(api: Api, services: Services) -> None:
    world = await invited(api, services)
    campaign_id = await launched(api, world, audience=EVERYBODY)
    path = await opened(api)
    await api.made(f"{path}/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    await api.made(f"/campaigns/{campaign_id}/end", AUTHOR)
    await sweep(services)
    kept = (await api.get(path, patient())).json()
    assert kept["state"] == "booked"
    booking = await api.get(f"/bookings/{kept['steps'][0]['booking_id']}", patient())
    assert booking.json()["state"] == "booked"


async def test_an_offer_is_not_there_before_its_window_nor_its_times_after(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    world = await invited(api, services)
    window = {"begins_at": (START + timedelta(days=1)).isoformat(), "ends_at": (START + timedelta(days=8)).isoformat()}
    await launched(api, world, audience=EVERYBODY, **window)
    assert (await api.get("/offers", patient())).json() == []
    clock.advance(days=1)
    path = await opened(api)
    last = await api.post(f"{path}/bookings", patient(), {"slot_id": world.slots[-1]["slot_id"]})
    assert (last.status_code, last.json()["field"]) == (422, "slot_id")


async def test_the_same_key_books_once(api: Api, services: Services) -> None:
    world = await invited(api, services)
    await launched(api, world, audience=EVERYBODY)
    path, slot = await opened(api), {"slot_id": world.slots[0]["slot_id"]}
    first = await api.made(f"{path}/bookings", patient(), slot, Idempotency_Key="book-once")
    again = await api.post(f"{path}/bookings", patient(), slot, Idempotency_Key="book-once")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first, "true")


# --- the quota ---------------------------------------------------------------------------------------------------


async def test_the_quota_is_never_exceeded_in_a_rush(api: Api, services: Services) -> None:
    world = await invited(api, services, capacity=20)
    ids = await crowd(services, 24)
    campaign_id = await launched(api, world, quota=7)
    paths = [(patient(one), await opened(api, patient(one))) for one in ids]

    async def act(number: int) -> int:
        who, path = paths[number % len(paths)]
        if number % 3 == 0:
            slot = {"slot_id": world.slots[number % 4]["slot_id"]}
            return (await api.post(f"{path}/bookings", who, slot)).status_code
        return (await api.post(f"{path}/accept", who)).status_code

    answers = await asyncio.gather(*(act(number) for number in range(2 * len(paths))))
    assert set(answers) <= {200, 201, 409}
    assert await quota_holds(services, campaign_id) == 7
    await world.counters_hold()


async def test_who_cancels_and_who_accepts_at_once_leave_the_count_right(api: Api, services: Services) -> None:
    world = await invited(api, services, capacity=20)
    ids = await crowd(services, 12)
    campaign_id = await launched(api, world, quota=6)
    paths = [(patient(one), await opened(api, patient(one))) for one in ids]
    for who, path in paths[:6]:
        await api.made(f"{path}/accept", who)
    answers = await asyncio.gather(
        *(api.post(f"{path}/decline", who) for who, path in paths[:6]),
        *(api.post(f"{path}/accept", who) for who, path in paths[6:]),
        *(sweep(services) for _ in range(3)),
    )
    assert {answer.status_code for answer in answers if not isinstance(answer, int)} <= {200, 409}
    await quota_holds(services, campaign_id)


# --- opting out --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["vaccination", "all"])
async def test_opting_out_hides_what_is_open_and_can_be_undone(api: Api, services: Services, kind: str) -> None:
    world = await invited(api, services)
    await launched(api, world, audience=EVERYBODY)
    path = await opened(api)
    assert (await api.ask("PUT", f"/offer-opt-outs/{kind}", patient())).json()["kind"] == kind
    assert (await api.get("/offers", patient())).json() == []
    assert (await api.get(path, patient())).status_code == 404
    assert (await api.post(f"{path}/accept", patient())).status_code == 404
    assert [one["kind"] for one in (await api.get("/offer-opt-outs", patient())).json()] == [kind]
    for _ in range(2):
        assert (await api.ask("DELETE", f"/offer-opt-outs/{kind}", patient())).status_code == 204
    assert (await api.get(path, patient())).json()["state"] == "opened"


async def test_opting_out_of_another_kind_hides_nothing_and_what_is_accepted_stays(
    api: Api, services: Services
) -> None:
    world = await invited(api, services)
    await launched(api, world, audience=EVERYBODY)
    path = await opened(api)
    await api.ask("PUT", "/offer-opt-outs/screening", patient())
    assert (await api.get(path, patient())).status_code == 200
    await api.made(f"{path}/accept", patient())
    await api.ask("PUT", "/offer-opt-outs/all", patient())
    assert (await api.get(path, patient())).json()["state"] == "accepted"


async def test_who_has_opted_out_is_not_offered_anything(api: Api, services: Services) -> None:
    world = await invited(api, services)
    await api.ask("PUT", "/offer-opt-outs/all", patient())
    await launched(api, world, audience=EVERYBODY)
    await api.ask("DELETE", "/offer-opt-outs/all", patient())
    assert (await api.get("/offers", patient())).json() == []
    assert len((await api.get("/offers", proxy())).json()) == 1


# --- who may not -------------------------------------------------------------------------------------------------


@pytest.mark.attack
async def test_nobody_elses_offer(api: Api, services: Services) -> None:
    world = await invited(api, services)
    await launched(api, world, audience=EVERYBODY)
    path = await opened(api)
    slot = {"slot_id": world.slots[0]["slot_id"]}
    for who in (patient(BO), patient(CHILD), proxy(BO, CHILD)):
        assert (await api.get(path, who)).status_code == 404
        assert (await api.get(f"{path}/slots", who)).status_code == 404
        for what, body in (("accept", {}), ("decline", {}), ("bookings", slot)):
            assert (await api.post(f"{path}/{what}", who, body)).status_code == 404
    assert (await api.get(path, patient(ANNA))).json()["state"] == "opened"


@pytest.mark.attack
async def test_a_proxy_acts_with_the_scope_only(api: Api, services: Services) -> None:
    world = await invited(api, services)
    await launched(api, world, audience=EVERYBODY)
    who = proxy(scopes=frozenset({"book"}))
    path = await opened(api, who)
    done = await api.made(f"{path}/bookings", who, {"slot_id": world.slots[0]["slot_id"]})
    assert (done["state"], done["patient_person_id"]) == ("booked", CHILD)
    other = proxy(scopes=frozenset({"messages", "meetings"}))
    assert (await api.get("/offers", other)).status_code == 403
    assert (await api.post(f"{path}/decline", other)).status_code == 403
    assert (await api.ask("PUT", "/offer-opt-outs/all", other)).status_code == 403


@pytest.mark.attack
async def test_staff_see_nobodys_offers(api: Api, services: Services) -> None:
    world = await invited(api, services)
    await launched(api, world, audience=EVERYBODY)
    path = await opened(api)
    for who in (AUTHOR, staff(), staff("region_admin", unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)):
        for target in ("/offers", path, "/offer-opt-outs"):
            assert (await api.get(target, who)).status_code == 403
