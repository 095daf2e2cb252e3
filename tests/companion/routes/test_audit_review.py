"""Follow-up of the audit log: search, samples, export, and questions of patients."""

from datetime import timedelta
from typing import Any

import pytest

from auth.audit import AuditEntry
from companion.rules.audit_review import EntryId, draw
from companion.services import Services
from tests.companion.fhir_checker import check
from tests.companion.front_chain import chain, entry, hand_over
from tests.companion.people import (
    ANNA,
    BO,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    OTHER_UNIT,
    PROVIDER,
    START,
    UNIT,
    Api,
    patient,
    proxy,
    service,
    staff,
)
from tests.companion.world import found

ADMIN = staff("unit_admin", actor="SE5555555555-K8")
REGION_ADMIN = staff("region_admin", unit=OTHER_UNIT, actor="SE5555555555-K9")
FOREIGN_ADMIN = staff("region_admin", unit=FOREIGN_UNIT, provider=OTHER_PROVIDER, actor="SE5566778899-K7")
NURSE, DOCTOR, FOREIGNER = "SE5555555555-K1", "SE5555555555-K2", "SE5566778899-K9"
BEGAN = START - timedelta(days=1)
PERIOD = {"begins_at": BEGAN.isoformat(), "ends_at": START.isoformat()}


@pytest.fixture(autouse=True)
async def log(api: Api, services: Services) -> None:
    """Of the day before: twelve uses in three units, in both chains."""
    await found(services)
    at = int(BEGAN.timestamp() * 1000)
    made: list[AuditEntry] = []
    for number in range(12):
        unit, provider, actor = [
            (UNIT, PROVIDER, NURSE),
            (OTHER_UNIT, PROVIDER, DOCTOR),
            (FOREIGN_UNIT, OTHER_PROVIDER, FOREIGNER),
        ][number % 3]
        fields = {"unit": unit, "provider": provider, "actor": actor, "patient": (ANNA, BO)[number % 2]}
        made.append(
            entry(number, at_ms=at + number * 1000, action="booking_read", resource=f"booking:{number}", **fields)
        )
    async with services.database.transaction(services.clock()) as transaction:
        transaction.audit.extend(made)
    assert (await hand_over(api, chain(2, at_ms=at + 500))).status_code == 200


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def search(api: Api, who: Any, query: str = "") -> list[tuple[str, int]]:
    limit = "&limit=2" if query else "?limit=2"
    seen: list[tuple[str, int]] = []
    before = ""
    while True:
        answer = await api.get(f"/audit-entries{query}{limit}{before}", who)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        seen += [(one["chain"], one["number"]) for one in page["entries"]]
        if page["next_before"] is None:
            return seen
        before = f"&before={page['next_before']}"


YESTERDAY = f"?ends_at={START.isoformat().replace('+', '%2B')}"


async def test_an_administrator_sees_what_was_done_in_the_own_units(api: Api) -> None:
    mine = await search(api, ADMIN, YESTERDAY)
    assert mine == [("companion", 10), ("companion", 7), ("companion", 4), ("front", 2), ("front", 1), ("companion", 1)]
    everywhere = await search(api, REGION_ADMIN, YESTERDAY)
    assert {number for chain_name, number in everywhere if chain_name == "companion"} == {1, 2, 4, 5, 7, 8, 10, 11}
    assert [number for _, number in await search(api, FOREIGN_ADMIN, YESTERDAY)] == [12, 9, 6, 3]
    assert await search(api, REGION_ADMIN, f"{YESTERDAY}&unit_hsa_id={FOREIGN_UNIT}") == []
    assert await search(api, ADMIN, f"{YESTERDAY}&unit_hsa_id={OTHER_UNIT}") == []


async def test_it_is_searched_by_patient_actor_action_and_time(api: Api) -> None:
    by_patient = await search(api, REGION_ADMIN, f"{YESTERDAY}&patient_person_id={BO}")
    assert by_patient == [("companion", number) for number in (10, 8, 4, 2)]
    assert await search(api, REGION_ADMIN, f"{YESTERDAY}&actor={DOCTOR}") == [
        ("companion", number) for number in (11, 8, 5, 2)
    ]
    assert await search(api, REGION_ADMIN, "?action=meeting_admit") == [("front", 2), ("front", 1)]
    begins = (BEGAN + timedelta(seconds=9)).isoformat().replace("+", "%2B")
    assert [number for _, number in await search(api, ADMIN, f"{YESTERDAY}&begins_at={begins}")] == [10]


