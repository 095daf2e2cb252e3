"""People over FHIR: shown as the other routes show them, to the same people, and to nobody else."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from auth.audit import read_body
from companion.models.audit import AuditRow
from companion.services import Services
from tests.companion.fhir_checker import check
from tests.companion.fhir_client import code_of, ids, read, refused, search, search_in_body
from tests.companion.people import (
    ANNA,
    BO,
    CHILD,
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
from tests.companion.world import World, found

NURSE = staff()
NEIGHBOUR = staff(unit=OTHER_UNIT, actor="SE5555555555-K3")
FOREIGNER = staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER, actor="SE5566778899-K9")
ADMIN = staff("unit_admin")
NUMBER = "198502142386"
PERSONNUMMER = "http://electronichealth.se/identifier/personnummer"


async def registered(api: Api, number: str = NUMBER, **fields: Any) -> str:
    body = {"number": number, "given_name": "Greta", "family_name": "Garbo", "sex": "female"} | fields
    return str((await api.ask("PUT", "/persons", service("persons:write"), body)).json()["person_id"])


async def booked(world: World, person_id: str, number: int = 0, who: Any = NURSE) -> str:
    wish = {"slot_id": world.slots[number]["slot_id"], "patient_person_id": person_id}
    return str((await world.api.made("/bookings", who, wish))["booking_id"])


async def entries(services: Services, action: str) -> list[dict[str, Any]]:
    async with services.database.reading(services.clock()) as transaction:
        query = select(AuditRow.body).where(AuditRow.action == action).order_by(AuditRow.number)
        return [read_body(body) for body in (await transaction.session.scalars(query)).all()]


# --- patients ----------------------------------------------------------------------------------------------------


async def test_a_patient_reads_who_they_are(api: Api, services: Services) -> None:
    await found(services)
    me = await read(api, f"Patient/{ANNA}", patient())
    assert me["identifier"] == [{"use": "official", "system": PERSONNUMMER, "value": "199005172382"}]
    assert (me["gender"], me["birthDate"]) == ("female", "1990-05-17")
    assert await search(api, "Patient", patient()) == [me]
    assert await search(api, f"Patient?_id={ANNA},{BO}", patient()) == [me]
    assert [one["outcome"] for one in await entries(services, "patient_read")] == [
        "allowed",
        "allowed",
        "allowed",
        "refused",
    ]


async def test_whoever_acts_for_somebody_sees_a_name(api: Api, services: Services) -> None:
    await found(services)
    seen = await read(api, f"Patient/{CHILD}", proxy())
    assert set(seen) == {"resourceType", "id", "name"}
    assert await refused(api, f"Patient/{ANNA}", proxy()) == (404, "not_found")  # not oneself at the same time
    assert await refused(api, f"Patient/{CHILD}", proxy(ANNA, CHILD, frozenset({"messages"}))) == (403, "forbidden")


async def test_staff_read_whom_their_unit_treats(api: Api, world: World) -> None:
    assert await refused(api, f"Patient/{ANNA}", NURSE) == (403, "no_care_relation")
    await booked(world, ANNA)
    seen = await read(api, f"Patient/{ANNA}", NURSE)
    assert seen["identifier"][0]["value"] == "199005172382"
    assert "meta" not in seen
    assert await search(api, f"Patient?_id={ANNA},{CHILD}", NURSE) == [seen]
    assert await refused(api, "Patient", NURSE) == (400, "parameter_value")
    many = ",".join(["x"] * 21 + [str(number) for number in range(21)])
    assert await refused(api, f"Patient?_id={many}", NURSE) == (400, "parameter_value")


@pytest.mark.attack
async def test_nobody_reads_whom_they_do_not_treat(api: Api, world: World) -> None:
    await booked(world, ANNA)
    for who in (NEIGHBOUR, FOREIGNER):
        assert await refused(api, f"Patient/{ANNA}", who) == (403, "no_care_relation")
        assert await search(api, f"Patient?_id={ANNA}", who) == []
    for who in (patient(BO), proxy(BO, CHILD)):
        assert await refused(api, f"Patient/{ANNA}", who) == (404, "not_found")
        assert await search(api, f"Patient?_id={ANNA}", who) == []
    for who in (staff("scheduler"), staff("viewer"), staff("unit_admin"), staff("sre"), service("persons:write")):
        assert await refused(api, f"Patient/{ANNA}", who) == (403, "forbidden")
        assert await refused(api, f"Patient?_id={ANNA}", who) == (403, "forbidden")
    assert await refused(api, f"Patient/{ANNA}") == (401, "not_logged_in")
    # What was tried is in the log of the patient whom it was about.
    tried = [one for one in await entries(world.services, "patient_read") if one["outcome"] == "refused"]
    assert [one["patient"] for one in tried].count(ANNA) == 8


async def test_a_number_is_searched_for_in_the_body_alone(api: Api, world: World, services: Services) -> None:
    person_id = await registered(api)
    await booked(world, person_id)
    assert await refused(api, f"Patient?identifier={NUMBER}", NURSE) == (400, "parameter_value")
    answer = await search_in_body(api, "Patient", NURSE, f"identifier={PERSONNUMMER}|{NUMBER}".encode())
    bundle = check(answer.json())
    assert [entry["resource"]["id"] for entry in bundle["entry"]] == [person_id]
    assert NUMBER not in str(bundle["link"])
    for body in (b"identifier=urn:else|" + NUMBER.encode(), b"identifier=197001012389", b"_id=x&identifier=8502142386"):
        answer = await search_in_body(api, "Patient", NURSE, body)
        assert (answer.status_code, answer.json().get("entry")) == (200, None), body
    answer = await search_in_body(api, "Patient", NURSE, b"identifier=198502142387")
    assert code_of(answer) == (400, "parameter_value")
    assert "1985" not in answer.text
    # Whose number it is, and whether we know them, is told to nobody who may not see them.
    for who in (NEIGHBOUR, FOREIGNER, patient()):
        answer = await search_in_body(api, "Patient", who, f"identifier={NUMBER}".encode())
        assert (answer.status_code, answer.json().get("entry")) == (200, None)


@pytest.mark.attack
async def test_a_protected_identity_is_shown_to_those_who_treat_and_marked(api: Api, world: World) -> None:
    await booked(world, BO)
    seen = await read(api, f"Patient/{BO}", NURSE)
    assert seen["meta"]["security"][0]["code"] == "V"
    assert seen["name"] == [{"text": "Test bbbb"}]
    hidden = await read(api, f"Patient/{BO}", proxy(ANNA, BO))
    assert hidden == {"resourceType": "Patient", "id": BO, "name": [{"text": "Deltagare"}]}


# --- who acts for whom -------------------------------------------------------------------------------------------


async def test_both_sides_see_who_acts_for_whom(api: Api, services: Services) -> None:
    await found(services)
    proxy_id = await registered(api)
    until = {"scopes": ["book"], "valid_until": "2027-06-01T00:00:00Z"}
    grant = await api.made("/grants", patient(), {"proxy_number": NUMBER} | until)
    mine = await search(api, "RelatedPerson", patient())
    assert [(one["id"], one["name"][0]["text"], one["active"]) for one in mine] == [
        (grant["grant_id"], "Greta Garbo", True)
    ]
    assert mine[0]["patient"] == {"reference": f"Patient/{ANNA}"}
    assert "1985" not in str(mine)
    assert await search(api, f"RelatedPerson?patient=Patient/{ANNA}&active=true", patient(proxy_id)) == mine
    assert await read(api, f"RelatedPerson/{grant['grant_id']}", patient(proxy_id)) == mine[0]
    assert await search(api, f"RelatedPerson?patient={BO}", patient()) == []
    assert await search(api, "RelatedPerson?active=false", patient()) == []
    # Nobody else.
    assert await search(api, f"RelatedPerson?patient={ANNA}", patient(BO)) == []
    assert await refused(api, f"RelatedPerson/{grant['grant_id']}", patient(BO)) == (404, "not_found")
    for who in (proxy(proxy_id, ANNA), NURSE, ADMIN):
        assert await refused(api, f"RelatedPerson/{grant['grant_id']}", who) == (403, "forbidden")


async def test_a_guardian_is_a_related_person(api: Api, services: Services) -> None:
    await found(services)
    parent = await registered(api)
    child = await registered(api, "201909112383", given_name="Barnet")
    register = service("proxies:write")
    assert (await api.ask("PUT", f"/custody/{child}", register, {"guardians": [parent]})).status_code == 204
    made = await api.made("/guardianships", patient(parent), {"child_number": "201909112383"})
    (seen,) = await search(api, "RelatedPerson", patient(parent))
    assert seen["id"] == made["guardianship_id"]
    assert seen["relationship"][0]["coding"][0]["code"] == "GUARD"
    assert seen["name"] == [{"text": "Greta Garbo"}]


# --- consents ----------------------------------------------------------------------------------------------------


async def test_blocks_liftings_and_consents_are_consents(api: Api, services: Services) -> None:
    await found(services)
    tomorrow = (START + timedelta(days=1)).isoformat()
    block = (await api.made("/blocks", patient(), {"provider_hsa_id": PROVIDER, "unit_hsa_id": OTHER_UNIT}))["block_id"]
    wish = {"unit_hsa_id": UNIT, "ends_at": (START + timedelta(hours=2)).isoformat()}
    lifting = (await api.made("/block-liftings", patient(), wish))["lifting_id"]
    wish = {"provider_hsa_id": PROVIDER, "ends_at": tomorrow}
    consent = (await api.made("/record-consents", patient(), wish))["consent_id"]
    seen = {one["id"]: one for one in await search(api, "Consent", patient())}
    assert {key: one["provision"]["type"] for key, one in seen.items()} == {
        block: "deny",
        lifting: "permit",
        consent: "permit",
    }
    for key, one in seen.items():
        assert await read(api, f"Consent/{key}", patient()) == one
    api.clock.advance(hours=3)
    assert await ids(api, "Consent?status=inactive", patient()) == [lifting]
    # Staff see what concerns their unit: never where else something is blocked.
    assert await ids(api, f"Consent?patient=Patient/{ANNA}", NURSE) == [lifting, consent]
    assert await ids(api, f"Consent?patient={ANNA}", NEIGHBOUR) == [block, consent]
    assert await search(api, f"Consent?patient={ANNA}", FOREIGNER) == []
    assert await refused(api, f"Consent/{block}", NURSE) == (404, "not_found")
    assert await refused(api, f"Consent/{consent}", FOREIGNER) == (404, "not_found")
    assert await refused(api, f"Consent/co-{'a' * 26}", NURSE) == (404, "not_found")


@pytest.mark.attack
async def test_others_see_no_consent(api: Api, services: Services) -> None:
    await found(services)
    block = (await api.made("/blocks", patient(), {"provider_hsa_id": PROVIDER}))["block_id"]
    assert await refused(api, f"Consent/{block}", patient(BO)) == (404, "not_found")
    assert await refused(api, f"Consent?patient={ANNA}", patient(BO)) == (404, "not_found")
    for who in (proxy(BO, ANNA), staff("scheduler"), staff("viewer"), ADMIN):
        assert await refused(api, f"Consent/{block}", who) == (403, "forbidden")
        assert await refused(api, f"Consent?patient={ANNA}", who) == (403, "forbidden")
    assert await refused(api, "Consent", NURSE) == (400, "parameter_value")


# --- staff -------------------------------------------------------------------------------------------------------


async def test_an_administrator_sees_staff_and_roles(api: Api, services: Services) -> None:
    await found(services)
    siv = {"staff_hsa_id": "SE5555555555-S1", "name": "Siv Sjuksköterska", "valid_from": "2027-03-01"}
    staff_role = await api.made(f"/units/{UNIT}/roles", ADMIN, siv | {"role": "staff"})
    await api.made(f"/units/{UNIT}/roles", ADMIN, siv | {"role": "scheduler", "valid_from": "2027-04-01"})
    person = await read(api, "Practitioner/SE5555555555-S1", ADMIN)
    assert person["name"] == [{"text": "Siv Sjuksköterska"}]
    for query in ("", "?name=siv", "?name=sjuk", "?identifier=SE5555555555-S1", "?_id=SE5555555555-S1"):
        assert await search(api, f"Practitioner{query}", ADMIN) == [person]
    for query in ("name=ster", "identifier=SE5555555555-S2", "_id=x", "identifier=urn:else|SE5555555555-S1"):
        assert await search(api, f"Practitioner?{query}", ADMIN) == []
    roles = await search(api, "PractitionerRole", ADMIN)
    assert {one["code"][0]["coding"][0]["code"]: one["active"] for one in roles} == {"staff": True, "scheduler": False}
    assert await ids(api, "PractitionerRole?active=true", ADMIN) == [staff_role["role_id"]]
    assert await ids(api, "PractitionerRole?role=staff", ADMIN) == [staff_role["role_id"]]
    assert await search(api, "PractitionerRole?practitioner=Practitioner/SE5555555555-S2", ADMIN) == []
    region = staff("region_admin", unit=OTHER_UNIT)
    assert len(await search(api, f"PractitionerRole?organization=Organization/{UNIT}", region)) == 2
    one = await read(api, f"PractitionerRole/{staff_role['role_id']}", region)
    assert one in roles
    assert (await read(api, "Practitioner/SE5555555555-S1", region)) == person


@pytest.mark.attack
async def test_others_see_no_staff(api: Api, services: Services) -> None:
    await found(services)
    siv = {"staff_hsa_id": "SE5555555555-S1", "name": "Siv", "valid_from": "2027-03-01", "role": "staff"}
    role_id = (await api.made(f"/units/{UNIT}/roles", ADMIN, siv))["role_id"]
    paths = ("Practitioner/SE5555555555-S1", f"PractitionerRole/{role_id}", f"PractitionerRole?organization={UNIT}")
    neighbour = staff("unit_admin", unit=OTHER_UNIT)
    foreigner = staff("unit_admin", "region_admin", unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)
    for path in paths:
        for who in (neighbour, foreigner):
            assert await refused(api, path, who) == (404, "not_found")
        for who in (NURSE, staff("scheduler"), patient(), service("persons:write")):
            assert await refused(api, path, who) == (403, "forbidden")
    assert await search(api, "Practitioner", neighbour) == []
    assert await refused(api, "Practitioner/SE5555555555-S9", ADMIN) == (404, "not_found")
