"""The companion client against a server that fails in every way that servers fail."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from random import Random
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from auth.permissions import LOA3
from auth.principal import Principal
from auth.principal_tokens import check_principal
from auth.tokens import TokenKeys
from signalling.companion_answers import MAX_ANSWER_BYTES, CompanionRefusedError, CompanionUnavailableError
from signalling.companion_cache import Freshness
from signalling.companion_client import CompanionClient
from signalling.companion_policy import BreakerPolicy, RetryPolicy
from tests.patience import PATIENCE_S

KEYS = TokenKeys({"test": b"k" * 32})
NOW = 1_800_000_000.0
SHORT = Freshness(fresh_s=5.0, stale_s=60.0)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def patient(name: str = "p-anna") -> Principal:
    return Principal("patient", frozenset({"patient"}), name, name, "A", frozenset(), None, None, LOA3, 0, "g-" + name)


async def well(_request: web.Request) -> web.StreamResponse:
    return web.json_response({"items": [1]})


async def broken(_request: web.Request) -> web.StreamResponse:
    return web.json_response({"code": "internal"}, status=500)


async def busy(_request: web.Request) -> web.StreamResponse:
    return web.json_response({"code": "busy"}, status=503, headers={"Retry-After": "2"})


async def silent(_request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def hangs_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def stops_halfway(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b'{"items": ')
    assert request.transport is not None
    request.transport.abort()
    return response


async def garbles(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>")


async def sends_elsewhere(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"})


async def floods(_request: web.Request) -> web.StreamResponse:
    return web.Response(body=b'"' + b"x" * MAX_ANSWER_BYTES + b'"', content_type="application/json")


async def refuses(_request: web.Request) -> web.StreamResponse:
    body = {"code": "too_late", "title": "Det är för sent.", "status": 409}
    return web.json_response(body, status=409, content_type="application/problem+json")


class FaultyServer:
    """Does what the next of its faults says, and answers when there are none left."""

    def __init__(self) -> None:
        self.faults: list[Handler] = []
        self.always: Handler = well
        self.requests: list[web.Request] = []
        self.bodies: list[str] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(await request.text())
        return await self._next()(request)

    def _next(self) -> Handler:
        return self.faults.pop(0) if self.faults else self.always

    @property
    def will_answer(self) -> bool:
        return (self.faults[0] if self.faults else self.always) is not silent


class Retries:
    """Three attempts, and patience with each but one that gets no answer."""

    def __init__(self, server: FaultyServer) -> None:
        self._policy, self._server = RetryPolicy(attempts=3, total_s=3 * PATIENCE_S), server

    @property
    def attempt_s(self) -> float:
        return PATIENCE_S if self._server.will_answer else 0.3

    def __getattr__(self, name: str) -> Any:
        return getattr(self._policy, name)


class World:
    """A client with a virtual clock before a faulty server."""

    def __init__(self, client: CompanionClient, server: FaultyServer, pauses: list[float], clock: list[float]) -> None:
        self.client, self.server, self.pauses, self.clock = client, server, pauses, clock

    def counted(self, name: str, **labels: str) -> float:
        metrics = self.client.metrics
        collector = {
            "answers": metrics.answers,
            "retries": metrics.retries,
            "turned_away": metrics.turned_away,
            "is_open": metrics.is_open,
        }[name]
        child: Any = collector.labels(**labels) if labels else collector
        value: float = child._value.get()
        return value


@pytest.fixture
async def world() -> AsyncIterator[World]:
    faulty, clock, pauses = FaultyServer(), [1000.0], list[float]()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", faulty.handle)
    server = TestServer(app, handler_cancellation=True)
    await server.start_server()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        clock[0] += seconds

    client = CompanionClient(
        str(server.make_url("/")),
        KEYS,
        retries=cast(RetryPolicy, Retries(faulty)),
        breaker=BreakerPolicy(min_results=6, open_s=10.0),
        rng=Random(7),
        clock=lambda: clock[0],
        wall_clock=lambda: NOW,
        sleep=sleep,
    )
    yield World(client, faulty, pauses, clock)
    await client.close()
    await server.close()


async def test_the_companion_learns_who_asks(world: World) -> None:
    answer = await world.client.get("/bookings", patient(), query={"b": "2", "a": "å"}, language="en")
    assert answer.body == {"items": [1]}
    request = world.server.requests[0]
    token = request.headers["Authorization"].removeprefix("Bearer ")
    assert check_principal(KEYS, token, now=NOW) == patient()
    assert request.headers["Accept-Language"] == "en"
    assert dict(request.query) == {"a": "å", "b": "2"}
    assert "Cookie" not in request.headers


async def test_what_is_public_is_asked_for_without_a_token(world: World) -> None:
    await world.client.get("/slots", None)
    assert "Authorization" not in world.server.requests[0].headers


@pytest.mark.parametrize("fault", [broken, busy, silent, hangs_up, stops_halfway])
async def test_a_read_survives_a_fault(world: World, fault: Handler) -> None:
    world.server.faults = [fault]
    assert (await world.client.get("/bookings", patient())).body == {"items": [1]}
    assert len(world.server.requests) == 2
    assert world.counted("retries") == (0 if fault is hangs_up else 1)  # aiohttp itself tries once more


async def test_a_busy_companion_is_given_the_time_it_asks_for(world: World) -> None:
    world.server.faults = [busy]
    await world.client.get("/bookings", patient())
    assert world.pauses == [2.0]


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (broken, "server_error"),
        (silent, "timeout"),
        (hangs_up, "connection"),
        (garbles, "malformed"),
        (sends_elsewhere, "malformed"),
        (floods, "malformed"),
    ],
)
async def test_a_fault_that_lasts_has_its_cause(world: World, fault: Handler, cause: str) -> None:
    world.server.always = fault
    with pytest.raises(CompanionUnavailableError) as caught:
        await world.client.get("/bookings", patient())
    assert caught.value.cause == cause
    assert len(world.server.requests) == {"malformed": 1, "connection": 6}.get(cause, 3)
    assert world.counted("answers", source="unavailable") == 1


async def test_a_refusal_is_final_and_has_its_code(world: World) -> None:
    world.server.always = refuses
    with pytest.raises(CompanionRefusedError) as caught:
        await world.client.send("POST", "/bookings", patient(), body={}, idempotency_key="key-00001")
    assert (caught.value.status, caught.value.code) == (409, "too_late")
    assert caught.value.problem["title"] == "Det är för sent."
    assert len(world.server.requests) == 1
    assert "sent" not in str(caught.value)


async def test_a_change_with_a_key_is_repeated_under_the_same_key(world: World) -> None:
    world.server.faults = [stops_halfway, silent]
    await world.client.send("POST", "/bookings", patient(), body={"slot": "s"}, idempotency_key="key-00001")
    assert [request.headers["Idempotency-Key"] for request in world.server.requests] == ["key-00001"] * 3
    assert set(world.server.bodies) == {'{"slot": "s"}'}


@pytest.mark.parametrize("fault", [broken, silent, hangs_up])
async def test_a_change_without_a_key_is_never_repeated(world: World, fault: Handler) -> None:
    world.server.always = fault
    with pytest.raises(CompanionUnavailableError):
        await world.client.send("POST", "/bookings", patient(), body={})
    assert len(world.server.requests) == 1


async def test_a_change_that_never_left_is_tried_again() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    with contextlib.closing(await unused_port()) as taken:
        client = CompanionClient(f"http://127.0.0.1:{taken.getsockname()[1]}", KEYS, sleep=sleep, rng=Random(1))
        with pytest.raises(CompanionUnavailableError, match="connection"):
            await client.send("POST", "/bookings", patient(), body={})
        await client.close()
    assert len(pauses) == RetryPolicy().attempts - 1


async def unused_port() -> Any:
    """A bound socket that nobody listens on: connections are refused."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    return taken


