"""Patients read who used their data."""

from typing import Any

import pytest

from auth.permissions import LOA2
from companion.models.organisation import StaffMember
from companion.services import Services
from tests.companion.people import ANNA, BO, CHILD, FOREIGN_UNIT, OTHER_PROVIDER, Api, patient, proxy, service, staff
from tests.companion.world import World

NURSE = "SE5555555555-K1"


async def booked(world: World, person_id: str = ANNA) -> str:
    """A booking that staff have made."""
    wish = {"slot_id": world.slots[0]["slot_id"], "patient_person_id": person_id}
    made = await world.api.made("/bookings", staff(actor=NURSE), wish)
    return str(made["booking_id"])


async def looks(api: Api, who: Any = None, query: str = "") -> list[dict[str, Any]]:
    answer = await api.get(f"/looks{query}", who or patient())
    assert answer.status_code == 200, answer.text
    return list(answer.json()["looks"])


async def name_the_nurse(services: Services) -> None:
    async with services.database.transaction(services.clock()) as transaction:
        transaction.session.add(StaffMember(hsa_id=NURSE, name="Siv Sköterska", title="Sjuksköterska"))


async def test_the_patient_sees_who_where_what_and_when(api: Api, services: Services, world: World) -> None:
    await name_the_nurse(services)
    booking_id = await booked(world)
    api.clock.advance(hours=2)
    await api.get(f"/bookings/{booking_id}", staff(actor=NURSE))
    (read, made) = await looks(api)
    assert (read["action"], made["action"]) == ("booking_read", "booking_create")
    assert read["actor_kind"] == "staff"
    assert read["actor_name"] == "Siv Sköterska"
    assert (read["unit_name"], read["provider_name"]) == ("Unit 1001", "Region")
    assert read["what"] == "booking"
    assert read["at"] == "2027-03-01T09:00:00Z"
    assert read["outcome"] == "allowed"
    assert "address" not in read


async def test_attempts_that_were_refused_are_seen_but_not_who_else_is_a_patient(api: Api, world: World) -> None:
    booking_id = await booked(world)
    await api.get(f"/bookings/{booking_id}", patient(BO))
    await api.get(f"/bookings/{booking_id}", staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER))
    foreign, stranger, _ = await looks(api)
    assert (foreign["outcome"], foreign["unit_name"], foreign["provider_name"]) == ("refused", "Unit 2001", "AB")
    assert (stranger["outcome"], stranger["actor_kind"], stranger["actor_name"]) == ("refused", "other", None)
    assert BO not in str([foreign, stranger])


async def test_own_uses_are_told_when_asked_for(api: Api, world: World) -> None:
    booking_id = await booked(world)
    await api.get(f"/bookings/{booking_id}", patient())
    assert [one["actor_kind"] for one in await looks(api)] == ["staff"]
    kinds = [(one["actor_kind"], one["action"]) for one in await looks(api, query="?own_too=true")]
    # To look here is a use too.
    assert kinds == [("yourself", "audit_read_own"), ("yourself", "booking_read"), ("staff", "booking_create")]


async def test_a_proxy_is_named_unless_protected(api: Api, world: World) -> None:
    await api.made("/bookings", proxy(ANNA, CHILD), {"slot_id": world.slots[0]["slot_id"]})
    await api.made("/bookings", proxy(BO, CHILD), {"slot_id": world.slots[1]["slot_id"]})
    protected, open_one = await looks(api, patient(CHILD))
    assert (open_one["actor_kind"], open_one["actor_name"]) == ("proxy", "Test aaaa")
    assert (protected["actor_kind"], protected["actor_name"]) == ("proxy", "Deltagare")


async def test_pages_go_back_to_the_first_and_end(api: Api, world: World) -> None:
    booking_id = await booked(world)
    for _ in range(6):
        await api.get(f"/bookings/{booking_id}", staff())
    seen: list[int] = []
    query = "?limit=3"
    while True:
        page = (await api.get(f"/looks{query}", patient())).json()
        seen += [one["number"] for one in page["looks"]]
        if page["next_before"] is None:
            break
        query = f"?limit=3&before={page['next_before']}"
    assert len(seen) == len(set(seen)) == 7
    assert seen == sorted(seen, reverse=True)


@pytest.mark.attack
async def test_nobody_reads_it_for_somebody_else(api: Api, world: World) -> None:
    await booked(world)
    assert await looks(api, patient(BO)) == []
    for who in (proxy(BO, ANNA), staff("region_admin"), service("rooms:write")):
        assert (await api.get("/looks", who)).status_code == 403
    assert (await api.get("/looks", patient(acr=LOA2))).status_code == 403


@pytest.mark.parametrize(
    "query", ["?limit=0", "?limit=201", "?before=0", "?before=x", "?before=1.back.2", f"?before=1.front.{2**63}"]
)
async def test_what_cannot_be_asked(api: Api, world: World, query: str) -> None:
    answer = await api.get(f"/looks{query}", patient())
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
