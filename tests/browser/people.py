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
        """Presses the button of the lobby as soon as it is there, and waits until the room is."""
        button = "document.querySelector('[data-testid=join]:not([disabled])')"
        await until(lambda: self.page.evaluate(f"!!{button}"), f"{self.name} has a join button")
        await self.page.evaluate(f"void {button}.click()")

    async def state(self) -> dict[str, Any]:
        """Connection states and counters; see probe.js."""
        state: dict[str, Any] = await self.page.evaluate("window.__probe.state()")
        return state

    async def inbound(self) -> list[dict[str, Any]]:
        """Counters of what arrives, one entry for each receiver."""
        inbound: list[dict[str, Any]] = await self.page.evaluate("window.__probe.inbound()")
        return inbound

    async def is_connected(self) -> bool:
        """Whether media and signalling both are up."""
        state = await self.state()
        return bool(state["connection"] == "connected" and state["open"])

    async def sees_and_hears(self, others: int, deadline_s: float = 30.0) -> None:
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
            await until(grown, f"{self.name} sees and hears {others}", deadline_s)
        except AssertionError as error:
            raise AssertionError(f"{error}: {await self.state()} {grown.last}") from None
