"""A person with a protected identity, and every surface of the companion: no name, no number, no address, and nothing
in calendars and events that tells where they are. New routes are found by themselves.
"""

import re
import zlib
from dataclasses import dataclass
from typing import Any, Final

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from auth.permissions import TABLE
from auth.principal import Principal
from companion.identity import Public
from companion.models.organisation import Unit
from companion.models.outbox import OutboxRow
from companion.services import Services
from tests.companion.people import (
    ANNA,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    OTHER_UNIT,
    PROVIDER,
    UNIT,
    Api,
    guest,
    patient,
    proxy,
    service,
    staff,
)
from tests.companion.test_permission_walk import Walked, routes_of
from tests.companion.world import World

GIVEN, FAMILY = "Gunhild", "Hemlighetsson"
NUMBER = "194511022388"
STREET, POSTAL_CODE, CITY = "Gömda gränden 17", "987 65", "Undangömdby"
PERSONAL: Final = (GIVEN, FAMILY, NUMBER, NUMBER[2:], STREET, POSTAL_CODE, CITY, "Gömda", "1945-11-02")
UNIT_NAME, UNIT_ADDRESS = "Södra kliniken", "Sjukhusbacken 10"
WHEREABOUTS: Final = (UNIT_NAME, UNIT_ADDRESS, UNIT)
RELATIVE_NUMBER = "198502142386"

MAY_SHOW: Final = {
    "/patients/{person_id}/record": "Staff who have opened this very patient see the name, marked (Surface.RECORD).",
    "/fhir/Patient/{person_id}": "The same, of a patient whom the unit treats; whoever else asks is told nothing.",
    "/fhir/Patient": "The same: patients are found by their id alone, and only by those who may read them.",
}
"""Routes that show a protected person, and why that is right."""

NURSE = staff("staff", "scheduler", actor="SE5555555555-K1")
REGISTER = service("persons:write")


def everybody(hidden: str, relative: str) -> dict[str, Principal | None]:
    """Whoever might see something, in each role; staff at home, next door and elsewhere."""
    foreigner = staff("staff", "region_admin", unit=FOREIGN_UNIT, provider=OTHER_PROVIDER, actor="SE5566778899-K9")
    return {
        "nobody": None,
        "nurse": NURSE,
        "viewer": staff("viewer"),
        "unit_admin": staff("unit_admin"),
        "region_admin": staff("region_admin", unit=OTHER_UNIT),
        "neighbour": staff("staff", "scheduler", unit=OTHER_UNIT, actor="SE5555555555-K2"),
        "foreigner": foreigner,
        "other_patient": patient(ANNA),
        "relative": patient(relative),
        "proxy": proxy(relative, hidden),
        "guest": guest(),
        "interpreter": guest("interpreter"),
        "program": service(*sorted(rule.service_scope for rule in TABLE.values() if rule.service_scope)),
    }


@dataclass(frozen=True)
class Life:
    """A person with a protected identity, and the ids of everything about them, by the names in paths."""

    hidden: str
    relative: str
    ids: dict[str, str]


async def registered(api: Api, number: str, **fields: Any) -> str:
    answer = await api.ask("PUT", "/persons", REGISTER, {"number": number} | fields)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["person_id"])


