"""Video visits, messages and health declarations over FHIR: to whom the other routes show them, and to nobody else."""

from typing import Any

import pytest

from companion.services import Services
from tests.companion.archived import NURSE, put_transcript, with_file
from tests.companion.archived import message as said
from tests.companion.fhir_client import ids, read, refused, search
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
from tests.companion.routes.test_declarations import ADMIN, FORM, answers, form_published, vaccination
from tests.companion.routes.test_meeting_course import at_its_time, put
from tests.companion.world import World, build, found

STAFF = staff()
NEIGHBOUR = staff(unit=OTHER_UNIT)
FOREIGNER = staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)

# --- video visits ------------------------------------------------------------------------------------------------


async def video_booked(api: Api, services: Services) -> Any:
    world = await build(api, services, time_type={"modality": "video"})
    wish = {"slot_id": world.slots[0]["slot_id"], "patient_person_id": ANNA}
    return await api.made("/bookings", STAFF, wish)


async def test_a_video_visit_is_an_encounter(api: Api, services: Services) -> None:
    booking = await video_booked(api, services)
    seen = await read(api, f"Encounter/{booking['meeting_id']}", patient())
    assert (seen["status"], seen["class"]["code"]) == ("planned", "VR")
    assert seen["appointment"] == [{"reference": f"Appointment/{booking['booking_id']}"}]
    assert await read(api, f"Encounter/{booking['meeting_id']}", STAFF) == seen
    for query in ("", "?status=planned", "?date=2027-03-08", f"?appointment=Appointment/{booking['booking_id']}"):
        assert await search(api, f"Encounter{query}", patient()) == [seen]
    for query in ("status=finished", "date=2027-03-09", "_id=x"):
        assert await search(api, f"Encounter?{query}", patient()) == []
    assert await search(api, "Encounter?date=2027-03-08", STAFF) == [seen]
    assert await search(api, f"Encounter?patient=Patient/{ANNA}", STAFF) == [seen]
    await api.made(f"/bookings/{booking['booking_id']}/cancel", patient())
    assert (await read(api, f"Encounter/{booking['meeting_id']}", patient()))["status"] == "cancelled"


async def test_an_encounter_goes_the_course_of_its_meeting(world: World) -> None:
    booking = await at_its_time(world)
    path = f"Encounter/{booking['meeting_id']}"
    planned = await read(world.api, path, patient())
    await put(world, booking["meeting_id"], "joined/participant")
    arrived = await read(world.api, path, patient())
    assert (planned["status"], arrived["status"]) == ("planned", "arrived")
    assert arrived["period"] == planned["period"]
    await put(world, booking["meeting_id"], "joined/host")
    begun = await read(world.api, path, patient())
    assert (begun["status"], begun["period"]) == ("in-progress", {"start": "2027-03-08T11:55:00Z"})
    world.api.clock.advance(minutes=20)
    await put(world, booking["meeting_id"], "ended")
    ended = await read(world.api, path, patient())
    assert ended["status"] == "finished"
    assert ended["period"] == {"start": "2027-03-08T11:55:00Z", "end": "2027-03-08T12:15:00Z"}
    assert await search(world.api, "Encounter?status=finished", patient()) == [ended]


