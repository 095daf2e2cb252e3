"""Appointments over FHIR: created and cancelled by the rules of bookings, and nothing else can be written."""

from typing import Any

import pytest
from sqlalchemy import select

from auth.audit import read_body
from companion.fhir.elements import FHIR_JSON
from companion.models.audit import AuditRow
from companion.models.outbox import OutboxRow
from tests.companion.fhir_checker import check
from tests.companion.fhir_client import code_of, ids, search_in_body
from tests.companion.people import (
    ANNA,
    BO,
    CHILD,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    OTHER_UNIT,
    UNIT,
    Api,
    patient,
    proxy,
    staff,
)
from tests.companion.world import World, build

PATCH_JSON = "application/json-patch+json"
PAT, PROV = (
    {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason", "code": code}]}
    for code in ("pat", "prov-pers")
)
NURSE = staff()


async def wish(world: World, number: int = 0, person_id: str = ANNA, **changes: Any) -> dict[str, Any]:
    """An Appointment to be booked, made of a Slot as any client makes it."""
    slot = (await world.api.get(f"/fhir/Slot/{world.slots[number]['slot_id']}")).json()
    made = {
        "resourceType": "Appointment",
        "status": "booked",
        "serviceType": slot["serviceType"],
        "start": slot["start"],
        "end": slot["end"],
        "slot": [{"reference": f"Slot/{slot['id']}"}],
        "participant": [
            {"actor": {"reference": f"Patient/{person_id}"}, "status": "accepted"},
            {"actor": {"reference": f"HealthcareService/{UNIT}"}, "status": "needs-action", "required": "required"},
        ],
    } | changes
    return {name: value for name, value in made.items() if value is not None}


async def send(
    api: Api, method: str, path: str, who: Any, body: Any, media_type: str = FHIR_JSON, **headers: str
) -> Any:
    return await api.ask(method, f"/fhir/{path}", who, body, Content_Type=media_type, **headers)


async def booked(world: World, who: Any, number: int = 0, person_id: str = ANNA) -> dict[str, Any]:
    answer = await send(world.api, "POST", "Appointment", who, await wish(world, number, person_id))
    assert answer.status_code == 201, answer.text
    return check(answer.json())


async def kinds_told(world: World) -> list[str]:
    async with world.services.database.reading(world.services.clock()) as transaction:
        return list((await transaction.session.scalars(select(OutboxRow.kind).order_by(OutboxRow.id))).all())


# --- create ------------------------------------------------------------------------------------------------------


async def test_a_slot_is_booked_as_by_the_other_way_in(api: Api, world: World) -> None:
    answer = await send(api, "POST", "Appointment", patient(), await wish(world))
    made = check(answer.json())
    assert answer.status_code == 201
    assert answer.headers["content-type"] == FHIR_JSON
    assert answer.headers["etag"] == 'W/"0"'
    assert answer.headers["location"] == f"http://companion/fhir/Appointment/{made['id']}/_history/0"
    assert made["meta"]["versionId"] == "0"
    booking = (await api.get(f"/bookings/{made['id']}", patient())).json()
    assert (booking["state"], booking["slot_id"]) == ("booked", world.slots[0]["slot_id"])
    again = await api.get(f"/fhir/Appointment/{made['id']}", patient())
    assert (again.json(), again.headers["etag"]) == (made, 'W/"0"')
    assert await kinds_told(world) == ["booking.created"]
    await world.counters_hold()


async def test_a_place_that_is_held_is_used(api: Api, world: World) -> None:
    slot_id = world.slots[0]["slot_id"]
    await api.made("/holds", patient(), {"slot_id": slot_id})
    taken = await send(api, "POST", "Appointment", patient(CHILD), await wish(world, person_id=CHILD))
    assert code_of(taken) == (409, "slot_taken")
    await booked(world, patient())
    await world.counters_hold()
    # One that has expired is of no use, and in nobody's way.
    await api.made("/holds", patient(), {"slot_id": world.slots[4]["slot_id"]})
    api.clock.advance(hours=1)
    await booked(world, NURSE, 4, CHILD)
    await world.counters_hold()


async def test_what_is_taken_tells_the_nearest(api: Api, world: World) -> None:
    await booked(world, NURSE, 0, CHILD)
    answer = await send(api, "POST", "Appointment", patient(), await wish(world))
    assert code_of(answer) == (409, "slot_taken")
    first, second = answer.json()["issue"]
    assert first["code"] == "conflict"
    assert second["diagnostics"].count("Slot/") == 3


async def test_the_same_request_books_once(api: Api, world: World) -> None:
    body = await wish(world)
    first = await send(api, "POST", "Appointment", patient(), body, Idempotency_Key="key-12345")
    again = await send(api, "POST", "Appointment", patient(), body, Idempotency_Key="key-12345")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["content-type"] == FHIR_JSON
    other = await send(api, "POST", "Appointment", patient(), await wish(world, 1), Idempotency_Key="key-12345")
    assert code_of(other) == (422, "idempotency_key_reused")


async def test_a_conditional_create_gives_what_is_there(api: Api, world: World) -> None:
    condition = f"slot=Slot/{world.slots[0]['slot_id']}&patient=Patient/{ANNA}"
    body = await wish(world)
    first = await send(api, "POST", "Appointment", patient(), body, If_None_Exist=condition)
    again = await send(api, "POST", "Appointment", patient(), body, If_None_Exist=condition)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    for bad in ("identifier=x", f"slot=Slot/{world.slots[1]['slot_id']}&patient={ANNA}", "slot=Slot/x"):
        answer = await send(api, "POST", "Appointment", patient(), body, If_None_Exist=bad)
        assert answer.status_code == 400
    # It tells nobody what they may not see.
    for who in (patient(BO), staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)):
        answer = await send(api, "POST", "Appointment", who, body, If_None_Exist=condition)
        assert code_of(answer) == (404, "not_found")


