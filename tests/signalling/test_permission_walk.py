"""Every route x every role: who should not is refused. New routes are found by themselves, in the router.

The table of permissions says which roles an action is for. Here each route is asked by everybody else too, over real
HTTP, with everything else right (session, CSRF token, origin), and by the right roles from the wrong unit, care
provider and family. Events of the socket: test_event_permissions.py.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from auth.permissions import LOA2, TABLE, Action, Relation
from auth.principal import ROLES, Role
from auth.proxies import ProxyRelation
from auth.sessions import Session
from signalling.front import Front
from signalling.guard import Public, spec_of
from signalling.http_errors import HTTP_ERRORS
from signalling.http_reference import documented_routes
from signalling.meetings import Meeting
from tests.signalling.browsing import PROVIDER, UNIT, Browser, acting, browser_of, patient, staff
from tests.signalling.conftest import KEYS, NOW, meeting_token

STRANGER, CHILD = "p-" + "d" * 26, "p-" + "e" * 26
OTHER_UNIT = {"unit": "SE5566778899-U9", "provider": "SE5566778899-P9", "hsa_id": "SE5566778899-K9"}
STAFF_ROLES: tuple[Role, ...] = ("staff", "scheduler", "viewer", "unit_admin", "region_admin", "sre")
REFUSALS = {401, 403}
METHODS_TO_ASK = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Walked:
    """One route of the router."""

    method: str
    path: str
    action: Action | Public
    is_own_authentication: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def walk(front: Front) -> list[Walked]:
    """The routes of a front, HEAD aside: aiohttp answers it with GET's handler."""
    found = []
    for route in front.app.router.routes():
        spec = spec_of(route.handler)
        assert spec is not None, f"{route.method} {route.resource} has no guard"
        assert route.resource is not None
        if route.method != "HEAD":
            own = spec.authenticate is not None
            found.append(Walked(route.method, route.resource.canonical, spec.action, own))
    return found


def filled(path: str, **values: str) -> str:
    """The path with something in its places."""
    return re.sub(r"\{(\w+)[^}]*\}", lambda match: values.get(match[1], "something"), path)


def sessions() -> dict[str, Session]:
    """A stranger in every role that a login can give; nothing here concerns them."""
    found = {role: staff(role, **OTHER_UNIT) for role in STAFF_ROLES}
    return found | {"patient": patient(STRANGER), "proxy": patient(STRANGER, acting_for=acting(CHILD))}


@pytest.fixture
async def browsers(front: Front) -> AsyncIterator[dict[str, Browser]]:
    relation = ProxyRelation(CHILD, "Alva", "guardian", frozenset({"book", "messages", "meetings"}), int(NOW) + 9999)
    await front.identity.proxies.replace(STRANGER, [relation], NOW)
    made = {role: await browser_of(front, session) for role, session in sessions().items()}
    made["nobody"] = await browser_of(front)
    yield made
    for browser in made.values():
        await browser.close()


async def ask(browser: Browser, route: Walked, path: str, **headers: str) -> tuple[int, Any]:
    if browser.cookies:
        return await browser.send(route.method, path, {} if route.method in ("POST", "PUT", "PATCH") else None)
    status, body, _ = await browser.ask(route.method, path, headers=headers)
    return status, body


def guarded_routes(front: Front) -> list[tuple[Walked, Action]]:
    return [(route, route.action) for route in walk(front) if isinstance(route.action, Action)]


def roles_of(action: Action) -> set[Role]:
    return {role for role, _ in TABLE[action].allowed}


async def test_every_route_is_guarded_and_documented(front: Front) -> None:
    routed = {(route.method, route.path, route.action) for route in walk(front)}
    documented = {(route.method, route.path, route.action) for route in documented_routes()}
    assert routed == documented
    assert len(routed) > 20


async def test_every_role_is_asked_here(browsers: dict[str, Browser]) -> None:
    by_login = set(browsers) - {"nobody"}
    assert by_login | {"service", "guest", "interpreter"} == set(ROLES)