async def test_a_fresh_answer_is_not_asked_for_again(world: World) -> None:
    first = await world.client.get("/units", patient(), freshness=SHORT)
    first.body["items"].append("changed by whoever got it")
    world.clock[0] += 4.0
    second = await world.client.get("/units", patient(), freshness=SHORT)
    assert second.body == {"items": [1]}
    assert second.age_s == 4.0
    assert len(world.server.requests) == 1
    world.clock[0] += 1.0
    await world.client.get("/units", patient(), freshness=SHORT)
    assert len(world.server.requests) == 2


async def test_nobody_gets_an_answer_made_for_somebody_else(world: World) -> None:
    await world.client.get("/bookings", patient("p-anna"), freshness=SHORT)
    await world.client.get("/bookings", patient("p-bo"), freshness=SHORT)
    await world.client.get("/bookings", patient("p-bo"), freshness=SHORT, language="en")
    assert len(world.server.requests) == 3


async def test_a_kept_answer_is_given_while_the_companion_is_away_but_not_for_ever(world: World) -> None:
    await world.client.get("/bookings", patient(), freshness=SHORT)
    world.server.always = broken
    world.clock[0] += 30.0
    answer = await world.client.get("/bookings", patient(), freshness=SHORT)
    assert answer.is_stale
    assert answer.body == {"items": [1]}
    assert answer.age_s >= 30.0
    world.clock[0] += 30.0
    with pytest.raises(CompanionUnavailableError):
        await world.client.get("/bookings", patient(), freshness=SHORT)
    assert world.counted("answers", source="stale") == 1


