"""Public answers are kept for a moment; in a rush one asks the database."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from companion.search_cache import MAX_ANSWERS, MAX_QUERY_BYTES, Question, SearchCache
from companion.slot_news import ANYWHERE, SlotNews
from tests.companion.people import START

Q = Question("unit", "type")


async def asked(cache: SearchCache, look_up: Any, *, question: Question = Q, after_s: float = 0) -> bytes:
    """The body of the answer to a question at a time."""
    return (await cache.get(question, b"query", START + timedelta(seconds=after_s), look_up)).body


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
    cache, look_up = SearchCache(2, SlotNews()), Counting()
    answers = await asyncio.gather(*(asked(cache, look_up) for _ in range(50)))
    assert (set(answers), look_up.count) == ({b"1"}, 1)


async def test_an_answer_is_asked_anew_when_its_time_is_over() -> None:
    cache, look_up = SearchCache(2, SlotNews()), Counting()
    times = [await asked(cache, look_up, after_s=seconds) for seconds in (0, 1.9, 2, 3.9, 4)]
    assert times == [b"1", b"1", b"2", b"2", b"3"]


async def test_a_failure_is_told_to_all_who_wait_and_kept_for_nobody() -> None:
    cache, look_up = SearchCache(2, SlotNews()), Counting(ValueError("away"))
    results = await asyncio.gather(*(asked(cache, look_up) for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results] == [ValueError] * 5
    look_up.error = None
    assert await asked(cache, look_up) == b"2"


@pytest.mark.parametrize("who", [0, 1])
async def test_who_is_cancelled_takes_nobody_along(who: int) -> None:
    cache, gate = SearchCache(2, SlotNews()), asyncio.Event()

    async def look_up() -> bytes:
        await gate.wait()
        return b"answer"

    tasks = [asyncio.create_task(asked(cache, look_up)) for _ in range(2)]
    await asyncio.sleep(0)
    tasks[who].cancel()
    gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[who], asyncio.CancelledError)
    assert results[1 - who] == b"answer"


@pytest.mark.parametrize(
    ("question", "touched", "is_old"),
    [
        (Q, ("unit", "type"), True),
        (Question("unit"), ("unit", "type"), True),
        (Question(None, "type"), ("unit", "type"), True),
        (Question(), ("unit", "type"), True),
        (Q, ANYWHERE, True),
        (Q, ("unit", "another"), False),
        (Q, ("another", "type"), False),
        (Question("another"), ("unit", "type"), False),
    ],
)
async def test_a_change_makes_old_what_it_may_change(question: Question, touched: Any, is_old: bool) -> None:
    news, look_up = SlotNews(), Counting()
    cache = SearchCache(2, news)
    await asked(cache, look_up, question=question)
    news.tell([touched])
    assert (cache.known(b"query", START) is None) == is_old
    assert await asked(cache, look_up, question=question) == (b"2" if is_old else b"1")


async def test_what_changes_during_a_look_up_is_not_missing_in_later_answers() -> None:
    news, gate, count = SlotNews(), asyncio.Event(), 0
    cache = SearchCache(2, news)

    async def look_up() -> bytes:
        nonlocal count
        count += 1
        seen = b"%d" % count  # read, and then slow
        await gate.wait()
        return seen

    before = asyncio.create_task(asked(cache, look_up))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    news.tell([ANYWHERE])
    after = asyncio.create_task(asked(cache, look_up))
    gate.set()
    assert await asyncio.gather(before, after) == [b"1", b"2"]
    assert await asked(cache, look_up) == b"2"


async def test_a_query_that_came_before_needs_no_question() -> None:
    cache, look_up = SearchCache(2, SlotNews()), Counting()
    assert cache.known(b"query", START) is None
    await asked(cache, look_up)
    known = cache.known(b"query", START)
    assert known is not None
    assert known.body == b"1"
    assert cache.known(b"query", START + timedelta(seconds=2)) is None


async def test_whoever_has_an_answer_is_told_so() -> None:
    cache, look_up = SearchCache(2, SlotNews()), Counting()
    answer = await cache.get(Q, b"query", START, look_up)
    tag = answer.to([]).headers["etag"]
    for same in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        told = answer.to([(b"if-none-match", same.encode())])
        assert (told.status_code, told.body, told.headers["etag"]) == (304, b"", tag)
    for other in ("", '"other"', tag.strip('"'), "\xff"):
        assert answer.to([(b"if-none-match", other.encode("latin-1"))]).status_code == 200


@pytest.mark.attack
async def test_questions_without_end_do_not_fill_the_memory() -> None:
    cache, look_up = SearchCache(60, SlotNews()), Counting()
    for number in range(MAX_ANSWERS + 50):
        await cache.get(Question(rest=(number,)), b"%d" % number, START, look_up)
    await cache.get(Question(), b"x" * (MAX_QUERY_BYTES + 1), START, look_up)
    assert len(cache._answers) == len(cache._questions) == MAX_ANSWERS
    assert all(len(query) <= MAX_QUERY_BYTES for query in cache._questions)
