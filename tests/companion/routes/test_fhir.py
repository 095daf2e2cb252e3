"""FHIR over HTTP: what is public, what concerns the one who asks, and how errors look."""

from typing import Any

import pytest

from companion.fhir.elements import FHIR_JSON
from companion.services import Services
from tests.companion.fhir_checker import check
from tests.companion.people import (
    ANNA,
    BO,
    CHILD,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    PROVIDER,
    UNIT,
    Api,
    patient,
    proxy,
    staff,
)
from tests.companion.world import World, add_slots, build, found


async def read(api: Api, path: str, who: Any = None) -> dict[str, Any]:
    answer = await api.get(f"/fhir/{path}", who)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith(FHIR_JSON)
    return check(answer.json())


async def refused(api: Api, path: str, who: Any = None, **headers: str) -> tuple[int, str]:
    answer = await api.get(f"/fhir/{path}", who, **headers)
    assert answer.headers["content-type"].startswith(FHIR_JSON)
    outcome = check(answer.json())
    assert outcome["resourceType"] == "OperationOutcome"
    return answer.status_code, outcome["issue"][0]["details"]["coding"][0]["code"]


def matches(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"]]


async def search(api: Api, path: str, who: Any = None) -> list[dict[str, Any]]:
    answer = await api.get(f"/fhir/{path}", who)
    assert answer.status_code == 200, answer.text
    check(answer.json())
    return matches({"entry": [], **answer.json()})


async def test_it_says_what_it_can_do_and_can_do_it(api: Api) -> None:
    statement = await read(api, "metadata")
    document = (await api.get("/openapi.json")).json()["paths"]
    for one in statement["rest"][0]["resource"]:
        for interaction in one["interaction"]:
            paths = [path for path in document if path.split("{")[0].rstrip("/") == f"/fhir/{one['type']}"]
            wanted = interaction["code"] == "read"
            assert any(("{" in path) is wanted for path in paths), (one["type"], interaction)


async def test_who_offers_times_is_public(api: Api, world: World) -> None:
    assert (await read(api, f"Organization/{PROVIDER}"))["name"] == "Region"
    unit = await read(api, f"Organization/{UNIT}")
    assert unit["partOf"] == {"reference": f"Organization/{PROVIDER}"}
    service = await read(api, f"HealthcareService/{UNIT}")
    assert service["type"][0]["coding"][0]["code"] == world.time_type_id
    schedule = await read(api, f"Schedule/{world.schedule_id}")
    assert schedule["actor"] == [{"reference": f"HealthcareService/{UNIT}"}]
    assert "Tidbok" not in str(schedule)


async def test_free_slots_are_public(api: Api, world: World) -> None:
    slots = await search(api, f"Slot?service-type=urn:alltid-oppet:time-type|{world.time_type_id}")
    assert len(slots) == len(world.slots)
    assert {slot["status"] for slot in slots} == {"free"}
    assert await read(api, f"Slot/{slots[0]['id']}") == slots[0]
    assert len(await search(api, "Slot?start=2027-03-09")) == 4
    assert len(await search(api, "Slot?start=ge2027-03-09&start=lt2027-03-11")) == 8
    assert len(await search(api, "Slot?_count=3")) == 3
    assert await search(api, f"Slot?schedule.actor=HealthcareService/{FOREIGN_UNIT}") == []
    await api.made("/bookings", patient(), {"slot_id": slots[0]["id"]})
    assert (await read(api, f"Slot/{slots[0]['id']}"))["status"] == "busy"
    assert slots[0]["id"] not in {slot["id"] for slot in await search(api, "Slot")}


async def test_slots_that_are_not_for_everybody_are_not_there(api: Api, services: Services) -> None:
    await found(services)
    for options in ({"time_type": {"audience": "invited"}}, {"purpose": "dose_2", "begins": "10:00", "ends": "12:00"}):
        _, _, slots = await add_slots(api, **options)  # type: ignore[arg-type]
        assert await refused(api, f"Slot/{slots[0]['slot_id']}") == (404, "not_found")
    assert await search(api, "Slot") == []


async def test_a_booking_is_an_appointment_for_whom_it_concerns(api: Api, world: World) -> None:
    wish = {"slot_id": world.slots[0]["slot_id"], "patient_person_id": ANNA}
    booking_id = (await api.made("/bookings", staff(), wish))["booking_id"]
    made = await read(api, f"Appointment/{booking_id}", patient())
    assert made["status"] == "booked"
    assert made["slot"] == [{"reference": f"Slot/{wish['slot_id']}"}]
    assert made["participant"][0]["actor"] == {"reference": f"Patient/{ANNA}"}
    assert await read(api, f"Appointment/{booking_id}", staff()) == made
    assert await search(api, "Appointment", patient()) == [made]
    assert await search(api, f"Appointment?patient=Patient/{ANNA}", staff()) == [made]
    await api.made(f"/bookings/{booking_id}/cancel", staff(), {"reason": "unit_illness"})
    cancelled = await read(api, f"Appointment/{booking_id}", patient())
    assert cancelled["status"] == "cancelled"
    assert cancelled["cancelationReason"]["coding"][0]["code"] == "prov"


@pytest.mark.attack
async def test_others_find_no_appointment(api: Api, world: World) -> None:
    wish = {"slot_id": world.slots[0]["slot_id"], "patient_person_id": ANNA}
    booking_id = (await api.made("/bookings", staff(), wish))["booking_id"]
    foreign = staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)
    for who in (patient(BO), proxy(BO, CHILD), foreign):
        assert await refused(api, f"Appointment/{booking_id}", who) == (404, "not_found")
    assert await refused(api, f"Appointment?patient={ANNA}", patient(BO)) == (404, "not_found")
    assert await search(api, f"Appointment?patient={ANNA}", foreign) == []
    assert await refused(api, f"Appointment/{booking_id}") == (401, "not_logged_in")


