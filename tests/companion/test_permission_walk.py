"""Every route x every role: who should not is refused. New routes are found by themselves, in the application.

What the right roles meet with other tenants' and other patients' objects is in the tests of the areas.
"""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from auth.permissions import LOA2, TABLE, Action
from auth.principal import ROLES, Principal
from auth.principal_tokens import sign_principal
from auth.tokens import TokenKeys
from companion.identity import Guard, Public, guards_of
from tests.companion.people import Api, guest, patient, proxy, service, staff

IDS = {"hsa_id": "SE5555555555-1001", "day": "2027-03-08", "role": "staff"}
STAFF_ROLES = ("staff", "scheduler", "viewer", "unit_admin", "region_admin", "sre")


@dataclass(frozen=True)
class Walked:
    """One method of one route."""

    method: str
    path: str
    guard: Guard | Public


def routes_of(app: FastAPI) -> list[Walked]:
    """All routes but those of the documents."""
    found = []
    waiting = list(app.routes)
    while waiting:
        route = waiting.pop(0)
        if hasattr(route, "original_router"):
            waiting.extend(route.original_router.routes)
        if not isinstance(route, APIRoute):
            continue
        guards = guards_of(route)
        assert len(guards) == 1, f"{route.path} has {len(guards)} guards"
        found += [Walked(method, route.path, guards[0]) for method in sorted(route.methods)]
    return found


def filled(path: str) -> str:
    """The path with something of the right form in its places."""
    return re.sub(r"\{(\w+)\}", lambda match: IDS.get(match[1], "xx-" + "a" * 26), path)


def code_of(body: dict[str, Any]) -> str:
    """The stable code of a problem, or of an OperationOutcome."""
    if body.get("resourceType") == "OperationOutcome":
        return str(body["issue"][0]["details"]["coding"][0]["code"])
    return str(body["code"])


def everybody() -> dict[str, Principal]:
    """Somebody in each role."""
    found = {role: staff(role) for role in STAFF_ROLES}
    found |= {"patient": patient(), "proxy": proxy(), "guest": guest(), "interpreter": guest("interpreter")}
    return found | {"service": service("rooms:write")}


def guarded(app: FastAPI) -> list[tuple[Walked, Action]]:
    return [(route, route.guard.action) for route in routes_of(app) if isinstance(route.guard, Guard)]


async def test_every_role_is_asked(app: FastAPI) -> None:
    assert set(everybody()) == set(ROLES)
    assert len(guarded(app)) > 25


async def test_public_routes_only_read(app: FastAPI) -> None:
    public = [route for route in routes_of(app) if isinstance(route.guard, Public)]
    assert {route.method for route in public} == {"GET"}
    assert all(len(route.guard.why) > 20 for route in public if isinstance(route.guard, Public))


@pytest.mark.attack
async def test_nobody_gets_anything_without_a_token_that_holds(app: FastAPI, api: Api) -> None:
    forged = sign_principal(TokenKeys({"test": b"x" * 32}), staff("region_admin"), now=api.clock.now.timestamp())
    for route, _ in guarded(app):
        for authorization in ("", "Bearer x", f"Bearer {forged}", "Basic YTpi"):
            body = {} if route.method in ("POST", "PUT", "PATCH") else None
            answer = await api.ask(route.method, filled(route.path), None, body, Authorization=authorization)
            assert (str(route), answer.status_code) == (str(route), 401)
            assert code_of(answer.json()) == "not_logged_in"


@pytest.mark.attack
async def test_every_role_is_refused_what_is_not_for_it(app: FastAPI, api: Api) -> None:
    asked = 0
    for route, action in guarded(app):
        allowed = {role for role, _ in TABLE[action].allowed}
        for role, who in everybody().items():
            if role in allowed:
                continue
            body = {} if route.method in ("POST", "PUT", "PATCH") else None
            answer = await api.ask(route.method, filled(route.path), who, body)
            assert (str(route), role, answer.status_code) == (str(route), role, 403), answer.text
            asked += 1
    assert asked > 100


@pytest.mark.attack
async def test_a_weak_login_books_nothing(api: Api) -> None:
    answer = await api.get("/bookings", patient(acr=LOA2))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
