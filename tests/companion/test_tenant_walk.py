"""Every route x real ids of one care provider, asked by another one's staff in every role: refused, or not there.

New routes are found by themselves. One that answers all the same stands in ``ANSWERS`` with its reason, and what it
answers names nothing of the other provider's units.
"""

import random
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi import FastAPI

from auth.development.persons import PROVIDER_COMPANY, PROVIDER_REGION, UNIT_HEALTH_CENTRE, UNIT_MATERNITY, UNIT_REHAB
from auth.permissions import TABLE
from companion.demo.organisation import UNIT_VACCINATION
from companion.identity import Guard
from companion.rules.local_time import local_date
from tests.companion.people import staff
from tests.companion.schema_bodies import BODIES
from tests.companion.schema_cases import Asker, Pool, _Leading, kind_of
from tests.companion.schema_world import CENTRE, SchemaWorld
from tests.companion.test_permission_walk import STAFF_ROLES, Walked, routes_of
from tests.companion.test_schema import _APPLICATIONS, Filled, filled

__all__ = ["filled"]

FOREIGN: Final = staff(
    "staff",
    "scheduler",
    "viewer",
    "unit_admin",
    "region_admin",
    "sre",
    unit=UNIT_REHAB,
    provider=PROVIDER_COMPANY,
    actor="SE5566778899-P009",
)
OWNER: Final = Asker(UNIT_HEALTH_CENTRE, None)
OWNERS_UNITS: Final = (UNIT_HEALTH_CENTRE, UNIT_MATERNITY, UNIT_VACCINATION)
DAYS: Final = "first=2027-03-01&last=2027-03-08"
WORDS: Final[Mapping[str, str]] = {
    "area": "0180", "chain": "companion", "day": "2027-03-08", "entry_kind": "case", "number": "1", "role": "staff",
    "side": "host", "ticket": "1", "version": "1", "week": "2027-W30",
}  # fmt: skip
QUERIES: Final[Mapping[str, str]] = {
    "/units/{hsa_id}/interpreter-orders": "day=2027-03-08",
    "/units/{hsa_id}/fees": DAYS,
    "/units/{hsa_id}/fees.csv": DAYS,
    "/units/{hsa_id}/visit-quality": DAYS,
    "/units/{hsa_id}/maternity-allotments": "week=2027-W30",
    "/summons/{summons_id}/attachments": "name=a.pdf",
}
NOT_READ: Final[Mapping[str, str]] = {
    "DELETE /reserve/{entry_id}": "an entry_id of another kind; tests/companion/routes/test_reserve.py asks it",
    "DELETE /summons/{summons_id}/attachments/{attachment_id}": "no attachment there; test_summons_attachments.py",
    "GET /summons/{summons_id}/attachments/{attachment_id}": "no attachment there; test_summons_attachments.py",
    "POST /summons/{summons_id}/attachments": "its body is a PDF; test_summons_attachments.py",
    "POST /fee-rules/{rule_id}/end": "a rule_id of another kind; test_fees.py",
    "POST /audit-questions/{question_id}/answer": "a question_id of another kind; test_audit_review.py",
    "PATCH /fhir/Appointment/{booking_id}": "its body is a JSON patch; test_fhir.py",
}
"""Requests that are refused before anybody looks at whose thing it is, and which test asks instead."""
MORE_BODIES: Final[Mapping[str, Any]] = {
    "POST /bookings/{booking_id}/participants": {"kind": "relative", "person_id": "@"},
    "PUT /bookings/{booking_id}/interpreter": {"name": "Tolk"},
    "POST /summons/{summons_id}/answer-by-phone": {"answer": "decline"},
    "POST /units/{hsa_id}/drop-in/{day}/tickets/{ticket}/booking": {"time_type_id": "@", "patient_person_id": "@"},
}
ANSWERS: Final[Mapping[str, str]] = {
    "PUT /maternity/areas/{area}/position": "where a municipality lies is nobody's; it stands in no record",
    "POST /blocks/{block_id}/lift": "the block is against the asker's own provider: it is for its unit to lift",
    "GET /patients/{person_id}/record": "a patient's record is shown as far as relation, consent and blocks allow",
    "GET /fhir/Patient/{person_id}": "the same patient; what belongs to units is not in it",
}
"""Routes that answer about an id of the other provider's."""


def address(route: Walked, pool: Pool) -> tuple[str, bool]:
    """The path with the owner's ids in its places; whether there is something real in each."""
    is_real = True

    def fill(match: re.Match[str]) -> str:
        nonlocal is_real
        name = match[1]
        if name == "hsa_id":
            return PROVIDER_REGION if route.path.startswith("/providers") else UNIT_HEALTH_CENTRE
        if name in WORDS:
            return WORDS[name]
        known = pool.some(kind_of(name) or name, random.Random(1), UNIT_HEALTH_CENTRE)
        is_real &= known is not None
        return known or "xx-" + "a" * 26

    return re.sub(r"\{(\w+)\}", fill, route.path), is_real


