"""The guard by itself, before handlers of a test."""

import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from redis.asyncio import Redis

from auth.audit import AuditEntry
from auth.audit_store import AuditUnavailableError
from auth.permissions import LOA2, NOTHING, Action, Resource
from auth.principal import Principal
from auth.proxies import ProxyRelation, RedisProxyDirectory
from auth.session_store import SessionStore
from auth.sessions import Limits, Session, csrf_token
from signalling.guard import (
    GUARD,
    MINE,
    PAGES,
    Guard,
    Public,
    guarded,
    principal_of,
    refuse_unguarded,
    service_principal,
    session_of,
    spec_of,
)
from signalling.http_api import errors_and_headers
from signalling.http_errors import HttpError
from signalling.metrics import FrontMetrics
from tests.signalling.browsing import PROVIDER, SESSION, UNIT, acting, patient, staff
from tests.signalling.conftest import KEYS, NOW

ANNA, CHILD = "p-" + "a" * 26, "p-" + "b" * 26
MEETINGS = {
    "annas": Resource(PROVIDER, UNIT, patient_person_id=ANNA, meeting_id="annas"),
    "childs": Resource(PROVIDER, UNIT, patient_person_id=CHILD, meeting_id="childs"),
    "elsewhere": Resource("SE5566778899-P1", "SE5566778899-U1", meeting_id="elsewhere"),
}


async def meeting(_api: Any, request: web.Request) -> Resource | None:
    return MEETINGS.get(request.match_info["meeting"])


async def by_password(_api: Any, request: web.Request) -> Principal:
    if request.headers.get("X-Password") != "open":
        raise HttpError("token_invalid")
    return service_principal("door", frozenset({"rooms:write"}), "door")


class Handlers:
    """Handlers as methods, as the front has them."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    @guarded(Action.SESSION_READ)
    async def who(self, request: web.Request) -> web.Response:
        return web.json_response({"actor": principal_of(request).actor})

    @guarded(Action.MEETING_READ, resource=meeting)
    async def read(self, request: web.Request) -> web.Response:
        self.calls.append("read")
        return web.json_response({})

    @guarded(Action.MEETING_LIST, resource=MINE)
    async def list_all(self, request: web.Request) -> web.Response:
        self.calls.append("list")
        return web.json_response({})

    @guarded(Action.SESSION_END)
    async def change(self, request: web.Request) -> web.Response:
        self.calls.append("change")
        return web.json_response({"session": session_of(request).grant_id})

    @guarded(Action.ROOM_WRITE)
    async def rooms(self, request: web.Request) -> web.Response:
        return web.json_response({"actor": principal_of(request).actor})

    @guarded(Action.ROOM_WRITE, authenticate=by_password)
    async def door(self, request: web.Request) -> web.Response:
        return web.json_response({"actor": principal_of(request).actor})

    @guarded(Public("A test says so."))
    async def public(self, request: web.Request) -> web.Response:
        self.calls.append("public")
        return web.json_response({})

    @guarded(Public("Called by machines."), from_anywhere=True)
    async def machines(self, request: web.Request) -> web.Response:
        return web.json_response({})


async def unguarded(_request: web.Request) -> web.Response:
    raise AssertionError("reached")


class World:
    """An application with the guard, and what it wrote."""

    def __init__(self, redis: Redis) -> None:
        self.handlers = Handlers()
        self.metrics = FrontMetrics()
        self.entries: list[AuditEntry] = []
        self.audit_is_away = False
        self.proxies = RedisProxyDirectory(redis)
        self.store = SessionStore(redis, Limits(1800, 43200), self._ended)
        self.guard = Guard(KEYS, self.store, self.proxies, self._record, self.metrics, clock=lambda: NOW)
        self.app = web.Application(middlewares=[errors_and_headers, refuse_unguarded])
        self.app[GUARD] = self.guard
        handlers = self.handlers
        self.app.router.add_get("/api/who", handlers.who)
        self.app.router.add_get("/api/meetings/{meeting}", handlers.read)
        self.app.router.add_get("/api/meetings", handlers.list_all)
        self.app.router.add_post("/api/change", handlers.change)
        self.app.router.add_post("/api/rooms", handlers.rooms)
        self.app.router.add_post("/api/door", handlers.door)
        self.app.router.add_post("/api/public", handlers.public)
        self.app.router.add_post("/api/machines", handlers.machines)
        self.app.router.add_get("/api/unguarded", unguarded)

    async def _record(self, entry: AuditEntry) -> None:
        if self.audit_is_away:
            raise AuditUnavailableError("store")
        self.entries.append(entry)

    async def _ended(self, _grant_id: str, _reason: str) -> None:
        return

    def refusals(self, cause: str) -> float:
        return self.metrics.registry.get_sample_value("ao_front_http_refusals_total", {"cause": cause}) or 0.0


class Caller:
    """Asks the application, with a session or without."""

    def __init__(self, http: Any, secret: str | None) -> None:
        self._http = http
        self.secret = secret

    async def __call__(self, method: str, path: str, **headers: str) -> tuple[int, str]:
        """Status, and the error's code or the body."""
        if self.secret is not None:
            headers["Cookie"] = f"{SESSION}={self.secret}"
        async with self._http.request(method, path, headers=headers) as response:
            body = await response.json()
            return response.status, body["error"]["code"] if "error" in body else json.dumps(body)


