"""Asks the companion's own routes, inside the process: what is invented passes the same checks as what is real."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx2

from auth.development.persons import EMPLOYEES, ORGANISATION_NAMES
from auth.permissions import ACR_TOKEN, LOA3
from auth.principal import Commission, Principal, Role
from auth.principal_tokens import sign_principal
from companion.services import Services

_PLANNER_ROLES: frozenset[Role] = frozenset({"staff", "scheduler", "unit_admin", "region_admin"})


class DemoError(Exception):
    """The companion refused what was invented for it."""


@dataclass(frozen=True)
class Asking:
    """A client that speaks for anybody."""

    http: httpx2.AsyncClient
    services: Services

    @property
    def now(self) -> datetime:
        """The time."""
        return self.services.clock()

    async def ask(self, method: str, path: str, who: Principal, body: Any = None) -> Any:
        """What is said to a request that must succeed."""
        token = sign_principal(self.services.token_keys, who, now=self.now.timestamp())
        headers = {"Authorization": f"Bearer {token}"}
        answer = await self.http.request(method, path, json=body, headers=headers)
        if answer.status_code >= 300:
            raise DemoError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None


def register(name: str, *scopes: str) -> Principal:
    """A register: a program."""
    held: frozenset[str] = frozenset(scopes)
    return Principal(
        "service", frozenset({"service"}), name, None, name, frozenset(), None, None, ACR_TOKEN, 0, name, held
    )


def planner(unit: str, provider: str, actor: str = "") -> Principal:
    """Somebody who may do everything in a unit: the first of its invented employees, or the region's administrator."""
    known = [one.hsa_id for one in EMPLOYEES if any(each.unit == unit for each in one.commissions)]
    hsa_id = actor or (known[0] if known else "SE5555555555-L006")
    commission = Commission(f"{unit}X01", unit, provider, ORGANISATION_NAMES.get(unit, unit), _PLANNER_ROLES)
    return Principal(
        "staff", _PLANNER_ROLES, hsa_id, None, "Demo", frozenset(), commission, None, LOA3, 0, f"demo-{hsa_id}"
    )


def patient(person_id: str) -> Principal:
    """A patient who acts in person."""
    return Principal(
        "patient", frozenset({"patient"}), person_id, person_id, "Demo", frozenset(), None, None, LOA3, 0, "demo"
    )
