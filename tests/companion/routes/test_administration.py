"""What administrators changed is read by those who answer for the unit, or for all of the care provider."""

from typing import Any

import pytest

from companion.services import Services
from tests.companion.people import FOREIGN_UNIT, OTHER_PROVIDER, OTHER_UNIT, UNIT, Api, patient, service, staff
from tests.companion.world import ADMIN, found

UNIT_ADMIN = staff("unit_admin", actor="SE5555555555-K8")
FOREIGNER = staff("region_admin", unit=FOREIGN_UNIT, provider=OTHER_PROVIDER, actor="SE5566778899-K1")


@pytest.fixture(autouse=True)
async def changes(api: Api, services: Services) -> None:
    await found(services)
    body = {"staff_hsa_id": UNIT_ADMIN.actor, "name": "Eva", "role": "unit_admin", "valid_from": "2027-03-01"}
    await api.made(f"/units/{UNIT}/roles", ADMIN, body)
    api.clock.advance(minutes=1)
    for unit, who in ((UNIT, UNIT_ADMIN), (OTHER_UNIT, ADMIN), (FOREIGN_UNIT, FOREIGNER)):
        assert (await api.ask("PATCH", f"/units/{unit}", who, {"information": "Ny"})).status_code == 200
        api.clock.advance(minutes=1)


async def read(api: Api, who: Any, query: str = "") -> list[tuple[str, str, str | None]]:
    answer = await api.get(f"/administration-entries{query}", who)
    assert answer.status_code == 200, answer.text
    return [(one["unit_hsa_id"], one["what"], one["actor_name"]) for one in answer.json()["entries"]]


async def test_each_administrator_sees_as_far_as_they_answer(api: Api) -> None:
    own = [(UNIT, "unit changed", "Eva"), (UNIT, "role given", None)]
    assert await read(api, UNIT_ADMIN) == own
    assert await read(api, ADMIN) == [(OTHER_UNIT, "unit changed", None), *own]
    assert await read(api, FOREIGNER) == [(FOREIGN_UNIT, "unit changed", None)]
    assert await read(api, ADMIN, f"?unit={OTHER_UNIT}") == [(OTHER_UNIT, "unit changed", None)]
    assert await read(api, UNIT_ADMIN, f"?unit={OTHER_UNIT}") == []
    assert await read(api, ADMIN, f"?actor={UNIT_ADMIN.actor}") == [own[0]]
    assert await read(api, ADMIN, "?until=2027-03-01T07:01:00Z") == [own[1]]
    assert await read(api, ADMIN, "?since=2027-03-01T07:01:00Z&until=2027-03-01T07:02:00Z") == [own[0]]


async def test_page_by_page(api: Api) -> None:
    seen: list[str] = []
    query = "?limit=1"
    for _ in range(4):
        page = (await api.get(f"/administration-entries{query}", ADMIN)).json()
        seen += [one["unit_hsa_id"] for one in page["entries"]]
        if page["next"] is None:
            break
        query = f"?limit=1&before={page['next']}"
    assert seen == [OTHER_UNIT, UNIT, UNIT]
    unknown = await api.get(f"/administration-entries?before=ad-{'a' * 26}", ADMIN)
    assert (unknown.status_code, unknown.json()["field"]) == (422, "before")


@pytest.mark.attack
async def test_nobody_else_reads_them(api: Api) -> None:
    for who in (patient(), staff("staff"), staff("scheduler"), staff("viewer"), service("stats:read")):
        assert (await api.get("/administration-entries", who)).status_code == 403
