"""Who comes and goes concerns nobody else's connection."""

from contextlib import AsyncExitStack

from tests.browser.aiortc_peer import AiortcPeer
from tests.browser.conftest import Visitor
from tests.browser.polling import until
from tests.browser.service import Room


async def test_a_third_and_fourth_come_and_go_without_sdp_exchange_at_the_others(
    room: Room, visitor: Visitor, people: AsyncExitStack, loopback_aiortc: None
) -> None:
    anna = await visitor("Anna", room.link("Anna"))
    bo = await visitor("Bo", room.link("Bo"))
    await anna.sees_and_hears(1)
    before = [await person.descriptions() for person in (anna, bo)]
    cia = await visitor("Cia", room.link("Cia"))
    async with AiortcPeer(room.service.url) as dan:
        await dan.join(room.token("Dan"))
        await anna.sees_and_hears(3)
        await bo.sees_and_hears(3)
        await dan.call("leave", {})
    await anna.sees_tiles(3)
    await cia.press("leave")
    await anna.sees_tiles(2)
    await anna.sees_and_hears(1)
    assert [await person.descriptions() for person in (anna, bo)] == before
    assert before[0]["descriptions"] == 2


async def test_muting_is_shown_and_silences_without_sdp_exchange(room: Room, visitor: Visitor) -> None:
    anna = await visitor("Anna", room.link("Anna"))
    bo = await visitor("Bo", room.link("Bo"))
    await anna.sees_and_hears(1)
    before = await bo.descriptions()
    await bo.press("toggle-microphone")
    await bo.press("toggle-camera")

    async def is_shown() -> bool:
        return any(
            (tile["self"], tile["microphone"], tile["camera"]) == ("false", "false", "false")
            for tile in await anna.tiles()
        )

    await until(is_shown, "Anna sees that Bo is muted and has no picture")
    await bo.press("toggle-microphone")
    await bo.press("toggle-camera")
    await anna.sees_and_hears(1)
    assert await bo.descriptions() == before


async def test_somebody_who_vanishes_is_shown_as_lost_and_keeps_the_place(room: Room, visitor: Visitor) -> None:
    anna = await visitor("Anna", room.link("Anna"))
    bo = await visitor("Bo", room.link("Bo"))
    await anna.sees_tiles(2)
    await bo.close()

    async def is_lost() -> bool:
        return any(tile["state"] == "lost" for tile in await anna.tiles())

    await until(is_lost, "Anna sees that Bo is lost")
    again = await visitor("Bo", room.link("Bo"))
    await again.sees_and_hears(1)
    await anna.sees_and_hears(1)
    await anna.sees_tiles(2)


async def test_a_shared_screen_is_seen_beside_the_cameras_without_sdp_exchange(room: Room, visitor: Visitor) -> None:
    anna = await visitor("Anna", room.link("Anna"))
    bo = await visitor("Bo", room.link("Bo"))
    await anna.sees_and_hears(1)
    before = [await person.descriptions() for person in (anna, bo)]
    await bo.press("toggle-screen")

    async def moving_pictures() -> int:
        return sum(entry["kind"] == "video" and entry["frames"] > 0 for entry in await anna.inbound())

    async def sees_two() -> bool:
        return await moving_pictures() == 2

    await until(sees_two, "Anna receives camera and screen")
    assert await anna.page.evaluate("!!document.querySelector('[data-testid=shared-screen]')")
    await bo.press("toggle-screen")

    async def is_over() -> bool:
        return not await anna.page.evaluate("!!document.querySelector('[data-testid=shared-screen]')")

    await until(is_over, "the shared screen goes away")
    assert [await person.descriptions() for person in (anna, bo)] == before
