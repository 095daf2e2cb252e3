"""A benchmark cell against the service itself: joined like browsers, measured like the bare loop."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from loadtest.barerun import Traffic
from loadtest.cells import JoinCost
from loadtest.crowd import Crowd
from loadtest.measure import Stage
from loadtest.participant import Publication
from loadtest.processes import cpu_time, proportional_bytes
from loadtest.service import Service

FIRST_MEDIA_S = 10.0


class NoMediaError(Exception):
    """A subscriber joined but received nothing in time."""


@dataclass(frozen=True)
class ServerStage:
    """A stage whose forwarder is the server, and what it took to get there."""

    stage: Stage
    joins: JoinCost


@asynccontextmanager
async def server_stage(service: Service, subscribers: int, traffic: Traffic) -> AsyncIterator[ServerStage]:
    """One publisher and its subscribers in a room of their own; senders are video, then audio."""
    crowd = Crowd(subscribers + 1)
    crowd.driver.start()
    room = await service.rooms.create_room("bench", subscribers + 1)
    try:
        names = [f"bench-{secrets.token_hex(4)}-{number}" for number in range(subscribers + 1)]
        tokens = await service.rooms.create_tokens(room, names)
        video, audio = traffic.clips()
        publishers = await crowd.join(
            service.url, tokens[:1], publication=Publication(video, audio, paced=False), slots=1
        )
        if not publishers:
            raise NoMediaError(f"the publisher could not join: {crowd.failures}")
        publisher = publishers[0]
        memory, cpu = proportional_bytes(service.worker_pid), cpu_time(service.worker_pid)
        crowd.times.clear()
        joined = await crowd.join(service.url, tokens[1:], slots=1)
        if crowd.failures:
            raise NoMediaError(f"joins failed: {crowd.failures}")
        used = cpu_time(service.worker_pid).since(cpu)
        joins = JoinCost(
            joined=len(joined),
            cpu_s=used.total_s,
            bytes_per_subscriber=(proportional_bytes(service.worker_pid) - memory) / len(joined),
            total_s=[times.total_s for times in crowd.times],
            profile=joined[0].transport.profile,
        )
        publisher.start_sending()
        numbers = tuple(participant.number for participant in joined)
        await _all_receive(crowd, numbers)
        yield ServerStage(
            Stage(
                crowd.bank,
                service.worker_pid,
                (publisher.senders["video"], publisher.senders["audio"]),
                numbers,
                subscribers,
            ),
            joins,
        )
    finally:
        await crowd.leave()
        crowd.driver.stop()
        await service.rooms.delete_room(room)


async def _all_receive(crowd: Crowd, numbers: tuple[int, ...]) -> None:
    """Wait until every subscriber has a video that began with a keyframe."""
    missing = numbers
    try:
        async with asyncio.timeout(FIRST_MEDIA_S):
            while missing:
                await asyncio.sleep(0.1)
                missing = tuple(
                    number for number in missing if not any(entry["keyframes"] for entry in crowd.bank.streams(number))
                )
    except TimeoutError:
        raise NoMediaError(f"{len(missing)} of {len(numbers)} subscribers got no video") from None