@pytest.mark.attack
async def test_nobody_gets_anything_without_a_session(front: Front, browsers: dict[str, Browser]) -> None:
    for route, action in guarded_routes(front):
        if action is Action.STATS_READ:  # this machine may, without a token: test_http_api.py
            continue
        status, body = await ask(browsers["nobody"], route, filled(route.path))
        assert (str(route), status) == (str(route), 401), body


@pytest.mark.attack
async def test_every_role_is_refused_what_is_not_for_it(front: Front, browsers: dict[str, Browser]) -> None:
    asked = 0
    for route, action in guarded_routes(front):
        if route.is_own_authentication:
            continue
        for role, browser in browsers.items():
            if role != "nobody" and role not in roles_of(action):
                status, body = await ask(browser, route, filled(route.path))
                assert (str(route), role, status) == (str(route), role, 403), body
                asked += 1
    assert asked > 40


@pytest.fixture
async def meeting(front: Front) -> Meeting:
    """A meeting of Anna's, in the unit of the people who may."""
    planned = Meeting(
        meeting_id="annas",
        title="Visit",
        kind="one_to_one",
        provider_hsa_id=PROVIDER,
        unit_hsa_id=UNIT,
        unit_name="Enheten",
        starts_at=int(NOW),
        ends_at=int(NOW) + 1800,
        patient="p-" + "a" * 26,
    )
    await front.meetings.put(planned, NOW)
    return planned


@pytest.mark.attack
async def test_another_patients_or_units_meeting_is_not_there(
    front: Front, browsers: dict[str, Browser], meeting: Meeting
) -> None:
    """The right role, and a meeting that exists: but not theirs. It looks just like one that does not exist."""
    asked = 0
    for route, action in guarded_routes(front):
        # Below /api/care the companion decides: its own walk and tests of areas hold that.
        if "{meeting_id}" in route.path and not route.path.startswith("/api/care/"):
            for role in roles_of(action) & set(browsers):
                there = filled(route.path, meeting_id=meeting.meeting_id)
                nowhere = filled(route.path, meeting_id="nowhere")
                answers = [await ask(browsers[role], route, path) for path in (there, nowhere)]
                assert (str(route), role, answers[0][0]) == (str(route), role, 404)
                assert answers[0] == answers[1]
                asked += 1
    assert asked > 10
    assert await front.meetings.get(meeting.meeting_id) == meeting


@pytest.mark.attack
async def test_lists_hold_nothing_of_others(browsers: dict[str, Browser], meeting: Meeting) -> None:
    for role, browser in browsers.items():
        status, body = await browser.send("GET", "/api/meetings")
        assert status in (200, 401, 403), role
        assert meeting.meeting_id not in str(body)


async def test_those_for_whom_it_is_are_let_through(front: Front, meeting: Meeting) -> None:
    """The walk's refusals come from the rules, not from a door that is shut for all."""
    right = {role: staff(role) for role in STAFF_ROLES} | {"patient": patient(meeting.patient or "")}
    opened = 0
    for role, session in right.items():
        browser = await browser_of(front, session)
        for route, action in guarded_routes(front):
            is_own = {("staff", Relation.OWN_UNIT), ("patient", Relation.SELF)} & set(TABLE[action].allowed)
            if "{meeting_id}" in route.path and role in {one for one, _ in is_own} and "link_id" not in route.path:
                if action is Action.MEETING_CLOSE:
                    continue
                status, body = await ask(browser, route, filled(route.path, meeting_id=meeting.meeting_id))
                assert (str(route), role, status not in (401, 403, 404)) == (str(route), role, True), body
                opened += 1
        await browser.close()
    assert opened >= 5


@pytest.mark.attack
async def test_a_session_opens_no_route_that_has_credentials_of_its_own(
    front: Front, browsers: dict[str, Browser]
) -> None:
    """Record systems, standard media clients: a logged-in browser is nobody to them."""
    for route, action in guarded_routes(front):
        if route.is_own_authentication and action not in (Action.STATS_READ, Action.TURN_CREDENTIALS):
            for role, browser in browsers.items():
                status, body = await ask(browser, route, filled(route.path))
                assert (str(route), role, status) == (str(route), role, 401), body


