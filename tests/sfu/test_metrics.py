"""The worker's metrics are read from the walk, all documented, none personal."""

import os
from datetime import UTC, datetime

from aiohttp import ClientSession
from prometheus_client import generate_latest

from rtc.dtls_certificate import DtlsCertificate
from sfu.engine import Engine
from sfu.metrics import serve_metrics, worker_registry
from sfu.table import DROP_NAMES
from sfu.transport import Local
from sfu.walk import Walk


def make_engine() -> Engine:
    local = Local(Walk(), DtlsCertificate.generate(datetime.now(UTC)), (("192.0.2.1", 5000),), os.urandom)
    return Engine(local, 30_000)


def test_every_drop_cause_is_shown_from_the_start() -> None:
    text = generate_latest(worker_registry(make_engine())).decode()
    assert all(f'ao_worker_drops_total{{cause="{name}"}} 0.0' in text for name in DROP_NAMES)


def test_a_refused_datagram_is_counted_by_its_cause() -> None:
    engine = make_engine()
    engine.local.walk.handle([(b"\x80" + bytes(40), ("192.0.2.9", 1))], 1)
    text = generate_latest(worker_registry(engine)).decode()
    assert 'ao_worker_drops_total{cause="unknown_address"} 1.0' in text


async def test_the_metrics_are_served_over_http() -> None:
    runner = await serve_metrics(worker_registry(make_engine()), "127.0.0.1", 0)
    try:
        port = runner.addresses[0][1]
        async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as response:
            assert response.status == 200
            assert "ao_worker_forwarded_packets_total 0.0" in await response.text()
    finally:
        await runner.cleanup()
