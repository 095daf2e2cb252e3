"""A participant in a real browser, whatever the browser: what it sees and hears, and what can be done to it."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from tests.browser.polling import until

PROBE = (Path(__file__).parent / "probe.js").read_text()
FRAMES = 5
"""So many frames more than before prove a moving picture, a third of a second of it."""


class Page(Protocol):
    """What playwright's page and our Firefox page have in common."""

    async def goto(self, url: str) -> Any: ...
    async def evaluate(self, expression: str) -> Any: ...
    async def reload(self) -> Any: ...


class Person:
    """One participant in one page of a browser that has the probe (probe.js)."""

    def __init__(self, name: str, page: Page, close: Callable[[], Awaitable[Any]]) -> None:
        self.name = name
        self.page = page
        self.close = close

    async def join(self, link: str) -> None:
        """Opens a meeting link and presses the button that enters the meeting."""
        await self.page.goto(link)
        await self.press_join()

    async def press_join(self) -> None:
        """Enters from the lobby and waits until the room is there."""
        await self.try_to_join()
        await until(self.is_in, f"{self.name} is in the room")

    async def try_to_join(self) -> None:
        """Presses the button of the lobby as soon as it is there."""
        # The camera's picture is there: what the lobby shows has been looked at, as a person would.
        ready = "document.querySelector('[data-screen=prejoin] video') && document.querySelector('[data-testid=join]')"
        await until(lambda: self.page.evaluate(f"!!({ready})"), f"{self.name} has a join button")
        await self.press("join")

    async def press(self, button: str) -> None:
        """Clicks what has that ``data-testid``."""
        await self.page.evaluate(f"void document.querySelector('[data-testid={button}]').click()")

    async def meeting(self) -> dict[str, str]:
        """What the page says of the meeting: screen, state, selfId, endCode."""
        state: dict[str, str] = await self.page.evaluate(
            "({...document.querySelector('[data-testid=meeting]')?.dataset})"
        )
        return state

    async def is_in(self) -> bool:
        """Whether the page shows a connected room."""
        meeting = await self.meeting()
        return meeting.get("screen") == "room" and meeting.get("state") == "connected"

    async def tiles(self) -> list[dict[str, str]]:
        """The tiles on the screen: participantId, self, state, microphone, camera."""
        tiles: list[dict[str, str]] = await self.page.evaluate(
            "[...document.querySelectorAll('[data-testid=tile]')].map((tile) => ({...tile.dataset}))"
        )
        return tiles

    async def state(self) -> dict[str, Any]:
        """Connection states and counters; see probe.js."""
        state: dict[str, Any] = await self.page.evaluate("window.__probe.state()")
        return state

    async def inbound(self) -> list[dict[str, Any]]:
        """Counters of what arrives, one entry for each receiver."""
        inbound: list[dict[str, Any]] = await self.page.evaluate("window.__probe.inbound()")
        return inbound

    async def sees_tiles(self, count: int) -> None:
        """Waits until so many people are on the screen, oneself included."""

        async def shown() -> bool:
            return len(await self.tiles()) == count

        await until(shown, f"{self.name} sees {count} tiles")

    async def descriptions(self) -> dict[str, object]:
        """Everything that an SDP exchange would change."""
        descriptions: dict[str, object] = await self.page.evaluate(
            """(() => {
                const connection = window.__probe.connection();
                const { descriptions, connections } = window.__probe;
                const [local, remote] = [connection.localDescription.sdp, connection.remoteDescription.sdp];
                return { descriptions, connections: connections.length, local, remote };
            })()"""
        )
        return descriptions

    async def is_connected(self) -> bool:
        """Whether media and signalling both are up."""
        state = await self.state()
        return bool(state["connection"] == "connected" and state["open"])

    async def sees_and_hears(self, others: int) -> None:
        """Waits until, from now on, so many pictures move and so many voices sound."""
        before = {entry["mid"]: entry for entry in await self.inbound()}
        nothing = {"frames": 0, "energy": 0.0}

        async def grown() -> bool:
            grown.last = await self.inbound()
            moving = sounding = 0
            for entry in grown.last:
                old = before.get(entry["mid"], nothing)
                if entry["frames"] < old["frames"]:  # A new connection counts from zero.
                    old = nothing
                moving += entry["kind"] == "video" and entry["frames"] >= old["frames"] + FRAMES
                sounding += entry["kind"] == "audio" and entry["energy"] > old["energy"]
            return moving >= others and sounding >= others

        grown.last = []
        try:
            await until(grown, f"{self.name} sees and hears {others}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {await self.state()} {grown.last}") from None
