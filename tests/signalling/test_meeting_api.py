"""Meetings over HTTP: who plans, who sees, who gets which token, and when."""

from dataclasses import replace
from typing import Any

import pytest

from auth.proxies import ProxyRelation
from auth.tokens import MeetingClaims, TokenError
from signalling.front import Front
from signalling.meetings import KEPT_S
from tests.signalling.browsing import PROVIDER, UNIT, acting, patient, staff
from tests.signalling.conftest import KEYS, NOW, MakeClient, MakeFront
from tests.signalling.fake_worker import FakeWorker
from tests.signalling.meeting_people import (
    HOST,
    OTHER_PATIENT,
    PATIENT,
    MakeBrowser,
    error,
    meeting,
    service,
)

pytestmark = pytest.mark.usefixtures("worker")
PLAN: dict[str, Any] = {
    "title": "Återbesök",
    "kind": "one_to_one",
    "starts_at": int(NOW) + 600,
    "ends_at": int(NOW) + 2400,
}
FOR_SERVICE = {**PLAN, "unit_hsa_id": UNIT, "provider_hsa_id": PROVIDER, "unit_name": "Mottagningen"}


def claims_of(body: Any) -> MeetingClaims:
    return KEYS.check_meeting(body["token"], now=NOW)


# --- planning --------------------------------------------------------------------------------------------------------


async def test_a_service_plans_a_meeting_that_its_people_see(make_browser: MakeBrowser, front: Front) -> None:
    companion = await make_browser()
    body = {**FOR_SERVICE, "meeting_id": "visit-1", "patient": PATIENT, "hosts": [HOST], "phone": "08-123 45 67"}
    status, made, _ = await companion.ask("POST", "/api/meetings", json=body, headers=service("meetings:write"))
    assert status == 201
    assert made["meeting_id"] == "visit-1"
    assert made["opens_at"] == NOW + 600 - 900
    assert made["closes_at"] == made["ends_at"] + 7200
    for session in (patient(PATIENT), staff("staff"), staff("scheduler"), staff("viewer")):
        browser = await make_browser(session)
        _, listed, _ = await browser.ask("GET", "/api/meetings")
        assert [one["meeting_id"] for one in listed["meetings"]] == ["visit-1"]
        assert (await browser.ask("GET", "/api/meetings/visit-1"))[1] == made
    assert (await companion.ask("POST", "/api/meetings", json=body, headers=service("meetings:write")))[0] == 200


async def test_staff_plan_in_their_own_unit_and_hold_it(make_browser: MakeBrowser, front: Front) -> None:
    browser = await make_browser(staff("scheduler"))
    status, made = await browser.send("POST", "/api/meetings", {**PLAN, "patient": PATIENT})
    assert status == 201
    stored = await front.meetings.get(made["meeting_id"])
    assert stored is not None
    assert (stored.unit_hsa_id, stored.provider_hsa_id, stored.host_ids) == (UNIT, PROVIDER, frozenset({HOST}))
    assert made["unit_name"] == "Enheten"


@pytest.mark.attack
@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"unit_hsa_id": "SE5555555555-U2"}, 403, "unit_hsa_id"),
        ({"provider_hsa_id": "SE1-P2"}, 403, "provider_hsa_id"),
        ({"meeting_id": "demo"}, 403, "meeting_id"),
        ({"title": ""}, 400, "title"),
        ({"kind": "seance"}, 400, "kind"),
        ({"ends_at": int(NOW) + 600}, 400, "ends_at"),
        ({"starts_at": int(NOW) - 900, "ends_at": int(NOW) - 1}, 400, "ends_at"),
        ({"ends_at": int(NOW) + 3 * 24 * 3600}, 400, "ends_at"),
        ({"phone": "<script>"}, 400, "phone"),
        ({"hosts": ["x"] * 501}, 400, "hosts"),
        ({"created_by": "me"}, 400, None),
    ],
)
async def test_a_plan_that_is_wrong_or_not_theirs_to_make(
    make_browser: MakeBrowser,
    change: dict[str, Any],
    status: int,
    field: str | None,
) -> None:
    browser = await make_browser(staff())
    answer, body = await browser.send("POST", "/api/meetings", {**PLAN, **change})
    assert (answer, body["error"].get("field")) == (status, field)


@pytest.mark.attack
async def test_a_service_names_the_unit_and_takes_no_other_providers_meeting(
    make_browser: MakeBrowser,
    front: Front,
) -> None:
    companion, headers = await make_browser(), service("meetings:write")
    assert (await companion.ask("POST", "/api/meetings", json=PLAN, headers=headers))[0] == 400
    await front.meetings.put(meeting(), NOW)
    body = {**FOR_SERVICE, "meeting_id": "m1", "provider_hsa_id": "SE1-P2"}
    status, answer, _ = await companion.ask("POST", "/api/meetings", json=body, headers=headers)
    assert (status, error(answer)) == (409, "conflict")
    wrong_scope = service("rooms:write")
    assert (await companion.ask("POST", "/api/meetings", json=FOR_SERVICE, headers=wrong_scope))[0] == 403


# --- seeing ----------------------------------------------------------------------------------------------------------