@pytest.fixture
async def world(redis_client: Redis) -> World:
    return World(redis_client)


@pytest.fixture
async def http(world: World, aiohttp_client: Callable[..., Any]) -> Any:
    return await aiohttp_client(world.app, cookie_jar=aiohttp.DummyCookieJar())


@pytest.fixture
def caller(world: World, http: Any) -> Callable[..., Any]:
    async def make(session: Session | None = None) -> Caller:
        return Caller(http, await world.store.start(session) if session else None)

    return make


async def test_the_mark_can_be_read_from_the_handler() -> None:
    spec = spec_of(Handlers().read)
    assert spec is not None
    assert (spec.action, spec.resource) == (Action.MEETING_READ, meeting)
    assert spec_of(unguarded) is None


@pytest.mark.attack
async def test_a_handler_without_a_mark_is_never_reached(world: World, caller: Callable[..., Any]) -> None:
    ask = await caller(staff("staff", "sre"))
    assert await ask("GET", "/api/unguarded") == (500, "internal")


async def test_what_is_no_route_is_not_found(caller: Callable[..., Any]) -> None:
    ask = await caller()
    assert (await ask("GET", "/api/nothing"))[0] == 404
    assert (await ask("DELETE", "/api/who"))[0] == 405


@pytest.mark.attack
@pytest.mark.parametrize("path", ["/api/who", "/api/meetings", "/api/meetings/annas", "/api/meetings/nowhere"])
async def test_without_a_session_nothing_is_told(world: World, caller: Callable[..., Any], path: str) -> None:
    ask = await caller()
    assert await ask("GET", path) == (401, "not_logged_in")
    ask.secret = "A" * 43
    assert await ask("GET", path) == (401, "not_logged_in")
    assert (world.refusals("not_logged_in"), world.refusals("session_ended")) == (1, 1)
    assert world.handlers.calls == []


