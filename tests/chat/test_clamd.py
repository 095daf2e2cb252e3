"""The scanner's protocol, against a server that speaks it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from chat.clamd import CHUNK_BYTES, Clamd, NoScanner, ScanError
from tests.chat.fake_clamd import EICAR, FakeClamd

Make = Callable[..., Awaitable[FakeClamd]]


@pytest.fixture
async def clamd() -> AsyncIterator[Make]:
    servers: list[FakeClamd] = []

    async def make(path: Path | None = None, **options: Any) -> FakeClamd:
        servers.append(await FakeClamd(**options).start(path))
        return servers[-1]

    yield make
    for server in servers:
        await server.stop()


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, 3 * CHUNK_BYTES + 7])
async def test_a_clean_file_of_any_size_passes_whole(clamd: Make, size: int) -> None:
    server = await clamd()
    data = bytes(index % 251 for index in range(size))
    await Clamd(server.url).scan(data)
    assert server.scanned == [data]


async def test_a_scanner_on_a_unix_socket(clamd: Make, tmp_path: Path) -> None:
    server = await clamd(tmp_path / "c.sock")
    await Clamd(server.url).scan(b"clean")


@pytest.mark.attack
async def test_a_virus_is_found_wherever_it_stands(clamd: Make) -> None:
    server = await clamd()
    with pytest.raises(ScanError) as caught:
        await Clamd(server.url).scan(bytes(CHUNK_BYTES - 10) + EICAR + bytes(100))
    assert caught.value.code == "infected"


@pytest.mark.attack
@pytest.mark.parametrize(
    "options",
    [
        {"max_length": 100},
        {"answer": b"stream: OK"},
        {"answer": b"\0"},
        {"answer": b"stream: OKAY\0"},
        {"answer": b"x" * 10_000},
    ],
)
async def test_no_clear_answer_means_that_the_file_is_not_taken(clamd: Make, options: dict[str, Any]) -> None:
    server = await clamd(**options)
    with pytest.raises(ScanError, match="scanner_unavailable"):
        await Clamd(server.url).scan(bytes(5 * CHUNK_BYTES))


async def test_a_scanner_that_never_answers_is_given_up(clamd: Make) -> None:
    server = await clamd(is_mute=True)
    with pytest.raises(ScanError, match="scanner_unavailable"):
        await Clamd(server.url, timeout_s=0.05).scan(b"clean")


@pytest.mark.parametrize("url", ["unix:///does/not/exist", "tcp://127.0.0.1:1"])
async def test_a_scanner_that_is_not_there_takes_nothing(url: str) -> None:
    with pytest.raises(ScanError, match="scanner_unavailable"):
        await Clamd(url).scan(b"clean")


@pytest.mark.parametrize("url", ["", "tcp://host", "http://host:1", "unix://relative", "/var/run/clamd"])
def test_an_address_that_is_none_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(ValueError, match="write unix"):
        Clamd(url)


async def test_without_a_scanner_everything_passes() -> None:
    await NoScanner().scan(EICAR)