@pytest.fixture
async def life(world: World, services: Services) -> Life:
    """A life in the companion, with all that can be listed about somebody."""
    api = world.api
    hidden = await registered(
        api,
        NUMBER,
        given_name=GIVEN,
        family_name=FAMILY,
        street=STREET,
        postal_code=POSTAL_CODE,
        city=CITY,
        is_protected_registration=True,
    )
    relative = await registered(api, RELATIVE_NUMBER, given_name="Anna", family_name="Anhörig")
    async with services.database.transaction(services.clock()) as transaction:
        unit = await transaction.session.get_one(Unit, UNIT)
        unit.name, unit.address = UNIT_NAME, UNIT_ADDRESS
    me, slots = patient(hidden), [one["slot_id"] for one in world.slots]
    booking = await api.made("/bookings", me, {"slot_id": slots[0]})
    again = await api.made("/bookings", NURSE, {"slot_id": slots[5], "patient_person_id": hidden})
    await api.made(f"/bookings/{again['booking_id']}/rebook", me, {"slot_id": slots[6]})
    summons = await api.made("/summons/timed", NURSE, {"booking_id": again["booking_id"], "title": "Återbesök"})
    await api.made(f"/summons/{summons['summons_id']}/send", NURSE)
    batch = await api.made(f"/units/{UNIT}/letter-batches", NURSE)
    # A relative acts for them, and they act for the relative.
    until = {"scopes": ["book"], "valid_until": "2027-06-01T00:00:00Z"}
    grant = await api.made("/grants", me, {"proxy_number": RELATIVE_NUMBER} | until)
    await api.made("/grants", patient(relative), {"proxy_number": NUMBER} | until)
    block = await api.made("/blocks", me, {"provider_hsa_id": PROVIDER})
    await api.made("/record-consents", NURSE, {"patient_person_id": hidden, "ends_at": "2027-03-02T00:00:00Z"})
    wish = {"patient_person_id": hidden, "reason": "life_or_health", "reason_text": "Medvetslös på akuten"}
    opened = await api.made("/emergency-accesses", NURSE, wish)
    looks = (await api.get("/looks", me)).json()["looks"]
    look = next(one for one in looks if one["actor_kind"] == "staff")
    asked = await api.made(f"/looks/{look['chain']}/{look['number']}/question", me, {"text": "Varför?"})
    api.clock.advance(hours=1)
    period = {"begins_at": "2027-03-01T00:00:00Z", "ends_at": "2027-03-01T08:00:00Z"}
    sample = await api.made("/audit-samples", staff("unit_admin", actor="SE5555555555-K8"), period)
    ids = {
        "hsa_id": UNIT,
        "day": "2027-03-08",
        "booking_id": booking["booking_id"],
        "slot_id": slots[0],
        "schedule_id": world.schedule_id,
        "time_type_id": world.time_type_id,
        "summons_id": summons["summons_id"],
        "batch_id": batch["batch_id"],
        "grant_id": grant["grant_id"],
        "relation_id": grant["grant_id"],
        "consent_id": block["block_id"],
        "access_id": opened["access_id"],
        "question_id": asked["question_id"],
        "sample_id": sample["sample_id"],
        "person_id": hidden,
        "kind": "booking",
        "item_id": booking["booking_id"],
    }
    return Life(hidden, relative, ids)


def texts(content: bytes) -> str:
    """An answer as text; of a PDF also what its compressed streams say."""
    found = [content]
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL):
        try:
            found.append(zlib.decompressobj().decompress(stream))  # its last byte may look like the line's end
        except zlib.error:
            found.append(stream)
    return "\n".join(part.decode("utf-8", "replace") + part.decode("latin-1") for part in found)


def told(text: str) -> list[str]:
    return [one for one in PERSONAL if one.lower() in text.lower()]


def filled(path: str, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: ids.get(match[1], "xx-" + "a" * 26), path)


def may_ask(route: Walked, who: Principal | None) -> bool:
    """Whether the role opens the route at all."""
    if isinstance(route.guard, Public):
        return True
    return who is not None and any(role in who.roles for role, _ in TABLE[route.guard.action].allowed)


