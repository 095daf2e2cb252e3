"""People see and hear each other, whatever they came with."""

from contextlib import AsyncExitStack

from tests.browser.aiortc_peer import AiortcPeer
from tests.browser.conftest import Visitor
from tests.browser.polling import until
from tests.browser.service import Room


async def test_two_and_then_three_in_chromium_see_and_hear_each_other(room: Room, visitor: Visitor) -> None:
    anna = await visitor("Anna", room.link("Anna"))
    bo = await visitor("Bo", room.link("Bo"))
    await anna.sees_and_hears(1)
    await bo.sees_and_hears(1)
    cia = await visitor("Cia", room.link("Cia"))
    for person in (anna, bo, cia):
        await person.sees_and_hears(2)
    assert len(await anna.tiles()) == 3


async def test_firefox_and_chromium_see_and_hear_each_other(
    room: Room, visitor: Visitor, firefox_visitor: Visitor
) -> None:
    anna = await visitor("Anna", room.link("Anna"))
    frej = await firefox_visitor("Frej", room.link("Frej"))
    await anna.sees_and_hears(1)
    await frej.sees_and_hears(1)


async def test_aiortc_and_chromium_see_and_hear_each_other(
    room: Room, visitor: Visitor, people: AsyncExitStack, loopback_aiortc: None
) -> None:
    peer = await people.enter_async_context(AiortcPeer(room.service.url))
    await peer.join(room.token("Robot"))
    anna = await visitor("Anna", room.link("Anna"))
    await anna.sees_and_hears(1)

    async def received() -> bool:
        return peer.frames["audio"] > 10 and peer.frames["video"] > 10

    await until(received, "aiortc decodes sound and pictures")
