"""Blocks, consents, care relations and emergency access through the API: who may do what for whom."""

from datetime import timedelta
from typing import Any

import pytest

from companion.services import Services
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
    staff,
)
from tests.companion.world import found

REASON = "Patienten bad om det vid besöket"
COLLEAGUE = staff(actor="SE5555555555-K2")
NEIGHBOUR = staff(unit=OTHER_UNIT, actor="SE5555555555-K3")
FOREIGNER = staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER, actor="SE5566778899-K9")
ADMIN = staff("unit_admin", actor="SE5555555555-K8")
REGION_ADMIN = staff("region_admin", unit=OTHER_UNIT, actor="SE5555555555-K9")
TOMORROW = (START + timedelta(days=1)).isoformat()


@pytest.fixture(autouse=True)
async def organisation(api: Api, services: Services) -> None:
    await found(services)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def own(api: Api, who: Any, query: str = "") -> Any:
    answer = await api.get(f"/record-access{query}", who)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_patient_blocks_a_provider_or_a_unit_and_lifts_it(api: Api) -> None:
    whole = await api.made("/blocks", patient(), {"provider_hsa_id": OTHER_PROVIDER})
    unit = await api.made("/blocks", patient(), {"provider_hsa_id": PROVIDER, "unit_hsa_id": UNIT})
    again = await api.made("/blocks", patient(), {"provider_hsa_id": PROVIDER, "unit_hsa_id": UNIT})
    assert again["block_id"] == unit["block_id"]
    api.clock.advance(hours=1)
    lifted = await api.made(f"/blocks/{whole['block_id']}/lift", patient())
    assert lifted["lifted_at"] == "2027-03-01T08:00:00Z"
    twice = await api.post(f"/blocks/{whole['block_id']}/lift", patient())
    assert code(twice) == (409, "block_state")
    standing = [one["block_id"] for one in (await own(api, patient()))["blocks"] if one["lifted_at"] is None]
    assert standing == [unit["block_id"]]


async def test_what_does_not_fit_is_not_blocked(api: Api) -> None:
    mixed = {"provider_hsa_id": OTHER_PROVIDER, "unit_hsa_id": UNIT}
    answer = await api.post("/blocks", patient(), mixed)
    assert (code(answer), answer.json()["field"]) == ((404, "not_found"), "unit_hsa_id")
    answer = await api.post("/blocks", patient(), {"provider_hsa_id": "SE9999999999-0001"})
    assert answer.json()["field"] == "provider_hsa_id"


async def test_staff_block_for_the_patient_with_a_reason_and_never_for_a_guardian(api: Api) -> None:
    wish = {"provider_hsa_id": PROVIDER, "unit_hsa_id": UNIT, "patient_person_id": ANNA}
    assert code(await api.post("/blocks", staff(), wish)) == (422, "reason_missing")
    child = wish | {"patient_person_id": CHILD, "wish_of": "guardian", "reason_text": REASON}
    assert code(await api.post("/blocks", staff(), child)) == (403, "guardian_cannot_block")
    made = await api.made("/blocks", staff(), wish | {"reason_text": REASON})
    assert [one["block_id"] for one in (await own(api, patient()))["blocks"]] == [made["block_id"]]
    assert code(await api.post(f"/blocks/{made['block_id']}/lift", staff())) == (422, "reason_missing")
    await api.made(f"/blocks/{made['block_id']}/lift", COLLEAGUE, {"reason_text": REASON})
    looks = (await api.get("/looks", patient())).json()["looks"]
    assert [one["action"] for one in looks].count("block_write") == 2


@pytest.mark.attack
async def test_blocks_of_others_do_not_exist(api: Api) -> None:
    unit = {"provider_hsa_id": PROVIDER, "unit_hsa_id": UNIT, "reason_text": REASON}
    made = await api.made("/blocks", patient(), {"provider_hsa_id": PROVIDER, "unit_hsa_id": UNIT})
    for who in (patient(BO), NEIGHBOUR, FOREIGNER):
        assert code(await api.post("/blocks", who, unit | {"patient_person_id": ANNA})) == (404, "not_found")
        lifted = await api.post(f"/blocks/{made['block_id']}/lift", who, {"reason_text": REASON})
        assert code(lifted) == (404, "not_found")
    # A guardian and any other proxy: by no route.
    for who in (proxy(ANNA, CHILD), ADMIN):
        for path in ("/blocks", "/block-liftings", "/record-consents"):
            assert (await api.post(path, who, unit)).status_code == 403
    unknown = {"provider_hsa_id": PROVIDER, "patient_person_id": "p-" + "z" * 26, "reason_text": REASON}
    assert (await api.post("/blocks", staff(), unknown)).status_code == 404


