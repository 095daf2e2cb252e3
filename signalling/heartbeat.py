"""Whether sockets still live: Engine.IO's pings for all of them, from one timer and without a task for each.

The protocol (Engine.IO 4, heartbeat): the server sends ``2``, the client answers ``3`` within the timeout, or is lost.
engineio keeps a task and a queue's timer for each socket; with five thousand that took a seventh of a core.
"""

import asyncio
import itertools
import math
import time
from collections.abc import Callable
from typing import Final, Protocol

TICK_S: Final = 1 / 16
"""How late a ping may be. Each tick's pings hold up everything else: those of five thousand sockets are 31, not 155."""


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
        self._due: dict[int, list[tuple[int, float | None]]] = {}
        """By tick: whom to look at, and when they were pinged, if an answer is due by then. (A heap would compare a
        dozen of thousands of entries for each that leaves it, all of them long gone from the caches.)"""
        self._done = 0
        """The last tick that was dealt with."""
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._beating)

    def add(self, socket: Beating) -> None:
        """It has just been opened."""
        now = self._monotonic()
        if not self._beating:
            self._due.clear()
            self._done = math.floor(now / TICK_S)
        number = self._beating[socket] = next(self._numbers)
        self._numbered[number] = socket
        self._look(now + self._interval_s, number, None)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def remove(self, socket: Beating) -> None:
        """It is closed."""
        number = self._beating.pop(socket, None)
        if number is not None:
            del self._numbered[number]

    def step(self, now: float) -> None:
        """Do what is due by ``now`` (monotonic seconds)."""
        last = math.floor(now / TICK_S)
        while self._done < last:
            self._done += 1
            for number, pinged_at in self._due.pop(self._done, ()):
                socket = self._numbered.get(number)
                if socket is None:
                    continue
                if pinged_at is not None and socket.awaits_pong:
                    self.remove(socket)
                    socket.lose()
                elif pinged_at is not None and pinged_at + self._interval_s > now:
                    self._look(pinged_at + self._interval_s, number, None)
                else:
                    socket.ping()
                    self._look(now + self._timeout_s, number, now)

    def _look(self, at: float, number: int, pinged_at: float | None) -> None:
        tick = max(math.ceil(at / TICK_S), self._done + 1)
        self._due.setdefault(tick, []).append((number, pinged_at))

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick) if self._beating else None
        self.step(self._monotonic())
