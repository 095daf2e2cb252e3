"""The HTTP load: what it counts, and that it notices answers that are not the expected ones."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.httpload import HttpConnection, HttpLoadError, HttpSample, measure_http, quantile

Handler = Callable[[bytes], Awaitable[bytes]]
OK = b"HTTP/1.1 200 OK\r\nX: y\r\ncontent-length: 5\r\n\r\nhello"


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                request = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            writer.write(await handler(request))
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        await listening.wait_closed()


async def test_a_request_has_its_path_and_headers_and_the_answer_its_body() -> None:
    seen: list[bytes] = []

    async def answer(request: bytes) -> bytes:
        seen.append(request)
        return OK

    async with server(answer) as port:
        connection = await HttpConnection.open("127.0.0.1", port, "/a?b", {"Cookie": "c=d"})
        assert [await connection.ask(), await connection.ask()] == [b"hello", b"hello"]
        await connection.close()
    assert seen[0] == f"GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: c=d\r\n\r\n".encode()
    assert len(seen) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    ],
)
async def test_an_answer_that_is_no_success_ends_the_measurement(answer: bytes) -> None:
    async def refuse(_request: bytes) -> bytes:
        return answer

    async with server(refuse) as port:
        with pytest.raises(HttpLoadError):
            await measure_http(port, os.getpid(), "/", {}, connections=2, seconds=0.1)


async def test_every_answer_is_counted_with_its_latency() -> None:
    count = 0

    async def answer(_request: bytes) -> bytes:
        nonlocal count
        count += 1
        return OK

    async with server(answer) as port:
        sample = await measure_http(port, os.getpid(), "/", {}, connections=3, seconds=0.2)
    assert len(sample.latencies_s) == count - 3
    assert sample.latencies_s == sorted(sample.latencies_s)
    assert sample.seconds >= 0.2
    assert sample.cpu_s > 0
    assert sample.requests_per_s == len(sample.latencies_s) / sample.seconds


@given(st.lists(st.floats(0, 1), max_size=50), st.floats(0, 1))
def test_a_quantile_is_one_of_the_values(values: list[float], fraction: float) -> None:
    assert quantile(sorted(values), fraction) in (values or [0.0])
    assert quantile(sorted(values), 0) == min(values, default=0.0)
    assert quantile(sorted(values), 1) == max(values, default=0.0)


def test_a_sample_of_nothing_divides_by_nothing() -> None:
    sample = HttpSample(1.0, [], 0.0)
    assert (sample.requests_per_s, sample.cpu_us_per_request, sample.latency_us(0.99)) == (0, 0, 0)
