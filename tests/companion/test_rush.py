"""A rush: 500 clients at once for 200 places of three time types, on PostgreSQL, over real HTTP.

The companion is a process of its own, killed with SIGKILL in the middle and started again. Whoever got an answer has
what it said; everybody repeats what they got no answer to, with the same idempotency key.
"""

import asyncio
import base64
import contextlib
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from aiohttp import web
from sqlalchemy import func, select

from auth.principal_tokens import sign_principal
from auth.tokens import TokenKeys
from companion.database import Database
from companion.models.bookings import Booking
from companion.models.organisation import CareProvider, Unit
from companion.models.outbox import OutboxRow
from companion.models.schedules import Schedule, Slot, SlotHold, TimeType
from companion.services import new_id
from companion.store.audit import verify_stored
from loadtest.postgresql import cluster
from tests.companion.conftest import AUDIT_KEYS
from tests.companion.people import PROVIDER, UNIT, patient
from tests.companion.world import person
from tests.patience import PATIENCE_S

CLIENTS, TYPES = 500, 3
PLACES = (80, 70, 50)
KEY = base64.b64encode(b"k" * 32).decode()
AUDIT_KEY = base64.b64encode(b"a" * 32).decode()
ROOT = Path(__file__).parents[2]


def person_id(number: int) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return "p-" + (letters[number // 26] + letters[number % 26]).rjust(26, "a")


async def prepare(database: Database) -> list[list[str]]:
    """500 people, and slots a week ahead: for each time type its places, some for several people. Ids by type."""
    now = datetime.now(UTC)
    slots: list[list[str]] = []
    async with database.transaction(now) as transaction:
        session = transaction.session
        session.add(CareProvider(hsa_id=PROVIDER, name="Region"))
        await session.flush()
        session.add(
            Unit(hsa_id=UNIT, provider_hsa_id=PROVIDER, name="V", kind="vaccination", information="", is_active=True)
        )
        session.add_all(person(person_id(number), None, number=f"{number:012}") for number in range(CLIENTS))
        await session.flush()
        for kind in range(TYPES):
            type_id, schedule_id = new_id("tt"), new_id("sc")
            session.add(
                TimeType(
                    time_type_id=type_id,
                    provider_hsa_id=PROVIDER,
                    unit_hsa_id=UNIT,
                    name_sv="V",
                    name_en="V",
                    length_minutes=10,
                    modality="physical",
                )
            )
            session.add(
                Schedule(schedule_id=schedule_id, provider_hsa_id=PROVIDER, unit_hsa_id=UNIT, name="T", is_active=True)
            )
            await session.flush()
            slots.append([])
            left = PLACES[kind]
            while left:
                capacity = min(left, 1 + len(slots[kind]) % 5)
                left -= capacity
                at = (now + timedelta(days=7, minutes=10 * len(slots[kind]))).replace(second=0, microsecond=0)
                slot = Slot(
                    slot_id=new_id("sl"),
                    schedule_id=schedule_id,
                    provider_hsa_id=PROVIDER,
                    unit_hsa_id=UNIT,
                    time_type_id=type_id,
                    starts_at=at,
                    ends_at=at + timedelta(minutes=10),
                    purpose="ordinary",
                    capacity=capacity,
                    taken=0,
                    is_closed=False,
                )
                session.add(slot)
                slots[kind].append(slot.slot_id)
    return slots


class Front:
    """Takes events as the front does: each key once, however often it comes."""

    def __init__(self) -> None:
        self.deliveries: Counter[str] = Counter()
        self.url = ""

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert body["key"] == request.headers["Idempotency-Key"]
        self.deliveries[body["key"]] += 1
        return web.Response(status=204)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Front"]:
        """Listening on a free port."""
        app = web.Application()
        app.router.add_post("/events", self._take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/events"
        yield self
        await runner.cleanup()


class Companion:
    """The process."""

    def __init__(self, database_url: str, events_url: str, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._environment = os.environ | {
            "ALLTID_COMPANION_DATABASE_URL": database_url,
            "ALLTID_COMPANION_EVENTS_URL": events_url,
            "ALLTID_COMPANION_PORT": str(port),
            "ALLTID_TOKEN_KEYS": f"test:{KEY}",
            "ALLTID_AUDIT_KEY": f"test:{AUDIT_KEY}",
            "ALLTID_PSEUDONYM_KEY": KEY,
            "ALLTID_LOG_LEVEL": "error",
        }
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "companion", cwd=ROOT, env=self._environment
        )
        async with httpx2.AsyncClient(timeout=PATIENCE_S) as http:
            for _ in range(600):
                with contextlib.suppress(httpx2.HTTPError):
                    if (await http.get(f"{self.url}/healthz")).status_code == 200:
                        return
                assert self._process.returncode is None
                await asyncio.sleep(0.05)
        raise TimeoutError("the companion did not start")

    async def end(self, number: signal.Signals) -> None:
        """Send it a signal and wait for its end."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
            await self._process.wait()


@dataclass
class Client:
    """Somebody who wants a place of one time type and takes what is offered."""

    number: int
    slots: list[str]
    http: httpx2.AsyncClient
    random: random.Random
    booked: dict[str, Any] | None = None
    was_offered: bool = False
    refusals: int = 0
    last_code: str = ""
    failures: list[str] = field(default_factory=list)

    async def run(self, url: str) -> None:
        """Try until booked, or until nothing is offered any more."""
        keys = TokenKeys({"test": b"k" * 32})
        slot_id, attempt = self.random.choice(self.slots), 0
        for _ in range(400):
            token = sign_principal(keys, patient(person_id(self.number)), now=datetime.now(UTC).timestamp())
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"rush-{self.number}-{attempt}"}
            try:
                answer = await self.http.post(f"{url}/bookings", json={"slot_id": slot_id}, headers=headers)
            except httpx2.HTTPError:
                await asyncio.sleep(0.2)  # the server is gone for a moment: the same request again
                continue
            if answer.status_code == 503:
                await asyncio.sleep(0.2)
                continue
            body = answer.json()
            if answer.status_code == 201:
                self.booked = body
                return
            self.last_code = body["code"]
            if self.last_code != "slot_taken":
                self.failures.append(self.last_code)
                return
            if "alternatives" not in body:  # every refusal says what there is instead
                self.failures.append("no alternatives")
                return
            self.refusals += 1
            offered = [one["slot_id"] for one in body["alternatives"]]
            assert len(offered) <= 3
            if not offered:
                return
            self.was_offered = True
            slot_id, attempt = self.random.choice(offered), attempt + 1
        self.failures.append("gave up")


@pytest.mark.timeout(300)
async def test_rush(unused_tcp_port: int) -> None:
    with cluster(durable=True) as server:
        server.sql("CREATE DATABASE rush")
        url = server.url("rush")
        async with Front().running() as front:
            companion = Companion(url, front.url, unused_tcp_port)
            await companion.start()
            database = Database(url, AUDIT_KEYS, pool_size=2)
            try:
                slots = await prepare(database)
                await rush(companion, database, slots, front)
            finally:
                await companion.end(signal.SIGTERM)
                await database.close()


async def rush(companion: Companion, database: Database, slots: list[list[str]], front: Front) -> None:
    """500 clients, a SIGKILL when a quarter of the places has gone, and what must hold afterwards."""
    limits = httpx2.Limits(max_connections=100)
    async with httpx2.AsyncClient(limits=limits, timeout=60) as http:
        clients = [Client(number, slots[number % TYPES], http, random.Random(number)) for number in range(CLIENTS)]
        running = [asyncio.create_task(client.run(companion.url)) for client in clients]
        while sum(client.booked is not None for client in clients) < sum(PLACES) // 4:
            await asyncio.sleep(0.01)
        acknowledged = [client.booked for client in clients if client.booked is not None]
        await companion.end(signal.SIGKILL)
        await companion.start()
        await asyncio.gather(*running)

    assert [client.failures for client in clients if client.failures] == []
    winners = [client for client in clients if client.booked is not None]
    losers = [client for client in clients if client.booked is None]
    assert len(winners) == sum(PLACES)
    assert {client.last_code for client in losers} == {"slot_taken"}
    assert all(client.refusals > 0 for client in losers)  # each of them told what to take instead, or of nothing left
    assert sum(client.was_offered for client in clients) > len(losers) // 2

    now = datetime.now(UTC)
    async with database.reading(now) as transaction:
        session = transaction.session
        stored = (await session.scalars(select(Booking))).all()
        assert len(stored) == len({one.patient_person_id for one in stored}) == sum(PLACES)
        known = {one.booking_id: one for one in stored}
        for client in winners:
            assert client.booked is not None
            assert known[client.booked["booking_id"]].slot_id == client.booked["slot_id"]
        assert all(one is not None and one["booking_id"] in known for one in acknowledged)
        per_slot = Counter(one.slot_id for one in stored)
        for slot in (await session.scalars(select(Slot))).all():
            assert slot.taken == per_slot[slot.slot_id] == slot.capacity
        assert await session.scalar(select(func.count()).select_from(SlotHold)) == 0
        assert (await verify_stored(session, AUDIT_KEYS)).fault is None
    await everything_is_told(database, front)
    assert set(front.deliveries) == {f"booking.created:{one.booking_id}:0" for one in stored}


async def everything_is_told(database: Database, front: Front) -> None:
    """Wait until the outbox is empty. What was under way at the SIGKILL waits for the end of its lease."""
    for _ in range(600):
        async with database.reading(datetime.now(UTC)) as transaction:
            query = select(func.count()).where(OutboxRow.delivered_at.is_(None))
            if await transaction.session.scalar(query) == 0:
                return
        await asyncio.sleep(0.1)
    raise TimeoutError(f"{len(front.deliveries)} were told")