async def test_a_refusal_takes_the_kept_answer_away(world: World) -> None:
    await world.client.get("/meetings/m", patient(), freshness=SHORT)
    world.clock[0] += 10.0
    world.server.faults = [refuses]
    world.server.always = broken
    with pytest.raises(CompanionRefusedError):
        await world.client.get("/meetings/m", patient(), freshness=SHORT)
    with pytest.raises(CompanionUnavailableError):
        await world.client.get("/meetings/m", patient(), freshness=SHORT)


async def test_what_an_event_says_has_changed_is_asked_for_anew(world: World) -> None:
    await world.client.get("/bookings/b", patient(), freshness=SHORT)
    world.client.forget("/bookings/b")
    await world.client.get("/bookings/b", patient(), freshness=SHORT)
    assert len(world.server.requests) == 2


async def test_a_hundred_who_want_the_same_make_one_request(world: World) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        asked.set()
        await go_on.wait()
        return await well(request)

    world.server.always = slow
    waiting = [asyncio.create_task(world.client.get("/units", None, freshness=SHORT)) for _ in range(100)]
    await asked.wait()
    waiting[0].cancel()  # whoever came first goes away; the others are served
    with pytest.raises(asyncio.CancelledError):
        await waiting[0]
    go_on.set()
    answers = await asyncio.gather(*waiting[1:])
    assert all(answer.body == {"items": [1]} for answer in answers)
    assert len(world.server.requests) == 1


async def test_an_answer_that_was_under_way_when_it_changed_is_not_kept_nor_shared(world: World) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_request: web.Request) -> web.StreamResponse:
        asked.set()
        await go_on.wait()
        return web.json_response("old")

    world.server.faults = [slow]
    first = asyncio.create_task(world.client.get("/bookings/b", patient(), freshness=SHORT))
    await asked.wait()
    world.client.forget("/bookings")
    assert (await world.client.get("/bookings/b", patient(), freshness=SHORT)).body == {"items": [1]}
    go_on.set()
    assert (await first).body == "old"
    assert (await world.client.get("/bookings/b", patient(), freshness=SHORT)).body == {"items": [1]}


async def test_an_open_circuit_spares_the_companion_and_closes_again(world: World) -> None:
    world.server.always = broken
    for _ in range(2):
        with pytest.raises(CompanionUnavailableError):
            await world.client.get("/bookings", patient())
    asked = len(world.server.requests)
    assert asked == 6
    assert world.counted("is_open") == 1
    for _ in range(50):
        with pytest.raises(CompanionUnavailableError, match="circuit_open"):
            await world.client.get("/bookings", patient())
    assert len(world.server.requests) == asked
    assert world.counted("turned_away") == 50
    world.server.always = well
    world.clock[0] += 13.0
    assert (await world.client.get("/bookings", patient())).body == {"items": [1]}
    assert world.counted("is_open") == 0


async def test_refusals_never_open_the_circuit(world: World) -> None:
    world.server.always = refuses
    for _ in range(20):
        with pytest.raises(CompanionRefusedError):
            await world.client.get("/bookings", patient())
    assert world.counted("is_open") == 0


async def test_a_trial_whose_caller_goes_away_leaves_the_circuit_on_trial(world: World) -> None:
    world.server.always = broken
    for _ in range(2):
        with pytest.raises(CompanionUnavailableError):
            await world.client.get("/bookings", patient())
    world.clock[0] += 13.0
    asked = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        asked.set()
        return await silent(request)

    world.server.faults, world.server.always = [slow], well
    trial = asyncio.create_task(world.client.get("/bookings", patient()))
    await asked.wait()
    trial.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trial
    assert world.counted("is_open") == 1
    assert (await world.client.get("/bookings", patient())).body == {"items": [1]}


async def test_closing_ends_those_who_wait(world: World) -> None:
    asked = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        asked.set()
        return await silent(request)

    world.server.always = slow
    waiting = asyncio.create_task(world.client.get("/units", None, freshness=SHORT))
    await asked.wait()
    await world.client.close()
    with pytest.raises(CompanionUnavailableError, match="closed"):
        await waiting
    with pytest.raises(CompanionUnavailableError, match="closed"):
        await world.client.get("/units", None)


async def test_a_deletion_answers_with_nothing(world: World) -> None:
    async def gone(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    world.server.faults = [broken, gone]
    assert await world.client.send("DELETE", "/bookings/b", patient()) is None
    assert len(world.server.requests) == 2


async def test_answers_show_nothing_in_logs(world: World) -> None:
    assert "items" not in repr(await world.client.get("/bookings", patient()))