REFUSED: list[tuple[dict[str, Any], int, str, str]] = [
    ({"status": "arrived"}, 422, "Appointment.status", "business-rule"),
    ({"status": "no"}, 400, "Appointment.status", "code-invalid"),
    ({"status": None}, 400, "Appointment.status", "required"),
    ({"resourceType": "Encounter"}, 400, "Appointment.resourceType", "code-invalid"),
    ({"participant": []}, 400, "Appointment.participant", "structure"),
    ({"start": None}, 400, "Appointment.start", "required"),
    ({"start": "2027-03-08"}, 400, "Appointment.start", "structure"),
    ({"end": "2027-03-08T09:00:00Z"}, 422, "Appointment.end", "business-rule"),
    ({"start": 1_804_489_200}, 400, "Appointment.start", "structure"),
    ({"minutesDuration": "30"}, 400, "Appointment.minutesDuration", "structure"),
    ({"minutesDuration": 45}, 422, "Appointment.minutesDuration", "business-rule"),
    ({"slot": []}, 422, "Appointment.slot", "business-rule"),
    ({"slot": [{"reference": "https://x.example/Slot/sl-1"}]}, 422, "Appointment.slot", "business-rule"),
    ({"comment": "Ring på dörren"}, 400, "Appointment", "not-supported"),
    ({"cancelationReason": PAT}, 400, "Appointment.cancelationReason", "structure"),
    ({"identifier": [{"value": "1"}]}, 422, "Appointment.identifier", "business-rule"),
    (
        {"serviceType": [{"coding": [{"system": "x", "code": "y"}]}]},
        422,
        "Appointment.serviceType",
        "business-rule",
    ),
    (
        {"participant": [{"actor": {"reference": f"HealthcareService/{UNIT}"}, "status": "accepted"}]},
        422,
        "Appointment.participant",
        "business-rule",
    ),
    (
        {"participant": [{"actor": {"reference": f"Patient/{ANNA}"}, "status": "declined"}]},
        422,
        "Appointment.participant.status",
        "business-rule",
    ),
]


async def test_what_cannot_be_booked_is_refused_whole(api: Api, world: World) -> None:
    for changes, status, element, code in REFUSED:
        answer = await send(api, "POST", "Appointment", patient(), await wish(world, **changes))
        issue = check(answer.json())["issue"][0]
        assert (answer.status_code, issue["expression"], issue["code"]) == (status, [element], code), changes
        assert "Ring" not in answer.text
    assert (await api.get("/bookings", patient())).json() == {"bookings": []}
    await world.counters_hold()