async def test_staff_see_no_blocks_but_those_of_their_own_unit_and_provider(api: Api) -> None:
    for provider, unit in ((PROVIDER, UNIT), (PROVIDER, None), (PROVIDER, OTHER_UNIT), (OTHER_PROVIDER, None)):
        await api.made("/blocks", patient(), {"provider_hsa_id": provider, "unit_hsa_id": unit})
    seen = await own(api, staff(), f"?patient_person_id={ANNA}")
    assert {(one["provider_hsa_id"], one["unit_hsa_id"]) for one in seen["blocks"]} == {
        (PROVIDER, UNIT),
        (PROVIDER, None),
    }
    assert len((await own(api, patient()))["blocks"]) == 4
    assert (await own(api, patient(BO)))["blocks"] == []
    assert (await api.get(f"/record-access?patient_person_id={ANNA}", patient(BO))).status_code == 404
    assert code(await api.get("/record-access", staff())) == (422, "invalid_request")


async def test_blocks_are_lifted_for_one_unit_and_a_time(api: Api) -> None:
    wish = {"ends_at": TOMORROW}
    by_staff = await api.made("/block-liftings", staff(), wish | {"patient_person_id": ANNA})
    assert by_staff["unit_hsa_id"] == UNIT
    named = await api.made("/block-liftings", patient(), wish | {"unit_hsa_id": OTHER_UNIT})
    assert code(await api.post("/block-liftings", patient(), wish)) == (422, "invalid_request")
    elsewhere = wish | {"patient_person_id": ANNA, "unit_hsa_id": OTHER_UNIT}
    assert (await api.post("/block-liftings", staff(), elsewhere)).status_code == 404
    too_long = {"unit_hsa_id": UNIT, "ends_at": (START + timedelta(days=8)).isoformat()}
    assert code(await api.post("/block-liftings", patient(), too_long)) == (422, "access_period")
    assert (await api.post(f"/block-liftings/{named['lifting_id']}/end", staff())).status_code == 404
    await api.made(f"/block-liftings/{by_staff['lifting_id']}/end", patient())
    assert code(await api.post(f"/block-liftings/{by_staff['lifting_id']}/end", staff())) == (409, "access_state")


async def test_a_consent_is_given_recorded_and_withdrawn(api: Api) -> None:
    mine = await api.made("/record-consents", patient(), {"provider_hsa_id": OTHER_PROVIDER, "ends_at": TOMORROW})
    noted = await api.made("/record-consents", staff(), {"patient_person_id": ANNA, "ends_at": TOMORROW})
    assert noted["provider_hsa_id"] == PROVIDER
    assert code(await api.post("/record-consents", patient(), {"ends_at": TOMORROW})) == (422, "invalid_request")
    too_long = {"provider_hsa_id": PROVIDER, "ends_at": (START + timedelta(days=366)).isoformat()}
    assert code(await api.post("/record-consents", patient(), too_long)) == (422, "consent_period")
    other = {"provider_hsa_id": OTHER_PROVIDER, "patient_person_id": ANNA, "ends_at": TOMORROW}
    for who in (staff(), patient(BO)):
        assert (await api.post("/record-consents", who, other)).status_code == 404
        assert (await api.post(f"/record-consents/{mine['consent_id']}/withdraw", who)).status_code == 404
    await api.made(f"/record-consents/{mine['consent_id']}/withdraw", patient())
    assert code(await api.post(f"/record-consents/{mine['consent_id']}/withdraw", patient())) == (409, "access_state")
    await api.made(f"/record-consents/{noted['consent_id']}/withdraw", NEIGHBOUR)


async def test_a_guardian_consents_for_a_child_and_for_nobody_else(api: Api) -> None:
    wish = {"ends_at": TOMORROW, "given_by": "guardian"}
    made = await api.made("/record-consents", staff(), wish | {"patient_person_id": CHILD})
    assert made["given_by"] == "guardian"
    answer = await api.post("/record-consents", staff(), wish | {"patient_person_id": ANNA})
    assert (code(answer), answer.json()["field"]) == ((422, "invalid_request"), "given_by")
    answer = await api.post("/record-consents", patient(CHILD), wish | {"provider_hsa_id": PROVIDER})
    assert answer.json()["field"] == "given_by"


