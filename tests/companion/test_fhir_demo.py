"""Every kind of resource over the invented data: what each patient and each unit finds is valid FHIR R4, and what a
search finds can be read.
"""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from companion.demo.asking import patient, planner
from companion.demo.fill import fill
from companion.models.organisation import Unit
from companion.models.people import Person
from companion.routes.fhir import KINDS
from companion.services import Services
from tests.companion.archived import message, put_transcript, with_file
from tests.companion.fhir_client import read, search
from tests.companion.people import Api, VirtualClock
from tests.companion.routes.test_declarations import FORM, answers

OF_PATIENT = (
    "Appointment",
    "Patient",
    "RelatedPerson",
    "Consent",
    "Encounter",
    "Communication",
    "QuestionnaireResponse",
    "AuditEvent",
)
OF_STAFF = ("Appointment", "Patient", "Consent", "Encounter", "Communication", "QuestionnaireResponse")
OF_ADMIN = ("Practitioner", "PractitionerRole")
PUBLIC = ("Slot", "Questionnaire")


async def test_all_that_is_found_is_valid_and_can_be_read(
    services: Services, api: Api, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLTID_MODE", "development")
    clock.now = datetime(2027, 3, 1, 6, 0, tzinfo=UTC)
    await fill(services)
    async with services.database.reading(clock()) as transaction:
        rows = (await transaction.session.scalars(select(Unit).order_by(Unit.hsa_id))).all()
        units = [(one.hsa_id, one.provider_hsa_id) for one in rows]
        people = sorted((await transaction.session.scalars(select(Person.person_id))).all())
    first_unit = planner(*units[0])
    form = (await api.made(f"/units/{units[0][0]}/questionnaires", first_unit, FORM))["form_id"]
    await api.made(f"/questionnaires/{form}/versions/1/publish", first_unit)
    role = {"staff_hsa_id": "SE5555555555-S1", "name": "Siv", "role": "viewer", "valid_from": "2027-03-01"}
    await api.made(f"/units/{units[0][0]}/roles", first_unit, role)
    for number, person_id in enumerate(people):
        me = patient(person_id)
        await api.made("/declarations", me, answers(form))
        await api.made("/blocks", me, {"provider_hsa_id": units[0][1]})
        place = {"unit_hsa_id": units[0][0], "provider_hsa_id": units[0][1], "patient_person_id": person_id}
        events = [message(1, author=person_id), with_file(2)]
        assert (await put_transcript(api, events, f"case-{number}", **place)).status_code == 204
    asking = [(f"{kind}?_count=200", None) for kind in PUBLIC]
    asking += [(f"{kind}?_count=200", patient(one)) for kind in OF_PATIENT for one in people]
    for unit in units[:2]:
        who = planner(*unit)
        asking += [(kind, who) for kind in OF_ADMIN]
        for kind in OF_STAFF:
            name = "_id" if kind == "Patient" else "patient"
            asking += [(f"{kind}?{name}={one}", who) for one in people]
    seen: dict[str, int] = {}
    for query, who in asking:
        kind = query.partition("?")[0]
        resources = await search(api, query, who)
        if resources and kind != "AuditEvent":
            assert await read(api, f"{kind}/{resources[-1]['id']}", who) == resources[-1]
        seen[kind] = seen.get(kind, 0) + len(resources)
    for hsa_id, _ in units:
        await read(api, f"Organization/{hsa_id}")
        await read(api, f"HealthcareService/{hsa_id}")
    slot = (await search(api, "Slot?_count=1"))[0]
    await read(api, slot["schedule"]["reference"])
    assert all(seen.values()), seen
    assert {*seen, "Organization", "HealthcareService", "Schedule"} == {kind.name for kind in KINDS}