async def test_nobody_takes_part_who_does_not_offer_the_slot(api: Api, world: World) -> None:
    for kind in (f"HealthcareService/{OTHER_UNIT}", "Practitioner/SE5555555555-K1", "Location/1"):
        body = await wish(world)
        body["participant"].append({"actor": {"reference": kind}, "status": "accepted"})
        answer = await send(api, "POST", "Appointment", patient(), body)
        assert code_of(answer) == (422, "resource_refused")
    await world.counters_hold()


@pytest.mark.attack
async def test_nobody_books_for_whom_they_may_not(api: Api, world: World) -> None:
    neighbour = staff(unit=OTHER_UNIT)
    foreign = staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)
    for who in (patient(BO), proxy(BO, CHILD), neighbour, foreign):
        answer = await send(api, "POST", "Appointment", who, await wish(world))
        assert code_of(answer) == (404, "not_found")
    for who in (proxy(ANNA, CHILD, frozenset({"messages"})), staff("viewer"), staff("unit_admin"), staff("sre")):
        answer = await send(api, "POST", "Appointment", who, await wish(world, person_id=CHILD))
        assert code_of(answer) == (403, "forbidden")
    await booked(world, proxy(ANNA, CHILD), 0, CHILD)


async def test_the_gates_of_bookings_hold(api: Api, services: Any) -> None:
    world = await build(api, services, time_type={"min_age": 65})
    answer = await send(api, "POST", "Appointment", patient(), await wish(world))
    assert code_of(answer) == (409, "age_gate")
    assert answer.json()["issue"][0]["code"] == "business-rule"


async def test_a_video_visit_names_its_meeting(api: Api, services: Any) -> None:
    world = await build(api, services, time_type={"modality": "video"})
    made = await booked(world, patient())
    (identifier,) = made["identifier"]
    assert identifier["system"] == "urn:alltid-oppet:meeting"
    found = await api.get(f"/fhir/Appointment?identifier={identifier['system']}|{identifier['value']}", patient())
    assert [entry["resource"] for entry in found.json()["entry"]] == [made]


UNREADABLE: list[tuple[str, bytes, tuple[int, str]]] = [
    ("text/plain", b"{}", (415, "unsupported_media_type")),
    (PATCH_JSON, b"{}", (415, "unsupported_media_type")),
    (FHIR_JSON, b"{", (400, "malformed")),
    (FHIR_JSON, b"[" * 50_000, (400, "malformed")),
    (FHIR_JSON, b"[]", (400, "resource_invalid")),
    (FHIR_JSON, b"\xff", (400, "malformed")),
]


async def test_what_is_no_resource(api: Api, world: World) -> None:
    token = (await api.get("/bookings", patient())).request.headers["authorization"]
    for media_type, body, code in UNREADABLE:
        headers = {"Content-Type": media_type, "Authorization": token}
        answer = await api.http.post("/fhir/Appointment", content=body, headers=headers)
        assert code_of(answer) == code, (media_type, body[:9])


# --- cancel ------------------------------------------------------------------------------------------------------


async def test_a_put_of_what_was_read_cancels(api: Api, world: World) -> None:
    made = await booked(world, patient())
    sent = made | {"status": "cancelled", "cancelationReason": PAT}
    answer = await send(api, "PUT", f"Appointment/{made['id']}", patient(), sent, If_Match='W/"0"')
    cancelled = check(answer.json())
    assert answer.status_code == 200
    assert answer.headers["etag"] == 'W/"1"'
    assert cancelled["status"] == "cancelled"
    assert [one["code"] for one in cancelled["cancelationReason"]["coding"]] == ["pat", "patient_asked"]
    assert (await api.get(f"/fhir/Slot/{world.slots[0]['slot_id']}")).json()["status"] == "free"
    assert await kinds_told(world) == ["booking.created", "booking.cancelled"]
    # The same again changes nothing, another reason is too late.
    same = await send(api, "PUT", f"Appointment/{made['id']}", patient(), cancelled)
    assert (same.status_code, same.json()) == (200, cancelled)
    other = await send(api, "PUT", f"Appointment/{made['id']}", patient(), cancelled | {"cancelationReason": PROV})
    assert code_of(other) == (409, "booking_state")
    await world.counters_hold()


