"""The invented persons of ``auth/development/persons.py``, as the registers would tell of them, and their proxies."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from auth.development.persons import PROXY_GRANTS, Patient, patients
from auth.proxies import guardianship_ends
from companion.demo.asking import Asking, patient, register

_WOMEN: Final = frozenset({"maria", "alva", "sara", "petra"})
_REGISTER: Final = register("befolkningsregistret", "persons:write", "contacts:write", "proxies:write")
GRANT_DAYS: Final = 30


async def fill_people(asking: Asking, today: date) -> dict[str, str]:
    """Everybody; their person ids by key. All of them can be told by the app but who has a protected identity."""
    ids: dict[str, str] = {}
    for one in patients(today):
        body = {
            "number": one.number, "given_name": one.given_name, "family_name": one.family_name,
            "birth_date": one.born.isoformat(), "sex": "female" if one.key in _WOMEN else "male", "area": "0180",
            "street": "Påhittade gatan 1", "postal_code": "111 19", "city": "Exempelstad",
            "is_secret": one.protected,
        }  # fmt: skip
        ids[one.key] = (await asking.ask("PUT", "/persons", _REGISTER, body))["person_id"]
        if one.has_eid:
            reach = {"has_account": True, "has_bounced": False}
            await asking.ask("PUT", f"/persons/{ids[one.key]}/reach", _REGISTER, reach)
    await _fill_proxies(asking, ids, {one.key: one for one in patients(today)})
    return ids


async def _fill_proxies(asking: Asking, ids: Mapping[str, str], known: Mapping[str, Patient]) -> None:
    guardians: dict[str, list[str]] = {}
    for one in PROXY_GRANTS:
        if one.kind == "guardian":
            guardians.setdefault(one.subject, []).append(one.actor)
    for child, parents in guardians.items():
        body = {"guardians": [ids[parent] for parent in parents]}
        await asking.ask("PUT", f"/custody/{ids[child]}", _REGISTER, body)
        for parent in parents:
            if guardianship_ends(known[child].born) > asking.now.timestamp():
                asked = {"child_number": known[child].number}
                await asking.ask("POST", "/guardianships", patient(ids[parent]), asked)
    until = (asking.now + timedelta(days=GRANT_DAYS)).isoformat()
    for one in PROXY_GRANTS:
        if one.kind == "grant":
            granted = {"proxy_number": known[one.actor].number, "scopes": list(one.scopes), "valid_until": until}
            await asking.ask("POST", "/grants", patient(ids[one.subject]), granted)