async def test_to_read_it_is_in_it_and_the_patient_sees_that(api: Api) -> None:
    await search(api, ADMIN, f"{YESTERDAY}&patient_person_id={ANNA}")
    (latest, *_) = (await api.get("/looks", patient())).json()["looks"]
    assert (latest["action"], latest["outcome"], latest["unit_name"]) == ("audit_read", "allowed", "Unit 1001")
    assert ("companion", 13) in await search(api, ADMIN, "?action=audit_read")


async def test_it_is_exported_as_fhir_page_by_page(api: Api) -> None:
    seen: list[str] = []
    url = f"/audit-events{YESTERDAY}&limit=4"
    while url:
        answer = await api.get(url, REGION_ADMIN)
        assert answer.headers["content-type"].startswith("application/fhir+json")
        bundle = answer.json()
        check(bundle)
        seen += [one["resource"]["id"] for one in bundle.get("entry", [])]
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), "")
    assert sorted(seen) == sorted(["front-1", "front-2", *map(str, (1, 2, 4, 5, 7, 8, 10, 11))])


# --- samples -----------------------------------------------------------------------------------------------------


async def test_a_sample_can_be_drawn_again_by_its_seed(api: Api) -> None:
    made = await api.made("/audit-samples", REGION_ADMIN, PERIOD | {"size": 4})
    assert made["population"] == 10
    sample = (await api.get(f"/audit-samples/{made['sample_id']}", REGION_ADMIN)).json()
    places = [EntryId("companion", number) for number in (1, 2, 4, 5, 7, 8, 10, 11)]
    places += [EntryId("front", 1), EntryId("front", 2)]
    assert [(one["chain"], one["number"]) for one in sample["entries"]] == draw(made["seed"], places, 4)
    assert sample["counts"] == {"ok": 0, "questioned": 0, "unjudged": 4}
    another = await api.made("/audit-samples", REGION_ADMIN, PERIOD | {"size": 4})
    assert another["seed"] != made["seed"]
    assert {one["sample_id"] for one in (await api.get("/audit-samples", REGION_ADMIN)).json()} == {
        made["sample_id"],
        another["sample_id"],
    }


async def test_each_entry_is_judged_once_by_somebody_else(api: Api) -> None:
    made = await api.made("/audit-samples", ADMIN, PERIOD)
    path = f"/audit-samples/{made['sample_id']}"
    assert made["population"] == 6
    first = f"{path}/entries/companion/1/judge"
    questioned = {"judgement": "questioned"}
    doer = staff("unit_admin", actor=NURSE)
    assert code(await api.post(first, doer, {"judgement": "ok"})) == (403, "judged_by_another")
    assert code(await api.post(first, ADMIN, questioned)) == (422, "note_missing")
    await api.made(first, ADMIN, questioned | {"note": "Ingen bokning"})
    assert code(await api.post(first, ADMIN, {"judgement": "ok"})) == (409, "judged_already")
    await api.made(f"{path}/entries/front/2/judge", ADMIN, {"judgement": "ok"})
    sample = (await api.get(path, ADMIN)).json()
    assert sample["counts"] == {"ok": 1, "questioned": 1, "unjudged": 4}
    (one,) = [one for one in sample["entries"] if one["judgement"] == "questioned"]
    assert (one["note"], one["judged_by"], one["entry"]["actor"]) == ("Ingen bokning", ADMIN.actor, NURSE)
    assert (await api.post(f"{path}/entries/companion/2/judge", ADMIN, {"judgement": "ok"})).status_code == 404


