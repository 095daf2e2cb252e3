"""The development provider on a free port."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from auth.development.process import listen
from auth.development.provider import Provider
from auth.development.settings import TestBenchSettings

SECRET = "a secret of the tests"


class Clock:
    """Seconds since the epoch, moved by hand."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass
class Running:
    """A provider, its clock, and the front's back channel."""

    url: str
    provider: Provider
    clock: Clock
    front_url: str
    notices: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    notices: list[dict[str, Any]] = []

    async def backchannel(request: web.Request) -> web.Response:
        notices.append(dict(await request.post()))
        return web.Response()

    front = web.Application()
    front.router.add_post("/login/backchannel", backchannel)
    front_runner, front_port = await listen(front, "http://localhost:0")
    clock = Clock(1_800_000_000.0)
    # The port is known only once somebody listens, and the issuer's name contains it.
    holder = web.Application()
    runner, port = await listen(holder, "http://localhost:0")
    await runner.cleanup()
    url = f"http://localhost:{port}"
    provider = Provider(TestBenchSettings(development_provider_url=url, development_client_secret=SECRET), clock=clock)
    runner, _ = await listen(provider.app(), url)
    yield Running(url, provider, clock, f"http://localhost:{front_port}", notices)
    await runner.cleanup()
    await front_runner.cleanup()
