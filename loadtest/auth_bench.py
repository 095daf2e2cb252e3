"""What logins cost: token checks, permissions, sessions, audit; and requests beside a bare aiohttp one.

``make bench`` runs it after the media cells; ``python -m loadtest.auth_bench`` alone. The bare server and the front
run on one core, the client on the other, and take turns so that drift cancels; medians over the turns are printed.
"""

import argparse
import asyncio
import logging
import statistics
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
import uvloop
from redis.asyncio import Redis

from auth.audit import AuditKeys
from loadtest.auth_costs import Cost, pure_costs, start_session, store_costs
from loadtest.httpload import HttpSample, measure_http
from loadtest.processes import pin
from loadtest.service import Service, running_service

BARE = "aiohttp alone"
ANSWER_BYTES = 600
"""Length of the bare server's answer: about that of ``GET /api/session``."""


@dataclass(frozen=True)
class Target:
    """Something to ask for."""

    name: str
    port: int
    pid: int
    path: str
    headers: Mapping[str, str]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.auth_bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one turn, under half a minute")
    parser.add_argument("--server-cpu", type=int, default=0)
    parser.add_argument("--client-cpu", type=int, default=1)
    options = parser.parse_args()
    sys.stdout.write(
        uvloop.run(auth_report(quick=options.quick, server_cpu=options.server_cpu, client_cpu=options.client_cpu))
    )


async def auth_report(*, quick: bool, server_cpu: int, client_cpu: int) -> str:
    """Run everything; the figures as text."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    seconds, turns = (1.0, 1) if quick else (2.0, 3)
    pin(client_cpu)
    audit_keys = AuditKeys.generate_text()
    environment = {"ALLTID_AUDIT_KEY": audit_keys}
    async with (
        running_service(worker_cpu=client_cpu, other_cpu=server_cpu, environment=environment) as service,
        bare_server(server_cpu) as (bare_port, bare_pid),
    ):
        redis = Redis.from_url(service.store_url)
        try:
            now = time.time()
            costs = pure_costs(service.token_keys, now, seconds)
            costs += await store_costs(redis, AuditKeys.parse(audit_keys), now, seconds)
            cookie = {"Cookie": f"__Host-session={await start_session(redis, time.time())}"}
        finally:
            await redis.aclose()
        targets = _targets(service, cookie, bare_port, bare_pid)
        samples = {
            connections: await _take_turns(targets, connections=connections, seconds=seconds, turns=turns)
            for connections in (1, 16)
        }
    return report(costs, samples)


def _targets(service: Service, cookie: Mapping[str, str], bare_port: int, bare_pid: int) -> list[Target]:
    port, pid = int(service.url.rpartition(":")[2]), service.front_pid
    return [
        Target(BARE, bare_port, bare_pid, "/", {}),
        Target("not logged in: /api/version", port, pid, "/api/version", {}),
        Target("logged in: /api/session", port, pid, "/api/session", cookie),
        Target("logged in, audited: /api/meetings", port, pid, "/api/meetings", cookie),
    ]


async def _take_turns(
    targets: list[Target], *, connections: int, seconds: float, turns: int
) -> dict[str, list[HttpSample]]:
    found: dict[str, list[HttpSample]] = {target.name: [] for target in targets}
    for turn in range(turns):
        start = turn % len(targets)
        for target in targets[start:] + targets[:start]:
            found[target.name].append(
                await measure_http(
                    target.port, target.pid, target.path, target.headers, connections=connections, seconds=seconds
                )
            )
    return found


@asynccontextmanager
async def bare_server(cpu: int | None) -> AsyncIterator[tuple[int, int]]:
    """The bare server's port and process id."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "loadtest.barehttp",
        str(ANSWER_BYTES),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("no pipes")
        port = int(await process.stdout.readline())
        pin(cpu, process.pid)
        yield port, process.pid
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 10)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def report(costs: list[Cost], samples: Mapping[int, Mapping[str, list[HttpSample]]]) -> str:
    """The figures as text."""
    lines = ["", "Steps of a login or a request, each alone on one core (the store on another).", ""]
    lines.append(f"{'step':36} {'p50 us':>8} {'p99 us':>8} {'per second':>11}")
    lines += [
        f"{cost.what:36} {cost.typical_s * 1e6:8.1f} {cost.late_s * 1e6:8.1f} {cost.per_s:11,.0f}" for cost in costs
    ]
    for connections, by_target in samples.items():
        lines += [
            "",
            f"Requests over {connections} kept-alive connection{'s' * (connections > 1)}, front on one core.",
            "",
        ]
        lines.append(f"{'request':36} {'CPU us':>8} {'more':>7} {'p50 us':>8} {'p99 us':>8} {'per second':>11}")
        bare_cpu_us = _median(by_target[BARE], "cpu_us_per_request")
        for name, taken in by_target.items():
            cpu_us = _median(taken, "cpu_us_per_request")
            p50_us, p99_us = (statistics.median(one.latency_us(part) for one in taken) for part in (0.5, 0.99))
            more = "" if name == BARE else f"{cpu_us - bare_cpu_us:+7.0f}"
            rate = _median(taken, "requests_per_s")
            lines.append(f"{name:36} {cpu_us:8.0f} {more:>7} {p50_us:8.0f} {p99_us:8.0f} {rate:11,.0f}")
    return "\n".join([*lines, "", ""])


def _median(samples: list[HttpSample], name: str) -> float:
    values: list[float] = [getattr(sample, name) for sample in samples]
    return statistics.median(values)


if __name__ == "__main__":
    main()
