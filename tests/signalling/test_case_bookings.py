"""Cases about a booking: only where its time type lets patients write, only the patient's own, only at its unit."""

from typing import Any

import pytest

from auth.proxies import ProxyRelation
from chat.opening_hours import OpeningHours
from chat.unit_settings import UnitSettings
from signalling.front import Front
from tests.companion.people import ANNA, OTHER_UNIT, PROVIDER, UNIT
from tests.signalling.browsing import acting, patient, staff
from tests.signalling.conftest import NOW, MakeFront
from tests.signalling.meeting_people import MakeBrowser, error
from tests.signalling.real_companion import RealCompanion

pytestmark = pytest.mark.usefixtures("worker")
BO = "p-" + "b" * 26
HOURS = OpeningHours((((480, 1020),),) * 5 + ((),) * 2)


async def with_units(front: Front) -> Front:
    for unit in (UNIT, OTHER_UNIT):
        await front.cases.units.put(UnitSettings(PROVIDER, unit, "Kronans vårdcentral", HOURS, 8 * 3600))
    return front


@pytest.fixture
async def front(
    make_front: MakeFront, real_companion: RealCompanion, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> Front:
    monkeypatch.setenv("ALLTID_CHAT_ARCHIVE_DIR", str(tmp_path / "archive"))
    return await with_units(await make_front(companion_url=real_companion.url))


def opening(booking: dict[str, Any], **changes: Any) -> dict[str, Any]:
    body = {"provider_hsa_id": PROVIDER, "unit_hsa_id": UNIT, "subject": "Min tid", "client_id": "c1"}
    return body | {"booking_id": booking["booking_id"]} | changes


async def booked(companion: RealCompanion, **time_type: Any) -> dict[str, Any]:
    return await companion.book((await companion.slots(modality="physical", **time_type))[0])


async def test_a_patient_writes_about_a_booking_that_one_may_write_about(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    booking = await booked(real_companion)
    anna = await make_browser(patient(ANNA))
    status, case = await anna.send("POST", "/api/cases", opening(booking))
    assert (status, case["booking_id"]) == (200, booking["booking_id"])
    eva = await make_browser(staff(unit=UNIT, provider=PROVIDER))
    _, listed, _ = await eva.ask("GET", "/api/cases")
    assert [one["booking_id"] for one in listed["cases"]] == [booking["booking_id"]]


@pytest.mark.attack
async def test_what_only_the_unit_may_write_about_is_refused(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    booking = await booked(real_companion, patient_may_message=False)
    anna = await make_browser(patient(ANNA))
    status, body = await anna.send("POST", "/api/cases", opening(booking))
    assert (status, body["error"]) == (403, {"code": "forbidden", "field": "booking_id"})
    assert (await anna.ask("GET", "/api/cases"))[1]["cases"] == []
    eva = await make_browser(staff(unit=UNIT, provider=PROVIDER))
    assert (await eva.send("POST", "/api/cases", opening(booking, patient=ANNA)))[0] == 200


@pytest.mark.attack
async def test_nobody_writes_about_others_bookings_or_elsewhere(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    booking = await booked(real_companion)
    bo, anna = await make_browser(patient(BO)), await make_browser(patient(ANNA))
    for browser, body in (
        (bo, opening(booking)),
        (anna, opening(booking, unit_hsa_id=OTHER_UNIT)),
        (anna, opening(booking, booking_id="bk-" + "a" * 26)),
    ):
        status, answer = await browser.send("POST", "/api/cases", body)
        assert (status, answer["error"]) == (404, {"code": "not_found", "field": "booking_id"})
    assert (await anna.send("POST", "/api/cases", opening(booking, booking_id="../x")))[0] == 400
    eva = await make_browser(staff(unit=UNIT, provider=PROVIDER))
    assert (await eva.send("POST", "/api/cases", opening(booking, patient=BO)))[0] == 404


async def test_a_proxy_for_messages_asks_with_that_scope_alone(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    booking = await booked(real_companion)
    for scopes, status in ((("messages",), 200), (("book",), 403)):
        relation = ProxyRelation(ANNA, "Anna", "grant", frozenset(scopes), int(NOW) + 9999)  # type: ignore[arg-type]
        await front.identity.proxies.replace(BO, [relation], NOW)
        browser = await make_browser(patient(BO, acting_for=acting(ANNA, *scopes)))
        assert (await browser.send("POST", "/api/cases", opening(booking, client_id=scopes[0])))[0] == status


async def test_nothing_is_taken_on_trust_when_the_companion_cannot_say(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser, make_front: MakeFront
) -> None:
    booking = await booked(real_companion)
    await real_companion.stop()
    anna = await make_browser(patient(ANNA))
    status, body = await anna.send("POST", "/api/cases", opening(booking))
    assert (status, error(body)) == (503, "unavailable")
    assert (await anna.send("POST", "/api/cases", opening(booking, booking_id=None)))[0] == 200
    alone = await make_browser(patient(ANNA), at=await with_units(await make_front()))
    assert (await alone.send("POST", "/api/cases", opening(booking, client_id="c2")))[0] == 503
