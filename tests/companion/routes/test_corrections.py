"""Corrections through the API: asked by the patient, decided by the unit, seen by both; the entry stays."""

from typing import Any

import pytest

from companion.services import Services
from tests.companion.archived import CASE, NURSE, message, put_transcript
from tests.companion.people import (
    BO,
    FOREIGN_UNIT,
    OTHER_PROVIDER,
    OTHER_UNIT,
    Api,
    patient,
    proxy,
    staff,
)
from tests.companion.world import build

WISH = {"entry_kind": "case", "entry_id": CASE, "entry_part": 2, "wish": "Jag röker inte."}


async def asked(api: Api, **changes: Any) -> dict[str, Any]:
    await put_transcript(api, [message(1), message(2, "Patienten röker.", author=NURSE)])
    return dict(await api.made("/corrections", patient(), WISH | changes))


async def shown(api: Api, who: Any) -> list[Any]:
    page = (await api.get(f"/cases/archived/{CASE}", who)).json()
    assert page["events"][1]["body"] == {"text": "Patienten röker."}  # the first wording stays
    return [(one["entry_part"], one["state"], one["text"]) for one in page["corrections"]]


async def test_what_is_corrected_stands_beside_the_first_wording_for_both(api: Api) -> None:
    made = await asked(api)
    assert await shown(api, staff()) == []
    (waiting,) = (await api.get("/corrections", staff())).json()
    assert (waiting["state"], waiting["wish"]) == ("asked", "Jag röker inte.")
    path = f"/corrections/{made['correction_id']}"
    done = await api.made(f"{path}/decide", staff(), {"decision": "correct", "text": "Patienten röker inte."})
    assert done["state"] == "corrected"
    for who in (patient(), staff()):
        assert await shown(api, who) == [(2, "corrected", "Patienten röker inte.")]
        assert (await api.get(path, who)).json()["text"] == "Patienten röker inte."
    again = await api.post(f"{path}/decide", staff(), {"decision": "refuse", "reason": "x"})
    assert (again.status_code, again.json()["code"]) == (409, "correction_state")


async def test_a_note_and_a_refusal(api: Api) -> None:
    noted, refused = await asked(api), await asked(api, wish="Ta bort allt.")
    note = {"decision": "note", "text": "Patienten anser att uppgiften är fel."}
    await api.made(f"/corrections/{noted['correction_id']}/decide", staff(), note)
    no = {"decision": "refuse", "reason": "Uppgiften är riktig."}
    done = await api.made(f"/corrections/{refused['correction_id']}/decide", staff(), no)
    assert (done["state"], done["reason"]) == ("refused", "Uppgiften är riktig.")
    assert await shown(api, patient()) == [(2, "noted", note["text"])]
    assert {one["state"] for one in (await api.get("/corrections", patient())).json()} == {"noted", "refused"}


async def test_the_patient_takes_it_back(api: Api) -> None:
    made = await asked(api)
    path = f"/corrections/{made['correction_id']}"
    assert (await api.made(f"{path}/withdraw", patient()))["state"] == "withdrawn"
    answer = await api.post(f"{path}/decide", staff(), {"decision": "refuse", "reason": "x"})
    assert answer.json()["code"] == "correction_state"


@pytest.mark.parametrize(
    ("decision", "field"),
    [
        ({"decision": "refuse"}, "reason"),
        ({"decision": "refuse", "text": "x", "reason": "x"}, "text"),
        ({"decision": "correct", "reason": "x"}, "text"),
        ({"decision": "note", "text": " "}, "text"),
        ({"decision": "erase"}, "decision"),
    ],
)
async def test_a_decision_says_what_it_must(api: Api, decision: dict[str, str], field: str) -> None:
    made = await asked(api)
    answer = await api.post(f"/corrections/{made['correction_id']}/decide", staff(), decision)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_any_entry_of_the_record_can_be_asked_about(api: Api, services: Services) -> None:
    world = await build(api, services)
    booking = await api.made("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    wish = {"entry_kind": "booking", "entry_id": booking["booking_id"], "wish": "Fel mottagning."}
    made = await api.made("/corrections", patient(), wish, Idempotency_Key="key-12345")
    again = await api.made("/corrections", patient(), wish, Idempotency_Key="key-12345")
    assert made == again
    with_part = await api.post("/corrections", patient(), wish | {"entry_part": 1})
    assert (with_part.status_code, with_part.json()["field"]) == (422, "entry_part")


@pytest.mark.attack
async def test_nobody_elses_entries_and_wishes(api: Api) -> None:
    made = await asked(api)
    path = f"/corrections/{made['correction_id']}"
    assert (await api.post("/corrections", patient(BO), WISH)).status_code == 404
    assert (await api.post("/corrections", patient(), WISH | {"entry_part": 3})).status_code == 404
    assert (await api.post("/corrections", patient(), WISH | {"entry_kind": "person"})).status_code == 422
    refuse = {"decision": "refuse", "reason": "x"}
    for stranger in (staff(unit=OTHER_UNIT), staff(unit=FOREIGN_UNIT, provider=OTHER_PROVIDER)):
        assert (await api.get(path, stranger)).status_code == 404
        assert (await api.post(f"{path}/decide", stranger, refuse)).status_code == 404
        assert (await api.get("/corrections", stranger)).json() == []
    assert (await api.get(path, patient(BO))).status_code == 404
    assert (await api.post(f"{path}/withdraw", patient(BO))).status_code == 404
    for other in (proxy(), staff("scheduler"), staff("unit_admin")):
        assert (await api.post(f"{path}/decide", other, refuse)).status_code == 403
        assert (await api.post("/corrections", other, WISH)).status_code == 403
    assert (await api.post(f"{path}/decide", patient(), refuse)).status_code == 403