async def test_a_patch_cancels_with_the_reason_of_staff(api: Api, world: World) -> None:
    made = await booked(world, NURSE)
    path = f"Appointment/{made['id']}"
    status = {"op": "replace", "path": "/status", "value": "cancelled"}
    reason = {"op": "add", "path": "/cancelationReason", "value": PROV}
    answer = await send(api, "PATCH", path, NURSE, [status], PATCH_JSON)
    assert code_of(answer) == (422, "resource_refused")
    test = {"op": "test", "path": "/status", "value": "arrived"}
    answer = await send(api, "PATCH", path, NURSE, [test, status, reason], PATCH_JSON)
    assert code_of(answer) == (409, "conflict")
    test["value"] = "booked"
    answer = await send(api, "PATCH", path, NURSE, [test, status, reason], PATCH_JSON, If_Match='W/"0"')
    assert answer.status_code == 200, answer.text
    assert [one["code"] for one in check(answer.json())["cancelationReason"]["coding"]] == ["prov", "unit_illness"]
    assert (await api.get(f"/bookings/{made['id']}", NURSE)).json()["cancel_reason"] == "unit_illness"


async def test_whoever_has_read_another_version_changes_nothing(api: Api, world: World) -> None:
    made = await booked(world, patient())
    path = f"Appointment/{made['id']}"
    await api.made(f"/bookings/{made['id']}/rebook", patient(), {"slot_id": world.slots[5]["slot_id"]})
    sent = made | {"status": "cancelled", "cancelationReason": PAT}
    answer = await send(api, "PUT", path, patient(), sent, If_Match='W/"0"')
    assert code_of(answer) == (412, "version_changed")
    # Without it, the resource itself tells.
    answer = await send(api, "PUT", path, patient(), sent)
    assert code_of(answer) == (422, "resource_refused")
    assert code_of(await send(api, "PUT", path, patient(), sent, If_Match="0")) == (400, "parameter_value")
    assert (await api.get(f"/bookings/{made['id']}", patient())).json()["state"] == "booked"
    now = (await api.get(f"/fhir/{path}", patient())).json()
    answer = await send(api, "PUT", path, patient(), now | {"status": "cancelled"}, If_Match='"1"')
    assert answer.json()["meta"]["versionId"] == "2"


UNWRITABLE: list[dict[str, Any]] = [
    {"status": "arrived"},
    {"status": "fulfilled"},
    {"status": "entered-in-error"},
    {"start": "2027-03-08T07:30:00Z"},
    {"slot": [{"reference": "Slot/sl-" + "a" * 26}]},
    {"participant": [{"actor": {"reference": f"Patient/{CHILD}"}, "status": "accepted"}]},
    {"id": "bk-" + "a" * 26},
    {"id": None},
    {"cancelationReason": {"coding": [{"system": "urn:alltid-oppet:cancel-reason", "code": "tired"}]}},
    {"cancelationReason": {"text": "?"}},
]


async def test_nothing_else_can_be_written(api: Api, world: World) -> None:
    made = await booked(world, NURSE)
    for changes in UNWRITABLE:
        sent = made | {"status": "cancelled", "cancelationReason": PROV} | changes
        sent = {name: value for name, value in sent.items() if value is not None}
        answer = await send(api, "PUT", f"Appointment/{made['id']}", NURSE, sent)
        assert code_of(answer) == (422, "resource_refused"), changes
    assert (await api.get(f"/fhir/Appointment/{made['id']}", NURSE)).json() == made


async def test_too_late_is_too_late_and_staff_may_and_it_costs(api: Api, world: World) -> None:
    made = await booked(world, patient())
    api.clock.advance(days=6, hours=23)
    sent = made | {"status": "cancelled", "cancelationReason": PAT}
    assert code_of(await send(api, "PUT", f"Appointment/{made['id']}", patient(), sent)) == (409, "too_late")
    answer = await send(api, "PUT", f"Appointment/{made['id']}", NURSE, sent)
    assert answer.status_code == 200
    assert (await api.get(f"/bookings/{made['id']}", NURSE)).json()["cancel_reason"] == "patient_asked"


