"""Public answers are kept for a moment; in a rush one asks the database."""

import asyncio
from datetime import timedelta

import pytest

from companion.search_cache import MAX_ANSWERS, SearchCache
from tests.companion.people import START


class Counting:
    """A look-up that counts how often it was needed."""

    def __init__(self, error: Exception | None = None) -> None:
        self.count = 0
        self.error = error

    async def __call__(self) -> bytes:
        self.count += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return b"%d" % self.count


async def test_many_who_ask_at_once_cost_one_look_up() -> None:
    cache, look_up = SearchCache(2), Counting()
    answers = await asyncio.gather(*(cache.get("q", START, look_up) for _ in range(50)))
    assert (set(answers), look_up.count) == ({b"1"}, 1)


async def test_an_answer_is_asked_anew_when_its_time_is_over() -> None:
    cache, look_up = SearchCache(2), Counting()
    times = [await cache.get("q", START + timedelta(seconds=seconds), look_up) for seconds in (0, 1.9, 2, 3.9, 4)]
    assert times == [b"1", b"1", b"2", b"2", b"3"]


async def test_a_failure_is_told_to_all_who_wait_and_kept_for_nobody() -> None:
    cache, look_up = SearchCache(2), Counting(ValueError("away"))
    results = await asyncio.gather(*(cache.get("q", START, look_up) for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results] == [ValueError] * 5
    look_up.error = None
    assert await cache.get("q", START, look_up) == b"2"


@pytest.mark.parametrize("who", [0, 1])
async def test_who_is_cancelled_takes_nobody_along(who: int) -> None:
    cache, gate = SearchCache(2), asyncio.Event()

    async def look_up() -> bytes:
        await gate.wait()
        return b"answer"

    tasks = [asyncio.create_task(cache.get("q", START, look_up)) for _ in range(2)]
    await asyncio.sleep(0)
    tasks[who].cancel()
    gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[who], asyncio.CancelledError)
    assert results[1 - who] == b"answer"


@pytest.mark.attack
async def test_questions_without_end_do_not_fill_the_memory() -> None:
    cache, look_up = SearchCache(60), Counting()
    for number in range(MAX_ANSWERS + 50):
        await cache.get(number, START, look_up)
    assert len(cache._answers) == MAX_ANSWERS
