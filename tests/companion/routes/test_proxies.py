"""Ombud through the API: the register, the 13th birthday, protection, grants, and a teenager's own word."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from auth.audit import read_body
from auth.identity_numbers import luhn_digit
from auth.principal import Principal
from companion.models.audit import AuditRow
from companion.models.outbox import OutboxRow
from companion.services import Services
from companion.store.proxies import sweep_guardianships
from tests.companion.people import OTHER_UNIT, Api, VirtualClock, patient, proxy, service, staff
from tests.companion.world import build

POPULATION = service("persons:write", name="population-register")
CUSTODY = service("proxies:write", name="custody-register")
FRONT = service("proxies:read", name="front")


def number(birth: str, serial: str = "238") -> str:
    """A valid personnummer."""
    return f"{birth}{serial}{luhn_digit(birth[2:] + serial)}"


PARENT, CHILD, STRANGER = number("19850214"), number("20160229"), number("19700101")
TEENAGER = number("20120601")
THIRTEEN = datetime(2029, 2, 27, 23, tzinfo=UTC)
"""The child was born on 29 February 2016; 28 February 2029 begins in Stockholm."""


async def registered(api: Api, text: str, **fields: Any) -> str:
    body = {"number": text, "given_name": "Test", "family_name": "Testsson"} | fields
    answer = await api.ask("PUT", "/persons", POPULATION, body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["person_id"])


async def told(api: Api, child: str, *guardians: str) -> None:
    answer = await api.ask("PUT", f"/custody/{child}", CUSTODY, {"guardians": list(guardians)})
    assert answer.status_code == 204, answer.text


async def family(api: Api) -> tuple[str, str]:
    parent, child = await registered(api, PARENT), await registered(api, CHILD)
    await told(api, child, parent)
    return parent, child


async def acts_for(api: Api, person_id: str) -> list[str]:
    """For whom somebody acts, as the front is told."""
    answer = await api.get(f"/persons/{person_id}/proxies", FRONT)
    assert answer.status_code == 200, answer.text
    return [one["subject"] for one in answer.json()["relations"]]


async def published(services: Services, kind: str) -> list[dict[str, Any]]:
    async with services.database.reading(services.clock()) as transaction:
        query = select(OutboxRow).where(OutboxRow.kind == kind).order_by(OutboxRow.id)
        return [row.payload for row in (await transaction.session.scalars(query)).all()]


# --- guardians ---------------------------------------------------------------------------------------------------


async def test_a_guardian_in_the_register_acts_at_once(api: Api, services: Services) -> None:
    parent, child = await family(api)
    made = await api.made("/guardianships", patient(parent), {"child_number": CHILD})
    assert (made["state"], made["child_person_id"]) == ("active", child)
    assert datetime.fromisoformat(made["valid_until"]) == THIRTEEN
    again = await api.made("/guardianships", patient(parent), {"child_number": CHILD})
    assert again["guardianship_id"] == made["guardianship_id"]
    assert await acts_for(api, parent) == [child]
    assert await published(services, "proxies.changed") == [{"person": parent}]
    shown = (await api.get("/proxies", patient(parent))).json()
    assert [(one["subject"], one["kind"], one["is_active"]) for one in shown["i_act_for"]] == [
        (child, "guardian", True)
    ]


async def test_a_request_waits_until_the_register_has_spoken(api: Api, services: Services) -> None:
    parent, child = await registered(api, PARENT), await registered(api, CHILD)
    stranger = await registered(api, STRANGER)
    for who in (parent, stranger):
        made = await api.made("/guardianships", patient(who), {"child_number": CHILD})
        assert made["state"] == "requested"
        assert await acts_for(api, who) == []
    assert await published(services, "custody.asked") == [{"child": child}] * 2
    await told(api, child, parent)
    assert await acts_for(api, parent) == [child]
    assert await acts_for(api, stranger) == []
    assert (await api.get("/proxies", patient(stranger))).json()["i_act_for"] == []


async def test_it_ends_as_the_13th_birthday_begins_and_the_history_with_it(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    parent, _ = await family(api)
    clock.now = THIRTEEN - timedelta(seconds=1)
    made = await api.made("/guardianships", patient(parent), {"child_number": CHILD})
    assert len(await acts_for(api, parent)) == 1
    clock.now = THIRTEEN
    assert await acts_for(api, parent) == []  # although nothing has swept yet
    assert (await api.get("/proxies", patient(parent))).json()["i_act_for"] == []
    gone = await api.ask("DELETE", f"/guardianships/{made['guardianship_id']}", patient(parent))
    assert gone.status_code == 404
    async with services.database.transaction(clock()) as transaction:
        assert await sweep_guardianships(transaction) == 1
        assert await sweep_guardianships(transaction) == 0
    assert len(await published(services, "proxies.changed")) == 2
    late = await api.post("/guardianships", patient(parent), {"child_number": CHILD})
    assert late.json()["code"] == "guardianship_not_possible"


@pytest.mark.parametrize("whose", ["parent", "child"])
@pytest.mark.parametrize("protection", ["is_secret", "is_protected_registration"])
async def test_protection_of_either_ends_it_at_once(api: Api, whose: str, protection: str) -> None:
    parent, _ = await family(api)
    await api.made("/guardianships", patient(parent), {"child_number": CHILD})
    await registered(api, PARENT if whose == "parent" else CHILD, **{protection: True})
    assert await acts_for(api, parent) == []
    refused = await api.post("/guardianships", patient(parent), {"child_number": CHILD})
    assert refused.json()["code"] == "guardianship_not_possible"


async def test_lost_custody_ends_it(api: Api) -> None:
    parent, child = await family(api)
    await api.made("/guardianships", patient(parent), {"child_number": CHILD})
    await told(api, child)
    assert await acts_for(api, parent) == []


async def test_a_guardian_gives_it_up_and_may_ask_again(api: Api) -> None:
    parent, child = await family(api)
    made = await api.made("/guardianships", patient(parent), {"child_number": CHILD})
    path = f"/guardianships/{made['guardianship_id']}"
    stranger = await registered(api, STRANGER)
    assert (await api.ask("DELETE", path, patient(stranger))).status_code == 404
    assert (await api.ask("DELETE", path, patient(parent))).status_code == 204
    assert await acts_for(api, parent) == []
    again = await api.made("/guardianships", patient(parent), {"child_number": CHILD})
    assert again["guardianship_id"] != made["guardianship_id"]
    assert await acts_for(api, parent) == [child]


@pytest.mark.attack
async def test_a_refusal_tells_nothing_but_is_audited(api: Api, services: Services) -> None:
    """A stranger cannot tell a protected child from one with other guardians, or one we do not know."""
    _, child = await family(api)
    stranger = await registered(api, STRANGER)
    answers = [await api.post("/guardianships", patient(stranger), {"child_number": CHILD})]
    await registered(api, CHILD, is_secret=True)
    answers.append(await api.post("/guardianships", patient(stranger), {"child_number": CHILD}))
    answers.append(await api.post("/guardianships", patient(stranger), {"child_number": number("20200101")}))
    assert {(answer.status_code, answer.text) for answer in answers} == {(409, answers[0].text)}
    async with services.database.reading(services.clock()) as transaction:
        rows = (await transaction.session.scalars(select(AuditRow).where(AuditRow.actor == stranger))).all()
        entries = [read_body(row.body) for row in rows]
    assert [(one["patient"], one["outcome"]) for one in entries] == [
        (child, "refused"),
        (child, "refused"),
        (None, "refused"),
    ]


async def test_numbers_are_checked_and_not_quoted(api: Api) -> None:
    parent = await registered(api, PARENT)
    answer = await api.post("/guardianships", patient(parent), {"child_number": "20160229-2381"}, Accept_Language="en")
    assert answer.status_code == 422
    body = answer.json()
    assert (body["code"], body["field"], body["detail"]) == ("invalid_request", "child_number", "check_digit")
    assert "20160229" not in answer.text


# --- grants ------------------------------------------------------------------------------------------------------


def grant(clock: VirtualClock, text: str, *scopes: str, days: float = 30) -> dict[str, Any]:
    until = (clock.now + timedelta(days=days)).isoformat()
    return {"proxy_number": text, "scopes": list(scopes or ("book",)), "valid_until": until}


async def test_an_adult_grants_scopes_for_a_time(api: Api, clock: VirtualClock) -> None:
    giver, taker = await registered(api, PARENT), await registered(api, STRANGER)
    assert await acts_for(api, taker) == []  # off by default
    made = await api.made("/grants", patient(giver), grant(clock, STRANGER, "messages", "book"))
    assert made["scopes"] == ["book", "messages"]
    assert await acts_for(api, taker) == [giver]
    mine = (await api.get("/proxies", patient(giver))).json()
    assert [one["grant_id"] for one in mine["act_for_me"]] == [made["grant_id"]]
    clock.advance(days=30)
    assert await acts_for(api, taker) == []
    assert (await api.get("/proxies", patient(giver))).json()["act_for_me"] == []


@pytest.mark.parametrize("by_proxy", [False, True])
async def test_either_ends_a_grant(api: Api, clock: VirtualClock, by_proxy: bool) -> None:
    giver, taker = await registered(api, PARENT), await registered(api, STRANGER)
    made = await api.made("/grants", patient(giver), grant(clock, STRANGER))
    path = f"/grants/{made['grant_id']}"
    other = await registered(api, number("19600606"))
    assert (await api.ask("DELETE", path, patient(other))).status_code == 404
    assert (await api.ask("DELETE", path, proxy(taker, giver))).status_code == 403
    assert (await api.ask("DELETE", path, patient(taker if by_proxy else giver))).status_code == 204
    assert (await api.ask("DELETE", path, patient(giver))).status_code == 404
    assert await acts_for(api, taker) == []


async def test_a_new_grant_takes_the_place_of_the_old_one(api: Api, clock: VirtualClock) -> None:
    giver, taker = await registered(api, PARENT), await registered(api, STRANGER)
    await api.made("/grants", patient(giver), grant(clock, STRANGER, "book"))
    await api.made("/grants", patient(giver), grant(clock, STRANGER, "meetings"))
    feed = (await api.get(f"/persons/{taker}/proxies", FRONT)).json()["relations"]
    assert [one["scopes"] for one in feed] == [["meetings"]]


async def test_a_grant_asked_for_twice_with_one_key_is_one(api: Api, clock: VirtualClock) -> None:
    giver, _ = await registered(api, PARENT), await registered(api, STRANGER)
    body = grant(clock, STRANGER)
    first = await api.post("/grants", patient(giver), body, Idempotency_Key="the-same-key")
    second = await api.post("/grants", patient(giver), body, Idempotency_Key="the-same-key")
    assert first.json() == second.json()


async def test_what_cannot_be_granted(api: Api, clock: VirtualClock) -> None:
    giver = await registered(api, PARENT)
    child, _ = await registered(api, CHILD), await registered(api, STRANGER)
    codes = {}
    for name, who, body in (
        ("oneself", giver, grant(clock, PARENT)),
        ("to a child", giver, grant(clock, CHILD)),
        ("by a child", child, grant(clock, STRANGER)),
        ("to nobody we know", giver, grant(clock, number("19550505"))),
        ("too long", giver, grant(clock, STRANGER, days=366)),
        ("over already", giver, grant(clock, STRANGER, days=-1)),
    ):
        codes[name] = (await api.post("/grants", patient(who), body)).json()["code"]
    assert codes == {
        "oneself": "grant_not_possible",
        "to a child": "grant_not_possible",
        "by a child": "grant_not_possible",
        "to nobody we know": "grant_not_possible",
        "too long": "grant_period",
        "over already": "grant_period",
    }


# --- 13 to 17 ----------------------------------------------------------------------------------------------------


async def test_a_guardian_comes_to_one_meeting_when_the_teenager_says_so(api: Api, services: Services) -> None:
    world = await build(api, services)
    teenager, stranger = await registered(api, TEENAGER), await registered(api, STRANGER)
    booking = await api.made("/bookings", patient(teenager), {"slot_id": world.slots[0]["slot_id"]})
    path = f"/bookings/{booking['booking_id']}/guardian-invitations"
    assert (await api.post(path, staff(unit=OTHER_UNIT))).status_code == 404
    asked = await api.made(path, staff())
    assert (await api.made(path, staff()))["invitation_id"] == asked["invitation_id"]
    assert (await api.get("/guardian-invitations", patient(teenager))).json() == [asked]
    answer = f"/guardian-invitations/{asked['invitation_id']}/consent"

    async def says(who: Principal, consents: bool) -> int:
        return (await api.ask("PUT", answer, who, {"consents": consents})).status_code

    assert await says(patient(stranger), True) == 404
    assert await says(staff(), True) == 403
    assert await says(patient(teenager), True) == 200
    assert await says(patient(teenager), False) == 200  # takes it back
    assert await says(patient(teenager), True) == 409  # and must be asked again
    assert len(await published(services, "guardian.consented")) == 1
    assert len(await published(services, "guardian.declined")) == 1


async def test_adults_and_children_are_not_asked(api: Api, services: Services) -> None:
    world = await build(api, services)
    adult = await registered(api, STRANGER)
    booking = await api.made("/bookings", patient(adult), {"slot_id": world.slots[0]["slot_id"]})
    answer = await api.post(f"/bookings/{booking['booking_id']}/guardian-invitations", staff())
    assert answer.json()["code"] == "teenager_only"


# --- who may not -------------------------------------------------------------------------------------------------


@pytest.mark.attack
async def test_registers_and_the_front_need_their_scopes(api: Api) -> None:
    parent, child = await family(api)
    person = {"number": PARENT, "given_name": "A", "family_name": "B"}
    for who in (service(), service("bookings:write"), patient(parent), staff("region_admin"), None):
        expected = 401 if who is None else 403
        assert (await api.ask("PUT", "/persons", who, person)).status_code == expected
        assert (await api.ask("PUT", f"/custody/{child}", who, {"guardians": []})).status_code == expected
        assert (await api.get(f"/persons/{parent}/proxies", who)).status_code == expected