async def fill_more(world: SchemaWorld) -> None:
    """What the demo data lack: letters, a series, a template and a closure of it, somebody who waits."""
    api, pool = world.api, world.pool

    async def made(method: str, path: str, who: Any = CENTRE, body: Any = None) -> Any:
        answer = await api.ask(method, path, who, body)
        assert answer.status_code < 300, (method, path, answer.text)
        pool.learn(answer.json(), UNIT_HEALTH_CENTRE)
        return answer.json()

    today = local_date(world.services.clock())
    later = (today + timedelta(days=60)).isoformat()
    kind = await made("POST", f"/units/{UNIT_HEALTH_CENTRE}/time-types", body=BODIES["POST /units/{hsa_id}/time-types"])
    schedule = (await made("POST", f"/units/{UNIT_HEALTH_CENTRE}/schedules", body={"name": "T"}))["schedule_id"]
    line = {
        "time_type_id": kind["time_type_id"], "weekdays": "0123456", "begins": "20:00", "ends": "22:00",
        "slot_minutes": 30, "valid_from": today.isoformat(), "on_holidays": True,
    }  # fmt: skip
    await made("POST", f"/schedules/{schedule}/templates", body=line)
    await made("POST", f"/schedules/{schedule}/slots", body={"first": later, "last": later})
    begins = world.services.clock() + timedelta(days=80)
    closing = {"starts_at": begins.isoformat(), "ends_at": (begins + timedelta(hours=1)).isoformat()}
    await made("POST", f"/schedules/{schedule}/closures", body=closing)
    slots = await made("GET", f"/schedules/{schedule}/days/{later}")
    maria = world.people["maria"]
    wish = {"slot_ids": [slots[0]["slot_id"]], "patient_person_id": maria}
    (booking,) = (await made("POST", "/series", body=wish))["bookings"]
    path = f"/bookings/{booking['booking_id']}/participants"
    await made("POST", path, body={"kind": "relative", "person_id": world.people["bengt"]})
    wish = {"time_type_id": kind["time_type_id"], "patient_person_id": maria}
    await made("POST", f"/units/{UNIT_HEALTH_CENTRE}/reserve", body=wish)
    summons = await made("POST", "/summons/timed", body={"booking_id": booking["booking_id"], "title": "Kallelse"})
    await made("POST", f"/summons/{summons['summons_id']}/send")
    batch = await api.post(f"/units/{UNIT_HEALTH_CENTRE}/letter-batches", CENTRE)
    pool.learn(batch.json(), UNIT_HEALTH_CENTRE)
    await made("GET", f"/units/{UNIT_HEALTH_CENTRE}/letters")


def staffs(app: FastAPI) -> list[Walked]:
    """The routes that staff of some role may ask."""
    return [
        route
        for route in routes_of(app)
        if isinstance(route.guard, Guard) and {role for role, _ in TABLE[route.guard.action].allowed} & set(STAFF_ROLES)
    ]


@pytest.mark.attack
async def test_another_providers_staff_get_nothing_by_its_ids(filled: Filled, tmp_path: Path) -> None:
    wrong, real = [], 0
    async with filled.copy(tmp_path) as world:
        await fill_more(world)
        leading = _Leading(world.pool, random.Random(1), world.services.clock(), OWNER, 1.0)
        for route in staffs(_APPLICATIONS[0]):
            name = f"{route.method} {route.path}"
            if "{" not in route.path or name in ANSWERS or name in NOT_READ:
                continue
            path, is_real = address(route, world.pool)
            body = {**BODIES, **MORE_BODIES}.get(name, {} if route.method in ("POST", "PUT", "PATCH") else None)
            query = QUERIES.get(route.path, "")
            answer = await world.api.ask(route.method, f"{path}?{query}", FOREIGN, leading.through(body))
            real += is_real and answer.status_code in (403, 404)
            if answer.status_code < 400 or (is_real and answer.status_code not in (403, 404)):
                wrong.append(f"{name}: {answer.status_code} {answer.text[:120]}")
    assert "\n".join(wrong) == ""
    assert real > 100, real
    assert {*ANSWERS, *NOT_READ} <= {f"{route.method} {route.path}" for route in staffs(_APPLICATIONS[0])}


@pytest.mark.attack
async def test_lists_and_what_answers_all_the_same_name_nothing_of_another_providers_units(
    filled: Filled, tmp_path: Path
) -> None:
    wrong, answered = [], 0
    async with filled.copy(tmp_path) as world:
        await fill_more(world)
        for route in staffs(_APPLICATIONS[0]):
            name = f"{route.method} {route.path}"
            if route.method != "GET" or ("{" in route.path and name not in ANSWERS):
                continue
            path, _ = address(route, world.pool)
            answer = await world.api.get(f"{path}?{'day=2027-03-01' if path == '/bookings' else ''}", FOREIGN)
            answered += answer.status_code == 200
            if answer.status_code == 200 and any(unit in answer.text for unit in OWNERS_UNITS):
                wrong.append(f"{name}: {answer.text[:300]}")
    assert "\n".join(wrong) == ""
    assert answered > 10, answered
