"""The figures of logins: measured on a real store, and reported beside the bare server."""

import asyncio
import time

from redis.asyncio import Redis

from auth.audit import AuditKeys
from auth.audit_store import verify_stored
from auth.tokens import TokenKeys
from loadtest.auth_bench import ANSWER_BYTES, BARE, bare_server, report
from loadtest.auth_costs import Cost, pure_costs, start_session, store_costs
from loadtest.httpload import HttpConnection, HttpSample
from tests.patience import PATIENCE_S


def sample(cpu_us: float) -> HttpSample:
    return HttpSample(1.0, [0.001] * 1000, cpu_us / 1000)


def test_the_report_shows_what_a_request_costs_more_than_the_bare_one() -> None:
    costs = [Cost("check a meeting token", 50e-6, 90e-6, 20_000.0)]
    text = report(costs, {1: {BARE: [sample(100), sample(120), sample(90)], "logged in": [sample(350)] * 3}})
    assert "check a meeting token                    50.0     90.0      20,000" in text
    row = next(line for line in text.splitlines() if line.startswith("logged in"))
    assert row.split()[2:] == ["350", "+250", "1000", "1000", "1,000"]
    assert "over 1 kept-alive connection," in text


def test_pure_steps_are_measured_by_doing_them() -> None:
    costs = pure_costs(TokenKeys.generate_text(), time.time(), 0.05)
    assert [cost.what for cost in costs] == ["check a meeting token", "check a service token", "decide a permission"]
    assert all(0 < cost.typical_s <= cost.late_s and cost.per_s > 100 for cost in costs)


async def test_steps_with_a_store_are_measured_by_doing_them(redis_client: Redis) -> None:
    keys = AuditKeys.parse(AuditKeys.generate_text())
    costs = await store_costs(redis_client, keys, time.time(), 0.05)
    assert all(0 < cost.typical_s <= cost.late_s and cost.per_s > 10 for cost in costs)
    result = await verify_stored(redis_client, keys)
    assert result.fault is None
    assert result.head.number > 100, "what was measured stands in the log"
    assert len(await start_session(redis_client, time.time())) == 43


async def test_the_bare_server_answers_with_the_length_of_a_real_answer() -> None:

    async with asyncio.timeout(PATIENCE_S), bare_server(None) as (port, _):
        connection = await HttpConnection.open("127.0.0.1", port, "/", {})
        assert len(await connection.ask()) == ANSWER_BYTES
        await connection.close()
