"""What the front keeps of a person reaches the companion's extract: contacts and open cases, to nobody else."""

import json
from typing import Any

import httpx2
import pytest

from chat.archive import ArchiveError, Transcript
from chat.events import Draft
from chat.notices import Contact
from chat.opening_hours import OpeningHours
from chat.unit_settings import UnitSettings
from companion.front_source import FrontUnavailableError, HttpFrontSource
from companion.store.extracts import LEASE, MAX_ATTEMPTS, make_extracts
from signalling.front import Front
from tests.companion.people import ANNA, PROVIDER, UNIT
from tests.companion.people import patient as anna
from tests.companion.people import staff as unit_staff
from tests.patience import PATIENCE_S
from tests.signalling.browsing import patient, staff
from tests.signalling.conftest import KEYS, MakeFront
from tests.signalling.meeting_people import MakeBrowser, service
from tests.signalling.real_companion import RealCompanion

pytestmark = pytest.mark.usefixtures("worker")
BO = "p-" + "b" * 26
HOURS = OpeningHours((((480, 1020),),) * 5 + ((),) * 2)
PHONE = "+46701740605"


@pytest.fixture
async def front(
    make_front: MakeFront, real_companion: RealCompanion, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> Front:
    monkeypatch.setenv("ALLTID_CHAT_ARCHIVE_DIR", str(tmp_path / "archive"))
    front = await make_front(companion_url=real_companion.url)
    await front.cases.units.put(UnitSettings(PROVIDER, UNIT, "Kronans vårdcentral", HOURS, 8 * 3600))
    await front.notices.contacts.put(ANNA, Contact(phone=PHONE, email="anna@example.com"))
    return front


async def with_a_case(make_browser: MakeBrowser) -> str:
    """Anna has asked something, and staff have noted something; the case's id."""
    mine, eva = await make_browser(patient(ANNA)), await make_browser(staff(unit=UNIT, provider=PROVIDER))
    body = {"provider_hsa_id": PROVIDER, "unit_hsa_id": UNIT, "subject": "Utslag", "client_id": "c1"}
    status, case = await mine.send("POST", "/api/cases", body)
    assert status == 200
    path = f"/api/cases/{case['case_id']}"
    assert (await eva.send("POST", f"{path}/assign", {}))[0] == 200
    assert (await eva.send("POST", f"{path}/notes", {"text": "Ring upp", "client_id": "n1"}))[0] == 201
    return str(case["case_id"])


async def extract(companion: RealCompanion, source: Any, who: Any = None) -> dict[str, Any] | None:
    """One that is ordered and made; None when it is not ready."""
    who = who or anna()
    body = {"patient_person_id": ANNA} if who.kind == "staff" else {}
    ordered = await companion.api.made("/export", who, body)
    services = companion.services
    await make_extracts(services.database, services.clock, services.settings, source)
    answer = await companion.api.get(f"/export/{ordered['extract_id']}/json", who)
    return dict(json.loads(answer.text)) if answer.status_code == 200 else None


async def test_open_cases_and_contacts_are_in_the_extract(
    front: Front, real_companion: RealCompanion, make_browser: MakeBrowser
) -> None:
    case_id = await with_a_case(make_browser)
    await front.chat.store.append(Draft(case_id, "message", ANNA, "Anna", "patient", "m1", {"text": "Det kliar"}))
    async with httpx2.AsyncClient(timeout=PATIENCE_S) as http:
        source = HttpFrontSource(f"{front.http_url}/api/companion/events", KEYS, http, real_companion.clock)
        content = await extract(real_companion, source)
        assert content is not None
        assert content["is_complete"] is True
        assert content["parts"]["contacts"] == [
            {"phone": PHONE, "email": "anna@example.com", "language": "sv", "push_devices": 0}
        ]
        (asked,) = content["parts"]["open_messages"]  # the unit's note is not there
        assert (asked["case"], asked["unit_hsa_id"], asked["kind"]) == ("Utslag", UNIT, "message")
        assert (asked["text"], asked["sender"]) == ("Det kliar", "patient")
        assert "Ring upp" not in json.dumps(content, ensure_ascii=False)
        await real_companion.book((await real_companion.slots(modality="physical"))[0])
        of_unit = await extract(real_companion, source, unit_staff())  # ordered by staff: no place of the patient's own
        assert of_unit is not None
        assert of_unit["parts"]["contacts"] == []
        notes = [one["text"] for one in of_unit["parts"]["open_messages"] if one["kind"] == "notes_message"]
        assert notes == ["Ring upp"]


async def test_a_closed_case_that_the_archive_does_not_take_is_in_the_extract(
    front: Front, make_browser: MakeBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_transcript: Transcript) -> str:
        raise ArchiveError("away")

    archive = front.cases.service._archive
    await with_a_case(make_browser)
    (case,) = await front.cases.service.cases.of_patient(ANNA)
    asked = await make_browser()

    async def cases() -> list[Any]:
        _, answer, _ = await asked.ask("GET", f"/api/companion/persons/{ANNA}", headers=service("persons:data"))
        return [(one["subject"], one["state"]) for one in answer["cases"]]

    with monkeypatch.context() as broken:
        broken.setattr(archive, "store", away)
        await front.cases.service.close(case.case_id)
        assert await cases() == [("Utslag", "closed")]
    await front.cases.service._follow(await front.cases.service.get(case.case_id))
    assert await cases() == []


async def test_an_extract_waits_for_the_front_and_says_in_the_end_what_it_lacks(
    front: Front, real_companion: RealCompanion
) -> None:
    class Away:
        async def of_person(self, _person_id: str) -> dict[str, Any]:
            raise FrontUnavailableError("ConnectError")

    services = real_companion.services
    assert await extract(real_companion, Away()) is None
    for _ in range(MAX_ATTEMPTS - 1):
        real_companion.clock.advance(seconds=LEASE.total_seconds())
        await make_extracts(services.database, services.clock, services.settings, Away())
    (ready,) = (await real_companion.api.get("/export", anna())).json()
    assert ready["state"] == "ready"
    answer = await real_companion.api.get(f"/export/{ready['extract_id']}/json", anna())
    assert json.loads(answer.text)["is_complete"] is False


async def test_a_front_that_refuses_is_no_answer(front: Front, real_companion: RealCompanion) -> None:
    async with httpx2.AsyncClient(timeout=PATIENCE_S) as http:
        events = f"{front.http_url}/api/companion/events"
        with pytest.raises(FrontUnavailableError, match="status 404"):
            await HttpFrontSource(events, KEYS, http, real_companion.clock).of_person("nobody")
        with pytest.raises(FrontUnavailableError):
            await HttpFrontSource("http://127.0.0.1:1/events", KEYS, http, real_companion.clock).of_person(ANNA)


@pytest.mark.attack
async def test_nobody_but_the_companion_asks(front: Front, make_browser: MakeBrowser) -> None:
    path = f"/api/companion/persons/{ANNA}"
    for session in (patient(ANNA), patient(BO), staff("region_admin"), staff()):
        assert (await (await make_browser(session)).ask("GET", path))[0] == 403
    nobody = await make_browser()
    assert (await nobody.ask("GET", path))[0] == 401
    assert (await nobody.ask("GET", path, headers=service("companion:events")))[0] == 403
    assert (await nobody.ask("GET", path, headers=service("persons:data")))[0] == 200