@pytest.mark.attack
@pytest.mark.parametrize(
    "session",
    [
        patient(OTHER_PATIENT),
        replace(patient(PATIENT), acting_for=acting(OTHER_PATIENT)),
        replace(patient(OTHER_PATIENT), acting_for=acting(PATIENT, "book")),
        staff(unit="SE5555555555-U2", hsa_id="SE5555555555-K2"),
        staff(provider="SE1-P2", hsa_id="SE5555555555-K2"),
        replace(staff(hsa_id="SE5555555555-K2"), commission=None),
    ],
    ids=["other patient", "as proxy of another", "proxy without the scope", "other unit", "other provider", "no unit"],
)
async def test_other_peoples_meetings_are_not_there(
    make_browser: MakeBrowser,
    front: Front,
    session: Any,
) -> None:
    await front.meetings.put(meeting(), NOW)
    if session.acting_for is not None:  # the right to act is looked up with each request
        await front.identity.proxies.replace(session.actor, (_relation(session),), NOW)
    browser = await make_browser(session)
    status, listed, _ = await browser.ask("GET", "/api/meetings")
    assert status in (403, 404) or listed["meetings"] == []
    for method, path in (("GET", ""), ("POST", "/token"), ("DELETE", ""), ("POST", "/links"), ("GET", "/links")):
        status, _ = await browser.send(method, f"/api/meetings/m1{path}", {} if method == "POST" else None)
        assert status in (403, 404), (method, path)
    assert await front.meetings.get("m1") is not None


def _relation(session: Any) -> ProxyRelation:
    acted = session.acting_for
    return ProxyRelation(acted.subject, acted.name, "grant", acted.scopes, int(NOW) + 1000)


async def test_a_proxy_sees_the_represented_patients_meetings_and_not_the_own(
    make_browser: MakeBrowser,
    front: Front,
) -> None:
    await front.meetings.put(meeting("of-child", patient=OTHER_PATIENT), NOW)
    await front.meetings.put(meeting("own"), NOW)
    session = replace(patient(PATIENT), acting_for=acting(OTHER_PATIENT))
    await front.identity.proxies.replace(PATIENT, (_relation(session),), NOW)
    browser = await make_browser(session)
    _, listed, _ = await browser.ask("GET", "/api/meetings")
    assert [one["meeting_id"] for one in listed["meetings"]] == ["of-child"]
    status, body = await browser.send("POST", "/api/meetings/of-child/token", {})
    assert status == 201
    claims = claims_of(body)
    assert (claims.identity, claims.subject, claims.admitted) == (PATIENT, OTHER_PATIENT, False)
    assert claims.until == NOW + 1000, "no renewal goes past the right to act for the patient"
    with pytest.raises(TokenError):
        KEYS.renew_meeting(claims, now=NOW + 1000, lifetime_s=300)


async def test_a_meeting_that_changes_its_patient_leaves_the_old_ones_list(
    make_browser: MakeBrowser,
    front: Front,
) -> None:
    await front.meetings.put(meeting(), NOW)
    await front.meetings.put(meeting(patient=OTHER_PATIENT), NOW)
    for person, expected in ((PATIENT, []), (OTHER_PATIENT, ["m1"])):
        browser = await make_browser(patient(person))
        _, listed, _ = await browser.ask("GET", "/api/meetings")
        assert [one["meeting_id"] for one in listed["meetings"]] == expected


async def test_staff_see_how_many_wait_and_patients_do_not(
    make_browser: MakeBrowser,
    front: Front,
    worker: FakeWorker,
) -> None:
    await front.meetings.put(meeting(), NOW)
    await front.registry.create_room("m1", "x", 2)
    room = await front.registry.room("m1")
    assert room is not None
    await front.media.home(room)
    worker.waiting_in["m1"] = 3
    for session, expected in ((staff(), 3), (patient(PATIENT), 0)):
        browser = await make_browser(session)
        _, listed, _ = await browser.ask("GET", "/api/meetings")
        assert [one["waiting"] for one in listed["meetings"]] == [expected]
    worker.refuse["waiting_counts"] = "worker_timeout"
    browser = await make_browser(staff())
    assert (await browser.ask("GET", "/api/meetings"))[1]["meetings"][0]["waiting"] == 0


# --- tokens ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("session", "changes", "role", "admitted"),
    [
        (patient(PATIENT), {}, "participant", False),
        (patient(OTHER_PATIENT), {"member_ids": frozenset({OTHER_PATIENT})}, "participant", False),
        (staff(), {}, "host", True),
        (staff(unit="U9", hsa_id="K9"), {"host_ids": frozenset({"K9"})}, "host", True),
        (staff(unit="U9", hsa_id="K9"), {"member_ids": frozenset({"K9"})}, "participant", True),
    ],
    ids=["patient", "member", "unit's staff", "host of another unit", "staff of another unit"],
)
async def test_the_token_says_who_one_is_in_the_meeting(
    make_browser: MakeBrowser,
    front: Front,
    session: Any,
    changes: dict[str, Any],
    role: str,
    admitted: bool,
) -> None:
    await front.meetings.put(meeting(**changes), NOW)
    browser = await make_browser(session)
    status, body = await browser.send("POST", "/api/meetings/m1/token", {})
    assert status == 201
    claims = claims_of(body)
    assert (claims.role, claims.admitted, claims.room_id) == (role, admitted, "m1")
    assert (body["role"], body["admitted"]) == (role, admitted)
    assert (claims.grant_id, claims.unit) == (session.grant_id, UNIT)
    assert claims.expires_at == body["expires_at"] == NOW + 300
    assert claims.until == NOW + 2400 + 7200
    assert claims.scopes == {"join"}
    assert session.number is None or session.number not in repr(body)


