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


async def test_who_speaks_is_shown_to_the_others_and_silence_is_not(room: Room, visitor: Visitor) -> None:
    anna = await visitor("Anna", room.link("Anna"))
    bo = await visitor("Bo", room.link("Bo"))
    await anna.sees_and_hears(1)

    async def speaks() -> bool:
        return any(tile["self"] == "false" and tile["speaking"] == "true" for tile in await anna.tiles())

    async def is_silent() -> bool:
        return not await speaks()

    await until(speaks, "Anna sees that Bo speaks")
    await bo.press("toggle-microphone")
    await until(is_silent, "Anna sees that Bo is silent")
    await bo.press("toggle-microphone")
    await until(speaks, "Anna sees that Bo speaks again")


async def test_a_page_in_the_background_is_sent_sound_and_no_video(room: Room, visitor: Visitor) -> None:
    anna = await visitor("Anna", room.link("Anna"))
    await visitor("Bo", room.link("Bo"))
    await anna.sees_and_hears(1)

    async def look(*, away: bool) -> None:
        await anna.page.evaluate(
            f"""(() => {{
                Object.defineProperty(document, "hidden", {{ value: {str(away).lower()}, configurable: true }});
                document.dispatchEvent(new Event("visibilitychange"));
            }})()"""
        )

    async def packets(kind: str) -> int:
        return sum(entry["packets"] for entry in await anna.inbound() if entry["kind"] == kind)

    before = {"video": -1}

    async def video_rests() -> bool:
        rests = before["video"] == (now := await packets("video"))
        before["video"] = now
        return rests

    async def sound_goes_on() -> bool:
        return await packets("audio") > heard + 25

    await look(away=True)
    await until(video_rests, "no more video comes")
    heard, seen = await packets("audio"), await packets("video")
    await until(sound_goes_on, "half a second of sound comes")
    assert await packets("video") == seen
    await look(away=False)
    await anna.sees_and_hears(1)
