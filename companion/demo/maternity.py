"""Invented pregnancies: clinics with places and positions, wishes to allocate, one that can still be changed."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from auth.development.persons import PROVIDER_REGION, UNIT_MATERNITY
from auth.identity_numbers import luhn_digit
from companion.demo.asking import Asking, patient, planner, register
from companion.demo.organisation import CLINICS
from companion.rules.maternity import LAST_WISH_DAY, PREGNANCY_DAYS, due_week

NORTH, SOUTH, EAST = CLINICS
REGISTERED_DAYS_AGO: Final = 10
"""Wishes are made before 22+0: those of the allocation are some days old."""
_POSITIONS: Final = {NORTH: (59.40, 18.05), SOUTH: (59.27, 18.09), EAST: (59.35, 18.25), UNIT_MATERNITY: (59.33, 18.06)}
_AREAS: Final = {"0180": (59.33, 18.06), "0181": (59.26, 18.10), "0182": (59.36, 18.24)}
_PLACES: Final = {NORTH: 1, SOUTH: 2, EAST: 1}
"""In each week: not everybody gets what they wish for first."""
_WEEKS: Final = 12
_WOMEN: Final[Sequence[tuple[str, str, int, str, tuple[str, ...]]]] = (
    ("Hanna", "Almgren", 29, "0180", (NORTH, SOUTH)),
    ("Leila", "Bergqvist", 34, "0180", (NORTH, EAST)),
    ("Disa", "Cederlund", 27, "0181", (SOUTH,)),
    ("Embla", "Drake", 38, "0182", ()),
)
"""Given and family name, age, area, and what they wish for."""
_REGISTER: Final = register("befolkningsregistret", "persons:write", "contacts:write")
_REGION: Final = planner(CLINICS[0], PROVIDER_REGION, "SE5555555555-L006")
_MIDWIFE: Final = planner(UNIT_MATERNITY, PROVIDER_REGION)


def _number(age: int, today: date) -> tuple[str, date]:
    """Of those that are kept free for tests."""
    born = date(today.year - age, 4, 1)
    tail = f"{born:%y%m%d}238"
    return f"{born:%Y}{tail[2:]}{luhn_digit(tail)}", born


async def fill_clinics(asking: Asking, today: date) -> None:
    """Where the clinics are, and their places by week of the due date."""
    for unit, (latitude, longitude) in _POSITIONS.items():
        who = planner(unit, PROVIDER_REGION)
        await asking.ask("PUT", f"/units/{unit}/position", who, {"latitude": latitude, "longitude": longitude})
    for area, (latitude, longitude) in _AREAS.items():
        body = {"latitude": latitude, "longitude": longitude}
        await asking.ask("PUT", f"/maternity/areas/{area}/position", _REGION, body)
    first = today + timedelta(days=PREGNANCY_DAYS - LAST_WISH_DAY - 7)
    for number in range(_WEEKS):
        week = due_week(first + timedelta(days=7 * number))
        for clinic, places in _PLACES.items():
            who = planner(clinic, PROVIDER_REGION)
            await asking.ask("PUT", f"/units/{clinic}/maternity-weeks/{week}", who, {"places": places})


async def fill_wishes_to_allocate(asking: Asking, today: date) -> int:
    """Women who reach 22+0 ``today``, as they wish some days before; how many."""
    due = today + timedelta(days=PREGNANCY_DAYS - LAST_WISH_DAY - 1)
    for given_name, family_name, age, area, choices in _WOMEN:
        number, born = _number(age, today)
        body = {
            "number": number, "given_name": given_name, "family_name": family_name, "birth_date": born.isoformat(),
            "sex": "female", "area": area,
        }  # fmt: skip
        person_id = (await asking.ask("PUT", "/persons", _REGISTER, body))["person_id"]
        await _pregnancy(asking, person_id, due, choices)
    return len(_WOMEN)


async def fill_open_wish(asking: Asking, people: Mapping[str, str], today: date) -> None:
    """Sara has a week left."""
    await _pregnancy(asking, people["sara"], today + timedelta(days=PREGNANCY_DAYS - LAST_WISH_DAY + 6), (SOUTH, NORTH))


async def _pregnancy(asking: Asking, person_id: str, due: date, choices: Sequence[str]) -> None:
    body: dict[str, Any] = {"patient_person_id": person_id, "due_date": due.isoformat()}
    pregnancy = await asking.ask("POST", "/pregnancies", _MIDWIFE, body)
    if choices:
        path = f"/pregnancies/{pregnancy['pregnancy_id']}/wish"
        await asking.ask("PUT", path, patient(person_id), {"choices": list(choices)})