@pytest.mark.parametrize(
    ("session", "path", "expected"),
    [
        (patient(ANNA), "/api/meetings/annas", (200, "{}")),
        (patient(ANNA), "/api/meetings/childs", (404, "not_found")),
        (patient(ANNA), "/api/meetings/elsewhere", (404, "not_found")),
        (patient(ANNA), "/api/meetings/nowhere", (404, "not_found")),
        (staff(), "/api/meetings/annas", (200, "{}")),
        (staff(unit="SE5555555555-U2"), "/api/meetings/annas", (404, "not_found")),
        (staff(), "/api/meetings/elsewhere", (404, "not_found")),
        (staff("sre"), "/api/meetings/annas", (403, "forbidden")),
        (staff("sre"), "/api/meetings/nowhere", (403, "forbidden")),
        (patient(ANNA, acr=LOA2), "/api/meetings/annas", (403, "login_too_weak")),
    ],
)
async def test_what_is_not_theirs_is_not_there_and_what_they_may_never_do_is_forbidden(
    world: World, caller: Callable[..., Any], session: Session, path: str, expected: tuple[int, str]
) -> None:
    ask = await caller(session)
    assert await ask("GET", path) == expected
    assert world.handlers.calls == (["read"] if expected[0] == 200 else [])


async def test_each_use_and_each_refusal_of_patient_data_is_written_down_first(
    world: World, caller: Callable[..., Any]
) -> None:
    for session, path in ((staff(), "annas"), (patient(CHILD), "annas"), (staff("sre"), "annas")):
        await (await caller(session))("GET", f"/api/meetings/{path}")
    read, other, never = world.entries
    assert (read.actor, read.outcome, read.patient, read.resource) == (
        "SE5555555555-K1",
        "allowed",
        ANNA,
        "meeting:annas",
    )
    assert (read.unit, read.provider, read.at_ms) == (UNIT, PROVIDER, int(NOW * 1000))
    assert (other.actor, other.outcome, other.patient) == (CHILD, "refused", ANNA)
    assert (never.outcome, never.patient) == ("refused", None)
    assert read.address == "127.0.0.1"
    assert len({entry.request_id for entry in world.entries}) == 3


@pytest.mark.attack
async def test_what_cannot_be_written_down_does_not_happen(world: World, caller: Callable[..., Any]) -> None:
    ask = await caller(staff())
    world.audit_is_away = True
    assert await ask("GET", "/api/meetings/annas") == (503, "unavailable")
    assert world.handlers.calls == []
    assert (await ask("GET", "/api/who"))[0] == 200


async def test_lists_are_of_ones_own(world: World, caller: Callable[..., Any]) -> None:
    assert await (await caller(patient(ANNA)))("GET", "/api/meetings") == (200, "{}")
    assert await (await caller(staff("viewer")))("GET", "/api/meetings") == (200, "{}")
    assert [(entry.patient, entry.unit) for entry in world.entries] == [(ANNA, None), (None, UNIT)]


# --- proxies --------------------------------------------------------------------------------------------------------


@pytest.mark.attack
async def test_a_proxy_may_as_long_as_the_right_is_in_force(world: World, caller: Callable[..., Any]) -> None:
    ask = await caller(patient(ANNA, acting_for=acting(CHILD, "meetings")))
    assert await ask("GET", "/api/meetings/childs") == (403, "forbidden")
    relation = ProxyRelation(CHILD, "Alva", "grant", frozenset({"meetings"}), int(NOW) + 10)
    await world.proxies.replace(ANNA, [relation], NOW)
    assert await ask("GET", "/api/meetings/childs") == (200, "{}")
    assert await ask("GET", "/api/meetings/annas") == (404, "not_found")
    allowed = [entry for entry in world.entries if entry.outcome == "allowed"]
    assert [(entry.actor, entry.on_behalf_of, entry.patient) for entry in allowed] == [(ANNA, CHILD, CHILD)]
    await world.proxies.replace(ANNA, [], NOW)
    assert await ask("GET", "/api/meetings/childs") == (403, "forbidden")


@pytest.mark.attack
async def test_the_scopes_are_those_in_force_not_those_of_the_session(world: World, caller: Callable[..., Any]) -> None:
    relation = ProxyRelation(CHILD, "Alva", "grant", frozenset({"messages"}), int(NOW) + 10)
    await world.proxies.replace(ANNA, [relation], NOW)
    ask = await caller(patient(ANNA, acting_for=acting(CHILD, "meetings")))
    assert await ask("GET", "/api/meetings/childs") == (403, "forbidden")
    assert world.refusals("proxy_scope") == 1


