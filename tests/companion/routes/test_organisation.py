"""Units and roles: public to read, each edited by its own administrators."""

import pytest
from sqlalchemy import select

from companion.models.outbox import OutboxRow
from companion.services import Services
from tests.companion.people import FOREIGN_UNIT, OTHER_PROVIDER, OTHER_UNIT, PROVIDER, UNIT, Api, service, staff
from tests.companion.world import ADMIN, found

UNIT_ADMIN = staff("unit_admin")
FRONT = service("roles:read", name="front")
NEW_UNIT = {"hsa_id": "SE5555555555-1009", "provider_hsa_id": PROVIDER, "name": "Ny", "kind": "vaccination"}
ROLE = {"staff_hsa_id": "se5555555555-k9", "name": "Eva", "role": "scheduler", "valid_from": "2027-03-01"}


@pytest.fixture(autouse=True)
async def organisation(services: Services) -> None:
    await found(services)


async def test_anybody_reads_units(api: Api) -> None:
    assert {unit["hsa_id"] for unit in (await api.get("/units")).json()} == {UNIT, OTHER_UNIT, FOREIGN_UNIT}
    assert (await api.get(f"/units/{UNIT}")).json()["phone"] == "08-123 45"
    assert (await api.get("/units/SE5555555555-9999")).status_code == 404
    assert (await api.get("/units/x")).status_code == 422


async def test_a_unit_is_changed_by_its_own_administrator(api: Api) -> None:
    changed = await api.ask("PATCH", f"/units/{UNIT}", UNIT_ADMIN, {"name": "Ny", "is_active": False})
    assert changed.json()["name"] == "Ny"
    assert UNIT not in {unit["hsa_id"] for unit in (await api.get("/units")).json()}


@pytest.mark.attack
async def test_others_units_are_not_there_to_be_changed(api: Api) -> None:
    for who in (
        staff("unit_admin", unit=OTHER_UNIT),
        staff("region_admin", unit=FOREIGN_UNIT, provider=OTHER_PROVIDER),
    ):
        assert (await api.ask("PATCH", f"/units/{UNIT}", who, {"name": "x"})).status_code == 404
        assert (await api.get(f"/units/{UNIT}/roles", who)).status_code == 404
        assert (await api.post(f"/units/{UNIT}/roles", who, ROLE)).status_code == 404
    moved = await api.ask("PATCH", f"/units/{UNIT}", UNIT_ADMIN, {"provider_hsa_id": OTHER_PROVIDER})
    assert (moved.status_code, moved.json()["field"]) == (422, "provider_hsa_id")


async def test_units_are_added_by_the_region_for_itself(api: Api) -> None:
    made = await api.made("/units", ADMIN, NEW_UNIT)
    assert (await api.get("/units?kind=vaccination")).json() == [made]
    assert (await api.post("/units", ADMIN, NEW_UNIT)).json()["code"] == "conflict"
    for who, body in ((UNIT_ADMIN, NEW_UNIT), (ADMIN, NEW_UNIT | {"provider_hsa_id": OTHER_PROVIDER})):
        assert (await api.post("/units", who, body | {"hsa_id": "SE5555555555-1010"})).status_code == 404


async def test_roles_are_given_and_taken(api: Api) -> None:
    made = await api.made(f"/units/{UNIT}/roles", UNIT_ADMIN, ROLE)
    assert made["staff_hsa_id"] == "SE5555555555-K9"
    assert (await api.get(f"/units/{UNIT}/roles", UNIT_ADMIN)).json() == [made]
    assert (await api.ask("DELETE", f"/roles/{made['role_id']}", UNIT_ADMIN)).status_code == 204
    assert (await api.get(f"/units/{UNIT}/roles", UNIT_ADMIN)).json() == []


@pytest.mark.attack
async def test_nobody_gives_more_than_they_have(api: Api) -> None:
    given = await api.post(f"/units/{UNIT}/roles", UNIT_ADMIN, ROLE | {"role": "region_admin"})
    assert (given.status_code, given.json()["field"]) == (403, "role")
    made = await api.made(f"/units/{UNIT}/roles", ADMIN, ROLE | {"role": "region_admin"})
    assert (await api.ask("DELETE", f"/roles/{made['role_id']}", UNIT_ADMIN)).status_code == 403
    assert (await api.post(f"/units/{UNIT}/roles", ADMIN, ROLE | {"role": "sre"})).status_code == 422


async def roles_of(api: Api, query: str = "") -> list[tuple[str, str, str | None]]:
    answer = await api.get(f"/staff/SE5555555555-K9/roles{query}", FRONT)
    assert answer.status_code == 200, answer.text
    return [(one["role"], one["unit_hsa_id"], one["commission_hsa_id"]) for one in answer.json()["roles"]]


async def events(services: Services) -> list[tuple[str, str, str]]:
    async with services.database.reading(services.clock()) as transaction:
        rows = (await transaction.session.scalars(select(OutboxRow).order_by(OutboxRow.id))).all()
        return [(row.kind, row.payload["role"], row.due_at.isoformat()) for row in rows]


async def test_the_front_learns_which_roles_stand_today(api: Api, services: Services) -> None:
    assert await roles_of(api) == []
    made = await api.made(f"/units/{UNIT}/roles", UNIT_ADMIN, ROLE)
    await api.made(f"/units/{UNIT}/roles", UNIT_ADMIN, ROLE | {"role": "viewer", "valid_from": "2027-03-02"})
    only = {"role": "unit_admin", "commission_hsa_id": "SE5555555555-C7", "valid_until": "2027-03-01"}
    await api.made(f"/units/{OTHER_UNIT}/roles", ADMIN, ROLE | only)
    scheduler, admin = ("scheduler", UNIT, None), ("unit_admin", OTHER_UNIT, "SE5555555555-C7")
    assert await roles_of(api) == [scheduler, admin]
    assert await roles_of(api, f"?unit_hsa_id={OTHER_UNIT}") == [admin]
    api.clock.advance(days=1)  # one begins, one has ended
    assert await roles_of(api) == [scheduler, ("viewer", UNIT, None)]
    for _ in range(2):  # taken once, however often
        assert (await api.ask("DELETE", f"/roles/{made['role_id']}", UNIT_ADMIN)).status_code == 204
    assert await roles_of(api) == [("viewer", UNIT, None)]
    assert await events(services) == [
        ("role.given", "scheduler", "2027-03-01T07:00:00+00:00"),
        ("role.given", "viewer", "2027-03-01T07:00:00+00:00"),
        ("role.given", "unit_admin", "2027-03-01T07:00:00+00:00"),
        ("role.taken", "unit_admin", "2027-03-01T23:00:00+00:00"),  # the midnight after its last day
        ("role.taken", "scheduler", "2027-03-02T07:00:00+00:00"),
    ]


@pytest.mark.attack
async def test_nobody_but_the_front_asks_for_roles(api: Api) -> None:
    for who in (ADMIN, service("meetings:read")):
        assert (await api.get("/staff/SE5555555555-K9/roles", who)).status_code == 403
    assert (await api.get("/staff/x/roles", FRONT)).status_code == 422
