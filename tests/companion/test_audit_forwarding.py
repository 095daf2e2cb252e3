"""The front's audit log from a real Valkey into a real companion: at least once, resumed, refused when it is not whole;
and trimmed in Valkey so that it can still be checked.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from fastapi import FastAPI
from redis.asyncio import Redis

from auth.audit import SignedHead, sign_begin
from auth.audit_store import BEGIN_KEY, HEAD_KEY, STREAM_KEY, AuditLog, entries, stored_begin, trim, verify_stored
from companion.models.audit import FrontAuditRow
from companion.services import Services
from companion.store.audit import linked_entries
from companion.store.audit import verify_stored as verify_in_sql
from signalling.audit_forwarder import BATCH, LEASE_KEY, AuditForwarder, ForwarderMetrics
from signalling.companion_client import CompanionClient
from signalling.companion_policy import BreakerPolicy, RetryPolicy
from signalling.hand_over import IDLE_S, REFUSED_S, UNAVAILABLE_S
from tests.companion.conftest import AUDIT_KEYS
from tests.companion.front_chain import entry
from tests.companion.people import START, TOKEN_KEYS

NOW = START.timestamp()
DAY_MS = 24 * 3600 * 1000


@dataclass
class Road:
    """A companion behind a road on which requests, or the answers to them, can be lost."""

    url: str = ""
    is_cut: bool = False
    loses_answers: bool = False


@pytest.fixture
async def road(app: FastAPI) -> AsyncIterator[Road]:
    made = Road()
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=True)
    async with httpx2.AsyncClient(transport=transport, base_url="http://companion") as http:

        async def forward(request: web.Request) -> web.StreamResponse:
            if made.is_cut:
                return web.Response(status=503)
            headers = {
                name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers
            }
            answer = await http.request(request.method, request.path, content=await request.read(), headers=headers)
            if made.loses_answers:
                return web.Response(status=502)
            return web.Response(status=answer.status_code, body=answer.content, content_type="application/json")

        server = web.Application(client_max_size=2**20)
        server.router.add_route("*", "/{path:.*}", forward)
        async with TestServer(server) as listening:
            made.url = str(listening.make_url("")).rstrip("/")
            yield made


@pytest.fixture
async def client(road: Road) -> AsyncIterator[CompanionClient]:
    made = CompanionClient(
        road.url,
        TOKEN_KEYS,
        retries=RetryPolicy(attempts=1, attempt_s=30.0, total_s=30.0),
        breaker=BreakerPolicy(min_results=1000),
        wall_clock=lambda: NOW,
    )
    yield made
    await made.close()


def forwarder(client: CompanionClient, redis: Redis, name: str = "front-1", **more: int) -> AuditForwarder:
    return AuditForwarder(client, redis, AUDIT_KEYS, name, ForwarderMetrics(), clock=lambda: NOW, **more)


async def write(redis: Redis, count: int, *, first: int = 0, days_ago: int = 0) -> None:
    log = AuditLog(redis, AUDIT_KEYS, clock=lambda: NOW)
    for number in range(first, first + count):
        await log.record(entry(number, at_ms=int(NOW * 1000) - days_ago * DAY_MS + number))
    await log.close()


async def held(services: Services) -> int:
    """How many the companion has; they are what Valkey had, and whole."""
    async with services.database.reading(services.clock()) as transaction:
        result = await verify_in_sql(transaction.session, AUDIT_KEYS, of=FrontAuditRow)
        assert result.fault is None
        count = len([one async for one in linked_entries(transaction.session, of=FrontAuditRow)])
        assert count == result.head.number
        return count


async def all_steps(one: AuditForwarder) -> float:
    """Until there is nothing more to do just now; how long it would wait."""
    while True:
        pause_s = await one.step()
        if pause_s:
            return pause_s


async def test_everything_arrives_in_order_and_once(
    redis_client: Redis, client: CompanionClient, services: Services
) -> None:
    await write(redis_client, BATCH + 5)
    one = forwarder(client, redis_client)
    assert await one.step() == 0.0
    assert await held(services) == BATCH
    assert await all_steps(one) == IDLE_S
    assert await held(services) == BATCH + 5
    await write(redis_client, 3, first=BATCH + 5)
    await all_steps(one)
    assert await held(services) == BATCH + 8


async def test_what_is_lost_on_the_way_is_sent_again_by_whichever_front(
    redis_client: Redis, client: CompanionClient, services: Services, road: Road
) -> None:
    await write(redis_client, 6)
    first = forwarder(client, redis_client)
    road.is_cut = True
    assert await first.step() == UNAVAILABLE_S
    assert await held(services) == 0
    road.is_cut = False
    await all_steps(first)
    await write(redis_client, 4, first=6)
    road.loses_answers = True
    assert await first.step() == UNAVAILABLE_S
    assert await held(services) == 10  # it had arrived; only the answer was lost
    road.loses_answers = False
    await all_steps(first)
    await redis_client.delete(LEASE_KEY)  # the first front died
    second = forwarder(client, redis_client, "front-2")
    await write(redis_client, 1, first=10)
    await all_steps(second)
    assert await held(services) == 11


async def test_one_front_forwards_at_a_time(redis_client: Redis, client: CompanionClient, services: Services) -> None:
    await write(redis_client, 2)
    first, second = forwarder(client, redis_client), forwarder(client, redis_client, "front-2")
    await all_steps(first)
    await write(redis_client, 2, first=2)
    assert await second.step() == IDLE_S
    assert await held(services) == 2
    await all_steps(first)
    assert await held(services) == 4


@pytest.mark.attack
async def test_what_was_tampered_with_in_redis_is_refused_and_counted(
    redis_client: Redis, client: CompanionClient, services: Services
) -> None:
    await write(redis_client, 6)
    await redis_client.xdel(STREAM_KEY, "4-0")
    metrics = ForwarderMetrics()
    one = AuditForwarder(client, redis_client, AUDIT_KEYS, "front-1", metrics, clock=lambda: NOW)
    assert await one.step() == REFUSED_S
    assert await held(services) == 0
    assert metrics.entries.labels("refused")._value.get() == 1


@pytest.mark.attack
async def test_a_store_that_came_back_with_less_is_noticed(
    redis_client: Redis, client: CompanionClient, services: Services
) -> None:
    await write(redis_client, 6)
    one = forwarder(client, redis_client)
    await all_steps(one)
    await redis_client.delete(STREAM_KEY, HEAD_KEY)
    await write(redis_client, 2, days_ago=1)
    assert await one.step() == REFUSED_S
    await write(redis_client, 6, first=2, days_ago=1)
    assert await one.step() == REFUSED_S
    assert await held(services) == 6


# --- trimming ----------------------------------------------------------------------------------------------------


async def numbers(redis: Redis) -> list[int]:
    return [one.number async for one in entries(redis)]


async def test_what_is_held_and_old_leaves_redis_and_the_rest_stays_whole(
    redis_client: Redis, client: CompanionClient, services: Services
) -> None:
    await write(redis_client, 5, days_ago=10)
    await write(redis_client, 3, first=5)
    kept = forwarder(client, redis_client)
    await all_steps(kept)
    assert await numbers(redis_client) == list(range(1, 9))  # off unless it is asked for
    known = [SignedHead.parse((await redis_client.get(HEAD_KEY)).decode())]
    await all_steps(forwarder(client, redis_client, trim_after_days=7))
    assert await numbers(redis_client) == [6, 7, 8]
    await write(redis_client, 2, first=8)
    result = await verify_stored(redis_client, AUDIT_KEYS, known=known)
    assert (result.head.number, result.fault) == (10, None)
    await all_steps(forwarder(client, redis_client, trim_after_days=7))
    assert await held(services) == 10


async def test_nothing_leaves_that_is_not_held_or_is_the_last(redis_client: Redis) -> None:
    await write(redis_client, 6, days_ago=10)
    made = [one async for one in entries(redis_client)]
    before_ms = int(NOW * 1000)
    assert await trim(redis_client, AUDIT_KEYS, held=made[2].head, before_ms=before_ms) == 3
    assert await numbers(redis_client) == [4, 5, 6]
    assert await trim(redis_client, AUDIT_KEYS, held=made[5].head, before_ms=before_ms) == 2
    assert await numbers(redis_client) == [6]
    await write(redis_client, 1, first=6)
    assert (await verify_stored(redis_client, AUDIT_KEYS)).fault is None


@pytest.mark.attack
async def test_no_head_that_was_written_down_hides_what_came_before_it(redis_client: Redis) -> None:
    await write(redis_client, 6, days_ago=10)
    head = SignedHead.parse((await redis_client.get(HEAD_KEY)).decode())
    await redis_client.set(BEGIN_KEY, head.to_text())
    assert await stored_begin(redis_client, AUDIT_KEYS) is None
    found = (await verify_stored(redis_client, AUDIT_KEYS)).fault
    assert found is not None
    assert found.cause == "head_forged"
    # Nor does a begin that was taken away go unnoticed.
    made = [one async for one in entries(redis_client)]
    await redis_client.set(BEGIN_KEY, sign_begin(made[1].head, AUDIT_KEYS).to_text())
    await redis_client.xtrim(STREAM_KEY, minid="3-0", approximate=False)
    assert (await verify_stored(redis_client, AUDIT_KEYS)).fault is None
    await redis_client.delete(BEGIN_KEY)
    found = (await verify_stored(redis_client, AUDIT_KEYS)).fault
    assert found is not None
    assert (found.number, found.cause) == (1, "missing")


async def test_what_is_not_whole_is_left_for_whoever_looks_into_it(redis_client: Redis) -> None:
    await write(redis_client, 6, days_ago=10)
    made = [one async for one in entries(redis_client)]
    await redis_client.xdel(STREAM_KEY, "2-0")
    assert await trim(redis_client, AUDIT_KEYS, held=made[5].head, before_ms=int(NOW * 1000)) == 1
    assert await numbers(redis_client) == [3, 4, 5, 6]
    found = (await verify_stored(redis_client, AUDIT_KEYS)).fault
    assert found is not None
    assert (found.number, found.cause) == (2, "missing")
