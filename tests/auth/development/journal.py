"""The fake record system on a free port, for tests."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from auth.development.process import listen
from auth.development.record_system import RecordSystem
from auth.development.settings import TestBenchSettings

SECRET = "a secret of the tests"


@asynccontextmanager
async def running_journal(clock: Callable[[], float], front_url: str = "") -> AsyncIterator[RecordSystem]:
    """The port is known only once somebody listens, and the record system's own address contains it."""
    holder, port = await listen(web.Application(), "http://localhost:0")
    await holder.cleanup()
    url = f"http://localhost:{port}"
    settings = TestBenchSettings(
        development_record_system_url=url, development_front_url=front_url, development_client_secret=SECRET
    )
    journal = RecordSystem(settings, clock=clock)
    runner, _ = await listen(journal.app(), url)
    try:
        yield journal
    finally:
        await runner.cleanup()
