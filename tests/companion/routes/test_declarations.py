"""Health declarations through the API: versions, outcomes that stand before a booking, answers that stay."""

from typing import Any

import pytest
from sqlalchemy import select

from companion.models.declarations import Declaration
from companion.services import Services
from tests.companion.people import (
    ANNA,
    BO,
    CHILD,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    OTHER_UNIT,
    UNIT,
    Api,
    VirtualClock,
    patient,
    proxy,
    staff,
)
from tests.companion.world import World, add_slots, build

ADMIN = staff("unit_admin")
FEVER = {"question_id": "fever", "kind": "boolean", "text_sv": "Har du feber?", "text_en": "Do you have a fever?"}
ALLERGY = {
    "question_id": "allergy",
    "kind": "choice",
    "text_sv": "Allergi?",
    "text_en": "Allergy?",
    "choices": ["no", "mild", "severe"],
}
FORM: dict[str, Any] = {
    "title_sv": "Hälsodeklaration",
    "title_en": "Health declaration",
    "content": {
        "questions": [FEVER, ALLERGY],
        "rules": [
            {"rule_id": "fever", "when": {"question_id": "fever", "value": True}, "outcome": "nurse_check"},
            {"rule_id": "severe", "when": {"question_id": "allergy", "value": "severe"}, "outcome": "stop"},
        ],
        "valid_days": 14,
    },
}
WELL = {"fever": False, "allergy": "no"}


async def form_published(api: Api) -> str:
    made = await api.made(f"/units/{UNIT}/questionnaires", ADMIN, FORM)
    await api.made(f"/questionnaires/{made['form_id']}/versions/1/publish", ADMIN)
    return str(made["form_id"])


async def vaccination(api: Api, services: Services) -> tuple[World, str]:
    """Slots of a time type with a form."""
    world = await build(api, services)
    form = await form_published(api)
    world.time_type_id, world.schedule_id, world.slots = await add_slots(
        api, capacity=5, time_type={"form_id": form}, begins="13:00", ends="15:00"
    )
    return world, form


def answers(form: str, **changes: Any) -> dict[str, Any]:
    return {"form_id": form, "version": 1, "answers": WELL | changes}


# --- questionnaires ----------------------------------------------------------------------------------------------


async def test_versions_are_drafted_published_and_then_never_change(api: Api, services: Services) -> None:
    await build(api, services)
    made = await api.made(f"/units/{UNIT}/questionnaires", ADMIN, FORM)
    path = f"/questionnaires/{made['form_id']}"
    assert (made["version"], made["state"]) == (1, "draft")
    assert (await api.get(path)).status_code == 404  # nobody answers a draft
    other = {**FORM, "title_en": "Declaration"}
    assert (await api.ask("PUT", f"{path}/versions/1", ADMIN, other)).json()["title_en"] == "Declaration"
    await api.made(f"{path}/versions/1/publish", ADMIN)
    refused = await api.ask("PUT", f"{path}/versions/1", ADMIN, FORM)
    assert (refused.status_code, refused.json()["code"]) == (409, "questionnaire_state")
    assert (await api.made(f"{path}/versions", ADMIN, FORM))["version"] == 2
    assert (await api.get(path)).json()["version"] == 1
    await api.made(f"{path}/versions/2/publish", ADMIN)
    assert (await api.get(path)).json()["version"] == 2
    assert (await api.get(f"{path}/versions/1", ADMIN)).json()["state"] == "retired"


async def test_the_public_sees_questions_and_no_rules(api: Api, services: Services) -> None:
    await build(api, services)
    shown = (await api.get(f"/questionnaires/{await form_published(api)}")).json()
    assert [one["question_id"] for one in shown["questions"]] == ["fever", "allergy"]
    assert "rules" not in shown


@pytest.mark.attack
async def test_only_the_units_own_administrator_edits_it(api: Api, services: Services) -> None:
    await build(api, services)
    made = await api.made(f"/units/{UNIT}/questionnaires", ADMIN, FORM)
    path = f"/questionnaires/{made['form_id']}/versions/1"
    for who, status in (
        (staff("unit_admin", unit=OTHER_UNIT), 404),
        (staff("region_admin", unit=FOREIGN_UNIT, provider=OTHER_PROVIDER), 404),
        (staff(), 403),
        (patient(), 403),
    ):
        assert (await api.ask("PUT", path, who, FORM)).status_code == status
        assert (await api.post(f"{path}/publish", who)).status_code == status
        assert (await api.get(path, who)).status_code == status


async def test_a_rule_about_nothing_is_named(api: Api, services: Services) -> None:
    await build(api, services)
    rule = {"rule_id": "r", "when": {"question_id": "pulse", "value": 1}, "outcome": "stop"}
    bad = {**FORM, "content": {**FORM["content"], "rules": [rule]}}
    answer = await api.post(f"/units/{UNIT}/questionnaires", ADMIN, bad)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (
        422,
        "questionnaire_invalid",
        "rules.0.when",
    )


