"""Invented campaigns and vaccinations: an offer that goes out, a draft, a risk group, doses, a block."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from auth.development.persons import PROVIDER_COMPANY, PROVIDER_REGION, UNIT_HEALTH_CENTRE
from companion.demo.asking import Asking, patient, planner, register
from companion.demo.organisation import UNIT_VACCINATION

RISK_GROUP: Final = "heart"
_AUTHOR: Final = planner(UNIT_VACCINATION, PROVIDER_REGION, "SE5555555555-L006")
_SECOND: Final = planner(UNIT_HEALTH_CENTRE, PROVIDER_REGION, "SE5555555555-E005")
_REGISTER: Final = register("riskgruppsregistret", "risk-groups:write")
CAMPAIGN_DAYS: Final = 27
SECOND_DOSE_AFTER_DAYS: Final = 22


async def fill_campaigns(asking: Asking, people: Mapping[str, str], kinds: Mapping[str, str], today: date) -> None:
    """Live for those of 65 years and more and for a risk group; one that waits for a second approval."""
    for key in ("bengt", "tomas"):
        body = {"provider_hsa_id": PROVIDER_REGION, "risk_groups": [RISK_GROUP]}
        await asking.ask("PUT", f"/persons/{people[key]}/risk-groups", _REGISTER, body)
    live = await _draft(asking, kinds, "Vaccination i höst", {"born_until_year": today.year - 65})
    heart = await _draft(asking, kinds, "Vaccination för riskgrupper", {"risk_groups": [RISK_GROUP]})
    for campaign in (live, heart):
        for who in (_AUTHOR, _SECOND):
            await asking.ask("POST", f"/campaigns/{campaign}/approve", who, {"version": 1})
        await asking.ask("POST", f"/campaigns/{campaign}/launch", _AUTHOR, {})
    waits = await _draft(asking, kinds, "Vaccination för alla vuxna", {"min_age": 18})
    await asking.ask("POST", f"/campaigns/{waits}/approve", _AUTHOR, {"version": 1})


async def _draft(asking: Asking, kinds: Mapping[str, str], title: str, audience: Mapping[str, Any]) -> str:
    body = {
        "kind": "vaccination", "title": title, "information": "Påhittat erbjudande. Välj en tid som passar.",
        "audience": dict(audience), "begins_at": asking.now.isoformat(),
        "ends_at": (asking.now + timedelta(days=CAMPAIGN_DAYS)).isoformat(),
        "steps": [{"form_id": kinds["form"], "time_type_id": kinds["combined"]}],
        "notices_per_hour": 1000, "notices_open": "08:00", "notices_close": "20:00",
    }  # fmt: skip
    return str((await asking.ask("POST", f"/units/{UNIT_VACCINATION}/campaigns", _AUTHOR, body))["campaign_id"])


async def fill_doses(asking: Asking, people: Mapping[str, str], kinds: Mapping[str, str], today: date) -> None:
    """Tomas has had his first dose, and has a time for the second."""
    who = planner(UNIT_VACCINATION, PROVIDER_REGION)
    first = await _book(asking, people["tomas"], kinds["covid"], today, "ordinary")
    await asking.ask("POST", f"/bookings/{first}/doses", who, {"vaccine": "covid-19", "batch": "DEMO-1"})
    await asking.ask("POST", f"/bookings/{first}/fulfil", who, {})
    soonest = today + timedelta(days=SECOND_DOSE_AFTER_DAYS)
    await _book(asking, people["tomas"], kinds["second"], soonest, "dose_2")


async def _book(asking: Asking, person_id: str, time_type_id: str, first: date, purpose: str) -> str:
    who = planner(UNIT_VACCINATION, PROVIDER_REGION)
    query = f"time_type_id={time_type_id}&first={first}&last={first + timedelta(days=6)}&purpose={purpose}"
    free = await asking.ask("GET", f"/units/{UNIT_VACCINATION}/free-slots?{query}", who)
    body = {"slot_id": free[0]["slot_id"], "patient_person_id": person_id}
    return str((await asking.ask("POST", "/bookings", who, body))["booking_id"])


async def fill_block(asking: Asking, people: Mapping[str, str]) -> None:
    """Ivan does not let others read what the company has written."""
    await asking.ask("POST", "/blocks", patient(people["ivan"]), {"provider_hsa_id": PROVIDER_COMPANY})
