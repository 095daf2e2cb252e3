"""The front's audit log is taken over: each entry once, only when it is linked, and then patients see it too."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from auth.audit import AuditKeys, LinkedEntry
from companion.models.audit import FrontAuditRow
from companion.services import Services
from companion.store.audit import verify_stored
from tests.companion.conftest import AUDIT_KEYS
from tests.companion.front_chain import FRONT, chain, hand_over
from tests.companion.people import Api, patient, service, staff
from tests.companion.world import World


async def held(api: Api) -> int:
    answer = await api.get("/front-audit/head", FRONT)
    assert answer.status_code == 200
    return int(answer.json()["number"])


async def fault(services: Services) -> tuple[int, str] | None:
    async with services.database.reading(services.clock()) as transaction:
        found = (await verify_stored(transaction.session, AUDIT_KEYS, of=FrontAuditRow)).fault
    return None if found is None else (found.number, found.cause)


async def test_what_comes_again_is_kept_once(api: Api, services: Services) -> None:
    made = chain(7)
    assert await held(api) == 0
    first = await hand_over(api, made[:3])
    assert first.json() == {"number": 3, "hash": made[2].hash.hex()}
    for part in (made[:3], made[1:5], made[:7], made[6:]):
        assert (await hand_over(api, part)).status_code == 200
    assert await held(api) == 7
    assert await fault(services) is None


def tampered(made: list[LinkedEntry], what: str) -> list[LinkedEntry]:
    changed = replace(made[3], body=made[3].body.replace(b"meeting_admit", b"meeting_leave"))
    return {
        "changed": [*made[:3], changed, *made[4:]],
        "left_out": [*made[:3], *made[4:]],
        "moved": [*made[:3], made[4], made[3], *made[5:]],
        "gap": made[4:],
        "foreign_key": chain(6, keys=AuditKeys({"other": b"o" * 32})),
        "no_json": [replace(made[0], body=b"{]")],
    }[what]


@pytest.mark.attack
@pytest.mark.parametrize("what", ["changed", "left_out", "moved", "gap", "foreign_key", "no_json"])
async def test_what_is_not_linked_is_refused_whole(api: Api, what: str) -> None:
    made = chain(6)
    answer = await hand_over(api, tampered(made, what))
    assert (answer.status_code, answer.json()["code"]) == (409, "audit_chain_broken")
    assert await held(api) == 0
    assert (await hand_over(api, made)).status_code == 200


@pytest.mark.attack
async def test_what_is_held_cannot_be_replaced(api: Api, services: Services) -> None:
    await hand_over(api, chain(4))
    forged = chain(4, actor="SE5555555555-K2")
    answer = await hand_over(api, forged)
    assert (answer.status_code, answer.json()["number"]) == (409, 1)
    longer = chain(6, actor="SE5555555555-K2")
    assert (await hand_over(api, longer[4:])).status_code == 409
    assert await fault(services) is None


@pytest.mark.attack
@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DELETE FROM front_audit_entry WHERE number = 2", (2, "missing")),
        ("DELETE FROM front_audit_entry WHERE number = 3", (3, "truncated")),
        ("UPDATE front_audit_entry SET patient = NULL WHERE number = 2", (2, "changed")),
    ],
)
async def test_tampering_with_what_is_held_is_found(
    api: Api, services: Services, statement: str, found: tuple[int, str]
) -> None:
    await hand_over(api, chain(3))
    async with services.database.transaction(services.clock()) as transaction:
        await transaction.session.execute(text(statement))
    assert await fault(services) == found


async def test_values_that_are_longer_than_a_column_are_taken_too(api: Api, services: Services) -> None:
    answer = await hand_over(api, chain(2, unit="U" * 200, provider="P" * 200, actor="a" * 256))
    assert answer.status_code == 200
    assert await fault(services) is None


async def test_the_patient_sees_both_logs_as_one(api: Api, world: World) -> None:
    now_ms = int(api.clock.now.timestamp() * 1000)
    booking = await api.made(
        "/bookings", staff(), {"slot_id": world.slots[0]["slot_id"], "patient_person_id": patient().actor}
    )
    await hand_over(api, chain(3, at_ms=now_ms + 1000))
    api.clock.advance(seconds=2)
    await api.get(f"/bookings/{booking['booking_id']}", staff())
    seen: list[tuple[str, str]] = []
    query = "?limit=2"
    for _ in range(4):
        page = (await api.get(f"/looks{query}", patient())).json()
        seen += [(one["chain"], one["action"]) for one in page["looks"]]
        if page["next_before"] is None:
            break
        query = f"?limit=2&before={page['next_before']}"
    assert seen == [
        ("companion", "booking_read"),
        *[("front", "meeting_admit")] * 3,
        ("companion", "booking_create"),
    ]
    events = (await api.get("/fhir/AuditEvent", patient())).json()
    ids = [one["resource"]["id"] for one in events["entry"]]
    assert {"front-1", "front-2", "front-3"} <= set(ids)


@pytest.mark.attack
@pytest.mark.parametrize("who", [service("rooms:write"), service(), staff("region_admin"), patient(), None])
async def test_only_the_front_hands_over(api: Api, who: Any) -> None:
    wanted = 401 if who is None else 403
    assert (await api.post("/front-audit/entries", who, {"entries": []})).status_code in (wanted, 422)
    assert (await api.get("/front-audit/head", who)).status_code == wanted
    body = {"entries": [{"number": 1, "body": "{}", "hash": "0" * 64}]}
    assert (await api.post("/front-audit/entries", who, body)).status_code == wanted


@pytest.mark.parametrize(
    "one",
    [
        {"number": 0, "body": "{}", "hash": "0" * 64},
        {"number": 1, "body": "å" * 5, "hash": "0" * 64},
        {"number": 1, "body": "{}", "hash": "0"},
    ],
)
async def test_what_cannot_be_an_entry(api: Api, one: dict[str, Any]) -> None:
    answer = await api.post("/front-audit/entries", FRONT, {"entries": [one]})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
