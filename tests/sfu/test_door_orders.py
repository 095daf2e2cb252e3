"""The door of a room under any order of comings and goings, beside a model of who is shut out and why."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.bus import RpcError
from sfu.engine import REVOKED_KEPT_US
from tests.sfu.test_door import ask, by_host
from tests.sfu.virtual import World

NAMES = ("anna", "bo", "cai", "host")
ACTIONS = ("join", "wait", "admit", "remove", "revoke", "leave", "stop_waiting", "detach", "front_lost", "pass")
STEP = st.tuples(st.sampled_from(ACTIONS), st.sampled_from(NAMES), st.booleans())


class Model:
    """Whom the worker must refuse now."""

    def __init__(self) -> None:
        self.removed: set[str] = set()
        self.revoked_us: dict[str, int] = {}

    def refusal(self, name: str, now_us: int) -> str | None:
        """The code, or None for who may come."""
        if now_us - self.revoked_us.get(name, -REVOKED_KEPT_US) < REVOKED_KEPT_US:
            return "revoked"
        return "removed" if name in self.removed else None


def take(world: World, action: str, name: str, flag: bool) -> str:
    """One step; the code of its answer."""
    engine, now_us = world.engine, world.now_us
    steps: dict[str, Any] = {
        "join": lambda: world.peer(name).join(role="host" if name == "host" else "guest", grant_id=f"g-{name}"),
        "wait": lambda: ask(world, name),
        "admit": lambda: engine.admit(by_host(f"w-{name}"), now_us),
        "remove": lambda: engine.remove(by_host(f"{'w' if flag else 'p'}-{name}"), now_us),
        "revoke": lambda: engine.revoke(f"g-{name}", now_us),
        "leave": lambda: engine.leave({"room_id": "room", "participant_id": f"p-{name}"}, now_us),
        "stop_waiting": lambda: engine.stop_waiting({"room_id": "room", "participant_id": f"w-{name}"}, now_us),
        "detach": lambda: engine.detach(
            {"room_id": "room", "front_id": "front", "socket_id": f"{'ws' if flag else 's'}-{name}"}, now_us
        ),
        "front_lost": lambda: engine.front_lost("front", now_us),
        "pass": lambda: world.run(31 if flag else 0.1),
    }
    try:
        steps[action]()
    except RpcError as error:
        return error.code
    return "ok"


def check_events(world: World) -> None:
    """Who waits hears of the own wait; of the queue hosts hear, and nobody else."""
    for front, data in world.events():
        assert front == "front"
        if data.get("waiting"):
            assert data["event"] in ("waiting_changed", "admitted", "closed")
            assert all(participant_id.startswith("w-") for participant_id in data["participant_ids"])
        elif data["event"] == "waiting":
            assert data["participant_ids"] == ["p-host"]


@pytest.mark.attack
@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, max_size=30))
def test_any_order_lets_nobody_in_who_must_not_come(steps: list[tuple[str, str, bool]]) -> None:
    world, model = World(), Model()
    for action, name, flag in steps:
        expected = model.refusal(name, world.now_us)
        code = take(world, action, name, flag)
        if action in ("join", "wait"):
            assert code in ({expected} if expected else {"ok", "identity_in_use"})
        elif action == "revoke":
            model.revoked_us[name] = world.now_us
        elif action == "remove" and code == "ok":
            model.removed.add(name)
        room = world.engine.rooms.get("room")
        if room is None:
            model.removed.clear()  # an empty room forgets; Redis, which the fronts ask first, does not
        inside = list(room.people.values()) if room else []
        outside = list(room.door.waiting.people.values()) if room else []
        assert world.walk.sizes()["peers"] == len(inside)
        for person in (*inside, *outside):
            assert model.refusal(person.identity, world.now_us) is None
        check_events(world)
