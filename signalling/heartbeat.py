"""Whether sockets still live: Engine.IO's pings for all of them, from one timer and without a task for each.

The protocol (Engine.IO 4, heartbeat): the server sends ``2``, the client answers ``3`` within the timeout, or is lost.
engineio keeps a task and a queue's timer for each socket; with five thousand that took a seventh of a core.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Final, Protocol

TICK_S: Final = 0.05
"""How late a ping may be. Each tick's pings hold up everything else: those of five thousand sockets are 25, not 125."""


class Beating(Protocol):
    """A socket."""

    @property
    def awaits_pong(self) -> bool:
        """Whether the last ping has not been answered yet."""

    def ping(self) -> None:
        """Send a ping; ``awaits_pong`` from now on until the answer."""

    def lose(self) -> None:
        """It gave no answer: let go of it."""


class Heartbeat:
    """Pings each socket ``interval_s`` after the last ping, and lets go of those silent for ``timeout_s``."""

    def __init__(self, interval_s: float, timeout_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._interval_s = interval_s
        self._timeout_s = timeout_s
        self._monotonic = monotonic
        self._beating: dict[Beating, int] = {}
        """With a number by which they are known in what is due: that keeps nothing of a socket that is gone."""
        self._numbered: dict[int, Beating] = {}
        self._due: list[tuple[float, int, float | None]] = []
        """When to look at whom; and when they were pinged, if an answer is due by then."""
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._beating)

    def add(self, socket: Beating) -> None:
        """It has just been opened."""
        number = self._beating[socket] = next(self._numbers)
        self._numbered[number] = socket
        self._look(self._monotonic() + self._interval_s, number, None)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def remove(self, socket: Beating) -> None:
        """It is closed."""
        number = self._beating.pop(socket, None)
        if number is not None:
            del self._numbered[number]

    def step(self, now: float) -> None:
        """Do what is due by ``now`` (monotonic seconds)."""
        while self._due and self._due[0][0] <= now:
            _, number, pinged_at = heapq.heappop(self._due)
            socket = self._numbered.get(number)
            if socket is None:
                continue
            if pinged_at is None:
                socket.ping()
                self._look(now + self._timeout_s, number, now)
            elif socket.awaits_pong:
                self.remove(socket)
                socket.lose()
            else:
                self._look(max(pinged_at + self._interval_s, now), number, None)

    def _look(self, at: float, number: int, pinged_at: float | None) -> None:
        heapq.heappush(self._due, (at, number, pinged_at))

    def _tick(self) -> None:
        self._timer = None
        self.step(self._monotonic())
        if self._beating:
            self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)
        else:
            self._due.clear()