@pytest.mark.attack
async def test_samples_of_others_do_not_exist(api: Api) -> None:
    whole = await api.made("/audit-samples", REGION_ADMIN, PERIOD)
    unit = await api.made("/audit-samples", ADMIN, PERIOD)
    neighbour = staff("unit_admin", unit=OTHER_UNIT, actor="SE5555555555-K7")
    for who, hidden in ((ADMIN, whole), (neighbour, unit), (FOREIGN_ADMIN, unit), (FOREIGN_ADMIN, whole)):
        path = f"/audit-samples/{hidden['sample_id']}"
        assert (await api.get(path, who)).status_code == 404
        assert (await api.post(f"{path}/entries/companion/1/judge", who, {"judgement": "ok"})).status_code == 404
        assert hidden["sample_id"] not in str((await api.get("/audit-samples", who)).json())
    assert (await api.get(f"/audit-samples/{unit['sample_id']}", REGION_ADMIN)).status_code == 200
    to_come = {"begins_at": START.isoformat(), "ends_at": (START + timedelta(hours=1)).isoformat()}
    assert code(await api.post("/audit-samples", ADMIN, to_come)) == (422, "audit_period")


# --- questions ---------------------------------------------------------------------------------------------------

QUESTION = {"text": "Varför läste ni om min bokning?"}
MINE, FRONTS, FOREIGN, BOS = ("/looks/companion/1", "/looks/front/1", "/looks/companion/3", "/looks/companion/2")


async def test_a_patient_asks_about_a_look_and_gets_an_answer(api: Api) -> None:
    made = await api.made(f"{MINE}/question", patient(), QUESTION)
    assert code(await api.post(f"{MINE}/question", patient(), QUESTION)) == (409, "asked_already")
    await api.made(f"{FRONTS}/question", patient(), QUESTION)
    waiting = (await api.get("/audit-questions", ADMIN)).json()
    assert {one["patient_name"] for one in waiting} == {"Test aaaa"}
    path = f"/audit-questions/{made['question_id']}/answer"
    doer = staff("unit_admin", actor=NURSE)
    assert code(await api.post(path, doer, {"text": "För att"})) == (403, "answer_by_another")
    api.clock.advance(days=1)
    await api.made(path, REGION_ADMIN, {"text": "Sköterskan ringde dig om tiden."})
    assert code(await api.post(path, ADMIN, {"text": "Nej"})) == (409, "question_state")
    own = (await api.get("/look-questions", patient())).json()
    (answered,) = [one for one in own if one["question_id"] == made["question_id"]]
    assert (answered["answer"], answered["answered_at"]) == ("Sköterskan ringde dig om tiden.", "2027-03-02T07:00:00Z")
    assert "answered_by" not in answered
    assert len((await api.get("/audit-questions", ADMIN)).json()) == 1
    assert len((await api.get("/audit-questions?all=true", ADMIN)).json()) == 2


async def test_a_protected_identity_is_masked_in_the_list_of_questions(api: Api) -> None:
    await api.made("/looks/companion/4/question", patient(BO), QUESTION)
    (one,) = (await api.get("/audit-questions", ADMIN)).json()
    assert one["patient_name"] == "Skyddad identitet"


@pytest.mark.attack
async def test_nobody_asks_about_others_and_nobody_elses_questions_exist(api: Api) -> None:
    for path in (BOS, "/looks/companion/999", "/looks/front/999"):
        assert (await api.post(f"{path}/question", patient(), QUESTION)).status_code == 404
    assert (await api.post("/looks/back/1/question", patient(), QUESTION)).status_code == 422
    made = await api.made(f"{FOREIGN}/question", patient(), QUESTION)
    for who in (ADMIN, REGION_ADMIN):
        assert (await api.get("/audit-questions", who)).json() == []
        path = f"/audit-questions/{made['question_id']}/answer"
        assert (await api.post(path, who, {"text": "Nej"})).status_code == 404
    assert (await api.get("/look-questions", patient(BO))).json() == []
    for who in (proxy(), staff(), service("audit:write")):
        assert (await api.post(f"{MINE}/question", who, QUESTION)).status_code == 403
        assert (await api.get("/audit-questions", who)).status_code == 403
        assert (await api.get("/audit-entries", who)).status_code == 403
        assert (await api.get("/audit-events", who)).status_code == 403
        assert (await api.post("/audit-samples", who, PERIOD)).status_code == 403


async def test_what_nobody_in_care_did_has_nobody_to_ask(api: Api) -> None:
    await api.get("/look-questions", patient())
    (own, *_) = (await api.get("/looks?own_too=true", patient())).json()["looks"]
    answer = await api.post(f"/looks/{own['chain']}/{own['number']}/question", patient(), QUESTION)
    assert code(answer) == (409, "nobody_to_ask")
