"""Cases over HTTP: the workflow, and each wrong person at each door."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from auth import audit_store
from auth.proxies import ProxyRelation
from auth.sessions import Session
from chat.cases import CASE_ERROR_CODES, CaseError
from chat.errors import CHAT_ERROR_CODES, ChatError
from chat.opening_hours import OpeningHours
from chat.unit_settings import UnitSettings
from signalling.case_api import http_error
from signalling.front import Front
from signalling.http_errors import HTTP_ERRORS
from tests.signalling.browsing import PROVIDER, UNIT, Browser, acting, browser_of, patient, staff
from tests.signalling.conftest import NOW, MakeFront

ANNA, EVA, CHILD = ("p-" + letter * 26 for letter in "abc")
OTHER_UNIT, OTHER_PROVIDER = "SE5555555555-U2", "SE5566778899-P9"
HOURS = OpeningHours((((480, 1020),),) * 5 + ((),) * 2)
Log = Callable[..., Awaitable[Browser]]


def unit_settings(unit: str = UNIT, provider: str = PROVIDER, name: str = "Kronans vårdcentral") -> UnitSettings:
    return UnitSettings(provider, unit, name, HOURS, 8 * 3600)


@pytest.fixture
async def front(make_front: MakeFront, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Front:
    monkeypatch.setenv("ALLTID_CHAT_ARCHIVE_DIR", str(tmp_path / "archive"))
    front = await make_front()
    await front.cases.units.put(unit_settings())
    await front.cases.units.put(unit_settings(OTHER_UNIT, name="Aspens vårdcentral"))
    return front


@pytest.fixture
async def log_in(front: Front) -> AsyncIterator[Log]:
    browsers: list[Browser] = []

    async def log_in(session: Session) -> Browser:
        browsers.append(await browser_of(front, session))
        return browsers[-1]

    yield log_in
    for browser in browsers:
        await browser.close()


@pytest.fixture
async def anna(log_in: Log) -> Browser:
    return await log_in(patient(ANNA))


@pytest.fixture
async def karin(log_in: Log) -> Browser:
    return await log_in(staff())


def opening(**changes: Any) -> dict[str, Any]:
    return {"provider_hsa_id": PROVIDER, "unit_hsa_id": UNIT, "subject": "A question", "client_id": "c1"} | changes


async def opened(browser: Browser, **changes: Any) -> dict[str, Any]:
    status, case = await browser.send("POST", "/api/cases", opening(**changes))
    assert status == 200, case
    return dict(case)


async def audited(redis: Redis) -> list[tuple[str, str | None, str]]:
    """Action, patient and outcome of each entry of the audit log."""
    bodies = [json.loads(linked.body) async for linked in audit_store.entries(redis)]
    return [(body["action"], body.get("patient"), body["outcome"]) for body in bodies]


async def test_the_way_of_a_case(anna: Browser, karin: Browser) -> None:
    case = await opened(anna)
    assert (case["state"], case["notes_id"], case["assignee"]) == ("new", None, None)
    assert case["answer_by"] > NOW
    path = f"/api/cases/{case['case_id']}"
    status, listed = await karin.send("GET", "/api/cases")
    assert [one["patient_name"] for one in listed["cases"]] == ["Anna Testsson"]
    status, taken = await karin.send("POST", f"{path}/assign", {})
    assert (status, taken["state"], taken["assignee_name"]) == (200, "assigned", "Karin Lindvall")
    assert taken["is_mine"]
    status, _ = await karin.send("POST", f"{path}/notes", {"text": "Call back", "client_id": "n1"})
    assert status == 201
    status, notes = await karin.send("GET", f"{path}/notes")
    assert [one["text"] for one in notes["notes"]] == ["Call back"]
    status, closed = await karin.send("POST", f"{path}/close", {})
    assert (closed["state"], closed["reopen_until"]) == ("closed", NOW + 14 * 24 * 3600)
    assert taken["reopen_within_s"] == 14 * 24 * 3600
    status, reopened = await anna.send("POST", f"{path}/reopen", {})
    assert (reopened["state"], reopened["assignee"]) == ("reopened", None)
    assert (await anna.send("GET", path))[1] == reopened


async def test_opening_again_with_the_same_client_id_gives_the_same_case(anna: Browser) -> None:
    assert await opened(anna) == await opened(anna)
    assert len((await anna.send("GET", "/api/cases"))[1]["cases"]) == 1
    assert (await anna.send("GET", "/api/cases?closed=1"))[1]["cases"] == []


async def test_a_case_is_handed_over_and_returned(anna: Browser, karin: Browser, log_in: Log) -> None:
    case = await opened(anna)
    path = f"/api/cases/{case['case_id']}"
    other = staff(hsa_id="SE5555555555-K2")
    disa = await log_in(replace(other, display_name="Disa Doctor"))
    await disa.send("GET", "/api/cases")
    await karin.send("POST", f"{path}/assign", {})
    status, colleagues = await karin.send("GET", "/api/colleagues")
    assert [one["name"] for one in colleagues["colleagues"]] == ["Disa Doctor", "Karin Lindvall"]
    status, given = await karin.send("POST", f"{path}/hand-over", {"assignee": "SE5555555555-K2"})
    assert (status, given["assignee_name"]) == (200, "Disa Doctor")
    status, body = await karin.send("POST", f"{path}/hand-over", {"assignee": "SE5555555555-K9"})
    assert (status, body["error"]["code"]) == (409, "invalid_assignee")
    status, moved = await karin.send("POST", f"{path}/return", {"unit_hsa_id": OTHER_UNIT})
    assert (status, moved["state"], moved["unit_hsa_id"]) == (200, "new", OTHER_UNIT)
    assert (await karin.send("GET", path))[0] == 404


async def test_a_change_of_an_old_version_is_refused(anna: Browser, karin: Browser) -> None:
    case = await opened(anna)
    path = f"/api/cases/{case['case_id']}"
    await karin.send("POST", f"{path}/assign", {"version": case["version"]})
    status, body = await karin.send("POST", f"{path}/close", {"version": case["version"]})
    assert (status, body["error"]["code"]) == (409, "changed_meanwhile")


async def test_staff_open_a_case_for_a_patient_in_their_own_unit(
    redis_client: Redis, anna: Browser, karin: Browser
) -> None:
    case = await opened(karin, patient=ANNA)
    assert (case["state"], case["assignee"], case["patient"]) == ("assigned", "SE5555555555-K1", ANNA)
    assert [one["case_id"] for one in (await anna.send("GET", "/api/cases"))[1]["cases"]] == [case["case_id"]]
    assert ("case_create", ANNA, "allowed") in await audited(redis_client)
    status, body = await karin.send("POST", "/api/cases", opening())
    assert (status, body["error"]) == (400, {"code": "invalid_request", "field": "patient"})
    status, body = await karin.send("POST", "/api/cases", opening(patient=ANNA, unit_hsa_id=OTHER_UNIT))
    assert status == 404


async def test_the_unit_knows_the_patients_name_once_the_patient_has_looked(anna: Browser, karin: Browser) -> None:
    case = await opened(karin, patient=ANNA)
    path = f"/api/cases/{case['case_id']}"
    await karin.send("GET", path)
    assert (await karin.send("GET", path))[1]["patient_name"] == ""
    await anna.send("GET", path)
    _, seen = await karin.send("GET", path)
    assert (seen["patient_name"], seen["version"]) == ("Anna Testsson", case["version"])
    assert (await karin.send("POST", f"{path}/close", {"version": case["version"]}))[0] == 200


async def test_a_proxy_opens_the_childs_case_and_not_their_own(front: Front, log_in: Log) -> None:
    relation = ProxyRelation(CHILD, "Alva", "guardian", frozenset({"messages"}), int(NOW) + 9999)
    await front.identity.proxies.replace(ANNA, [relation], NOW)
    guardian = await log_in(patient(ANNA, acting_for=acting(CHILD, "messages")))
    case = await opened(guardian)
    stored = await front.cases.service.get(case["case_id"])
    assert (stored.patient, stored.patient_name) == (CHILD, "Alva Testsson")
    themselves = await log_in(patient(ANNA))
    assert (await themselves.send("GET", "/api/cases"))[1]["cases"] == []
    assert (await themselves.send("GET", f"/api/cases/{case['case_id']}"))[0] == 404


@pytest.mark.attack
async def test_a_proxy_without_the_right_to_messages_is_refused(front: Front, log_in: Log, anna: Browser) -> None:
    relation = ProxyRelation(CHILD, "Alva", "guardian", frozenset({"book"}), int(NOW) + 9999)
    await front.identity.proxies.replace(ANNA, [relation], NOW)
    guardian = await log_in(patient(ANNA, acting_for=acting(CHILD, "book")))
    assert (await guardian.send("GET", "/api/cases"))[0] == 403
    assert (await guardian.send("POST", "/api/cases", opening()))[0] == 403


@pytest.mark.attack
@pytest.mark.parametrize(
    ("method", "suffix", "body"),
    [
        ("GET", "", None),
        ("POST", "/assign", {}),
        ("POST", "/hand-over", {}),
        ("POST", "/return", {}),
        ("POST", "/close", {}),
        ("POST", "/reopen", {}),
        ("POST", "/notes", {"text": "x", "client_id": "n"}),
        ("GET", "/notes", None),
        ("POST", "/attachments", {"size_bytes": 5}),
        ("GET", "/attachments/att-1", None),
        ("POST", "/notes/attachments", {"size_bytes": 5}),
        ("GET", "/notes/attachments/att-1", None),
    ],
)
async def test_the_wrong_person_unit_or_care_provider_finds_nothing(
    front: Front, log_in: Log, anna: Browser, method: str, suffix: str, body: Any
) -> None:
    case = await opened(anna)
    wrong = [
        patient(EVA),
        staff(unit=OTHER_UNIT),
        staff(provider=OTHER_PROVIDER),
        staff("unit_admin"),
        staff("viewer"),
    ]
    if suffix and suffix not in ("/reopen", "/attachments", "/attachments/att-1"):
        wrong.append(patient(ANNA))  # the patient does not run the unit's part, nor see its notes
    for session in wrong:
        browser = await log_in(session)
        status, answer = await browser.send(method, f"/api/cases/{case['case_id']}{suffix}", body)
        assert status in (403, 404), (session, answer)
        nowhere = f"/api/cases/case-{'z' * 26}{suffix}"
        assert (await browser.send(method, nowhere, body))[0] == status
    assert (await front.cases.service.get(case["case_id"])).version == case["version"]


@pytest.mark.attack
async def test_lists_hold_only_ones_own(anna: Browser, log_in: Log) -> None:
    await opened(anna)
    for session in (patient(EVA), staff(unit=OTHER_UNIT), staff(provider=OTHER_PROVIDER)):
        browser = await log_in(session)
        assert (await browser.send("GET", "/api/cases"))[1]["cases"] == []


async def test_every_read_of_staff_stands_in_the_audit_log(redis_client: Redis, anna: Browser, karin: Browser) -> None:
    case = await opened(anna)
    before = len(await audited(redis_client))
    await karin.send("GET", "/api/cases")
    await karin.send("GET", f"/api/cases/{case['case_id']}")
    await karin.send("GET", f"/api/cases/{case['case_id']}/notes")
    new = (await audited(redis_client))[before:]
    for action in ("case_list", "case_read", "staff_chat"):
        assert (action, ANNA, "allowed") in new


@pytest.mark.attack
async def test_a_patient_is_shown_nothing_of_the_units_inside(anna: Browser, karin: Browser) -> None:
    case = await opened(anna)
    path = f"/api/cases/{case['case_id']}"
    await karin.send("POST", f"{path}/assign", {})
    await karin.send("POST", f"{path}/notes", {"text": "Secret thought", "client_id": "n1"})
    for where in ("/api/cases", path):
        _, body = await anna.send("GET", where)
        assert not {"SE5555555555-K1", "Karin", "Secret", "notes-"} & set(str(body).replace("'", " ").split())
        assert "Karin" not in str(body)
        assert "notes-" not in str(body)


@pytest.mark.attack
@pytest.mark.parametrize(
    "changes",
    [
        {"subject": ""},
        {"subject": "x" * 121},
        {"client_id": "a b"},
        {"unit_hsa_id": "SE55 5"},
        {"state": "closed"},
        {"patient": "191212121212"},
    ],
)
async def test_a_body_that_is_none_is_refused(anna: Browser, changes: dict[str, Any]) -> None:
    status, body = await anna.send("POST", "/api/cases", opening(**changes))
    assert (status, body["error"]["code"]) == (400, "invalid_request")


@pytest.mark.attack
async def test_a_patient_cannot_open_a_case_for_somebody_else(front: Front, anna: Browser) -> None:
    case = await opened(anna, patient=EVA)
    assert (await front.cases.service.get(case["case_id"])).patient == ANNA


async def test_a_unit_that_is_not_there_takes_no_cases(anna: Browser) -> None:
    status, body = await anna.send("POST", "/api/cases", opening(unit_hsa_id="SE5555555555-U7"))
    assert (status, body["error"]["code"]) == (409, "unit_takes_no_cases")


async def test_long_lists_come_in_pages(anna: Browser, karin: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        await opened(anna, client_id=f"c{number}")
    monkeypatch.setattr("signalling.case_lists.PAGE", 2)
    for browser in (anna, karin):
        _, first = await browser.send("GET", "/api/cases")
        assert first["next_offset"] == 2
        _, second = await browser.send("GET", "/api/cases?offset=2")
        assert (len(second["cases"]), second["next_offset"]) == (1, None)
    for wrong in ("-1", "x", "9" * 10):
        assert (await anna.send("GET", f"/api/cases?offset={wrong}"))[0] == 400


async def test_a_list_is_asked_for_one_case_and_searched(anna: Browser, karin: Browser, log_in: Log) -> None:
    first = await opened(anna, client_id="c1", subject="Äpplen på KVÄLLEN")
    second = await opened(anna, client_id="c2", subject="Recept")
    await karin.send("POST", f"/api/cases/{first['case_id']}/close", {})

    async def found(browser: Browser, query: str) -> set[str]:
        status, body = await browser.send("GET", f"/api/cases?{query}")
        assert status == 200, body
        return {one["subject"] for one in body["cases"]}

    for browser in (anna, karin):
        assert await found(browser, f"case={second['case_id']}") == {"Recept"}
        assert await found(browser, "q=kvällen+ÄPPLEN") == {"Äpplen på KVÄLLEN"}
        assert await found(browser, "q=päron") == set()
    assert await found(karin, "q=anna+testsson") == {"Äpplen på KVÄLLEN", "Recept"}
    assert await found(anna, "q=anna+testsson") == set()
    for session in (patient(EVA), staff(unit=OTHER_UNIT), staff(provider=OTHER_PROVIDER)):
        stranger = await log_in(session)
        assert await found(stranger, f"case={first['case_id']}") == set()
        assert await found(stranger, "q=recept") == set()
    for wrong in ("q=", "q=a", "q=+++", f"q={'x' * 101}", "case=case-1", "case=notes-" + "a" * 26):
        assert (await karin.send("GET", f"/api/cases?{wrong}"))[0] == 400


async def test_a_search_writes_whom_it_found_into_the_audit_log(
    redis_client: Redis, anna: Browser, karin: Browser
) -> None:
    await opened(anna)
    before = len(await audited(redis_client))
    await karin.send("GET", "/api/cases?q=nothing")
    assert ("case_list", ANNA, "allowed") not in (await audited(redis_client))[before:]
    await karin.send("GET", "/api/cases?q=question")
    assert ("case_list", ANNA, "allowed") in (await audited(redis_client))[before:]


def test_every_refusal_of_cases_and_conversations_has_a_status() -> None:
    for code in CASE_ERROR_CODES:
        assert http_error(CaseError(code)).status >= 400
    for chat_code in (
        "unknown_conversation",
        "conversation_closed",
        "conversation_full",
        "chat_unavailable",
        "invalid",
    ):
        assert chat_code in CHAT_ERROR_CODES
        assert http_error(ChatError(chat_code)).code in HTTP_ERRORS  # type: ignore[arg-type]


@pytest.mark.attack
async def test_a_protected_identity_is_masked_in_lists_and_marked_at_the_desk(
    front: Front, anna: Browser, karin: Browser
) -> None:
    case = await opened(anna, subject="Recept")
    await front.notices.contacts.protect(ANNA, is_protected=True)
    (listed,) = (await karin.send("GET", "/api/cases"))[1]["cases"]
    assert (listed["patient_name"], listed["is_protected"]) == (None, True)
    _, one = await karin.send("GET", f"/api/cases/{case['case_id']}")
    assert (one["patient_name"], one["is_protected"]) == ("Anna Testsson", True)
    assert (await karin.send("GET", "/api/cases?q=Testsson"))[1]["cases"] == []
    (found,) = (await karin.send("GET", "/api/cases?q=recept"))[1]["cases"]
    assert found["patient_name"] is None
    (own,) = (await anna.send("GET", "/api/cases"))[1]["cases"]
    assert own["is_protected"] is None
    await front.notices.contacts.protect(ANNA, is_protected=False)
    assert (await karin.send("GET", "/api/cases?q=Testsson"))[1]["cases"][0]["patient_name"] == "Anna Testsson"


async def test_notes_read_as_they_were_edited_and_are_written_at_the_rate_of_messages(
    front: Front, anna: Browser, karin: Browser
) -> None:
    case = await opened(anna)
    path = f"/api/cases/{case['case_id']}/notes"
    status, written = await karin.send("POST", path, {"text": "fel", "client_id": "n1"})
    assert status == 201
    notes_id = case["case_id"].replace("case-", "notes-")
    await front.chat.service.edit(staff().principal(), notes_id, "e1", written["seq"], "rätt")
    assert [one["text"] for one in (await karin.send("GET", path))[1]["notes"]] == ["rätt"]
    statuses = [(await karin.send("POST", path, {"text": "x", "client_id": f"r{number}"}))[0] for number in range(30)]
    assert (statuses[0], statuses[-1]) == (201, 429)