@pytest.mark.attack
async def test_a_service_token_opens_only_what_its_scope_names(front: Front, browsers: dict[str, Browser]) -> None:
    every_scope = {rule.service_scope for rule in TABLE.values() if rule.service_scope is not None}
    for route, action in guarded_routes(front):
        if route.is_own_authentication:
            continue
        others = frozenset(every_scope - {TABLE[action].service_scope})
        token = KEYS.sign_service(service="other", scopes=others, now=NOW, lifetime_s=60)
        status, body = await ask(browsers["nobody"], route, filled(route.path), Authorization=f"Bearer {token}")
        assert (str(route), status in (403, 404)) == (str(route), True), body


@pytest.mark.attack
async def test_a_meeting_token_is_no_session_and_no_service_token(front: Front, browsers: dict[str, Browser]) -> None:
    """Guests and interpreters have nothing else; nor does a host's token open any route but those of media."""
    for role in ("guest", "interpreter", "host"):
        token = meeting_token(role=role, grant_id="g-1")
        for route, action in guarded_routes(front):
            if route.is_own_authentication:
                continue
            status, body = await ask(browsers["nobody"], route, filled(route.path), Authorization=f"Bearer {token}")
            assert (str(route), role, status) == (str(route), role, 401), (action, body)


@pytest.mark.attack
async def test_a_login_that_is_too_weak_opens_nothing_but_the_session(front: Front) -> None:
    weak = await browser_of(front, replace(staff("staff", "unit_admin", "sre"), acr=LOA2))
    for route, action in guarded_routes(front):
        if TABLE[action].min_acr > 2 and roles_of(action) & {"staff", "unit_admin", "sre"}:
            status, body = await ask(weak, route, filled(route.path))
            assert (str(route), status in (403, 404)) == (str(route), True), body
    await weak.close()


@pytest.mark.attack
async def test_staff_without_a_chosen_commission_reach_nothing_but_the_session(front: Front) -> None:
    undecided = await browser_of(front, replace(staff(), commission=None))
    session_routes = {Action.SESSION_READ, Action.SESSION_CHOOSE_COMMISSION, Action.SESSION_END}
    harmless = {Action.TURN_CREDENTIALS, Action.STATS_READ}
    for route, action in guarded_routes(front):
        if action not in session_routes | harmless:
            status, body = await ask(undecided, route, filled(route.path))
            assert (str(route), status in (401, 403, 404)) == (str(route), True), body
    await undecided.close()


@pytest.mark.attack
async def test_every_change_needs_the_csrf_token_and_our_own_page(front: Front, browsers: dict[str, Browser]) -> None:
    for route, action in guarded_routes(front):
        if route.method == "GET" or route.is_own_authentication:
            continue
        for role in roles_of(action) & set(browsers):
            browser = browsers[role]
            for headers in ({"X-CSRF-Token": ""}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
                status, body = await browser.send(route.method, filled(route.path), {}, **headers)
                assert (str(route), role, status) == (str(route), role, 403), body
                assert body["error"]["code"] == "csrf"
    for role, browser in browsers.items():
        if role != "nobody":
            assert (await browser.ask("GET", "/api/session"))[0] == 200


@pytest.mark.attack
async def test_public_changes_are_for_our_own_pages_or_say_why_not(front: Front) -> None:
    browser = await browser_of(front)
    for route in walk(front):
        if isinstance(route.action, Public) and route.method in METHODS_TO_ASK and route.method != "GET":
            if route.path == "/login/backchannel":  # the provider calls it; its token is the credential
                continue
            status, _, _ = await browser.ask(
                route.method, filled(route.path), headers={"Origin": "https://evil.example"}
            )
            assert (str(route), status) == (str(route), 403)
    await browser.close()


def test_refusals_have_the_statuses_that_the_walk_expects() -> None:
    assert {HTTP_ERRORS[code][0] for code in ("not_logged_in", "token_invalid", "forbidden", "csrf")} == REFUSALS
