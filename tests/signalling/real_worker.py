"""A front before a real media worker, without browsers: for what the two decide together."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sfu.settings import WorkerSettings
from sfu.worker import Worker
from signalling.front import Front
from tests.sfu.virtual import TRACKS, World
from tests.signalling.conftest import Client, MakeFront, meeting_token


@pytest.fixture
async def media_worker(redis_url: str) -> AsyncIterator[Worker]:
    """The only worker, with a real engine and socket."""
    worker = Worker(WorkerSettings(redis_url=redis_url, worker_id="real-worker", media_host="127.0.0.1"))
    await worker.start()
    yield worker
    await worker.stop()


@pytest.fixture
async def real_front(media_worker: Worker, make_front: MakeFront) -> Front:
    """A front with a room; it stops before the worker, which it tells who has gone."""
    front = await make_front()
    await front.registry.create_room("room", "The room", 12)
    return front


class Person:
    """Somebody with a socket, a token and an offer."""

    def __init__(self, front: Front, name: str, role: str, **claims: Any) -> None:
        self.front = front
        self.name = name
        self.token = meeting_token(name, **{"role": role, "grant_id": f"grant-{name}", **claims})
        self.client = Client()
        self.place: dict[str, Any] = {}

    async def connect(self, front: Front | None = None) -> "Person":
        """A new socket, at the same front or another one."""
        self.client = Client()
        await self.client.connect((front or self.front).http_url)
        return self

    def entrance(self, **changes: Any) -> dict[str, Any]:
        """A join that a browser could send."""
        message = {"protocol": 1, "token": self.token, "offer": World().peer(self.name).offer(), "tracks": TRACKS}
        return message | changes

    async def join(self, **changes: Any) -> dict[str, Any]:
        """Enter."""
        self.client.joined = await self.client.ask("join", self.entrance(**changes))
        return self.client.joined

    async def wait(self, **changes: Any) -> dict[str, Any]:
        """Ask to be let in."""
        self.place = await self.client.ask("wait", {"protocol": 1, "token": self.token} | changes)
        return self.place


class People:
    """Makes persons and closes their sockets."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.all: list[Person] = []

    async def __call__(self, name: str, role: str = "participant", **claims: Any) -> Person:
        person = Person(self.front, name, role, **claims)
        self.all.append(person)
        return await person.connect()

    async def inside(self, name: str, role: str = "participant", **claims: Any) -> Person:
        """Somebody who has joined."""
        person = await self(name, role, **claims)
        reply = await person.join()
        assert reply["ok"], reply
        return person

    async def waiting(self, name: str, role: str = "guest", **claims: Any) -> Person:
        """Somebody who waits."""
        person = await self(name, role, admitted=False, **claims)
        reply = await person.wait()
        assert reply["ok"], reply
        return person


@pytest.fixture
async def people(real_front: Front) -> AsyncIterator[People]:
    """People at ``real_front``."""
    made = People(real_front)
    yield made
    for person in made.all:
        await person.client.close()
