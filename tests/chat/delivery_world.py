"""Fronts in one process on a real data server, whose connections fail at every moment that can be told apart.

What happens follows from a seed (the machine's timing does not). ``World.judge`` says what readers lack once everything
is up again and nobody writes: a message that nobody was woken up for is found, for no other comes after it.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from chat.committer import Committer
from chat.conversation import Conversation, to_fields
from chat.errors import ChatError
from chat.events import unpack
from chat.fanout import FanOut
from chat.keys import Keys
from chat.raw_link import RawLink
from chat.scripts import Script
from chat.store import ChatStore
from tests.chat.stores import draft
from tests.chat.test_fanout import STAFF

PAGE: Final = 20
"""Events that a reader is given at once."""
_LATE_S: Final = 0.06
"""What was given up arrives at the store within so many seconds all the same."""


class FaultyStore(ChatStore):
    """Reads fail, before the store has seen them or after; come late; or reach the store when they were given up."""

    def __init__(self, redis: "Redis", committer: Committer, chance: random.Random) -> None:
        super().__init__(redis, committer)
        self.chance = chance
        self.fault_rate = 0.0
        self.late: set[asyncio.Task[Any]] = set()

    async def _scripts(self, script: Script, calls: Sequence[tuple[Sequence[str], Sequence[str | int]]]) -> list[Any]:
        if self.chance.random() >= self.fault_rate:
            return await super()._scripts(script, calls)
        kind = self.chance.choice(("before", "after", "given up", "late", "late answer"))
        if kind == "given up":
            self._give_up(super()._scripts(script, calls))
        if kind in ("before", "given up"):
            raise ChatError("chat_unavailable")
        if kind == "late":
            await asyncio.sleep(self.chance.uniform(0, _LATE_S))
        result = await super()._scripts(script, calls)
        if kind == "after":
            raise ChatError("chat_unavailable")
        if kind == "late answer":
            await asyncio.sleep(self.chance.uniform(0, _LATE_S))
        return result

    def _give_up(self, call: Any) -> None:
        async def arrive() -> None:
            await asyncio.sleep(self.chance.uniform(0, _LATE_S))
            await call

        task = asyncio.create_task(arrive())
        self.late.add(task)
        task.add_done_callback(self.late.discard)


class _Held:
    """A transport that keeps what is written: it reaches the store later, on its own, and the answer nobody."""

    def __init__(self, front: "Front", link: RawLink) -> None:
        self._front = front
        self._link = link

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes) -> None:
        self._front.arrive_late(data)
        self._link.fail(RedisConnectionError("cut"))


class Front:
    """One front: a committer, a fan-out, and what befalls their connections."""

    def __init__(self, redis: "Redis", path: str, chance: random.Random) -> None:
        self.committer = Committer(redis)
        self.store = FaultyStore(redis, self.committer, chance)
        self.fanout = FanOut(redis, self.store, lambda name, payload: (name, payload), _encode)
        self._path = path
        self._chance = chance

    async def start(self) -> None:
        await self.committer.start()
        await self.fanout.start()

    async def stop(self) -> None:
        await self.fanout.stop()
        await self.committer.stop()
        await asyncio.gather(*self.store.late, return_exceptions=True)

    def arrive_late(self, data: bytes) -> None:
        async def arrive() -> None:
            await asyncio.sleep(self._chance.uniform(0, _LATE_S))
            _reader, writer = await asyncio.open_unix_connection(self._path)
            writer.write(data)
            await writer.drain()
            await asyncio.wait_for(_reader.read(1), 5)
            writer.close()

        task = asyncio.create_task(arrive())
        self.store.late.add(task)
        task.add_done_callback(self.store.late.discard)

    def break_link(self, link: RawLink | None = None) -> None:
        """One of the two connections is lost, in one of the ways in which it can be."""
        if link is None:
            link = self._chance.choice((self.committer._link, self.fanout._news._link))
        wire = link._wire
        if wire is None or not link.is_open or isinstance(wire.transport, _Held):
            return
        kind = self._chance.choice(("fail", "abort", "deaf", "held"))
        if kind == "fail":
            link.fail(RedisConnectionError("cut"))
        elif kind == "abort":
            wire.transport.abort()
        elif kind == "deaf" or link is not self.committer._link:
            wire.take = _lose
        else:
            wire.transport = _Held(self, link)


def _conversation(room: str) -> Conversation:
    return Conversation(room, provider_hsa_id="provider", unit_hsa_id="unit")


def _lose(_answers: list[Any]) -> None:
    raise RedisConnectionError("the answer was lost")


def _encode(conversation_id: str, seq: int, at_ms: int, packed: bytes, _aliases: dict[Any, Any]) -> Any:
    event = unpack(seq, at_ms, packed)
    if event.kind != "message":
        return None
    return "chat_event", {"conversation_id": conversation_id, "seq": seq, "client_id": event.client_id}


class Device:
    """A client that reads one conversation at some front: it takes the next number and no other."""

    def __init__(self, world: "World", conversation_id: str, home: int) -> None:
        self.principal = STAFF
        self.conversation_id = conversation_id
        self.home = home
        self.taken: list[str] = []
        self.is_slow = False
        self.faults: list[str] = []
        self._world = world
        self._attached_to: FanOut | None = None
        self._is_to_attach = asyncio.Event()
        self._is_to_attach.set()

    def send(self, packet: Any) -> bool:
        if self.is_slow:
            return False
        self.hint(packet)
        return True

    def hint(self, packet: Any) -> None:
        name, payload = packet
        if name == "chat_event":
            self._take(payload["seq"], payload["client_id"])
        elif name in ("chat_lagging", "chat_reset", "chat_ended"):
            if name != "chat_lagging":
                self.taken.clear()
            self.leave()

    def is_away(self) -> bool:
        """Whether nobody tells it what happens."""
        return self._attached_to is None

    def leave(self) -> None:
        """Let go of the conversation, and come again."""
        if self._attached_to is not None:
            self._attached_to.detach(self, self.conversation_id)
        self._attached_to = None
        self._is_to_attach.set()

    def _take(self, seq: int, client_id: str) -> None:
        if seq != len(self.taken) + 1:
            self.faults.append(f"{self.conversation_id}: took {seq} where {len(self.taken) + 1} was next")
        else:
            self.taken.append(client_id)

    def state(self) -> str:
        """How far it is, to whom it is attached."""
        fanout = self._world.fronts[self.home].fanout
        channel = fanout._channels.get(self.conversation_id)
        feed = None if channel is None else (channel.feed.head, channel.feed.is_synced, channel.readers.get(self))
        return f"{len(self.taken)}, attached {self._attached_to is fanout}, feed {feed}"

    async def run(self) -> None:
        while True:
            await self._is_to_attach.wait()
            fanout = self._world.fronts[self.home].fanout
            last = len(self.taken)
            try:
                resumed = await fanout.resume(self, self.conversation_id, last, PAGE)
            except ChatError:
                await asyncio.sleep(0.01)
                continue
            if resumed.last_seq < last or len(self.taken) != last:  # it was made anew
                fanout.detach(self, self.conversation_id)
                self.taken.clear()
                continue
            for event in resumed.events:
                self._take(event.seq, event.client_id)
            if self._world.fronts[self.home].fanout is not fanout:  # its front went meanwhile
                fanout.detach(self, self.conversation_id)
            elif resumed.is_live:
                self._is_to_attach.clear()
                self._attached_to = fanout
            else:
                await asyncio.sleep(0)


class World:
    """All fronts, devices and writers."""

    def __init__(self, redis: "Redis", path: str, seed: int, *, fronts: int, rooms: int) -> None:
        self.chance = random.Random(seed)
        self.redis = redis
        self._path = path
        self.fronts = [Front(redis, path, self.chance) for _ in range(fronts)]
        self.rooms = [f"staff-{number}" for number in range(rooms)]
        self.devices: list[Device] = []
        self.acknowledged: dict[str, dict[str, int]] = {room: {} for room in self.rooms}
        self._count = 0
        self._reading: list[asyncio.Task[None]] = []
        self._writers: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        for front in self.fronts:
            await front.start()
        for room in self.rooms:
            await self._make(room)
        for number, room in enumerate(self.rooms):
            # At one front alone, at two, at all of them; and once so many that messages leave in trains.
            for further in range((1, 1, 1, 2, 3)[number % 5]):
                home = (number + further) % len(self.fronts)
                self.devices += [Device(self, room, home) for _ in range(5 if number == 0 else 1)]
        self._reading = [asyncio.create_task(device.run()) for device in self.devices]

    async def stop(self) -> None:
        for task in (*self._reading, *self._writers):
            task.cancel()
        await asyncio.gather(*self._reading, *self._writers, return_exceptions=True)
        for front in self.fronts:
            await front.stop()

    async def _make(self, room: str) -> None:
        store = ChatStore(self.redis, self.fronts[0].committer)
        await store.create(_conversation(room))

    async def make_anew(self, room: str) -> None:
        """Erased, and at once there again; somebody reads and writes it where nobody did, while others still listen."""
        for front in self.fronts:
            front.store.fault_rate = 0.8
        self.acknowledged[room] = {}
        if self.chance.random() < 0.5:
            await ChatStore(self.redis, self.fronts[0].committer).erase(room)
            await self._make(room)
        else:  # before anybody can have looked
            keys = Keys(room)
            fields = to_fields(_conversation(room))
            async with self.redis.pipeline(transaction=True) as pipeline:
                pipeline.delete(*keys.all())
                pipeline.hset(keys.meta, items=[part for pair in fields.items() for part in pair])
                pipeline.execute_command("SPUBLISH", keys.channel, "M")
                await pipeline.execute()
        homes = {device.home for device in self.devices if device.conversation_id == room}
        home = next((number for number in range(len(self.fronts)) if number not in homes), None)
        if home is None:
            return
        passing = Device(self, room, home)
        reading = asyncio.create_task(passing.run())
        while passing.is_away():
            await asyncio.sleep(0.001)
        await asyncio.wait([self.write(room, home)])
        reading.cancel()
        await asyncio.wait([reading])
        passing.leave()

    async def replace(self, number: int) -> None:
        """A front goes, and another comes in its place; its clients come again."""
        gone, self.fronts[number] = self.fronts[number], Front(self.redis, self._path, self.chance)
        await self.fronts[number].start()
        for device in self.devices:
            if device.home == number:
                device.leave()
        await gone.stop()

    async def say_last(self) -> None:
        """A message in each conversation, where it is read, is on its way as connections fail; none comes after it."""
        said = [self.write(room, place % len(self.fronts)) for place, room in enumerate(self.rooms)]
        await asyncio.sleep(0)
        for front in self.fronts:
            if self.chance.random() < 0.8:
                front.break_link(front.committer._link)
            if self.chance.random() < 0.3:
                front.break_link()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for task in said:
            if self.chance.random() < 0.4:  # what they wrote may be stored; nobody repeats it
                task.cancel()

    def write(self, room: str = "", home: int | None = None) -> "asyncio.Task[None]":
        """Somebody writes somewhere; until it is acknowledged, or they give it up."""
        task = asyncio.create_task(self._write(room or self.chance.choice(self.rooms), home))
        self._writers.add(task)
        task.add_done_callback(self._writers.discard)
        return task

    def give_up_one(self) -> None:
        """An author goes while what they wrote is on its way."""
        if self._writers:
            self.chance.choice(list(self._writers)).cancel()

    async def _write(self, room: str, home: int | None) -> None:
        self._count += 1
        client_id, acknowledged = f"c{self._count}", self.acknowledged[room]
        new = draft(client_id, conversation_id=room)
        if acknowledged and self.chance.random() < 0.15:
            kind = self.chance.choice(("edit", "system"))
            target = self.chance.choice(list(acknowledged.values())) if kind == "edit" else 0
            new = draft(client_id, conversation_id=room, kind=kind, target=target)  # type: ignore[arg-type]
        repeats = 1 + (self.chance.random() < 0.2)
        while repeats:
            try:
                front = self.chance.choice(self.fronts) if home is None else self.fronts[home]
                appended = await front.store.append(new)
            except ChatError as error:
                if error.code != "chat_unavailable":
                    return
                await asyncio.sleep(0.01)
                continue
            repeats -= 1
            if new.kind == "message" and self.acknowledged[room] is acknowledged:
                acknowledged[client_id] = appended.seq

    def misbehave(self, fault_rate: float) -> None:
        """Something happens that clients do, or connections."""
        for front in self.fronts:
            front.store.fault_rate = fault_rate
        what = self.chance.random()
        if what < 0.35:
            self.chance.choice(self.fronts).break_link()
        elif what < 0.5:
            self.chance.choice(self.devices).leave()
        elif what < 0.6:
            self.chance.choice(self.devices).is_slow = True
        elif what < 0.8:
            for device in self.devices:
                device.is_slow = False
        else:
            self.give_up_one()

    async def settle(self) -> None:
        """Nothing fails any more; everything that was begun is ended."""
        for front in self.fronts:
            front.store.fault_rate = 0.0
        for device in self.devices:
            device.is_slow = False
        while self._writers:
            await asyncio.wait(self._writers)
        for front in self.fronts:
            await asyncio.gather(*front.store.late, return_exceptions=True)

    async def judge(self) -> list[str]:
        """What is wrong now."""
        faults = [fault for device in self.devices for fault in device.faults]
        for room in self.rooms:
            log, after = [], 0
            while page := (await self.fronts[0].store.read_after(room, after, 200)).events:
                log += [event.client_id for event in page]
                after = page[-1].seq
            for client_id, seq in self.acknowledged[room].items():
                if log[seq - 1 : seq] != [client_id]:
                    faults.append(f"{room}: {client_id} was acknowledged at {seq} and is not there")
            lacking = [each for each in self.devices if each.conversation_id == room and each.taken != log]
            faults += [f"{room} at front {device.home}: {device.state()} of {len(log)}" for device in lacking]
        return faults