# --- cross-site requests --------------------------------------------------------------------------------------------


@pytest.mark.attack
async def test_a_change_needs_the_sessions_csrf_token(world: World, caller: Callable[..., Any]) -> None:
    session = patient()
    ask = await caller(session)
    right = csrf_token(ask.secret)
    assert (await ask("POST", "/api/change", **{"X-CSRF-Token": right}))[0] == 200
    other = csrf_token(await world.store.start(patient(CHILD)))
    for wrong in ("", other, right[:-1], right + "x", "\udcff"):
        assert await ask("POST", "/api/change", **({"X-CSRF-Token": wrong} if wrong else {})) == (403, "csrf")
    assert world.handlers.calls == ["change"]
    assert world.refusals("csrf") == 5


@pytest.mark.attack
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_a_change_from_another_sites_page_is_refused_whatever_it_knows(
    world: World, caller: Callable[..., Any], headers: dict[str, str]
) -> None:
    ask = await caller(patient())
    assert await ask("POST", "/api/change", **{"X-CSRF-Token": csrf_token(ask.secret)}, **headers) == (403, "csrf")
    assert await (await caller())("POST", "/api/public", **headers) == (403, "csrf")
    assert (await (await caller())("POST", "/api/machines", **headers))[0] == 200
    assert world.handlers.calls == []
    assert world.refusals("other_site") == 2


async def test_own_pages_are_known_by_their_origin(caller: Callable[..., Any], http: Any) -> None:
    host = f"{http.host}:{http.port}"
    ask = await caller(patient())
    token = {"X-CSRF-Token": csrf_token(ask.secret), "Sec-Fetch-Site": "same-origin"}
    for origin in (f"http://{host}", f"https://{host}"):
        assert (await ask("POST", "/api/change", Origin=origin, **token))[0] == 200


# --- programs -------------------------------------------------------------------------------------------------------


async def test_a_program_shows_a_service_token_with_the_scope(caller: Callable[..., Any]) -> None:
    ask = await caller()

    def token(*scopes: str, age: int = 0) -> str:
        signed = KEYS.sign_service(service="companion", scopes=frozenset(scopes), now=NOW - age, lifetime_s=60)
        return f"Bearer {signed}"

    assert await ask("POST", "/api/rooms", Authorization=token("rooms:write")) == (200, '{"actor": "companion"}')
    assert await ask("POST", "/api/rooms", Authorization=token("stats:read")) == (403, "forbidden")
    assert await ask("POST", "/api/rooms", Authorization=token("rooms:write", age=600)) == (401, "token_expired")
    assert await ask("POST", "/api/rooms", Authorization="Bearer x") == (401, "token_invalid")
    assert await ask("GET", "/api/meetings/annas", Authorization=token("rooms:write")) == (403, "forbidden")


@pytest.mark.attack
async def test_a_token_and_a_session_are_never_mixed(caller: Callable[..., Any]) -> None:
    """Whoever sends a bearer token is judged by it alone."""
    ask = await caller(staff())
    assert await ask("GET", "/api/who", Authorization="Bearer x") == (401, "token_invalid")
    scopeless = KEYS.sign_service(service="s", scopes=frozenset(), now=NOW, lifetime_s=60)
    assert await ask("GET", "/api/meetings/annas", Authorization=f"Bearer {scopeless}") == (403, "forbidden")


async def test_a_route_may_have_credentials_of_its_own(caller: Callable[..., Any]) -> None:
    ask = await caller(staff())
    assert await ask("POST", "/api/door") == (401, "token_invalid")
    assert await ask("POST", "/api/door", **{"X-Password": "open"}) == (200, '{"actor": "door"}')


def test_pages_hold_no_data() -> None:
    assert isinstance(PAGES, Public)
    assert Resource() == NOTHING