async def test_staff_register_a_care_relation_with_a_reason(api: Api) -> None:
    wish = {"patient_person_id": ANNA, "ends_at": TOMORROW, "reason_text": "Remiss per telefon från vårdcentralen"}
    made = await api.made("/care-relations", staff(), wish)
    assert code(await api.post("/care-relations", staff(), wish | {"reason_text": "remiss"})) == (422, "reason_missing")
    late = wish | {"ends_at": (START + timedelta(days=366)).isoformat()}
    assert code(await api.post("/care-relations", staff(), late)) == (422, "access_period")
    assert (
        await api.post("/care-relations", staff(), wish | {"patient_person_id": "p-" + "z" * 26})
    ).status_code == 404
    assert [one["relation_id"] for one in (await own(api, patient()))["relations"]] == [made["relation_id"]]
    for who in (NEIGHBOUR, FOREIGNER):
        assert (await api.post(f"/care-relations/{made['relation_id']}/end", who)).status_code == 404
    await api.made(f"/care-relations/{made['relation_id']}/end", COLLEAGUE)
    assert code(await api.post(f"/care-relations/{made['relation_id']}/end", staff())) == (409, "access_state")


EMERGENCY = {"patient_person_id": ANNA, "reason": "life_or_health", "reason_text": "Medvetslös på akuten"}


async def test_an_emergency_access_expires_and_is_closed_by_whoever_opened_it(api: Api) -> None:
    short = await api.post("/emergency-accesses", staff(), EMERGENCY | {"reason_text": "akut"})
    assert code(short) == (422, "emergency_reason")
    made = await api.made("/emergency-accesses", staff(), EMERGENCY)
    assert (made["ends_at"], made["review_due_at"]) == ("2027-03-01T11:00:00Z", "2027-03-08T07:00:00Z")
    for who in (COLLEAGUE, NEIGHBOUR, FOREIGNER):
        assert (await api.post(f"/emergency-accesses/{made['access_id']}/close", who)).status_code == 404
    await api.made(f"/emergency-accesses/{made['access_id']}/close", staff())
    late = await api.made("/emergency-accesses", staff(), EMERGENCY)
    api.clock.advance(hours=5)
    assert code(await api.post(f"/emergency-accesses/{late['access_id']}/close", staff())) == (409, "emergency_state")
    nobody = EMERGENCY | {"patient_person_id": "p-" + "z" * 26}
    assert (await api.post("/emergency-accesses", staff(), nobody)).status_code == 404
    unknown = await api.post("/emergency-accesses", staff(), EMERGENCY | {"data_provider_hsa_id": "SE9999999999-0001"})
    assert unknown.json()["field"] == "data_provider_hsa_id"


async def test_somebody_else_reviews_it_within_their_units(api: Api) -> None:
    opener = staff("staff", "unit_admin")
    made = await api.made("/emergency-accesses", opener, EMERGENCY)
    path = f"/emergency-accesses/{made['access_id']}/review"
    verdict = {"verdict": "unjustified", "note": "Ingen akut situation"}
    assert code(await api.post(path, opener, verdict)) == (403, "review_by_another")
    neighbour_admin = staff("unit_admin", unit=OTHER_UNIT, actor="SE5555555555-K7")
    foreign_admin = staff("region_admin", unit=FOREIGN_UNIT, provider=OTHER_PROVIDER, actor="SE5566778899-K7")
    for who in (neighbour_admin, foreign_admin):
        assert (await api.get("/emergency-accesses", who)).json() == []
        assert (await api.post(path, who, verdict)).status_code == 404
    for who in (ADMIN, REGION_ADMIN):
        (waiting,) = (await api.get("/emergency-accesses", who)).json()
        assert (waiting["reason_text"], waiting["verdict"]) == ("Medvetslös på akuten", None)
    await api.made(path, REGION_ADMIN, verdict)
    assert code(await api.post(path, ADMIN, verdict)) == (409, "emergency_state")
    assert (await api.get("/emergency-accesses", ADMIN)).json() == []
    (done,) = (await api.get("/emergency-accesses?all=true", ADMIN)).json()
    assert done["verdict"] == "unjustified"
    (shown,) = (await own(api, patient()))["emergencies"]
    assert (shown["verdict"], "staff_hsa_id" in shown) == ("unjustified", False)
    actions = [one["action"] for one in (await api.get("/looks", patient())).json()["looks"]]
    assert {"emergency_open", "audit_read", "audit_review"} <= set(actions)


@pytest.mark.attack
async def test_only_clinicians_open_and_only_administrators_review(api: Api) -> None:
    for who in (patient(), proxy(), ADMIN, staff("viewer"), staff("scheduler")):
        assert (await api.post("/emergency-accesses", who, EMERGENCY)).status_code == 403
        assert (await api.post("/care-relations", who, {})).status_code == 403
    for who in (patient(), staff(), staff("viewer")):
        assert (await api.get("/emergency-accesses", who)).status_code == 403
        path = f"/emergency-accesses/em-{'a' * 26}/review"
        assert (await api.post(path, who, {"verdict": "justified"})).status_code == 403
