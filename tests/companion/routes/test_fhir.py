"""FHIR over HTTP: what is public, what concerns the one who asks, and how errors look."""

import re
from typing import Final

import pytest
from fastapi import FastAPI

from companion.services import Services
from tests.companion.fhir_checker import check
from tests.companion.fhir_client import code_of, read, refused, search
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
from tests.companion.test_permission_walk import routes_of
from tests.companion.world import World, add_slots, build, found

SEARCHERS: Final = {
    "Slot": None,
    "Appointment": patient(),
    "AuditEvent": patient(),
    "Patient": patient(),
    "RelatedPerson": patient(),
    "Consent": patient(),
    "Practitioner": staff("unit_admin"),
    "PractitionerRole": staff("unit_admin"),
    "Encounter": patient(),
    "Communication": patient(),
    "Questionnaire": None,
    "QuestionnaireResponse": patient(),
}
"""Somebody who may search for each kind."""
INTERACTIONS: Final = {
    ("GET", "/{}"): "read",
    ("GET", ""): "search-type",
    ("POST", "/_search"): "search-type",
    ("POST", ""): "create",
    ("PUT", "/{}"): "update",
    ("PATCH", "/{}"): "patch",
}
"""What a method means where (http.html of FHIR R4)."""


async def test_it_says_what_it_can_do_and_can_do_it_and_nothing_else(app: FastAPI, api: Api) -> None:
    statement = await read(api, "metadata")
    said = {
        (one["type"], interaction["code"])
        for one in statement["rest"][0]["resource"]
        for interaction in one["interaction"]
    }
    done = set()
    for route in routes_of(app):
        if route.path.startswith("/fhir/") and route.path != "/fhir/metadata":
            kind, slash, rest = route.path.removeprefix("/fhir/").partition("/")
            done.add((kind, INTERACTIONS[route.method, re.sub(r"\{\w+\}", "{}", slash + rest)]))
    assert said == done
    assert ("Appointment", "patch") in done


async def test_every_search_parameter_that_it_tells_of_is_known_and_no_other(app: FastAPI, api: Api) -> None:
    statement = await read(api, "metadata")
    document = (await api.get("/openapi.json")).json()["paths"]
    for one in statement["rest"][0]["resource"]:
        if {"code": "search-type"} not in one["interaction"]:
            continue
        path = f"/fhir/{one['type']}"
        names = {parameter["name"] for parameter in one["searchParam"]}
        assert {parameter["name"] for parameter in document[path]["get"]["parameters"]} <= names
        who = SEARCHERS[one["type"]]
        for name in (*sorted(names), "nothing-that-is-known"):
            answer = await api.get(f"{path}?{name}=%00", who)
            issue = check(answer.json())["issue"][0]
            expected = "unknown_parameter" if name not in names else "parameter_value"
            assert (answer.status_code, issue["details"]["coding"][0]["code"]) == (400, expected), (path, name)


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
    assert len(await search(api, "Slot?start=gt2027-03-11&status=free")) == 4
    assert len(await search(api, "Slot?start=2027-03-09T08:30:00%2B01:00")) == 1
    assert await search(api, "Slot?status=busy") == []
    assert await search(api, f"Slot?service-type=urn:else|{world.time_type_id}") == []
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
    for query in ("start=2027-02-30", "start=ne2027-03-01", "start=ge2027-03-01&start=lt2028-03-01", "_count=0"):
        assert await refused(api, f"Slot?{query}") == (400, "parameter_value")
    for query in ("schedule.actor=x/y", "service-type=a,b", "start=ap2027-03-01", "_offset=-1", "status=open"):
        assert await refused(api, f"Slot?{query}") == (400, "parameter_value")
    for query in ("begin=2027-03-01", "start:missing=true", "_sort=start"):
        assert await refused(api, f"Slot?{query}") == (400, "unknown_parameter")
    assert code_of(await api.ask("DELETE", "/fhir/Slot/x", patient())) == (405, "method_not_allowed")
    answer = await api.get("/fhir/Nothing", Accept_Language="en")
    assert answer.json()["issue"][0]["details"]["text"] == "There is no such thing."
    assert answer.headers["content-language"] == "en"


async def test_pages_follow_each_other(api: Api, world: World) -> None:
    seen: list[str] = []
    path: str | None = "/fhir/Slot?_count=7&start=ge2027-03-08"
    while path is not None:
        bundle = check((await api.get(path)).json())
        links = {one["relation"]: one["url"].removeprefix("http://companion") for one in bundle["link"]}
        seen += [entry["resource"]["id"] for entry in bundle["entry"]]
        assert len(bundle["entry"]) <= 7
        assert "start=ge2027-03-08" in links["self"]
        path = links.get("next")
    assert len(seen) == len(set(seen)) == len(world.slots)


async def test_a_lenient_client_is_told_what_was_understood(api: Api, world: World) -> None:
    answer = await api.get("/fhir/Slot?begin=2027&_count=2", Prefer="respond-async, handling=lenient")
    assert answer.status_code == 200
    assert answer.json()["link"][0]["url"] == "http://companion/fhir/Slot?_count=2"
    # A modifier changes what is found: it is never passed over.
    strict = await api.get("/fhir/Slot?start:missing=true", Prefer="handling=lenient")
    assert strict.status_code == 400


FORMATS: Final = [
    ("", "*/*", 200),
    ("", "application/fhir+json; fhirVersion=4.0", 200),
    ("", "text/html, application/json;q=0.5", 200),
    ("", "application/fhir+xml", 406),
    ("", "application/fhir+json; fhirVersion=5.0", 406),
    ("", "application/fhir+json;q=0", 406),
    ("?_format=json", "text/html", 200),
    ("?_format=application/fhir+json", "*/*", 200),
    ("?_format=xml", "*/*", 406),
    ("?_format=", "*/*", 406),
]


async def test_there_is_json_and_nothing_else(api: Api) -> None:
    for query, accept, status in FORMATS:
        answer = await api.get(f"/fhir/metadata{query}", Accept=accept)
        assert answer.status_code == status, (query, accept)
        assert check(answer.json())["resourceType"] == ("CapabilityStatement" if status == 200 else "OperationOutcome")


async def test_audit_events_come_page_by_page(api: Api, world: World) -> None:
    wish = {"slot_id": world.slots[0]["slot_id"], "patient_person_id": ANNA}
    booking_id = (await api.made("/bookings", staff(), wish))["booking_id"]
    for _ in range(2):
        await read(api, f"Appointment/{booking_id}", staff())
    first = check((await api.get("/fhir/AuditEvent?_count=2", patient())).json())
    following = first["link"][1]["url"].removeprefix("http://companion")
    second = check((await api.get(following, patient())).json())
    assert len(first["entry"]) == 2
    assert [entry["resource"]["action"] for entry in second["entry"]] == ["C"]
    assert await refused(api, "AuditEvent?_offset=2", patient()) == (400, "parameter_value")
    assert await refused(api, "AuditEvent?before=1.else.2", patient()) == (400, "parameter_value")
