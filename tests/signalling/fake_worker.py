"""A media worker without media: a test double that keeps rooms as the real one does, on a real bus."""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from sfu.bus import Bus, RpcError
from sfu.registry import Heartbeat, ProcessRecord, Registry
from tests.patience import PATIENCE_S


@dataclass
class Person:
    participant_id: str
    identity: str
    display_name: str
    role: str
    front_id: str
    socket_id: str
    resume_token: str
    sources: dict[str, bool]
    state: str = "connected"

    def shown(self) -> dict[str, Any]:
        return {
            "participant_id": self.participant_id,
            "display_name": self.display_name,
            "role": self.role,
            "state": self.state,
            "sources": self.sources,
        }


@dataclass
class FakeWorker:
    """``refuse`` makes the next calls of a method fail with a code; ``block`` makes them wait for ``unblocked``."""

    redis: Redis
    worker_id: str
    incarnation: str = field(default_factory=lambda: secrets.token_hex(4))
    rooms: dict[str, dict[str, Person]] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    block: set[str] = field(default_factory=set)
    unblocked: asyncio.Event = field(default_factory=asyncio.Event)
    called: asyncio.Condition = field(default_factory=asyncio.Condition)
    waiting_in: dict[str, int] = field(default_factory=dict)

    async def start(self) -> None:
        methods = ("join", "resume", "negotiate", "set_source", "select", "detach", "leave", "close_room")
        methods += ("waiting_counts", "report")
        self.bus = Bus(self.redis, self.worker_id, handlers={name: self._handler(name) for name in methods})
        self.registry = Registry(self.redis)
        await self.bus.start()
        record = ProcessRecord(self.worker_id, self.incarnation)
        self.heartbeat = Heartbeat(self.registry, "worker", lambda: record)
        await self.heartbeat.start()

    async def stop(self) -> None:
        await self.heartbeat.stop()
        await self.bus.stop()

    async def wait_for_call(self, method: str, count: int = 1) -> dict[str, Any]:
        """The parameters of the ``count``-th call of a method, once it was made and carried out."""
        async with self.called:
            await asyncio.wait_for(self.called.wait_for(lambda: len(self.calls_of(method)) >= count), PATIENCE_S)
        return self.calls_of(method)[count - 1]

    def calls_of(self, method: str) -> list[dict[str, Any]]:
        return [params for name, params in self.calls if name == method]

    def _handler(self, name: str) -> Any:
        async def handle(params: dict[str, Any]) -> dict[str, Any]:
            if name in self.block:
                await self.unblocked.wait()
            try:
                if name in self.refuse:
                    raise RpcError(self.refuse[name])
                return await getattr(self, name)(params)
            finally:
                self.calls.append((name, params))
                async with self.called:
                    self.called.notify_all()

        return handle

    async def join(self, params: dict[str, Any]) -> dict[str, Any]:
        room = self.rooms.setdefault(params["room_id"], {})
        replaced_front_id = None
        participant_id = params["participant_id"]
        for person in list(room.values()):
            if person.resume_token == params["resume_token"]:
                participant_id, replaced_front_id = person.participant_id, person.front_id
            elif person.identity == params["identity"]:
                if person.state == "connected":
                    raise RpcError("identity_in_use")
                del room[person.participant_id]
        if participant_id not in room and len(room) >= params["max_participants"]:
            raise RpcError("room_full")
        sources = {name: params["active"].get(name, False) for name in ("microphone", "camera", "screen")}
        person = Person(
            participant_id,
            params["identity"],
            params["display_name"],
            params["role"],
            params["front_id"],
            params["socket_id"],
            secrets.token_urlsafe(16),
            sources,
        )
        room[participant_id] = person
        await self.to_room(params["room_id"], "participant_joined", {"participant": person.shown()}, participant_id)
        asyncio.get_running_loop().call_soon(self._after_join, params["room_id"], person)
        return {
            "participant_id": participant_id,
            "resume_token": person.resume_token,
            "answer": f"answer to {params['offer']}",
            "participants": [other.shown() for other in room.values()],
            "slots": [],
            "slots_version": 1,
            "lost_after_ms": 30_000,
            "replaced_front_id": replaced_front_id,
        }

    def _after_join(self, room_id: str, person: Person) -> None:
        """As the real one: the first slots event follows the reply at once."""
        payload = {"slots": [{"mid": "3", "participant_id": None, "source": None}], "slots_version": 2}
        data = {
            "room_id": room_id,
            "participant_ids": [person.participant_id],
            "except": None,
            "event": "slots",
            "payload": payload,
        }
        self._emitting = asyncio.ensure_future(self.bus.emit(person.front_id, "to_clients", data))

    async def resume(self, params: dict[str, Any]) -> dict[str, Any]:
        person = self.rooms.get(params["room_id"], {}).get(params["participant_id"])
        if person is None or person.resume_token != params["resume_token"]:
            raise RpcError("resume_refused")
        replaced_front_id = person.front_id
        person.front_id, person.socket_id, person.state = params["front_id"], params["socket_id"], "connected"
        return {
            "participants": [other.shown() for other in self.rooms[params["room_id"]].values()],
            "slots": [],
            "slots_version": 3,
            "replaced_front_id": replaced_front_id,
        }

    async def negotiate(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"answer": "again", "slots": [], "slots_version": 4}

    async def set_source(self, params: dict[str, Any]) -> dict[str, Any]:
        person = self.rooms[params["room_id"]][params["participant_id"]]
        person.sources[params["source"]] = params["active"]
        await self.to_room(params["room_id"], "participant_changed", {"participant": person.shown()})
        return {}

    async def select(self, params: dict[str, Any]) -> dict[str, Any]:
        return {}

    async def report(self, params: dict[str, Any]) -> dict[str, Any]:
        return {}

    async def detach(self, params: dict[str, Any]) -> dict[str, Any]:
        for person in self.rooms.get(params["room_id"], {}).values():
            if person.socket_id == params["socket_id"]:
                person.state = "lost"
                payload = {"participant": person.shown()}
                await self.to_room(params["room_id"], "participant_changed", payload, person.participant_id)
        return {}

    async def leave(self, params: dict[str, Any]) -> dict[str, Any]:
        if self.rooms.get(params["room_id"], {}).pop(params["participant_id"], None) is not None:
            payload = {"participant_id": params["participant_id"], "reason": "left"}
            await self.to_room(params["room_id"], "participant_left", payload)
        return {}

    async def close_room(self, params: dict[str, Any]) -> dict[str, Any]:
        await self.to_room(params["room_id"], "closed", {"code": params["code"], "message": "The room was closed."})
        self.rooms.pop(params["room_id"], None)
        return {}

    async def waiting_counts(self, params: dict[str, Any]) -> dict[str, Any]:
        return {room_id: self.waiting_in[room_id] for room_id in params["room_ids"] if room_id in self.waiting_in}

    async def to_room(self, room_id: str, event: str, payload: dict[str, Any], except_id: str | None = None) -> None:
        """One bus event for each front, as the contract says."""
        for front_id in {person.front_id for person in self.rooms.get(room_id, {}).values()}:
            data = {
                "room_id": room_id,
                "participant_ids": None,
                "except": except_id,
                "event": event,
                "payload": payload,
            }
            await self.bus.emit(front_id, "to_clients", data)
