"""Metrics for operation: what is held up, and whether the audit logs are whole."""

import re
import urllib.request
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import generate_latest, start_http_server
from sqlalchemy import update

from companion import sweeper
from companion.metrics import STUCK_ATTEMPTS, Metrics, Sampler
from companion.models.audit import AuditRow
from companion.models.outbox import OutboxRow
from companion.models.summons import Summons
from companion.outbox import DeliveryError, Dispatcher, Event
from companion.services import Services
from tests.companion.people import ANNA, Api, patient, staff
from tests.companion.world import World


class Away:
    """A front that takes nothing."""

    async def deliver(self, event: Event) -> None:
        raise DeliveryError(event.kind)


def sampler_of(services: Services) -> tuple[Metrics, Sampler]:
    metrics = Metrics()
    return metrics, Sampler(metrics, services.database, services.audit_keys, services.clock)


def value(metrics: Metrics, name: str, **labels: str) -> Any:
    return metrics.registry.get_sample_value(f"ao_companion_{name}", labels)


async def test_what_the_front_does_not_take_is_seen_to_wait(world: World) -> None:
    services, clock = world.services, world.api.clock
    metrics, sampler = sampler_of(services)
    await sampler.sample()
    assert (value(metrics, "outbox_due"), value(metrics, "outbox_lag_seconds")) == (0, 0)
    await world.api.made("/bookings", patient(), {"slot_id": world.slots[0]["slot_id"]})
    clock.advance(seconds=40)
    await sampler.sample()
    assert (value(metrics, "outbox_due"), value(metrics, "outbox_lag_seconds")) == (1, 40)
    dispatcher = Dispatcher(services.database, Away(), clock)
    for _ in range(STUCK_ATTEMPTS):
        assert value(metrics, "outbox_stuck") == 0
        await dispatcher.deliver_due()
        clock.advance(seconds=60)
        await sampler.sample()
    assert (value(metrics, "outbox_due"), value(metrics, "outbox_stuck")) == (1, 1)
    assert value(metrics, "outbox_lag_seconds") > 60
    async with services.database.transaction(clock()) as transaction:
        await transaction.session.execute(update(OutboxRow).values(delivered_at=clock()))
    await sampler.sample()
    assert (value(metrics, "outbox_due"), value(metrics, "outbox_stuck")) == (0, 0)
    assert value(metrics, "sampled_timestamp_seconds") == clock().timestamp()


async def test_what_is_to_come_does_not_count_as_waiting(world: World) -> None:
    metrics, sampler = sampler_of(world.services)
    async with world.services.database.transaction(world.api.clock()) as transaction:
        later = transaction.now + timedelta(days=3)
        transaction.publish("role.taken", "role.taken:later", later, staff="S", unit="U", role="viewer")
    world.api.clock.advance(days=3, seconds=-1)
    await sampler.sample()
    assert value(metrics, "outbox_due") == 0
    world.api.clock.advance(seconds=3)
    await sampler.sample()
    assert (value(metrics, "outbox_due"), value(metrics, "outbox_lag_seconds")) == (1, 2)


async def test_letters_that_nobody_prints_are_seen(world: World) -> None:
    metrics, sampler = sampler_of(world.services)
    booking = await world.api.made("/bookings", staff(), {
        "slot_id": world.slots[0]["slot_id"], "patient_person_id": ANNA,
    })  # fmt: skip
    summons = await world.api.made("/summons/timed", staff(), {"booking_id": booking["booking_id"], "title": "K"})
    await world.api.made(f"/summons/{summons['summons_id']}/send", staff(), {})  # she has no account: a letter
    async with world.services.database.reading(world.api.clock()) as transaction:
        assert await transaction.session.get(Summons, summons["summons_id"]) is not None
    world.api.clock.advance(hours=2)
    await sampler.sample()
    assert (value(metrics, "letters_queued"), value(metrics, "letter_oldest_seconds")) == (1, 7200)


async def test_a_chain_is_followed_and_a_change_in_it_is_seen(world: World) -> None:
    metrics, sampler = sampler_of(world.services)

    async def look() -> tuple[Any, Any]:
        await sampler.sample()
        whole, read = (value(metrics, f"audit_chain_{what}", chain="companion") for what in ("whole", "read"))
        return whole, read

    await world.api.get("/bookings", patient())
    whole, first = await look()
    assert (whole, first > 0) == (1, True)
    assert value(metrics, "audit_chain_whole", chain="front") == 1  # none yet
    await world.api.get("/bookings", patient())
    assert await look() == (1, first + 1)
    async with world.services.database.transaction(world.api.clock()) as transaction:
        changed = update(AuditRow).where(AuditRow.number == first).values(body=b'{"actor":"nobody"}')
        await transaction.session.execute(changed)
    assert await look() == (1, first + 1)  # behind what was read: that is for audit_verify, and for the next start
    anew = Sampler(metrics, world.services.database, world.services.audit_keys, world.api.clock)
    await anew.sample()
    assert value(metrics, "audit_chain_whole", chain="companion") == 0
    await world.api.get("/bookings", patient())
    async with world.services.database.transaction(world.api.clock()) as transaction:
        newest = update(AuditRow).where(AuditRow.number == first + 2).values(body=b"{}")
        await transaction.session.execute(newest)
    assert (await look())[0] == 0
    assert (await look())[0] == 0


async def test_sweeps_are_counted(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics, outcomes = Metrics(), iter((None, OSError()))

    async def sweep_once(*_: Any) -> None:
        failure = next(outcomes, StopAsyncIteration())
        if isinstance(failure, StopAsyncIteration):
            raise KeyboardInterrupt
        if failure is not None:
            raise failure

    monkeypatch.setattr(sweeper, "sweep_once", sweep_once)
    monkeypatch.setattr(sweeper, "INTERVAL_S", 0)
    with pytest.raises(KeyboardInterrupt):
        await sweeper.run(services.database, services.clock, services.settings, services.audit_keys, metrics)
    assert [value(metrics, "sweeps_total", result=result) for result in ("ok", "failed")] == [1, 1]
    assert value(metrics, "sweep_succeeded_timestamp_seconds") == services.clock().timestamp()


def test_the_page_is_on_this_machine_and_names_nobody() -> None:
    metrics = Metrics()
    server, thread = start_http_server(0, "127.0.0.1", metrics.registry)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
    assert text == generate_latest(metrics.registry).decode()
    assert set(re.findall(r"\{(\w+)=", text)) <= {"result", "chain"}


async def test_the_api_has_no_metrics(api: Api) -> None:
    assert (await api.get("/metrics")).status_code == 404
