"""Units and roles: public to read, each edited by its own administrators."""

import pytest

from companion.services import Services
from tests.companion.people import FOREIGN_UNIT, OTHER_PROVIDER, OTHER_UNIT, PROVIDER, UNIT, Api, staff
from tests.companion.world import ADMIN, found

UNIT_ADMIN = staff("unit_admin")
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