@pytest.mark.attack
async def test_no_surface_tells_who_somebody_is_that_hides(app: FastAPI, api: Api, life: Life) -> None:
    """Every GET of the application by everybody, about that person, on that day."""
    query = f"?day=2027-03-08&patient_person_id={life.hidden}&patient={life.hidden}&all=true&own_too=true"
    answered: set[str] = set()
    for route in routes_of(app):
        if route.method != "GET":
            continue
        for name, who in everybody(life.hidden, life.relative).items():
            if not may_ask(route, who):  # test_permission_walk.py: they are refused before anything is looked up
                continue
            # /fhir passes over what it does not know only for whom prefers that.
            by_id = f"&_id={life.hidden}" if route.path == "/fhir/Patient" else ""
            answer = await api.get(filled(route.path, life.ids) + query + by_id, who, Prefer="handling=lenient")
            if route.path not in MAY_SHOW or name != "nurse":
                assert told(texts(answer.content)) == [], (name, route.path)
            if answer.status_code == 200:
                answered.add(route.path)
    assert answered >= set(MAY_SHOW) | {
        "/bookings",
        "/bookings/{booking_id}",
        "/summons",
        "/letter-batches/{batch_id}/pdf",
        "/proxies",
        "/persons/{person_id}/proxies",
        "/emergency-accesses",
        "/audit-entries",
        "/audit-events",
        "/audit-questions",
        "/audit-samples/{sample_id}",
        "/looks",
        "/fhir/Appointment/{booking_id}",
        "/fhir/Appointment",
        "/fhir/AuditEvent",
        "/fhir/Consent",
        "/fhir/Consent/{consent_id}",
        "/fhir/Encounter",
        "/fhir/RelatedPerson/{relation_id}",
        "/fhir/Slot",
    }


async def test_staff_are_told_that_care_is_needed(api: Api, life: Life) -> None:
    rows = (await api.get("/bookings?day=2027-03-08", NURSE)).json()["bookings"]
    assert {one["patient_name"] for one in rows} == {"Skyddad identitet"}
    record = (await api.get(f"/patients/{life.hidden}/record", NURSE)).json()
    assert (record["patient"]["name"], record["patient"]["is_marked"]) == (f"{GIVEN} {FAMILY}", True)


async def test_those_who_act_for_each_other_are_not_even_told_of_the_protection(api: Api, life: Life) -> None:
    answer = (await api.get("/proxies", patient(life.relative))).json()
    assert [one["name"] for one in answer["i_act_for"]] == ["Deltagare"]
    assert [one["name"] for one in answer["act_for_me"]] == ["Deltagare"]


async def test_no_calendar_has_a_visit(api: Api, life: Life) -> None:
    path = f"/bookings/{life.ids['booking_id']}/calendar"
    for who in (patient(life.hidden), proxy(life.relative, life.hidden), NURSE):
        answer = await api.get(path, who)
        assert (answer.status_code, answer.json()["code"]) == (409, "feed_protected")
        assert not [one for one in WHEREABOUTS if one in answer.text]
    assert (await api.post("/calendar-feed", patient(life.hidden))).status_code == 409


async def test_a_feed_that_was_there_before_tells_nothing_any_more(api: Api, world: World) -> None:
    person_id = await registered(api, NUMBER, given_name=GIVEN, family_name=FAMILY)
    await api.made("/bookings", patient(person_id), {"slot_id": world.slots[0]["slot_id"]})
    feed = (await api.made("/calendar-feed", patient(person_id)))["path"]
    assert "VEVENT" in (await api.get(feed)).text
    await registered(api, NUMBER, given_name=GIVEN, family_name=FAMILY, is_secret=True)
    assert (await api.get(feed)).status_code == 404


async def test_events_say_that_the_identity_is_protected_and_nothing_else_of_it(
    api: Api, services: Services, life: Life, world: World
) -> None:
    await api.made("/bookings", patient(ANNA), {"slot_id": world.slots[9]["slot_id"]})
    async with services.database.reading(services.clock()) as transaction:
        rows = (await transaction.session.scalars(select(OutboxRow))).all()
    about = [row.payload for row in rows if row.payload.get("patient") == life.hidden]
    assert len(about) >= 3
    assert all(one["is_protected"] is True for one in about)
    others = [row.payload for row in rows if row.payload.get("patient") == ANNA]
    assert [one["is_protected"] for one in others] == [False]
    for row in rows:
        assert told(str(row.payload)) == []
        assert UNIT_NAME not in str(row.payload)
        assert UNIT_ADDRESS not in str(row.payload)


async def test_the_letter_is_forwarded_by_the_authority_that_knows_the_address(api: Api, life: Life) -> None:
    answer = await api.get(f"/letter-batches/{life.ids['batch_id']}/pdf", NURSE)
    text = texts(answer.content)
    assert told(text) == []
    assert "Skatteverket" in text
    assert life.ids["summons_id"] in text