@pytest.mark.attack
async def test_those_who_may_only_look_get_no_token(make_browser: MakeBrowser, front: Front) -> None:
    await front.meetings.put(meeting(), NOW)
    for role in ("viewer", "scheduler", "unit_admin", "region_admin", "sre"):
        browser = await make_browser(staff(role, hsa_id="SE5555555555-K7"))
        assert (await browser.send("POST", "/api/meetings/m1/token", {}))[0] in (403, 404), role


@pytest.mark.parametrize(
    ("at", "who", "expected"),
    [
        (-301, "patient", "not_open"),
        (-300, "patient", None),
        (-10_000, "staff", None),
        (2400 + 7199, "patient", None),
        (2400 + 7200, "patient", "meeting_over"),
        (2400 + 7200, "staff", "meeting_over"),
    ],
)
async def test_a_meeting_opens_and_closes(
    make_browser: MakeBrowser,
    make_front: MakeFront,
    at: int,
    who: str,
    expected: str | None,
) -> None:
    front = await make_front(clock=lambda: NOW + at)
    await front.meetings.put(meeting(), NOW)
    session = patient(PATIENT) if who == "patient" else staff()
    session = replace(session, created_at=int(NOW + at), seen_at=int(NOW + at))
    browser = await make_browser(session, front)
    status, body = await browser.send("POST", "/api/meetings/m1/token", {})
    assert (None if status == 201 else error(body)) == expected


async def test_a_late_token_ends_with_the_meeting(make_browser: MakeBrowser, make_front: MakeFront) -> None:
    end = int(NOW) + 2400 + 7200
    front = await make_front(clock=lambda: float(end - 10))
    await front.meetings.put(meeting(), NOW)
    browser = await make_browser(replace(staff(), created_at=end - 10, seen_at=end - 10), front)
    _, body = await browser.send("POST", "/api/meetings/m1/token", {})
    assert body["expires_at"] == end


async def test_who_was_admitted_stays_admitted_and_who_was_removed_gets_no_token(
    make_browser: MakeBrowser,
    front: Front,
) -> None:
    await front.meetings.put(meeting(), NOW)
    session = patient(PATIENT)
    browser = await make_browser(session)
    await front.admissions.admit("m1", session.grant_id)
    _, body = await browser.send("POST", "/api/meetings/m1/token", {})
    assert claims_of(body).admitted
    await front.admissions.remove("m1", session.grant_id)
    await front.admissions.admit("m1", session.grant_id)  # a late writer does not undo it
    status, body = await browser.send("POST", "/api/meetings/m1/token", {})
    assert (status, error(body)) == (403, "removed")


@pytest.mark.attack
async def test_logging_out_ends_the_place_in_the_meeting(
    make_browser: MakeBrowser,
    make_client: MakeClient,
    front: Front,
) -> None:
    await front.meetings.put(meeting(), NOW)
    browser = await make_browser(staff())
    _, body = await browser.send("POST", "/api/meetings/m1/token", {})
    client = await make_client()
    assert (await client.join(token=body["token"]))["ok"]
    assert (await browser.send("DELETE", "/api/session"))[0] in (200, 204)
    assert (await client.wait_for("closed"))["code"] == "revoked"
    again = await make_client()
    assert (await again.join(token=body["token"]))["error"]["code"] == "revoked"


async def test_a_cancelled_meeting_lets_nobody_in_any_more(
    make_browser: MakeBrowser,
    make_client: MakeClient,
    front: Front,
) -> None:
    await front.meetings.put(meeting(), NOW)
    browser = await make_browser(staff())
    _, body = await browser.send("POST", "/api/meetings/m1/token", {})
    client = await make_client()
    await client.join(token=body["token"])
    assert (await browser.send("DELETE", "/api/meetings/m1"))[0] == 204
    assert (await client.wait_for("closed"))["code"] == "room_closed"
    assert (await browser.send("POST", "/api/meetings/m1/token", {}))[0] == 404
    assert (await browser.ask("GET", "/api/meetings"))[1]["meetings"] == []
    again = await make_client()
    assert (await again.join(token=body["token"]))["error"]["code"] == "unknown_room"


async def test_nothing_of_a_meeting_stays_forever(front: Front) -> None:
    await front.meetings.put(meeting(member_ids=frozenset({OTHER_PATIENT})), NOW)
    keys = await front._redis.keys("ao:meeting*")
    assert len(keys) == 4
    for key in keys:
        assert 0 < await front._redis.ttl(key) <= 2400 + KEPT_S
