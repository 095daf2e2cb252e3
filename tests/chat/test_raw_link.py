"""The raw connection: many commands at once, typed errors, faults as redis-py's exceptions."""

from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError, NoScriptError, ReadOnlyError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from chat.raw_link import RawLink, typed_error
from sfu.bus import connect


async def test_many_commands_are_answered_in_their_order(redis: Redis) -> None:
    link = RawLink(redis, lambda _: None)
    commands = [("SET", "key", b"\x00\xff\r\n"), ("GET", "key"), *(("INCR", "counter") for _ in range(5000))]
    assert await link.ask(commands) == [b"OK", b"\x00\xff\r\n", *range(1, 5001)]
    await link.close()
    assert not link.is_open


async def test_error_answers_stand_among_the_others(redis: Redis) -> None:
    link = RawLink(redis, lambda _: None)
    answers = await link.ask([("NONSENSE",), ("PING",), ("EVALSHA", "0" * 40, 0)])
    assert [type(answer) for answer in answers] == [ResponseError, bytes, NoScriptError]
    await link.close()


async def test_the_next_question_after_a_connection_was_killed_opens_another(redis: Redis) -> None:
    link = RawLink(redis, lambda _: None)
    (number,) = await link.ask([("CLIENT", "ID")])
    await redis.execute_command("CLIENT", "KILL", "ID", number)
    with pytest.raises(RedisConnectionError):
        await link.watch(lambda: None)
    assert await link.ask([("PING",)]) == [b"PONG"]
    await link.close()


async def test_what_is_not_there_is_a_lost_connection() -> None:
    link = RawLink(connect("redis://127.0.0.1:1/0"), lambda _: None)
    with pytest.raises(RedisConnectionError):
        await link.ask([("PING",)])
    with pytest.raises(RedisConnectionError):
        link.write([("PING",)])
    with pytest.raises(RedisConnectionError):
        await link.watch(lambda: None)


async def test_what_comes_is_handed_over_and_what_that_raises_ends_the_watch(redis: Redis) -> None:
    came: list[Any] = []

    def take(answers: list[Any]) -> None:
        came.extend(answers)
        if b"last" in answers:
            raise ValueError("enough")

    link = RawLink(redis, take)
    await link.open()
    link.write([("ECHO", "first"), ("ECHO", "last")])
    with pytest.raises(ValueError, match="enough"):
        await link.watch(lambda: None)
    assert came == [b"first", b"last"]
    assert not link.is_open
    await link.close()


async def test_an_answer_that_is_overdue_is_a_fault(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.raw_link.LOOK_S", 0.01)
    monkeypatch.setattr("chat.raw_link.TIMEOUT_S", 0.05)
    link = RawLink(redis, lambda _: None)
    await link.open()
    with pytest.raises(RedisTimeoutError):
        await link.watch(lambda: 0.0)
    await link.close()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("NOSCRIPT No matching script.", NoScriptError),
        ("LOADING Redis is loading the dataset in memory", BusyLoadingError),
        ("READONLY You can't write against a read only replica.", ReadOnlyError),
        ("ERR whatever", ResponseError),
        ("", ResponseError),
    ],
)
def test_errors_are_told_apart_by_their_first_word(text: str, kind: type[Exception]) -> None:
    assert type(typed_error(text)) is kind