# --- answers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "outcome", "booking"),
    [
        ({}, "green", None),
        ({"fever": True}, "nurse_check", None),
        ({"allergy": "severe", "fever": True}, "stop", "declaration_stop"),
    ],
)
async def test_the_outcome_stands_before_the_booking(
    api: Api, services: Services, changes: dict[str, Any], outcome: str, booking: str | None
) -> None:
    world, form = await vaccination(api, services)
    wish = {"slot_id": world.slots[0]["slot_id"]}
    assert (await api.post("/bookings", patient(), wish)).json()["code"] == "declaration_missing"
    made = await api.made("/declarations", patient(), answers(form, **changes))
    assert made["outcome"] == outcome
    assert "rule_ids" not in made
    assert (await api.post("/bookings", patient(), wish)).json().get("code") == booking
    await world.counters_hold()


async def test_answers_that_are_too_old_at_the_visit_do_not_count(
    api: Api, services: Services, clock: VirtualClock
) -> None:
    world, form = await vaccination(api, services)
    clock.advance(days=-8)  # answered on 21 February: they count through 7 March
    await api.made("/declarations", patient(), answers(form))
    clock.advance(days=8)
    wish = {"slot_id": world.slots[0]["slot_id"]}
    assert (await api.post("/bookings", patient(), wish)).json()["code"] == "declaration_missing"
    await api.made("/declarations", patient(), answers(form))
    await api.made("/bookings", patient(), wish)


async def test_staff_book_without_it_and_ask_at_the_visit(api: Api, services: Services) -> None:
    world, form = await vaccination(api, services)
    wish = {"slot_id": world.slots[0]["slot_id"], "patient_person_id": ANNA}
    booking = await api.made("/bookings", staff("scheduler"), wish)
    path = f"/bookings/{booking['booking_id']}/declarations"
    assert (await api.get(path, staff())).json() == []
    made = await api.made(path, staff(), {"version": 1, "answers": WELL})
    assert (made["outcome"], made["answered_by"]) == ("green", "SE5555555555-K1")
    own = (await api.get("/declarations", patient())).json()
    assert [(one["form_id"], one["outcome"]) for one in own] == [(form, "green")]


async def test_amendments_append_and_nothing_is_changed(api: Api, services: Services) -> None:
    world, form = await vaccination(api, services)
    first = await api.made("/declarations", patient(), answers(form, allergy="severe"))
    second = await api.made("/declarations", patient(), answers(form))
    assert second["amends"] == first["declaration_id"]
    booking = await api.made("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    read = (await api.get(f"/bookings/{booking['booking_id']}/declarations", staff())).json()
    assert [(one["outcome"], one["rule_ids"]) for one in read] == [("green", []), ("stop", ["severe"])]

    async def tamper() -> None:
        async with services.database.transaction(services.clock()) as transaction:
            row = (await transaction.session.scalars(select(Declaration))).first()
            assert row is not None
            row.outcome = "green!"

    with pytest.raises(RuntimeError, match="never changes"):
        await tamper()


async def test_answers_belong_to_the_version_that_was_answered(api: Api, services: Services) -> None:
    _, form = await vaccination(api, services)
    await api.made("/declarations", patient(), answers(form, fever=True))
    easier = {**FORM, "content": {**FORM["content"], "rules": []}}
    await api.made(f"/questionnaires/{form}/versions", ADMIN, easier)
    await api.made(f"/questionnaires/{form}/versions/2/publish", ADMIN)
    late = await api.post("/declarations", patient(), answers(form))
    assert (late.status_code, late.json()["field"], late.json()["version"]) == (409, "version", 2)
    kept = (await api.get("/declarations", patient())).json()
    assert [(one["version"], one["outcome"]) for one in kept] == [(1, "nurse_check")]


async def test_bad_answers_are_named_in_both_languages(api: Api, services: Services) -> None:
    _, form = await vaccination(api, services)
    missing = await api.post("/declarations", patient(), answers(form) | {"answers": {"fever": False}})
    assert (missing.json()["code"], missing.json()["field"]) == ("answer_missing", "answers.allergy")
    assert missing.json()["title"] == "Frågan måste besvaras."
    wrong = await api.post("/declarations", patient(), answers(form, allergy="x"), Accept_Language="en")
    assert (wrong.json()["field"], wrong.json()["title"]) == ("answers.allergy", "The answer cannot be used.")


@pytest.mark.attack
async def test_nobody_elses_answers(api: Api, services: Services) -> None:
    world, form = await vaccination(api, services)
    for_child = answers(form) | {"patient_person_id": CHILD}
    assert (await api.post("/declarations", patient(), for_child)).status_code == 404
    await api.made("/declarations", proxy(), for_child)
    assert (await api.post("/declarations", proxy(scopes=frozenset({"messages"})), for_child)).status_code == 403
    assert (await api.get("/declarations", patient())).json() == []
    wish = {"slot_id": world.slots[0]["slot_id"], "patient_person_id": CHILD}
    booking = await api.made("/bookings", proxy(), wish)
    path = f"/bookings/{booking['booking_id']}/declarations"
    for who in (staff(unit=OTHER_UNIT), staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)):
        assert (await api.get(path, who)).status_code == 404
        assert (await api.post(path, who, {"version": 1, "answers": WELL})).status_code == 404
    for who in (patient(BO), staff("scheduler"), staff("unit_admin")):
        assert (await api.get(path, who)).status_code == 403
