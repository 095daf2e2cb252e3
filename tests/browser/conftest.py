"""One service, one Chromium and one Firefox for all tests of this folder; rooms and people are new in each."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.aiortc_peer import allow_loopback
from tests.browser.chromium import chromium
from tests.browser.executables import find_browser
from tests.browser.firefox import Firefox
from tests.browser.people import PROBE, Person
from tests.browser.relay import UdpRelay
from tests.browser.service import Room, Service
from tests.patience import PATIENCE_S

session = partial(pytest_asyncio.fixture, scope="session", loop_scope="session")
per_test = partial(pytest_asyncio.fixture, loop_scope="session")

Visitor = Callable[..., Awaitable[Person]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here share one event loop, so that the browsers outlive each of them."""
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            item.add_marker(pytest.mark.browser)


@session()
async def service() -> AsyncIterator[Service]:
    """The running service; its log is shown when a test fails."""
    async with Service() as running:
        yield running


@session()
async def chromium_browser() -> AsyncIterator[Browser]:
    """A headless Chromium with a fake camera and microphone."""
    async with chromium() as browser:
        yield browser


@session()
async def firefox_browser() -> AsyncIterator[Firefox]:
    """A headless Firefox with a fake camera and microphone."""
    async with Firefox(find_browser("ALLTID_FIREFOX")) as browser:
        yield browser


@per_test()
async def room(service: Service) -> Room:
    """An empty room."""
    return await service.room()


@per_test()
async def people() -> AsyncIterator[AsyncExitStack]:
    """Whoever is entered here goes away at the end of the test."""
    async with AsyncExitStack() as stack:
        yield stack


@per_test()
async def visitor(chromium_browser: Browser, people: AsyncExitStack) -> Visitor:
    """Opens a Chromium page for somebody; with a link they join at once, with a relay their media goes through it."""

    async def visit(name: str, link: str | None = None, relay: UdpRelay | None = None) -> Person:
        context = await chromium_browser.new_context(permissions=["camera", "microphone"], locale="sv-SE")
        context.set_default_timeout(PATIENCE_S * 1000)
        people.push_async_callback(context.close)
        await context.add_init_script(PROBE)
        if relay:
            await context.add_init_script(f"window.__probe.relayPort = {relay.port}")
        person = Person(name, await context.new_page(), context.close)
        if link:
            await person.join(link)
        return person

    return visit


@per_test()
async def firefox_visitor(firefox_browser: Firefox, people: AsyncExitStack) -> Visitor:
    """The same in Firefox."""

    async def visit(name: str, link: str | None = None) -> Person:
        page = await firefox_browser.new_page(PROBE)
        people.push_async_callback(page.close)
        person = Person(name, page, page.close)
        if link:
            await person.join(link)
        return person

    return visit


@pytest.fixture
def loopback_aiortc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the aiortc peers of this test use 127.0.0.1."""
    allow_loopback(monkeypatch)
