"""Whatever people do in whatever order, no place is given twice, no hold is lost, and no capacity is exceeded.

A state machine books, holds, moves, cancels, lets go, sweeps and waits, over HTTP on SQLite. Beside it stands a model
in plain Python; after every step the database must say what the model says.
"""

import asyncio
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from auth.pseudonyms import Pseudonyms
from companion.app import create_app
from companion.database import Database
from companion.services import Services
from companion.settings import CompanionSettings
from companion.store.audit import verify_stored
from companion.store.reserve import sweep
from tests.companion.conftest import AUDIT_KEYS
from tests.companion.people import ANNA, BO, CHILD, TOKEN_KEYS, Api, VirtualClock, patient
from tests.companion.world import World, build

PEOPLE = (ANNA, BO, CHILD)
SLOTS, CAPACITY = 4, 2
HOLD = timedelta(seconds=300)


class Bookings(RuleBasedStateMachine):
    """Three people and four slots for two each."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = Path(tempfile.mkdtemp(prefix="ao-machine-"))
        self.bookings: dict[str, tuple[str, str]] = {}
        """Model: id -> person, slot; in the order in which they came, so that a replay draws the same ones."""
        self.holds: dict[str, tuple[str, str, Any]] = {}
        """Model: id -> person, slot, end."""

    @initialize()
    def begin(self) -> None:
        path = self.directory / "companion.db"
        shutil.copy(self.template, path)
        self.clock = VirtualClock()
        self.database = Database(f"sqlite:///{path}", AUDIT_KEYS)
        services = Services(
            CompanionSettings(), self.database, TOKEN_KEYS, AUDIT_KEYS, Pseudonyms(b"p" * 32), self.clock
        )
        transport = httpx2.ASGITransport(app=create_app(services))
        self.http = httpx2.AsyncClient(transport=transport, base_url="http://companion")
        self.api = Api(self.http, self.clock)
        self.world: World = self.runner.run(build(self.api, services, capacity=CAPACITY))
        self.slots = [slot["slot_id"] for slot in self.world.slots[:SLOTS]]

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.runner.run(self._verify())
            self.runner.run(self.http.aclose())
            self.runner.run(self.database.close())
        self.runner.close()
        shutil.rmtree(self.directory)

    async def _verify(self) -> None:
        async with self.database.reading(self.clock()) as transaction:
            assert (await verify_stored(transaction.session, AUDIT_KEYS)).fault is None

    # --- the model ---------------------------------------------------------------------------------------------

    def living(self) -> list[tuple[str, str, str]]:
        """Holds that have not expired: id, person, slot."""
        return [(name, who, slot) for name, (who, slot, end) in self.holds.items() if end > self.clock.now]

    def taken(self, slot: str) -> int:
        booked = sum(one == slot for _, one in self.bookings.values())
        return booked + sum(one == slot for _, _, one in self.living())

    def has(self, who: str, slot: str) -> bool:
        return any(booking == (who, slot) for booking in self.bookings.values())

    def ask(self, path: str, who: str, body: dict[str, Any]) -> tuple[int, Any]:
        answer = self.runner.run(self.api.post(path, patient(who), body))
        return answer.status_code, answer.json()

    # --- what people do ----------------------------------------------------------------------------------------

    @rule(who=st.sampled_from(PEOPLE), index=st.integers(0, SLOTS - 1))
    def book(self, who: str, index: int) -> None:
        slot = self.slots[index]
        status, body = self.ask("/bookings", who, {"slot_id": slot})
        if self.has(who, slot):
            assert body["code"] == "booking_overlaps"
        elif self.taken(slot) >= CAPACITY:
            assert body["code"] == "slot_taken"
            assert slot not in {one["slot_id"] for one in body["alternatives"]}
        else:
            assert status == 201
            self.bookings[body["booking_id"]] = (who, slot)

    @rule(who=st.sampled_from(PEOPLE), index=st.integers(0, SLOTS - 1))
    def hold(self, who: str, index: int) -> None:
        slot = self.slots[index]
        status, body = self.ask("/holds", who, {"slot_id": slot})
        if sum(holder == who for _, holder, _ in self.living()) >= 3:
            assert body["code"] == "too_many_holds"
        elif self.taken(slot) >= CAPACITY:
            assert body["code"] == "slot_taken"
        else:
            assert status == 201
            self.holds[body["hold_id"]] = (who, slot, self.clock.now + HOLD)

    @precondition(lambda self: self.holds)
    @rule(data=st.data())
    def book_what_is_held(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(list(self.holds)))
        who, slot, end = self.holds[name]
        status, body = self.ask("/bookings", who, {"hold_id": name})
        if end <= self.clock.now:
            assert body["code"] in ("hold_expired", "booking_overlaps")
        elif self.has(who, slot):
            assert body["code"] == "booking_overlaps"
        else:
            assert status == 201
            assert body["slot_id"] == slot
            self.bookings[body["booking_id"]] = (who, slot)
            del self.holds[name]

    @precondition(lambda self: self.holds)
    @rule(data=st.data())
    def let_go(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(list(self.holds)))
        who, _, end = self.holds.pop(name)
        answer = self.runner.run(self.api.ask("DELETE", f"/holds/{name}", patient(who)))
        assert answer.status_code == 204 or end <= self.clock.now

    @precondition(lambda self: self.bookings)
    @rule(data=st.data(), index=st.integers(0, SLOTS - 1))
    def move(self, data: st.DataObject, index: int) -> None:
        name = data.draw(st.sampled_from(list(self.bookings)))
        (who, old), new = self.bookings[name], self.slots[index]
        status, body = self.ask(f"/bookings/{name}/rebook", who, {"slot_id": new})
        if old == new:
            assert body["code"] == "invalid_request"
        elif self.has(who, new):
            assert body["code"] == "booking_overlaps"
        elif self.taken(new) >= CAPACITY:
            assert body["code"] == "slot_taken"
        else:
            assert (status, body["slot_id"]) == (200, new)
            self.bookings[name] = (who, new)

    @precondition(lambda self: self.bookings)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(list(self.bookings)))
        who, _ = self.bookings.pop(name)
        assert self.ask(f"/bookings/{name}/cancel", who, {})[0] == 200
        assert self.ask(f"/bookings/{name}/cancel", who, {})[1]["code"] == "booking_state"

    @rule(seconds=st.integers(1, 400))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds=seconds)

    @rule()
    def sweep(self) -> None:
        async def run() -> None:
            async with self.database.transaction(self.clock()) as transaction:
                await sweep(transaction)

        self.runner.run(run())

    @invariant()
    def the_database_agrees(self) -> None:
        if not hasattr(self, "world"):
            return
        self.runner.run(self.world.counters_hold())
        assert all(self.taken(slot) <= CAPACITY for slot in self.slots)


@pytest.mark.timeout(300)
def test_no_order_of_events_gives_a_place_twice(sqlite_template: Path) -> None:
    Bookings.template = sqlite_template
    limits = settings(max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Bookings, settings=limits)