async def test_the_patient_reads_audit_events_of_others_only(api: Api, world: World) -> None:
    wish = {"slot_id": world.slots[0]["slot_id"], "patient_person_id": CHILD}
    booking_id = (await api.made("/bookings", staff(), wish))["booking_id"]
    await read(api, f"Appointment/{booking_id}", proxy(ANNA, CHILD))
    await refused(api, f"Appointment/{booking_id}", proxy(BO, ANNA))
    await read(api, f"Appointment/{booking_id}", patient(CHILD))
    stranger, acted, made = await search(api, "AuditEvent", patient(CHILD))
    assert made["agent"][0]["who"]["identifier"]["value"] == "SE5555555555-K1"
    assert (made["action"], made["outcome"]) == ("C", "0")
    assert acted["agent"][0]["who"]["identifier"]["value"] == "proxy"
    assert (stranger["outcome"], stranger["agent"][0]["who"]["identifier"]["value"]) == ("4", "other")
    for secret in (ANNA, BO, "127.0.0.1"):
        assert secret not in str([stranger, acted, made])


async def test_errors_are_operation_outcomes_in_both_languages(api: Api, services: Services) -> None:
    await build(api, services)
    assert await refused(api, "Organization/SE5555555555-9999") == (404, "not_found")
    assert await refused(api, "Nothing") == (404, "not_found")
    assert await refused(api, "AuditEvent", staff()) == (403, "forbidden")
    for query in ("start=2027-02-30", "start=gt2027-03-01", "start=ge2027-03-01&start=lt2028-03-01", "_count=0"):
        assert await refused(api, f"Slot?{query}") == (422, "invalid_request")
    answer = await api.get("/fhir/Nothing", Accept_Language="en")
    assert answer.json()["issue"][0]["details"]["text"] == "There is no such thing."
    assert answer.headers["content-language"] == "en"
