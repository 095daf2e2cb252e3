"""A network that lets nothing out but a TURN server: the meeting goes through it, by UDP and by TCP."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Browser

from tests.auth.coturn import SECRET, Coturn, running_coturn
from tests.browser.conftest import per_test
from tests.browser.people import PROBE, Person
from tests.browser.service import Room, Service
from tests.patience import PATIENCE_S

ONLY_RELAY = """(() => {
  const Before = window.RTCPeerConnection;
  const closed = (options) => ({ ...options, iceTransportPolicy: "relay" });
  window.RTCPeerConnection = class extends Before {
    constructor(options) { super(closed(options)); }
    setConfiguration(options) { super.setConfiguration(closed(options)); }
  };
})()"""
PATH = """(async () => {
  const reports = [...(await window.__probe.connection().getStats()).values()];
  const transport = reports.find((one) => one.type === "transport");
  const pair = reports.find((one) => one.id === transport.selectedCandidatePairId);
  const local = reports.find((one) => one.id === pair.localCandidateId);
  return [local.candidateType, local.relayProtocol];
})()"""


@pytest.fixture(scope="module")
def coturn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    """The only way out, which leads to the media worker alone."""
    with running_coturn(tmp_path_factory.mktemp("coturn"), "127.0.0.1") as server:
        yield server


@per_test(params=["udp", "tcp"])
async def relayed_room(request: pytest.FixtureRequest, coturn: Coturn) -> AsyncIterator[tuple[str, Room]]:
    """A room of a service that knows the relay, and how one speaks with it."""
    url = f"turn:127.0.0.1:{coturn.address[1]}?transport={request.param}"
    async with Service(ALLTID_TURN_URLS=url, ALLTID_TURN_SECRET=SECRET) as service:
        yield request.param, await service.room()


async def visit(browser: Browser, people: AsyncExitStack, room: Room, name: str, *scripts: str) -> Person:
    """Somebody who joins, in a page with these scripts before its own."""
    context = await browser.new_context(permissions=["camera", "microphone"], locale="sv-SE")
    context.set_default_timeout(PATIENCE_S * 1000)
    people.push_async_callback(context.close)
    for script in (PROBE, *scripts):
        await context.add_init_script(script)
    person = Person(name, await context.new_page(), context.close)
    await person.join(room.link(name))
    return person


async def test_a_browser_behind_a_closed_network_meets_one_that_is_not(
    relayed_room: tuple[str, Room], chromium_browser: Browser, people: AsyncExitStack
) -> None:
    how, room = relayed_room
    bo = await visit(chromium_browser, people, room, "Bo")
    anna = await visit(chromium_browser, people, room, "Anna", ONLY_RELAY)
    await anna.sees_and_hears(1)
    await bo.sees_and_hears(1)
    assert await anna.page.evaluate(PATH) == ["relay", how]
    assert (await bo.page.evaluate(PATH))[0] != "relay"