@pytest.mark.attack
async def test_others_cancel_nothing_and_one_cancellation_is_one_entry(api: Api, world: World) -> None:
    made = await booked(world, patient())
    path, sent = f"Appointment/{made['id']}", made | {"status": "cancelled", "cancelationReason": PAT}
    operations = [{"op": "replace", "path": "/status", "value": "cancelled"}]
    for who in (
        patient(BO),
        proxy(BO, CHILD),
        staff(unit=OTHER_UNIT),
        staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER),
    ):
        assert code_of(await send(api, "PUT", path, who, sent)) == (404, "not_found")
        assert code_of(await send(api, "PATCH", path, who, operations, PATCH_JSON)) == (404, "not_found")
    for who in (staff("viewer"), staff("unit_admin")):
        assert code_of(await send(api, "PATCH", path, who, operations, PATCH_JSON)) == (403, "forbidden")
    assert (await send(api, "PATCH", path, patient(), operations, PATCH_JSON)).status_code == 200
    async with world.services.database.reading(api.clock()) as transaction:
        query = select(AuditRow.body).where(AuditRow.action == "booking_cancel")
        entries = [read_body(body) for body in (await transaction.session.scalars(query)).all()]
    assert [entry["outcome"] for entry in entries].count("allowed") == 1


# --- search ------------------------------------------------------------------------------------------------------


async def test_searches(api: Api, world: World) -> None:
    first = (await booked(world, patient(), 0))["id"]
    second = (await booked(world, NURSE, 5))["id"]
    of_child = (await booked(world, NURSE, 1, CHILD))["id"]
    await api.made(f"/bookings/{first}/cancel", patient())
    me = patient()
    assert await ids(api, "Appointment?", me) == [second, first]
    assert await ids(api, "Appointment?status=booked", me) == [second]
    assert await ids(api, "Appointment?status=booked,cancelled&_count=1", me) == [second]
    assert await ids(api, "Appointment?_count=1&_offset=1", me) == [first]
    assert await ids(api, "Appointment?date=2027-03-08", me) == [first]
    assert await ids(api, "Appointment?date=gt2027-03-08", me) == [second]
    assert await ids(api, f"Appointment?_id={first}", me) == [first]
    assert await ids(api, f"Appointment?slot=Slot/{world.slots[5]['slot_id']}", me) == [second]
    assert await ids(api, f"Appointment?service-type={world.time_type_id}", me) == [second, first]
    assert await ids(api, "Appointment?service-type=urn:alltid-oppet:modality|video", me) == []
    assert await ids(api, f"Appointment?actor=HealthcareService/{OTHER_UNIT}", me) == []
    assert await ids(api, f"Appointment?actor=Patient/{CHILD}", NURSE) == [of_child]
    # A whole unit's bookings are asked for by the week at most.
    assert await ids(api, "Appointment?date=2027-03-08", NURSE) == [first, of_child]
    assert await ids(api, "Appointment?date=ge2027-03-08&date=lt2027-03-13&status=booked", NURSE) == [of_child, second]
    for query in ("", "date=ge2027-03-08", "date=2027-03", f"patient={ANNA}&actor=Patient/{CHILD}", "status=open"):
        answer = await api.get(f"/fhir/Appointment?{query}", NURSE)
        assert code_of(answer) == (400, "parameter_value")
    assert await ids(api, "Appointment?date=2027-03-08", staff(unit=OTHER_UNIT)) == []


async def test_a_search_can_stand_in_the_body(api: Api, world: World) -> None:
    made = await booked(world, patient())
    bodies = ((b"status=booked&date=2027-03-08", 200), (b"status=no", 400), (b"x=y", 400), (b"\xff=%ff", 400))
    for body, status in bodies:
        answer = await search_in_body(api, "Appointment", patient(), body)
        assert answer.status_code == status, answer.text
    answer = await search_in_body(api, "Appointment", patient(), b"", "?status=booked")
    assert [entry["resource"] for entry in answer.json()["entry"]] == [made]
    answer = await send(api, "POST", "Appointment/_search", patient(), {}, "application/json")
    assert code_of(answer) == (415, "unsupported_media_type")
