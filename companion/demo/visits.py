"""Invented bookings: a video visit soon, others later, a summons that waits for an answer."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from auth.development.persons import PROVIDER_COMPANY, PROVIDER_REGION, UNIT_HEALTH_CENTRE, UNIT_MATERNITY, UNIT_REHAB
from auth.principal import Principal
from companion.demo.asking import Asking, planner
from companion.demo.organisation import SLOT_DAYS, UNIT_VACCINATION

HEALTH_CENTRE: Final = planner(UNIT_HEALTH_CENTRE, PROVIDER_REGION)
VISITS: Final = (
    ("maria", "video", UNIT_HEALTH_CENTRE, PROVIDER_REGION, 0, None),
    ("ivan", "video", UNIT_HEALTH_CENTRE, PROVIDER_REGION, 0, "uk"),
    ("elliot", "visit", UNIT_HEALTH_CENTRE, PROVIDER_REGION, 3, None),
    ("alva", "visit", UNIT_HEALTH_CENTRE, PROVIDER_REGION, 5, None),
    ("petra", "rehab_video", UNIT_REHAB, PROVIDER_COMPANY, 1, None),
    ("sara", "midwife", UNIT_MATERNITY, PROVIDER_REGION, 4, None),
    ("bengt", "covid", UNIT_VACCINATION, PROVIDER_REGION, 7, None),
)
"""Who, what, at which unit and care provider, so many days ahead at least, and the interpreter's language."""


async def fill_visits(asking: Asking, people: Mapping[str, str], kinds: Mapping[str, str], today: date) -> None:
    """The bookings, made by staff, and a summons of each kind."""
    for person, kind, unit, provider, days, language in VISITS:
        who = planner(unit, provider)
        slot = await _free(asking, who, unit, kinds[kind], today + timedelta(days=days), today)
        if slot is not None:
            body = {"slot_id": slot["slot_id"], "patient_person_id": people[person], "interpreter_language": language}
            await asking.ask("POST", "/bookings", who, body)
    await _summon(asking, people, kinds, today)


async def _summon(asking: Asking, people: Mapping[str, str], kinds: Mapping[str, str], today: date) -> None:
    slot = await _free(asking, HEALTH_CENTRE, UNIT_HEALTH_CENTRE, kinds["check"], today + timedelta(days=6), today)
    path = "/summons/timed"
    if slot is not None:
        body = {"slot_id": slot["slot_id"], "patient_person_id": people["bengt"]}
        booking = await asking.ask("POST", "/bookings", HEALTH_CENTRE, body)
        text = {"title": "Kallelse till provtagning", "preparation": "Ät och drick som vanligt.", "may_rebook": True}
        timed = {**text, "booking_id": booking["booking_id"], "may_decline": True}
        await _send(asking, await asking.ask("POST", path, HEALTH_CENTRE, timed))
    until = datetime.combine(today + timedelta(days=20), datetime.min.time(), asking.now.tzinfo)
    opened = {
        "title": "Välj en tid för återbesök", "preparation": "", "time_type_id": kinds["visit"],
        "patient_person_id": people["maria"], "answer_until": until.isoformat(), "may_decline": True,
    }  # fmt: skip
    await _send(asking, await asking.ask("POST", "/summons/open", HEALTH_CENTRE, opened))


async def _send(asking: Asking, summons: dict[str, Any]) -> None:
    await asking.ask("POST", f"/summons/{summons['summons_id']}/send", HEALTH_CENTRE, {})


async def _free(
    asking: Asking, who: Principal, unit: str, time_type_id: str, first: date, today: date
) -> dict[str, Any] | None:
    """The first free slot of a kind from a day on."""
    last = min(first + timedelta(days=14), today + timedelta(days=SLOT_DAYS))
    query = f"time_type_id={time_type_id}&first={first}&last={last}"
    found = await asking.ask("GET", f"/units/{unit}/free-slots?{query}", who)
    return found[0] if found else None
