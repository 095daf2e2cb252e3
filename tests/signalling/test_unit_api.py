"""Units over HTTP: the board for everybody, its settings for who runs the unit."""

from typing import Any

import pytest

from signalling.front import Front
from tests.signalling.browsing import PROVIDER, UNIT, browser_of, staff
from tests.signalling.test_case_api import OTHER_PROVIDER, OTHER_UNIT, unit_settings

PATH = f"/api/units/{PROVIDER}/{UNIT}"
DAY = [{"opens": "08:00", "closes": "17:00"}]
SETTINGS: dict[str, Any] = {
    "name": "Kronans vårdcentral",
    "hours": {"weekly": [DAY] * 5 + [[], []], "special": [{"day": "2026-12-23", "hours": []}]},
    "promised_answer_open_s": 28800,
    "phone": "08-123 456 78",
}


async def ask(front: Front, method: str, path: str, body: Any = None, *, session: Any = None) -> tuple[int, Any]:
    browser = await browser_of(front, session)
    try:
        return await browser.send(method, path, body)
    finally:
        await browser.close()


async def test_the_board_is_for_everybody(front: Front) -> None:
    await front.cases.units.put(unit_settings())
    status, unit = await ask(front, "GET", PATH)
    assert status == 200
    # 15 January 2027, 09:00 in Stockholm, a Friday; eight open hours end when the unit closes.
    assert (unit["is_open"], unit["opens_at"], unit["answer_by"]) == (True, None, 1_800_000_000 + 8 * 3600)
    assert "112" in unit["emergency_sv"]
    assert "112" in unit["emergency_en"]
    assert (await ask(front, "GET", "/api/units"))[1]["units"] == [unit]
    for nowhere in (f"/api/units/{PROVIDER}/{OTHER_UNIT}", f"/api/units/{OTHER_PROVIDER}/{UNIT}", "/api/units/a%20b/c"):
        assert (await ask(front, "GET", nowhere))[0] == 404


async def test_a_units_admin_writes_its_settings(front: Front) -> None:
    status, unit = await ask(front, "PUT", PATH, SETTINGS, session=staff("unit_admin"))
    assert status == 200, unit
    assert (await ask(front, "GET", PATH))[1] == unit
    assert unit["hours"] == SETTINGS["hours"] | {"is_closed_on_holidays": True, "is_closed_on_eves": True}


async def test_what_was_written_can_be_read_and_written_again(front: Front) -> None:
    settings = SETTINGS | {"notice_name": "Kronan", "takes_cases": False, "emergency_sv": "Ring 112."}
    admin = staff("unit_admin")
    assert (await ask(front, "GET", f"{PATH}/settings", session=admin))[0] == 404
    await ask(front, "PUT", PATH, settings, session=admin)
    status, read = await ask(front, "GET", f"{PATH}/settings", session=admin)
    assert status == 200
    assert read | settings | {"hours": read["hours"]} == read
    assert read["hours"] | settings["hours"] == read["hours"]
    assert (await ask(front, "PUT", PATH, read, session=admin))[0] == 200
    assert (await ask(front, "GET", f"{PATH}/settings", session=admin))[1] == read


async def test_a_regions_admin_writes_those_of_all_its_units(front: Front) -> None:
    path = f"/api/units/{PROVIDER}/{OTHER_UNIT}"
    assert (await ask(front, "PUT", path, SETTINGS, session=staff("region_admin")))[0] == 200


@pytest.mark.attack
async def test_nobody_else_does(front: Front) -> None:
    await front.cases.units.put(unit_settings())
    before = (await ask(front, "GET", "/api/units"))[1]["units"]
    for session in (
        staff(),
        staff("unit_admin", unit=OTHER_UNIT),
        staff("unit_admin", provider=OTHER_PROVIDER),
        staff("region_admin", provider=OTHER_PROVIDER),
        None,
    ):
        for method, path, body in (("PUT", PATH, SETTINGS), ("GET", f"{PATH}/settings", None)):
            status, _ = await ask(front, method, path, body, session=session)
            assert status in (401, 403, 404)
    assert (await ask(front, "GET", "/api/units"))[1]["units"] == before


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"notice_name": "Psykiatrin i Solna"}, "notice_name"),
        ({"emergency_sv": "Ring oss."}, "emergency_sv"),
        ({"phone": "ring"}, "phone"),
        ({"name": ""}, "name"),
        ({"hours": {"weekly": [DAY] * 6}}, "hours"),
        ({"hours": {"weekly": [[{"opens": "17:00", "closes": "08:00"}]] * 7}}, "hours"),
        ({"hours": {"weekly": [DAY] * 7, "special": [{"day": "2026-02-30", "hours": []}]}}, "hours"),
        ({"hours": {"weekly": [[{"opens": "8", "closes": "9"}]] * 7}}, "hours"),
        ({"promised_answer_open_s": 1}, "promised_answer_open_s"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(front: Front, changes: dict[str, Any], field: str) -> None:
    status, body = await ask(front, "PUT", PATH, SETTINGS | changes, session=staff("unit_admin"))
    assert (status, body["error"]) == (400, {"code": "invalid_request", "field": field})
    assert await front.cases.units.all() == []
