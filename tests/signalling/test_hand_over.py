"""The one loop behind what fronts hand over: whose turn it is, and how long to wait after which fault."""

import asyncio
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry, Counter
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from signalling.companion_answers import CompanionRefusedError, CompanionUnavailableError
from signalling.hand_over import IDLE_S, REFUSED_S, UNAVAILABLE_S, HandOver

KEY = "ao:test-hand-over"


class Things(HandOver):
    """Hands over nothing, or fails as told."""

    def __init__(self, redis: Redis, front_id: str) -> None:
        self.results = Counter("things", "Things.", ["result"], registry=CollectorRegistry())
        super().__init__(
            redis, front_id, name="things", lease_key=KEY, scope="things:write", results=self.results, sleep=self.pause
        )
        self.fault: Exception | None = None
        self.steps = 0
        self.doubts = 0
        self.pauses: list[float] = []

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) == 3:
            raise asyncio.CancelledError

    async def _hand_over(self) -> float:
        self.steps += 1
        if self.fault is not None:
            raise self.fault
        return 0.0

    def _doubt(self) -> None:
        self.doubts += 1

    def counted(self, result: str) -> float:
        return float(self.results.labels(result)._value.get())


async def test_one_front_of_all_has_its_turn_until_its_lease_ends(redis_client: Redis) -> None:
    one, another = Things(redis_client, "front-1"), Things(redis_client, "front-2")
    assert [await one.step(), await another.step(), await one.step()] == [0.0, IDLE_S, 0.0]
    assert (one.steps, another.steps, another.doubts) == (2, 0, 1)
    await redis_client.delete(KEY)
    assert [await another.step(), await one.step()] == [0.0, IDLE_S]


@pytest.mark.parametrize(
    ("fault", "pause_s", "result", "doubts"),
    [
        (lambda: RedisConnectionError(), UNAVAILABLE_S, None, 0),
        (lambda: OSError(), UNAVAILABLE_S, None, 0),
        (lambda: CompanionUnavailableError("timeout"), UNAVAILABLE_S, "unavailable", 0),
        (lambda: CompanionRefusedError(409, {"code": "no"}), REFUSED_S, "refused", 1),
        (lambda: KeyError("surprise"), REFUSED_S, None, 1),
    ],
    ids=["redis", "network", "unavailable", "refused", "surprise"],
)
async def test_no_fault_ends_it(
    redis_client: Redis, fault: Callable[[], Exception], pause_s: float, result: str | None, doubts: int
) -> None:
    one = Things(redis_client, "front-1")
    one.fault = fault()
    assert await one.step() == pause_s
    assert one.doubts == doubts
    assert [name for name in ("unavailable", "refused") if one.counted(name)] == ([result] if result else [])
    one.fault = None
    assert await one.step() == 0.0


async def test_it_goes_on_until_it_is_stopped(redis_client: Redis) -> None:
    one = Things(redis_client, "front-1")
    with pytest.raises(asyncio.CancelledError):
        await one.run()
    assert (one.pauses, one.steps) == ([0.0, 0.0, 0.0], 3)
