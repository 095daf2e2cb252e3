"""A front on port 0, a fake media worker, and Socket.IO clients, over a real Valkey."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio
from redis.asyncio import Redis

from auth.tokens import TokenKeys
from signalling.front import Front
from signalling.settings import FrontSettings
from tests.patience import PATIENCE_S
from tests.signalling.fake_worker import FakeWorker

NOW = 1_800_000_000.0
KEYS = TokenKeys({"test": bytes(range(32))})
PSEUDONYM_KEY = base64.b64encode(bytes(range(32, 64))).decode()
AUDIT_KEY = f"test:{base64.b64encode(bytes(range(64, 96))).decode()}"


def meeting_token(identity: str = "anna", room_id: str = "room", **changes: Any) -> str:
    arguments: dict[str, Any] = {
        "identity": identity,
        "display_name": f"Name of {identity}",
        "room_id": room_id,
        "role": "participant",
        "now": NOW,
        "lifetime_s": 3600,
    }
    return KEYS.sign_meeting(**(arguments | changes))


def service_headers() -> dict[str, str]:
    token = KEYS.sign_service(service="companion", scopes=frozenset({"rooms:write"}), now=NOW, lifetime_s=60)
    return {"Authorization": f"Bearer {token}"}


class Client:
    """A socket that remembers what it was sent."""

    def __init__(self) -> None:
        self.socket = socketio.AsyncClient(serializer="msgpack", reconnection=False)
        self.events: list[tuple[str, Any]] = []
        self.gone = asyncio.Event()
        self._arrived = asyncio.Condition()
        self.socket.on("*", self._on_event)
        self.socket.on("disconnect", self._on_disconnect)
        self.joined: dict[str, Any] = {}

    async def connect(self, url: str) -> "Client":
        await self.socket.connect(url, transports=["websocket"], wait_timeout=PATIENCE_S)
        return self

    async def ask(self, event: str, payload: Any = None) -> dict[str, Any]:
        return await self.socket.call(event, {} if payload is None else payload, timeout=PATIENCE_S)

    async def join(self, identity: str = "anna", room_id: str = "room", **changes: Any) -> dict[str, Any]:
        message = {
            "protocol": 1,
            "token": meeting_token(identity, room_id),
            "offer": "v=0",
            "tracks": {"0": "microphone", "1": "camera"},
            "active": {"microphone": True},
        }
        self.joined = await self.ask("join", message | changes)
        return self.joined

    async def resume_of(self, other: "Client", identity: str = "anna", **changes: Any) -> dict[str, Any]:
        message = {
            "protocol": 1,
            "token": meeting_token(identity),
            "participant_id": other.joined["participant_id"],
            "resume_token": other.joined["resume_token"],
        }
        return await self.ask("resume", message | changes)

    async def wait_for(self, event: str, count: int = 1) -> Any:
        """The payload of the ``count``-th event of a name."""
        async with self._arrived:
            await asyncio.wait_for(self._arrived.wait_for(lambda: len(self.named(event)) >= count), PATIENCE_S)
        return self.named(event)[count - 1]

    def named(self, event: str) -> list[Any]:
        return [payload for name, payload in self.events if name == event]

    async def cut(self) -> None:
        """Lose the network: no goodbye."""
        self.socket.eio.ws._response.connection.transport.abort()
        await asyncio.wait_for(self.gone.wait(), PATIENCE_S)

    async def close(self) -> None:
        await self.socket.disconnect()

    async def _on_event(self, event: str, payload: Any = None) -> None:
        async with self._arrived:
            self.events.append((event, payload))
            self._arrived.notify_all()

    async def _on_disconnect(self, *_reason: Any) -> None:
        self.gone.set()


def time_to_join_is_over(front: Front) -> None:
    """For each socket that must be in a room by then: as if ``join_timeout_s`` had gone by."""
    for connection in list(front.sockets.eio.heartbeat._beating):
        if connection._timer is not None:
            connection._timer._run()


MakeFront = Callable[..., Awaitable[Front]]
MakeClient = Callable[..., Awaitable[Client]]
MakeWorker = Callable[..., Awaitable[FakeWorker]]


@pytest.fixture
async def make_worker(redis_client: Redis) -> AsyncIterator[MakeWorker]:
    workers: list[FakeWorker] = []

    async def make(worker_id: str = "") -> FakeWorker:
        worker = FakeWorker(redis_client, worker_id or f"worker-{secrets.token_hex(3)}")
        workers.append(worker)
        await worker.start()
        return worker

    yield make
    for worker in workers:
        worker.unblocked.set()
        await worker.stop()


@pytest.fixture
async def make_front(redis_url: str, tmp_path: Path, make_worker: MakeWorker) -> AsyncIterator[MakeFront]:
    """Depends on ``make_worker`` so that fronts stop first: they detach their sockets' participants."""
    fronts: list[Front] = []

    async def make(clock: Callable[[], float] = lambda: NOW, **settings: Any) -> Front:
        values = {"redis_url": redis_url, "http_port": 0, "web_root": tmp_path, "offers_burst": 50}
        values |= {"audit_key": AUDIT_KEY, "pseudonym_key": PSEUDONYM_KEY, "attachments_dir": tmp_path / "attachments"}
        values |= dict.fromkeys(("join_timeout_s", "rpc_timeout_s", "login_timeout_s"), PATIENCE_S) | settings
        front = Front(FrontSettings(**values), KEYS, clock=clock)
        fronts.append(front)
        await front.start()
        return front

    yield make
    for front in fronts:
        await front.stop()


@pytest.fixture
async def worker(make_worker: MakeWorker) -> FakeWorker:
    return await make_worker("worker")


@pytest.fixture
async def front(make_front: MakeFront, worker: FakeWorker) -> Front:
    front = await make_front()
    await front.registry.create_room("room", "The room", 12)
    return front


@pytest.fixture
async def make_client(front: Front) -> AsyncIterator[MakeClient]:
    clients: list[Client] = []

    async def make(at: Front | None = None) -> Client:
        client = Client()
        clients.append(client)
        return await client.connect((at or front).http_url)

    yield make
    for client in clients:
        await client.close()


@pytest.fixture
async def http(front: Front) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(front.http_url) as session:
        yield session