async def test_a_visit_in_a_room_is_none(api: Api, world: World) -> None:
    await api.made("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    assert await search(api, "Encounter", patient()) == []
    assert await refused(api, f"Encounter/mt-{'a' * 26}", patient()) == (404, "not_found")


@pytest.mark.attack
async def test_others_find_no_encounter(api: Api, services: Services) -> None:
    booking = await video_booked(api, services)
    path = f"Encounter/{booking['meeting_id']}"
    for who in (patient(BO), proxy(BO, CHILD), NEIGHBOUR, FOREIGNER):
        assert await refused(api, path, who) == (404, "not_found")
    for who in (staff("unit_admin"), staff("sre")):
        assert await refused(api, path, who) == (403, "forbidden")
    assert await refused(api, f"Encounter?patient={ANNA}", patient(BO)) == (404, "not_found")
    for who in (NEIGHBOUR, FOREIGNER):
        assert await search(api, f"Encounter?patient={ANNA}", who) == []
        assert await search(api, "Encounter?date=2027-03-08", who) == []


# --- messages ----------------------------------------------------------------------------------------------------


async def archived(api: Api) -> None:
    events = [
        said(1, "Jag har ont"),
        said(2, "Var?", author=NURSE),
        said(3, kind="system", body={"what": "case_changed"}),
        with_file(4),
        said(5, "I knät", kind="edit", target=1),
        said(6, "Glöm det"),
        said(7, kind="withdrawal", target=6, body={}),
    ]
    assert (await put_transcript(api, events, "case-a_b")).status_code == 204
    assert (await put_transcript(api, [said(1, "Annat")], "case-other")).status_code == 204
    assert (await put_transcript(api, [said(1, "Internt", author=NURSE)], "notes-a_b")).status_code == 204


async def test_messages_of_closed_cases_are_communications(api: Api, services: Services) -> None:
    await found(services)
    await archived(api)
    assert await ids(api, "Communication", patient()) == [
        "case-a.b.1",
        "case-a.b.2",
        "case-a.b.4",
        "case-a.b.6",
        "case-other.1",
    ]
    first, second, third, fourth = await search(api, "Communication?conversation=case-a_b", patient())
    assert first["payload"] == [{"contentString": "I knät"}]
    assert first["sender"] == {"reference": f"Patient/{ANNA}"}
    assert second["sender"] == {"reference": f"Organization/{UNIT}", "display": "Nina Nurse"}
    assert third["payload"][1]["contentAttachment"]["title"] == "bild å.png"
    assert (fourth["status"], "payload" in fourth) == ("entered-in-error", False)
    for one in (first, second, third, fourth):
        assert await read(api, f"Communication/{one['id']}", patient()) == one
        assert await read(api, f"Communication/{one['id']}", STAFF) == one
    case = "urn:alltid-oppet:conversation|case-a_b"
    assert await ids(api, f"Communication?patient={ANNA}&conversation={case}&_count=2", STAFF) == [
        "case-a.b.1",
        "case-a.b.2",
    ]
    assert await ids(api, "Communication?status=entered-in-error", patient()) == ["case-a.b.6"]
    assert await ids(api, "Communication?_id=case-other.1", patient()) == ["case-other.1"]
    assert await search(api, "Communication?sent=lt2027-01-01", patient()) == []
    bundle = await read(api, "Communication?_count=2", patient())
    assert [one["relation"] for one in bundle["link"]] == ["self", "next"]
    assert "total" not in bundle
    for query in ("conversation=x,y", "conversation=urn:else|case-a_b", "status=sent"):
        assert await refused(api, f"Communication?{query}", patient()) == (400, "parameter_value")


@pytest.mark.attack
async def test_others_read_no_messages_and_nobody_notes(api: Api, services: Services) -> None:
    await found(services)
    await archived(api)
    for who in (patient(BO), NEIGHBOUR, FOREIGNER):
        assert await refused(api, "Communication/case-a.b.1", who) == (404, "not_found")
    assert await refused(api, f"Communication?patient={ANNA}", patient(BO)) == (404, "not_found")
    for who in (NEIGHBOUR, FOREIGNER):
        assert await search(api, f"Communication?patient={ANNA}", who) == []
        assert await search(api, f"Communication?patient={ANNA}&conversation=case-a_b", who) == []
    for who in (staff("scheduler"), staff("viewer"), staff("unit_admin"), proxy(BO, ANNA, frozenset({"book"}))):
        assert (await refused(api, "Communication/case-a.b.1", who))[0] == 403
    for who in (STAFF, patient()):
        assert (await refused(api, "Communication/notes-a.b.1", who))[0] in (400, 404, 422)
        assert await search(api, f"Communication?patient={ANNA}&conversation=notes-a_b", who) == []
    for missing in ("case-a.b.3", "case-a.b.99", "case-x.1"):
        assert await refused(api, f"Communication/{missing}", patient()) == (404, "not_found")


# --- health declarations -----------------------------------------------------------------------------------------


async def test_questionnaires_are_public_but_for_drafts_and_rules(api: Api, services: Services) -> None:
    await found(services)
    form = await form_published(api)
    await api.made(f"/questionnaires/{form}/versions", ADMIN, FORM)
    (first,) = await search(api, "Questionnaire")
    assert (first["status"], first["version"], first["url"]) == (
        "active",
        "1",
        f"urn:alltid-oppet:questionnaire:{form}",
    )
    assert "nurse_check" not in str(first)
    assert await read(api, f"Questionnaire/{first['id']}") == first
    await api.made(f"/questionnaires/{form}/versions/2/publish", ADMIN)
    assert [(one["version"], one["status"]) for one in await search(api, "Questionnaire")] == [
        ("2", "active"),
        ("1", "retired"),
    ]
    assert await ids(api, "Questionnaire?status=retired") == [first["id"]]
    assert await ids(api, f"Questionnaire?url={first['url']}|1") == [first["id"]]
    assert len(await search(api, f"Questionnaire?url={first['url']}")) == 2
    for url in ("urn:else", f"{first['url']}|x", form):
        assert await search(api, f"Questionnaire?url={url}") == []
    assert await refused(api, f"Questionnaire/qv-{'a' * 26}") == (404, "not_found")


async def test_what_was_answered_is_read_by_patient_and_vaccinator(api: Api, services: Services) -> None:
    world, form = await vaccination(api, services)
    made = await api.made("/declarations", patient(), answers(form, allergy="mild"))
    again = await api.made("/declarations", patient(), answers(form))
    latest, first = await search(api, "QuestionnaireResponse", patient())
    assert (latest["id"], first["id"]) == (again["declaration_id"], made["declaration_id"])
    assert (latest["status"], first["status"]) == ("amended", "completed")
    assert first["item"][1]["answer"] == [{"valueCoding": {"system": "urn:alltid-oppet:answer", "code": "mild"}}]
    (questionnaire,) = await search(api, f"Questionnaire?url={first['questionnaire']}")
    assert questionnaire["version"] == "1"
    assert await read(api, f"QuestionnaireResponse/{first['id']}", patient()) == first
    assert await ids(api, "QuestionnaireResponse?status=amended", patient()) == [latest["id"]]
    canonical = first["questionnaire"].partition("|")[0]
    assert (
        len(await search(api, f"QuestionnaireResponse?questionnaire={canonical}&authored=2027-03-01", patient())) == 2
    )
    assert await search(api, "QuestionnaireResponse?authored=gt2027-03-01", patient()) == []
    # Staff, once the patient comes to them with that form.
    assert await search(api, f"QuestionnaireResponse?patient={ANNA}", STAFF) == []
    assert await refused(api, f"QuestionnaireResponse/{first['id']}", STAFF) == (404, "not_found")
    await api.made("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    assert await search(api, f"QuestionnaireResponse?patient=Patient/{ANNA}", STAFF) == [latest, first]
    assert await read(api, f"QuestionnaireResponse/{first['id']}", STAFF) == first


@pytest.mark.attack
async def test_others_read_no_answers(api: Api, services: Services) -> None:
    world, form = await vaccination(api, services)
    made = (await api.made("/declarations", patient(), answers(form)))["declaration_id"]
    await api.made("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    path = f"QuestionnaireResponse/{made}"
    for who in (patient(BO), NEIGHBOUR, FOREIGNER):
        assert await refused(api, path, who) == (404, "not_found")
    for who in (NEIGHBOUR, FOREIGNER):
        assert await search(api, f"QuestionnaireResponse?patient={ANNA}", who) == []
    assert await refused(api, f"QuestionnaireResponse?patient={ANNA}", patient(BO)) == (404, "not_found")
    for who in (staff("scheduler"), staff("viewer"), staff("unit_admin"), proxy(BO, ANNA, frozenset({"messages"}))):
        assert (await refused(api, path, who))[0] == 403
    assert await refused(api, f"QuestionnaireResponse/de-{'a' * 26}", patient()) == (404, "not_found")
