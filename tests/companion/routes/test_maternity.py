"""The maternity-clinic wish through the API: who wishes until when, in whose name, and how it ends in silence."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from companion.models.audit import AuditRow
from companion.models.people import Person
from companion.outbox import Dispatcher, Event
from companion.services import Services
from tests.companion.maternity_world import (
    CLOSES,
    DUE,
    FOREIGN_CLINIC,
    MIDWIFE,
    NORTH,
    REGION,
    SOUTH,
    WEEK,
    WEST,
    Maternity,
    lives_north,
)
from tests.companion.people import (
    ANNA,
    BO,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    OTHER_UNIT,
    UNIT,
    VirtualClock,
    patient,
    proxy,
    staff,
)

REASON = {"reason": "hjärtsjukdom hos modern"}


class Journal:
    """A receiver that remembers, and does something in between."""

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.between: Any = None

    async def deliver(self, event: Event) -> None:
        self.kinds.append(event.kind)
        if self.between is not None:
            act, self.between = self.between, None
            await act()


# --- the wish ----------------------------------------------------------------------------------------------------


async def test_a_patient_wishes_and_changes_the_wish(region: Maternity) -> None:
    await lives_north(region.api)
    pregnancy = await region.pregnancy()
    first = await region.wish(pregnancy, WEST, NORTH)
    assert (first.status_code, first.json()["choices"], first.json()["may_wish"]) == (200, [WEST, NORTH], True)
    await region.wish(pregnancy, SOUTH)
    seen = await region.read(pregnancy, patient())
    assert seen["choices"] == [SOUTH]
    assert [one["hsa_id"] for one in seen["clinics"]] == [NORTH, WEST, SOUTH]
    assert seen["clinics"][0]["distance_m"] == pytest.approx(1_250, abs=50)
    assert (seen["last_wish_day"], seen["due_week"], seen["explanation"]) == ("2027-03-27", WEEK, None)
    assert (seen["exclusions"], seen["overrides"]) == (None, None)
    assert [one["pregnancy_id"] for one in (await region.api.get("/pregnancies", patient())).json()] == [pregnancy]
    assert (await region.wish(pregnancy)).json()["choices"] == []


async def test_staff_write_down_a_wish_and_the_log_names_actor_and_subject(
    region: Maternity, services: Services
) -> None:
    pregnancy = await region.pregnancy()
    path = f"/pregnancies/{pregnancy}/wish"
    answer = await region.api.ask("PUT", path, MIDWIFE, {"choices": [SOUTH]})
    assert answer.status_code == 200
    await region.wish(pregnancy, WEST)
    async with services.database.reading(services.clock()) as transaction:
        rows = await transaction.session.scalars(select(AuditRow).where(AuditRow.action == "maternity_wish"))
        assert [(row.actor, row.patient) for row in rows.all()] == [(MIDWIFE.actor, ANNA), (ANNA, ANNA)]


@pytest.mark.parametrize("choices", [[NORTH, NORTH], [FOREIGN_CLINIC], [UNIT]])
async def test_only_the_regions_clinics_can_be_wished_for(region: Maternity, choices: list[str]) -> None:
    answer = await region.wish(await region.pregnancy(), *choices)
    assert (answer.status_code, answer.json()["code"]) == (422, "wish_choices")


@pytest.mark.parametrize(
    ("due", "closes"),
    [
        (date(2027, 8, 1), datetime(2027, 3, 27, 23, tzinfo=UTC)),  # 22+0: summer time begins that day
        (date(2027, 8, 2), datetime(2027, 3, 28, 22, tzinfo=UTC)),  # the day after
        (date(2027, 7, 20), datetime(2027, 3, 15, 23, tzinfo=UTC)),
    ],
)
async def test_it_is_open_at_a_minute_to_midnight_and_closed_at_midnight_in_stockholm(
    region: Maternity, clock: VirtualClock, due: date, closes: datetime
) -> None:
    pregnancy = await region.pregnancy(due=due)
    clock.now = closes - timedelta(minutes=1)
    assert await region.sweep() in (0, 1)  # the reminder at the most
    assert (await region.wish(pregnancy, NORTH)).status_code == 200
    clock.now = closes
    answer = await region.wish(pregnancy, SOUTH)
    assert (answer.status_code, answer.json()["code"]) == (409, "wish_closed")
    assert answer.json()["last_day"] == (due - timedelta(days=127)).isoformat()
    seen = await region.read(pregnancy, patient())
    assert (seen["choices"], seen["may_wish"]) == ([NORTH], False)


async def test_it_closes_by_local_dates_when_summer_time_ends(region: Maternity, clock: VirtualClock) -> None:
    clock.now = datetime(2027, 10, 1, 7, tzinfo=UTC)
    pregnancy = await region.pregnancy(due=date(2028, 3, 6))  # 21+6 is 31 October, a day of 25 hours
    clock.now = datetime(2027, 10, 31, 22, 59, tzinfo=UTC)
    assert (await region.wish(pregnancy, NORTH)).status_code == 200
    clock.now = datetime(2027, 10, 31, 23, tzinfo=UTC)
    assert (await region.wish(pregnancy, SOUTH)).status_code == 409


async def test_a_revised_due_date_moves_the_deadline_until_the_place_is_given(
    region: Maternity, clock: VirtualClock
) -> None:
    pregnancy = await region.pregnancy()
    await region.places(NORTH, 1, "2027-W31")
    clock.now = datetime(2027, 3, 28, 6, tzinfo=UTC)
    assert (await region.wish(pregnancy, NORTH)).status_code == 409
    path = f"/pregnancies/{pregnancy}/due-date"
    revised = await region.api.ask("PUT", path, MIDWIFE, {"due_date": "2027-08-08"})
    assert revised.json()["last_wish_day"] == "2027-04-03"
    assert (await region.wish(pregnancy, NORTH)).status_code == 200
    assert await region.sweep() == 0
    clock.now = datetime(2027, 4, 4, 6, tzinfo=UTC)
    assert await region.sweep() == 1
    late = await region.api.ask("PUT", path, MIDWIFE, {"due_date": "2027-08-15"})
    assert (late.status_code, late.json()["code"]) == (409, "pregnancy_state")
    assert (await region.placed())[pregnancy] == ("allocated", NORTH)


async def test_a_pregnancy_is_registered_once_with_a_plausible_date(region: Maternity) -> None:
    body = {"patient_person_id": ANNA, "due_date": DUE.isoformat()}
    made = await region.api.made("/pregnancies", MIDWIFE, body, Idempotency_Key="pregnancy-1")
    same = await region.api.made("/pregnancies", MIDWIFE, body, Idempotency_Key="pregnancy-1")
    assert same["pregnancy_id"] == made["pregnancy_id"]
    again = await region.api.post("/pregnancies", MIDWIFE, body)
    assert (again.status_code, again.json()["code"]) == (409, "pregnancy_known")
    wrong = await region.api.post("/pregnancies", MIDWIFE, body | {"due_date": "2028-08-01"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "due_date")
    nobody = await region.api.post("/pregnancies", MIDWIFE, body | {"patient_person_id": "p-" + "z" * 26})
    assert nobody.status_code == 404


async def test_who_has_not_wished_is_reminded_once(region: Maternity, clock: VirtualClock) -> None:
    await region.wish(await region.pregnancy(), NORTH)
    await region.pregnancy(BO)  # protected: nothing is sent
    other = await region.pregnancy("p-" + "c" * 26)
    clock.now = datetime(2027, 3, 22, 7, tzinfo=UTC)
    for _ in range(3):
        await region.sweep()
        clock.advance(hours=5)
    assert await region.told() == ["maternity.opened", "maternity.opened", "maternity.reminder"]
    assert (await region.placed())[other] == ("open", None)


# --- the end -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["open", "allocated", "waiting"])
async def test_the_end_is_silent(region: Maternity, services: Services, clock: VirtualClock, when: str) -> None:
    pregnancy = await region.pregnancy()
    other = await region.pregnancy("p-" + "c" * 26, due=DUE + timedelta(days=60))
    if when == "allocated":
        await region.places(NORTH, 1)
    if when != "open":
        region.until_closed()
        await region.sweep()
        assert (await region.placed())[pregnancy][0] == when
    assert await region.told() == ["maternity.opened"] * 2 + ["maternity.allocated"] * (when == "allocated")
    assert (await region.api.post(f"/pregnancies/{pregnancy}/end", MIDWIFE)).status_code == 204
    # What had not left is withdrawn; other people's is not.
    journal = Journal()
    await Dispatcher(services.database, journal, clock).deliver_due()
    assert journal.kinds == ["maternity.opened"]
    for _ in range(40):  # nothing comes afterwards either: no reminder, no allocation
        clock.advance(days=1)
        await region.sweep()
    assert (await region.placed())[pregnancy][0] == "ended"
    assert await region.told() == ["maternity.opened"]
    assert (await region.placed())[other][0] == "open"
    # The patient is not met by it again.
    assert (await region.api.get(f"/pregnancies/{pregnancy}", patient())).status_code == 404
    assert (await region.api.get("/pregnancies", patient())).json() == []
    assert (await region.wish(pregnancy, NORTH)).status_code == 404
    assert (await region.api.post(f"/pregnancies/{pregnancy}/end", MIDWIFE)).json()["code"] == "pregnancy_state"


async def test_what_a_dispatcher_has_taken_but_not_yet_sent_is_withdrawn_too(
    region: Maternity, services: Services, clock: VirtualClock
) -> None:
    await region.pregnancy("p-" + "c" * 26)
    pregnancy = await region.pregnancy()
    journal = Journal()

    async def end() -> None:
        assert (await region.api.post(f"/pregnancies/{pregnancy}/end", MIDWIFE)).status_code == 204

    journal.between = end
    await Dispatcher(services.database, journal, clock).deliver_due()
    assert journal.kinds == ["maternity.opened"]


async def test_an_end_gives_the_place_back_and_a_new_pregnancy_can_begin(region: Maternity) -> None:
    pregnancy = await region.pregnancy()
    await region.places(NORTH, 1)
    region.until_closed()
    await region.sweep()
    await region.api.post(f"/pregnancies/{pregnancy}/end", MIDWIFE)
    weeks = (await region.api.get(f"/units/{NORTH}/maternity-weeks", REGION)).json()
    assert weeks == [{"week": WEEK, "places": 1, "allotted": 0}]
    await region.pregnancy(due=date(2027, 11, 1))


# --- who may not -------------------------------------------------------------------------------------------------


@pytest.mark.attack
async def test_nobody_elses_pregnancy(region: Maternity) -> None:
    pregnancy = await region.pregnancy()
    path = f"/pregnancies/{pregnancy}"
    others = (patient(BO), staff(unit=OTHER_UNIT), staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER))
    for who in others:
        assert (await region.api.get(path, who)).status_code == 404
        assert (await region.api.get("/pregnancies", who)).json() == []
        assert (await region.api.ask("PUT", f"{path}/wish", who, {"choices": [NORTH]})).status_code == 404
    for who in others[1:]:
        assert (await region.api.ask("PUT", f"{path}/due-date", who, {"due_date": "2027-08-08"})).status_code == 404
        assert (await region.api.post(f"{path}/end", who)).status_code == 404
        assert (await region.api.ask("PUT", f"{path}/exclusions/{NORTH}", who, REASON)).status_code == 404
        assert (await region.api.ask("DELETE", f"{path}/exclusions/{NORTH}", who)).status_code == 404
        body = REASON | {"clinic_hsa_id": NORTH}
        assert (await region.api.post(f"{path}/place", who, body)).status_code == 404
    assert (await region.placed())[pregnancy] == ("open", None)


@pytest.mark.attack
async def test_no_proxy_and_no_patient_where_staff_belong(region: Maternity) -> None:
    pregnancy = await region.pregnancy()
    path = f"/pregnancies/{pregnancy}"
    for who in (proxy(BO, ANNA), staff("viewer"), staff("scheduler"), staff("unit_admin")):
        assert (await region.api.get(path, who)).status_code == 403
        assert (await region.api.get("/pregnancies", who)).status_code == 403
        assert (await region.api.ask("PUT", f"{path}/wish", who, {"choices": [NORTH]})).status_code == 403
    assert (await region.api.post(f"{path}/end", patient())).status_code == 403
    assert (await region.api.ask("PUT", f"{path}/due-date", patient(), {"due_date": "2027-08-08"})).status_code == 403
    assert (await region.api.ask("PUT", f"{path}/exclusions/{NORTH}", patient(), REASON)).status_code == 403
    assert (await region.api.post(f"{path}/place", patient(), REASON)).status_code == 403
    assert (await region.api.post("/maternity/runs", MIDWIFE, {"day": "2027-03-01"})).status_code == 403


@pytest.mark.attack
async def test_a_reason_for_an_exclusion_is_for_staff_alone(region: Maternity) -> None:
    pregnancy = await region.pregnancy()
    await region.wish(pregnancy, NORTH)
    for clinic in (SOUTH, WEST):
        await region.places(clinic, 1)
    put = await region.api.ask("PUT", f"/pregnancies/{pregnancy}/exclusions/{NORTH}", MIDWIFE, REASON)
    assert put.status_code == 204
    region.until_closed()
    await region.sweep()
    to_patient = await region.api.get(f"/pregnancies/{pregnancy}", patient())
    assert "hjärt" not in to_patient.text
    assert "av medicinska skäl" in to_patient.json()["explanation"]
    assert (await region.read(pregnancy))["exclusions"][0]["reason"] == REASON["reason"]
    body = REASON | {"clinic_hsa_id": NORTH}
    refused = await region.api.post(f"/pregnancies/{pregnancy}/place", MIDWIFE, body)
    assert refused.json()["code"] == "clinic_excluded"
    gone = f"/pregnancies/{pregnancy}/exclusions/{NORTH}"
    assert (await region.api.ask("DELETE", gone, MIDWIFE)).status_code == 204
    assert (await region.api.ask("DELETE", gone, MIDWIFE)).status_code == 404


@pytest.mark.attack
async def test_a_protected_identity_is_masked_in_lists_and_has_no_distance(region: Maternity) -> None:
    await lives_north(region.api)
    pregnancy = await region.pregnancy(BO)
    await region.places(NORTH, 1)
    listed = (await region.api.get("/pregnancies", MIDWIFE, Accept_Language="en")).json()
    masked = {"name": "Protected identity", "number": None, "is_marked": True}
    assert (listed[0]["patient"], listed[0]["patient_person_id"]) == (masked, None)
    seen = await region.read(pregnancy, patient(BO))
    assert {one["distance_m"] for one in seen["clinics"]} == {None}
    region.until_closed()
    await region.sweep()
    clinic = staff(unit=NORTH)
    answer = await region.api.get(f"/units/{NORTH}/maternity-allotments?week={WEEK}", clinic, Accept_Language="en")
    assert [one["patient"] for one in answer.json()["allotments"]] == [masked]
    assert "194001022396" not in answer.text
    assert (await region.read(pregnancy))["patient"]["number"] == "194001022396"  # who has opened the patient
    assert await region.told() == []


async def test_the_midwifes_list_shows_others_by_name(region: Maternity, services: Services) -> None:
    await region.pregnancy()
    listed = (await region.api.get("/pregnancies", MIDWIFE)).json()
    async with services.database.reading(services.clock()) as transaction:
        anna = await transaction.session.get_one(Person, ANNA)
    assert listed[0]["patient"] == {
        "name": f"{anna.given_name} {anna.family_name}",
        "number": anna.identity_number,
        "is_marked": False,
    }
    assert (listed[0]["gestational_age"], CLOSES.isoformat()) == ("18+1", "2027-03-28")
