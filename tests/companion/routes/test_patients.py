"""Finding a patient by identity number: by staff, on the record and so many times; and patients who log in first."""

from typing import Any

import pytest
from sqlalchemy import func, select

from auth.audit import read_body
from companion.models.audit import AuditRow
from companion.models.people import Person
from companion.models.summons import PersonReach
from companion.services import Services
from tests.companion.people import FOREIGN_UNIT, OTHER_PROVIDER, Api, patient, proxy, service, staff
from tests.companion.world import World, found

NUMBER, SECRET_NUMBER, NEW_NUMBER = "199001012385", "19850615-2381", "197410102383"
REGISTER, FRONT = service("persons:write", name="register"), service("persons:login", name="front")
AGENT = staff("scheduler", actor="SE5555555555-A1")
ELSEWHERE = staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER, actor="SE5566778899-A1")


async def register(api: Api, number: str = NUMBER, **fields: Any) -> str:
    body = {"number": number, "given_name": "Anna Lisa", "family_name": "Testsson"} | fields
    answer = await api.ask("PUT", "/persons", REGISTER, body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["person_id"])


async def look_up(api: Api, who: Any = AGENT, number: str = NUMBER, purpose: str = "phone") -> tuple[int, Any]:
    answer = await api.post("/patients/lookup", who, {"number": number, "purpose": purpose})
    return answer.status_code, answer.json()


async def audited(services: Services) -> list[tuple[str, str | None, str | None]]:
    async with services.database.reading(services.clock()) as transaction:
        rows = (await transaction.session.scalars(select(AuditRow).order_by(AuditRow.number))).all()
        bodies = [read_body(row.body) for row in rows if row.action == "patient_lookup"]
        return [(body["actor"], body["patient"], body["resource"]) for body in bodies]


async def test_an_agent_finds_and_books_a_patient_by_number(world: World, services: Services) -> None:
    api = world.api
    person_id = await register(api)
    assert await look_up(api, number="900101-2385") == (
        200,
        {
            "person_id": person_id, "name": "Anna Lisa T.", "birth_date": None, "is_protected": False,
            "has_care_relation": False,
        },
    )  # fmt: skip
    body = {"slot_id": world.slots[0]["slot_id"], "patient_person_id": person_id}
    await api.made("/bookings", AGENT, body)
    status, shown = await look_up(api, purpose="care")
    assert (status, shown["name"], shown["birth_date"]) == (200, "Anna Lisa Testsson", "1990-01-01")
    assert shown["has_care_relation"] is True
    assert (await look_up(api, ELSEWHERE))[1]["name"] == "Anna Lisa T."  # they do not care for her
    assert await audited(services) == [
        (AGENT.actor, person_id, "lookup:phone"),
        (AGENT.actor, person_id, "lookup:care"),
        (ELSEWHERE.actor, person_id, "lookup:phone"),
    ]


async def test_who_is_protected_has_no_name_here(world: World) -> None:
    person_id = await register(world.api, SECRET_NUMBER, is_secret=True)
    for _ in range(2):
        status, shown = await look_up(world.api, number=SECRET_NUMBER)
        assert (status, shown["name"], shown["birth_date"]) == (200, "Skyddad identitet", None)
        assert (shown["person_id"], shown["is_protected"]) == (person_id, True)
        body = {"slot_id": world.slots[0]["slot_id"], "patient_person_id": person_id}
        await world.api.post("/bookings", AGENT, body)  # now there is a care relation


async def test_also_who_is_not_found_was_looked_up(api: Api, services: Services) -> None:
    status, problem = await look_up(api)
    assert (status, problem["code"]) == (404, "patient_unknown")
    person_id = await register(api)
    assert await audited(services) == [(AGENT.actor, person_id, "lookup:phone:unknown")]
    for number in ("199001012386", "nobody at all"):
        status, problem = await look_up(api, number=number)
        assert (status, problem["field"]) == (422, "number")
        assert number not in str(problem)


@pytest.mark.attack
async def test_nobody_leafs_through_the_population(api: Api) -> None:
    await register(api)
    statuses = [(await look_up(api, number=number))[0] for number in (NUMBER, NEW_NUMBER) * 11]
    assert statuses == [200, 404] * 10 + [429, 429]
    assert (await look_up(api, staff(actor="SE5555555555-A2")))[0] == 200  # each agent by themselves
    api.clock.advance(seconds=61)
    assert (await look_up(api))[0] == 200


@pytest.mark.attack
async def test_only_staff_of_a_unit_look_people_up(api: Api) -> None:
    await register(api)
    for who in (patient(), proxy(), staff("viewer"), staff("unit_admin"), REGISTER, FRONT):
        assert (await look_up(api, who))[0] == 403
    for body in ({"number": NUMBER}, {"number": NUMBER, "purpose": "curiosity"}):
        assert (await api.post("/patients/lookup", AGENT, body)).status_code == 422
    assert (await api.get(f"/patients/lookup?number={NUMBER}", AGENT)).status_code == 405


async def test_who_logs_in_first_can_be_booked_and_the_register_corrects_what_is_known(
    world: World, services: Services
) -> None:
    api, login = world.api, {"number": NEW_NUMBER, "name": "Karl Johan Ny"}
    made = await api.made("/persons/login", FRONT, login)
    assert made["is_new"] is True
    booked = await api.post("/bookings", patient(made["person_id"]), {"slot_id": world.slots[0]["slot_id"]})
    assert booked.status_code == 201
    assert await api.made("/persons/login", FRONT, login | {"name": "Annat"}) == made | {"is_new": False}
    async with services.database.reading(services.clock()) as transaction:
        person = await transaction.session.get_one(Person, made["person_id"])
        assert (person.given_name, person.family_name) == ("Karl Johan", "Ny")
        assert person.birth_date is not None
        assert person.birth_date.isoformat() == "1974-10-10"
        assert (await transaction.session.get_one(PersonReach, made["person_id"])).has_account
    await register(api, NEW_NUMBER, is_secret=True)
    await api.made("/persons/login", FRONT, login | {"name": "Ensam"})
    async with services.database.reading(services.clock()) as transaction:
        person = await transaction.session.get_one(Person, made["person_id"])
        assert (person.given_name, person.is_secret) == ("Anna Lisa", True)


@pytest.mark.attack
async def test_the_front_alone_asks_whether_an_identity_is_protected(api: Api, services: Services) -> None:
    await found(services)
    person = await register(api)
    path, masker = f"/persons/{person}/protection", service("persons:protection", name="front")
    assert (await api.get(path, masker)).json() == {"is_protected": False}
    await register(api, is_secret=True)
    assert (await api.get(path, masker)).json() == {"is_protected": True}
    assert (await api.get("/persons/p-" + "z" * 26 + "/protection", masker)).status_code == 404
    for who in (patient(), proxy(), staff(), staff("region_admin"), REGISTER, FRONT):
        assert (await api.get(path, who)).status_code in (403, 404)


@pytest.mark.attack
async def test_only_the_front_tells_of_logins(api: Api, services: Services) -> None:
    await found(services)
    for who in (patient(), staff("region_admin"), REGISTER, service("contacts:write")):
        assert (await api.post("/persons/login", who, {"number": NEW_NUMBER, "name": "X"})).status_code in (403, 404)
    async with services.database.reading(services.clock()) as transaction:
        count = await transaction.session.scalar(select(func.count()).select_from(Person))
    assert count == 3
